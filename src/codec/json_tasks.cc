// Tasks as they are shown.

#include "codec/json_fields.h"
#include "codec/public_json.h"

namespace rhooks::codec {
namespace {

// Of a task as it is shown: what all of them have, and the rest.
std::size_t shown_bytes(const Task& task) {
  return 640 + 2 * task.request.url.size() + task.request.body.data().size();
}

void write_task(JsonWriter& out, const Task& task) {
  out.begin_object();
  write_key(out, task.key);
  model::for_each_field<Task>([&]<typename F>(const F& field) {
    if constexpr (model::kIs<F, &Spec::request>) {
      out.string_if_any("url", task.request.url);
      out.string("method", to_string(task.request.method));
    }
    if constexpr (model::kIs<F, &Spec::retry_limit>) {
      if (task.retry_limit || task.endpoint.empty()) {
        out.integer(field.name, task.retry_limit.value_or(model::kRetryLimitDefault));
      }
    } else {
      write_field(out, field, task);
    }
  });
  out.end_object();
}

Task read_task(ObjectReader& in) {
  Task task;
  task.key = read_key(in);
  model::for_each_field<Task>([&]<typename F>(const F& field) {
    if constexpr (model::kIs<F, &Spec::request>) {
      task.request = in.required(field.name, read_as<Request>(in, field));
    } else {
      read_field(in, field, task);
    }
  });
  // It is shown of every task without an endpoint, given or not.
  if (task.endpoint.empty() && task.retry_limit == model::kRetryLimitDefault) {
    task.retry_limit.reset();
  }
  return task;
}

Result<Registration> read_registration(const JsonValue& value, std::string path) {
  JsonErrors errors(From::kServer);
  ObjectReader item(errors, value, std::move(path));
  const int status = item.required("status", item.small_integer("status"));
  if (const auto problem = item.value("error")) {
    return fail(parse_problem_json(status, problem->raw()));
  }
  Registration registration;
  registration.created = status == 201;
  if (auto task = item.object("task")) {
    registration.task = read_task(*task);
  } else {
    item.refuse("task", "is required");
  }
  if (errors.any()) return fail(errors.first());
  return registration;
}

}  // namespace

std::string to_json(const Task& task) {
  JsonWriter out(shown_bytes(task));
  write_task(out, task);
  return out.take();
}

std::string to_json(const TaskPage& page) {
  return write_page(page.items, page.last_evaluated_key, write_task);
}

std::string to_json(const std::vector<Result<Registration>>& results) {
  std::size_t bytes = 0;
  for (const Result<Registration>& result : results) {
    if (result) bytes += shown_bytes(result->task);
  }
  JsonWriter out(bytes);
  out.begin_object();
  out.begin_array("items");
  for (const Result<Registration>& result : results) {
    out.begin_object();
    if (result) {
      out.integer("status", result->created ? 201 : 200);
      out.name("task");
      write_task(out, result->task);
    } else {
      out.integer("status", http_status(result.error().code));
      out.name("error");
      out.raw(to_problem_json(result.error()));
    }
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return out.take();
}

Result<Task> parse_task(std::string_view json) {
  return read_json<Task>(json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
    ObjectReader in(errors, value, "");
    return read_task(in);
  });
}

Result<TaskPage> parse_task_page(std::string_view json) {
  return read_json<TaskPage>(json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
    TaskPage page;
    ObjectReader in(errors, value, "");
    page.items =
        read_objects(errors, in, "items", [&](ObjectReader& item) { return read_task(item); });
    page.last_evaluated_key = in.string("lastEvaluatedKey").value_or("");
    return page;
  });
}

Result<std::vector<Result<Registration>>> parse_registrations(std::string_view json) {
  using Results = std::vector<Result<Registration>>;
  return read_json<Results>(json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
    ObjectReader in(errors, value, "");
    Results results;
    const auto items = in.required("items", in.array("items"));
    results.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      results.push_back(read_registration(items[i], json_path("items", i)));
    }
    return results;
  });
}

}  // namespace rhooks::codec

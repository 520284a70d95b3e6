// Tasks as they are shown.

#include "codec/json_parts.h"
#include "codec/public_json.h"

namespace rhooks::codec {
namespace {

// Of a task as it is shown: what all of them have, and the rest.
std::size_t shown_bytes(const Task& task) {
  return 640 + 2 * task.request.url.size() + task.request.body.data.size();
}

void write_errors(JsonWriter& out, const Errors& errors) {
  out.begin_object("errors");
  out.integer("count", errors.count);
  out.integer("consecutive", errors.consecutive);
  out.time("firstErrorDate", errors.first_error_date);
  out.time("lastErrorDate", errors.last_error_date);
  out.string_if_any("lastError", errors.last_error);
  out.end_object();
}

Errors read_errors(ObjectReader& in) {
  Errors errors;
  auto object = in.object("errors");
  if (!object) return errors;
  errors.count = object->integer("count").value_or(0);
  errors.consecutive = object->integer("consecutive").value_or(0);
  errors.first_error_date = object->time("firstErrorDate");
  errors.last_error_date = object->time("lastErrorDate");
  errors.last_error = object->string("lastError").value_or("");
  return errors;
}

void write_execution(JsonWriter& out, const Execution& execution) {
  out.begin_object("execution");
  out.integer("count", execution.count);
  out.integer("failed", execution.failed);
  out.integer("successful", execution.successful);
  out.integer("skipped", execution.skipped);
  out.integer("extra", execution.extra);
  out.time("firstExecutionDate", execution.first_execution_date);
  out.time("firstScheduledDate", execution.first_scheduled_date);
  out.time("lastExecutionDate", execution.last_execution_date);
  // A response has a body and headers, if only empty ones.
  const bool answered = execution.last_response_status.has_value();
  if (answered || !execution.last_response_body.empty()) {
    out.string("lastResponseBody", execution.last_response_body);
  }
  if (answered || !execution.last_response_headers.empty()) {
    write_headers(out, "lastResponseHeaders", execution.last_response_headers);
  }
  if (answered) out.integer("lastResponseStatus", *execution.last_response_status);
  out.end_object();
}

Execution read_execution(ObjectReader& in) {
  Execution execution;
  auto object = in.object("execution");
  if (!object) return execution;
  execution.count = object->integer("count").value_or(0);
  execution.failed = object->integer("failed").value_or(0);
  execution.successful = object->integer("successful").value_or(0);
  execution.skipped = object->integer("skipped").value_or(0);
  execution.extra = object->integer("extra").value_or(0);
  execution.first_execution_date = object->time("firstExecutionDate");
  execution.first_scheduled_date = object->time("firstScheduledDate");
  execution.last_execution_date = object->time("lastExecutionDate");
  execution.last_response_body = object->string("lastResponseBody").value_or("");
  execution.last_response_headers = read_headers(*object, "lastResponseHeaders");
  execution.last_response_status = object->small_integer("lastResponseStatus");
  return execution;
}

void write_task(JsonWriter& out, const Task& task) {
  out.begin_object();
  write_key(out, task.key);
  out.string_if_any("idPrefix", task.id_prefix);
  out.string("url", task.request.url);
  out.string("method", to_string(task.request.method));
  write_request(out, task.request);
  out.time("scheduledDate", task.scheduled_date);
  out.time("extraDate", task.extra_date);
  write_repeat(out, task.repeat);
  out.integer("retryLimit", task.retry_limit);
  out.string("status", to_string(task.status));
  write_errors(out, task.errors);
  write_execution(out, task.execution);
  out.integer("attempt", task.attempt);
  out.time("nextAttemptDate", task.next_attempt_date);
  out.time("expiresAt", task.expires_at);
  out.time("__createdAt", task.created_at);
  out.time("__updatedAt", task.updated_at);
  out.end_object();
}

Task read_task(JsonErrors& errors, ObjectReader& in) {
  Task task;
  task.key = read_key(in);
  task.id_prefix = in.string("idPrefix").value_or("");
  task.request = read_request(errors, in);
  task.scheduled_date = in.required("scheduledDate", in.time("scheduledDate"));
  task.extra_date = in.time("extraDate");
  task.repeat = read_repeat(in);
  task.retry_limit = in.required("retryLimit", in.small_integer("retryLimit"));
  task.status = in.required("status", in.named("status", parse_status));
  task.errors = read_errors(in);
  task.execution = read_execution(in);
  task.attempt = in.small_integer("attempt").value_or(0);
  task.next_attempt_date = in.time("nextAttemptDate");
  task.expires_at = in.time("expiresAt");
  task.created_at = in.required("__createdAt", in.time("__createdAt"));
  task.updated_at = in.required("__updatedAt", in.time("__updatedAt"));
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
    registration.task = read_task(errors, *task);
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
    return read_task(errors, in);
  });
}

Result<TaskPage> parse_task_page(std::string_view json) {
  return read_json<TaskPage>(json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
    TaskPage page;
    ObjectReader in(errors, value, "");
    page.items = read_objects(errors, in, "items",
                              [&](ObjectReader& item) { return read_task(errors, item); });
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

// What callers register: NewTask and batches of it.

#include <algorithm>

#include "codec/json_fields.h"
#include "codec/public_json.h"
#include "json/space.h"
#include "model/limits.h"

namespace rhooks::codec {
namespace {

bool same(const std::vector<Header>& a, const std::vector<Header>& b) {
  // The order of different names means nothing, that of one name's values does.
  const auto sorted = [](std::vector<Header> headers) {
    std::stable_sort(headers.begin(), headers.end(),
                     [](const Header& x, const Header& y) { return x.name < y.name; });
    return headers;
  };
  return sorted(a) == sorted(b);
}

bool same(const Body& a, const Body& b) {
  if (a.kind() != b.kind() || a.kind() != Body::Kind::kJson) return a == b;
  return without_json_space(a.data()) == without_json_space(b.data());
}

template <typename T>
bool same(const T& a, const T& b) {
  return a == b;
}

// A request's fields stand at top level or under "request"; given at both places, they must be the
// same.
void read_request_fields(ObjectReader& in, Request& request) {
  auto inner = in.object("request");
  model::for_each_field<Request>([&]<typename F>(const F& field) {
    using Value = typename F::Value;
    auto outside = read_as<Value>(in, field);
    auto inside = inner ? read_as<Value>(*inner, field) : std::nullopt;
    if (outside && inside && !same(*outside, *inside)) {
      in.refuse(field.name, "differs from request." + std::string(field.name) +
                                "; give it at one place, or the same at both");
    }
    if (inside) {
      request.*F::kMember = std::move(*inside);
    } else if (outside) {
      request.*F::kMember = std::move(*outside);
    }
  });
  if (inner) inner->finish();
}

NewTask read_new_task(ObjectReader& in, std::string_view ns) {
  NewTask task;
  model::for_each_field<NewTask>([&]<typename F>(const F& field) {
    if constexpr (model::kIs<F, &NewTask::ns>) {
      task.ns = read_of_call(in, field.name, ns);
    } else if constexpr (model::kIs<F, &Spec::request>) {
      read_request_fields(in, task.request);
    } else {
      read_field(in, field, task);
    }
  });
  in.finish();
  return task;
}

}  // namespace

Result<NewTask> parse_new_task(std::string_view json, std::string_view ns) {
  return read_json<NewTask>(json, From::kUser, [ns](JsonErrors& errors, const JsonValue& value) {
    ObjectReader in(errors, value, "");
    return read_new_task(in, ns);
  });
}

Result<std::vector<Result<NewTask>>> parse_new_tasks(std::string_view json) {
  using Tasks = std::vector<Result<NewTask>>;
  return read_json<Tasks>(json, From::kUser, [](JsonErrors& errors, const JsonValue& value) {
    Tasks tasks;
    ObjectReader in(errors, value, "");
    const auto items = in.required("items", in.array("items", model::kBatchMax));
    in.finish();
    if (errors.any()) return tasks;
    tasks.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      JsonErrors item_errors(From::kUser);
      ObjectReader item(item_errors, items[i], json_path("items", i));
      NewTask task = read_new_task(item, "");
      if (item_errors.any()) {
        tasks.push_back(fail(item_errors.first()));
      } else {
        tasks.push_back(std::move(task));
      }
    }
    return tasks;
  });
}

Result<std::string> to_json(const NewTask& task) {
  JsonWriter out;
  out.begin_object();
  model::for_each_field<NewTask>([&](const auto& field) { write_field(out, field, task); });
  out.end_object();
  return take_exact(out);
}

}  // namespace rhooks::codec

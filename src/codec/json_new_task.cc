// What callers register: NewTask and batches of it.

#include <algorithm>

#include "base/json_space.h"
#include "codec/json_parts.h"
#include "codec/public_json.h"
#include "codec/text.h"
#include "model/limits.h"

namespace rhooks::codec {
namespace {

// A request's fields stand at top level or under "request"; both readers give what is there.
struct RequestFields {
  std::optional<std::string> url;
  std::optional<Method> method;
  std::optional<std::vector<Header>> headers;
  std::optional<Body> body;
};

RequestFields read_fields(JsonErrors& errors, ObjectReader& in) {
  RequestFields fields;
  fields.url = in.string("url");
  fields.method = in.named("method", parse_method);
  if (in.value("headers")) fields.headers = read_headers(in, "headers");
  fields.body = read_body(errors, in);
  return fields;
}

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
  if (a.kind != b.kind || a.kind != Body::Kind::kJson) return a == b;
  return without_json_space(a.data) == without_json_space(b.data);
}

template <typename T>
bool same(const T& a, const T& b) {
  return a == b;
}

// Takes a field from where it is given; given at both places, it must be the same.
template <typename T>
void merge(ObjectReader& in, const char* name, std::optional<T> outer, std::optional<T> inner,
           T& result) {
  if (outer && inner && !same(*outer, *inner)) {
    in.refuse(name, "differs from request." + std::string(name) +
                        "; give it at one place, or the same at both");
  }
  if (inner) {
    result = std::move(*inner);
  } else if (outer) {
    result = std::move(*outer);
  }
}

void read_request_fields(JsonErrors& errors, ObjectReader& in, Request& request) {
  RequestFields outer = read_fields(errors, in);
  RequestFields inner;
  if (auto object = in.object("request")) {
    inner = read_fields(errors, *object);
    object->finish();
  }
  if (!outer.url && !inner.url) in.refuse("url", "is required");
  merge(in, "url", std::move(outer.url), std::move(inner.url), request.url);
  merge(in, "method", outer.method, inner.method, request.method);
  merge(in, "headers", std::move(outer.headers), std::move(inner.headers), request.headers);
  merge(in, "body", std::move(outer.body), std::move(inner.body), request.body);
}

NewTask read_new_task(JsonErrors& errors, ObjectReader& in, std::string_view ns) {
  NewTask task;
  const auto named = in.string("namespace");
  if (ns.empty()) {
    task.ns = in.required("namespace", named);
  } else {
    task.ns = ns;
    if (named && *named != ns) {
      in.refuse("namespace",
                quote(*named) + " is not " + quote(ns) + ", the namespace of the call");
    }
  }
  task.id = in.filled_string("id").value_or("");
  task.id_prefix = in.filled_string("idPrefix").value_or("");
  task.idempotency_key = in.filled_string("idempotencyKey").value_or("");
  read_request_fields(errors, in, task.request);
  task.scheduled_date = in.time("scheduledDate");
  task.repeat = read_repeat(in);
  task.retry_limit = in.small_integer("retryLimit").value_or(task.retry_limit);
  in.finish();
  return task;
}

}  // namespace

Result<NewTask> parse_new_task(std::string_view json, std::string_view ns) {
  return read_json<NewTask>(json, From::kUser, [ns](JsonErrors& errors, const JsonValue& value) {
    ObjectReader in(errors, value, "");
    return read_new_task(errors, in, ns);
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
      NewTask task = read_new_task(item_errors, item, "");
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
  out.string_if_any("namespace", task.ns);
  out.string_if_any("id", task.id);
  out.string_if_any("idPrefix", task.id_prefix);
  out.string_if_any("idempotencyKey", task.idempotency_key);
  write_request(out, task.request);
  out.time("scheduledDate", task.scheduled_date);
  write_repeat(out, task.repeat);
  out.integer("retryLimit", task.retry_limit);
  out.end_object();
  return take_exact(out);
}

}  // namespace rhooks::codec

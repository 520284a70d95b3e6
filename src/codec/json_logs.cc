// Logs as they are shown.

#include "base/clock.h"
#include "codec/json_parts.h"
#include "codec/public_json.h"

namespace rhooks::codec {
namespace {

void write_response(JsonWriter& out, const std::optional<Response>& response) {
  if (!response) return;
  out.begin_object("response");
  out.integer("status", response->status);
  out.boolean("ok", response->ok());
  write_headers(out, "headers", response->headers);
  out.string("body", response->body);
  if (response->body_truncated) out.boolean("bodyTruncated", true);
  out.end_object();
}

std::optional<Response> read_response(ObjectReader& in) {
  auto object = in.object("response");
  if (!object) return std::nullopt;
  Response response;
  response.status = object->required("status", object->small_integer("status"));
  response.headers = read_headers(*object, "headers");
  response.body = object->string("body").value_or("");
  response.body_truncated = object->boolean("bodyTruncated").value_or(false);
  return response;
}

void write_log(JsonWriter& out, const Log& log) {
  out.begin_object();
  out.string("id", log.id);
  out.string("namespace", log.task.ns);
  out.string("taskId", log.task.id);
  out.integer("attempt", log.attempt);
  out.integer("retryLimit", log.retry_limit);
  write_request(out, log.request);
  write_response(out, log.response);
  out.string_if_any("error", log.error);
  out.string("status", to_string(log.status));
  out.time("scheduledDate", log.scheduled_date);
  out.time("dueDate", log.due_date);
  out.time("startedAt", log.started_at);
  out.milliseconds("durationMs", log.duration);
  if (log.expires_at) {
    // Rounded up: a log is there until then at least.
    const auto ttl = std::chrono::ceil<std::chrono::seconds>(*log.expires_at);
    out.integer("ttl", ttl.time_since_epoch().count());
  }
  out.time("__createdAt", log.created_at);
  out.end_object();
}

std::optional<TimePoint> read_ttl(ObjectReader& in) {
  const auto seconds = in.integer("ttl");
  if (!seconds) return std::nullopt;
  if (*seconds < 0 || *seconds > to_millis(kTimeMax) / 1000 + 1) {
    in.refuse("ttl", "is out of range");
    return std::nullopt;
  }
  return from_millis(*seconds * 1000);
}

Log read_log(JsonErrors& errors, ObjectReader& in) {
  Log log;
  log.id = in.required("id", in.string("id"));
  log.task.ns = in.required("namespace", in.string("namespace"));
  log.task.id = in.required("taskId", in.string("taskId"));
  log.attempt = in.small_integer("attempt").value_or(1);
  log.retry_limit = in.small_integer("retryLimit").value_or(0);
  log.request = read_request(errors, in);
  log.response = read_response(in);
  log.error = in.string("error").value_or("");
  log.status = in.required("status", in.named("status", parse_log_status));
  log.scheduled_date = in.required("scheduledDate", in.time("scheduledDate"));
  log.due_date = in.required("dueDate", in.time("dueDate"));
  log.started_at = in.required("startedAt", in.time("startedAt"));
  log.duration = in.required("durationMs", in.milliseconds("durationMs"));
  log.expires_at = read_ttl(in);
  log.created_at = in.required("__createdAt", in.time("__createdAt"));
  return log;
}

}  // namespace

std::string to_json(const Log& log) {
  JsonWriter out;
  write_log(out, log);
  return out.take();
}

std::string to_json(const LogPage& page) {
  return write_page(page.items, page.last_evaluated_key, write_log);
}

Result<LogPage> parse_log_page(std::string_view json) {
  return read_json<LogPage>(json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
    LogPage page;
    ObjectReader in(errors, value, "");
    page.items = read_objects(errors, in, "items",
                              [&](ObjectReader& item) { return read_log(errors, item); });
    page.last_evaluated_key = in.string("lastEvaluatedKey").value_or("");
    return page;
  });
}

}  // namespace rhooks::codec

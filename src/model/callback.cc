#include "model/callback.h"

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <utility>

#include "base/clock.h"
#include "base/sha256.h"
#include "json/writer.h"
#include "model/limits.h"
#include "model/outcome.h"
#include "model/rules.h"
#include "model/webhook_id.h"

namespace rhooks::model {
namespace {

bool is_among(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string id_by(std::string prefix, std::initializer_list<std::string_view> parts) {
  return prefix + to_hex(sha256(parts).data(), 16);
}

// A task that is deleted and registered anew, for the same date, is another one: its ends are told,
// too, whatever tells of the former is still there.
std::string id_of_end(const Awaited& awaited, std::string_view event, TimePoint created_at) {
  return id_by("cb_", {awaited.webhook_id, std::to_string(to_millis(created_at)), event});
}

TaskRecord telling(TaskKey key, std::string callback, std::string body, TimePoint now) {
  TaskRecord record;
  Task& task = record.task;
  task.key = std::move(key);
  task.endpoint = std::move(callback);
  task.request.method = Method::kPost;
  task.request.body = Body::json(std::move(body));
  task.scheduled_date = task.created_at = task.updated_at = now;
  return record;
}

// The headers of the answer are in the log of the attempt.
void write_response(JsonWriter& out, const Response& response) {
  const std::string_view body = json_cut(response.body, kCallbackResponseBytesMax);
  const bool cut = body.size() < response.body.size();
  out.begin_object("response");
  out.integer("status", response.status);
  out.string("body", body);
  if (response.body_truncated || cut) out.boolean("bodyTruncated", true);
  out.end_object();
}

std::string body_of_end(const Awaited& awaited, std::string_view event, const Task& after,
                        const AttemptOutcome& outcome, TimePoint now) {
  JsonWriter out(1024);
  out.begin_object();
  out.string("type", event);
  out.time("timestamp", now);
  out.begin_object("data");
  out.string("namespace", after.key.ns);
  out.string("id", after.key.id);
  out.string("webhookId", awaited.webhook_id);
  out.string_if_any("endpoint", after.endpoint);
  out.string_if_any("flowKey", after.flow_key);
  out.integer("attempts", awaited.attempt);
  out.time("scheduledDate", awaited.scheduled_date);
  out.string("status", to_string(after.status));
  out.string_if_any("failureReason", after.failure_reason);
  out.string_if_any("error", error_text(outcome));
  if (outcome.response) write_response(out, *outcome.response);
  out.end_object();
  out.end_object();
  return out.take();
}

std::string body_of_event(const Endpoint& endpoint, const Breaker& breaker,
                          const AttemptOutcome& outcome) {
  JsonWriter out(256);
  out.begin_object();
  out.string("type", event_of(breaker));
  out.time("timestamp", outcome.ended_at());
  out.begin_object("data");
  out.string("namespace", endpoint.ns);
  out.string("endpoint", endpoint.name);
  if (breaker.open()) {
    out.integer("failures", breaker.failures);
    out.string_if_any("error", error_text(outcome));
    out.time("until", breaker.open_until);
  }
  out.end_object();
  out.end_object();
  return out.take();
}

}  // namespace

std::optional<Awaited> awaited_of(const Task& task, const Endpoint* endpoint) {
  if (!task.origin.empty()) return std::nullopt;
  const bool own = !task.callback.empty();
  if (!own && (!endpoint || endpoint->callback.empty())) return std::nullopt;
  return Awaited{.callback = own ? task.callback : endpoint->callback,
                 .on = own ? task.callback_on : endpoint->callback_on,
                 .webhook_id = webhook_id(task),
                 .attempt = task.attempt + 1,
                 .scheduled_date = nominal_date(task),
                 .executions = task.execution.count};
}

std::vector<TaskRecord> follow_ups(const Awaited& awaited, const Task& after,
                                   const AttemptOutcome& outcome, TimePoint now) {
  const std::string_view event = outcome.ok() ? events::kTaskSucceeded : events::kTaskFailed;
  const bool wanted = awaited.on.empty() || is_among(awaited.on, event);
  if (after.execution.count == awaited.executions || !wanted) return {};
  TaskRecord record =
      telling({after.key.ns, id_of_end(awaited, event, after.created_at)}, awaited.callback,
              body_of_end(awaited, event, after, outcome, now), now);
  record.task.flow_key = after.flow_key;
  record.task.origin = after.key.id;
  std::vector<TaskRecord> one;
  one.push_back(std::move(record));
  return one;
}

std::string_view event_of(const Breaker& breaker) {
  return breaker.open() ? events::kEndpointOpened : events::kEndpointClosed;
}

std::optional<TaskRecord> follow_up(const Endpoint& endpoint, const Breaker& breaker,
                                    const AttemptOutcome& outcome) {
  const std::string_view event = event_of(breaker);
  if (!is_among(endpoint.callback_on, event)) return std::nullopt;
  const TimePoint now = outcome.ended_at();
  const auto minute = std::chrono::floor<std::chrono::minutes>(now).time_since_epoch().count();
  TaskRecord record =
      telling({endpoint.ns, id_by("ev_", {endpoint.name, event, std::to_string(minute)})},
              endpoint.callback, body_of_event(endpoint, breaker, outcome), now);
  record.task.origin = endpoint.name;
  return record;
}

}  // namespace rhooks::model

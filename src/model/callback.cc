#include "model/callback.h"

#include <algorithm>

#include "base/sha256.h"
#include "base/text.h"
#include "base/utf8.h"
#include "json/writer.h"
#include "model/limits.h"
#include "model/outcome.h"
#include "model/webhook_id.h"

namespace rhooks::model {
namespace {

bool is_wanted(const Awaited& awaited, std::string_view event) {
  return awaited.on.empty() ||
         std::find(awaited.on.begin(), awaited.on.end(), event) != awaited.on.end();
}

std::string id_of_end(const Awaited& awaited, std::string_view event) {
  const Sha256 hash = sha256({awaited.webhook_id, event});
  return "cb_" + to_hex(hash.data(), 16);
}

// The headers of the answer are in the log of the attempt.
void write_response(JsonWriter& out, const Response& response) {
  const std::string text = to_utf8(response.body);
  const std::string_view body = utf8_cut(text, kCallbackResponseBytesMax);
  out.begin_object("response");
  out.integer("status", response.status);
  out.string("body", body);
  if (response.body_truncated || body.size() < text.size()) out.boolean("bodyTruncated", true);
  out.end_object();
}

std::string body_of_event(const Awaited& awaited, std::string_view event, const Task& after,
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
  const std::string_view event = outcome.ok() ? kTaskSucceeded : kTaskFailed;
  if (after.execution.count == awaited.executions || !is_wanted(awaited, event)) return {};
  std::vector<TaskRecord> telling(1);
  Task& task = telling.front().task;
  task.key = {after.key.ns, id_of_end(awaited, event)};
  task.endpoint = awaited.callback;
  task.flow_key = after.flow_key;
  task.request.method = Method::kPost;
  task.request.body = Body::json(body_of_event(awaited, event, after, outcome, now));
  task.origin = after.key.id;
  task.scheduled_date = task.created_at = task.updated_at = now;
  return telling;
}

}  // namespace rhooks::model

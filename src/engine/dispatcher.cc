#include "engine/dispatcher.h"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "base/check.h"
#include "delivery/request_builder.h"
#include "model/endpoint.h"
#include "model/flow.h"
#include "model/transitions.h"
#include "observe/logging.h"

namespace rhooks::engine {
namespace {

// What a rate let through begins within this time, or it could meet what it lets through later.
constexpr std::chrono::milliseconds kLetThroughFor{1'000};

// Tenants must not be able to fill a disk by what is refused to them.
constexpr std::chrono::milliseconds kBetweenRefusedLogged{1'000};

// What could not be read is not read again before that.
constexpr std::chrono::milliseconds kReadAgainAfter{1'000};

constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

bool let_through_too_long_ago(const Delivery& delivery, TimePoint now) {
  const Endpoint* const endpoint = endpoint_of(delivery);
  return endpoint && endpoint->rate && now - delivery.let_through > kLetThroughFor;
}

Metrics::Attempt kind_of(const delivery::HttpResult& result) {
  if (result.cancelled) return Metrics::Attempt::kCancelled;
  if (result.refused) return Metrics::Attempt::kBlocked;
  if (result.no_way_out) return Metrics::Attempt::kNoWayOut;
  if (result.outcome.ok()) return Metrics::Attempt::kSuccess;
  return result.outcome.response ? Metrics::Attempt::kHttpStatus : Metrics::Attempt::kNoResponse;
}

// Registration checks what can be sent, so only a task of another version's rules cannot be built,
// or one for which there is no memory, or no endpoint.
Result<delivery::HttpRequest> build(const Delivery& delivery, TimePoint now) {
  if (!delivery.endpoint) return fail(delivery.endpoint.error());
  return delivery::build_request(delivery.task, now, endpoint_of(delivery), *delivery.credentials);
}

// Looks up when a task with a schedule happens, and whether it is to be passed over. False: that
// cannot be told now, but may be soon. If it cannot be told at all its occurrence is sent all the
// same; that the next one is not known is the committer's to see to.
bool find_times(Delivery& delivery, const schedule::Zones& zones, TimePoint now) {
  const Task& task = delivery.task;
  try {
    auto times = schedule::timetable_of(task, zones);
    if (times) {
      delivery.times = std::move(*times);
      delivery.passes_over = model::passes_over(task, now, delivery.times.get());
      return true;
    }
    log::error("the schedule of a task cannot be read",
               {{"namespace", task.key.ns}, {"id", task.key.id}, {"error", times.error().message}});
    const ErrorCode code = times.error().code;
    return code == ErrorCode::kInvalidArgument || code == ErrorCode::kUnsupported;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// Why a task whose request was not built is FAILED at once: it has nowhere to go, or nothing to
// send, until somebody acts. Empty: another attempt may find memory.
std::string_view final_reason_of(const Delivery& delivery, const Error& error) {
  if (error.code == ErrorCode::kOverloaded) return {};
  return delivery.endpoint ? model::failure::kUnbuildable : model::failure::kEndpointMissing;
}

// It fails like an attempt, so that it is logged and seen; without what may be large, for which
// there may be no memory.
model::AttemptOutcome not_sent(const Task& task, TimePoint now, std::string why) {
  model::AttemptOutcome outcome;
  outcome.sent.method = task.request.method;
  outcome.sent.url = task.request.url;
  outcome.error = std::move(why);
  outcome.started_at = now;
  return outcome;
}

model::AttemptOutcome not_built(const Task& task, TimePoint now, const Error& error) {
  auto outcome = not_sent(task, now, "the request could not be built: " + error.message);
  if (error.code != ErrorCode::kOverloaded) outcome.sent = task.request;
  return outcome;
}

}  // namespace

bool Dispatcher::step(TimePoint now, std::chrono::milliseconds max_wait) {
  bool passed_on = false;
  for (Delivery& delivery : to_send_.take(kAll)) passed_on |= !start(std::move(delivery), now);
  // What was not sent is passed on at once.
  if (passed_on) max_wait = {};
  auto results = sender_.poll(max_wait);
  for (delivery::HttpResult& result : results) finish(std::move(result));
  metrics_.queue_depth(Metrics::Queue::kToSend, to_send_.size());
  metrics_.queue_depth(Metrics::Queue::kInFlight, in_flight_.size());
  return passed_on || !results.empty();
}

bool Dispatcher::release_unsent() {
  auto unsent = to_send_.take(kAll);
  for (Delivery& delivery : unsent) to_commit_.push({std::move(delivery), std::nullopt, false});
  return !unsent.empty();
}

bool Dispatcher::start(Delivery delivery, TimePoint now) {
  if (!delivery.ready || waits_for_endpoint(delivery) || let_through_too_long_ago(delivery, now)) {
    to_commit_.push({std::move(delivery), std::nullopt, false});
    return false;
  }
  if (const auto until = asked_to_wait(delivery, now)) {
    to_commit_.push({.delivery = std::move(delivery), .outcome = {}, .passes_at = until});
    return false;
  }
  if (delivery.lease.until <= now + attempt_max_ || !store_.holds(delivery.lease)) {
    log::warn("another worker may have the task by now, or during the attempt; not sent",
              {{"namespace", delivery.task.key.ns}, {"id", delivery.task.key.id}});
    to_commit_.push({std::move(delivery), std::nullopt, false});
    return false;
  }

  if (model::too_late(delivery.task, now)) {
    auto outcome = not_sent(delivery.task, now, "not sent: its deliverBefore had come");
    to_commit_.push({.delivery = std::move(delivery),
                     .outcome = std::move(outcome),
                     .final_reason = model::failure::kExpired,
                     .sent = false});
    return false;
  }

  if (!find_times(delivery, *zones_, now)) {
    to_commit_.push(
        {.delivery = std::move(delivery), .outcome = {}, .passes_at = now + kReadAgainAfter});
    return false;
  }
  if (delivery.passes_over) {
    to_commit_.push({.delivery = std::move(delivery), .outcome = {}, .passed_over_at = now});
    return false;
  }

  auto request = prepare(delivery, now);
  if (!request) {
    auto outcome = not_built(delivery.task, now, request.error());
    const std::string_view reason = final_reason_of(delivery, request.error());
    to_commit_.push({.delivery = std::move(delivery),
                     .outcome = std::move(outcome),
                     .final_reason = reason,
                     .sent = false});
    return false;
  }
  request->slot_id = delivery.slot_id;
  in_flight_.emplace(delivery.slot_id, std::move(delivery));
  sender_.start(std::move(*request));
  return true;
}

Result<delivery::HttpRequest> Dispatcher::prepare(Delivery& delivery, TimePoint now) {
  try {
    const std::int64_t skipped_before = delivery.task.execution.skipped;
    // Of a copy where times are looked for: there may be no memory for that.
    Task task = delivery.times ? delivery.task : std::move(delivery.task);
    delivery.task = model::begin_attempt(std::move(task), now, delivery.times.get());
    delivery.skipped = delivery.task.execution.skipped - skipped_before;
    return build(delivery, now);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kOverloaded, "there is no memory left for it");
  }
}

void Dispatcher::finish(delivery::HttpResult result) {
  auto node = in_flight_.extract(result.slot_id);
  RHOOKS_CHECK(!node.empty());
  Delivery& delivery = node.mapped();

  const TimePoint due = model::late_after(delivery.task, delivery.due_at);
  metrics_.attempt(kind_of(result), result.outcome.started_at - due, result.outcome.duration);
  if (log::enabled(log::Level::kDebug)) {
    const auto& response = result.outcome.response;
    log::debug("attempt ended", {{"namespace", delivery.task.key.ns},
                                 {"id", delivery.task.key.id},
                                 {"attempt", std::int64_t{delivery.task.attempt} + 1},
                                 {"status", std::int64_t{response ? response->status : 0}},
                                 {"duration_us", result.outcome.duration.count()},
                                 {"late_ms", (result.outcome.started_at - due).count()}});
  }
  heed(delivery, result);
  if (result.refused) note_refused(delivery, result);
  if (result.cancelled) {
    result.outcome.error = "cut off by a stop of the worker; attempted again";
  }
  // Where nothing was allowed to be sent the receiver has not failed: its breaker is not to
  // know. For the task it is an attempt like any other.
  to_commit_.push({.delivery = std::move(delivery),
                   .outcome = std::move(result.outcome),
                   .cancelled = result.cancelled,
                   .sent = !result.refused && !result.no_way_out,
                   .no_way_out = result.no_way_out});
}

// The log is the place for the address, which users are not told.
void Dispatcher::note_refused(const Delivery& delivery, const delivery::HttpResult& result) {
  metrics_.egress_refused(Metrics::Egress::kAttempt, result.refused->why);
  ++refused_;
  const TimePoint now = result.outcome.ended_at();
  const bool just_logged = refused_logged_at_ && now >= *refused_logged_at_ &&
                           now - *refused_logged_at_ < kBetweenRefusedLogged;
  if (just_logged) return;
  refused_logged_at_ = now;
  log::warn("attempts were refused by the egress policy; the last one",
            {{"namespace", delivery.task.key.ns},
             {"id", delivery.task.key.id},
             {"class", std::string(result.refused->why)},
             {"address", result.refused->address},
             {"error", result.outcome.error},
             {"count", std::exchange(refused_, 0)}});
}

std::optional<TimePoint> Dispatcher::asked_to_wait(const Delivery& delivery, TimePoint now) const {
  if (!endpoint_of(delivery)) return std::nullopt;
  return flows_.asked_to_wait(model::flow_of(delivery.task), now);
}

// What its receiver asks for: here, since the committer may wait for its store while others begin.
void Dispatcher::heed(const Delivery& delivery, const delivery::HttpResult& result) {
  const Endpoint* const endpoint = endpoint_of(delivery);
  if (!endpoint || result.cancelled || !result.outcome.retry_after) return;
  const Task& task = delivery.task;
  const bool begins = flows_.answered(model::flow_of(task), model::limits_of(*endpoint),
                                      result.outcome, clock_.now());
  if (!begins) return;
  log::info("the receiver of an endpoint asks by Retry-After to wait; its tasks do",
            {{"namespace", task.key.ns},
             {"endpoint", task.endpoint},
             {"retry_after_ms", result.outcome.retry_after->count()}});
}

}  // namespace rhooks::engine

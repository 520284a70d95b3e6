#include "model/transitions.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "model/outcome.h"
#include "model/status_set.h"

namespace rhooks::model {
namespace {

using std::chrono::milliseconds;

tl::unexpected<Error> conflict(const Task& task, const char* rule) {
  return fail(ErrorCode::kConflict, std::string("task is ") + to_string(task.status) + "; " + rule);
}

// Whether executions of the series itself are left.
bool below_max(const Task& task) {
  const Execution& execution = task.execution;
  return task.repeat->max == 0 || execution.count - execution.extra < task.repeat->max;
}

// Whether another occurrence follows the one at scheduled_date, now that it has ended.
bool repeats_left(const Task& task) {
  return task.repeat && below_max(task) &&
         kTimeMax - task.scheduled_date >= interval_of(*task.repeat);
}

// A time that arithmetic on a caller's clock gave, brought into what can be shown.
TimePoint shown(TimePoint t) {
  return std::clamp(t, kTimeMin, kTimeMax);
}

// When what was made at `now` expires; none: never, which `ttl` 0 means.
std::optional<TimePoint> expiry(TimePoint now, std::chrono::seconds ttl) {
  if (ttl <= std::chrono::seconds{0}) return std::nullopt;
  const auto rest = std::chrono::floor<std::chrono::seconds>(kTimeMax - shown(now));
  return ttl > rest ? kTimeMax : shown(now) + ttl;
}

void note_attempt(Task& task, const AttemptOutcome& outcome) {
  Execution& execution = task.execution;
  if (!execution.first_execution_date) execution.first_execution_date = outcome.started_at;
  if (!execution.first_scheduled_date) execution.first_scheduled_date = nominal_date(task);
  execution.last_execution_date = outcome.started_at;
  if (outcome.response) {
    execution.last_response_status = outcome.response->status;
    execution.last_response_headers = outcome.response->headers;
    execution.last_response_body = outcome.response->body;
  }
}

void note_failed_attempt(Task& task, const AttemptOutcome& outcome, TimePoint now) {
  Errors& errors = task.errors;
  if (!errors.first_error_date) errors.first_error_date = now;
  errors.last_error_date = now;
  errors.last_error = error_text(outcome);
}

// What an attempt makes of its occurrence. Neither: it has succeeded.
struct AfterAttempt {
  std::optional<TimePoint> retry_at;
  std::string_view failed_by = {};  // why it has failed
};

milliseconds wait_after(int failed_attempts, const AttemptOutcome& outcome,
                        const OutcomePolicy& policy, const AttemptRules& rules, double jitter) {
  if (!rules.counts) return retry_delay(1, policy.backoff, 0, outcome.retry_after);
  if (!rules.schedule.empty()) {
    return scheduled_delay(failed_attempts, rules.schedule, jitter, outcome.retry_after);
  }
  BackoffPolicy backoff = policy.backoff;
  backoff.max = rules.backoff_max.value_or(backoff.max);
  return retry_delay(failed_attempts, backoff, jitter, outcome.retry_after);
}

// The table of docs/semantics.md: the first that holds decides.
AfterAttempt after_attempt(const Task& task, const AttemptOutcome& outcome, TimePoint now,
                           const OutcomePolicy& policy, const AttemptRules& rules, double jitter) {
  constexpr int kGoneStatus = 410;
  const auto failed = [](std::string_view why) { return AfterAttempt{std::nullopt, why}; };
  if (outcome.ok()) return {};
  if (!rules.final_reason.empty()) return failed(rules.final_reason);
  const int status = outcome.response ? outcome.response->status : 0;
  if (status == kGoneStatus) return failed(failure::kGone);
  if (contains(rules.stop_on, status)) return failed(failure::kNonRetryable);
  if (rules.counts && task.attempt >= rules.retry_limit) return failed(failure::kExhausted);
  const TimePoint retry_at =
      shown(now + wait_after(task.attempt + 1, outcome, policy, rules, jitter));
  if (too_late(task, retry_at)) return failed(failure::kExpired);
  return {retry_at};
}

// The current occurrence has succeeded, or failed by what is named: on to the next, if there is
// one, and the task does not end `for_good`.
void end_execution(Task& task, std::string_view failed_by, bool for_good, TimePoint now,
                   const OutcomePolicy& policy) {
  const bool ok = failed_by.empty();
  task.attempt = 0;
  ++task.execution.count;
  if (ok) {
    ++task.execution.successful;
    task.errors.consecutive = 0;
  } else {
    ++task.execution.failed;
    ++task.errors.count;
    ++task.errors.consecutive;
  }
  const bool extra = std::exchange(task.extra_date, std::nullopt).has_value();
  if (extra) ++task.execution.extra;

  const bool another = !for_good && (extra || repeats_left(task));
  const bool too_many = !ok && task.errors.consecutive >= policy.max_errors;
  if (!another || too_many) {
    task.status = ok ? Status::kDone : Status::kFailed;
    task.failure_reason = another ? failure::kMaxErrors : failed_by;
    task.expires_at = expiry(now, ok ? policy.done_ttl : policy.failed_ttl);
    return;
  }
  task.status = Status::kActive;
  // The series' own is still to come, or late.
  if (!extra) task.scheduled_date = next_occurrence(task.scheduled_date, *task.repeat);
}

}  // namespace

bool series_open(const Task& task) {
  return task.repeat && task.repeat->max != 1 && below_max(task);
}

Result<Task> suspend(Task task, TimePoint now) {
  switch (task.status) {
    case Status::kActive:
      task.status = Status::kSuspended;
      task.updated_at = now;
      return task;
    case Status::kProcessing:
      return conflict(task,
                      "only ACTIVE tasks can be suspended: try again when its attempt has ended");
    case Status::kSuspended:
      return conflict(task, "it needs no second suspend");
    case Status::kDone:
    case Status::kFailed:
      break;
  }
  return conflict(task, "only ACTIVE tasks can be suspended, and it will not run again by itself");
}

Result<Task> unsuspend(Task task, TimePoint now) {
  if (task.status != Status::kSuspended) {
    return conflict(task, "only SUSPENDED tasks can be unsuspended");
  }
  task.status = Status::kActive;
  task.updated_at = now;
  return task;
}

Result<Task> run_now(Task task, TimePoint now) {
  switch (task.status) {
    case Status::kActive:
      if (due_at(task) <= now) break;
      // One that had its time already waits for its next attempt.
      if (series_open(task) && !task.extra_date && task.attempt == 0 && !task.next_attempt_date) {
        task.extra_date = now;
      } else {
        task.next_attempt_date = now;
      }
      break;
    case Status::kDone:
    case Status::kFailed:
      task.status = Status::kActive;
      task.failure_reason.clear();
      task.scheduled_date = now;
      task.next_attempt_date.reset();
      task.attempt = 0;
      task.errors.consecutive = 0;
      task.expires_at.reset();
      break;
    case Status::kSuspended:
      return conflict(task, "unsuspend it before triggering it");
    case Status::kProcessing:
      return conflict(task,
                      "an attempt is being made: trigger it again when that attempt has ended");
  }
  task.updated_at = now;
  return task;
}

Result<Task> cancel(Task task, TimePoint now, std::chrono::seconds failed_ttl) {
  if (task.status == Status::kDone || task.status == Status::kFailed) {
    return conflict(task, "only what may still run can be cancelled");
  }
  task.status = Status::kFailed;
  task.failure_reason = failure::kCancelled;
  task.attempt = 0;
  task.next_attempt_date.reset();
  task.in_order = false;
  task.extra_date.reset();
  task.expires_at = expiry(now, failed_ttl);
  task.updated_at = now;
  return task;
}

Result<Task> leave_place(Task task, TimePoint now) {
  if (!task.in_order || due_at(task) <= now) return conflict(task, "it waits for no retry");
  task.in_order = false;
  return task;
}

milliseconds interval_of(const Repeat& repeat) {
  std::int64_t unit = 0;
  switch (repeat.unit) {
    case RepeatUnit::kSeconds:
      unit = milliseconds{std::chrono::seconds{1}}.count();
      break;
    case RepeatUnit::kMinutes:
      unit = milliseconds{std::chrono::minutes{1}}.count();
      break;
    case RepeatUnit::kHours:
      unit = milliseconds{std::chrono::hours{1}}.count();
      break;
    case RepeatUnit::kDays:
      unit = milliseconds{std::chrono::days{1}}.count();
      break;
  }
  // Longer than all of time means "never again", whatever the number; registration refuses
  // it, and this keeps a record from elsewhere from overflowing.
  constexpr std::int64_t kForever = (kTimeMax - kTimeMin).count() + 1;
  const std::int64_t interval = std::max<std::int64_t>(repeat.interval, 1);
  if (unit == 0 || interval > kForever / unit) return milliseconds{kForever};
  return milliseconds{interval * unit};
}

TimePoint next_occurrence(TimePoint at, const Repeat& repeat) {
  const milliseconds interval = interval_of(repeat);
  return kTimeMax - at < interval ? kTimeMax : at + interval;
}

Task begin_attempt(Task task, TimePoint now) {
  if (task.attempt != 0 || task.extra_date || !series_open(task)) return task;
  const milliseconds interval = interval_of(*task.repeat);
  const milliseconds late = std::min(now, kTimeMax) - task.scheduled_date;
  if (late < interval) return task;
  const std::int64_t missed = late / interval;
  task.scheduled_date += missed * interval;
  task.execution.skipped += missed;
  return task;
}

AttemptRules rules_for(const Task& task, const Endpoint* endpoint) {
  AttemptRules rules;
  if (endpoint) {
    rules.schedule = endpoint->retry_schedule;
    rules.backoff_max = endpoint->retry_max;
    rules.stop_on = endpoint->stop_on;
    rules.ordered = endpoint->ordered;
    const auto scheduled = static_cast<int>(rules.schedule.size());
    rules.retry_limit =
        endpoint->retry_limit.value_or(scheduled > 0 ? scheduled : rules.retry_limit);
  }
  if (task.retry_limit) rules.retry_limit = *task.retry_limit;
  return rules;
}

Task apply_outcome(Task task, const AttemptOutcome& outcome, TimePoint now,
                   const OutcomePolicy& policy, const AttemptRules& rules, double jitter) {
  const AfterAttempt after = after_attempt(task, outcome, now, policy, rules, jitter);
  note_attempt(task, outcome);
  if (!outcome.ok()) note_failed_attempt(task, outcome, now);
  task.updated_at = now;
  task.next_attempt_date = after.retry_at;
  if (after.retry_at) {
    task.status = Status::kActive;
    if (rules.counts) ++task.attempt;
  } else {
    const bool for_good = !outcome.ok() && !rules.final_reason.empty();
    end_execution(task, after.failed_by, for_good, now, policy);
  }
  // Before its date it has no place that it could keep.
  task.in_order = after.retry_at && rules.ordered && nominal_date(task) <= now;
  return task;
}

Log make_log(const Task& task, const AttemptOutcome& outcome, TimePoint now, const Uuid& id,
             std::chrono::seconds ttl, const AttemptRules& rules) {
  Log log;
  log.id = to_string(id);
  log.task = task.key;
  log.attempt = task.attempt + 1;
  log.retry_limit = rules.retry_limit;
  log.request = outcome.sent;
  log.response = outcome.response;
  log.error = error_text(outcome);
  log.status = outcome.ok() ? LogStatus::kSuccess : LogStatus::kFail;
  log.scheduled_date = nominal_date(task);
  log.due_date = late_after(task, due_at(task));
  log.probe = !rules.counts;
  log.started_at = outcome.started_at;
  log.duration = outcome.duration;
  log.expires_at = expiry(now, ttl);
  log.created_at = now;
  return log;
}

}  // namespace rhooks::model

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

// Whether executions of the series itself are left, once so many more have ended.
bool below_max(const Task& task, std::int64_t more = 0) {
  const Execution& execution = task.execution;
  const std::int64_t max = task.schedule ? task.schedule->max : task.repeat->max;
  return max == 0 || execution.count + more - execution.extra < max;
}

// What follows the occurrence at scheduled_date, now that it has ended.
struct Following {
  std::optional<TimePoint> at;
  bool unknown = false;  // there may be one, but when cannot be told

  bool any() const { return at || unknown; }
};

Following following(const Task& task, const Timetable* times) {
  if ((!task.schedule && !task.repeat) || !below_max(task)) return {};
  if (task.schedule && !times) return {.unknown = true};
  if (task.schedule) return {times->next(task.scheduled_date)};
  if (kTimeMax - task.scheduled_date < interval_of(*task.repeat)) return {};
  return {next_occurrence(task.scheduled_date, *task.repeat)};
}

// The same of an extra occurrence: the series' own is still to come, or late. But a schedule that
// was at its end has none (run_again()).
Following following_extra(const Task& task, TimePoint extra) {
  if (task.schedule && task.scheduled_date <= extra) return {};
  return {task.scheduled_date};
}

// When the next occurrence is due; none: nothing follows the current one, or that cannot be told.
std::optional<TimePoint> next_due(const Task& task, const Timetable& times) {
  std::optional<TimePoint> next;
  if (task.extra_date) {
    next = following_extra(task, *task.extra_date).at;
  } else if (below_max(task, 1)) {
    next = times.next(task.scheduled_date);
  }
  return next ? std::optional(times.due(*next, task.key)) : std::nullopt;
}

// Whether the next occurrence is due by then, and is to be on time.
bool cuts_retry(const Task& task, TimePoint retry_at, const Timetable* times) {
  if (!times || !task.schedule || task.schedule->overlap != Overlap::kCutRetries) return false;
  const auto next = next_due(task, *times);
  return next && *next <= retry_at;
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
                           const OutcomePolicy& policy, const AttemptRules& rules, double jitter,
                           const Timetable* times) {
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
  // What does not count is no failure of the occurrence.
  if (rules.counts && cuts_retry(task, retry_at, times)) return failed(failure::kExhausted);
  return {retry_at};
}

// With its last occurrence, which has succeeded, or failed by what is named.
void end(Task& task, std::string_view failed_by, TimePoint now, const OutcomePolicy& policy) {
  const bool ok = task.errors.consecutive == 0;
  task.status = ok ? Status::kDone : Status::kFailed;
  if (!ok) task.failure_reason = failed_by;
  task.expires_at = expiry(now, ok ? policy.done_ttl : policy.failed_ttl);
}

// Its occurrence has ended, and when the next one is cannot be told: it lies behind that one, and
// its time is none that could come.
void set_aside(Task& task) {
  task.status = Status::kSuspended;
  task.scheduled_date += schedule::kTick;
  task.next_attempt_date = kTimeMax;
  task.errors.last_error =
      "suspended: its next occurrence is not known, since its time zone cannot be read; unsuspend "
      "it when it can";
}

bool is_set_aside(const Task& task) {
  return task.schedule && task.attempt == 0 && task.next_attempt_date == kTimeMax;
}

// To its next occurrence. Which rule the last one failed by was not kept.
void leave_aside(Task& task, TimePoint now, const Timetable& times, const OutcomePolicy& policy) {
  const TimePoint last = task.scheduled_date - schedule::kTick;
  if (const auto next = times.next(last)) return begin_occurrence(task, *next, &times);
  begin_occurrence(task, last, nullptr);
  end(task, failure::kExhausted, now, policy);
}

// Of the occurrences from the current one on, the latest that is due.
std::optional<TimePoint> latest_due(const Task& task, TimePoint now, const Timetable& times) {
  const auto next = times.next(task.scheduled_date);
  if (!next || *next > now) return std::nullopt;
  auto latest = times.latest(now);
  if (latest && times.due(*latest, task.key) > now)
    latest = times.latest(*latest - schedule::kTick);
  return latest && *latest > task.scheduled_date ? latest : std::nullopt;
}

// So many occurrences, from the current one on. The caller makes the one behind them the current.
void skip(Task& task, std::int64_t occurrences, std::int64_t Skipped::*why) {
  if (occurrences <= 0) return;
  task.execution.skipped += occurrences;
  if (!task.skipped_before) task.skipped_before = Skipped{.first = task.scheduled_date};
  (*task.skipped_before).*why += occurrences;
}

// The current occurrence and all behind it that is due: on to what follows them. If nothing does
// the task ends, as its last execution did, which failed by what is named if it did.
void skip_due(Task& task, TimePoint now, std::int64_t Skipped::*why, std::string_view failed_by,
              const OutcomePolicy& policy, const Timetable& times) {
  const TimePoint latest = latest_due(task, now, times).value_or(task.scheduled_date);
  skip(task, times.count(task.scheduled_date, latest) + 1, why);
  if (const auto next = times.next(latest)) return begin_occurrence(task, *next, &times);
  begin_occurrence(task, latest, nullptr);
  end(task, failed_by, now, policy);
}

// Whether so many executions in a row have failed, the one that just ended included, that the
// series ends. What pauses goes on when it is unsuspended, and pauses after as many more.
bool failed_too_often(const Task& task, const OutcomePolicy& policy) {
  const int limit = task.max_errors.value_or(policy.max_errors);
  const std::int64_t failed = task.errors.consecutive;
  if (limit == 0 || failed == 0) return false;
  return task.pause_on_failure ? failed % limit == 0 : failed >= limit;
}

void pause(Task& task) {
  task.status = Status::kSuspended;
  const std::int64_t failed = task.errors.consecutive;
  task.note = "paused: " + std::to_string(failed) +
              (failed == 1 ? " execution has failed" : " executions in a row have failed");
}

// The current occurrence has succeeded, or failed by what is named: on to the next, if there is
// one, and the task does not end `for_good`.
void end_execution(Task& task, std::string_view failed_by, bool for_good, TimePoint now,
                   const OutcomePolicy& policy, const Timetable* times) {
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
  const auto extra = std::exchange(task.extra_date, std::nullopt);
  if (extra) {
    ++task.execution.extra;
  } else {
    task.skipped_before.reset();
  }

  const Following next = extra ? following_extra(task, *extra) : following(task, times);
  const bool another = !for_good && next.any();
  const bool too_many = failed_too_often(task, policy);
  if (!another || (too_many && !task.pause_on_failure))
    return end(task, another ? failure::kMaxErrors : failed_by, now, policy);
  if (!next.at) return set_aside(task);
  task.status = Status::kActive;
  begin_occurrence(task, *next.at, times);
  const bool skips = times && task.schedule && task.schedule->overlap == Overlap::kSkip;
  if (skips && due_at(task) <= now)
    skip_due(task, now, &Skipped::overlap, failed_by, policy, *times);
  if (too_many && task.status == Status::kActive) pause(task);
}

constexpr milliseconds kGraceOfSkip = std::chrono::minutes{1};
// Where all that was missed is to run, the most that does.
constexpr int kMissedMax = 100;

std::optional<milliseconds> grace_of(const Schedule& schedule) {
  if (schedule.grace || schedule.missed != Missed::kSkip) return schedule.grace;
  return kGraceOfSkip;
}

// The n-th latest occurrence up to `until`, where there are more than `n` behind `from`.
TimePoint nth_latest(const Timetable& times, TimePoint from, TimePoint until, int n) {
  // Behind `from` there are too many, and none behind `to`.
  TimePoint to = until;
  while (to - from > schedule::kTick) {
    const TimePoint middle = from + (to - from) / 2;
    const std::int64_t count = times.count(middle, until, n + 1);
    if (count == n) return times.next(middle).value_or(until);
    (count > n ? from : to) = middle;
  }
  return times.next(from).value_or(until);
}

// Of the occurrences from the current one up to `latest`, the earliest of those that all run, and
// that is in time. None: none is.
std::optional<TimePoint> earliest_in_time(const Task& task, TimePoint latest, TimePoint now,
                                          const Timetable& times) {
  std::optional<TimePoint> earliest = task.scheduled_date;
  if (times.count(*earliest, latest, kMissedMax) >= kMissedMax)
    earliest = nth_latest(times, *earliest, latest, kMissedMax);
  const auto grace = grace_of(*task.schedule);
  if (!grace) return earliest;
  const TimePoint in_time = now - *grace;
  if (times.due(*earliest, task.key) >= in_time) return earliest;
  // By its jitter one that is named before that may be due behind it.
  earliest = std::max(*earliest, times.latest(in_time).value_or(*earliest));
  if (times.due(*earliest, task.key) < in_time) earliest = times.next(*earliest);
  return earliest && *earliest <= latest ? earliest : std::nullopt;
}

// The occurrence to attempt of a schedule whose current one has no attempts behind it. None: all
// that is due is too late.
std::optional<TimePoint> choose(const Task& task, TimePoint now, const Timetable& times) {
  const TimePoint latest = latest_due(task, now, times).value_or(task.scheduled_date);
  if (task.schedule->missed == Missed::kAll) return earliest_in_time(task, latest, now, times);
  const auto grace = grace_of(*task.schedule);
  const bool in_time = !grace || now - times.due(latest, task.key) <= *grace;
  return in_time ? std::optional(latest) : std::nullopt;
}

// Whether its current occurrence may be skipped for a later one, or for none.
bool may_be_skipped(const Task& task) {
  return task.attempt == 0 && !task.extra_date && series_open(task);
}

// Whether the occurrence of a series is yet to come, so that another one can go before it.
bool is_ahead(const Task& task, TimePoint now) {
  if (!series_open(task) || task.extra_date || task.attempt != 0) return false;
  // With a next attempt it had its time already, unless that is its jitter.
  return task.schedule ? task.scheduled_date > now : !task.next_attempt_date;
}

// What a schedule has behind `now` for a task that has ended. The occurrence that it ended with is
// over, also by a clock that was set back since, but for one that was cancelled.
std::optional<TimePoint> next_of_ended(const Task& task, TimePoint now, const Timetable* times) {
  if (!times || !below_max(task)) return std::nullopt;
  const bool over = task.failure_reason != failure::kCancelled;
  return times->next(
      std::max(now, over ? task.scheduled_date : task.scheduled_date - schedule::kTick));
}

// DONE or FAILED, with an occurrence at `now`. Where it is the last it is named behind all that
// there was, so that none of them comes again when that one has ended.
void run_again(Task& task, TimePoint now, const Timetable* times) {
  task.next_attempt_date.reset();
  if (task.schedule) {
    const auto next = next_of_ended(task, now, times);
    task.extra_date = next ? now : std::max(now, task.scheduled_date + schedule::kTick);
    task.scheduled_date = next.value_or(*task.extra_date);
    if (*task.extra_date > now) task.next_attempt_date = now;
  } else {
    task.scheduled_date = now;
  }
  task.status = Status::kActive;
  task.failure_reason.clear();
  task.attempt = 0;
  task.errors.consecutive = 0;
  task.expires_at.reset();
}

}  // namespace

bool series_open(const Task& task) {
  return task.schedule || (task.repeat && task.repeat->max != 1 && below_max(task));
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

Result<Task> unsuspend(Task task, TimePoint now, const Timetable* times,
                       const OutcomePolicy& policy) {
  if (task.status != Status::kSuspended) {
    return conflict(task, "only SUSPENDED tasks can be unsuspended");
  }
  task.status = Status::kActive;
  task.note.clear();
  task.updated_at = now;
  if (times && is_set_aside(task)) leave_aside(task, now, *times, policy);
  return task;
}

Result<Task> run_now(Task task, TimePoint now, const Timetable* times) {
  switch (task.status) {
    case Status::kActive:
      if (due_at(task) <= now) break;
      if (is_ahead(task, now)) {
        task.extra_date = now;
        task.next_attempt_date.reset();
      } else {
        task.next_attempt_date = now;
      }
      break;
    case Status::kDone:
    case Status::kFailed:
      run_again(task, now, times);
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
  task.note.clear();
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

void begin_occurrence(Task& task, TimePoint at, const Timetable* times) {
  task.scheduled_date = at;
  task.next_attempt_date.reset();
  if (!times) return;
  const TimePoint due = times->due(at, task.key);
  if (due != at) task.next_attempt_date = due;
}

bool passes_over(const Task& task, TimePoint now, const Timetable* times) {
  if (task.status == Status::kDone || task.status == Status::kFailed) return false;
  if (!times || !task.schedule || !grace_of(*task.schedule) || !may_be_skipped(task)) return false;
  return !choose(task, now, *times);
}

Task pass_over(Task task, TimePoint now, const OutcomePolicy& policy, const Timetable& times) {
  if (!passes_over(task, now, &times)) return task;
  // Which rule its last execution failed by was not kept.
  skip_due(task, now, &Skipped::late, failure::kExhausted, policy, times);
  task.in_order = false;  // of an attempt that did not count
  task.updated_at = now;
  return task;
}

Task begin_attempt(Task task, TimePoint now, const Timetable* times) {
  if (!may_be_skipped(task)) return task;
  if (task.schedule) {
    const auto at = times ? choose(task, now, *times) : std::nullopt;
    if (!at || *at == task.scheduled_date) return task;
    skip(task, times->count(task.scheduled_date, *at), &Skipped::late);
    begin_occurrence(task, *at, times);
    return task;
  }
  const milliseconds interval = interval_of(*task.repeat);
  const milliseconds late = std::min(now, kTimeMax) - task.scheduled_date;
  if (late < interval) return task;
  const std::int64_t missed = late / interval;
  skip(task, missed, &Skipped::late);
  task.scheduled_date += missed * interval;
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
                   const OutcomePolicy& policy, const AttemptRules& rules, double jitter,
                   const Timetable* times) {
  const AfterAttempt after = after_attempt(task, outcome, now, policy, rules, jitter, times);
  note_attempt(task, outcome);
  if (!outcome.ok()) note_failed_attempt(task, outcome, now);
  task.updated_at = now;
  task.next_attempt_date = after.retry_at;
  if (after.retry_at) {
    task.status = Status::kActive;
    if (rules.counts) ++task.attempt;
  } else {
    const bool for_good = !outcome.ok() && !rules.final_reason.empty();
    end_execution(task, after.failed_by, for_good, now, policy, times);
  }
  // Before its date it has no place that it could keep.
  task.in_order = after.retry_at && rules.ordered && nominal_date(task) <= now;
  return task;
}

std::optional<milliseconds> wait_without_way_out(const Task& task, TimePoint since, TimePoint now) {
  constexpr milliseconds kLeast = std::chrono::seconds{5};
  constexpr milliseconds kMost = std::chrono::minutes{5};
  if (now - since >= std::chrono::hours{24}) return std::nullopt;
  const milliseconds late = now - late_after(task, nominal_date(task));
  return std::clamp(late, kLeast, kMost);
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
  if (!task.extra_date) log.skipped_before = task.skipped_before;
  log.due_date = late_after(task, due_at(task));
  log.probe = !rules.counts;
  log.started_at = outcome.started_at;
  log.duration = outcome.duration;
  log.expires_at = expiry(now, ttl);
  log.created_at = now;
  return log;
}

}  // namespace rhooks::model

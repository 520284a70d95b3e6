#pragma once

#include <rhooks/endpoint.h>
#include <rhooks/result.h>

#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <string_view>

#include "model/backoff.h"
#include "model/limits.h"
#include "model/record.h"
#include "schedule/timetable.h"

// The state machine of docs/semantics.md. Pure: time and chance are arguments. Each
// function takes the task as shown (PROCESSING where a lease is live).
//
// `times` are those of a task with a schedule. Null: it has none, or they cannot be told here,
// since its time zone, or what a newer version stored of it, is not known.
namespace rhooks::model {

using schedule::Timetable;

// What State::failure_reason says. Text is stored, so another one needs no new format.
namespace failure {
inline constexpr std::string_view kExhausted = "exhausted";
inline constexpr std::string_view kGone = "gone";
inline constexpr std::string_view kNonRetryable = "non_retryable";
inline constexpr std::string_view kExpired = "expired";
inline constexpr std::string_view kCancelled = "cancelled";
inline constexpr std::string_view kMaxErrors = "max_errors";
inline constexpr std::string_view kEndpointMissing = "endpoint_missing";
inline constexpr std::string_view kUnbuildable = "unbuildable";
inline constexpr std::array kAll{kExhausted, kGone,      kNonRetryable,    kExpired,
                                 kCancelled, kMaxErrors, kEndpointMissing, kUnbuildable};
}  // namespace failure

struct OutcomePolicy {
  int max_errors = 5;
  BackoffPolicy backoff;
  // How long a task is kept once it is DONE or FAILED; 0: for ever.
  std::chrono::seconds done_ttl{0};
  std::chrono::seconds failed_ttl{0};
};

// Whether scheduled_date is that of an occurrence of a series. That of a one-shot is not, nor is
// the one more that run_now() gives a task with `repeat` at its end. (That of a task with a
// schedule is an extra one.)
bool series_open(const Task& task);

// ACTIVE -> SUSPENDED. Errors: kConflict.
Result<Task> suspend(Task task, TimePoint now);
// SUSPENDED -> ACTIVE, keeping its times, without its note; what is past is due at once. One that
// was set aside since its next occurrence could not be told has that from now on. Where there is
// none it is DONE or FAILED, as its last one was, and kept for so long from then on. Errors:
// kConflict.
Result<Task> unsuspend(Task task, TimePoint now, const Timetable* times = nullptr,
                       const OutcomePolicy& policy = {});
// ACTIVE: has an occurrence due now. Of a series whose next one is yet to come that is an extra
// one, at `now`: the series and what it counts for its `max` stay as they are. Otherwise it is
// the current one, its nominal time and attempts unchanged: a one-shot's; one that is due or
// has attempts, extra or not. DONE or FAILED: ACTIVE with an occurrence at `now`; counts are
// kept, but errors.consecutive begins anew, since whoever calls this decided that the task may
// fail some more. A series with repeats left goes on from there; a schedule, of which that is an
// extra occurrence, with what it has behind `now`. Errors: kConflict.
Result<Task> run_now(Task task, TimePoint now, const Timetable* times = nullptr);

// ACTIVE, PROCESSING, SUSPENDED -> FAILED; kept for `failed_ttl` (OutcomePolicy) from then on. An
// attempt that is under way tells nothing any more. Errors: kConflict.
Result<Task> cancel(Task task, TimePoint now, std::chrono::seconds failed_ttl);

// A retry that kept its place, for which nobody waits any more, goes to that of its time. Errors:
// kConflict, also where that has come.
Result<Task> leave_place(Task task, TimePoint now);

// Makes the occurrence of a series at `at` the current one, due with its jitter.
void begin_occurrence(Task& task, TimePoint at, const Timetable* times);

// Whether a worker that claimed the task has nothing to attempt: each occurrence of its schedule
// that is due is later than its grace. An occurrence with attempts behind it that count never is,
// nor is an extra one.
bool passes_over(const Task& task, TimePoint now, const Timetable* times);
// Then all of them are counted as skipped, and the next one is the current. Where there is none
// the task is DONE or FAILED, as its last execution was, and kept for so long. Idempotent at one
// `now`.
Task pass_over(Task task, TimePoint now, const OutcomePolicy& policy, const Timetable& times);

// What a worker does first with a task that it claimed, and does not pass over: picks the
// occurrence. Of those missed the latest that is due is kept (of a schedule, the one that its
// Missed and its grace say) and those before it are counted as skipped. An occurrence with attempts
// behind it that count is kept, and so are an extra one and one that none follows (one-shot, or
// run_now() at the end of a series). Idempotent at one `now`.
Task begin_attempt(Task task, TimePoint now, const Timetable* times = nullptr);

// Nominal time of the occurrence after `at`; kTimeMax at most.
TimePoint next_occurrence(TimePoint at, const Repeat& repeat);
std::chrono::milliseconds interval_of(const Repeat& repeat);

// What holds for one attempt of a task. It refers to the endpoint that it is made from.
struct AttemptRules {
  int retry_limit = kRetryLimitDefault;
  std::span<const std::chrono::milliseconds> schedule = {};   // empty: the back-off
  std::optional<std::chrono::milliseconds> backoff_max = {};  // none: that of OutcomePolicy
  std::span<const StatusRange> stop_on = {};                  // answers that end it
  bool ordered = false;  // a retry keeps its place (State::in_order)
  // Not empty: a failed attempt is the last one of the task. It is FAILED for this reason, whatever
  // retries and repeats it has left.
  std::string_view final_reason = {};
  // False: if it is not answered it uses up no attempt, and the task is due again behind those that
  // wait already, or after the Retry-After (model/breaker.h).
  bool counts = true;
};
// `endpoint`: that of the task, if it has one. What the task says goes first.
AttemptRules rules_for(const Task& task, const Endpoint* endpoint);

// The task after an attempt begun with begin_attempt. `now` is the end of the attempt. After an
// extra occurrence a series goes on at its own next one. Where too many in a row have failed it is
// FAILED, or SUSPENDED with its next occurrence (Spec::pause_on_failure). It ends early where its
// next occurrence would be past kTimeMax. It is SUSPENDED where its schedule goes on at a time that
// cannot be told. What its schedule says of occurrences that overlap holds
// here: those that came meanwhile are skipped, or a retry that would begin after the next one's
// time is not made.
Task apply_outcome(Task task, const AttemptOutcome& outcome, TimePoint now,
                   const OutcomePolicy& policy, const AttemptRules& rules, double jitter,
                   const Timetable* times = nullptr);

// How long a task waits after an attempt for which its server had no way to the network, since the
// proxy that all has to pass is away: as long as it is late already, 5 s to 5 min. It does not
// count (AttemptRules::counts). None: it has been so for a day, and counts. `since`: when the first
// attempt found none, of any task, after the last one that had one.
std::optional<std::chrono::milliseconds> wait_without_way_out(const Task& task, TimePoint since,
                                                              TimePoint now);

// The log of the same attempt, of the task as it was during it (after begin_attempt, before
// apply_outcome). `ttl` 0: never expires.
Log make_log(const Task& task, const AttemptOutcome& outcome, TimePoint now, const Uuid& id,
             std::chrono::seconds ttl, const AttemptRules& rules);

}  // namespace rhooks::model

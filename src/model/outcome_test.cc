#include "model/outcome.h"

#include <gtest/gtest.h>

#include "base/utf8.h"
#include "model/limits.h"
#include "model/test_support.h"

// apply_outcome(): every member, and every way out of an attempt.
namespace rhooks::model {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart = kT0 + milliseconds{7};
constexpr TimePoint kEnd = kT0 + milliseconds{1'007};

std::vector<AttemptOutcome> outcomes() {
  std::vector<AttemptOutcome> all;
  for (int status : {100, 199, 200, 201, 204, 299, 300, 301, 404, 410, 429, 500, 503, 599}) {
    all.push_back(answered(status, kStart));
  }
  all.push_back(unanswered("could not connect", kStart));
  AttemptOutcome throttled = answered(429, kStart);
  throttled.retry_after = seconds{60};
  all.push_back(throttled);
  return all;
}

// What must hold after one attempt, said as rules about the two tasks, not as the steps of the
// code under test.
void check(const Task& before, const AttemptOutcome& outcome, const OutcomePolicy& policy,
           double jitter) {
  const Task after = apply_outcome(before, outcome, kEnd, policy, jitter);

  // What no attempt changes.
  EXPECT_EQ(after.key, before.key);
  EXPECT_EQ(after.request, before.request);
  EXPECT_EQ(after.repeat, before.repeat);
  EXPECT_EQ(after.retry_limit, before.retry_limit);
  EXPECT_EQ(after.created_at, before.created_at);
  EXPECT_EQ(after.execution.skipped, before.execution.skipped);
  EXPECT_EQ(after.updated_at, kEnd);

  const bool ok = outcome.response && outcome.response->status / 100 == 2;
  const bool gone = outcome.response && outcome.response->status == 410;
  const bool execution_ends = ok || gone || before.attempt == before.retry_limit;
  const std::int64_t ended = before.execution.count + 1;
  const std::int64_t executions_max = before.repeat ? before.repeat->max : 1;
  const bool another = executions_max == 0 || ended < executions_max;
  const std::int64_t failures_in_row = before.errors.consecutive + 1;

  EXPECT_EQ(after.execution.count, before.execution.count + (execution_ends ? 1 : 0));
  EXPECT_EQ(after.execution.successful, before.execution.successful + (ok ? 1 : 0));
  EXPECT_EQ(after.execution.failed, before.execution.failed + (execution_ends && !ok ? 1 : 0));
  EXPECT_EQ(after.errors.count, before.errors.count + (execution_ends && !ok ? 1 : 0));
  EXPECT_EQ(after.errors.consecutive,
            ok ? 0 : (execution_ends ? failures_in_row : before.errors.consecutive));
  EXPECT_EQ(after.attempt, execution_ends ? 0 : before.attempt + 1);

  if (!execution_ends) {
    EXPECT_EQ(after.status, Status::kActive);
    EXPECT_EQ(after.scheduled_date, before.scheduled_date);
    EXPECT_EQ(after.next_attempt_date,
              kEnd + retry_delay(before.attempt + 1, policy.backoff, jitter, outcome.retry_after));
  } else if (another && (ok || failures_in_row < policy.max_errors)) {
    EXPECT_EQ(after.status, Status::kActive);
    EXPECT_EQ(after.scheduled_date, before.scheduled_date + hours{1});
    EXPECT_EQ(after.next_attempt_date, std::nullopt);
  } else {
    EXPECT_EQ(after.status, ok ? Status::kDone : Status::kFailed);
    EXPECT_EQ(after.scheduled_date, before.scheduled_date);
    EXPECT_EQ(after.next_attempt_date, std::nullopt);
  }
  const std::string_view reason = another ? "max_errors" : gone ? "gone" : "exhausted";
  EXPECT_EQ(after.failure_reason, after.status == Status::kFailed ? reason : "");

  EXPECT_EQ(after.execution.first_execution_date,
            before.execution.first_execution_date.value_or(kStart));
  EXPECT_EQ(after.execution.first_scheduled_date,
            before.execution.first_scheduled_date.value_or(before.scheduled_date));
  EXPECT_EQ(after.execution.last_execution_date, kStart);
  if (outcome.response) {
    EXPECT_EQ(after.execution.last_response_status, outcome.response->status);
    EXPECT_EQ(after.execution.last_response_headers, outcome.response->headers);
    EXPECT_EQ(after.execution.last_response_body, outcome.response->body);
  } else {
    EXPECT_EQ(after.execution.last_response_status, before.execution.last_response_status);
    EXPECT_EQ(after.execution.last_response_headers, before.execution.last_response_headers);
    EXPECT_EQ(after.execution.last_response_body, before.execution.last_response_body);
  }
  if (ok) {
    EXPECT_EQ(after.errors.first_error_date, before.errors.first_error_date);
    EXPECT_EQ(after.errors.last_error_date, before.errors.last_error_date);
    EXPECT_EQ(after.errors.last_error, before.errors.last_error);
  } else {
    EXPECT_EQ(after.errors.first_error_date, before.errors.first_error_date.value_or(kEnd));
    EXPECT_EQ(after.errors.last_error_date, kEnd);
    EXPECT_EQ(after.errors.last_error, error_text(outcome));
    EXPECT_FALSE(after.errors.last_error.empty());
  }
}

TEST(ApplyOutcomeTest, FollowsTheStateMachineInEveryCase) {
  std::vector<std::optional<Repeat>> repeats{std::nullopt};
  for (std::int64_t max = 0; max <= 3; ++max) repeats.push_back(Repeat{1, max, RepeatUnit::kHours});
  int cases = 0;
  for (const AttemptOutcome& outcome : outcomes()) {
    for (const auto& repeat : repeats) {
      for (int retry_limit = 0; retry_limit <= 3; ++retry_limit) {
        for (int attempt = 0; attempt <= retry_limit; ++attempt) {
          for (int count = 0; count <= 3; ++count) {
            for (int consecutive = 0; consecutive <= 2; ++consecutive) {
              for (int max_errors = 1; max_errors <= 3; ++max_errors) {
                Task task = active_task();
                // A store shows a leased task as PROCESSING and keeps it as ACTIVE.
                task.status = cases % 2 == 0 ? Status::kActive : Status::kProcessing;
                task.repeat = repeat;
                task.retry_limit = retry_limit;
                task.attempt = attempt;
                if (attempt > 0) task.next_attempt_date = kT0;
                task.execution.count = count;
                task.execution.successful = count / 2;
                task.execution.failed = count - count / 2;
                task.errors.count = task.execution.failed;
                task.errors.consecutive = consecutive;
                if (count > 0) {
                  task.execution.first_execution_date = kT0 - hours{3};
                  task.execution.first_scheduled_date = kT0 - hours{4};
                  task.errors.first_error_date = kT0 - hours{2};
                  task.errors.last_error_date = kT0 - hours{1};
                  task.errors.last_error = "before";
                  task.execution.last_response_status = 418;
                  task.execution.last_response_body = "before";
                }
                check(task, outcome, {max_errors, {}}, 0.5);
                if (HasFailure()) {
                  FAIL() << "HTTP " << (outcome.response ? outcome.response->status : 0)
                         << ", repeat.max " << (repeat ? repeat->max : -1) << ", retry limit "
                         << retry_limit << ", attempt " << attempt << ", count " << count
                         << ", consecutive " << consecutive << ", max_errors " << max_errors;
                }
                ++cases;
              }
            }
          }
        }
      }
    }
  }
  EXPECT_EQ(cases, 16 * 5 * 10 * 4 * 3 * 3);
}

TEST(ApplyOutcomeTest, ARepeatWithoutAMaximumIsOneExecution) {
  Task task = active_task();
  task.repeat = Repeat{};
  EXPECT_EQ(apply_outcome(task, answered(200), kEnd, {}, 0).status, Status::kDone);
}

TEST(ApplyOutcomeTest, DoesNotCountSkippedOccurrencesTowardsTheMaximum) {
  Task task = active_task();
  task.repeat = Repeat{1, 2, RepeatUnit::kHours};
  task.execution.skipped = 1'000;
  task = apply_outcome(task, answered(200), kEnd, {}, 0);
  EXPECT_EQ(task.status, Status::kActive);
  EXPECT_EQ(apply_outcome(task, answered(200), kEnd, {}, 0).status, Status::kDone);
}

TEST(ApplyOutcomeTest, CountsTheNextOccurrenceFromTheNominalTime) {
  Task task = active_task();
  task.repeat = Repeat{1, 0, RepeatUnit::kHours};
  const TimePoint late = kT0 + hours{72};
  task = apply_outcome(task, answered(200, late), late, {}, 0);
  EXPECT_EQ(task.scheduled_date, kT0 + hours{1});
}

TEST(ApplyOutcomeTest, EndsASeriesBeforeTheEndOfTime) {
  Task task = active_task();
  task.repeat = Repeat{1, 0, RepeatUnit::kHours};
  task.retry_limit = 0;
  task.scheduled_date = kTimeMax - hours{1};
  const Task last = apply_outcome(task, answered(200), kEnd, {}, 0);
  EXPECT_EQ(last.status, Status::kActive);
  EXPECT_EQ(last.scheduled_date, kTimeMax);
  EXPECT_EQ(apply_outcome(last, answered(200), kEnd, {}, 0).status, Status::kDone);
  EXPECT_EQ(apply_outcome(last, answered(500), kEnd, {}, 0).status, Status::kFailed);

  task.scheduled_date += milliseconds{1};
  EXPECT_EQ(apply_outcome(task, answered(200), kEnd, {}, 0).status, Status::kDone);
  EXPECT_EQ(apply_outcome(task, answered(500), kEnd, {}, 0).status, Status::kFailed);
}

TEST(ApplyOutcomeTest, KeepsARetryWithinTime) {
  Task task = active_task();
  task.scheduled_date = kTimeMax;
  AttemptOutcome throttled = answered(503, kTimeMax);
  throttled.retry_after = hours{24};
  const Task after = apply_outcome(task, throttled, kTimeMax, {}, 0.9);
  EXPECT_EQ(after.status, Status::kActive);
  EXPECT_EQ(after.next_attempt_date, kTimeMax);
}

TEST(ApplyOutcomeTest, MakesOneAttemptMoreThanTheRetryLimit) {
  for (int retry_limit = 0; retry_limit <= 100; ++retry_limit) {
    Task task = active_task();
    task.retry_limit = retry_limit;
    int attempts = 0;
    while (task.status == Status::kActive) {
      ASSERT_EQ(task.attempt, attempts);
      task = apply_outcome(begin_attempt(task, due_at(task)), answered(500), due_at(task), {}, 0.5);
      ++attempts;
      ASSERT_LE(attempts, 101);
    }
    ASSERT_EQ(attempts, 1 + retry_limit);
    ASSERT_EQ(task.status, Status::kFailed);
    ASSERT_EQ(task.errors.count, 1);
  }
}

TEST(ApplyOutcomeTest, ATaskThatDoesNotSayHowOftenIsRetriedThreeTimes) {
  Task task = active_task();
  ASSERT_EQ(task.retry_limit, std::nullopt);
  int attempts = 0;
  for (; task.status == Status::kActive && attempts < 9; ++attempts) {
    EXPECT_EQ(make_log(task, answered(500), kEnd, {}, seconds{0}).retry_limit, 3);
    task = apply_outcome(task, answered(500), kEnd, {}, 0);
  }
  EXPECT_EQ(attempts, 4);
  EXPECT_EQ(task.status, Status::kFailed);
  EXPECT_EQ(task.retry_limit, std::nullopt);
}

TEST(ApplyOutcomeTest, TheRulesOfTheAttemptDecide) {
  Task task = active_task();
  task.retry_limit = 9;
  const AttemptRules rules{.retry_limit = 1};
  EXPECT_EQ(make_log(task, answered(500), kEnd, {}, seconds{0}, rules).retry_limit, 1);
  task = apply_outcome(task, answered(500), kEnd, {}, rules, 0);
  EXPECT_EQ(task.status, Status::kActive);
  task = apply_outcome(task, answered(500), kEnd, {}, rules, 0);
  EXPECT_EQ(task.status, Status::kFailed);
  EXPECT_EQ(task.retry_limit, 9);
}

TEST(ApplyOutcomeTest, ARetryKeepsItsPlaceWhereTheRulesSaySo) {
  AttemptRules rules{.retry_limit = 1, .ordered = true};
  const Task retry = apply_outcome(active_task(), answered(500), kEnd, {}, rules, 0.5);
  EXPECT_TRUE(retry.in_order);
  EXPECT_EQ(place_of(retry), kT0);
  EXPECT_GT(due_at(retry), kEnd);
  const Task failed = apply_outcome(retry, answered(500), kEnd, {}, rules, 0.5);
  EXPECT_EQ(failed.status, Status::kFailed);
  EXPECT_FALSE(failed.in_order);
  EXPECT_FALSE(apply_outcome(retry, answered(200), kEnd, {}, rules, 0.5).in_order);
  rules = {.retry_limit = 9};
  EXPECT_FALSE(apply_outcome(retry, answered(500), kEnd, {}, rules, 0.5).in_order);
}

// One that is run now is retried at its time, and not at its date.
TEST(ApplyOutcomeTest, BeforeItsDateARetryHasNoPlace) {
  const AttemptRules rules{.ordered = true};
  Task task = active_task();
  task.scheduled_date = kEnd + hours{1};
  const Task retry = apply_outcome(task, answered(500), kEnd, {}, rules, 0.5);
  EXPECT_FALSE(retry.in_order);
  EXPECT_LT(place_of(retry), task.scheduled_date);
  EXPECT_TRUE(apply_outcome(retry, answered(500), task.scheduled_date, {}, rules, 0.5).in_order);
}

TEST(ApplyOutcomeTest, ATaskThatIsGivenUpHasNoOtherAttempt) {
  Task task = active_task();
  task.repeat = Repeat{1, 0, RepeatUnit::kHours};
  const AttemptRules rules{.retry_limit = 9, .final_reason = failure::kEndpointMissing};
  const Task failed = apply_outcome(task, answered(500), kEnd, {}, rules, 0);
  EXPECT_EQ(failed.status, Status::kFailed);
  EXPECT_EQ(failed.failure_reason, failure::kEndpointMissing);
  EXPECT_EQ(failed.attempt, 0);
  EXPECT_EQ(failed.next_attempt_date, std::nullopt);
  EXPECT_EQ(failed.execution.failed, 1);
  EXPECT_EQ(failed.errors.consecutive, 1);
  EXPECT_EQ(apply_outcome(task, answered(200), kEnd, {}, rules, 0).status, Status::kActive);
}

TEST(ApplyOutcomeTest, AReceiverThatIsGoneEndsTheOccurrence) {
  AttemptOutcome gone = answered(410);
  gone.retry_after = seconds{60};
  Task task = active_task();
  task.retry_limit = 9;
  task.attempt = 4;
  const Task failed = apply_outcome(task, gone, kEnd, {}, 0.5);
  EXPECT_EQ(failed.status, Status::kFailed);
  EXPECT_EQ(failed.failure_reason, failure::kGone);
  EXPECT_EQ(failed.attempt, 0);
  EXPECT_EQ(failed.errors.last_error, "HTTP 410 Gone");

  task.repeat = Repeat{1, 0, RepeatUnit::kHours};
  Task series = apply_outcome(task, gone, kEnd, {}, 0.5);
  EXPECT_EQ(series.status, Status::kActive);
  EXPECT_EQ(series.scheduled_date, kT0 + hours{1});
  EXPECT_EQ(series.execution.failed, 1);
  EXPECT_EQ(series.failure_reason, "");
  while (series.status == Status::kActive) series = apply_outcome(series, gone, kEnd, {}, 0.5);
  EXPECT_EQ(series.execution.failed, 5);
  EXPECT_EQ(series.failure_reason, failure::kMaxErrors);
}

// The table of docs/semantics.md, in its order: where several hold, the first decides.
TEST(ApplyOutcomeTest, TheFirstThatHoldsDecides) {
  const std::vector<milliseconds> schedule{seconds{10}, seconds{60}};
  const StatusSet refusals{{400, 403}, {410, 410}, {500, 500}};
  const AttemptRules plain{.retry_limit = 2};
  const AttemptRules stops{.retry_limit = 2, .stop_on = refusals};
  const AttemptRules stops_at_once{.retry_limit = 0, .stop_on = refusals};
  const AttemptRules scheduled{.retry_limit = 2, .schedule = schedule};
  const AttemptRules bounded{.retry_limit = 99, .backoff_max = seconds{4}};
  const AttemptRules unbuildable{
      .retry_limit = 2, .stop_on = refusals, .final_reason = failure::kUnbuildable};
  const AttemptRules uncounted{.retry_limit = 2, .schedule = schedule, .counts = false};
  AttemptOutcome throttled = answered(429);
  throttled.retry_after = seconds{30};
  const struct {
    const char* what;
    AttemptOutcome outcome;
    AttemptRules rules;
    int attempt;
    std::string_view failed_by;       // not empty: FAILED
    std::optional<seconds> retry_in;  // neither: DONE
    std::optional<seconds> too_late_in = std::nullopt;
  } cases[] = {
      {"a success", answered(204), stops, 2, "", {}, seconds{0}},
      {"no request can be made", unanswered("none"), unbuildable, 0, failure::kUnbuildable, {}},
      {"no request, and gone", answered(410), unbuildable, 0, failure::kUnbuildable, {}},
      {"gone", answered(410), plain, 0, failure::kGone, {}},
      {"gone, and not retried", answered(410), stops, 0, failure::kGone, {}},
      {"gone, at the last attempt", answered(410), plain, 2, failure::kGone, {}},
      {"not retried", answered(402), stops, 0, failure::kNonRetryable, {}},
      {"not retried, at the last attempt",
       answered(500),
       stops_at_once,
       0,
       failure::kNonRetryable,
       {}},
      {"another answer", answered(404), stops, 0, "", seconds{1}},
      {"no answer", unanswered("timed out"), stops, 0, "", seconds{1}},
      {"the last attempt", answered(404), stops, 2, failure::kExhausted, {}},
      {"the last attempt, and too late",
       answered(404),
       stops,
       2,
       failure::kExhausted,
       {},
       seconds{0}},
      {"too late", answered(404), stops, 1, failure::kExpired, {}, seconds{2}},
      {"not yet too late", answered(404), stops, 1, "", seconds{2}, seconds{3}},
      {"asked to wait until it is too late",
       throttled,
       plain,
       0,
       failure::kExpired,
       {},
       seconds{31}},
      {"asked to wait", throttled, plain, 0, "", seconds{31}},
      {"the first wait", answered(500), scheduled, 0, "", seconds{10}},
      {"the second wait", answered(500), scheduled, 1, "", seconds{60}},
      {"a wait that is asked for", throttled, scheduled, 0, "", seconds{30}},
      {"past the schedule", answered(500), scheduled, 2, failure::kExhausted, {}},
      {"a bounded back-off", answered(500), bounded, 9, "", seconds{4}},
      {"it does not count", unanswered("refused"), uncounted, 1, "", seconds{0}},
      {"it does not count, and was the last", answered(503), uncounted, 2, "", seconds{0}},
      {"it does not count, and is asked to wait", throttled, uncounted, 2, "", seconds{30}},
      {"it does not count, and is too late",
       unanswered("refused"),
       uncounted,
       1,
       failure::kExpired,
       {},
       seconds{0}},
      {"a success counts", answered(204), uncounted, 1, "", {}},
  };
  // All jitter there is, so that the back-off waits for 1 s, 2 s, 4 s; the schedule for its waits.
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    Task task = active_task();
    task.attempt = c.attempt;
    if (c.too_late_in) task.deliver_before = kEnd + *c.too_late_in;
    const double jitter = c.rules.schedule.empty() ? 1.0 : 0.5;
    const Task after = apply_outcome(task, c.outcome, kEnd, {}, c.rules, jitter);
    EXPECT_EQ(after.failure_reason, c.failed_by);
    EXPECT_EQ(after.status, !c.failed_by.empty() ? Status::kFailed
                            : c.retry_in         ? Status::kActive
                                                 : Status::kDone);
    EXPECT_EQ(after.next_attempt_date,
              c.retry_in ? std::optional(kEnd + *c.retry_in) : std::nullopt);
    EXPECT_EQ(after.attempt, c.retry_in ? c.attempt + (c.rules.counts ? 1 : 0) : 0);
  }
}

// What ends an occurrence ends no series.
TEST(ApplyOutcomeTest, ASeriesGoesOnAfterWhatIsNotRetried) {
  const StatusSet refusals{{404, 404}};
  const AttemptRules rules{.retry_limit = 9, .stop_on = refusals};
  Task task = active_task();
  task.repeat = Repeat{1, 2, RepeatUnit::kHours};
  task = apply_outcome(task, answered(404), kEnd, {}, rules, 0);
  EXPECT_EQ(task.status, Status::kActive);
  EXPECT_EQ(task.scheduled_date, kT0 + hours{1});
  EXPECT_EQ(task.execution.failed, 1);
  task = apply_outcome(task, answered(404), kEnd, {}, rules, 0);
  EXPECT_EQ(task.status, Status::kFailed);
  EXPECT_EQ(task.failure_reason, failure::kNonRetryable);
}

// It was made, and is seen, but the task is where it was.
TEST(ApplyOutcomeTest, WhatDoesNotCountIsRememberedAllTheSame) {
  Task task = active_task();
  task.repeat = Repeat{1, 0, RepeatUnit::kHours};
  const AttemptRules rules{.retry_limit = 3, .counts = false};
  Task expected = task;
  expected.next_attempt_date = kEnd;
  expected.updated_at = kEnd;
  expected.execution.first_execution_date = kStart;
  expected.execution.first_scheduled_date = kT0;
  expected.execution.last_execution_date = kStart;
  expected.errors.first_error_date = kEnd;
  expected.errors.last_error_date = kEnd;
  expected.errors.last_error = "refused";
  task = apply_outcome(task, unanswered("refused", kStart), kEnd, {}, rules, 0.5);
  EXPECT_EQ(task, expected);
  EXPECT_TRUE(make_log(task, unanswered("refused", kStart), kEnd, {}, seconds{0}, rules).probe);
  // So a series passes on to its latest occurrence, as after any time in which nothing ran.
  task = begin_attempt(task, kT0 + hours{5});
  EXPECT_EQ(task.scheduled_date, kT0 + hours{5});
  EXPECT_EQ(task.execution.skipped, 5);
  task = apply_outcome(task, answered(200, kT0 + hours{5}), kT0 + hours{5}, {}, rules, 0.5);
  EXPECT_EQ(task.scheduled_date, kT0 + hours{6});
  EXPECT_EQ(task.next_attempt_date, std::nullopt);
}

TEST(ApplyOutcomeTest, NoRetryIsPlannedForATimeThatIsTooLate) {
  const OutcomePolicy policy;
  Task task = active_task();
  const TimePoint retry_at =
      *apply_outcome(task, answered(500), kEnd, policy, 0.5).next_attempt_date;
  task.deliver_before = retry_at + milliseconds{1};
  EXPECT_EQ(apply_outcome(task, answered(500), kEnd, policy, 0.5).next_attempt_date, retry_at);
  task.deliver_before = retry_at;
  const Task failed = apply_outcome(task, answered(500), kEnd, policy, 0.5);
  EXPECT_EQ(failed.status, Status::kFailed);
  EXPECT_EQ(failed.failure_reason, failure::kExpired);
  EXPECT_EQ(failed.next_attempt_date, std::nullopt);
  EXPECT_EQ(failed.execution.failed, 1);
  // What was begun in time counts, and what has no retries left says so.
  EXPECT_EQ(apply_outcome(task, answered(200), retry_at, policy, 0.5).status, Status::kDone);
  task.retry_limit = 0;
  EXPECT_EQ(apply_outcome(task, answered(500), kEnd, policy, 0.5).failure_reason,
            failure::kExhausted);
}

TEST(ApplyOutcomeTest, TheLastOccurrenceTellsWhyItFailed) {
  Task task = active_task();
  task.repeat = Repeat{1, 2, RepeatUnit::kHours};
  task.retry_limit = 0;
  OutcomePolicy policy;
  policy.max_errors = 2;
  task = apply_outcome(task, answered(500), kEnd, policy, 0);
  EXPECT_EQ(task.status, Status::kActive);
  // The second in a row, and none would follow anyway.
  task = apply_outcome(task, answered(500), kEnd, policy, 0);
  EXPECT_EQ(task.status, Status::kFailed);
  EXPECT_EQ(task.failure_reason, failure::kExhausted);
}

TEST(ApplyOutcomeTest, TwoFailuresAndASuccessAreOneSuccessfulExecution) {
  Task task = active_task();
  task = apply_outcome(task, answered(500), kEnd, {}, 0);
  task = apply_outcome(task, answered(500), kEnd, {}, 0);
  EXPECT_EQ(task.attempt, 2);
  task = apply_outcome(task, answered(200), kEnd, {}, 0);
  EXPECT_EQ(task.status, Status::kDone);
  EXPECT_EQ(task.execution.count, 1);
  EXPECT_EQ(task.execution.successful, 1);
  EXPECT_EQ(task.errors.count, 0);
  EXPECT_EQ(task.errors.last_error, "HTTP 500 Internal Server Error");
}

TEST(WithoutWayOutTest, ATaskWaitsAsLongAsItIsLateForADayWithoutAWay) {
  Task task;
  task.scheduled_date = kT0;
  TimePoint since = kT0;
  const auto wait_at = [&](TimePoint now) { return wait_without_way_out(task, since, now); };
  EXPECT_EQ(wait_at(kT0 - seconds{1}), seconds{5});
  EXPECT_EQ(wait_at(kT0), seconds{5});
  EXPECT_EQ(wait_at(kT0 + seconds{20}), seconds{20});
  EXPECT_EQ(wait_at(kT0 + hours{1}), std::chrono::minutes{5});
  EXPECT_EQ(wait_at(kT0 + hours{24} - milliseconds{1}), std::chrono::minutes{5});
  EXPECT_EQ(wait_at(kT0 + hours{24}), std::nullopt);
  since = kT0 + hours{48};  // among retries that take days
  EXPECT_EQ(wait_at(kT0 + hours{48}), std::chrono::minutes{5});
  EXPECT_EQ(wait_at(kT0 + hours{72}), std::nullopt);
  task.created_at = kT0 + hours{48};  // registered for the past
  EXPECT_EQ(wait_at(kT0 + hours{48}), seconds{5});
  task.extra_date = kT0 + hours{60};
  EXPECT_EQ(wait_at(kT0 + hours{60}), seconds{5});
}

TEST(ErrorTextTest, NamesTheStatusAndItsReason) {
  EXPECT_EQ(error_text(answered(200)), "");
  EXPECT_EQ(error_text(answered(500)), "HTTP 500 Internal Server Error");
  EXPECT_EQ(error_text(answered(404)), "HTTP 404 Not Found");
  EXPECT_EQ(error_text(answered(302)), "HTTP 302 Found");
  EXPECT_EQ(error_text(answered(599)), "HTTP 599");
  EXPECT_EQ(error_text(unanswered("")), "no response");
  EXPECT_EQ(error_text(unanswered("could not connect")), "could not connect");
}

TEST(ErrorTextTest, PrefersWhatTheSenderSaid) {
  AttemptOutcome outcome = answered(502);
  outcome.error = "HTTP 502, and the body broke off";
  EXPECT_EQ(error_text(outcome), "HTTP 502, and the body broke off");
}

TEST(ErrorTextTest, IsOneBoundedLineOfUtf8) {
  for (std::size_t size = 1'000; size < 1'100; ++size) {
    std::string text(size, 'a');
    text += "€€€€€€\xff\n";
    const std::string error = error_text(unanswered(text));
    EXPECT_LE(error.size(), kErrorBytesMax);
    EXPECT_GT(error.size(), kErrorBytesMax - 30);
    EXPECT_TRUE(is_utf8(error));
    EXPECT_FALSE(has_control(error));
  }
}

TEST(ReasonPhraseTest, IsKnownForRegisteredStatusesOnly) {
  for (int status = -1; status <= 1'000; ++status) {
    if (status < 100 || status >= 600) {
      EXPECT_STREQ(reason_phrase(status), "") << status;
    }
  }
  EXPECT_STREQ(reason_phrase(301), "Moved Permanently");
  EXPECT_STREQ(reason_phrase(418), "");
  EXPECT_STREQ(reason_phrase(429), "Too Many Requests");
  EXPECT_STREQ(reason_phrase(504), "Gateway Timeout");
}

TEST(MakeLogTest, DescribesTheAttempt) {
  Task task = active_task();
  task.attempt = 2;
  task.retry_limit = 5;
  AttemptOutcome outcome = answered(503, kStart);
  outcome.sent.url = "http://127.0.0.1/hook?sent=1";
  outcome.duration = std::chrono::microseconds{999'001};
  Uuid id{};
  id[15] = 1;
  const Log log = make_log(task, outcome, kEnd, id, seconds{60});
  EXPECT_EQ(log.id, "00000000-0000-0000-0000-000000000001");
  EXPECT_EQ(log.task, task.key);
  EXPECT_EQ(log.attempt, 3);
  EXPECT_EQ(log.retry_limit, 5);
  EXPECT_EQ(log.request, outcome.sent);
  EXPECT_EQ(log.response, outcome.response);
  EXPECT_EQ(log.error, "HTTP 503 Service Unavailable");
  EXPECT_EQ(log.status, LogStatus::kFail);
  EXPECT_FALSE(log.probe);
  EXPECT_EQ(log.scheduled_date, kT0);
  EXPECT_EQ(log.started_at, kStart);
  EXPECT_EQ(log.due_date, kT0);
  EXPECT_EQ(log.duration, std::chrono::microseconds{999'001});
  EXPECT_EQ(log.expires_at, kEnd + seconds{60});
  EXPECT_EQ(log.created_at, kEnd);
}

TEST(MakeLogTest, SaysWhenTheAttemptWasDue) {
  const auto due = [](const Task& task) {
    return make_log(task, answered(200), kEnd, {}, seconds{0}).due_date;
  };
  Task task = active_task();
  task.created_at = kT0 - seconds{60};
  EXPECT_EQ(due(task), kT0);
  // A retry has a time of its own, and so has "run now".
  task.attempt = 1;
  task.next_attempt_date = kT0 + milliseconds{1'500};
  EXPECT_EQ(due(task), kT0 + milliseconds{1'500});
  task.attempt = 0;
  task.next_attempt_date = kT0 - seconds{5};
  EXPECT_EQ(due(task), kT0 - seconds{5});
  // What is registered for the past is not late before it is registered.
  task.next_attempt_date.reset();
  task.created_at = kT0 + seconds{9};
  EXPECT_EQ(due(task), kT0 + seconds{9});
}

TEST(AttemptOutcomeTest, EndsInWholeMilliseconds) {
  AttemptOutcome outcome = answered(200, kStart);
  outcome.duration = std::chrono::microseconds{2'999};
  EXPECT_EQ(outcome.ended_at(), kStart + milliseconds{2});
}

TEST(MakeLogTest, TellsSuccessFromFailure) {
  EXPECT_EQ(make_log(active_task(), answered(204), kEnd, {}, seconds{0}).status,
            LogStatus::kSuccess);
  EXPECT_EQ(make_log(active_task(), answered(204), kEnd, {}, seconds{0}).error, "");
  const Log unheard = make_log(active_task(), unanswered("timed out"), kEnd, {}, seconds{0});
  EXPECT_EQ(unheard.status, LogStatus::kFail);
  EXPECT_EQ(unheard.error, "timed out");
  EXPECT_EQ(unheard.response, std::nullopt);
}

TEST(ApplyOutcomeTest, WhatEndsExpiresByItsKind) {
  OutcomePolicy policy;
  policy.done_ttl = seconds{60};
  policy.failed_ttl = seconds{90};
  Task task = active_task();
  task.retry_limit = 1;
  EXPECT_EQ(apply_outcome(task, answered(200), kEnd, policy, 0).expires_at, kEnd + seconds{60});
  task = apply_outcome(task, answered(500), kEnd, policy, 0);
  EXPECT_EQ(task.expires_at, std::nullopt) << "it is tried again";
  task = apply_outcome(task, answered(500), kEnd, policy, 0);
  EXPECT_EQ(task.status, Status::kFailed);
  EXPECT_EQ(task.expires_at, kEnd + seconds{90});
  EXPECT_EQ(run_now(task, kEnd).value().expires_at, std::nullopt);
  EXPECT_EQ(apply_outcome(active_task(), answered(200), kEnd, {}, 0).expires_at, std::nullopt);

  task = active_task();
  task.repeat = Repeat{1, 2, RepeatUnit::kMinutes};
  task = apply_outcome(task, answered(200), kEnd, policy, 0);
  EXPECT_EQ(task.expires_at, std::nullopt) << "it goes on";
  EXPECT_EQ(apply_outcome(task, answered(200), kEnd, policy, 0).expires_at, kEnd + seconds{60});
}

TEST(MakeLogTest, ExpiresWithinTimeOrNever) {
  const auto expiry = [](seconds ttl, TimePoint now) {
    return make_log(active_task(), answered(200), now, {}, ttl).expires_at;
  };
  EXPECT_EQ(expiry(seconds{0}, kEnd), std::nullopt);
  EXPECT_EQ(expiry(seconds{-1}, kEnd), std::nullopt);
  EXPECT_EQ(expiry(seconds{1}, kEnd), kEnd + seconds{1});
  EXPECT_EQ(expiry(seconds::max(), kEnd), kTimeMax);
  EXPECT_EQ(expiry(seconds{2}, kTimeMax - seconds{1}), kTimeMax);
  EXPECT_EQ(expiry(seconds{1}, kTimeMax - seconds{1}), kTimeMax);
  EXPECT_EQ(expiry(seconds{1}, kTimeMax - milliseconds{1'001}), kTimeMax - milliseconds{1});
}

// What becomes of a series whose every execution fails, after each of them.
TEST(ApplyOutcomeTest, SoManyFailuresInARowEndOrPauseASeries) {
  struct Case {
    std::optional<int> max_errors;  // of the task; that of the worker is 3
    bool pauses;
    std::vector<int> stops_after;  // of ten executions
  };
  const Case cases[] = {
      {{}, false, {3}}, {{}, true, {3, 6, 9}},
      {1, false, {1}},  {1, true, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
      {4, false, {4}},  {4, true, {4, 8}},
      {0, false, {}},   {0, true, {}},
  };
  const OutcomePolicy policy{.max_errors = 3};
  for (const Case& one : cases) {
    Task task = active_task();
    task.repeat = Repeat{1, 0, RepeatUnit::kHours};
    task.max_errors = one.max_errors;
    task.pause_on_failure = one.pauses;
    std::vector<int> stopped;
    for (int n = 1; n <= 10 && task.status == Status::kActive; ++n) {
      const TimePoint now = due_at(task);
      task = apply_outcome(begin_attempt(task, now), answered(410, now), now, policy, 0);
      EXPECT_EQ(task.errors.consecutive, n);
      if (task.status == Status::kActive) continue;
      stopped.push_back(n);
      if (!one.pauses) {
        EXPECT_EQ(task.status, Status::kFailed);
        EXPECT_EQ(task.failure_reason, failure::kMaxErrors);
        continue;
      }
      EXPECT_EQ(task.status, Status::kSuspended);
      EXPECT_EQ(task.failure_reason, "");
      EXPECT_EQ(task.attempt, 0);
      EXPECT_EQ(task.scheduled_date, kT0 + n * std::chrono::hours{1}) << "its next one";
      EXPECT_EQ(task.note,
                n == 1 ? "paused: 1 execution has failed"
                       : "paused: " + std::to_string(n) + " executions in a row have failed");
      task = unsuspend(std::move(task), now).value();
      EXPECT_EQ(task.note, "");
      EXPECT_EQ(task.errors.consecutive, n);
    }
    EXPECT_EQ(stopped, one.stops_after);
  }
}

TEST(ApplyOutcomeTest, WhatHasNoNextOccurrenceEndsRatherThanPauses) {
  Task task = active_task();
  task.max_errors = 1;
  task.pause_on_failure = true;
  const Task once = apply_outcome(task, answered(410), kT0, {}, 0);
  EXPECT_EQ(once.status, Status::kFailed);
  EXPECT_EQ(once.failure_reason, failure::kGone);
  EXPECT_EQ(once.note, "");
  // Nor where nothing can be sent whatever is tried.
  task.repeat = Repeat{1, 0, RepeatUnit::kHours};
  AttemptRules rules = rules_for(task, nullptr);
  rules.final_reason = failure::kUnbuildable;
  EXPECT_EQ(apply_outcome(task, unanswered("no"), kT0, {}, rules, 0).status, Status::kFailed);
  // One that is cancelled is paused no more.
  task = apply_outcome(task, answered(410), kT0, {}, 0);
  ASSERT_EQ(task.status, Status::kSuspended);
  EXPECT_EQ(cancel(task, kT0, std::chrono::seconds{0})->note, "");
}

}  // namespace
}  // namespace rhooks::model

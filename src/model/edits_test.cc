#include <gtest/gtest.h>

#include "model/test_support.h"

// suspend(), unsuspend(), cancel(), run_now() and leave_place().
namespace rhooks::model {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr Status kStatuses[] = {Status::kActive, Status::kProcessing, Status::kDone,
                                Status::kFailed, Status::kSuspended};
constexpr TimePoint kLater = kT0 + hours{5};

// A task with something in every member, so that a change that should not be is seen.
Task busy_task(Status status) {
  Task task = active_task();
  task.id_prefix = "prefix";
  task.repeat = Repeat{1, 9, RepeatUnit::kHours};
  task.retry_limit = 4;
  task.status = status;
  task.errors = {3, 2, kT0 - hours{9}, kT0 - hours{1}, "HTTP 500"};
  task.execution.count = 5;
  task.execution.failed = 3;
  task.execution.successful = 2;
  task.execution.skipped = 1;
  task.execution.first_execution_date = kT0 - hours{9};
  task.execution.first_scheduled_date = kT0 - hours{9};
  task.execution.last_execution_date = kT0 - hours{1};
  task.execution.last_response_status = 500;
  task.execution.last_response_headers = {{"a", "b"}};
  task.execution.last_response_body = "body";
  task.attempt = 2;
  task.next_attempt_date = kT0 + milliseconds{1'234};
  return task;
}

void expect_conflict(const Result<Task>& result, Status status, const std::string& remedy) {
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kConflict);
  EXPECT_EQ(result.error().field, "");
  EXPECT_TRUE(result.error().message.starts_with(std::string("task is ") + to_string(status)))
      << result.error().message;
  EXPECT_NE(result.error().message.find(remedy), std::string::npos) << result.error().message;
}

TEST(LeavePlaceTest, TakesRetriesThatWaitInTheirPlace) {
  Task retry = busy_task(Status::kProcessing);
  expect_conflict(leave_place(retry, kT0), Status::kProcessing, "it waits for no retry");
  Task expected = retry;
  retry.in_order = true;
  EXPECT_EQ(leave_place(retry, kT0), expected);
  expect_conflict(leave_place(retry, due_at(retry)), Status::kProcessing, "it waits for no retry");
}

TEST(SuspendTest, TakesActiveTasksOnly) {
  for (Status status : kStatuses) {
    SCOPED_TRACE(to_string(status));
    const Task before = busy_task(status);
    const auto after = suspend(before, kLater);
    if (status == Status::kActive) {
      Task expected = before;
      expected.status = Status::kSuspended;
      expected.updated_at = kLater;
      ASSERT_TRUE(after.has_value());
      EXPECT_EQ(*after, expected);
    } else {
      expect_conflict(after, status,
                      status == Status::kSuspended ? "no second suspend" : "only ACTIVE tasks");
    }
  }
}

TEST(SuspendTest, SaysWhatToDoWhileAnAttemptIsMade) {
  expect_conflict(suspend(busy_task(Status::kProcessing), kLater), Status::kProcessing,
                  "try again when its attempt has ended");
}

TEST(UnsuspendTest, TakesSuspendedTasksOnlyAndKeepsTheirTimes) {
  for (Status status : kStatuses) {
    SCOPED_TRACE(to_string(status));
    const Task before = busy_task(status);
    const auto after = unsuspend(before, kLater);
    if (status == Status::kSuspended) {
      Task expected = before;
      expected.status = Status::kActive;
      expected.updated_at = kLater;
      ASSERT_TRUE(after.has_value());
      EXPECT_EQ(*after, expected);
    } else {
      expect_conflict(after, status, "only SUSPENDED tasks can be unsuspended");
    }
  }
}

TEST(UnsuspendTest, UndoesSuspend) {
  const Task before = busy_task(Status::kActive);
  Task after = unsuspend(suspend(before, kLater).value(), kLater).value();
  after.updated_at = before.updated_at;
  EXPECT_EQ(after, before);
}

TEST(CancelTest, EndsWhatMayStillRun) {
  for (Status status : kStatuses) {
    SCOPED_TRACE(to_string(status));
    Task before = busy_task(status);
    before.extra_date = kT0 - hours{2};
    before.in_order = true;
    const auto after = cancel(before, kLater, std::chrono::seconds{60});
    if (status == Status::kDone || status == Status::kFailed) {
      expect_conflict(after, status, "only what may still run");
      continue;
    }
    Task expected = before;
    expected.status = Status::kFailed;
    expected.failure_reason = "cancelled";
    expected.attempt = 0;
    expected.next_attempt_date.reset();
    expected.in_order = false;
    expected.extra_date.reset();
    expected.expires_at = kLater + std::chrono::seconds{60};
    expected.updated_at = kLater;
    ASSERT_TRUE(after.has_value());
    EXPECT_EQ(*after, expected);
    EXPECT_EQ(cancel(before, kLater, std::chrono::seconds{0})->expires_at, std::nullopt);
  }
}

TEST(CancelTest, ASeriesThatIsRunAgainGoesOnFromThere) {
  Task task = active_task();
  task.repeat = Repeat{1, 3, RepeatUnit::kHours};
  task = apply_outcome(task, answered(200), kT0, {}, 0);
  task = cancel(task, kT0, std::chrono::seconds{0}).value();
  task = run_now(task, kLater).value();
  EXPECT_EQ(task.status, Status::kActive);
  EXPECT_EQ(task.failure_reason, "");
  task = apply_outcome(task, answered(200), kLater, {}, 0);
  EXPECT_EQ(task.scheduled_date, kLater + hours{1});
  EXPECT_EQ(apply_outcome(task, answered(200), kLater, {}, 0).status, Status::kDone);
}

TEST(RunNowTest, BringsARetryForwardWithoutMovingItsOccurrence) {
  const Task before = busy_task(Status::kActive);
  for (const TimePoint now : {kT0 - hours{1}, kT0, *before.next_attempt_date - milliseconds{1}}) {
    Task expected = before;
    expected.next_attempt_date = now;
    expected.updated_at = now;
    const auto after = run_now(before, now);
    ASSERT_TRUE(after.has_value());
    EXPECT_EQ(*after, expected);
    EXPECT_EQ(due_at(*after), now);
  }
}

TEST(RunNowTest, WhatIsDueKeepsItsPlace) {
  Task retry = busy_task(Status::kActive);
  Task series = active_task();
  series.repeat = Repeat{1, 0, RepeatUnit::kHours};
  for (const Task& before : {retry, series, active_task()}) {
    Task expected = before;
    expected.updated_at = kLater;
    EXPECT_EQ(run_now(before, kLater).value(), expected);
  }
}

TEST(RunNowTest, MakesAFutureOccurrenceDue) {
  Task task = active_task();
  const TimePoint early = kT0 - hours{1};
  const auto after = run_now(task, early);
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(due_at(*after), early);
  EXPECT_EQ(after->scheduled_date, kT0);
}

TEST(RunNowTest, GivesASeriesAnExtraOccurrenceAndLeavesItsOwnAlone) {
  Task before = active_task();
  before.repeat = Repeat{1, 3, RepeatUnit::kHours};
  const TimePoint now = kT0 - milliseconds{1};
  Task asked = before;
  asked.extra_date = now;
  asked.updated_at = now;
  Task task = run_now(before, now).value();
  EXPECT_EQ(task, asked);
  EXPECT_EQ(due_at(task), now);

  task = begin_attempt(task, now);
  const Log log = make_log(task, answered(200, now), now, {}, std::chrono::seconds{0});
  EXPECT_EQ(log.scheduled_date, now);
  task = apply_outcome(task, answered(200, now), now, {}, 0);
  EXPECT_EQ(task.status, Status::kActive);
  EXPECT_EQ(task.extra_date, std::nullopt);
  EXPECT_EQ(due_at(task), kT0);
  EXPECT_EQ(task.execution.count, 1);
  EXPECT_EQ(task.execution.extra, 1);
  EXPECT_EQ(task.execution.first_scheduled_date, now);

  // All three of the series follow, and each may be preceded by an extra one.
  for (int n = 0; n < 3; ++n) {
    const TimePoint early = task.scheduled_date - milliseconds{1};
    task = apply_outcome(run_now(task, early).value(), answered(200, early), early, {}, 0);
    ASSERT_EQ(due_at(task), kT0 + n * hours{1});
    const TimePoint at = task.scheduled_date;
    task = apply_outcome(begin_attempt(task, at), answered(200, at), at, {}, 0);
  }
  EXPECT_EQ(task.status, Status::kDone);
  EXPECT_EQ(task.execution.count, 7);
  EXPECT_EQ(task.execution.extra, 4);
  EXPECT_EQ(task.execution.skipped, 0);
}

// It has had its time, and waits since nobody was answered and it was asked to.
TEST(RunNowTest, BringsForwardWhatHadAnAttemptThatDidNotCount) {
  Task task = active_task();
  task.repeat = Repeat{1, 0, RepeatUnit::kHours};
  AttemptOutcome busy = answered(503);
  busy.retry_after = hours{9};
  task = apply_outcome(task, busy, kT0, {}, {.retry_limit = 3, .counts = false}, 0);
  ASSERT_EQ(due_at(task), kT0 + hours{9});
  task = run_now(task, kLater).value();
  EXPECT_EQ(due_at(task), kLater);
  EXPECT_EQ(task.extra_date, std::nullopt);
  EXPECT_EQ(task.attempt, 0);
}

TEST(RunNowTest, TwiceBeforeTheExtraOccurrenceEndsAsksForOne) {
  Task task = active_task();
  task.repeat = Repeat{1, 0, RepeatUnit::kHours};
  const TimePoint first = kT0 - hours{1};
  const TimePoint second = first + milliseconds{5};
  task = run_now(task, first).value();
  EXPECT_EQ(run_now(task, second)->extra_date, first);
  EXPECT_EQ(due_at(*run_now(task, second)), first);
  // By a clock that was set back since.
  EXPECT_EQ(run_now(task, first - hours{1})->extra_date, first);
  EXPECT_EQ(due_at(*run_now(task, first - hours{1})), first - hours{1});

  task = apply_outcome(begin_attempt(task, first), answered(500, first), first, {}, 1);
  ASSERT_GT(due_at(task), second) << "a retry is pending";
  task = run_now(task, second).value();
  EXPECT_EQ(task.extra_date, first);
  EXPECT_EQ(task.attempt, 1);
  EXPECT_EQ(due_at(task), second);
}

TEST(RunNowTest, AnExtraOccurrenceThatIsRetriedPastTheSeriesNextOneDelaysIt) {
  Task task = active_task();
  task.repeat = Repeat{1, 2, RepeatUnit::kHours};
  task.retry_limit = 1;
  const TimePoint asked = kT0 - hours{1};
  task = run_now(task, asked).value();
  task = apply_outcome(begin_attempt(task, asked), answered(500, asked), asked, {}, 0);
  ASSERT_EQ(task.status, Status::kActive);
  EXPECT_EQ(task.extra_date, asked);
  EXPECT_EQ(task.attempt, 1);
  EXPECT_EQ(task.scheduled_date, kT0);

  // Suspended meanwhile, for three hours.
  task = unsuspend(suspend(task, asked).value(), kT0).value();
  const TimePoint late = kT0 + hours{2} + std::chrono::minutes{10};
  task = begin_attempt(task, late);
  EXPECT_EQ(task.execution.skipped, 0);
  task = apply_outcome(task, answered(500, late), late, {}, 0);
  EXPECT_EQ(task.status, Status::kActive);
  EXPECT_EQ(task.attempt, 0);
  EXPECT_EQ(task.execution.failed, 1);
  EXPECT_EQ(task.errors.consecutive, 1);
  EXPECT_EQ(due_at(task), kT0) << "late, and not lost";

  task = begin_attempt(task, late);
  EXPECT_EQ(task.scheduled_date, kT0 + hours{2}) << "the latest of those missed";
  EXPECT_EQ(task.execution.skipped, 2);
  task = apply_outcome(task, answered(200, late), late, {}, 0);
  EXPECT_EQ(task.status, Status::kActive) << "one of two";
  EXPECT_EQ(due_at(task), kT0 + hours{3});
}

TEST(RunNowTest, AnExtraOccurrenceMayBeTheFailureTooMany) {
  Task task = active_task();
  task.repeat = Repeat{1, 0, RepeatUnit::kHours};
  task.retry_limit = 0;
  const OutcomePolicy policy{.max_errors = 2, .backoff = {}};
  task = apply_outcome(task, answered(500), kT0, policy, 0);
  ASSERT_EQ(task.status, Status::kActive);
  task = run_now(task, kT0 + milliseconds{1}).value();
  ASSERT_TRUE(task.extra_date);
  task = apply_outcome(task, answered(500), kT0 + milliseconds{1}, policy, 0);
  EXPECT_EQ(task.status, Status::kFailed);
  EXPECT_EQ(task.extra_date, std::nullopt);
  EXPECT_EQ(task.scheduled_date, kT0 + hours{1});
  // And a success between two failures begins the count anew.
  task = run_now(task, kLater).value();
  EXPECT_EQ(task.scheduled_date, kLater);
  EXPECT_EQ(task.extra_date, std::nullopt) << "an ended series goes on from here";
  task = apply_outcome(task, answered(500), kLater, policy, 0);
  task = apply_outcome(run_now(task, kLater).value(), answered(200), kLater, policy, 0);
  task = apply_outcome(begin_attempt(task, kLater + hours{1}), answered(500), kLater + hours{1},
                       policy, 0);
  EXPECT_EQ(task.status, Status::kActive);
}

TEST(RunNowTest, ASeriesOfOneIsBroughtForwardAsAOneShotIs) {
  Task task = active_task();
  task.repeat = Repeat{1, 1, RepeatUnit::kHours};
  const TimePoint early = kT0 - hours{1};
  task = run_now(task, early).value();
  EXPECT_EQ(task.extra_date, std::nullopt);
  EXPECT_EQ(due_at(task), early);
  EXPECT_EQ(task.scheduled_date, kT0);
  EXPECT_EQ(apply_outcome(task, answered(200), early, {}, 0).status, Status::kDone);
}

TEST(RunNowTest, GivesAnEndedTaskOneMoreOccurrence) {
  for (Status status : {Status::kDone, Status::kFailed}) {
    SCOPED_TRACE(to_string(status));
    Task before = busy_task(status);
    if (status == Status::kFailed) before.failure_reason = failure::kExhausted;
    Task expected = before;
    expected.status = Status::kActive;
    expected.failure_reason.clear();
    expected.scheduled_date = kLater;
    expected.next_attempt_date.reset();
    expected.attempt = 0;
    expected.errors.consecutive = 0;
    expected.updated_at = kLater;
    const auto after = run_now(before, kLater);
    ASSERT_TRUE(after.has_value());
    EXPECT_EQ(*after, expected);
    EXPECT_EQ(due_at(*after), kLater);
  }
}

TEST(RunNowTest, RefusesSuspendedTasksAndRunningAttempts) {
  expect_conflict(run_now(busy_task(Status::kSuspended), kLater), Status::kSuspended,
                  "unsuspend it");
  expect_conflict(run_now(busy_task(Status::kProcessing), kLater), Status::kProcessing,
                  "when that attempt has ended");
}

TEST(RunNowTest, ADoneOneShotIsDoneAgainAfterOneMoreSuccess) {
  Task task = apply_outcome(active_task(), answered(200), kT0, {}, 0);
  ASSERT_EQ(task.status, Status::kDone);
  task = run_now(task, kLater).value();
  task = apply_outcome(begin_attempt(task, kLater), answered(200, kLater), kLater, {}, 0);
  EXPECT_EQ(task.status, Status::kDone);
  EXPECT_EQ(task.execution.count, 2);
  EXPECT_EQ(task.execution.first_scheduled_date, kT0);
  EXPECT_EQ(task.scheduled_date, kLater);
}

TEST(RunNowTest, AFailedOneShotMayStillSucceed) {
  Task task = active_task();
  task.retry_limit = 0;
  task = apply_outcome(task, answered(500), kT0, {}, 0);
  ASSERT_EQ(task.status, Status::kFailed);
  task = run_now(task, kLater).value();
  task = apply_outcome(task, answered(200, kLater), kLater, {}, 0);
  EXPECT_EQ(task.status, Status::kDone);
  EXPECT_EQ(task.errors.count, 1);
  EXPECT_EQ(task.execution.count, 2);
}

TEST(RunNowTest, AFinishedSeriesEndsAgainAfterItsExtraOccurrence) {
  Task task = active_task();
  task.repeat = Repeat{1, 2, RepeatUnit::kHours};
  task.status = Status::kDone;
  task.execution.count = task.execution.successful = 2;
  task = run_now(task, kLater).value();
  // Hours late, yet nothing is skipped: no occurrence follows this one.
  const TimePoint late = kLater + hours{7};
  task = begin_attempt(task, late);
  EXPECT_EQ(task.scheduled_date, kLater);
  EXPECT_EQ(task.execution.skipped, 0);
  task = apply_outcome(task, answered(200, late), late, {}, 0);
  EXPECT_EQ(task.status, Status::kDone);
  EXPECT_EQ(task.execution.count, 3);
}

TEST(RunNowTest, ASeriesThatFailedTooOftenGoesOnFromNow) {
  Task task = active_task();
  task.repeat = Repeat{1, 0, RepeatUnit::kHours};
  task.retry_limit = 0;
  const OutcomePolicy policy{.max_errors = 2, .backoff = {}};
  TimePoint now = kT0;
  while (task.status == Status::kActive) {
    now = task.scheduled_date;
    task = apply_outcome(task, answered(500, now), now, policy, 0);
  }
  ASSERT_EQ(task.status, Status::kFailed);
  ASSERT_EQ(task.execution.count, 2);

  task = run_now(task, kLater).value();
  task = apply_outcome(task, answered(500, kLater), kLater, policy, 0);
  EXPECT_EQ(task.status, Status::kActive) << "one more failure must not end it at once";
  EXPECT_EQ(task.errors.consecutive, 1);
  EXPECT_EQ(task.errors.count, 3);
  EXPECT_EQ(task.scheduled_date, kLater + hours{1});
}

}  // namespace
}  // namespace rhooks::model

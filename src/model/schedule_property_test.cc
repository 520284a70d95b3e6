#include <gtest/gtest.h>

#include <algorithm>

#include "model/test_support.h"
#include "testing/test_seed.h"

// Whole lives of tasks, drawn from a seed: workers that come late, receivers that fail, and
// people who trigger, suspend and unsuspend in between.
namespace rhooks::model {
namespace {

using std::chrono::milliseconds;

class Life {
 public:
  explicit Life(std::uint64_t seed) : random_(seed) {}

  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  double unit() { return static_cast<double>(random_() >> 11) * 0x1.0p-53; }

  Task draw_recurring() {
    Task task = active_task();
    task.repeat =
        Repeat{1 + below(90), below(3) == 0 ? 0 : 2 + below(20), static_cast<RepeatUnit>(below(4))};
    task.retry_limit = below(4);
    return task;
  }

  AttemptOutcome draw_outcome(TimePoint at, int failures_of_ten) {
    AttemptOutcome outcome =
        below(10) >= failures_of_ten
            ? answered(200 + below(100), at)
            : (below(3) == 0 ? unanswered("no connection", at) : answered(300 + below(300), at));
    if (below(5) == 0) outcome.retry_after = milliseconds{below(10'000'000)};
    return outcome;
  }

  // When the worker comes to a due task: mostly at once, sometimes after long.
  TimePoint draw_claim(const Task& task, TimePoint now) {
    const TimePoint soon = std::max(now, due_at(task)) + milliseconds{below(20)};
    return below(4) == 0 ? soon + below(30) * interval_of(*task.repeat) / (1 + below(7)) : soon;
  }

 private:
  std::mt19937_64 random_;
};

// Every occurrence up to the current one was executed or skipped, and each lies on the grid of
// the schedule.
void expect_on_grid(const Task& task, TimePoint first, bool ended_by_extra = false) {
  const milliseconds interval = interval_of(*task.repeat);
  const milliseconds passed = task.scheduled_date - first;
  const Execution& execution = task.execution;
  ASSERT_EQ(passed % interval, milliseconds{0}) << "the schedule drifted";
  // An ended task stays on its last occurrence, which is counted already.
  const std::int64_t ended = task.status == Status::kActive || ended_by_extra ? 0 : 1;
  ASSERT_EQ(passed / interval, execution.count - execution.extra + execution.skipped - ended);
}

void expect_counts_agree(const Task& task, const OutcomePolicy& policy) {
  const Execution& execution = task.execution;
  ASSERT_EQ(execution.count, execution.successful + execution.failed);
  ASSERT_EQ(execution.failed, task.errors.count);
  ASSERT_GE(task.errors.consecutive, 0);
  ASSERT_LE(task.errors.consecutive, task.errors.count);
  ASSERT_LE(task.errors.consecutive, policy.max_errors);
  ASSERT_GE(task.attempt, 0);
  ASSERT_LE(task.attempt, task.retry_limit);
  if (task.status != Status::kActive) {
    ASSERT_EQ(task.attempt, 0);
    ASSERT_EQ(task.next_attempt_date, std::nullopt);
  }
  if (task.attempt > 0) {
    ASSERT_TRUE(task.next_attempt_date.has_value());
  }
  if (task.repeat->max > 0) {
    ASSERT_LE(execution.count - execution.extra, task.repeat->max);
  }
}

TEST(SchedulePropertyTest, OccurrencesAreExecutedOrSkippedAndNeverDrift) {
  const std::uint64_t seed = testing::test_seed();
  for (std::uint64_t n = 0; n < 2'000; ++n) {
    SCOPED_TRACE("life " + std::to_string(n));
    Life life(seed + n);
    const OutcomePolicy policy{.max_errors = 1 + life.below(6), .backoff = {}};
    const int failures_of_ten = life.below(10);
    Task task = life.draw_recurring();
    TimePoint now = kT0;
    std::int64_t logs = 0;
    std::int64_t failed_logs = 0;
    TimePoint occurrence = kT0;
    for (int step = 0; step < 200 && task.status == Status::kActive; ++step) {
      now = life.draw_claim(task, now);
      const bool retry = task.attempt > 0;
      const Task begun = begin_attempt(task, now);
      ASSERT_GE(begun.execution.skipped, task.execution.skipped);
      if (retry) {
        ASSERT_EQ(begun, task) << "an occurrence under way must not be skipped";
        ASSERT_EQ(begun.scheduled_date, occurrence);
      } else if (step > 0) {
        ASSERT_GT(begun.scheduled_date, occurrence) << "an occurrence was executed twice";
      }
      occurrence = begun.scheduled_date;
      ASSERT_NO_FATAL_FAILURE(expect_on_grid(begun, kT0));
      // Of those missed the latest is kept: the one after it is still to come.
      if (!retry) {
        ASSERT_GT(begun.scheduled_date + interval_of(*begun.repeat), now);
      }

      const AttemptOutcome outcome = life.draw_outcome(now, failures_of_ten);
      now += milliseconds{life.below(2'000)};
      const Log log = make_log(begun, outcome, now, {}, std::chrono::seconds{0});
      ++logs;
      if (log.status == LogStatus::kFail) ++failed_logs;
      ASSERT_EQ(log.scheduled_date, occurrence);
      ASSERT_EQ(log.attempt, begun.attempt + 1);
      ASSERT_LE(log.attempt, 1 + log.retry_limit);

      task = apply_outcome(begun, outcome, now, policy, life.unit());
      ASSERT_NO_FATAL_FAILURE(expect_on_grid(task, kT0));
      ASSERT_NO_FATAL_FAILURE(expect_counts_agree(task, policy));
      ASSERT_EQ(logs - failed_logs, task.execution.successful);
      if (task.next_attempt_date) {
        ASSERT_GE(*task.next_attempt_date, now);
      }
    }
    if (task.status == Status::kDone) {
      ASSERT_EQ(task.execution.count, task.repeat->max);
    } else if (task.status == Status::kFailed) {
      ASSERT_TRUE(task.execution.count == task.repeat->max ||
                  task.errors.consecutive == policy.max_errors);
    }
  }
}

// Somebody runs it by hand now and then: the series is executed or skipped as if nobody had.
TEST(SchedulePropertyTest, ExtraOccurrencesLeaveTheSeriesAlone) {
  const std::uint64_t seed = testing::test_seed();
  std::int64_t extras = 0;
  for (std::uint64_t n = 0; n < 2'000; ++n) {
    SCOPED_TRACE("life " + std::to_string(n));
    Life life(seed + n);
    const OutcomePolicy policy{.max_errors = 1 + life.below(6), .backoff = {}};
    const int failures_of_ten = life.below(10);
    Task task = life.draw_recurring();
    TimePoint now = kT0 - std::chrono::hours{1};
    std::int64_t asked = 0;
    bool extra = false;
    for (int step = 0; step < 200 && task.status == Status::kActive; ++step) {
      if (life.below(2) == 0) {
        const TimePoint before = due_at(task);
        const bool pending = task.extra_date.has_value();
        const bool waits = before > now && task.attempt == 0;
        const Task after = run_now(task, now).value();
        ASSERT_EQ(after.scheduled_date, task.scheduled_date);
        ASSERT_EQ(due_at(after), std::min(before, now));
        ASSERT_EQ(after.extra_date.has_value(), pending || waits);
        if (!pending && waits) {
          ASSERT_EQ(after.extra_date, now);
          ++asked;
        }
        task = after;
      }
      now = life.draw_claim(task, now);
      extra = task.extra_date.has_value();
      const Task begun = begin_attempt(task, now);
      if (extra) {
        ASSERT_EQ(begun, task);
      }
      ASSERT_NO_FATAL_FAILURE(expect_on_grid(begun, kT0));
      const AttemptOutcome outcome = life.draw_outcome(now, failures_of_ten);
      now += milliseconds{life.below(2'000)};
      const Log log = make_log(begun, outcome, now, {}, std::chrono::seconds{0});
      ASSERT_EQ(log.scheduled_date, extra ? *task.extra_date : begun.scheduled_date);
      task = apply_outcome(begun, outcome, now, policy, life.unit());
      if (extra) {
        ASSERT_EQ(task.scheduled_date, begun.scheduled_date);
        ASSERT_EQ(task.extra_date.has_value(), task.attempt > 0) << "its retries are its own";
      }
      ASSERT_NO_FATAL_FAILURE(expect_on_grid(task, kT0, extra));
      ASSERT_NO_FATAL_FAILURE(expect_counts_agree(task, policy));
      ASSERT_EQ(task.execution.extra + (task.extra_date ? 1 : 0), asked);
    }
    if (task.status == Status::kDone) {
      ASSERT_EQ(task.execution.count - task.execution.extra, task.repeat->max);
      ASSERT_FALSE(extra) << "an extra occurrence ended the series";
    }
    extras += asked;
  }
  EXPECT_GT(extras, 1'000);
}

TEST(SchedulePropertyTest, EditsNeverBreakTheCountsNorWakeAnEndedTask) {
  const std::uint64_t seed = testing::test_seed();
  for (std::uint64_t n = 0; n < 1'000; ++n) {
    SCOPED_TRACE("life " + std::to_string(n));
    Life life(seed + n);
    const OutcomePolicy policy{.max_errors = 1 + life.below(4), .backoff = {}};
    Task task = life.draw_recurring();
    TimePoint now = kT0 - std::chrono::hours{1};
    for (int step = 0; step < 100; ++step) {
      now += milliseconds{life.below(100'000'000)};
      const Status before = task.status;
      Result<Task> edited = task;
      switch (life.below(6)) {
        case 0:
          edited = suspend(task, now);
          ASSERT_EQ(edited.has_value(), before == Status::kActive);
          break;
        case 1:
          edited = unsuspend(task, now);
          ASSERT_EQ(edited.has_value(), before == Status::kSuspended);
          break;
        case 2:
          edited = run_now(task, now);
          ASSERT_EQ(edited.has_value(), before != Status::kSuspended);
          if (edited) {
            ASSERT_EQ(edited->status, Status::kActive);
            ASSERT_LE(due_at(*edited), now);
          }
          break;
        default:
          if (before == Status::kActive && due_at(task) <= now) {
            const Task begun = begin_attempt(task, now);
            const AttemptOutcome outcome = life.draw_outcome(now, 5);
            edited = apply_outcome(begun, outcome, now, policy, life.unit());
          }
          break;
      }
      if (edited) task = *edited;
      ASSERT_EQ(task.execution.count, task.execution.successful + task.execution.failed);
      ASSERT_EQ(task.execution.failed, task.errors.count);
      ASSERT_LE(task.errors.consecutive, policy.max_errors);
      ASSERT_LE(task.attempt, task.retry_limit);
      ASSERT_LE(task.execution.extra, task.execution.count);
      if (task.status == Status::kDone || task.status == Status::kFailed) {
        ASSERT_EQ(task.extra_date, std::nullopt);
      }
      ASSERT_GE(task.scheduled_date, kTimeMin);
      ASSERT_LE(task.scheduled_date, kTimeMax);
      if (task.attempt > 0) {
        ASSERT_TRUE(task.next_attempt_date.has_value());
      }
    }
  }
}

TEST(SchedulePropertyTest, AnEveryTenMinutesTaskKeepsToTheClockForAYear) {
  Task task = active_task();
  task.repeat = Repeat{10, 0, RepeatUnit::kMinutes};
  constexpr int kOccurrences = 6 * 24 * 365;
  for (int n = 0; n < kOccurrences; ++n) {
    ASSERT_EQ(task.scheduled_date, kT0 + n * std::chrono::minutes{10});
    const TimePoint now = task.scheduled_date + milliseconds{n % 599'000};
    task = apply_outcome(begin_attempt(task, now), answered(200, now), now, {}, 0);
  }
  EXPECT_EQ(task.execution.count, kOccurrences);
  EXPECT_EQ(task.execution.skipped, 0);
}

}  // namespace
}  // namespace rhooks::model

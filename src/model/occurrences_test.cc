#include <gtest/gtest.h>

#include <limits>

#include "model/test_support.h"

// Nominal times: intervals, the next occurrence, and what begin_attempt() skips.
namespace rhooks::model {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::int64_t kInt64Max = std::numeric_limits<std::int64_t>::max();

TEST(IntervalOfTest, IsTheNumberOfUnits) {
  EXPECT_EQ(interval_of({1, 0, RepeatUnit::kSeconds}), seconds{1});
  EXPECT_EQ(interval_of({90, 0, RepeatUnit::kSeconds}), seconds{90});
  EXPECT_EQ(interval_of({1, 0, RepeatUnit::kMinutes}), minutes{1});
  EXPECT_EQ(interval_of({15, 0, RepeatUnit::kMinutes}), minutes{15});
  EXPECT_EQ(interval_of({1, 0, RepeatUnit::kHours}), hours{1});
  EXPECT_EQ(interval_of({36, 0, RepeatUnit::kHours}), hours{36});
  EXPECT_EQ(interval_of({1, 0, RepeatUnit::kDays}), hours{24});
  EXPECT_EQ(interval_of({36'525, 0, RepeatUnit::kDays}), hours{24 * 36'525});
}

TEST(IntervalOfTest, StaysPositiveAndWithinTimeForAnyNumber) {
  for (RepeatUnit unit :
       {RepeatUnit::kSeconds, RepeatUnit::kMinutes, RepeatUnit::kHours, RepeatUnit::kDays}) {
    for (std::int64_t interval :
         {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}, std::int64_t{0},
          kInt64Max / 86'400'000, kInt64Max / 1'000, kInt64Max / 1'000 + 1, kInt64Max}) {
      const milliseconds length = interval_of({interval, 0, unit});
      EXPECT_GT(length.count(), 0) << interval;
      EXPECT_LE(length, kTimeMax - kTimeMin + milliseconds{1}) << interval;
    }
  }
}

TEST(NextOccurrenceTest, IsOneIntervalLater) {
  EXPECT_EQ(next_occurrence(kT0, {5, 0, RepeatUnit::kMinutes}), kT0 + minutes{5});
}

TEST(NextOccurrenceTest, EndsAtTheEndOfTime) {
  const Repeat daily{1, 0, RepeatUnit::kDays};
  EXPECT_EQ(next_occurrence(kTimeMax - hours{24}, daily), kTimeMax);
  EXPECT_EQ(next_occurrence(kTimeMax - hours{23}, daily), kTimeMax);
  EXPECT_EQ(next_occurrence(kTimeMax, daily), kTimeMax);
  EXPECT_EQ(next_occurrence(kTimeMin, {kInt64Max, 0, RepeatUnit::kDays}), kTimeMax);
}

Task recurring(std::int64_t max, RepeatUnit unit = RepeatUnit::kMinutes,
               std::int64_t interval = 10) {
  Task task = active_task();
  task.repeat = Repeat{interval, max, unit};
  return task;
}

TEST(BeginAttemptTest, KeepsAnOccurrenceThatIsNotAWholeIntervalLate) {
  const Task task = recurring(0);
  for (milliseconds late : {milliseconds{-3'600'000}, milliseconds{-1}, milliseconds{0},
                            milliseconds{1}, milliseconds{599'999}}) {
    EXPECT_EQ(begin_attempt(task, kT0 + late), task) << late.count();
  }
}

TEST(BeginAttemptTest, KeepsTheLatestOfThoseMissed) {
  const Task task = recurring(0);
  for (int missed = 1; missed <= 300; ++missed) {
    for (milliseconds rest : {milliseconds{0}, milliseconds{1}, milliseconds{599'999}}) {
      const TimePoint now = kT0 + missed * minutes{10} + rest;
      Task expected = task;
      expected.scheduled_date = kT0 + missed * minutes{10};
      expected.execution.skipped = missed;
      expected.skipped_before = Skipped{kT0, missed};
      ASSERT_EQ(begin_attempt(task, now), expected);
    }
  }
}

TEST(BeginAttemptTest, AddsToWhatWasSkippedBefore) {
  Task task = recurring(0);
  task.execution.skipped = 40;
  EXPECT_EQ(begin_attempt(task, kT0 + minutes{25}).execution.skipped, 42);
}

TEST(BeginAttemptTest, SkipsForARecurringTaskWithExecutionsLeftOnly) {
  const TimePoint now = kT0 + hours{1};
  for (std::int64_t max = 0; max <= 4; ++max) {
    for (std::int64_t count = 0; count <= 5; ++count) {
      Task task = recurring(max);
      task.execution.count = count;
      const bool skips = max == 0 || (max > 1 && count < max);
      const Task after = begin_attempt(task, now);
      EXPECT_EQ(after.execution.skipped, skips ? 6 : 0) << "max " << max << ", count " << count;
      EXPECT_EQ(after.scheduled_date, skips ? now : kT0);
      EXPECT_EQ(after.execution.count, count) << "skipped ones are no executions";
    }
  }
  EXPECT_EQ(begin_attempt(active_task(), now), active_task()) << "a one-shot is never skipped";
}

TEST(BeginAttemptTest, ExtraExecutionsAreNotOfTheSeries) {
  Task task = recurring(3);
  task.execution.count = 7;
  task.execution.extra = 5;
  EXPECT_EQ(begin_attempt(task, kT0 + hours{1}).execution.skipped, 6);
  task.execution.extra = 4;
  EXPECT_EQ(begin_attempt(task, kT0 + hours{1}).execution.skipped, 0);
}

TEST(BeginAttemptTest, KeepsAnOccurrenceWithAttemptsBehindIt) {
  Task task = recurring(0);
  task.attempt = 1;
  task.next_attempt_date = kT0 + seconds{1};
  EXPECT_EQ(begin_attempt(task, kT0 + hours{100}), task);
}

TEST(BeginAttemptTest, IsIdempotent) {
  for (int minute = -60; minute <= 600; ++minute) {
    const TimePoint now = kT0 + minutes{minute};
    Task task = recurring(0, RepeatUnit::kMinutes, 7);
    task.next_attempt_date = kT0 + minutes{3};
    const Task once = begin_attempt(task, now);
    ASSERT_EQ(begin_attempt(once, now), once);
  }
}

TEST(BeginAttemptTest, KeepsAnExtraOccurrenceHoweverLate) {
  Task task = recurring(0);
  task.extra_date = kT0 - minutes{5};
  EXPECT_EQ(begin_attempt(task, kT0 - minutes{5}), task);
  EXPECT_EQ(begin_attempt(task, kT0 + hours{100}), task) << "the series' own comes after it";
}

TEST(BeginAttemptTest, StaysWithinTimeWhateverTheClockSays) {
  Task task = recurring(0, RepeatUnit::kSeconds, 1);
  task.scheduled_date = kTimeMin;
  const Task after = begin_attempt(task, TimePoint::max());
  EXPECT_LE(after.scheduled_date, kTimeMax);
  EXPECT_GT(after.scheduled_date, kTimeMax - seconds{1});
  EXPECT_EQ(after.execution.skipped, (kTimeMax - kTimeMin) / seconds{1});
  task.scheduled_date = kTimeMax;
  EXPECT_EQ(begin_attempt(task, kTimeMax), task);
  EXPECT_EQ(begin_attempt(task, kTimeMin), task);
  task.repeat->interval = kInt64Max;
  task.scheduled_date = kTimeMin;
  EXPECT_EQ(begin_attempt(task, kTimeMax), task);
}

}  // namespace
}  // namespace rhooks::model

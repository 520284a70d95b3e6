// What becomes of tasks that have a schedule.

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <string>

#include "base/iso8601.h"
#include "model/new_task.h"
#include "model/test_support.h"
#include "model/transitions.h"
#include "model/webhook_id.h"
#include "testing/test_seed.h"

namespace rhooks::model {
namespace {

using namespace std::chrono_literals;
using Times = std::shared_ptr<const Timetable>;

TimePoint at(const std::string& text) {
  return parse_time(text).value();
}

Times times_of(const Task& task) {
  // UTC and offsets need no file.
  static const schedule::Zones zones("/nowhere");
  return schedule::timetable_of(task, zones).value();
}

Schedule cron(const std::string& expression) {
  Schedule schedule;
  schedule.cron = {expression};
  return schedule;
}
Schedule hourly() {
  return cron("0 * * * *");
}

// Registered at `now`.
Task registered(Schedule schedule, TimePoint now = kT0) {
  NewTask task;
  task.ns = "ns";
  task.id = "id";
  task.request.url = "http://127.0.0.1/hook";
  task.schedule = std::move(schedule);
  EXPECT_TRUE(validate(task));
  task.schedule->since = now;
  Task probe;
  static_cast<Spec&>(probe) = task;
  return make_record(std::move(task), now, Uuid{}, times_of(probe).get()).task;
}

Task begun(Task task, TimePoint now) {
  const Times times = times_of(task);
  return begin_attempt(std::move(task), now, times.get());
}

// The attempt that a worker makes at `now`, with that answer.
Task attempted(Task task, TimePoint now, int status = 200, OutcomePolicy policy = {}) {
  const Times times = times_of(task);
  task = begun(std::move(task), now);
  const AttemptRules rules = rules_for(task, nullptr);
  return apply_outcome(std::move(task), answered(status, now), now, policy, rules, 0.5,
                       times.get());
}

Task run_by_hand(Task task, TimePoint now) {
  const Times times = times_of(task);
  return run_now(std::move(task), now, times.get()).value();
}

TEST(ScheduledTaskTest, BeginsWithTheFirstOccurrenceBehindItsRegistration) {
  EXPECT_EQ(registered(hourly()).scheduled_date, kT0 + 1h);
  EXPECT_EQ(registered(hourly(), kT0 - 1ms).scheduled_date, kT0);
  EXPECT_EQ(registered(hourly()).schedule->since, kT0);
  Schedule every;
  every.every = "10m";
  EXPECT_EQ(registered(every).scheduled_date, kT0);
  Schedule later = hourly();
  later.start = "2030-01-02T09:30";
  later.timezone = "+02:00";
  EXPECT_EQ(registered(later).scheduled_date, at("2030-01-02T08:00:00Z"));
}

TEST(ScheduledTaskTest, GoesOnFromOccurrenceToOccurrence) {
  Task task = registered(cron("0 9 * * MON-FRI"));  // kT0 is a Tuesday
  for (const char* const day : {"01", "02", "03", "04", "07"}) {
    const TimePoint nominal = at(std::string("2030-01-") + day + "T09:00:00Z");
    EXPECT_EQ(task.scheduled_date, nominal);
    task = attempted(std::move(task), nominal + 3s);
    EXPECT_EQ(task.status, Status::kActive);
  }
  EXPECT_EQ(task.execution.successful, 5);
  EXPECT_EQ(task.execution.skipped, 0);
  EXPECT_EQ(task.next_attempt_date, std::nullopt);
}

TEST(ScheduledTaskTest, KeepsItsOccurrenceWhileItIsRetried) {
  Task task = attempted(registered(hourly()), kT0 + 1h, 500);
  EXPECT_EQ(task.scheduled_date, kT0 + 1h);
  EXPECT_EQ(task.attempt, 1);
  ASSERT_TRUE(task.next_attempt_date);
  // However late: an occurrence with attempts behind it is not missed.
  EXPECT_EQ(begun(task, kT0 + 9h).scheduled_date, kT0 + 1h);
  task = attempted(std::move(task), kT0 + 9h);
  EXPECT_EQ(task.scheduled_date, kT0 + 2h);
  EXPECT_EQ(task.attempt, 0);
}

TEST(ScheduledTaskTest, EndsWithItsMax) {
  Schedule twice = hourly();
  twice.max = 2;
  Task task = attempted(registered(twice), kT0 + 1h);
  EXPECT_EQ(task.status, Status::kActive);
  task = attempted(std::move(task), kT0 + 2h);
  EXPECT_EQ(task.status, Status::kDone);
  EXPECT_EQ(task.execution.count, 2);
}

TEST(ScheduledTaskTest, EndsWithItsLastOccurrence) {
  Schedule bounded = hourly();
  bounded.end = "2030-01-01T02:00";
  Task task = attempted(registered(bounded), kT0 + 1h);
  EXPECT_EQ(task.scheduled_date, kT0 + 2h);
  EXPECT_EQ(attempted(task, kT0 + 2h).status, Status::kDone);

  Task failed = attempted(task, kT0 + 2h, 410);
  EXPECT_EQ(failed.status, Status::kFailed);
  EXPECT_EQ(failed.failure_reason, failure::kGone);

  Schedule listed;
  listed.at = {"2030-01-01T05:00", "2030-01-01T03:00Z", "2030-01-01T05:00"};
  task = registered(listed);
  EXPECT_EQ(task.scheduled_date, kT0 + 3h);
  task = attempted(std::move(task), kT0 + 3h);
  EXPECT_EQ(task.scheduled_date, kT0 + 5h);
  EXPECT_EQ(attempted(std::move(task), kT0 + 5h).status, Status::kDone);
}

TEST(ScheduledTaskTest, FailsAfterTooManyFailuresInARow) {
  const OutcomePolicy policy{.max_errors = 2};
  Task task = attempted(registered(hourly()), kT0 + 1h, 410, policy);
  EXPECT_EQ(task.status, Status::kActive);
  task = attempted(std::move(task), kT0 + 2h, 410, policy);
  EXPECT_EQ(task.status, Status::kFailed);
  EXPECT_EQ(task.failure_reason, failure::kMaxErrors);
}

TEST(ScheduledTaskTest, RunsTheLatestOfThoseMissed) {
  Schedule schedule = hourly();
  schedule.exclude = {"2030-01-02"};
  const Task task = registered(schedule);
  EXPECT_EQ(begun(task, kT0 + 2h - 1ms), task);
  const Task late = begun(task, kT0 + 5h + 1min);
  EXPECT_EQ(late.scheduled_date, kT0 + 5h);
  EXPECT_EQ(late.execution.skipped, 4);
  EXPECT_EQ(begun(late, kT0 + 5h + 1min), late);  // what is repeated changes nothing
  // What is excluded is not there to be missed.
  const Task later = begun(task, kT0 + 40h);
  EXPECT_EQ(later.scheduled_date, kT0 + 23h);
  EXPECT_EQ(later.execution.skipped, 22);
}

// What becomes of an hourly task whose first occurrence is at 01:00, when it is claimed.
TEST(ScheduledTaskTest, WhatBecomesOfThoseMissedIsForTheScheduleToSay) {
  struct Case {
    Missed missed;
    std::optional<std::chrono::milliseconds> grace;
    std::chrono::milliseconds claimed;  // after kT0
    int runs;                           // the hour of the one that runs; 0: it is passed over
    int next;                           // the hour that comes after that
    std::int64_t skipped;
  };
  const Case cases[] = {
      {Missed::kLatest, {}, 1h, 1, 2, 0},
      {Missed::kLatest, {}, 9h + 59min, 9, 10, 8},
      {Missed::kLatest, 10min, 1h + 10min, 1, 2, 0},
      {Missed::kLatest, 10min, 1h + 10min + 1ms, 0, 2, 1},
      {Missed::kLatest, 10min, 5h + 10min, 5, 6, 4},
      {Missed::kLatest, 10min, 5h + 10min + 1ms, 0, 6, 5},
      {Missed::kSkip, {}, 1h, 1, 2, 0},
      {Missed::kSkip, {}, 1h + 1min, 1, 2, 0},
      {Missed::kSkip, {}, 1h + 1min + 1ms, 0, 2, 1},
      {Missed::kSkip, {}, 5h, 5, 6, 4},
      {Missed::kSkip, {}, 5h + 30min, 0, 6, 5},
      {Missed::kSkip, 45min, 5h + 30min, 5, 6, 4},
      {Missed::kSkip, 45min, 5h + 50min, 0, 6, 5},
      {Missed::kAll, {}, 1h, 1, 2, 0},
      {Missed::kAll, {}, 9h + 59min, 1, 2, 0},
      {Missed::kAll, {}, 100h + 59min, 1, 2, 0},
      {Missed::kAll, {}, 101h, 2, 3, 1},
      {Missed::kAll, {}, 5'000h, 4'901, 4'902, 4'900},
      {Missed::kAll, 2h, 9h, 7, 8, 6},
      {Missed::kAll, 2h, 9h + 1ms, 8, 9, 7},
      {Missed::kAll, 10min, 9h + 10min, 9, 10, 8},
      {Missed::kAll, 10min, 9h + 11min, 0, 10, 9},
      {Missed::kAll, 500h, 5'000h, 4'901, 4'902, 4'900},
  };
  for (const Case& one : cases) {
    Schedule schedule = hourly();
    schedule.missed = one.missed;
    schedule.grace = one.grace;
    const Task task = registered(schedule);
    const Times times = times_of(task);
    const TimePoint now = kT0 + one.claimed;
    SCOPED_TRACE(std::string(to_string(one.missed)) + ", claimed at " + format_time(now));
    const bool passed = passes_over(task, now, times.get());
    ASSERT_EQ(passed, one.runs == 0);
    const Task at_work =
        passed ? pass_over(task, now, {}, *times) : begin_attempt(task, now, times.get());
    EXPECT_EQ(at_work.scheduled_date, kT0 + 1h * (passed ? one.next : one.runs));
    EXPECT_EQ(at_work.execution.skipped, one.skipped);
    EXPECT_EQ(at_work.execution.count, 0);
    EXPECT_EQ(at_work.status, Status::kActive);
    const auto before =
        one.skipped > 0 ? std::optional(Skipped{kT0 + 1h, one.skipped}) : std::nullopt;
    EXPECT_EQ(at_work.skipped_before, before);
    EXPECT_FALSE(passes_over(at_work, now, times.get()));
    EXPECT_EQ(begin_attempt(at_work, now, times.get()), at_work) << "what is repeated";
    if (passed) continue;
    EXPECT_EQ(make_log(at_work, answered(200, now), now, Uuid{}, 0s).skipped_before, before);
    const Task after = attempted(at_work, now);
    EXPECT_EQ(after.scheduled_date, kT0 + 1h * one.next);
    EXPECT_EQ(after.skipped_before, std::nullopt) << "it is of the occurrence that has ended";
  }
}

TEST(ScheduledTaskTest, AllThatWasMissedRunsOneAfterTheOther) {
  Schedule schedule = hourly();
  schedule.missed = Missed::kAll;
  Task task = registered(schedule);
  for (int hour = 1; hour <= 30; ++hour) {
    EXPECT_EQ(task.scheduled_date, kT0 + 1h * hour);
    EXPECT_LE(due_at(task), kT0 + 30h);
    task = attempted(std::move(task), kT0 + 30h + 1s * hour);
  }
  EXPECT_EQ(task.scheduled_date, kT0 + 31h);
  EXPECT_EQ(task.execution.count, 30);
  EXPECT_EQ(task.execution.skipped, 0);
}

// Also where there are far more than the days that are counted, and where they lie years apart.
TEST(ScheduledTaskTest, OfAllTheLatestHundredRun) {
  Schedule dense = cron("*/30 * * * * *");
  dense.missed = Missed::kAll;
  Task task = begun(registered(dense), kT0 + 20h * 365 * 24);
  EXPECT_EQ(task.scheduled_date, kT0 + 20h * 365 * 24 - 99 * 30s);
  Schedule rare = cron("0 0 29 2 *");
  rare.missed = Missed::kAll;
  task = registered(rare);
  EXPECT_EQ(begun(task, at("2199-01-01T00:00:00Z")), task);
  Schedule daily = cron("0 9 * * *");
  daily.missed = Missed::kAll;
  task = begun(registered(daily), at("2032-01-01T10:00:00Z"));
  EXPECT_EQ(task.scheduled_date, at("2032-01-01T09:00:00Z") - 99 * 24h);
}

TEST(ScheduledTaskTest, AnOccurrenceWithAttemptsIsNeverPassedOver) {
  Schedule schedule = hourly();
  schedule.missed = Missed::kSkip;
  const Task retried = attempted(registered(schedule), kT0 + 1h, 500);
  const Times times = times_of(retried);
  ASSERT_EQ(retried.attempt, 1);
  EXPECT_FALSE(passes_over(retried, kT0 + 9h, times.get()));
  EXPECT_EQ(begun(retried, kT0 + 9h), retried);
  EXPECT_EQ(pass_over(retried, kT0 + 9h, {}, *times), retried);

  // Nor is one that somebody asked for; what was missed meanwhile is, after it.
  Task extra = run_by_hand(registered(schedule), kT0 + 1min);
  EXPECT_FALSE(passes_over(extra, kT0 + 9h + 30min, times.get()));
  extra = attempted(std::move(extra), kT0 + 9h + 30min);
  EXPECT_EQ(extra.execution.extra, 1);
  EXPECT_TRUE(passes_over(extra, kT0 + 9h + 30min, times.get()));
  // Nor where the times cannot be told.
  EXPECT_FALSE(passes_over(extra, kT0 + 9h + 30min, nullptr));
}

TEST(ScheduledTaskTest, WhatIsSkippedBeforeAnExtraOccurrenceStaysWithTheSeries) {
  Schedule schedule = hourly();
  schedule.missed = Missed::kSkip;
  Task task = registered(schedule);
  const Times times = times_of(task);
  task = pass_over(std::move(task), kT0 + 2h + 30min, {}, *times);
  EXPECT_EQ(task.skipped_before, (Skipped{kT0 + 1h, 2}));
  task = run_by_hand(std::move(task), kT0 + 2h + 40min);
  const TimePoint now = kT0 + 2h + 40min;
  EXPECT_EQ(make_log(task, answered(200, now), now, Uuid{}, 0s).skipped_before, std::nullopt);
  task = attempted(std::move(task), now);
  EXPECT_EQ(task.skipped_before, (Skipped{kT0 + 1h, 2}));
  // And what is skipped later is added to it.
  task = pass_over(std::move(task), kT0 + 3h + 30min, {}, *times);
  EXPECT_EQ(task.skipped_before, (Skipped{kT0 + 1h, 3}));
  EXPECT_EQ(task.execution.skipped, 3);
}

TEST(ScheduledTaskTest, PassedOverAtItsEndItIsAsItsLastExecutionWas) {
  Schedule schedule = hourly();
  schedule.end = "2030-01-01T03:00";
  schedule.missed = Missed::kSkip;
  const OutcomePolicy policy{.done_ttl = 1h, .failed_ttl = 2h};
  const TimePoint late = kT0 + 9h;
  const auto passed = [&](Task task) {
    const Times times = times_of(task);
    EXPECT_TRUE(passes_over(task, late, times.get()));
    task = pass_over(std::move(task), late, policy, *times);
    EXPECT_EQ(task.scheduled_date, kT0 + 3h) << "its last one";
    EXPECT_EQ(task.updated_at, late);
    EXPECT_FALSE(passes_over(task, late, times.get()));
    return task;
  };
  const Task never = passed(registered(schedule));
  EXPECT_EQ(never.status, Status::kDone);
  EXPECT_EQ(never.execution.skipped, 3);
  EXPECT_EQ(never.expires_at, late + 1h);
  EXPECT_EQ(passed(attempted(registered(schedule), kT0 + 1h)).status, Status::kDone);
  const Task failed = passed(attempted(registered(schedule), kT0 + 1h, 410));
  EXPECT_EQ(failed.status, Status::kFailed);
  EXPECT_EQ(failed.failure_reason, failure::kExhausted);
  EXPECT_EQ(failed.expires_at, late + 2h);
}

TEST(ScheduledTaskTest, HowLateItIsCountsFromItsJitter) {
  Schedule schedule = hourly();
  schedule.jitter = 30min;
  schedule.grace = 10min;
  for (const Missed missed : {Missed::kLatest, Missed::kSkip, Missed::kAll}) {
    schedule.missed = missed;
    const Task task = registered(schedule);
    const Times times = times_of(task);
    for (int hour = 1; hour <= 40; ++hour) {
      const TimePoint last = times->due(kT0 + 1h * hour, task.key) + 10min;
      EXPECT_FALSE(passes_over(task, last, times.get()));
      EXPECT_EQ(begun(task, last).scheduled_date, kT0 + 1h * hour);
      EXPECT_TRUE(passes_over(task, last + 1ms, times.get()));
    }
  }
}

// The attempt that a worker begins at `from`, and that ends at `to`, with that answer.
Task attempted_for(Task task, TimePoint from, TimePoint to, int status = 200,
                   OutcomePolicy policy = {}) {
  const Times times = times_of(task);
  task = begun(std::move(task), from);
  const AttemptRules rules = rules_for(task, nullptr);
  return apply_outcome(std::move(task), answered(status, from), to, policy, rules, 0.5,
                       times.get());
}

TEST(ScheduledTaskTest, WhatOverlapsCanBeSkipped) {
  struct Case {
    std::chrono::milliseconds ended;  // after kT0; it began at 01:00
    int next;                         // the hour of the one that comes then
    std::int64_t skipped;
  };
  for (const Case& one : {Case{1h, 2, 0}, Case{2h - 1ms, 2, 0}, Case{2h, 3, 1},
                          Case{2h + 59min, 3, 1}, Case{9h, 10, 8}}) {
    Schedule schedule = hourly();
    schedule.overlap = Overlap::kSkip;
    const Task task = attempted_for(registered(schedule), kT0 + 1h, kT0 + one.ended);
    SCOPED_TRACE(one.ended.count());
    EXPECT_EQ(task.status, Status::kActive);
    EXPECT_EQ(task.scheduled_date, kT0 + 1h * one.next);
    EXPECT_EQ(task.execution.count, 1);
    EXPECT_EQ(task.execution.skipped, one.skipped);
    EXPECT_EQ(task.skipped_before,
              one.skipped > 0 ? std::optional(Skipped{kT0 + 2h, 0, one.skipped}) : std::nullopt);
  }
}

TEST(ScheduledTaskTest, WhatComesWhileItWaitsForARetryOverlaps) {
  Schedule schedule = hourly();
  schedule.overlap = Overlap::kSkip;
  schedule.missed = Missed::kSkip;
  Task task = attempted(registered(schedule), kT0 + 1h, 500);
  ASSERT_EQ(task.attempt, 1);
  EXPECT_EQ(task.execution.skipped, 0) << "it is not over";
  task = attempted(std::move(task), kT0 + 4h);
  EXPECT_EQ(task.scheduled_date, kT0 + 5h);
  EXPECT_EQ(task.skipped_before, (Skipped{kT0 + 2h, 0, 3}));
  // Others may be missed behind those, and all are told together.
  const Times times = times_of(task);
  task = pass_over(std::move(task), kT0 + 6h + 30min, {}, *times);
  EXPECT_EQ(task.skipped_before, (Skipped{kT0 + 2h, 2, 3}));
  EXPECT_EQ(task.execution.skipped, 5);
}

TEST(ScheduledTaskTest, WhatComesDuringAnExtraOccurrenceOverlapsToo) {
  Schedule schedule = hourly();
  schedule.overlap = Overlap::kSkip;
  Task task = run_by_hand(registered(schedule), kT0 + 50min);
  task = attempted_for(std::move(task), kT0 + 50min, kT0 + 2h + 10min);
  EXPECT_EQ(task.scheduled_date, kT0 + 3h);
  EXPECT_EQ(task.skipped_before, (Skipped{kT0 + 1h, 0, 2}));
  EXPECT_EQ(task.execution.extra, 1);
}

TEST(ScheduledTaskTest, SkippedToItsEndItIsAsItsLastExecutionWas) {
  Schedule schedule = hourly();
  schedule.end = "2030-01-01T03:00";
  schedule.overlap = Overlap::kSkip;
  const Task done = attempted_for(registered(schedule), kT0 + 1h, kT0 + 9h);
  EXPECT_EQ(done.status, Status::kDone);
  EXPECT_EQ(done.scheduled_date, kT0 + 3h);
  EXPECT_EQ(done.skipped_before, (Skipped{kT0 + 2h, 0, 2}));
  const Task failed = attempted_for(registered(schedule), kT0 + 1h, kT0 + 9h, 410);
  EXPECT_EQ(failed.status, Status::kFailed);
  EXPECT_EQ(failed.failure_reason, failure::kGone);
  // Where too many have failed nothing comes any more that could be skipped.
  const Task ended =
      attempted_for(registered(schedule), kT0 + 1h, kT0 + 9h, 410, {.max_errors = 1});
  EXPECT_EQ(ended.failure_reason, failure::kMaxErrors);
  EXPECT_EQ(ended.execution.skipped, 0);
}

TEST(ScheduledTaskTest, ItsRetriesCanBeCutByTheNextOccurrence) {
  Schedule schedule = cron("* * * * *");
  schedule.overlap = Overlap::kCutRetries;
  const OutcomePolicy policy{.max_errors = 100};
  const auto answer = [&](Task task, TimePoint now, std::chrono::milliseconds retry_after) {
    const Times times = times_of(task);
    AttemptOutcome outcome = answered(503, now);
    outcome.retry_after = retry_after;
    task = begun(std::move(task), now);
    const AttemptRules rules = rules_for(task, nullptr);
    return apply_outcome(std::move(task), outcome, now, policy, rules, 0, times.get());
  };
  const Task task = registered(schedule);
  ASSERT_EQ(task.scheduled_date, kT0 + 1min);
  const Task retried = answer(task, kT0 + 1min, 59s);
  EXPECT_EQ(retried.attempt, 1);
  EXPECT_EQ(retried.next_attempt_date, kT0 + 1min + 59s);
  const Task cut = answer(retried, kT0 + 1min + 59s, 1s);
  EXPECT_EQ(cut.attempt, 0);
  EXPECT_EQ(cut.status, Status::kActive);
  EXPECT_EQ(cut.scheduled_date, kT0 + 2min) << "the next one is on time";
  EXPECT_EQ(cut.next_attempt_date, std::nullopt);
  EXPECT_EQ(cut.execution.failed, 1);
  EXPECT_EQ(cut.errors.consecutive, 1);
  EXPECT_EQ(cut.execution.skipped, 0);

  // The last one has all of its retries.
  schedule.max = 1;
  EXPECT_EQ(answer(registered(schedule), kT0 + 1min, 1h).attempt, 1);
  schedule.max = 0;
  schedule.end = "2030-01-01T00:01";
  EXPECT_EQ(answer(registered(schedule), kT0 + 1min, 1h).attempt, 1);
  // An extra one gives way to that of the series.
  schedule.end.clear();
  Task extra = run_by_hand(registered(schedule), kT0 + 10s);
  EXPECT_EQ(answer(extra, kT0 + 10s, 49s).attempt, 1);
  extra = answer(extra, kT0 + 10s, 50s);
  EXPECT_EQ(extra.execution.extra, 1);
  EXPECT_EQ(extra.scheduled_date, kT0 + 1min);
  // An attempt that does not count is no failure of its occurrence.
  const Times times = times_of(task);
  AttemptRules rules = rules_for(task, nullptr);
  rules.counts = false;
  AttemptOutcome outcome = answered(503, kT0 + 1min);
  outcome.retry_after = 1h;
  const Task again = apply_outcome(task, outcome, kT0 + 1min, policy, rules, 0, times.get());
  EXPECT_EQ(again.execution.count, 0);
  EXPECT_EQ(again.next_attempt_date, kT0 + 1min + 1h);
}

// As it is due with its jitter.
TEST(ScheduledTaskTest, RetriesAreCutByTheDueTimeOfTheNextOccurrence) {
  Schedule schedule = hourly();
  schedule.jitter = 1h;
  schedule.overlap = Overlap::kCutRetries;
  const Task task = registered(schedule);
  const Times times = times_of(task);
  const TimePoint begins = due_at(task);
  const TimePoint next = times->due(kT0 + 2h, task.key);
  for (const auto early : {1ms, 0ms}) {
    AttemptOutcome outcome = answered(503, begins);
    outcome.retry_after = next - begins - early;
    const Task after =
        apply_outcome(task, outcome, begins, {}, rules_for(task, nullptr), 0, times.get());
    EXPECT_EQ(after.attempt, early > 0ms ? 1 : 0);
  }
}

TEST(ScheduledTaskTest, WhatIsMissedDoesNotCountForMax) {
  Schedule schedule = hourly();
  schedule.max = 2;
  Task task = attempted(registered(schedule), kT0 + 9h);
  EXPECT_EQ(task.execution.skipped, 8);
  EXPECT_EQ(task.status, Status::kActive);
  EXPECT_EQ(task.scheduled_date, kT0 + 10h);
}

TEST(ScheduledTaskTest, WhatPassedDuringAnAttemptIsMissed) {
  const Task first = registered(hourly());
  const Times times = times_of(first);
  const Task task = apply_outcome(begun(first, kT0 + 1h), answered(200, kT0 + 1h), kT0 + 4h, {},
                                  rules_for(first, nullptr), 0, times.get());
  EXPECT_EQ(task.scheduled_date, kT0 + 2h);
  const Task next = begun(task, kT0 + 4h + 1s);
  EXPECT_EQ(next.scheduled_date, kT0 + 4h);
  EXPECT_EQ(next.execution.skipped, 2);
}

TEST(ScheduledTaskTest, JitterMovesTheDueTimeAndNothingElse) {
  Schedule jittered = hourly();
  jittered.jitter = 30min;
  Task task = registered(jittered);
  const Times times = times_of(task);
  std::int64_t moved = 0;
  for (int i = 1; i <= 20; ++i) {
    const TimePoint nominal = kT0 + i * 1h;
    EXPECT_EQ(task.scheduled_date, nominal);
    EXPECT_EQ(due_at(task), times->due(nominal, task.key));
    EXPECT_GE(due_at(task), nominal);
    EXPECT_LT(due_at(task), nominal + 30min);
    moved += due_at(task) != nominal ? 1 : 0;
    Task plain = task;
    plain.next_attempt_date.reset();
    EXPECT_EQ(webhook_id(task), webhook_id(plain));
    const TimePoint due = due_at(task);
    task = attempted(std::move(task), due);
  }
  EXPECT_GT(moved, 15);
  EXPECT_EQ(task.execution.skipped, 0);
}

TEST(ScheduledTaskTest, OfThoseMissedTheLatestThatIsDueRuns) {
  Schedule jittered = hourly();
  jittered.jitter = 1h;
  const Task task = registered(jittered);
  const Times times = times_of(task);
  for (int i = 2; i <= 50; ++i) {
    const TimePoint nominal = kT0 + i * 1h;
    const TimePoint due = times->due(nominal, task.key);
    const Task before = begun(task, due - 1ms);
    EXPECT_EQ(before.scheduled_date, nominal - 1h);
    EXPECT_EQ(before.execution.skipped, i - 2);
    const Task after = begun(task, due);
    EXPECT_EQ(after.scheduled_date, nominal);
    EXPECT_EQ(due_at(after), due);
    EXPECT_EQ(after.execution.skipped, i - 1);
  }
}

TEST(ScheduledTaskTest, RunNowIsAnExtraOccurrence) {
  Schedule once = hourly();
  once.max = 1;
  once.jitter = 10min;
  const Task task = registered(once);
  Task extra = run_by_hand(task, kT0 + 5min);
  EXPECT_EQ(extra.extra_date, kT0 + 5min);
  EXPECT_EQ(due_at(extra), kT0 + 5min);
  EXPECT_EQ(extra.scheduled_date, kT0 + 1h);
  EXPECT_NE(webhook_id(extra), webhook_id(task));
  extra = attempted(std::move(extra), kT0 + 5min);
  EXPECT_EQ(extra.status, Status::kActive);
  EXPECT_EQ(extra.scheduled_date, kT0 + 1h);
  EXPECT_EQ(due_at(extra), due_at(task));  // with its jitter, as before
  EXPECT_EQ(extra.execution.count, 1);
  EXPECT_EQ(extra.execution.extra, 1);
  EXPECT_EQ(webhook_id(extra), webhook_id(task));
  EXPECT_EQ(attempted(extra, due_at(extra)).status, Status::kDone);
}

TEST(ScheduledTaskTest, RunNowBringsForwardWhatWaitsForItsJitterOrRetry) {
  Schedule jittered = hourly();
  jittered.jitter = 59min;
  Task task = registered(jittered);
  ASSERT_GT(due_at(task), task.scheduled_date + 1s);
  Task sooner = run_by_hand(task, task.scheduled_date + 1s);
  EXPECT_EQ(sooner.extra_date, std::nullopt);
  EXPECT_EQ(due_at(sooner), task.scheduled_date + 1s);
  EXPECT_EQ(begun(sooner, task.scheduled_date + 1s).scheduled_date, task.scheduled_date);

  task = attempted(registered(hourly()), kT0 + 1h, 500);
  sooner = run_by_hand(task, kT0 + 1h + 10ms);
  EXPECT_EQ(sooner.extra_date, std::nullopt);
  EXPECT_EQ(due_at(sooner), kT0 + 1h + 10ms);
}

TEST(ScheduledTaskTest, RunNowOfAFailedOneGoesOnBehindNow) {
  const OutcomePolicy policy{.max_errors = 1};
  Task task = attempted(registered(hourly()), kT0 + 1h, 410, policy);
  ASSERT_EQ(task.status, Status::kFailed);
  task = run_by_hand(std::move(task), kT0 + 7h + 1s);
  EXPECT_EQ(task.extra_date, kT0 + 7h + 1s);
  EXPECT_EQ(task.scheduled_date, kT0 + 8h);
  task = attempted(std::move(task), kT0 + 7h + 2s);
  EXPECT_EQ(task.status, Status::kActive);
  EXPECT_EQ(task.scheduled_date, kT0 + 8h);
  EXPECT_EQ(task.execution.skipped, 0);
}

TEST(ScheduledTaskTest, RunNowOfACancelledOneLosesNoOccurrence) {
  const Task task = cancel(registered(hourly()), kT0 + 5min, {}).value();
  EXPECT_EQ(run_by_hand(task, kT0 + 10min).scheduled_date, kT0 + 1h);
}

TEST(ScheduledTaskTest, ByAClockThatWasSetBackNothingIsMadeAgain) {
  const OutcomePolicy policy{.max_errors = 1};
  const Task task = attempted(registered(hourly()), kT0 + 1h, 410, policy);
  EXPECT_EQ(run_by_hand(task, kT0 + 10min).scheduled_date, kT0 + 2h);
}

TEST(ScheduledTaskTest, ByAClockThatWasSetBackItsEndIsNotMadeAgain) {
  Schedule listed;
  listed.at = {"2030-01-01T01:00"};
  Task task = attempted(registered(listed), kT0 + 1h);
  std::set<std::string> ids{webhook_id(task)};
  for (int i = 1; i <= 3; ++i) {
    ASSERT_EQ(task.status, Status::kDone);
    task = run_by_hand(std::move(task), kT0 + i * 1min);
    EXPECT_EQ(due_at(task), kT0 + i * 1min);
    EXPECT_TRUE(ids.insert(webhook_id(task)).second);
    task = attempted(std::move(task), kT0 + i * 1min);
    EXPECT_EQ(task.execution.extra, i);
  }
  EXPECT_EQ(task.status, Status::kDone);
  // What was cancelled before its time is still to come, though.
  task = cancel(registered(listed), kT0 + 2h, {}).value();
  EXPECT_EQ(run_by_hand(task, kT0 + 1min).scheduled_date, kT0 + 1h);
}

TEST(ScheduledTaskTest, WhatIsPastWhenItIsRunAgainIsNotMadeUpFor) {
  Schedule listed;
  listed.at = {"2030-01-01T01:00", "2030-01-01T02:00"};
  const OutcomePolicy policy{.max_errors = 1};
  Task task = attempted(registered(listed), kT0 + 1h, 410, policy);
  ASSERT_EQ(task.status, Status::kFailed);
  task = attempted(run_by_hand(std::move(task), kT0 + 3h), kT0 + 3h);
  EXPECT_EQ(task.status, Status::kDone);
  EXPECT_EQ(task.execution.count, 2);
}

TEST(ScheduledTaskTest, RunNowAtItsEndIsOneMore) {
  Schedule once = hourly();
  once.max = 1;
  Schedule listed;
  listed.at = {"2030-01-01T01:00"};
  for (const Schedule& schedule : {once, listed}) {
    Task task = attempted(registered(schedule), kT0 + 1h);
    ASSERT_EQ(task.status, Status::kDone);
    const std::string first = webhook_id(task);
    std::string before = first;
    for (int i = 1; i <= 3; ++i) {
      task = run_by_hand(std::move(task), kT0 + 7h);  // by a clock that stands
      EXPECT_EQ(task.status, Status::kActive);
      EXPECT_EQ(due_at(task), kT0 + 7h);
      EXPECT_NE(webhook_id(task), before);
      before = webhook_id(task);
      task = attempted(std::move(task), kT0 + 7h);
      EXPECT_EQ(task.status, Status::kDone);
      EXPECT_EQ(task.execution.extra, i);
      EXPECT_EQ(task.extra_date, std::nullopt);
    }
  }
}

TEST(ScheduledTaskTest, UnsuspendKeepsItsTimes) {
  const Task task = registered(hourly());
  const Times times = times_of(task);
  Task back = unsuspend(suspend(task, kT0 + 1s).value(), kT0 + 5h, times.get()).value();
  EXPECT_EQ(back.scheduled_date, kT0 + 1h);
  EXPECT_EQ(begun(back, kT0 + 5h).scheduled_date, kT0 + 5h);
}

TEST(ScheduledTaskTest, IsSetAsideWhereItsNextOccurrenceCannotBeTold) {
  Task task = registered(hourly());
  const Times times = times_of(task);
  const TimePoint now = kT0 + 3h;
  EXPECT_EQ(begin_attempt(task, now), task);
  task = apply_outcome(std::move(task), answered(200, now), now, {}, {}, 0);
  EXPECT_EQ(task.status, Status::kSuspended);
  EXPECT_EQ(task.execution.successful, 1);
  EXPECT_NE(task.errors.last_error.find("time zone"), std::string::npos);
  // What was made is not made again.
  const Task back = unsuspend(task, now, times.get()).value();
  EXPECT_EQ(back.status, Status::kActive);
  EXPECT_EQ(back.scheduled_date, kT0 + 2h);
  EXPECT_FALSE(back.next_attempt_date);

  Schedule once = hourly();
  once.max = 1;
  EXPECT_EQ(apply_outcome(registered(once), answered(200, now), now, {}, {}, 0).status,
            Status::kDone);
}

// Else nobody could end it but as FAILED, by cancel.
TEST(ScheduledTaskTest, WhatWasSetAsideBehindItsLastOccurrenceEndsWithUnsuspend) {
  const OutcomePolicy policy{.done_ttl = 10s, .failed_ttl = 20s};
  Schedule once;
  once.at = {"2030-01-01T09:00Z"};
  const TimePoint last = at("2030-01-01T09:00Z");
  const Task task = registered(once);
  const Times times = times_of(task);
  for (const bool ok : {true, false}) {
    AttemptRules rules;
    rules.retry_limit = 0;
    const int status = ok ? 200 : 500;
    const Task aside = apply_outcome(task, answered(status, last), last, policy, rules, 0);
    ASSERT_EQ(aside.status, Status::kSuspended);
    const Task ended = unsuspend(aside, last + 1h, times.get(), policy).value();
    EXPECT_EQ(ended.status, ok ? Status::kDone : Status::kFailed);
    EXPECT_EQ(ended.failure_reason, ok ? "" : "exhausted");
    EXPECT_EQ(ended.expires_at, last + 1h + (ok ? 10s : 20s));
    EXPECT_EQ(ended.scheduled_date, last);
    EXPECT_FALSE(ended.next_attempt_date);
    EXPECT_EQ(ended.execution, aside.execution);
  }
}

// Its zone has other rules by now: the occurrence for which it waited stays at its moment.
TEST(ScheduledTaskTest, UnsuspendKeepsAnOccurrenceThatTheScheduleHasNoMore) {
  const Task task = suspend(registered(cron("0 9 * * *")), kT0).value();
  const Times changed = times_of(registered(cron("0 8 * * *")));
  const Task back = unsuspend(task, task.scheduled_date - 30min, changed.get()).value();
  EXPECT_EQ(back.scheduled_date, task.scheduled_date);
}

// Nor is the one that it has behind it made once more.
TEST(ScheduledTaskTest, WhatWasSetAsideGoesOnByTheRulesOfThen) {
  const Task task = registered(cron("0 9 * * *"));
  const TimePoint nine = task.scheduled_date;
  const Task aside = apply_outcome(task, answered(200, nine), nine, {}, {}, 0);
  const Times changed = times_of(registered(cron("0 8 * * *")));
  const Task back = unsuspend(aside, nine + 1h, changed.get()).value();
  EXPECT_EQ(back.status, Status::kActive);
  EXPECT_EQ(back.scheduled_date, nine + 23h);
}

TEST(ScheduledTaskTest, SaysWhenAlone) {
  const auto refusal = [](const auto& change) {
    NewTask task;
    task.ns = "ns";
    task.request.url = "http://127.0.0.1/hook";
    task.schedule = hourly();
    change(task);
    const auto valid = validate(task);
    return valid ? std::string("accepted") : valid.error().message;
  };
  EXPECT_EQ(refusal([](NewTask&) {}), "accepted");
  EXPECT_EQ(refusal([](NewTask& task) { task.scheduled_date = kT0; }).find("schedule: "), 0u);
  EXPECT_EQ(refusal([](NewTask& task) { task.repeat = Repeat{}; }).find("schedule: "), 0u);
  EXPECT_EQ(refusal([](NewTask& task) { task.deliver_before = kT0; }).find("deliverBefore: "), 0u);
  EXPECT_EQ(refusal([](NewTask& task) { task.schedule->max = -1; }).find("schedule.max: "), 0u);
  EXPECT_EQ(refusal([](NewTask& task) { task.schedule->cron.resize(9); }).find("schedule.cron: "),
            0u);
  EXPECT_EQ(refusal([](NewTask& task) { task.schedule->jitter = 25h; }).find("schedule.jitter: "),
            0u);
  EXPECT_EQ(refusal([](NewTask& task) {
              task.schedule->timezone.assign(65, 'z');
            }).find("schedule.timezone: "),
            0u);
  EXPECT_EQ(
      refusal([](NewTask& task) { task.schedule->timezone.clear(); }).find("schedule.timezone: "),
      0u);
}

TEST(ScheduledTaskTest, WhatOverlapsIsNotSkippedWhereAllIsToRun) {
  NewTask task;
  task.ns = "ns";
  task.request.url = "http://127.0.0.1/hook";
  for (const Missed missed : {Missed::kLatest, Missed::kSkip, Missed::kAll}) {
    for (const Overlap overlap : {Overlap::kWait, Overlap::kSkip, Overlap::kCutRetries}) {
      task.schedule = hourly();
      task.schedule->missed = missed;
      task.schedule->overlap = overlap;
      const auto valid = validate(task);
      ASSERT_EQ(valid.has_value(), missed != Missed::kAll || overlap != Overlap::kSkip);
      if (valid) continue;
      EXPECT_EQ(valid.error().code, ErrorCode::kInvalidArgument);
      EXPECT_EQ(valid.error().field, "schedule.overlap");
    }
  }
}

TEST(ScheduledTaskTest, AGraceIsASecondToAYear) {
  NewTask task;
  task.ns = "ns";
  task.request.url = "http://127.0.0.1/hook";
  task.schedule = hourly();
  for (const std::chrono::milliseconds grace : {1'000ms, 365 * 86'400'000ms}) {
    task.schedule->grace = grace;
    EXPECT_TRUE(validate(task)) << grace.count();
  }
  for (const std::chrono::milliseconds grace : {0ms, 999ms, 365 * 86'400'000ms + 1ms}) {
    task.schedule->grace = grace;
    const auto valid = validate(task);
    ASSERT_FALSE(valid) << grace.count();
    EXPECT_EQ(valid.error().field, "schedule.grace");
    EXPECT_EQ(valid.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(ScheduledTaskTest, ItsFingerprintIsWhatWasRegistered) {
  NewTask task;
  task.ns = "ns";
  task.request.url = "http://127.0.0.1/hook";
  const Fingerprint without = fingerprint(task);
  task.schedule = hourly();
  const Fingerprint with = fingerprint(task);
  EXPECT_NE(with, without);
  task.schedule->since = kT0;
  EXPECT_EQ(fingerprint(task), with);
  task.schedule->jitter = 1s;
  EXPECT_NE(fingerprint(task), with);
}

Schedule any_schedule(std::mt19937_64& random) {
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  Schedule schedule;
  schedule.timezone = below(2) == 0 ? "UTC" : "+05:45";
  if (below(4) == 0) {
    for (int i = below(9); i >= 0; --i) {
      schedule.at.push_back(format_time(kT0 + std::chrono::minutes{60 + below(3'000)}));
    }
  } else if (below(3) == 0) {
    schedule.every = std::to_string(1 + below(90)) + "m";
  } else {
    schedule.cron = {std::to_string(below(60)) + " */" + std::to_string(1 + below(12)) + " * * *"};
  }
  if (schedule.at.empty() && below(3) == 0) schedule.exclude = {"2030-01-02"};
  if (below(3) == 0) schedule.jitter = std::chrono::minutes{1 + below(90)};
  if (below(3) == 0) schedule.max = 1 + below(10);
  schedule.missed = static_cast<Missed>(below(3));
  if (below(3) == 0) schedule.grace = std::chrono::minutes{1 + below(300)};
  schedule.overlap = static_cast<Overlap>(below(3));
  if (schedule.missed == Missed::kAll && schedule.overlap == Overlap::kSkip)
    schedule.overlap = Overlap::kWait;
  return schedule;
}

// Executions and skipped occurrences are all of its times so far, each once, whatever happens.
TEST(ScheduledTaskTest, EveryOccurrenceIsRunOnceOrSkipped) {
  std::mt19937_64 random(testing::test_seed());
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 300; ++round) {
    Task task = registered(any_schedule(random));
    const Times times = times_of(task);
    TimePoint now = kT0;
    for (int step = 0; step < 40 && task.status == Status::kActive; ++step) {
      if (below(6) == 0) task = run_by_hand(std::move(task), now);
      now = std::max(now, due_at(task)) + std::chrono::seconds{below(3) == 0 ? below(20'000) : 0};
      if (passes_over(task, now, times.get())) {
        const std::int64_t made = task.execution.count;
        task = pass_over(std::move(task), now, {}, *times);
        EXPECT_EQ(pass_over(task, now, {}, *times), task);
        EXPECT_EQ(task.execution.count, made);
        EXPECT_TRUE(task.status != Status::kActive || due_at(task) > now);
      } else {
        const Task at_work = begun(task, now);
        EXPECT_EQ(begun(at_work, now), at_work);
        EXPECT_TRUE(times->contains(at_work.scheduled_date));
        EXPECT_LE(due_at(at_work), now);
        const int status = below(3) == 0 ? (below(2) == 0 ? 410 : 500) : 200;
        task = attempted(std::move(task), now, status, {.max_errors = 1'000});
      }
      const std::int64_t passed =
          times->count(times->first() - schedule::kTick, task.scheduled_date);
      const bool pending = task.status == Status::kActive;
      ASSERT_EQ(task.execution.count - task.execution.extra + task.execution.skipped,
                passed - (pending ? 1 : 0));
    }
  }
}

}  // namespace
}  // namespace rhooks::model

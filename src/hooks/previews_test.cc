#include "hooks/previews.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/clock.h"
#include "schedule/test_schedules.h"

namespace rhooks {
namespace {

using namespace std::chrono_literals;
using schedule::cron_schedule;
using schedule::time_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const TimePoint kNow = time_of("2027-03-25T12:00Z");

Preview shown(const PreviewQuery& query) {
  const auto preview = preview_of(query, schedule::test_zones(), kNow);
  EXPECT_TRUE(preview) << preview.error().message;
  return preview.value_or(Preview{});
}

Error refused(const PreviewQuery& query) {
  const auto preview = preview_of(query, schedule::test_zones(), kNow);
  EXPECT_FALSE(preview);
  return preview ? Error{} : preview.error();
}

PreviewQuery of(Schedule schedule, PreviewRange range = {}) {
  PreviewQuery query;
  query.schedule = std::move(schedule);
  query.range = range;
  return query;
}

PreviewQuery of(TimePoint date, std::optional<Repeat> repeat = {}, PreviewRange range = {}) {
  PreviewQuery query;
  query.scheduled_date = date;
  query.repeat = repeat;
  query.range = range;
  return query;
}

std::vector<std::string> locals(const Preview& preview) {
  std::vector<std::string> texts;
  for (const Occurrence& one : preview.occurrences) texts.push_back(one.local);
  return texts;
}

Preview shown(const Task& task, const PreviewRange& range = {}) {
  const auto preview = preview_of(task, range, schedule::test_zones(), kNow);
  EXPECT_TRUE(preview) << preview.error().message;
  return preview.value_or(Preview{});
}

TEST(PreviewsTest, AScheduleBeginsNow) {
  const Preview preview = shown(of(cron_schedule("0 9 * * *", "Europe/Berlin"), {{}, 4}));
  EXPECT_EQ(preview.description, "at 09:00, every day (Europe/Berlin)");
  EXPECT_EQ(preview.timezone, "Europe/Berlin");
  EXPECT_THAT(locals(preview),
              ElementsAre("2027-03-26T09:00:00+01:00", "2027-03-27T09:00:00+01:00",
                          "2027-03-28T09:00:00+02:00", "2027-03-29T09:00:00+02:00"));
  EXPECT_EQ(preview.occurrences[0].due, preview.occurrences[0].at);
  EXPECT_EQ(preview.remaining, std::nullopt);
  EXPECT_TRUE(preview.more);

  Schedule every;
  every.every = "1h";
  EXPECT_THAT(locals(shown(of(every, {{}, 2}))),
              ElementsAre("2027-03-25T12:00:00+00:00", "2027-03-25T13:00:00+00:00"));
}

TEST(PreviewsTest, FromMayLieAheadOrBehind) {
  Schedule every;
  every.every = "1d";
  every.max = 5;
  const auto from = [&](const char* text) { return shown(of(every, {time_of(text), 10})); };
  const Preview ahead = from("2027-03-27T12:00:00.001Z");
  EXPECT_THAT(locals(ahead), ElementsAre("2027-03-28T12:00:00+00:00", "2027-03-29T12:00:00+00:00"));
  EXPECT_EQ(ahead.remaining, 2);
  EXPECT_FALSE(ahead.more);
  EXPECT_THAT(locals(from("2027-03-29T12:00Z")), ElementsAre("2027-03-29T12:00:00+00:00"));
  EXPECT_THAT(locals(from("2027-03-29T12:00:00.001Z")), IsEmpty());
  // As if it were registered then.
  const Preview behind = from("2020-01-01T09:00Z");
  EXPECT_THAT(behind.occurrences, SizeIs(5));
  EXPECT_EQ(behind.occurrences[0].local, "2020-01-01T09:00:00+00:00");
}

TEST(PreviewsTest, JitterNeedsATask) {
  Schedule schedule = cron_schedule("0 9 * * *");
  schedule.jitter = 1h;
  PreviewQuery query = of(schedule, {{}, 1});
  EXPECT_EQ(shown(query).occurrences[0].due, std::nullopt);
  query.key = TaskKey{"ns", "id"};
  const Occurrence one = shown(query).occurrences[0];
  ASSERT_TRUE(one.due);
  EXPECT_GE(*one.due, one.at);
  EXPECT_LT(*one.due, one.at + 1h);
}

TEST(PreviewsTest, ADateAndARepetition) {
  const TimePoint date = kNow + 1h;
  const Preview once = shown(of(date));
  EXPECT_EQ(once.description, "once, at 2027-03-25 13:00 (UTC)");
  EXPECT_THAT(locals(once), ElementsAre("2027-03-25T13:00:00+00:00"));
  EXPECT_EQ(once.remaining, 1);
  EXPECT_FALSE(once.more);

  const Preview thrice = shown(of(date, Repeat{10, 3, RepeatUnit::kMinutes}, {{}, 2}));
  EXPECT_EQ(thrice.description, "every 10 minutes from Thu 2027-03-25 13:00 (UTC), 3 times");
  EXPECT_THAT(locals(thrice),
              ElementsAre("2027-03-25T13:00:00+00:00", "2027-03-25T13:10:00+00:00"));
  EXPECT_EQ(thrice.remaining, 3);
  EXPECT_TRUE(thrice.more);

  const Repeat weekly{7, 0, RepeatUnit::kDays};
  const Preview later = shown(of(date, weekly, {date + 1ms, 1}));
  EXPECT_EQ(later.description, "every week from Thu 2027-03-25 13:00 (UTC)");
  EXPECT_THAT(locals(later), ElementsAre("2027-04-01T13:00:00+00:00"));
  EXPECT_EQ(later.remaining, std::nullopt);
  EXPECT_THAT(shown(of(date, Repeat{5, 0, RepeatUnit::kSeconds})).warnings,
              ElementsAre(HasSubstr("more often")));
}

// Of what is past when it is registered the latest runs.
TEST(PreviewsTest, ARepetitionThatBeganBefore) {
  const Preview preview = shown(of(kNow - 25min, Repeat{10, 3, RepeatUnit::kMinutes}));
  EXPECT_THAT(locals(preview), ElementsAre("2027-03-25T11:55:00+00:00", "2027-03-25T12:05:00+00:00",
                                           "2027-03-25T12:15:00+00:00"));
}

TEST(PreviewsTest, NothingIsBehindTheLastMoment) {
  const Preview preview = shown(of(kTimeMax - 2min, Repeat{1, 0, RepeatUnit::kMinutes}));
  EXPECT_THAT(preview.occurrences, SizeIs(3));
  EXPECT_FALSE(preview.more);
  EXPECT_THAT(shown(of(kNow, Repeat{36525, 0, RepeatUnit::kDays}, {kTimeMax, 1000})).occurrences,
              IsEmpty());
}

TEST(PreviewsTest, RefusesWhatATaskCanNotHave) {
  PreviewQuery query;
  EXPECT_EQ(refused(query).field, "schedule");
  EXPECT_EQ(refused(of(cron_schedule("0 25 * * *"))).field, "schedule.cron");
  EXPECT_EQ(refused(of(cron_schedule("0 9 * * *", "Europe/Berln"))).field, "schedule.timezone");
  EXPECT_EQ(refused(of(kNow, Repeat{0, 1, RepeatUnit::kDays})).field, "repeat.interval");
  EXPECT_EQ(refused(of(kTimeMax + 1ms)).field, "scheduledDate");
  EXPECT_EQ(refused(of(kNow, {}, {{}, 0})).field, "count");
  EXPECT_EQ(refused(of(kNow, {}, {{}, 1001})).field, "count");
  EXPECT_EQ(refused(of(kNow, {}, {kTimeMax + 1ms, 1})).field, "from");
  query = of(cron_schedule("0 9 * * *"));
  query.key = TaskKey{std::string(257, 'n'), "id"};
  EXPECT_EQ(refused(query).field, "namespace");
  query.key.reset();
  query.repeat = Repeat{};
  EXPECT_EQ(refused(query).field, "schedule");
  query.repeat.reset();
  query.scheduled_date = kNow;
  EXPECT_EQ(refused(query).field, "schedule");
}

Task task_of(TimePoint date) {
  Task task;
  task.key = {"ns", "id"};
  task.scheduled_date = date;
  return task;
}

TEST(PreviewsTest, OfATask) {
  Task task = task_of(kNow + 10min);
  task.repeat = Repeat{10, 5, RepeatUnit::kMinutes};
  task.execution.first_scheduled_date = kNow - 10min;
  task.execution.count = 4;
  task.execution.extra = 1;
  const Preview preview = shown(task);
  EXPECT_EQ(preview.description, "every 10 minutes from Thu 2027-03-25 11:50 (UTC), 5 times");
  EXPECT_THAT(locals(preview),
              ElementsAre("2027-03-25T12:10:00+00:00", "2027-03-25T12:20:00+00:00"));
  EXPECT_EQ(preview.remaining, 2);
  EXPECT_THAT(shown(task, {kNow + 15min, 10}).occurrences, SizeIs(1));
  EXPECT_THAT(preview.warnings, IsEmpty());
  task.status = Status::kSuspended;
  EXPECT_THAT(shown(task).warnings, ElementsAre(HasSubstr("SUSPENDED")));
  for (const Status status : {Status::kDone, Status::kFailed}) {
    task.status = status;
    EXPECT_THAT(shown(task).occurrences, IsEmpty());
    EXPECT_EQ(shown(task).remaining, 0);
    EXPECT_FALSE(shown(task).more);
  }
}

TEST(PreviewsTest, OfATaskThatRunsOnceMore) {
  Task task = task_of(kNow);
  task.execution.count = 1;
  EXPECT_THAT(locals(shown(task)), ElementsAre("2027-03-25T12:00:00+00:00"));
}

// What is too late by now is not shown.
TEST(PreviewsTest, OfATaskThatMissedSome) {
  Task task = task_of(kNow - 4h);
  task.schedule = cron_schedule("0 */4 * * *");
  task.schedule->since = kNow - 24h;
  EXPECT_EQ(shown(task).occurrences[0].at, kNow);
  task.scheduled_date = kNow - 8h;
  task.schedule->missed = Missed::kAll;
  EXPECT_EQ(shown(task).occurrences[0].at, kNow - 8h);
  task.schedule->cron = {"30 */4 * * *"};
  task.scheduled_date = kNow - 7h - 30min;
  task.schedule->missed = Missed::kSkip;
  EXPECT_EQ(shown(task).occurrences[0].at, kNow + 30min);
  task.schedule->end = "2027-03-25T11:00";
  EXPECT_THAT(shown(task).occurrences, IsEmpty());
}

TEST(PreviewsTest, OfATaskWithASchedule) {
  Task task = task_of(time_of("2027-03-26T08:00Z"));
  task.schedule = cron_schedule("0 9 * * *", "Europe/Berlin");
  task.schedule->since = kNow - 24h;
  task.schedule->jitter = 10min;
  task.schedule->max = 3;
  task.execution.count = 1;
  const Preview preview = shown(task);
  EXPECT_THAT(locals(preview),
              ElementsAre("2027-03-26T09:00:00+01:00", "2027-03-27T09:00:00+01:00"));
  EXPECT_EQ(preview.remaining, 2);
  EXPECT_TRUE(preview.occurrences[0].due);
  EXPECT_THAT(locals(shown(task, {time_of("2027-03-27T00:00Z"), 10})),
              ElementsAre("2027-03-27T09:00:00+01:00"));
  task.extra_date = kNow;
  EXPECT_THAT(shown(task).occurrences, SizeIs(2));
  // One that was at its end, and was run again.
  task.scheduled_date = kNow - 1h;
  EXPECT_THAT(shown(task).occurrences, IsEmpty());
}

// One by one it would take a quarter of an hour.
TEST(PreviewsTest, CountsWhatIsLeftFarAhead) {
  Schedule schedule;
  schedule.every = "1s";
  schedule.exclude = {"cron:1 * * * *"};
  const PreviewRange far{time_of("2199-12-31T00:00Z"), 1};
  EXPECT_EQ(shown(of(schedule, far)).remaining, std::nullopt);
  EXPECT_THAT(shown(of(schedule, far)).occurrences, SizeIs(1));
  schedule.max = std::numeric_limits<std::int64_t>::max();
  const std::int64_t days = (*far.from - time_of("2027-03-26T00:00Z")) / 24h;
  EXPECT_EQ(schedule.max - shown(of(schedule, far)).remaining.value(), (2 * days + 1) * 12 * 3'540);
}

TEST(PreviewsTest, OfATaskThatEndedLongAgo) {
  Task task = task_of(time_of("1990-01-01T00:00Z"));
  task.schedule = cron_schedule("* * * * *");
  task.schedule->max = 5;
  task.execution.count = 5;
  task.status = Status::kDone;
  EXPECT_EQ(shown(task).remaining, 0);
  EXPECT_THAT(shown(task).occurrences, IsEmpty());
}

}  // namespace
}  // namespace rhooks

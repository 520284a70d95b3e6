// Hooks::backfill.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/iso8601.h"
#include "hooks/test_hooks.h"
#include "schedule/test_schedules.h"

namespace rhooks {
namespace {

using schedule::time_of;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class BackfillTest : public ::testing::Test {
 protected:
  BackfillTest() { test_.clock->set(time_of("2027-03-29T12:00Z")); }

  Task registered(NewTask task) {
    const auto result = test_.hooks->register_task(std::move(task));
    EXPECT_TRUE(result) << result.error().message;
    return result ? result->task : Task{};
  }
  Task cron(const std::string& expression, const std::string& timezone = "UTC") {
    NewTask task = TestHooks::post("report");
    task.schedule.emplace();
    task.schedule->cron = {expression};
    task.schedule->timezone = timezone;
    return registered(std::move(task));
  }

  static BackfillQuery from(const char* from, const char* to) {
    return {{"ns", "report"}, time_of(from), time_of(to)};
  }
  BackfillResult made(const BackfillQuery& query) {
    const auto result = test_.hooks->backfill(query);
    EXPECT_TRUE(result) << result.error().message;
    return result.value_or(BackfillResult{});
  }
  Error refused(const BackfillQuery& query) {
    const auto result = test_.hooks->backfill(query);
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
  }
  static std::vector<std::string> dates(const BackfillResult& result) {
    std::vector<std::string> texts;
    for (const Backfilled& one : result.items) texts.push_back(format_time(one.scheduled_date));
    return texts;
  }
  std::vector<Task> tasks() {
    FetchQuery query;
    query.filter.ns = "ns";
    return test_.hooks->fetch(query).value().items;
  }

  TestHooks test_;
};

TEST_F(BackfillTest, ATaskStandsForEachNominalTime) {
  cron("0 */6 * * *");
  const BackfillResult result = made(from("2027-03-28T06:00Z", "2027-03-28T18:00Z"));
  EXPECT_THAT(dates(result), ElementsAre("2027-03-28T06:00:00.000Z", "2027-03-28T12:00:00.000Z",
                                         "2027-03-28T18:00:00.000Z"));
  EXPECT_EQ(result.items[0].id, "report@2027-03-28T06:00:00.000Z");
  EXPECT_TRUE(result.items[0].created);
  EXPECT_FALSE(result.next);
  const auto one = test_.hooks->get({"ns", result.items[1].id});
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_FALSE(one->schedule);
  EXPECT_EQ(one->scheduled_date, time_of("2027-03-28T12:00Z"));
  EXPECT_EQ(one->request.url, "http://127.0.0.1:9/hook");
  EXPECT_EQ(one->request.body.data(), "{}");
}

TEST_F(BackfillTest, ThoseAreDeliveredAndTheSeriesStaysAsItIs) {
  const Task series = cron("0 0 * * *");
  made(from("2027-03-27T00:00Z", "2027-03-29T00:00Z"));
  const auto delivered = test_.hooks->trigger();
  ASSERT_TRUE(delivered);
  EXPECT_EQ(delivered->processed, 3);
  EXPECT_EQ(test_.hooks->get(series.key).value(), series);
  const auto one = test_.hooks->get({"ns", "report@2027-03-28T00:00:00.000Z"});
  EXPECT_EQ(one.value().status, Status::kDone);
}

TEST_F(BackfillTest, CredentialsAreSentAsTheSeriesSendsThem) {
  NewTask task = TestHooks::post("report");
  task.request.headers = {{"authorization", "Bearer secret"}};
  task.schedule.emplace();
  task.schedule->cron = {"0 0 * * *"};
  registered(std::move(task));
  made(from("2027-03-28T00:00Z", "2027-03-28T00:00Z"));
  ASSERT_TRUE(test_.hooks->trigger());
  ASSERT_THAT(test_.sender->started(), SizeIs(1));
  EXPECT_THAT(test_.sender->started().back().request.headers,
              Contains(Header{"authorization", "Bearer secret"}));
}

TEST_F(BackfillTest, ASecondOneFindsWhatIsThere) {
  cron("0 0 * * *");
  made(from("2027-03-28T00:00Z", "2027-03-28T00:00Z"));
  ASSERT_TRUE(test_.hooks->trigger());
  const BackfillResult again = made(from("2027-03-27T00:00Z", "2027-03-28T00:00Z"));
  ASSERT_THAT(again.items, SizeIs(2));
  EXPECT_TRUE(again.items[0].created);
  EXPECT_FALSE(again.items[1].created);
  EXPECT_EQ(test_.hooks->get({"ns", again.items[1].id})->status, Status::kDone);
}

TEST_F(BackfillTest, ADryRunRegistersNothing) {
  cron("0 0 * * *");
  BackfillQuery query = from("2027-03-27T00:00Z", "2027-03-28T00:00Z");
  query.dry_run = true;
  const BackfillResult result = made(query);
  EXPECT_THAT(result.items, SizeIs(2));
  EXPECT_FALSE(result.items[0].created);
  EXPECT_THAT(tasks(), SizeIs(1));
}

TEST_F(BackfillTest, OneCallMakesUpForSoManyAndSaysWhereToGoOn) {
  cron("* * * * *");
  BackfillQuery query = from("2027-03-28T00:00Z", "2027-03-28T00:04Z");
  query.chunk_limit = 2;
  std::vector<std::string> all;
  for (int calls = 1;; ++calls) {
    ASSERT_LE(calls, 3);
    const BackfillResult chunk = made(query);
    for (const std::string& date : dates(chunk)) all.push_back(date.substr(14, 2));
    if (!chunk.next) break;
    query.from = *chunk.next;
  }
  EXPECT_THAT(all, ElementsAre("00", "01", "02", "03", "04"));
}

// The night of 28 March 2027 has no 02:30 in Berlin.
TEST_F(BackfillTest, TheClockOfTheZoneCounts) {
  cron("30 2 * * *", "Europe/Berlin");
  EXPECT_THAT(dates(made(from("2027-03-27T00:00Z", "2027-03-29T12:00Z"))),
              ElementsAre("2027-03-27T01:30:00.000Z", "2027-03-28T01:00:00.000Z",
                          "2027-03-29T00:30:00.000Z"));
}

TEST_F(BackfillTest, NeitherStartNorEndNorMaxLimitsACron) {
  NewTask task = TestHooks::post("report");
  task.schedule.emplace();
  task.schedule->cron = {"0 0 * * *"};
  task.schedule->start = "2027-04-01T00:00";
  task.schedule->end = "2027-04-30T00:00";
  task.schedule->max = 1;
  task.schedule->exclude = {"2027-03-26"};
  registered(std::move(task));
  EXPECT_THAT(dates(made(from("2027-03-25T00:00Z", "2027-03-27T00:00Z"))),
              ElementsAre("2027-03-25T00:00:00.000Z", "2027-03-27T00:00:00.000Z"));
}

TEST_F(BackfillTest, OtherSeriesHaveNoneBeforeTheirFirst) {
  NewTask every = TestHooks::post("report");
  every.schedule.emplace();
  every.schedule->every = "2h";
  every.schedule->start = "2027-03-29T05:00";
  every.schedule->end = "2027-03-29T13:00";
  registered(std::move(every));
  EXPECT_THAT(dates(made(from("2027-03-28T00:00Z", "2027-03-29T10:00Z"))),
              ElementsAre("2027-03-29T05:00:00.000Z", "2027-03-29T07:00:00.000Z",
                          "2027-03-29T09:00:00.000Z"));

  NewTask repeated = TestHooks::post("repeated");
  repeated.scheduled_date = time_of("2027-03-29T08:30Z");
  repeated.repeat = Repeat{1, 0, RepeatUnit::kHours};
  registered(std::move(repeated));
  BackfillQuery query = from("2027-03-28T00:00Z", "2027-03-29T10:30Z");
  query.key.id = "repeated";
  EXPECT_THAT(dates(made(query)),
              ElementsAre("2027-03-29T08:30:00.000Z", "2027-03-29T09:30:00.000Z",
                          "2027-03-29T10:30:00.000Z"));
  query.from = time_of("2027-03-29T08:30:00.001Z");
  EXPECT_THAT(dates(made(query)), SizeIs(2));
}

TEST_F(BackfillTest, WhatIsWrongIsRefused) {
  cron("0 0 * * *");
  EXPECT_EQ(refused(from("2027-03-28T00:00Z", "2027-03-27T00:00Z")).field, "to");
  const Error future = refused(from("2027-03-28T00:00Z", "2027-03-29T12:00:00.001Z"));
  EXPECT_EQ(future.field, "to");
  EXPECT_THAT(future.message, HasSubstr("2027-03-29T12:00:00.000Z"));
  BackfillQuery query = from("2027-03-28T00:00Z", "2027-03-28T00:00Z");
  for (const int limit : {0, 1001}) {
    query.chunk_limit = limit;
    EXPECT_EQ(refused(query).field, "chunkLimit");
  }
  query.chunk_limit = 1000;
  query.key.id = "none";
  EXPECT_EQ(refused(query).code, ErrorCode::kNotFound);
  registered(TestHooks::post("once"));
  query.key.id = "once";
  const Error once = refused(query);
  EXPECT_EQ(once.code, ErrorCode::kConflict);
  EXPECT_THAT(once.message, HasSubstr("'once' is no series"));
}

// An id that has no room for the time behind it.
TEST_F(BackfillTest, TooLongAnIdIsRefused) {
  NewTask task = TestHooks::post(std::string(500, 'x'));
  task.repeat = Repeat{1, 0, RepeatUnit::kHours};
  registered(std::move(task));
  BackfillQuery query = from("2027-03-29T00:00Z", "2027-03-29T12:00Z");
  query.key.id = std::string(500, 'x');
  EXPECT_EQ(refused(query).field, "id");
  EXPECT_THAT(tasks(), SizeIs(1));
}

}  // namespace
}  // namespace rhooks

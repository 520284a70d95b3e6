#include <gtest/gtest.h>

#include "base/clock.h"
#include "codec/public_json.h"

namespace rhooks::codec {
namespace {

using std::chrono::milliseconds;

constexpr const char* kAll =
    R"({"cron":["0 9 * * MON-FRI","0 12 * * SAT"],"timezone":"Europe/Berlin",)"
    R"("start":"2027-01-01T00:00","end":"2027-12-31T23:59:59","max":10,)"
    R"("exclude":["2027-12-24/2027-12-31","--05-01",{"cron":"* * * * SUN"}],)"
    R"("jitter":"10m","missed":"skip","grace":"1h","overlap":"cutRetries"})";

Error refusal_of(std::string_view json) {
  const auto schedule = parse_schedule(json);
  return schedule ? Error{} : schedule.error();
}

TEST(JsonSchedule, IsReadAndWrittenMemberByMember) {
  const auto schedule = parse_schedule(kAll);
  ASSERT_TRUE(schedule) << schedule.error().message;
  EXPECT_EQ(schedule->cron, (std::vector<std::string>{"0 9 * * MON-FRI", "0 12 * * SAT"}));
  EXPECT_EQ(schedule->timezone, "Europe/Berlin");
  EXPECT_EQ(schedule->start, "2027-01-01T00:00");
  EXPECT_EQ(schedule->end, "2027-12-31T23:59:59");
  EXPECT_EQ(schedule->max, 10);
  EXPECT_EQ(schedule->exclude,
            (std::vector<std::string>{"2027-12-24/2027-12-31", "--05-01", "cron:* * * * SUN"}));
  EXPECT_EQ(schedule->jitter, milliseconds{600'000});
  EXPECT_EQ(schedule->missed, Missed::kSkip);
  EXPECT_EQ(schedule->grace, milliseconds{3'600'000});
  EXPECT_EQ(schedule->overlap, Overlap::kCutRetries);
  EXPECT_EQ(to_json(*schedule), kAll);
}

TEST(JsonSchedule, ShowsAnExpressionAloneAsTextAndNoDefaults) {
  const auto schedule = parse_schedule(R"({"cron":["0 9 * * *"],"max":0,"jitter":"0s"})");
  ASSERT_TRUE(schedule) << schedule.error().message;
  EXPECT_EQ(to_json(*schedule), R"({"cron":"0 9 * * *","timezone":"UTC"})");
  EXPECT_EQ(to_json(*parse_schedule(R"({"at":["2027-01-31T09:00"]})")),
            R"({"at":["2027-01-31T09:00"],"timezone":"UTC"})");
  EXPECT_EQ(to_json(*parse_schedule(R"({"every":"2w","timezone":"+02:00"})")),
            R"({"every":"2w","timezone":"+02:00"})");
}

TEST(JsonSchedule, PassesOverSinceFromUsersAndShowsIt) {
  auto schedule = parse_schedule(R"({"every":"1h","since":"2027-01-01T00:00:00Z"})");
  ASSERT_TRUE(schedule) << schedule.error().message;
  EXPECT_EQ(schedule->since, TimePoint{});
  schedule->since = from_millis(1'000);
  EXPECT_EQ(to_json(*schedule),
            R"({"every":"1h","timezone":"UTC","since":"1970-01-01T00:00:01.000Z"})");
}

TEST(JsonSchedule, RefusesByThePathOfTheMember) {
  EXPECT_EQ(refusal_of(R"({"cron":5})").field, "schedule.cron");
  EXPECT_EQ(refusal_of(R"({"cron":["* * * * *",5]})").field, "schedule.cron[1]");
  EXPECT_EQ(refusal_of(R"({"cron":[]})").field, "schedule.cron");
  EXPECT_EQ(refusal_of(R"({"at":[true]})").field, "schedule.at[0]");
  EXPECT_EQ(refusal_of(R"({"exclude":["2027-01-01",5]})").field, "schedule.exclude[1]");
  EXPECT_EQ(refusal_of(R"({"exclude":[{"every":"1h"}]})").field, "schedule.exclude[0].cron");
  EXPECT_EQ(refusal_of(R"({"jitter":"soon"})").field, "schedule.jitter");
  EXPECT_EQ(refusal_of(R"({"timezone":""})").field, "schedule.timezone");
  EXPECT_EQ(refusal_of(R"({"zone":"UTC"})").field, "schedule.zone");
  const Error missed = refusal_of(R"({"missed":"some"})");
  EXPECT_EQ(missed.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(missed.field, "schedule.missed");
  EXPECT_NE(missed.message.find("latest, skip, all"), std::string::npos) << missed.message;
}

TEST(JsonSchedule, AnswersReservedMembersAsUnsupported) {
  for (const char* const member :
       {R"("dst":{"gap":"skip"})", R"("missedMax":5)", R"("rrule":"x")"}) {
    const Error error = refusal_of(std::string(R"({"cron":"* * * * *",)") + member + "}");
    EXPECT_EQ(error.code, ErrorCode::kUnsupported) << member;
    EXPECT_NE(error.field.find("schedule."), std::string::npos) << error.field;
  }
}

TEST(JsonSchedule, StandsInATask) {
  const auto task = parse_new_task(
      R"({"url":"https://example.com/","schedule":{"cron":"0 9 * * *","timezone":"Asia/Tokyo"}})",
      "ns");
  ASSERT_TRUE(task) << task.error().message;
  ASSERT_TRUE(task->schedule);
  EXPECT_EQ(task->schedule->timezone, "Asia/Tokyo");
  const auto again = parse_new_task(*to_json(*task), "ns");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, *task);
  EXPECT_EQ(parse_new_task(R"({"url":"https://example.com/","schedule":{"cron":[1]}})", "ns")
                .error()
                .field,
            "schedule.cron[0]");
}

}  // namespace
}  // namespace rhooks::codec

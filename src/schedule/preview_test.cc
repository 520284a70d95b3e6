#include "schedule/preview.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schedule/test_schedules.h"
#include "schedule/words.h"

namespace rhooks::schedule {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string words(std::string_view text) {
  const auto cron = parse_cron(text);
  return cron ? cron_in_words(*cron) : cron.error().message;
}

TEST(WordsTest, SayWhatAnExpressionMatches) {
  const std::pair<const char*, const char*> pairs[] = {
      {"* * * * *", "every minute"},
      {"*/15 * * * *", "every 15 minutes"},
      {"0,15,30,45 * * * *", "every 15 minutes"},
      {"*/7 * * * *", "every 7 minutes from the full hour"},
      {"0 * * * *", "every hour"},
      {"5,35 * * * *", "at 5 and 35 minutes past every hour"},
      {"1 * * * *", "at 1 minute past every hour"},
      {"0 9 * * MON-FRI", "at 09:00, Monday to Friday"},
      {"0 9 * * FRI", "at 09:00, on Friday"},
      {"0 9 * * SAT,SUN", "at 09:00, on Saturday and Sunday"},
      {"0,30 9,17 * * *", "at 09:00, 09:30, 17:00 and 17:30, every day"},
      {"*/10 9-17 * * *", "every 10 minutes from 09:00 to 17:50, every day"},
      {"* 9-17 * * *", "every minute from 09:00 to 17:59, every day"},
      {"30 6-22 * * *", "every hour from 06:30 to 22:30, every day"},
      {"0 */2 * * *", "every 2 hours from 00:00, every day"},
      {"5,35 1-3,9-17 * * *", "at minutes 5 and 35 of hours 1 to 3 and 9 to 17, every day"},
      {"0 0 13 * FRI", "at 00:00, on day 13 or on Friday"},
      {"0 0 13 * +FRI", "at 00:00, on day 13 if it is a Friday"},
      {"0 0 1-7 * +MON#1", "at 00:00, on days 1 to 7 if it is the first Monday of the month"},
      {"0 12 L * *", "at 12:00, on the last day of the month"},
      {"0 12 L-2 * *", "at 12:00, 2 days before the last day of the month"},
      {"0 12 LW * *", "at 12:00, on the last weekday of the month"},
      {"0 12 15W * *", "at 12:00, on the weekday nearest day 15 of the month"},
      {"0 12 * * MON#1,FRI#L", "at 12:00, on the first Monday and the last Friday of the month"},
      {"0 0 1 */3 *", "at 00:00, on day 1 of January, April, July and October"},
      {"0 0 * 3 SUNL", "at 00:00, on the last Sunday in March"},
      {"0 9 * 6-8 *", "at 09:00, every day in June to August"},
      {"*/5 * * 12 *", "every 5 minutes in December"},
      {"*/20 * * * * *", "every 20 seconds"},
      {"* * * * * *", "every second"},
      {"5,35 * * * * *", "at seconds 5 and 35 of every minute"},
      {"*/30 */2 9-17 * * *",
       "every 30 seconds of minutes 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, "
       "34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56 and 58 of hours 9 to 17, every day"},
      {"5 59 23 31 12 *", "at 23:59:05, on day 31 of December"},
      {"0 0 0 29 2 * 2028-2040", "at 00:00, on day 29 of February, in 2028 to 2040"},
  };
  for (const auto& [expression, text] : pairs) EXPECT_EQ(words(expression), text) << expression;
}

TEST(WordsTest, SayAllOfASchedule) {
  Schedule schedule = every_schedule("2w", "2027-01-01T17:00", "Europe/Berlin");
  EXPECT_EQ(in_words(schedule, compiled(schedule)),
            "every 2 weeks from Fri 2027-01-01 17:00 (Europe/Berlin)");
  schedule = every_schedule("24h", "2027-01-01T16:00:30Z", "Europe/Berlin");
  schedule.end = "2028-01-01T00:00";
  schedule.max = 10;
  schedule.jitter = std::chrono::minutes{10};
  schedule.exclude = {"2027-12-24/2027-12-31", "--05-01", "cron:* * * * SAT,SUN"};
  EXPECT_EQ(
      in_words(schedule, compiled(schedule)),
      "every 24 hours from Fri 2027-01-01 17:00:30 (Europe/Berlin), until 2028-01-01 00:00, 10 "
      "times, but not on 2027-12-24 to 2027-12-31, 05-01 of each year and what is every minute, "
      "on Saturday and Sunday + up to 10m");
  Schedule listed;
  listed.at = {"2027-01-31T09:00", "2027-02-28T09:00Z"};
  EXPECT_EQ(in_words(listed, compiled(listed)), "at 2027-01-31 09:00 and 2027-02-28 09:00 (UTC)");
  listed = cron_schedule("0 9 * * *");
  listed.cron.push_back("0 12 * * SUN");
  listed.start = "2027-01-01T00:00";
  EXPECT_EQ(in_words(listed, compiled(listed)),
            "at 09:00, every day; and at 12:00, on Sunday (UTC), from 2027-01-01 00:00");
}

std::vector<std::string> warnings(const Schedule& schedule) {
  return warnings_of(schedule, compiled(schedule), time_of("2027-01-01T00:00Z"));
}

TEST(WarningsTest, AreOfWhatMaySurprise) {
  EXPECT_THAT(warnings(cron_schedule("0 9 * * MON-FRI", "Europe/Berlin")), IsEmpty());
  EXPECT_THAT(warnings(cron_schedule("*/15 * * * *", "Europe/Berlin")), IsEmpty());
  EXPECT_THAT(warnings(cron_schedule("0 0 13 * FRI")), ElementsAre(HasSubstr("either matches")));
  EXPECT_THAT(warnings(cron_schedule("0 0 13 * +FRI")), IsEmpty());
  EXPECT_THAT(warnings(cron_schedule("*/7 * * * *")),
              ElementsAre(HasSubstr("anew with each hour")));
  EXPECT_THAT(warnings(cron_schedule("0 */5 * * *")), ElementsAre(HasSubstr("anew with each day")));
  EXPECT_THAT(warnings(cron_schedule("10,20,30 * * * *")), IsEmpty());
  EXPECT_THAT(warnings(cron_schedule("0 0 31 * *")), ElementsAre(HasSubstr("without that day")));
  EXPECT_THAT(warnings(cron_schedule("0 0 * * FRI#5")), ElementsAre(HasSubstr("a fifth")));
  EXPECT_THAT(warnings(cron_schedule("*/20 * * * * *")), ElementsAre(HasSubstr("more often")));
  EXPECT_THAT(warnings(every_schedule("30s", "2027-01-01T00:00Z")),
              ElementsAre(HasSubstr("more often")));
  Schedule listed;
  listed.at = {"2026-01-31T09:00", "2028-01-31T09:00"};
  listed.since = time_of("2027-01-01T00:00Z");
  EXPECT_THAT(warnings(listed), ElementsAre(HasSubstr("left out: 1 of")));
}

TEST(WarningsTest, NameTheChangesOfTheClocksThatMatter) {
  EXPECT_THAT(warnings(cron_schedule("30 2 * * *", "Europe/Berlin")),
              ElementsAre(AllOf(HasSubstr("2027-03-28"), HasSubstr("from 02:00 to 03:00")),
                          AllOf(HasSubstr("2027-10-31"), HasSubstr("02:00 to 03:00 twice"))));
  EXPECT_THAT(warnings(every_schedule("1d", "2027-01-01T02:30", "Europe/Berlin")),
              ElementsAre(HasSubstr("2027-03-28"), HasSubstr("2027-10-31")));
  EXPECT_THAT(warnings(every_schedule("24h", "2027-01-01T02:30", "Europe/Berlin")), IsEmpty());
  EXPECT_THAT(warnings(cron_schedule("30 2 * * MON", "Europe/Berlin")), IsEmpty());
}

TEST(PreviewTest, ShowsWhatComesAndHow) {
  Schedule schedule = cron_schedule("30 2 * * *", "Europe/Berlin");
  const auto shown =
      preview(schedule, compiled(schedule), {.after = time_of("2025-03-29T00:00Z"), .count = 3});
  using Kind = Occurrence::Kind;
  const auto occurrence = [](const char* at, const char* local, Kind kind) {
    return Occurrence{time_of(at), time_of(at), local, kind};
  };
  EXPECT_THAT(
      shown.occurrences,
      ElementsAre(occurrence("2025-03-29T01:30Z", "2025-03-29T02:30:00+01:00", Kind::kPlain),
                  occurrence("2025-03-30T01:00Z", "2025-03-30T03:00:00+02:00", Kind::kGap),
                  occurrence("2025-03-31T00:30Z", "2025-03-31T02:30:00+02:00", Kind::kPlain)));
  EXPECT_TRUE(shown.more);
  EXPECT_EQ(shown.timezone, "Europe/Berlin");
  EXPECT_EQ(shown.description, "at 02:30, every day (Europe/Berlin)");
  EXPECT_EQ(shown.warnings.size(), 3u);

  const auto autumn =
      preview(schedule, compiled(schedule), {.after = time_of("2025-10-26T00:00Z"), .count = 1});
  EXPECT_THAT(
      autumn.occurrences,
      ElementsAre(occurrence("2025-10-26T00:30Z", "2025-10-26T02:30:00+02:00", Kind::kFold)));
  schedule.jitter = std::chrono::hours{1};
  schedule.end = "2025-03-29T12:00";
  const auto table = compiled(schedule);
  const auto last = preview(schedule, table, {.after = time_of("2025-03-29T00:00Z"), .count = 3});
  ASSERT_EQ(last.occurrences.size(), 1u);
  EXPECT_EQ(last.occurrences[0].due, std::nullopt);
  EXPECT_FALSE(last.more);
  const TaskKey key{"ns", "id"};
  EXPECT_EQ(
      preview(schedule, table, {.after = time_of("2025-03-29T00:00Z"), .count = 3, .key = &key})
          .occurrences[0]
          .due,
      table.due(last.occurrences[0].at, key));
}

TEST(PreviewTest, ShowsNoMoreThanIsLeft) {
  const Schedule schedule = cron_schedule("0 9 * * *");
  const auto table = compiled(schedule);
  const auto of = [&](int count, std::int64_t remaining) {
    return preview(schedule, table,
                   {.after = time_of("2027-01-01T00:00Z"), .count = count, .remaining = remaining});
  };
  EXPECT_EQ(of(5, 3).occurrences.size(), 3u);
  EXPECT_EQ(of(5, 3).remaining, 3);
  EXPECT_FALSE(of(5, 3).more);
  EXPECT_FALSE(of(3, 3).more);
  EXPECT_TRUE(of(2, 3).more);
  EXPECT_THAT(of(2, 0).occurrences, IsEmpty());
  EXPECT_FALSE(of(2, 0).more);
}

}  // namespace
}  // namespace rhooks::schedule

#include "schedule/timetable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schedule/test_schedules.h"

namespace rhooks::schedule {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> first_of(const Schedule& schedule, int count,
                                  const char* after = "1970-01-01T00:00Z") {
  std::vector<std::string> found;
  const Timetable table = compiled(schedule);
  for (auto at = table.next(time_of(after)); at && count > 0; at = table.next(*at), --count) {
    found.push_back(format_time(*at).substr(0, 16));
  }
  return found;
}

// "schedule.cron: why".
std::string refusal_of(const Schedule& schedule) {
  const auto table = Timetable::compile(schedule, test_zones());
  return table ? "accepted" : table.error().message;
}

TEST(TimetableTest, TakesOneOfThreeWays) {
  Schedule schedule;
  EXPECT_THAT(refusal_of(schedule),
              HasSubstr("schedule: it takes exactly one of cron, every and at"));
  schedule.every = "1h";
  schedule.cron = {"0 9 * * *"};
  EXPECT_THAT(refusal_of(schedule), HasSubstr("has cron and every"));
}

// The table of docs/schedules.md.
TEST(TimetableTest, TheNightsOfTheDocumentation) {
  const auto nights = [](const Schedule& schedule) {
    const Timetable table = compiled(schedule);
    std::string text;
    for (const char* const night : {"2027-03-28T00:00Z", "2027-10-31T00:00Z"}) {
      const TimePoint begin = time_of(night);
      for (auto at = table.next(begin - kTick); at && *at < begin + hours{3};
           at = table.next(*at)) {
        text += (text.empty() ? "" : " ") + format_time(*at).substr(11, 5);
      }
      text += " |";
    }
    return text;
  };
  const auto cron = [](const char* expression) {
    Schedule schedule = cron_schedule(expression);
    schedule.timezone = "Europe/Berlin";
    return schedule;
  };
  EXPECT_EQ(nights(cron("30 2 * * *")), "01:00 | 00:30 |");
  EXPECT_EQ(nights(cron("0 3 * * *")), "01:00 | 02:00 |");
  EXPECT_EQ(nights(cron("*/15 2 * * *")), "01:00 | 00:00 00:15 00:30 00:45 |");
  EXPECT_EQ(nights(cron("0/30 * * * *")),
            "00:00 00:30 01:00 01:30 02:00 02:30 | 00:00 00:30 01:00 01:30 02:00 02:30 |");
  Schedule every;
  every.timezone = "Europe/Berlin";
  every.start = "2027-03-20T02:30";
  every.every = "1d";
  EXPECT_EQ(nights(every), "01:00 | 00:30 |");
  every.start = "2027-03-27T02:30";
  every.end = "2027-04-01T00:00";
  every.every = "24h";
  EXPECT_EQ(nights(every), "01:30 | |");
  every.start = "2027-10-30T02:30";
  every.end = "";
  EXPECT_EQ(nights(every), " | 00:30 |");
}

TEST(TimetableTest, NamesTheFieldThatIsWrong) {
  const auto with = [](auto change) {
    Schedule schedule = cron_schedule("0 9 * * *");
    change(schedule);
    return refusal_of(schedule);
  };
  using S = Schedule;
  EXPECT_THAT(with([](S& s) { s.cron = {"0 9 * *"}; }),
              HasSubstr("schedule.cron: it has 4 fields"));
  EXPECT_THAT(with([](S& s) { s.cron.push_back("x"); }), HasSubstr("schedule.cron[1]: "));
  EXPECT_THAT(with([](S& s) { s.cron.resize(9, "* * * * *"); }), HasSubstr("8 expressions"));
  EXPECT_THAT(with([](S& s) { s.timezone = "Berlin"; }),
              HasSubstr("schedule.timezone: \"Berlin\" is no time zone of the database; did you "
                        "mean Europe/Berlin"));
  EXPECT_THAT(with([](S& s) { s.start = "soon"; }),
              HasSubstr("schedule.start: \"soon\" is no date"));
  EXPECT_THAT(with([](S& s) { s.end = "2027-02-30T00:00"; }), HasSubstr("schedule.end: "));
  EXPECT_THAT(with([](S& s) {
                s.start = "2027-01-02T00:00";
                s.end = "2027-01-01T00:00";
              }),
              HasSubstr("schedule.end: it is before the start"));
  EXPECT_THAT(with([](S& s) {
                s.start = "2027-01-01T10:00";
                s.end = "2027-01-01T11:00";
              }),
              HasSubstr("schedule.end: nothing happens"));
  EXPECT_THAT(with([](S& s) {
                s.exclude = {"--12-25", "--02-30"};
              }),
              HasSubstr("schedule.exclude[1]: \"--02-30\" is no date"));
  EXPECT_THAT(with([](S& s) { s.exclude = {"2027-01-02/2027-01-01"}; }),
              HasSubstr("before it begins"));
  EXPECT_THAT(with([](S& s) { s.exclude = {"cron:* * * * * * * *"}; }),
              HasSubstr("exclude[0]: it has 8"));
  EXPECT_THAT(with([](S& s) { s.exclude = {"cron:* 9 * * *"}; }),
              HasSubstr("schedule.exclude: it leaves nothing"));
  EXPECT_THAT(with([](S& s) { s.exclude = {"cron:1 * * * * *"}; }), HasSubstr("whole minutes"));
  EXPECT_THAT(with([](S& s) { s.exclude.resize(65, "--12-25"); }), HasSubstr("64 entries"));
  EXPECT_THAT(with([](S& s) { s.jitter = hours{25}; }),
              HasSubstr("schedule.jitter: it may be 0 to 24h"));
  EXPECT_THAT(with([](S& s) { s.grace = milliseconds{999}; }), HasSubstr("schedule.grace: "));
  EXPECT_THAT(with([](S& s) { s.max = -1; }), HasSubstr("schedule.max: "));
  const auto every = [](const char* length) { return refusal_of(every_schedule(length, "")); };
  EXPECT_THAT(every("1d12h"), HasSubstr("schedule.every: \"1d12h\" mixes units"));
  EXPECT_THAT(every("500ms"), HasSubstr("is no length"));
  EXPECT_THAT(every("0s"), HasSubstr("too short"));
  EXPECT_THAT(every("101y"), HasSubstr("longer than 100 years"));
  Schedule listed;
  listed.at = {"2027-01-01T00:00", "then"};
  EXPECT_THAT(refusal_of(listed), HasSubstr("schedule.at[1]: \"then\""));
  listed.at = {"2200-01-01T00:00"};
  EXPECT_THAT(refusal_of(listed), HasSubstr("schedule.at[0]: nothing happens after the year 2199"));
  listed.at = {"2026-01-01T00:00"};
  listed.since = time_of("2027-01-01T00:00Z");
  EXPECT_THAT(refusal_of(listed), HasSubstr("schedule.at: all of its times are past"));
}

TEST(TimetableTest, StartAndEndAreIncluded) {
  Schedule schedule = cron_schedule("0 9 * * *", "Europe/Berlin");
  schedule.start = "2027-03-27T09:00";
  schedule.end = "2027-03-29T09:00:00+02:00";
  EXPECT_THAT(first_of(schedule, 9),
              ElementsAre("2027-03-27T08:00", "2027-03-28T07:00", "2027-03-29T07:00"));
  schedule.start = "2027-03-27T09:00:01";
  schedule.end = "2027-03-29T08:59:59.999";
  EXPECT_THAT(first_of(schedule, 9), ElementsAre("2027-03-28T07:00"));
}

TEST(TimetableTest, NothingHappensBeforeItWasRegistered) {
  Schedule schedule = cron_schedule("0 9 * * *");
  schedule.since = time_of("2027-01-01T09:00Z");
  EXPECT_THAT(first_of(schedule, 1), ElementsAre("2027-01-02T09:00"));
  schedule.start = "2027-01-01T09:00";
  EXPECT_THAT(first_of(schedule, 1), ElementsAre("2027-01-01T09:00"));
  schedule = every_schedule("1h", "");
  schedule.since = time_of("2027-01-01T09:07:00.123Z");
  EXPECT_EQ(compiled(schedule).next(TimePoint::min()), schedule.since);
  EXPECT_THAT(first_of(schedule, 2), ElementsAre("2027-01-01T09:07", "2027-01-01T10:07"));
  schedule.start = "2026-01-01T00:00";
  EXPECT_THAT(first_of(schedule, 1), ElementsAre("2027-01-01T10:00"));
}

TEST(TimetableTest, TheUnionOfExpressionsHappensOnce) {
  Schedule schedule = cron_schedule("0 * * * *", "Europe/Berlin");
  schedule.cron.push_back("0,30 9 * * *");
  EXPECT_THAT(
      first_of(schedule, 4, "2027-01-01T07:00Z"),
      ElementsAre("2027-01-01T08:00", "2027-01-01T08:30", "2027-01-01T09:00", "2027-01-01T10:00"));
  EXPECT_EQ(compiled(schedule).count(time_of("2026-12-31T23:00Z"), time_of("2027-12-31T23:00Z")),
            365 * 25);
}

TEST(TimetableTest, ExcludedTimesDoNotExist) {
  Schedule schedule = cron_schedule("0 9 * * *", "Europe/Berlin");
  schedule.exclude = {"2027-12-25", "2027-12-27/2027-12-29", "--12-31", "cron:* * * * SUN"};
  EXPECT_THAT(
      first_of(schedule, 4, "2027-12-24T00:00Z"),
      ElementsAre("2027-12-24T08:00", "2027-12-30T08:00", "2028-01-01T08:00", "2028-01-03T08:00"));
  schedule = every_schedule("20m", "2027-01-01T00:00Z");
  schedule.exclude = {"cron:* 0-7,18-23 * * *"};
  EXPECT_THAT(first_of(schedule, 2, "2027-01-01T17:30Z"),
              ElementsAre("2027-01-01T17:40", "2027-01-02T08:00"));
  schedule.exclude = {"cron:20-59 * * * *"};
  EXPECT_THAT(first_of(schedule, 2, "2027-01-01T17:30Z"),
              ElementsAre("2027-01-01T18:00", "2027-01-01T19:00"));
  Schedule listed;
  listed.at = {"2027-12-24T09:00", "2027-12-25T09:00"};
  listed.exclude = {"--12-24"};
  EXPECT_THAT(first_of(listed, 2), ElementsAre("2027-12-25T09:00"));
}

// Each of these would take a search that goes by single times for ever.
TEST(TimetableTest, TellsSoonThatExclusionsLeaveNothing) {
  Schedule schedule = cron_schedule("* * * * * *");
  schedule.exclude = {"cron:* * * * 1-6", "cron:* 0-11 * * SUN", "cron:* 12-23 * * SUN"};
  EXPECT_THAT(refusal_of(schedule), HasSubstr("leaves nothing"));
  schedule.exclude = {"1970-01-01/2199-12-31"};
  EXPECT_THAT(refusal_of(schedule), HasSubstr("leaves nothing"));
  // Each day another part of the expressions.
  schedule.exclude.clear();
  for (int day = 1; day <= 31; ++day) {
    schedule.exclude.push_back("cron:*/2 * " + std::to_string(day) + " * *");
    schedule.exclude.push_back("cron:1/2 * " + std::to_string(day) + " * *");
  }
  EXPECT_THAT(refusal_of(schedule), HasSubstr("leaves nothing"));
  schedule = every_schedule("2m", "2027-01-01T00:00Z");
  schedule.exclude = {"cron:*/2 * * * *"};
  EXPECT_THAT(refusal_of(schedule), HasSubstr("leaves nothing"));
}

TEST(TimetableTest, CountsByArithmetic) {
  const TimePoint from = time_of("2024-12-31T23:59:59Z");
  const TimePoint year = time_of("2025-12-31T23:59:59Z");
  EXPECT_EQ(compiled(cron_schedule("* * * * * *")).count(from, year), 365 * 86'400);
  EXPECT_EQ(compiled(cron_schedule("* * * * * *", "Europe/Berlin")).count(from, year),
            365 * 86'400);
  // A named hour's minutes are one occurrence in the gap.
  EXPECT_EQ(compiled(cron_schedule("* 2 * * *", "Europe/Berlin")).count(from, year), 364 * 60 + 1);
  EXPECT_EQ(compiled(cron_schedule("0 0 29 2 *")).count(from, time_of("2125-01-01T00:00Z")), 24);
  EXPECT_EQ(compiled(every_schedule("1s", "2025-01-01T00:00Z")).count(from, year), 365 * 86'400);
  EXPECT_EQ(compiled(every_schedule("1mo", "2020-01-31T08:00")).count(from, year), 12);
  EXPECT_EQ(compiled(every_schedule("1s", "2025-01-01T00:00Z")).count(year, from), 0);
  Schedule weekdays = every_schedule("1s", "2025-01-01T00:00Z");
  weekdays.exclude = {"cron:* * * * SAT,SUN"};
  EXPECT_EQ(compiled(weekdays).count(from, year), 261 * 86'400);
}

// One by one these would take minutes, some of them hours.
TEST(TimetableTest, CountsWhatIsPartlyExcludedByDays) {
  const TimePoint from = time_of("2026-12-31T22:59:59.999Z");
  const TimePoint end = time_of("2198-12-31T22:59:59.999Z");
  const std::int64_t day_count = (end - from) / hours{24};
  Schedule schedule = every_schedule("1s", "2027-01-01T00:00", "Europe/Berlin");
  schedule.exclude = {"cron:* 1 * * *"};
  // Each day has this hour once.
  EXPECT_EQ(compiled(schedule).count(from, end, kAllDays), day_count * 23 * 3'600);
  schedule.exclude = {"cron:1 * * * *"};
  EXPECT_EQ(compiled(schedule).count(from, end, kAllDays), day_count * 24 * 3'540);
  schedule = cron_schedule("* * * * * *", "Europe/Berlin");
  EXPECT_EQ(compiled(schedule).count(from, end, kAllDays), day_count * 86'400);
  // A part of the first day, and of the last.
  EXPECT_EQ(compiled(schedule).count(time_of("2027-10-30T22:00:00Z"), time_of("2027-10-31T10:00Z")),
            12 * 3'600);
}

TEST(TimetableTest, FindsTheFewThatExclusionsLeave) {
  // Those of each first of January that is a Saturday.
  Schedule schedule = every_schedule("1h", "2027-01-01T00:00Z");
  schedule.exclude = {"cron:0-30 * * * SUN-FRI", "cron:0-30 * * 2-12 SAT", "cron:0-30 * 2-31 1 *"};
  const Timetable table = compiled(schedule);
  EXPECT_EQ(table.count(time_of("2027-01-01T00:00Z"), time_of("2047-01-01T00:00Z")), 3 * 24);
  EXPECT_EQ(table.latest(time_of("2032-12-31T23:00Z")), time_of("2028-01-01T23:00Z"));
  EXPECT_EQ(table.next(time_of("2033-01-01T23:00Z")), time_of("2039-01-01T00:00Z"));
}

TEST(TimetableTest, CountsNoMoreDaysThanItIsToldTo) {
  const TimePoint from = time_of("2027-01-01T00:00Z");
  const TimePoint end = time_of("2107-01-01T00:00Z");
  EXPECT_EQ(compiled(cron_schedule("0,30 9 * * *")).count(from, end), 2 * kDaysCounted);
  EXPECT_EQ(compiled(cron_schedule("0,30 9 * * *")).count(from, end, 7), 14);
  EXPECT_EQ(compiled(every_schedule("1d", "2027-01-01T09:00")).count(from, end), kDaysCounted);
  // What is rare takes few days, however long it takes.
  EXPECT_EQ(compiled(cron_schedule("0 9 1 1 *")).count(from, end), 80);
  // And what needs no counting none.
  EXPECT_EQ(compiled(every_schedule("1s", "2027-01-01T00:00:00.001Z")).count(from, end),
            (end - from) / seconds{1});
}

TEST(TimetableTest, GoesOnBehindYearsOfExcludedOccurrences) {
  Schedule schedule = every_schedule("5m", "2027-01-01T00:00Z");
  schedule.exclude = {"cron:*/5 * * 1,3-12 *", "cron:*/5 * 1-28 2 *"};
  const Timetable table = compiled(schedule);
  EXPECT_EQ(table.next(time_of("2027-01-01T00:00Z")), time_of("2028-02-29T00:00Z"));
  EXPECT_EQ(table.next(time_of("2028-02-29T23:55Z")), time_of("2032-02-29T00:00Z"));
  EXPECT_EQ(table.next(time_of("2196-02-29T23:55Z")), std::nullopt);
}

TEST(TimetableTest, FindsTheLatest) {
  const Timetable leap = compiled(cron_schedule("0 0 29 2 +MON"));
  EXPECT_EQ(leap.latest(time_of("2112-02-28T23:59:59Z")), time_of("2072-02-29T00:00Z"));
  EXPECT_EQ(leap.latest(time_of("2112-02-29T00:00Z")), time_of("2112-02-29T00:00Z"));
  EXPECT_EQ(leap.latest(TimePoint::max()), time_of("2196-02-29T00:00Z"));
  EXPECT_EQ(leap.latest(time_of("1970-01-01T00:00Z")), std::nullopt);
  EXPECT_EQ(leap.next(time_of("2196-02-29T00:00Z")), std::nullopt);
  const Timetable every = compiled(every_schedule("1s", "2027-01-01T00:00:00.250Z"));
  EXPECT_EQ(every.latest(time_of("2027-06-01T00:00:00.249Z")), time_of("2027-05-31T23:59:59.250Z"));
  EXPECT_EQ(every.latest(time_of("2027-01-01T00:00:00.249Z")), std::nullopt);
}

TEST(TimetableTest, JitterKeepsTheOrderAndIsTheSameForAll) {
  Schedule schedule = cron_schedule("* * * * *");
  schedule.jitter = hours{24};
  const Timetable table = compiled(schedule);
  TimePoint at = time_of("2027-01-01T00:00Z");
  for (int i = 0; i < 100; ++i, at += minutes{1}) {
    EXPECT_GE(table.due(at, {"ns", "a"}), at);
    EXPECT_LT(table.due(at, {"ns", "a"}), at + minutes{1});
    EXPECT_EQ(table.due(at, {"ns", "a"}), compiled(schedule).due(at, {"ns", "a"}));
  }
  EXPECT_NE(table.due(at, {"ns", "a"}), table.due(at, {"ns", "b"}));
  EXPECT_EQ(compiled(cron_schedule("* * * * *")).due(at, {"ns", "a"}), at);
}

TEST(LengthTest, IsReadAndWritten) {
  const std::pair<const char*, const char*> pairs[] = {
      {"90m", "1h30m"}, {"1h30m", "1h30m"}, {"PT90M", "1h30m"}, {"P2W", "2w"},   {"14d", "2w"},
      {"P3M", "3mo"},   {"PT3M", "3m"},     {"12mo", "1y"},     {"P1Y", "1y"},   {"10d", "10d"},
      {"24h", "24h"},   {"1h0m5s", "1h5s"}, {"86400s", "24h"},  {"100y", "100y"}};
  for (const auto& [text, written] : pairs) {
    const auto length = parse_length(text);
    ASSERT_TRUE(length) << text << length.error().message;
    EXPECT_EQ(format_length(*length), written);
    EXPECT_EQ(parse_length(written), *length);
  }
  for (const char* bad : {"", "P", "PT", "5", "m", "-5m", "1.5h", "1w2d", "1y6mo", "P1DT12H", "P1H",
                          "PT1D", "1M", "5 m", "PTT5M", "99999999999s", "900000h", "876600h1s"}) {
    EXPECT_FALSE(parse_length(bad)) << bad;
  }
}

}  // namespace
}  // namespace rhooks::schedule

#include "schedule/cron.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rhooks::schedule {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string refusal(std::string_view text) {
  const auto cron = parse_cron(text);
  return cron ? "accepted" : cron.error().message;
}

Cron cron_of(std::string_view text) {
  const auto cron = parse_cron(text);
  EXPECT_TRUE(cron) << text << ": " << cron.error().message;
  return cron.value_or(Cron{});
}

TEST(CronTest, RefusesWithTheFieldThePlaceAndWhatIsPossible) {
  EXPECT_EQ(refusal("0 25 * * *"),
            "the hour \"25\" at position 3: 25 is out of range; it may be 0-23");
  EXPECT_EQ(refusal("0 9 * FOO *"), "the month \"FOO\" at position 7: it may be 1-12 or JAN-DEC");
  EXPECT_EQ(
      refusal("0 9 * * MON,WEN"),
      "the weekday \"WEN\" at position 13: it may be 0-7, of which 0 and 7 are Sunday, SUN-SAT, "
      "FRIL or FRI#2");
  EXPECT_EQ(refusal("1,,2 * * * *"), "the minute \"\" at position 3: it is empty; it may be 0-59");
  EXPECT_THAT(refusal("  5x * * * *"), StartsWith("the minute \"5X\" at position 3: \"X\" is not"));
  EXPECT_THAT(refusal("123 * * * *"), HasSubstr("123 is out of range"));
  EXPECT_THAT(refusal("? * * * *"), HasSubstr("the minute"));
  EXPECT_THAT(refusal("*/0 * * * *"), HasSubstr("at least 1"));
  EXPECT_THAT(refusal("*/ * * * *"), HasSubstr("at least 1"));
  EXPECT_THAT(refusal("1- * * * *"), HasSubstr("the minute \"1-\""));
  EXPECT_THAT(refusal(std::string(257, '*')), HasSubstr("256 bytes"));
}

TEST(CronTest, CountsTheFields) {
  EXPECT_EQ(refusal(""),
            "it has 0 fields; five fields are minute, hour, day, month and weekday; six have the "
            "second before them, seven the year behind them, too");
  EXPECT_THAT(refusal("* * * * * * * *"), StartsWith("it has 8 fields"));
  EXPECT_THAT(refusal("0 12 * * MON 2027"), AllOf(HasSubstr("six fields begin with the second"),
                                                  HasSubstr("write \"0 0 12 * * MON 2027\"")));
}

TEST(CronTest, SaysWhatToWriteInstead) {
  EXPECT_THAT(refusal("0 0 * * MONDAY"), HasSubstr("write MON"));
  EXPECT_THAT(refusal("0 0 * JANUARY *"), HasSubstr("write JAN"));
  EXPECT_THAT(refusal("0 0 20-10 * *"), HasSubstr("write 20-31,1-10"));
  EXPECT_THAT(refusal("0 0 0 1 1 * 2030-2027"), HasSubstr("write 2030-2199,1970-2027"));
  EXPECT_THAT(refusal("*/90 * * * *"), HasSubstr("the 60 values that it steps through; for each 90 "
                                                 "minutes give \"every\": \"90m\""));
  EXPECT_THAT(refusal("0 */36 * * *"), HasSubstr("\"every\": \"36h\""));
  EXPECT_THAT(refusal("50/20 * * * *"), HasSubstr("10 values"));
  EXPECT_THAT(
      refusal("0 0 */2 * MON"),
      AllOf(HasSubstr("position 5"), HasSubstr("\"0 0 1-31/2 * MON\" for days that match either"),
            HasSubstr("\"0 0 */2 * +MON\" for both")));
  EXPECT_THAT(refusal("0 0 13 * */2"),
              AllOf(HasSubstr("\"0 0 13 * 0-6/2\""), HasSubstr("\"0 0 13 * +*/2\"")));
  EXPECT_THAT(refusal("0 0 ?/2 * ?/3"), HasSubstr("\"0 0 1-31/2 * 0-6/3\""));
  EXPECT_THAT(refusal("0 0 * * L"), HasSubstr("FRIL is the last Friday of the month"));
  EXPECT_THAT(refusal("0 0 1-5W * *"), HasSubstr("1W,15W"));
  EXPECT_THAT(refusal("0 0 LW-3 * *"), HasSubstr("is not expected"));
  EXPECT_THAT(refusal("0 0 L-31 * *"), HasSubstr("L-1 to L-30"));
  EXPECT_THAT(refusal("0 0 * * FRI#6"), HasSubstr("1 to 5, or L"));
  EXPECT_THAT(refusal("0 0 * * FRI#"), HasSubstr("1 to 5, or L"));
}

TEST(CronTest, KnowsWhatOthersWrite) {
  EXPECT_THAT(refusal("@every 5m"), HasSubstr("\"every\": \"5m\""));
  EXPECT_THAT(refusal("@reboot"), HasSubstr("no reboot"));
  EXPECT_THAT(refusal("@at 12:00"), HasSubstr("\"at\": ["));
  EXPECT_THAT(refusal("CRON_TZ=Europe/Berlin 0 9 * * *"),
              HasSubstr("\"timezone\": \"Europe/Berlin\", \"cron\": \"0 9 * * *\""));
  EXPECT_THAT(refusal("TZ=0"), HasSubstr("\"timezone\": \"0\""));
  EXPECT_THAT(refusal("cron(0 12 * * ? *)"), HasSubstr("without cron()"));
  EXPECT_THAT(refusal("rate(15 minutes)"), HasSubstr("\"every\": \"15m\""));
  EXPECT_THAT(refusal("rate("), HasSubstr("\"every\": \"5m\""));
  EXPECT_THAT(refusal("# daily"), HasSubstr("comment"));
  const auto hashed = parse_cron("0 H * * *");
  ASSERT_FALSE(hashed);
  EXPECT_EQ(hashed.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(hashed.error().message, HasSubstr("\"jitter\""));
}

TEST(CronTest, RefusesWhatNeverHappens) {
  for (const char* never : {"0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 0 29 2 * 2027,2030",
                            "0 0 1-7 * +MON#2", "0 0 L-30 2 *", "0 0 0 29 2 * 2100"}) {
    EXPECT_THAT(refusal(never), HasSubstr("never happens")) << never;
  }
  EXPECT_THAT(
      refusal("0 0 0 29 2 * 2027"),
      HasSubstr("none of its years has a day for \"at 00:00, on day 29 of February, in 2027\""));
  EXPECT_THAT(refusal("0 0 0 30 2 * 2027"),
              HasSubstr("no year has a day for \"at 00:00, on day 30 of February\""));
  for (const char* rare : {"0 0 29 2 +MON", "0 0 * 2 MON#5", "0 0 L-28 2 *", "0 0 0 29 2 * 2096"}) {
    EXPECT_EQ(refusal(rare), "accepted") << rare;
  }
}

TEST(CronTest, ReadsTheSameHoweverItIsWritten) {
  const std::pair<const char*, const char*> pairs[] = {
      {"0 0 * * 0", "0 0 * * SUN"},
      {"0 0 * * 7", "@weekly"},
      {" 0\t9  * *  mon-fri ", "0 9 * * 1-5"},
      {"0 0 0 * * *", "@midnight"},
      {"0 22-2 * * *", "0 22,23,0,1,2 * * *"},
      {"50-10/10 * * * *", "50,0,10 * * * *"},
      {"0 0 * NOV-FEB ?", "0 0 ? 11,12,1,2 *"},
      {"10/20 * * * *", "10-59/20 * * * *"},
      {"0 0 * * FRI-MON", "0 0 * * 5,6,0,1"},
      {"0 0 * * 7-2", "0 0 * * 0-2"},
      {"0 0 * * 7/2", "0 0 * * 0/2"},
      {"0 0 * * 5-7", "0 0 * * FRI-SUN"},
      {"7/3 7-4 * * *", "7-59/3 7-23,0-4 * * *"},
      {"0 12 * * 5L", "0 12 * * FRI#L"},
      {"*/1 * */1 * */1", "* * * * *"},
      {"0 0 1 1 * ", "@Annually"},
      {"0 0 0 1 1 * 2198/1", "0 0 0 1 1 * 2198,2199"},
  };
  for (const auto& [one, other] : pairs) EXPECT_EQ(cron_of(one), cron_of(other)) << one;
  EXPECT_FALSE(cron_of("0 0 1-31 * MON") == cron_of("0 0 * * MON"));
}

TEST(CronTest, FindsTheDaysOfMonthsOfEveryLength) {
  const auto days = [](const char* text, int year, unsigned month) {
    std::string found;
    const auto bits = cron_of(text).days_of(std::chrono::year(year) / std::chrono::month(month));
    for (int day = 1; day <= 31; ++day) {
      if ((bits >> day & 1) != 0) found += std::to_string(day) + " ";
    }
    return found;
  };
  EXPECT_EQ(days("0 0 L * *", 2025, 2), "28 ");
  EXPECT_EQ(days("0 0 L * *", 2024, 2), "29 ");
  EXPECT_EQ(days("0 0 L-2 * *", 2025, 4), "28 ");
  EXPECT_EQ(days("0 0 L-30 * *", 2025, 4), "");
  EXPECT_EQ(days("0 0 L-30 * *", 2025, 5), "1 ");
  EXPECT_EQ(days("0 0 1W * *", 2025, 2), "3 ");     // the 1st is a Saturday
  EXPECT_EQ(days("0 0 31W * *", 2025, 8), "29 ");   // the 31st is a Sunday
  EXPECT_EQ(days("0 0 31W * *", 2025, 6), "");      // there is none
  EXPECT_EQ(days("0 0 LW * *", 2025, 5), "30 ");    // the 31st is a Saturday
  EXPECT_EQ(days("0 0 L-1W * *", 2025, 6), "30 ");  // the 29th is a Sunday
  EXPECT_EQ(days("0 0 * * MON#5", 2025, 6), "30 ");
  EXPECT_EQ(days("0 0 * * MON#5", 2025, 7), "");
  EXPECT_EQ(days("0 0 * * FRIL,MON#1", 2025, 1), "6 31 ");
  EXPECT_EQ(days("0 0 13 * +FRI", 2025, 6), "13 ");
  EXPECT_EQ(days("0 0 13 * FRI", 2025, 6), "6 13 20 27 ");
  EXPECT_EQ(days("0 0 * 2 *", 2025, 3), "");
  EXPECT_EQ(days("0 0 0 1 * * 2026", 2025, 1), "");
}

}  // namespace
}  // namespace rhooks::schedule

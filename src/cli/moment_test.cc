#include "cli/moment.h"

#include <gtest/gtest.h>

#include "base/iso8601.h"

namespace rhooks::cli {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kReadAt{std::chrono::milliseconds{1'700'000'000'000}};

std::string moment(std::string_view text, const std::string& zone = {},
                   const Environment& environment = {}) {
  const auto parsed = parse_moment(text, zone, schedule::Zones(), environment, kReadAt);
  return parsed ? format_time(parsed->at) : parsed.error().message;
}

TEST(ParseMomentTest, FromNowOnWithAndWithoutASign) {
  for (const char* text : {"5m", "+5m"}) {
    EXPECT_EQ(parse_moment(text, "", schedule::Zones(), {}, kReadAt)->at, kReadAt + 5min) << text;
  }
  EXPECT_EQ(parse_moment("1w", "", schedule::Zones(), {}, kReadAt)->at, kReadAt + 168h);
  EXPECT_EQ(parse_moment("-1h", "", schedule::Zones(), {}, kReadAt)->at, kReadAt - 1h);
  EXPECT_EQ(parse_moment("now", "", schedule::Zones(), {}, kReadAt)->at, kReadAt);
  EXPECT_EQ(parse_moment("now", "", schedule::Zones(), {}, kReadAt)->read_as, "");
  EXPECT_FALSE(parse_moment("0", "", schedule::Zones(), {}, kReadAt));
  EXPECT_FALSE(parse_moment("1700000000", "", schedule::Zones(), {}, kReadAt));
}

TEST(ParseMomentTest, AnOffsetNeedsNoZone) {
  EXPECT_EQ(moment("2030-01-31 12:00:00.5+01:00"), "2030-01-31T11:00:00.500Z");
  for (const char* text : {"2030-01-31 12:00Z", "+5m", "5m", "now"}) {
    EXPECT_TRUE(moment(text, "Europe/Berlin").starts_with("--tz says")) << text;
  }
}

// By published law: CET is UTC+1, and UTC+2 from the last Sunday of March to that of October,
// changing at 01:00 UTC; New York is UTC-5, and UTC-4 from the second Sunday of March to the first
// of November, changing at 02:00 of its own clocks; Lord Howe's clocks move by half an hour.
TEST(ParseMomentTest, ALocalTimeIsOfItsZone) {
  EXPECT_EQ(moment("2030-01-31 12:00", "Europe/Berlin"), "2030-01-31T11:00:00.000Z");
  EXPECT_EQ(moment("2030-07-31T12:00:01.25", "Europe/Berlin"), "2030-07-31T10:00:01.250Z");
  EXPECT_EQ(moment("2030-07-31 23:59", "America/New_York"), "2030-08-01T03:59:00.000Z");
  EXPECT_EQ(moment("2150-07-31 12:00", "Europe/Berlin"), "2150-07-31T10:00:00.000Z");
  EXPECT_EQ(moment("2030-01-31 12:00", "UTC"), "2030-01-31T12:00:00.000Z");
  EXPECT_EQ(moment("2030-01-31 12:00", "+02:00"), "2030-01-31T10:00:00.000Z");
  EXPECT_EQ(
      parse_moment("2030-01-31 12:00", "Europe/Berlin", schedule::Zones(), {}, kReadAt)->read_as,
      "2030-01-31 12:00 in Europe/Berlin");
}

TEST(ParseMomentTest, WithoutAZoneItIsThatOfTheEnvironment) {
  for (const char* tz : {"Europe/Berlin", ":Europe/Berlin", "/usr/share/zoneinfo/Europe/Berlin"}) {
    EXPECT_EQ(moment("2030-01-31 12:00", "", {{"TZ", tz}}), "2030-01-31T11:00:00.000Z") << tz;
  }
  EXPECT_EQ(moment("2030-01-31 12:00", "", {{"TZ", ""}}), "2030-01-31T12:00:00.000Z");
  EXPECT_EQ(moment("2030-01-31 12:00", "UTC", {{"TZ", "Europe/Berlin"}}),
            "2030-01-31T12:00:00.000Z");
  const std::string posix = moment("2030-01-31 12:00", "", {{"TZ", "CET-1CEST,M3.5.0,M10.5.0/3"}});
  EXPECT_NE(posix.find("--tz Europe/Berlin"), std::string::npos) << posix;
  // The machine's own: which it is, is its own affair.
  EXPECT_TRUE(parse_moment("2030-01-31 12:00", "", schedule::Zones(), {}, kReadAt));
}

TEST(ParseMomentTest, WhereClocksAreSetBothReadingsAreNamed) {
  EXPECT_EQ(
      moment("2030-03-31 02:30", "Europe/Berlin"),
      "\"2030-03-31 02:30\" does not exist in Europe/Berlin, where the clocks are set forward "
      "then; write 2030-03-31T01:30:00+01:00 or 2030-03-31T03:30:00+02:00");
  EXPECT_EQ(moment("2030-10-27 02:30:15.5", "Europe/Berlin"),
            "\"2030-10-27 02:30:15.5\" comes twice in Europe/Berlin, where the clocks are set back "
            "then; write 2030-10-27T02:30:15.500+02:00 or 2030-10-27T02:30:15.500+01:00");
  const std::string new_york = moment("2030-11-03 01:00", "America/New_York");
  EXPECT_NE(new_york.find("2030-11-03T01:00:00-04:00 or 2030-11-03T01:00:00-05:00"),
            std::string::npos)
      << new_york;
  const std::string howe = moment("2030-10-06 02:15", "Australia/Lord_Howe");
  EXPECT_NE(howe.find("2030-10-06T01:45:00+10:30 or 2030-10-06T02:45:00+11:00"), std::string::npos)
      << howe;
  // The edges are single.
  EXPECT_EQ(moment("2030-03-31 01:59:59", "Europe/Berlin"), "2030-03-31T00:59:59.000Z");
  EXPECT_EQ(moment("2030-03-31 03:00", "Europe/Berlin"), "2030-03-31T01:00:00.000Z");
  EXPECT_EQ(moment("2030-10-27 01:59:59", "Europe/Berlin"), "2030-10-26T23:59:59.000Z");
  EXPECT_EQ(moment("2030-10-27 03:00", "Europe/Berlin"), "2030-10-27T02:00:00.000Z");
  // What is offered is taken.
  EXPECT_EQ(moment("2030-03-31T01:30:00+01:00"), "2030-03-31T00:30:00.000Z");
}

TEST(ParseMomentTest, RefusesWhatIsNoTime) {
  for (const char* text : {"", "tomorrow", "2030-02-30 12:00", "2030-01-31", "2030-01-31 25:00",
                           "12:00", "5min", "2030-01-31 12:00 Europe/Berlin", "1970-01-01 00:30"}) {
    EXPECT_FALSE(parse_moment(text, "Europe/Berlin", schedule::Zones(), {}, kReadAt)) << text;
  }
  for (const char* zone : {"Berlin", "+24:00", "../../etc/passwd", "Mars/Olympus"}) {
    const std::string message = moment("2030-01-31 12:00", zone);
    EXPECT_NE(message.find("is no time zone of the database"), std::string::npos) << message;
    EXPECT_NE(message.find("Europe/Berlin"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace rhooks::cli

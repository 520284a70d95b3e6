#include "cli/times.h"

#include <gtest/gtest.h>

namespace rhooks::cli {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kNow{std::chrono::milliseconds{1'700'000'000'000}};

TEST(ParseDurationTest, Units) {
  EXPECT_EQ(parse_duration("500ms").value(), 500ms);
  EXPECT_EQ(parse_duration("30s").value(), 30s);
  EXPECT_EQ(parse_duration("5m").value(), 5min);
  EXPECT_EQ(parse_duration("1h").value(), 1h);
  EXPECT_EQ(parse_duration("7d").value(), 168h);
  EXPECT_EQ(parse_duration("1w").value(), 168h);
  EXPECT_EQ(parse_duration("2w1d").value(), 360h);
  EXPECT_EQ(parse_duration("1h30m").value(), 90min);
  EXPECT_EQ(parse_duration("0").value(), 0ms);
  EXPECT_EQ(parse_duration("0s").value(), 0ms);
}

TEST(ParseDurationTest, RefusesEverythingElse) {
  for (const char* text : {"", "5", "s", "-5s", "+5s", "5 s", "5x", "5S", "1.5h", "5s ", " 5s",
                           "5sm", "--5s", "99999999999999999999s", "0x5s", "1h-5m"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(parsed.error().message.find("30s"), std::string::npos) << parsed.error().message;
  }
}

TEST(ParseDurationTest, Bounds) {
  EXPECT_EQ(parse_duration("36500d").value(), 36500 * 24h);
  EXPECT_FALSE(parse_duration("36501d"));
  EXPECT_FALSE(parse_duration("36500d1ms"));
  EXPECT_FALSE(parse_duration("9223372036854775807d"));
}

TEST(FormatDurationTest, ReadsBack) {
  for (const auto duration :
       {0ms, 1ms, 999ms, 1000ms, 1500ms, 60'000ms, 5'400'000ms, 86'400'000ms, 90'061'001ms}) {
    EXPECT_EQ(parse_duration(format_duration(duration)).value(), duration);
  }
  EXPECT_EQ(format_duration(5'400'000ms), "1h30m");
  EXPECT_EQ(format_duration(-1500ms), "-1s500ms");
  EXPECT_EQ(format_duration(168h), "7d");
}

TEST(ParseWhenTest, RelativeAndAbsolute) {
  EXPECT_EQ(parse_when("now", kNow).value(), kNow);
  EXPECT_EQ(parse_when("+2s", kNow).value(), kNow + 2s);
  EXPECT_EQ(parse_when("+1d", kNow).value(), kNow + 24h);
  EXPECT_EQ(parse_when("-1h", kNow).value(), kNow - 1h);
  EXPECT_EQ(parse_when("2023-11-14T23:13:20+01:00", kNow).value(), kNow);
}

TEST(ParseWhenTest, Refuses) {
  for (const char* text :
       {"", "2s", "tomorrow", "2023-11-14T22:13:20", "2023-02-30T00:00:00Z", "+", "-", "-36500d"}) {
    EXPECT_FALSE(parse_when(text, kNow)) << text;
  }
  EXPECT_NE(parse_when("1h", kNow).error().message.find("write +1h or -1h"), std::string::npos);
  EXPECT_NE(parse_when("tomorrow", kNow).error().message.find("+2s"), std::string::npos);
}

TEST(ParseEveryTest, LargestExactUnit) {
  const auto check = [](const char* text, std::int64_t interval, RepeatUnit unit) {
    const auto repeat = parse_every(text);
    ASSERT_TRUE(repeat) << text;
    EXPECT_EQ(repeat->interval, interval) << text;
    EXPECT_EQ(repeat->unit, unit) << text;
  };
  check("10s", 10, RepeatUnit::kSeconds);
  check("60s", 1, RepeatUnit::kMinutes);
  check("90s", 90, RepeatUnit::kSeconds);
  check("5m", 5, RepeatUnit::kMinutes);
  check("1h30m", 90, RepeatUnit::kMinutes);
  check("24h", 1, RepeatUnit::kDays);
  check("1w", 7, RepeatUnit::kDays);
  for (const char* text : {"0", "0s", "500ms", "1s1ms", "5", ""}) {
    EXPECT_FALSE(parse_every(text)) << text;
  }
}

TEST(ShowTimeTest, ForPeople) {
  EXPECT_EQ(show_time(kNow), "2023-11-14 22:13:20.000Z");
  EXPECT_EQ(show_distance(kNow + 2s, kNow), "in 2 s");
  EXPECT_EQ(show_distance(kNow - 300ms, kNow), "300 ms ago");
  EXPECT_EQ(show_distance(kNow - 10min, kNow), "10 min ago");
  EXPECT_EQ(show_distance(kNow + 30h, kNow), "in 30 h");
  EXPECT_EQ(show_distance(kNow + 240h, kNow), "in 10 days");
}

}  // namespace
}  // namespace rhooks::cli

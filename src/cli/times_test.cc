#include "cli/times.h"

#include <gtest/gtest.h>

namespace rhooks::cli {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kNow{std::chrono::milliseconds{1'700'000'000'000}};

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

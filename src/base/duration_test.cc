#include "base/duration.h"

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace rhooks {
namespace {

using namespace std::chrono_literals;

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

TEST(ParseDurationTest, AMessageIsFitToBeShown) {
  for (const std::string& text : {std::string(100'000, 'x'), std::string(100'000, '9') + "d",
                                  std::string("5\n\xff"), std::string("99999999999d\x1b")}) {
    const std::string message = parse_duration(text).error().message;
    EXPECT_LT(message.size(), 200u);
    EXPECT_TRUE(is_utf8(message));
    EXPECT_FALSE(has_control(message)) << message;
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
  EXPECT_EQ(format_duration(std::chrono::milliseconds::min()), "-106751991167d7h12m55s808ms");
}

TEST(ParseRateTest, IsANumberAndATime) {
  EXPECT_EQ(parse_rate("100/1m").value(), (Rate{100, 1min}));
  EXPECT_EQ(parse_rate("50/s").value(), (Rate{50, 1s}));
  EXPECT_EQ(parse_rate("100/m").value(), (Rate{100, 1min}));
  EXPECT_EQ(parse_rate("1/12h").value(), (Rate{1, 12h}));
  EXPECT_EQ(parse_rate("3/1m30s").value(), (Rate{3, 90s}));
  for (const char* text : {"100/1m", "1/500ms", "0/0", "9223372036854775807/7d"}) {
    EXPECT_EQ(format_rate(parse_rate(text).value()), text);
  }
}

TEST(ParseRateTest, RefusesEverythingElse) {
  for (const std::string text :
       {"", "/", "fast", "100", "100/", "/1m", "1e3/s", " 1/s", "1 /s", "1/ s", "-1/s", "+1/s",
        "1/-1s", "1/s/s", "1/1x", "1.5/s", "99999999999999999999/s", "1/99999999999999999999s"}) {
    const auto parsed = parse_rate(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(parsed.error().message.find("must be a number and a time, as in 100/1m, not \""), 0u)
        << parsed.error().message;
  }
}

}  // namespace
}  // namespace rhooks

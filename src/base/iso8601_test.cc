#include "base/iso8601.h"

#include <gtest/gtest.h>

#include <random>

#include "base/clock.h"

namespace rhooks {
namespace {

std::string reformat(std::string_view text) {
  const auto t = parse_time(text);
  return t ? format_time(*t) : "refused: " + t.error().message;
}

TEST(Iso8601Test, FormatsUtcWithMilliseconds) {
  EXPECT_EQ(format_time(kTimeMin), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(kTimeMax), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(format_time(from_millis(1'769'862'896'789)), "2026-01-31T12:34:56.789Z");
  EXPECT_EQ(format_time(from_millis(951'782'400'000)), "2000-02-29T00:00:00.000Z");
  // Out of range: the nearest that can be written.
  EXPECT_EQ(format_time(from_millis(-1)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(TimePoint::max()), "9999-12-31T23:59:59.999Z");
}

TEST(Iso8601Test, AcceptsEveryForm) {
  const char* const kSame[] = {
      "2026-01-31T12:34:56.789Z",      "2026-01-31t12:34:56.789z",
      "2026-01-31 12:34:56.789Z",      "2026-01-31T12:34:56.789000001Z",
      "2026-01-31T12:34:56.7899999Z",  "2026-01-31T12:34:56,789Z",
      "2026-01-31T12:34:56.789+00:00", "2026-01-31T12:34:56.789-00:00",
      "2026-01-31T14:34:56.789+02:00", "2026-01-31T14:34:56.789+0200",
      "2026-01-31T14:34:56.789+02",    "2026-01-31T07:04:56.789-05:30",
      "2026-02-01T12:33:56.789+23:59", "2026-01-30T12:35:56.789-23:59",
  };
  for (const char* text : kSame) EXPECT_EQ(reformat(text), "2026-01-31T12:34:56.789Z") << text;
  EXPECT_EQ(reformat("2026-01-31T12:34Z"), "2026-01-31T12:34:00.000Z");
  EXPECT_EQ(reformat("2026-01-31T12:34+01:00"), "2026-01-31T11:34:00.000Z");
  EXPECT_EQ(reformat("2026-01-31T12:34:56Z"), "2026-01-31T12:34:56.000Z");
  EXPECT_EQ(reformat("2026-01-31T12:34:56.7Z"), "2026-01-31T12:34:56.700Z");
  EXPECT_EQ(reformat("2026-01-31T12:34:56.07Z"), "2026-01-31T12:34:56.070Z");
  EXPECT_EQ(reformat("2026-01-31T12:34:56." + std::string(1000, '9') + "Z"),
            "2026-01-31T12:34:56.999Z");
  // Over the ends of a day, a year and a leap day.
  EXPECT_EQ(reformat("2026-12-31T23:30:00-01:00"), "2027-01-01T00:30:00.000Z");
  EXPECT_EQ(reformat("2024-03-01T00:30:00+01:00"), "2024-02-29T23:30:00.000Z");
  EXPECT_EQ(reformat("1970-01-01T00:00:00Z"), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(reformat("1969-12-31T23:00:00-01:00"), "1970-01-01T00:00:00.000Z");
}

TEST(Iso8601Test, RefusesWithAReason) {
  const struct {
    const char* text;
    const char* reason;
  } kCases[] = {
      {"", "does not begin with a date"},
      {"now", "does not begin with a date"},
      {"1769862896789", "does not begin with a date"},
      {"20260131T123456Z", "does not begin with a date"},
      {"2026-1-31T12:34:56Z", "does not begin with a date"},
      {"+2026-01-31T12:34:56Z", "does not begin with a date"},
      {" 2026-01-31T12:34:56Z", "does not begin with a date"},
      {"2026-01-31", "a time must follow"},
      {"2026-01-31Z", "a time must follow"},
      {"2026-01-31T", "a time must follow"},
      {"2026-01-31T12Z", "a time must follow"},
      {"2026-01-31T1:34Z", "a time must follow"},
      {"2026-00-31T12:34:56Z", "does not exist"},
      {"2026-13-01T12:34:56Z", "does not exist"},
      {"2026-01-00T12:34:56Z", "does not exist"},
      {"2026-01-32T12:34:56Z", "does not exist"},
      {"2026-02-29T12:34:56Z", "does not exist"},
      {"2100-02-29T12:34:56Z", "does not exist"},
      {"2026-04-31T12:34:56Z", "does not exist"},
      {"2026-01-31T24:00:00Z", "time of day"},
      {"2026-01-31T12:60:00Z", "time of day"},
      {"2026-01-31T12:34:60Z", "leap seconds"},
      {"2026-01-31T12:34:5Z", "two digits"},
      {"2026-01-31T12:34:56.Z", "no digits"},
      {"2026-01-31T12:34:56", "needs \"Z\" or an offset"},
      {"2026-01-31T12:34:56 Z", "stands where"},
      {"2026-01-31T12:34:56+1", "two digits of hours"},
      {"2026-01-31T12:34:56+01:", "malformed"},
      {"2026-01-31T12:34:56+01:3", "malformed"},
      {"2026-01-31T12:34:56+24:00", "out of range"},
      {"2026-01-31T12:34:56+01:60", "out of range"},
      {"2026-01-31T12:34:56ZZ", "follows the offset"},
      {"2026-01-31T12:34:56+01:00Z", "follows the offset"},
      {"1969-12-31T23:59:59.999Z", "1970 to 9999"},
      {"0000-01-01T00:00:00Z", "1970 to 9999"},
      {"1970-01-01T00:00:00+00:01", "1970 to 9999"},
      {"9999-12-31T23:59:59-00:01", "1970 to 9999"},
  };
  for (const auto& c : kCases) {
    const auto t = parse_time(c.text);
    ASSERT_FALSE(t) << c.text << " gave " << format_time(*t);
    EXPECT_EQ(t.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(t.error().message.find(c.reason), std::string::npos) << t.error().message;
  }
}

TEST(Iso8601Test, MessagesStayShort) {
  const auto t = parse_time(std::string(100'000, 'x'));
  ASSERT_FALSE(t);
  EXPECT_LT(t.error().message.size(), 250u);
}

TEST(Iso8601Test, LeapYearsFollowTheGregorianRule) {
  for (int year = 1970; year <= 9999; ++year) {
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    const std::string text = std::to_string(year) + "-02-29T00:00:00Z";
    ASSERT_EQ(parse_time(text).has_value(), leap) << year;
  }
}

TEST(Iso8601Test, EveryDayComesBack) {
  // The calendar repeats itself after 400 years.
  const TimePoint end = kTimeMin + std::chrono::days{146'097};
  for (TimePoint t = kTimeMin; t < end; t += std::chrono::days{1}) {
    const std::string text = format_time(t);
    ASSERT_EQ(text.size(), 24u);
    const auto back = parse_time(text);
    ASSERT_TRUE(back) << text;
    ASSERT_EQ(*back, t) << text;
  }
}

TEST(Iso8601Test, RandomTimesComeBack) {
  const std::uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 engine(seed);
  for (int i = 0; i < 100'000; ++i) {
    const TimePoint t = from_millis(static_cast<std::int64_t>(engine() % 253'402'300'800'000));
    const auto back = parse_time(format_time(t));
    ASSERT_TRUE(back);
    ASSERT_EQ(*back, t);
  }
}

// Every cut and every changed byte of a valid text is either refused or a time in range.
TEST(Iso8601Test, DamagedTextIsBorne) {
  const std::string text = "2026-01-31T12:34:56.789+02:00";
  for (std::size_t size = 0; size < text.size(); ++size) {
    // "+02" is whole.
    EXPECT_EQ(parse_time(text.substr(0, size)).has_value(), size == text.size() - 3) << size;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string damaged = text;
      damaged[i] = static_cast<char>(byte);
      const auto t = parse_time(damaged);
      if (!t) continue;
      EXPECT_GE(*t, kTimeMin);
      EXPECT_LE(*t, kTimeMax);
    }
  }
}

}  // namespace
}  // namespace rhooks

#include "delivery/retry_after.h"

#include <gtest/gtest.h>

namespace rhooks::delivery {
namespace {

using namespace std::chrono_literals;

// 2026-01-31T12:34:56.789Z
constexpr TimePoint kAnsweredAt{std::chrono::milliseconds{1'769'862'896'789}};

TEST(RetryAfterTest, Seconds) {
  EXPECT_EQ(parse_retry_after("1", kAnsweredAt), 1s);
  EXPECT_EQ(parse_retry_after("0120", kAnsweredAt), 120s);
  EXPECT_EQ(parse_retry_after("1.5", kAnsweredAt), 1500ms);
  EXPECT_EQ(parse_retry_after("0.0001", kAnsweredAt), 1ms) << "it is the least to wait";
  EXPECT_EQ(parse_retry_after("99999999999999999999999", kAnsweredAt), kRetryAfterMax);
  for (const char* none : {"0", "0.000", "-5", "+5", "", " ", ".", ".5", "1.", "1e3", "soon",
                           "2027-01-01", "120 seconds", "1,5", "0x10"}) {
    EXPECT_EQ(parse_retry_after(none, kAnsweredAt), std::nullopt) << none;
  }
}

TEST(RetryAfterTest, DatesOfThreeForms) {
  const auto wait = 1h + 3s + 211ms;
  EXPECT_EQ(parse_retry_after("Sat, 31 Jan 2026 13:35:00 GMT", kAnsweredAt), wait);
  EXPECT_EQ(parse_retry_after("Saturday, 31-Jan-26 13:35:00 GMT", kAnsweredAt), wait);
  EXPECT_EQ(parse_retry_after("Sat Jan 31 13:35:00 2026", kAnsweredAt), wait);
  EXPECT_EQ(parse_retry_after("Sun Feb  1 12:34:57 2026", kAnsweredAt), 24h + 211ms);
  EXPECT_EQ(parse_retry_after("Sat, 31 Jan 2026 12:34:60 GMT", kAnsweredAt), 3s + 211ms)
      << "leap second";
  EXPECT_EQ(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", kAnsweredAt), kRetryAfterMax);
  for (const char* none :
       {"Sat, 31 Jan 2026 12:34:56 GMT", "Fri, 31 Dec 1999 23:59:59 GMT",
        "Friday, 31-Dec-99 23:59:59 GMT", "Thu, 01 Jan 0000 00:00:00 GMT",
        "Sat, 30 Feb 2027 13:35:00 GMT", "Sat, 31 Jan 2027 24:00:00 GMT",
        "Sat, 31 Jan 2027 13:60:00 GMT", "Sat, 31 Foo 2027 13:35:00 GMT",
        "Sat, 31 Jan 2027 13:35:00 EST", "Sat, 31 Jan 2027", "31 Jan 2027 13:35:00 GMT x y"}) {
    EXPECT_EQ(parse_retry_after(none, kAnsweredAt), std::nullopt) << none;
  }
}

TEST(RetryAfterTest, TheLongestOfSeveral) {
  Response response;
  EXPECT_EQ(retry_after_of(response, kAnsweredAt), std::nullopt);
  response.headers = {{"retry-after", "3"}, {"Retry-After", "9"}, {"RETRY-AFTER", "later"}};
  EXPECT_EQ(retry_after_of(response, kAnsweredAt), 9s);
}

}  // namespace
}  // namespace rhooks::delivery

#include "model/backoff.h"

#include <gtest/gtest.h>

#include <limits>

#include "model/test_support.h"
#include "testing/test_seed.h"

namespace rhooks::model {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The most that a jitter below 1 can give.
constexpr double kMost = 1.0 - 0x1.0p-53;

TEST(RetryDelayTest, DoublesUpToTheCap) {
  const BackoffPolicy policy;
  const std::int64_t caps[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600};
  for (int attempt = 1; attempt <= static_cast<int>(std::size(caps)); ++attempt) {
    const milliseconds cap = seconds{caps[attempt - 1]};
    EXPECT_EQ(retry_delay(attempt, policy, 0.0, {}), milliseconds{0});
    EXPECT_EQ(retry_delay(attempt, policy, 0.5, {}), cap / 2);
    const milliseconds most = retry_delay(attempt, policy, kMost, {});
    EXPECT_LE(most, cap);
    EXPECT_GE(most, cap - milliseconds{1});
  }
}

TEST(RetryDelayTest, IsUniformBelowTheCap) {
  const std::uint64_t seed = testing::test_seed();
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> unit(0.0, 1.0);
  std::vector<int> tenths(10);
  for (int i = 0; i < 100'000; ++i) {
    const milliseconds delay = retry_delay(4, {}, unit(random), {});
    ASSERT_GE(delay.count(), 0);
    ASSERT_LT(delay.count(), 8'000);
    ++tenths[static_cast<std::size_t>(delay.count() / 800)];
  }
  for (int count : tenths) EXPECT_NEAR(count, 10'000, 700);
}

TEST(ScheduledDelayTest, VariesItsWaitsByAFifth) {
  const std::vector<milliseconds> schedule{seconds{10}, hours{1}};
  EXPECT_EQ(scheduled_delay(1, schedule, 0.0, {}), seconds{8});
  EXPECT_EQ(scheduled_delay(1, schedule, 0.5, {}), seconds{10});
  EXPECT_GE(scheduled_delay(1, schedule, kMost, {}), milliseconds{11'999});
  EXPECT_LE(scheduled_delay(1, schedule, kMost, {}), seconds{12});
  EXPECT_EQ(scheduled_delay(2, schedule, 0.5, {}), hours{1});
  // Where there are more attempts than waits.
  EXPECT_EQ(scheduled_delay(9, schedule, 0.5, {}), hours{1});
}

TEST(ScheduledDelayTest, WaitsForWhatWasAskedFor) {
  const std::vector<milliseconds> schedule{seconds{10}};
  EXPECT_EQ(scheduled_delay(1, schedule, 0.5, seconds{9}), seconds{10});
  EXPECT_EQ(scheduled_delay(1, schedule, 0.5, seconds{11}), seconds{11});
  EXPECT_EQ(scheduled_delay(1, schedule, 0.5, hours{25}), hours{24});
  EXPECT_EQ(scheduled_delay(1, schedule, 0.5, milliseconds::min()), seconds{10});
}

TEST(RetryDelayTest, NeverOverflows) {
  const BackoffPolicy widest{milliseconds{1}, milliseconds::max()};
  for (int attempt : {1, 62, 63, 64, 65, 101, std::numeric_limits<int>::max()}) {
    EXPECT_GE(retry_delay(attempt, widest, 0.25, {}).count(), 0) << attempt;
    EXPECT_LE(retry_delay(attempt, {}, kMost, {}), hours{1}) << attempt;
  }
}

TEST(RetryDelayTest, KeepsToACapBelowTheBase) {
  const BackoffPolicy policy{seconds{10}, seconds{3}};
  EXPECT_EQ(retry_delay(1, policy, 0.5, {}), milliseconds{1'500});
  EXPECT_EQ(retry_delay(9, policy, 0.5, {}), milliseconds{1'500});
  EXPECT_EQ(retry_delay(9, {seconds{1}, milliseconds{0}}, kMost, {}), milliseconds{0});
  EXPECT_EQ(retry_delay(9, {milliseconds{0}, seconds{1}}, kMost, {}), milliseconds{0});
}

TEST(RetryDelayTest, AddsTheJitterToRetryAfter) {
  EXPECT_EQ(retry_delay(1, {}, 0.0, seconds{120}), seconds{120});
  EXPECT_EQ(retry_delay(1, {}, 0.5, seconds{120}), milliseconds{120'500});
  EXPECT_EQ(retry_delay(3, {}, 0.5, milliseconds{1}), milliseconds{2'001});
  EXPECT_EQ(retry_delay(1, {}, 0.5, milliseconds{0}), milliseconds{500});
}

TEST(RetryDelayTest, CapsRetryAfterButKeepsItAFloor) {
  // A floor may be higher than the cap of the back-off, not than a day.
  EXPECT_EQ(retry_delay(1, {}, 0.0, hours{23}), hours{23});
  EXPECT_EQ(retry_delay(1, {}, 0.0, hours{24}), hours{24});
  EXPECT_EQ(retry_delay(1, {}, 0.0, hours{25}), hours{24});
  EXPECT_EQ(retry_delay(1, {}, 0.5, milliseconds::max()), hours{24} + milliseconds{500});
  EXPECT_EQ(retry_delay(1, {}, 0.5, milliseconds{-5}), milliseconds{500});
  EXPECT_EQ(retry_delay(1, {}, 0.5, milliseconds::min()), milliseconds{500});
}

}  // namespace
}  // namespace rhooks::model

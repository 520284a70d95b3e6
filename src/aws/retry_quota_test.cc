#include "aws/retry_quota.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace rhooks::aws {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RetryQuotaTest, NeverHoldsMoreThanItsTokens) {
  RetryQuota quota;
  quota.succeeded(0);
  EXPECT_EQ(quota.left(), RetryQuota::kTokens);
  ASSERT_TRUE(quota.take(RetryQuota::kTimeoutCost));
  quota.succeeded(RetryQuota::kTimeoutCost);
  EXPECT_EQ(quota.left(), RetryQuota::kTokens);
  ASSERT_TRUE(quota.take(RetryQuota::kTokens - 1));
  EXPECT_FALSE(quota.take(2));
  EXPECT_EQ(quota.left(), 1);
}

TEST(BackoffTest, IsDrawnFromAllUpToADoublingBound) {
  Random random(7);
  for (int retry = 0; retry < 64; ++retry) {
    const milliseconds longest = retry < 10 ? milliseconds{25} * (1 << retry) : seconds{20};
    std::chrono::microseconds most{0};
    for (int i = 0; i < 200; ++i) {
      const auto wait = backoff(milliseconds{25}, seconds{20}, retry, random);
      EXPECT_GE(wait.count(), 0);
      EXPECT_LT(wait, std::min<milliseconds>(longest, seconds{20}));
      most = std::max(most, wait);
    }
    EXPECT_GT(most, std::min<milliseconds>(longest, seconds{20}) * 9 / 10);
  }
  EXPECT_EQ(backoff(milliseconds{0}, seconds{20}, 3, random).count(), 0);
}

}  // namespace
}  // namespace rhooks::aws

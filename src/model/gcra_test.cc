#include "model/gcra.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "testing/test_seed.h"

namespace rhooks::model {
namespace {

using namespace std::chrono_literals;

constexpr Gcra::Time kRateT0{std::chrono::hours{500'000}};

TEST(GcraTest, AnIntervalIsNeverTooShort) {
  EXPECT_EQ(Gcra::of({100, 1min}, 1).interval, 600ms);
  EXPECT_EQ(Gcra::of({3, 1s}, 1).interval, 333'334us);
  EXPECT_EQ(Gcra::of({1'000'000, 1s}, 1).interval, 1us);
  EXPECT_EQ(Gcra::of({1'000'000, 7 * 24h}, 1).interval, 604'800us);
}

TEST(GcraTest, ABurstIsOneSecondsWorthWhereNoneIsGiven) {
  EXPECT_EQ(Gcra::of({100, 1min}, std::nullopt), Gcra::of({100, 1min}, 1));
  EXPECT_EQ(Gcra::of({50, 1s}, std::nullopt), Gcra::of({50, 1s}, 50));
  EXPECT_EQ(Gcra::of({150, 1min}, std::nullopt), Gcra::of({150, 1min}, 2));
  EXPECT_EQ(Gcra::of({100, 1min}, 5).tolerance, 2'400ms);
}

// Whoever wrote into the store.
TEST(GcraTest, TakesWhatNoRuleAllowsForTheNearestThatOneDoes) {
  EXPECT_EQ(Gcra::of({0, 0ms}, 0), Gcra::of({1, 1s}, 1));
  EXPECT_EQ(Gcra::of({INT64_MAX, 36'500 * 24h}, INT32_MAX),
            Gcra::of({1'000'000, 7 * 24h}, 1'000'000));
}

TEST(GcraTest, ABurstBeginsAtOnceAndThenOneEachInterval) {
  const Gcra rate = Gcra::of({10, 10s}, 3);
  Gcra::Time tat{};
  for (const std::int64_t left : {3, 2, 1}) {
    EXPECT_EQ(rate.allowed(tat, kRateT0), left);
    tat = rate.after(tat, kRateT0);
  }
  EXPECT_EQ(tat, rate.latest(kRateT0));
  EXPECT_EQ(rate.allowed(tat, kRateT0), 0);
  EXPECT_EQ(rate.opens(tat), kRateT0 + 1s);
  EXPECT_EQ(rate.allowed(tat, kRateT0 + 1s - 1us), 0);
  EXPECT_EQ(rate.allowed(tat, kRateT0 + 1s), 1);
  EXPECT_EQ(rate.allowed(tat, kRateT0 + 2s), 2);
  EXPECT_EQ(rate.allowed(tat, kRateT0 + 1h), 3);
}

// The greatest number of starts in any time of that length, its end not included.
std::size_t most_within(const std::vector<Gcra::Time>& starts, std::chrono::microseconds length) {
  std::size_t most = 0;
  for (std::size_t first = 0, last = 0; last < starts.size(); ++last) {
    while (starts[last] - starts[first] >= length) ++first;
    most = std::max(most, last - first + 1);
  }
  return most;
}

// Whoever asks, and when; and over restarts, after which all that is known is that the latest start
// was before.
TEST(GcraPropertyTest, NoTimeHasMoreThanTheLimitAndTheBurst) {
  std::mt19937_64 engine(testing::test_seed());
  const auto below = [&](std::int64_t end) {
    return static_cast<std::int64_t>(engine() % static_cast<std::uint64_t>(end));
  };
  for (int run = 0; run < 300; ++run) {
    const Rate rate{1 + below(50), std::chrono::milliseconds{1'000 + below(20'000)}};
    const int burst = static_cast<int>(1 + below(20));
    const Gcra gcra = Gcra::of(rate, burst);
    const bool greedy = run % 3 == 0;  // asks at once, and never restarts
    Gcra::Time now = kRateT0;
    Gcra::Time tat = greedy ? Gcra::Time{} : gcra.latest(now);
    std::vector<Gcra::Time> starts;
    for (int step = 0; step < 500; ++step) {
      for (auto left = gcra.allowed(tat, now); left > 0; --left) {
        tat = gcra.after(tat, now);
        starts.push_back(now);
        ASSERT_LE(tat, gcra.latest(now));
      }
      ASSERT_EQ(gcra.allowed(tat, now), 0);
      ASSERT_GT(gcra.opens(tat), now);
      if (greedy) {
        now = gcra.opens(tat);
      } else {
        now += std::chrono::microseconds{below(3 * gcra.interval.count())};
        if (below(10) == 0) tat = gcra.latest(now);
      }
    }
    const auto most = static_cast<std::size_t>(rate.limit + burst - 1);
    ASSERT_LE(most_within(starts, rate.period), most)
        << rate.limit << " in " << rate.period.count() << " ms, burst " << burst;
    if (greedy && rate.period.count() * 1'000 % rate.limit == 0) {
      ASSERT_EQ(most_within(starts, rate.period), most);
    }
  }
}

}  // namespace
}  // namespace rhooks::model

#include "base/random.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace rhooks {
namespace {

TEST(RandomTest, GivesTheSameNumbersForTheSameSeed) {
  Random a(42);
  Random b(42);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(a.next(), b.next());
}

TEST(RandomTest, GivesOtherNumbersForAnotherSeed) {
  Random a(1);
  Random b(2);
  EXPECT_NE(a.next(), b.next());
}

TEST(RandomTest, SeedsItselfDifferentlyEachTime) {
  std::set<std::uint64_t> first;
  for (int i = 0; i < 100; ++i) first.insert(Random().next());
  EXPECT_EQ(first.size(), 100u);
}

TEST(RandomTest, UnitIsSpreadOverZeroToOne) {
  Random random(7);
  std::vector<int> tenths(10);
  for (int i = 0; i < 100'000; ++i) {
    const double value = random.unit();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    ++tenths[static_cast<std::size_t>(value * 10)];
  }
  for (int count : tenths) EXPECT_NEAR(count, 10'000, 600);  // six standard deviations
}

TEST(RandomTest, ThreadsShareOneSequence) {
  constexpr int kThreads = 4;
  constexpr int kEach = 5'000;
  Random shared(99);
  std::vector<std::vector<std::uint64_t>> drawn(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) drawn[static_cast<std::size_t>(t)].push_back(shared.next());
    });
  }
  for (auto& thread : threads) thread.join();

  std::multiset<std::uint64_t> together;
  for (const auto& part : drawn) together.insert(part.begin(), part.end());
  std::multiset<std::uint64_t> expected;
  Random alone(99);
  for (int i = 0; i < kThreads * kEach; ++i) expected.insert(alone.next());
  EXPECT_EQ(together, expected);
}

}  // namespace
}  // namespace rhooks

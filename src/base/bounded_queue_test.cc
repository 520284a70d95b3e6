#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

namespace rhooks {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr seconds kLong{60};

// How long a wait of up to kLong took.
std::chrono::nanoseconds wait_long(BoundedQueue<int>& queue) {
  const auto before = std::chrono::steady_clock::now();
  queue.wait(kLong);
  return std::chrono::steady_clock::now() - before;
}

TEST(BoundedQueue, GivesItemsInTheOrderPushed) {
  BoundedQueue<int> queue(3);
  queue.push(1);
  queue.push(2);
  queue.push(3);
  EXPECT_EQ(queue.size(), 3u);
  EXPECT_EQ(queue.take(2), (std::vector<int>{1, 2}));
  EXPECT_EQ(queue.take(2), (std::vector<int>{3}));
  EXPECT_TRUE(queue.take(2).empty());
}

TEST(BoundedQueue, TakesNothingWhereTheLimitIsZero) {
  BoundedQueue<int> queue(1);
  queue.push(1);
  EXPECT_TRUE(queue.take(0).empty());
  EXPECT_EQ(queue.size(), 1u);
}

TEST(BoundedQueue, HoldsItemsThatCanOnlyBeMoved) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  queue.push(std::make_unique<int>(7));
  auto taken = queue.take(1);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(*taken[0], 7);
}

TEST(BoundedQueue, HasRoomAgainAfterATake) {
  BoundedQueue<int> queue(1);
  for (int i = 0; i < 10; ++i) {
    queue.push(i);
    EXPECT_EQ(queue.take(1), std::vector<int>{i});
  }
}

TEST(BoundedQueueDeathTest, EndsTheProcessOnAPushPastItsCapacity) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  BoundedQueue<int> queue(1);
  queue.push(1);
  EXPECT_DEATH(queue.push(2), "check failed: items_.size\\(\\) < capacity_");
}

TEST(BoundedQueue, WaitReturnsAtOnceWhereThereIsAnItem) {
  BoundedQueue<int> queue(1);
  queue.push(1);
  EXPECT_LT(wait_long(queue), kLong);
  EXPECT_EQ(queue.size(), 1u);
}

TEST(BoundedQueue, WaitEndsWithItsTime) {
  BoundedQueue<int> queue(1);
  queue.wait(microseconds{1});
  EXPECT_EQ(queue.size(), 0u);
}

TEST(BoundedQueue, AWakeBeforeTheWaitIsNotLost) {
  BoundedQueue<int> queue(1);
  queue.wake();
  EXPECT_LT(wait_long(queue), kLong);
  // It counts once: the next wait is one again, and ends with its time.
  const auto before = std::chrono::steady_clock::now();
  queue.wait(std::chrono::milliseconds{2});
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds{2});
}

TEST(BoundedQueue, WakesAWaitingThread) {
  BoundedQueue<int> queue(1);
  std::chrono::nanoseconds waited{0};
  std::thread waiter([&] { waited = wait_long(queue); });
  queue.wake();
  waiter.join();
  EXPECT_LT(waited, kLong);
}

TEST(BoundedQueue, CarriesEveryItemFromOneThreadToAnother) {
  constexpr int kItems = 20'000;
  constexpr std::size_t kCapacity = 64;
  BoundedQueue<int> queue(kCapacity);
  std::vector<int> got;
  std::atomic<bool> failed{false};
  std::thread consumer([&] {
    const auto deadline = std::chrono::steady_clock::now() + seconds{60};
    while (got.size() < kItems) {
      if (std::chrono::steady_clock::now() > deadline) {
        failed = true;
        return;
      }
      queue.wait(seconds{1});
      for (int item : queue.take(16)) got.push_back(item);
    }
  });
  // The one producer looks at the room before it pushes, as the engine's slots do.
  for (int i = 0; i < kItems && !failed;) {
    if (queue.size() < kCapacity) {
      queue.push(i++);
    } else {
      std::this_thread::yield();
    }
  }
  consumer.join();
  ASSERT_EQ(got.size(), static_cast<std::size_t>(kItems));
  for (int i = 0; i < kItems; ++i) ASSERT_EQ(got[static_cast<std::size_t>(i)], i);
}

}  // namespace
}  // namespace rhooks

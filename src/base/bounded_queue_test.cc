#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

namespace rhooks {
namespace {

TEST(BoundedQueueTest, GivesItemsInTheOrderPushed) {
  BoundedQueue<int> queue(3);
  queue.push(1);
  queue.push(2);
  queue.push(3);
  EXPECT_EQ(queue.size(), 3u);
  EXPECT_EQ(queue.take(2), (std::vector<int>{1, 2}));
  EXPECT_EQ(queue.take(2), (std::vector<int>{3}));
  EXPECT_TRUE(queue.take(2).empty());
}

TEST(BoundedQueueTest, TakesNothingWhereTheLimitIsZero) {
  BoundedQueue<int> queue(1);
  queue.push(1);
  EXPECT_TRUE(queue.take(0).empty());
  EXPECT_EQ(queue.size(), 1u);
}

TEST(BoundedQueueTest, HoldsItemsThatCanOnlyBeMoved) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  queue.push(std::make_unique<int>(7));
  auto taken = queue.take(1);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(*taken[0], 7);
}

TEST(BoundedQueueTest, HasRoomAgainAfterATake) {
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

TEST(BoundedQueueTest, CarriesEveryItemFromOneThreadToAnother) {
  constexpr int kItems = 20'000;
  constexpr std::size_t kCapacity = 64;
  BoundedQueue<int> queue(kCapacity);
  std::vector<int> got;
  std::atomic<bool> failed{false};
  std::thread consumer([&] {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes{5};
    while (got.size() < kItems) {
      if (std::chrono::steady_clock::now() > deadline) {
        failed = true;
        return;
      }
      const auto items = queue.take(16);
      if (items.empty()) std::this_thread::yield();
      got.insert(got.end(), items.begin(), items.end());
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

#include "engine/waker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "testing/manual_clock.h"

namespace rhooks::engine {
namespace {

using namespace std::chrono_literals;
using testing::ManualClock;

constexpr std::chrono::seconds kLong{60};

struct Sleeper {
  std::chrono::nanoseconds wait(std::chrono::microseconds most) {
    const auto before = std::chrono::steady_clock::now();
    waker.wait(most);
    return std::chrono::steady_clock::now() - before;
  }

  ManualClock clock;
  Waker waker{thread_runtime(), clock};
};

TEST(WakerTest, AWaitEndsWithItsTime) {
  Sleeper sleeper;
  EXPECT_GE(sleeper.wait(2ms), 2ms);
  sleeper.wait(0us);
}

TEST(WakerTest, WhatWasToldBeforeTheWaitIsNotLostAndCountsOnce) {
  Sleeper sleeper;
  sleeper.waker.notify();
  sleeper.waker.notify();
  EXPECT_LT(sleeper.wait(kLong), kLong);
  EXPECT_GE(sleeper.wait(2ms), 2ms);
}

TEST(WakerTest, ClearForgetsWhatWasTold) {
  Sleeper sleeper;
  sleeper.waker.notify();
  sleeper.waker.clear();
  EXPECT_GE(sleeper.wait(2ms), 2ms);
}

TEST(WakerTest, WakesAWaitingThread) {
  Sleeper sleeper;
  std::chrono::nanoseconds waited{0};
  std::thread thread([&] { waited = sleeper.wait(kLong); });
  sleeper.waker.notify();
  thread.join();
  EXPECT_LT(waited, kLong);
}

TEST(WakerTest, WakesAtATimeOfTheClock) {
  SystemClock clock;
  Waker waker(thread_runtime(), clock);
  const TimePoint at = clock.now() + 20ms;
  const auto before = std::chrono::steady_clock::now();
  waker.notify_at(at);
  waker.notify_at(at + 1h);  // the earlier one counts
  waker.wait(kLong);
  EXPECT_GE(clock.now(), at);
  EXPECT_LT(std::chrono::steady_clock::now() - before, kLong);
}

TEST(WakerTest, ATimeThatHasPassedWakesAtOnce) {
  Sleeper sleeper;
  sleeper.waker.notify_at(sleeper.clock.now());
  EXPECT_LT(sleeper.wait(kLong), kLong);
}

TEST(WakerTest, AnEarlierTimeWakesAThreadThatWaitsForALaterOne) {
  Sleeper sleeper;
  sleeper.waker.notify_at(sleeper.clock.now() + 1h);
  std::chrono::nanoseconds waited{0};
  std::thread thread([&] { waited = sleeper.wait(kLong); });
  sleeper.waker.notify_at(sleeper.clock.now());
  thread.join();
  EXPECT_LT(waited, kLong);
}

TEST(WakerTest, NoneOfManyIsLost) {
  constexpr int kMany = 20'000;
  Sleeper sleeper;
  std::atomic<int> told{0};
  std::atomic<int> seen{0};
  std::thread waiting([&] {
    while (seen < kMany) {
      if (sleeper.wait(kLong) >= kLong) return;
      seen = told.load();
    }
  });
  for (int i = 1; i <= kMany; ++i) {
    told = i;
    sleeper.waker.notify();
  }
  waiting.join();
  EXPECT_EQ(seen, kMany);
}

}  // namespace
}  // namespace rhooks::engine

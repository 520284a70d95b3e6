#include "base/mutex.h"

#include <gtest/gtest.h>

#include <thread>

namespace rhooks {
namespace {

using std::chrono::steady_clock;

// Whether another thread could take it now.
bool is_free(Mutex& mutex) {
  bool free = false;
  std::thread([&] {
    if (!mutex.try_lock()) return;
    free = true;
    mutex.unlock();
  }).join();
  return free;
}

TEST(MutexTest, ALockHoldsItUntilItsEnd) {
  Mutex mutex;
  {
    MutexLock lock(mutex);
    EXPECT_FALSE(is_free(mutex));
    lock.unlock();
    EXPECT_TRUE(is_free(mutex));
    lock.lock();
    EXPECT_FALSE(is_free(mutex));
  }
  EXPECT_TRUE(is_free(mutex));
}

TEST(MutexTest, ALockTakesOverWhatItsThreadHolds) {
  Mutex mutex;
  {
    if (!mutex.try_lock()) FAIL() << "nobody holds it";
    const MutexLock lock(mutex, std::adopt_lock);
    EXPECT_FALSE(is_free(mutex));
  }
  EXPECT_TRUE(is_free(mutex));
}

TEST(ConditionVariableTest, AWaitFreesTheMutexAndEndsWhenItIsTold) {
  Mutex mutex;
  ConditionVariable changed;
  bool asked = false;
  bool answered = false;
  std::thread other([&] {
    MutexLock lock(mutex);
    while (!asked) changed.wait(lock);
    answered = true;
    changed.notify_all();
  });
  {
    const auto patience = steady_clock::now() + std::chrono::minutes{1};
    MutexLock lock(mutex);
    asked = true;
    changed.notify_one();
    bool in_time = true;
    while (in_time && !answered) in_time = changed.wait_until(lock, patience);
    EXPECT_TRUE(answered);
  }
  other.join();
}

TEST(ConditionVariableTest, AWaitEndsAtItsTime) {
  Mutex mutex;
  ConditionVariable changed;
  MutexLock lock(mutex);
  const auto until = steady_clock::now() + std::chrono::milliseconds{1};
  while (changed.wait_until(lock, until)) {
  }
  EXPECT_GE(steady_clock::now(), until);
  EXPECT_FALSE(is_free(mutex));
}

}  // namespace
}  // namespace rhooks

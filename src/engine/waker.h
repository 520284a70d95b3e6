#pragma once

#include <algorithm>
#include <memory>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/runtime.h"

namespace rhooks::engine {

// Lets one thread sleep until others wake it, at once or at a time of the clock.
//
// Use: find out what there is to do; wait(). What was told since the last wait() is not lost.
// Threads: one waits and clears; the rest may be called from any thread.
class Waker {
 public:
  Waker(Runtime& runtime, const Clock& clock)
      : runtime_(runtime), clock_(clock), changed_(runtime.condition()) {}

  void notify() { notify_at(kTimeMin); }
  // The earliest time that was told counts.
  void notify_at(TimePoint t) {
    {
      MutexLock lock(mutex_);
      if (t >= at_) return;
      at_ = t;
    }
    changed_->notify_all();
  }

  // Forgets what was told: the waiting thread is about to look at everything anyway.
  void clear() {
    MutexLock lock(mutex_);
    at_ = kTimeMax;
  }

  // Waits for what is told, looking at the clock anew at least after `most` in case it is set.
  void wait(std::chrono::microseconds most) {
    MutexLock lock(mutex_);
    const Steady until = runtime_.now() + most;
    while (true) {
      // In microseconds: kTimeMax is too far away to be counted in nanoseconds.
      const std::chrono::microseconds left = at_ - clock_.now_micros();
      const Steady now = runtime_.now();
      const auto cap = std::chrono::ceil<std::chrono::microseconds>(until - now);
      if (left.count() <= 0 || cap.count() <= 0) break;
      changed_->wait_until(lock, now + std::min(left, cap));
    }
    at_ = kTimeMax;
  }

 private:
  Runtime& runtime_;
  const Clock& clock_;
  Mutex mutex_;
  const std::unique_ptr<Condition> changed_;
  TimePoint at_ RHOOKS_GUARDED_BY(mutex_) = kTimeMax;
};

}  // namespace rhooks::engine

#pragma once

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/clock.h"

namespace rhooks::engine {

// Sleeps until a moment that other threads may bring forward.
//
// Use: clear(); find out what there is to do and when; ring_at(that); wait(). A ring_at() by
// another thread between clear() and wait() is not lost.
// Threads: every method may be called from any thread; one thread waits.
class Alarm {
 public:
  explicit Alarm(const Clock& clock) : clock_(clock) {}

  void clear() {
    std::lock_guard lock(mutex_);
    at_ = kTimeMax;
  }

  // Brings the alarm forward to `t`, if it is set later.
  void ring_at(TimePoint t) {
    {
      std::lock_guard lock(mutex_);
      if (t >= at_) return;
      at_ = t;
    }
    changed_.notify_one();
  }
  void ring() { ring_at(kTimeMin); }

  // Waits for the alarm, looking at the clock anew at least every `look` in case it is set.
  void wait(std::chrono::milliseconds look) {
    std::unique_lock lock(mutex_);
    const auto until = std::chrono::steady_clock::now() + look;
    while (true) {
      // In microseconds: kTimeMax is too far away to be counted in nanoseconds.
      const std::chrono::microseconds left = at_ - clock_.now_micros();
      const auto cap =
          std::chrono::ceil<std::chrono::microseconds>(until - std::chrono::steady_clock::now());
      if (left.count() <= 0 || cap.count() <= 0) return;
      changed_.wait_for(lock, std::min(left, cap));
    }
  }

 private:
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  TimePoint at_ = kTimeMax;
};

}  // namespace rhooks::engine

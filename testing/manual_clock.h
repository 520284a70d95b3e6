#pragma once

#include <functional>
#include <map>
#include <mutex>

#include "base/clock.h"

namespace rhooks::testing {

// A clock that stands still until a test moves it.
//
//   ManualClock clock;                              // 2030-01-01T00:00:00Z
//   clock.advance(std::chrono::seconds{5});
//
// Those who wait for a time can subscribe, so that no test has to poll.
// Threads: every method may be called from any thread. Subscribers are called by the thread
// that moves the clock, under its lock: they must not call the clock's set(), advance(),
// subscribe() or unsubscribe().
class ManualClock final : public Clock {
 public:
  ManualClock() : ManualClock(TimePoint{std::chrono::milliseconds{1'893'456'000'000}}) {}
  explicit ManualClock(TimePoint start) : now_(start) {}

  Micros now_micros() const override {
    std::lock_guard lock(mutex_);
    return now_;
  }

  // Sets the time, also backwards.
  void set(Micros now) {
    std::lock_guard lock(moving_);
    {
      std::lock_guard inner(mutex_);
      now_ = now;
    }
    for (const auto& [id, subscriber] : subscribers_) subscriber();
  }

  void advance(std::chrono::microseconds by) {
    std::lock_guard lock(moving_);
    {
      std::lock_guard inner(mutex_);
      now_ += by;
    }
    for (const auto& [id, subscriber] : subscribers_) subscriber();
  }

  // Calls `subscriber` after every move until unsubscribe(); it is not called after that.
  int subscribe(std::function<void()> subscriber) {
    std::lock_guard lock(moving_);
    subscribers_.emplace(++last_id_, std::move(subscriber));
    return last_id_;
  }

  void unsubscribe(int id) {
    std::lock_guard lock(moving_);
    subscribers_.erase(id);
  }

 private:
  std::mutex moving_;  // held while the clock moves and subscribers are told
  mutable std::mutex mutex_;
  Micros now_;
  std::map<int, std::function<void()>> subscribers_;
  int last_id_ = 0;
};

}  // namespace rhooks::testing

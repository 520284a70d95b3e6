#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>

#include "base/check.h"

namespace rhooks::engine {

// The places for tasks on the way: one is taken at the claim and given back when the outcome
// is stored. So a worker never holds more than `capacity` leases, has never more requests in
// flight, and a crash repeats at most that many attempts.
//
// Slots are numbered in the order taken, which lets a trigger wait for all that were taken
// before some moment without being held up by later ones.
// Threads: every method may be called from any thread.
class Slots {
 public:
  using Number = std::uint64_t;

  explicit Slots(std::size_t capacity) : capacity_(capacity) {}

  std::size_t capacity() const { return capacity_; }

  std::size_t free() const {
    std::lock_guard lock(mutex_);
    return capacity_ - taken_.size();
  }

  Number take() {
    std::lock_guard lock(mutex_);
    RHOOKS_CHECK(taken_.size() < capacity_);
    taken_.insert(++last_);
    return last_;
  }

  void give(Number number) {
    std::lock_guard lock(mutex_);
    RHOOKS_CHECK(taken_.erase(number) == 1);
  }

  // The latest number handed out; 0 before the first.
  Number last() const {
    std::lock_guard lock(mutex_);
    return last_;
  }

  // Whether every slot up to `number` has been given back.
  bool returned_through(Number number) const {
    std::lock_guard lock(mutex_);
    return taken_.empty() || *taken_.begin() > number;
  }

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::set<Number> taken_;
  Number last_ = 0;
};

}  // namespace rhooks::engine

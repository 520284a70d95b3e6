#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "base/check.h"
#include "base/mutex.h"
#include "engine/flow_table.h"

namespace rhooks::engine {

// The places for tasks on the way: one is taken at the claim and given back when the outcome
// is stored. So a worker never holds more than `capacity` leases, has never more requests in
// flight, and a crash repeats at most that many attempts. What is on the way takes memory, too:
// while it is `bytes_max` or more, no slot is free. Which tasks may have them, flows() says.
//
// Slots are numbered in the order taken, which lets a trigger wait for all that were taken
// before some moment without being held up by later ones.
// Threads: every method may be called from any thread.
class Slots {
 public:
  using Number = std::uint64_t;

  static constexpr std::size_t kNoBytesMax = static_cast<std::size_t>(-1);

  explicit Slots(std::size_t capacity, std::size_t bytes_max = kNoBytesMax)
      : capacity_(capacity), bytes_max_(bytes_max), flows_(capacity) {}

  std::size_t capacity() const { return capacity_; }

  std::size_t free() const {
    MutexLock lock(mutex_);
    return bytes_ < bytes_max_ ? capacity_ - taken_.size() : 0;
  }

  FlowTable& flows() { return flows_; }
  const FlowTable& flows() const { return flows_; }

  // `bytes`: of memory that the task will take. `begins`: an attempt of it does.
  Number acquire(std::size_t bytes, const Flow& flow, bool begins = true) {
    MutexLock lock(mutex_);
    RHOOKS_CHECK(taken_.size() < capacity_);
    const auto slot = taken_.emplace(++last_, Slot{bytes, flow, begins}).first;
    try {
      flows_.claimed(flow, begins);
    } catch (...) {  // no memory
      taken_.erase(slot);
      throw;
    }
    bytes_ += bytes;
    return last_;
  }

  void release(Number number, FlowEnding ending) {
    MutexLock lock(mutex_);
    const auto slot = taken_.find(number);
    RHOOKS_CHECK(slot != taken_.end());
    bytes_ -= slot->second.bytes;
    flows_.done(slot->second.flow, ending, slot->second.begins);
    taken_.erase(slot);
  }

  // The latest number handed out; 0 before the first.
  Number last() const {
    MutexLock lock(mutex_);
    return last_;
  }

  // Whether every slot up to `number` has been given back.
  bool returned_through(Number number) const {
    MutexLock lock(mutex_);
    return taken_.empty() || taken_.begin()->first > number;
  }

 private:
  struct Slot {
    std::size_t bytes = 0;
    Flow flow;
    bool begins = true;
  };

  const std::size_t capacity_;
  const std::size_t bytes_max_;
  mutable Mutex mutex_;
  std::map<Number, Slot> taken_ RHOOKS_GUARDED_BY(mutex_);
  std::size_t bytes_ RHOOKS_GUARDED_BY(mutex_) = 0;  // of all
  Number last_ RHOOKS_GUARDED_BY(mutex_) = 0;
  FlowTable flows_;
};

}  // namespace rhooks::engine

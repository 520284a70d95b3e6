#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <vector>

#include "base/check.h"
#include "base/mutex.h"

namespace rhooks {

// A queue between two threads that never holds more than its capacity.
//
// The stages of the engine size their queues so that a push always fits (no more tasks
// are on the way than there are slots); a push that does not is a defect, not a wait.
// Threads: every method may be called from any thread.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  void push(T item) {
    MutexLock lock(mutex_);
    RHOOKS_CHECK(items_.size() < capacity_);
    items_.push_back(std::move(item));
  }

  // Takes up to `limit` items without waiting.
  std::vector<T> take(std::size_t limit) {
    MutexLock lock(mutex_);
    std::vector<T> taken;
    taken.reserve(std::min(limit, items_.size()));  // where that throws all of them stay
    while (!items_.empty() && taken.size() < limit) {
      taken.push_back(std::move(items_.front()));
      items_.pop_front();
    }
    return taken;
  }

  std::size_t size() const {
    MutexLock lock(mutex_);
    return items_.size();
  }

 private:
  const std::size_t capacity_;
  mutable Mutex mutex_;
  std::deque<T> items_ RHOOKS_GUARDED_BY(mutex_);
};

}  // namespace rhooks

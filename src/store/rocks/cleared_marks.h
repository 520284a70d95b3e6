#pragma once

#include <atomic>
#include <map>
#include <string>

#include "base/mutex.h"

namespace rhooks::store::rocks {

// How far clearing has come, by namespace. What is deleted stays in the way of a walk until it is
// compacted away, so a clear that began at the first key for each chunk would take four times as
// long for twice as many tasks.
//
// Threads: any.
class ClearedMarks {
 public:
  // Where to begin. Before it nothing is left, but for what others put or held just then.
  std::string begin(const std::string& prefix) const {
    MutexLock lock(mutex_);
    const auto mark = marks_.find(prefix);
    return mark == marks_.end() ? prefix : mark->second;
  }
  void set(const std::string& prefix, std::string key) {
    MutexLock lock(mutex_);
    // Of clears that were given up. It costs those under way a walk to forget them all.
    if (marks_.size() >= kMarksMax && !marks_.contains(prefix)) marks_.clear();
    marks_[prefix] = std::move(key);
    any_ = true;
  }
  void forget(const std::string& prefix) {
    MutexLock lock(mutex_);
    marks_.erase(prefix);
    any_ = !marks_.empty();
  }
  // A task was put: the next chunk begins there, if it lies before.
  void put(const std::string& key) {
    if (!any_) return;
    MutexLock lock(mutex_);
    for (auto& [prefix, mark] : marks_) {
      if (key < mark && key.starts_with(prefix)) mark = key;
    }
  }

 private:
  static constexpr std::size_t kMarksMax = 64;

  std::atomic<bool> any_{false};
  mutable Mutex mutex_;
  std::map<std::string, std::string> marks_ RHOOKS_GUARDED_BY(mutex_);
};

}  // namespace rhooks::store::rocks

#pragma once

#include <rhooks/hooks.h>

#include <chrono>
#include <optional>

#include "base/mutex.h"

namespace rhooks::rest {

// Whether the store can be used, for those who may ask as often as they like. The store is asked,
// which makes a synced write, by one caller at a time and only where the last answer is older than
// `age`; the others get that answer.
//
// Threads: any. Ownership: hooks must outlive it.
class Readiness {
 public:
  Readiness(Hooks& hooks, std::chrono::milliseconds age) : hooks_(hooks), age_(age) {}

  // May block as a call of the store does. Where the store does not answer the caller who asks it,
  // the others get the last answer for kStuckAfter, and then that there is none.
  Result<void> ask();

  static constexpr std::chrono::seconds kStuckAfter{5};

 private:
  using Time = std::chrono::steady_clock::time_point;

  Hooks& hooks_;
  const std::chrono::milliseconds age_;
  Mutex mutex_;
  ConditionVariable answered_;
  std::optional<Time> asked_at_ RHOOKS_GUARDED_BY(mutex_);  // the store is being asked since then
  Time last_at_ RHOOKS_GUARDED_BY(mutex_){};
  std::optional<Result<void>> last_ RHOOKS_GUARDED_BY(mutex_);
};

}  // namespace rhooks::rest

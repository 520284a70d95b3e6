#pragma once

#include <algorithm>
#include <chrono>
#include <unordered_map>

#include "base/clock.h"
#include "base/mutex.h"
#include "model/flow.h"

namespace rhooks {

// Dates for what is registered for now and is to go in order: of each flow every one is later than
// the one before it, also within a millisecond, or where the clock was set back meanwhile.
//
// Threads: any. Blocking: never.
class OrderedDates {
 public:
  TimePoint next(const model::Flow& flow, TimePoint now) {
    MutexLock lock(mutex_);
    if (last_.size() >= forget_at_) forget_what_is_past(now);
    TimePoint& last = last_.try_emplace(flow, now - kMoment).first->second;
    last = std::max(now, last + kMoment);
    return last;
  }

  std::size_t size() const {
    MutexLock lock(mutex_);
    return last_.size();
  }

  static constexpr std::size_t kForgetAt = 16'384;  // flows

 private:
  static constexpr std::chrono::milliseconds kMoment{1};

  void forget_what_is_past(TimePoint now) RHOOKS_REQUIRES(mutex_) {
    std::erase_if(last_, [now](const auto& one) { return one.second < now; });
    forget_at_ = std::max(2 * last_.size(), kForgetAt);
  }

  mutable Mutex mutex_;
  std::unordered_map<model::Flow, TimePoint, model::HashOfFlow> last_ RHOOKS_GUARDED_BY(mutex_);
  std::size_t forget_at_ RHOOKS_GUARDED_BY(mutex_) = kForgetAt;
};

}  // namespace rhooks

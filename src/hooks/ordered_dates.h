#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/mutex.h"
#include "model/flow.h"

namespace rhooks {

// Dates for what is registered for now and is to go in order: of each flow every one stands behind
// the one before it, also within a millisecond, or where the clock was set back meanwhile. That is
// by a later date, or, where the dates are kAheadMax ahead, by the same one, if the ids say so too.
//
// Threads: any. Blocking: never.
class OrderedDates {
 public:
  TimePoint next(const model::Flow& flow, const std::string& id, TimePoint now) {
    MutexLock lock(mutex_);
    if (last_.size() >= forget_at_) forget_what_is_past(now);
    Last& last = last_.try_emplace(flow, Last{now - kMoment, {}}).first->second;
    const bool same_date = last.date >= now + kAheadMax && id > last.id;
    if (!same_date) last.date = std::max(now, last.date + kMoment);
    last.id = id;
    return last.date;
  }

  std::size_t size() const {
    MutexLock lock(mutex_);
    return last_.size();
  }

  static constexpr std::size_t kForgetAt = 16'384;  // flows
  static constexpr std::chrono::milliseconds kAheadMax{1'000};

 private:
  struct Last {
    TimePoint date;
    std::string id;
  };
  static constexpr std::chrono::milliseconds kMoment{1};

  void forget_what_is_past(TimePoint now) RHOOKS_REQUIRES(mutex_) {
    std::erase_if(last_, [now](const auto& one) { return one.second.date < now; });
    forget_at_ = std::max(2 * last_.size(), kForgetAt);
  }

  mutable Mutex mutex_;
  std::unordered_map<model::Flow, Last, model::HashOfFlow> last_ RHOOKS_GUARDED_BY(mutex_);
  std::size_t forget_at_ RHOOKS_GUARDED_BY(mutex_) = kForgetAt;
};

}  // namespace rhooks

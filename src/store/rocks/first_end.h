#pragma once

#include <atomic>

#include "base/clock.h"

namespace rhooks::store::rocks {

// No task expires before this moment, so that claims of a store in which none does look for none.
//
// Threads: any.
class FirstEnd {
 public:
  TimePoint get() const { return at_; }
  // Forgets what was known, and gives it. What is stored from here on lowers it again.
  TimePoint take() { return at_.exchange(kTimeMax); }
  // A task that expires then is stored, or may be.
  void lower(TimePoint at) {
    TimePoint known = at_;
    while (at < known && !at_.compare_exchange_weak(known, at)) {
    }
  }

 private:
  std::atomic<TimePoint> at_{kTimeMin};  // of an opened store nothing is known
};

}  // namespace rhooks::store::rocks

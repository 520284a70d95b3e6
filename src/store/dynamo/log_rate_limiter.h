#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/mutex.h"

namespace rhooks::store::dynamo {

// Lets one log line through every ten seconds, and counts those that it held back.
// Threads: may be called from any thread.
class LogRateLimiter {
 public:
  // How many were held back since the last; none: hold this one back too.
  std::optional<std::int64_t> pass(std::chrono::steady_clock::time_point now);

 private:
  Mutex mutex_;
  std::optional<std::chrono::steady_clock::time_point> last_ RHOOKS_GUARDED_BY(mutex_);
  std::int64_t held_back_ RHOOKS_GUARDED_BY(mutex_) = 0;
};

}  // namespace rhooks::store::dynamo

#include "store/dynamo/log_rate_limiter.h"

#include <utility>

namespace rhooks::store::dynamo {
namespace {

constexpr std::chrono::seconds kLogEvery{10};

}  // namespace

std::optional<std::int64_t> LogRateLimiter::pass(std::chrono::steady_clock::time_point now) {
  const MutexLock lock(mutex_);
  if (last_ && now - *last_ < kLogEvery) {
    ++held_back_;
    return std::nullopt;
  }
  last_ = now;
  return std::exchange(held_back_, 0);
}

}  // namespace rhooks::store::dynamo

#include "aws/retry_quota.h"

#include <algorithm>
#include <cstdint>

namespace rhooks::aws {

bool RetryQuota::take(int cost) {
  const MutexLock lock(mutex_);
  if (tokens_ < cost) return false;
  tokens_ -= cost;
  return true;
}

void RetryQuota::succeeded(int last_cost) {
  const MutexLock lock(mutex_);
  tokens_ = std::min(kTokens, tokens_ + std::max(last_cost, kFirstTryGain));
}

int RetryQuota::left() const {
  const MutexLock lock(mutex_);
  return tokens_;
}

std::chrono::microseconds backoff(std::chrono::milliseconds base, std::chrono::milliseconds max,
                                  int retry, Random& random) {
  const int doublings = std::clamp(retry, 0, 20);
  const auto longest =
      std::min<std::chrono::microseconds>(max, base * (std::int64_t{1} << doublings));
  if (longest.count() <= 0) return std::chrono::microseconds{0};
  return std::chrono::microseconds{
      static_cast<std::int64_t>(random.unit() * static_cast<double>(longest.count()))};
}

}  // namespace rhooks::aws

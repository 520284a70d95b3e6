#include "model/backoff.h"

#include <algorithm>
#include <cstdint>

namespace rhooks::model {

std::chrono::milliseconds retry_delay(int attempt, const BackoffPolicy& policy, double jitter,
                                      std::optional<std::chrono::milliseconds> retry_after) {
  const std::int64_t max = std::max<std::int64_t>(policy.max.count(), 0);
  std::int64_t cap = std::clamp<std::int64_t>(policy.base.count(), 0, max);
  // Doubling stops at `max`, well before it could overflow.
  for (int i = 1; i < attempt && cap > 0 && cap < max; ++i) {
    cap = cap > max / 2 ? max : cap * 2;
  }
  const auto wait = static_cast<std::int64_t>(static_cast<double>(cap) * jitter);
  const std::chrono::milliseconds floor =
      std::clamp(retry_after.value_or(std::chrono::milliseconds{0}), std::chrono::milliseconds{0},
                 kRetryAfterMax);
  return floor + std::chrono::milliseconds{std::clamp<std::int64_t>(wait, 0, cap)};
}

}  // namespace rhooks::model

#include "model/backoff.h"

#include <algorithm>
#include <cstdint>

namespace rhooks::model {
namespace {

std::chrono::milliseconds least_wait(std::optional<std::chrono::milliseconds> retry_after) {
  constexpr std::chrono::milliseconds kNone{0};
  return std::clamp(retry_after.value_or(kNone), kNone, kRetryAfterMax);
}

}  // namespace

std::chrono::milliseconds retry_delay(int attempt, const BackoffPolicy& policy, double jitter,
                                      std::optional<std::chrono::milliseconds> retry_after) {
  const std::int64_t max = std::max<std::int64_t>(policy.max.count(), 0);
  std::int64_t cap = std::clamp<std::int64_t>(policy.base.count(), 0, max);
  // Doubling stops at `max`, well before it could overflow.
  for (int i = 1; i < attempt && cap > 0 && cap < max; ++i) {
    cap = cap > max / 2 ? max : cap * 2;
  }
  const auto wait = static_cast<std::int64_t>(static_cast<double>(cap) * jitter);
  return least_wait(retry_after) +
         std::chrono::milliseconds{std::clamp<std::int64_t>(wait, 0, cap)};
}

std::chrono::milliseconds scheduled_delay(int attempt,
                                          std::span<const std::chrono::milliseconds> schedule,
                                          double jitter,
                                          std::optional<std::chrono::milliseconds> retry_after) {
  const auto place = static_cast<std::size_t>(std::max(attempt, 1)) - 1;
  const auto wait = static_cast<double>(schedule[std::min(place, schedule.size() - 1)].count());
  const std::chrono::milliseconds varied{static_cast<std::int64_t>(wait * (0.8 + 0.4 * jitter))};
  return std::max(varied, least_wait(retry_after));
}

}  // namespace rhooks::model

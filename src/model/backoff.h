#pragma once

#include <chrono>
#include <optional>
#include <span>

namespace rhooks::model {

struct BackoffPolicy {
  std::chrono::milliseconds base{1'000};
  std::chrono::milliseconds max{std::chrono::hours{1}};
};

// How long to wait after the `attempt`-th failed attempt (1 = the first): full jitter,
// that is uniform in [0, min(max, base * 2^(attempt-1))), as in the AWS Architecture Blog,
// "Exponential Backoff And Jitter". `retry_after` is a floor: the jitter is added to it.
// It is capped at kRetryAfterMax, so that a receiver cannot park a task for years.
// `jitter` is uniform in [0, 1).
std::chrono::milliseconds retry_delay(int attempt, const BackoffPolicy& policy, double jitter,
                                      std::optional<std::chrono::milliseconds> retry_after);

// The same by a schedule, which must not be empty: its `attempt`-th wait, or its last one, shorter
// or longer by up to a fifth, and no less than `retry_after`.
std::chrono::milliseconds scheduled_delay(int attempt,
                                          std::span<const std::chrono::milliseconds> schedule,
                                          double jitter,
                                          std::optional<std::chrono::milliseconds> retry_after);

inline constexpr std::chrono::milliseconds kRetryAfterMax{std::chrono::hours{24}};

}  // namespace rhooks::model

#pragma once

#include <algorithm>
#include <chrono>

// How long the loops around the stages wait.
namespace rhooks::engine {

// A stage with nothing to do looks again after so long; while stopping, whether it is done.
inline constexpr std::chrono::milliseconds kIdlePollInterval{1'000};
inline constexpr std::chrono::milliseconds kDrainPollInterval{20};

// After the n-th claim in a row that failed: 100 ms, 200 ms, … 5 s.
inline std::chrono::milliseconds claim_retry_wait(int failures) {
  return std::chrono::milliseconds{std::min(100LL << std::min(failures - 1, 6), 5'000LL)};
}

}  // namespace rhooks::engine

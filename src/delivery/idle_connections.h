#pragma once

#include <algorithm>
#include <cstddef>

namespace rhooks::delivery {

// Idle connections to receivers that a sender keeps: for each request at once a few, since webhooks
// go to many hosts and the next request is seldom for the host of the last one. At most a quarter
// of the `descriptors` that the process may have: those are for the store and for what is under way
// first.
inline std::size_t idle_connections(std::size_t max_in_flight, std::size_t descriptors) {
  constexpr std::size_t kEach = 4;
  constexpr std::size_t kMin = 16;
  constexpr std::size_t kMax = 1024;
  return std::clamp(max_in_flight * kEach, kMin, std::max(kMin, std::min(kMax, descriptors / 4)));
}

}  // namespace rhooks::delivery

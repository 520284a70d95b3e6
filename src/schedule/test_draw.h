#pragma once

#include <cstdint>
#include <iterator>
#include <random>

namespace rhooks::schedule {

// Random choices, from a seed.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}

  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  int between(int low, int high) { return low + below(high - low + 1); }
  bool one_in(int n) { return below(n) == 0; }

  template <typename Items>
  auto one_of(const Items& items) {
    return items[below(static_cast<int>(std::size(items)))];
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace rhooks::schedule

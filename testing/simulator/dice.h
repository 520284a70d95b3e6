#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/random.h"

namespace rhooks::simulator {

// All chance of a simulation, from one seed. Threads: one.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  bool chance(double probability) { return random_.unit() < probability; }
  // Uniform in [0, n); n is at least 1.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_.next() % n); }
  // Uniform in [least, most].
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least + static_cast<std::int64_t>(below(static_cast<std::size_t>(most - least + 1)));
  }
  std::chrono::microseconds between(std::chrono::microseconds least,
                                    std::chrono::microseconds most) {
    return std::chrono::microseconds{between(least.count(), most.count())};
  }
  // For production code that wants one.
  Random& random() { return random_; }

 private:
  Random random_;
};

}  // namespace rhooks::simulator

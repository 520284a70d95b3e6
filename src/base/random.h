#pragma once

#include <cstdint>
#include <random>

#include "base/mutex.h"

namespace rhooks {

// Source of random numbers: seeded from the system in production, from a printed seed in
// tests. Not for secrets.
// Threads: every method may be called from any thread.
class Random {
 public:
  Random() : Random((std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()) {}
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t next() {
    MutexLock lock(mutex_);
    return engine_();
  }

  // Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  Mutex mutex_;
  std::mt19937_64 engine_ RHOOKS_GUARDED_BY(mutex_);
};

}  // namespace rhooks

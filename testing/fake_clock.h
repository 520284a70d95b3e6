#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "testing/temp_dir.h"

namespace rhooks::testing {

// The system clock of programs that a test runs, which the test sets while they run:
//
//   FakeClock clock;
//   ChildProcess server({RHOOKS_BINARY, ...}, clock.environment());
//   clock.step(1h);
//
// It is a library that is preloaded into them (testing/fake_clock/), so it is the real binary
// that sees its clock jump. Steady clocks are left alone, as they are by a real step.
// Threads: every method may be called from any thread.
class FakeClock {
 public:
  using Offset = std::chrono::nanoseconds;

  FakeClock();
  ~FakeClock();
  FakeClock(const FakeClock&) = delete;
  FakeClock& operator=(const FakeClock&) = delete;

  // NAME=VALUE, of the programs that go by this clock. Added to `others`.
  std::vector<std::string> environment(std::vector<std::string> others = {}) const;

  // Forward, or back where it is negative. Seen by the programs at once.
  void step(Offset by);
  Offset offset() const;
  // What the programs see now.
  Clock::Micros now() const;

  // The latest that it was, by the offsets in force within `before` the (true) time `at`. What
  // was done then was done at that time at the latest.
  Clock::Micros latest_at(Clock::Micros at, std::chrono::microseconds before) const;

 private:
  struct Step {
    Clock::Micros at{};
    Offset offset{0};
  };

  const TempDir dir_{"rhooks-clock"};
  std::int64_t* file_ = nullptr;
  mutable std::mutex mutex_;
  std::vector<Step> steps_{Step{}};
};

}  // namespace rhooks::testing

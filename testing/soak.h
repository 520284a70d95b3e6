#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace rhooks::testing {

// What a suite did and what came of it; the line that `scripts/soak.sh` prints of it.
struct SoakCount {
  std::uint64_t runs = 0;     // rounds, seeds or inputs, each from a new beginning
  std::uint64_t crashes = 0;  // of workers or machines that were survived
  std::uint64_t repeats = 0;  // attempts more than were needed, each with a known cause
  std::uint64_t lost = 0;     // acknowledged tasks that were not delivered
  std::uint64_t stuck = 0;    // tasks that did not come to an end
};

// Repeats a test for as long as a soak asks for, with a seed of its own each time.
//
//   Soak soak("crash rocksdb");
//   while (soak.more()) {
//     std::mt19937_64 random(soak.seed());
//     ...
//     ++soak.count().crashes;
//   }
//
// Environment: RHOOKS_SOAK_SECONDS, how long to go on (unset: as many rounds as the test gives
// as `rounds`, so that the same test is one of the everyday ones); RHOOKS_SOAK_SEED, the seed of
// the first round (unset: drawn); RHOOKS_SOAK_REPORT, a file that the last line is appended to.
// The seed of a round is printed when the round has failed. For a round that ends the process,
// or never ends: its seed is in the file RHOOKS_SOAK_REPORT + ".seed" as soon as it begins, and
// an everyday test prints the seed of each round as it begins.
//
// A round that failed is the last one. Threads: one.
class Soak {
 public:
  explicit Soak(std::string suite, std::uint64_t rounds = 1);
  // Prints the line of this suite.
  ~Soak();
  Soak(const Soak&) = delete;
  Soak& operator=(const Soak&) = delete;

  // Begins the next round; false: it is enough, or the last one failed.
  bool more();
  // Of the round under way.
  std::uint64_t seed() const { return seed_; }
  SoakCount& count() { return count_; }
  // Whether a soak runs: a test may do more then than every day.
  bool asked() const { return asked_.count() > 0; }

 private:
  bool failed() const;

  const std::string suite_;
  const std::uint64_t rounds_;
  std::uint64_t seed_ = 0;
  std::chrono::steady_clock::time_point started_;
  std::chrono::seconds asked_{0};  // 0: by rounds
  const std::string report_;       // a file; empty: none
  const bool failed_before_;
  const int exceptions_before_;
  SoakCount count_;
};

}  // namespace rhooks::testing

#include "testing/soak.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>

namespace rhooks::testing {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// Where a round begins that follows the one of this seed (SplitMix64's increment: every seed
// comes once before any comes again).
std::uint64_t seed_after(std::uint64_t seed) {
  return seed + 0x9E3779B97F4A7C15u;
}

}  // namespace

Soak::Soak(std::string suite, std::uint64_t rounds)
    : suite_(std::move(suite)), rounds_(rounds), started_(std::chrono::steady_clock::now()) {
  const std::string seconds = variable("RHOOKS_SOAK_SECONDS");
  if (!seconds.empty()) asked_ = std::chrono::seconds{std::stoll(seconds)};
  const std::string seed = variable("RHOOKS_SOAK_SEED");
  if (seed.empty()) {
    std::random_device device;
    seed_ = (std::uint64_t{device()} << 32) | device();
  } else {
    seed_ = std::stoull(seed);
  }
  failed_before_ = ::testing::Test::HasFailure();
}

bool Soak::more() {
  if (!failed_before_ && ::testing::Test::HasFailure()) {
    std::cout << "soak: " << suite_ << ": this round failed; again: RHOOKS_SOAK_SEED=" << seed_
              << "\n";
    return false;
  }
  const bool enough = asked_.count() > 0 ? std::chrono::steady_clock::now() - started_ >= asked_
                                         : count_.runs >= rounds_;
  if (count_.runs > 0 && enough) return false;
  if (count_.runs > 0) seed_ = seed_after(seed_);
  ++count_.runs;
  return true;
}

Soak::~Soak() {
  const bool failed = !failed_before_ && ::testing::Test::HasFailure();
  std::ostringstream line;
  line << suite_ << ": " << count_.runs << " runs, " << count_.crashes << " crashes survived, "
       << count_.repeats << " repeats, lost = " << count_.lost << ", stuck = " << count_.stuck;
  if (failed) line << ", FAILED with seed " << seed_;
  std::cout << "soak: " << line.str() << std::endl;
  const std::string report = variable("RHOOKS_SOAK_REPORT");
  if (!report.empty()) std::ofstream(report, std::ios::app) << line.str() << "\n";
}

}  // namespace rhooks::testing

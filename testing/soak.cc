#include "testing/soak.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <exception>
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
    : suite_(std::move(suite)),
      rounds_(rounds),
      started_(std::chrono::steady_clock::now()),
      report_(variable("RHOOKS_SOAK_REPORT")),
      failed_before_(::testing::Test::HasFailure()),
      exceptions_before_(std::uncaught_exceptions()) {
  const std::string seconds = variable("RHOOKS_SOAK_SECONDS");
  if (!seconds.empty()) asked_ = std::chrono::seconds{std::stoll(seconds)};
  const std::string seed = variable("RHOOKS_SOAK_SEED");
  if (seed.empty()) {
    std::random_device device;
    seed_ = (std::uint64_t{device()} << 32) | device();
  } else {
    seed_ = std::stoull(seed);
  }
}

// An exception that ends the test is known here before it is to GoogleTest.
bool Soak::failed() const {
  return (!failed_before_ && ::testing::Test::HasFailure()) ||
         std::uncaught_exceptions() > exceptions_before_;
}

bool Soak::more() {
  if (failed()) {
    std::cout << "soak: " << suite_ << ": this round failed; again: RHOOKS_SOAK_SEED=" << seed_
              << "\n";
    return false;
  }
  const bool enough = asked_.count() > 0 ? std::chrono::steady_clock::now() - started_ >= asked_
                                         : count_.runs >= rounds_;
  if (count_.runs > 0 && enough) return false;
  if (count_.runs > 0) seed_ = seed_after(seed_);
  ++count_.runs;
  if (!report_.empty()) std::ofstream(report_ + ".seed") << seed_ << "\n";
  // ctest shows it only where the test fails.
  if (asked_.count() == 0) std::cout << "soak: " << suite_ << ": seed " << seed_ << std::endl;
  return true;
}

Soak::~Soak() {
  std::ostringstream line;
  line << suite_ << ": " << count_.runs << " runs, " << count_.crashes << " crashes survived, "
       << count_.repeats << " repeats, lost = " << count_.lost << ", stuck = " << count_.stuck;
  if (failed()) line << ", FAILED with seed " << seed_;
  std::cout << "soak: " << line.str() << std::endl;
  if (!report_.empty()) std::ofstream(report_, std::ios::app) << line.str() << "\n";
}

}  // namespace rhooks::testing

// One defect is in what this is linked with, and ctest says what to find on which store
// (CMakeLists.txt). The simulator has to find it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "observe/logging.h"
#include "testing/simulator/simulation.h"

namespace rhooks::simulator {
namespace {

constexpr std::uint64_t kSeedsMax = 1'000;

TEST(CanaryTest, IsFound) {
  log::configure(log::Level::kOff, log::Format::kText);
  const char* const store = std::getenv("RHOOKS_CANARY_BACKEND");
  const char* const finds = std::getenv("RHOOKS_CANARY_FINDS");
  ASSERT_TRUE(store && finds) << "run by ctest, which sets what this canary has to be found as";
  const char* const first = std::getenv("RHOOKS_CANARY_SEED");
  const std::uint64_t before = (first ? std::strtoull(first, nullptr, 10) : 1) - 1;
  const MakeBackend backend = backend_of(store);
  for (std::uint64_t n = 0; n < kSeedsMax; ++n) {
    const std::uint64_t seed = (before + n) % kSeedsMax + 1;
    const SimulationResult result = simulate(seed, backend);
    // Another violation may come first in one world; the one that names the defect has to come.
    if (!result.violation || result.violation->find(finds) == std::string::npos) continue;
    std::cout << "seed " << seed << ": " << *result.violation << "\n";
    return;
  }
  FAIL() << kSeedsMax << " seeds, and none found: " << finds;
}

}  // namespace
}  // namespace rhooks::simulator

// One defect is in what this is linked with (CMakeLists.txt). The simulator has to find it.
#include <gtest/gtest.h>

#include <iostream>
#include <string>

#include "observe/logging.h"
#include "testing/simulator/simulation.h"

namespace rhooks::simulator {
namespace {

constexpr std::uint64_t kSeedsMax = 500;

TEST(Canary, IsFound) {
  log::configure(log::Level::kOff, log::Format::kText);
  const MakeBackend backend = backend_of(RHOOKS_CANARY_BACKEND);
  for (std::uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    const SimulationResult result = simulate(seed, backend);
    // Another violation may come first in one world; the one that names the defect has to come.
    if (!result.violation || result.violation->find(RHOOKS_CANARY_FINDS) == std::string::npos)
      continue;
    std::cout << "seed " << seed << ": " << *result.violation << "\n";
    return;
  }
  FAIL() << kSeedsMax << " seeds, and none found: " << RHOOKS_CANARY_FINDS;
}

}  // namespace
}  // namespace rhooks::simulator

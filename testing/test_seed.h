#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>

namespace rhooks::testing {

// The seed of a random test: RHOOKS_TEST_SEED, or a new one; printed either way.
inline std::uint64_t test_seed() {
  const char* const given = std::getenv("RHOOKS_TEST_SEED");
  const std::uint64_t seed =
      given ? std::strtoull(given, nullptr, 10)
            : (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}();
  std::cout << "RHOOKS_TEST_SEED=" << seed << std::endl;
  return seed;
}

}  // namespace rhooks::testing

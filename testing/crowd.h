#pragma once

#include <cstddef>
#include <cstdlib>

namespace rhooks::testing {

// How many clients or bodies a test throws at a server that could bear more: `full`, or a fifth
// where RHOOKS_TEST_CROWD=small, for who runs several copies at once (scripts/repeat.sh).
inline std::size_t crowd(std::size_t full) {
  const char* const asked = std::getenv("RHOOKS_TEST_CROWD");
  return asked != nullptr && asked[0] == 's' ? (full + 4) / 5 : full;
}

}  // namespace rhooks::testing

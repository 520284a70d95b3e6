#pragma once

#include <chrono>

namespace rhooks::simulator {

// How a store treats those who call it. One request is one call of the contract, or one request
// to the service, whatever the store is made of. Read anew at each request, so that a simulation
// can end them.
struct StoreFaults {
  double refused = 0;      // not applied, and the caller is told so
  double lost_answer = 0;  // applied, and the caller is told that nothing is known
  double partial = 0;      // of a batch some items are not applied
  double stalled = 0;      // the request, or its answer, takes up to `stall_max`
  std::chrono::microseconds latency_max{5'000};
  std::chrono::microseconds stall_max{2'000'000};
};

}  // namespace rhooks::simulator

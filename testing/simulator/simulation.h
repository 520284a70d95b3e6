#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "testing/simulator/backend.h"
#include "testing/simulator/faults.h"
#include "testing/simulator/invariant_checker.h"
#include "testing/simulator/store_observer.h"
#include "testing/simulator/timeline.h"

namespace rhooks::simulator {

// What a simulation runs on. All of it outlives the backend.
using MakeBackend =
    std::function<std::unique_ptr<Backend>(Timeline&, StoreObserver&, const StoreFaults&)>;

// By name, which is one of backend_names().
MakeBackend backend_of(const std::string& name);
const std::vector<std::string>& backend_names();

struct SimulationResult {
  std::optional<std::string> violation;  // what must not be, and was
  std::size_t stuck = 0;                 // tasks that did not come to an end in time
  std::size_t lost = 0;
  std::size_t tasks = 0;  // acknowledged
  std::size_t attempts = 0;
  std::size_t crashes = 0;
  std::size_t repeats = 0;  // of what had succeeded; each with its cause
  InvariantChecker::Rare rare;
  std::uint64_t steps = 0;
  std::uint64_t fingerprint = 0;  // the same for the same seed
  std::list<std::string> notes;   // the latest things that happened

  bool ok() const { return !violation && stuck == 0 && lost == 0; }
};

// One world: its size, its faults and all that happens in it are drawn from the seed. First
// comes a time of trouble, in which users act, servers crash, stop, stall and start again, clocks
// are wrong, and store and receivers fail. Then all trouble ends, and all must come to an end.
SimulationResult simulate(std::uint64_t seed, const MakeBackend& make_backend,
                          std::size_t notes_max = 200);

}  // namespace rhooks::simulator

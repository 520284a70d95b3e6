#pragma once

#include <cstdint>
#include <memory>

#include "testing/simulator/backend.h"
#include "testing/simulator/faults.h"
#include "testing/simulator/store_observer.h"
#include "testing/simulator/timeline.h"

namespace rhooks::simulator {

// The embedded store, on a disk of the simulated machine (testing/power_loss.h): one process at
// a time has it open.
//
// Where a process crashes while one of its calls is under way, that call is now and then begun
// all the same, and broken off at some operation of the disk. What came of it is seen when the
// store is opened again, and the observer is told then: tasks of that call are as before or as
// after it. Everything else must be as it was, be it after a crash or after lose_power(); else
// it is a violation, and so is a store that does not open.
//
// `timeline`, `faults` and `observer` outlive it; what open() gave may do so too.
class RocksBackend final : public Backend {
 public:
  RocksBackend(Timeline& timeline, const StoreFaults& faults, StoreObserver& observer);
  ~RocksBackend() override;

  bool shared() const override { return false; }
  std::chrono::milliseconds lease_for() const override { return std::chrono::hours{24}; }
  // `clock` outlives what it gives. Errors: kUnavailable where another process has it open.
  Result<std::unique_ptr<store::Store>> open(const Clock& clock) override;
  void lose_power() override;
  store::Store& inspect() override;

  // Calls, and openings, that a crash broke off in the midst of a disk operation.
  std::uint64_t broken_off() const;

 private:
  class Machine;

  const std::shared_ptr<Machine> machine_;
};

}  // namespace rhooks::simulator

#pragma once

#include <chrono>
#include <memory>

#include "store/store.h"

namespace rhooks::simulator {

// The store that a simulation is about, seen from the processes that use it.
// Threads: one.
class Backend {
 public:
  virtual ~Backend() = default;

  // Whether several processes may have it open at the same time.
  virtual bool shared() const = 0;
  virtual std::chrono::milliseconds lease_for() const = 0;
  // Whether a claim sees all that was stored before: not where indexes are late.
  virtual bool claims_see_all() const { return true; }
  // Whether all workers together attempt what is to go in order one at a time.
  virtual bool keeps_order() const { return !shared(); }
  // A worker that has room claims what is due within this time, once nothing fails any more.
  virtual std::chrono::seconds claimed_within() const { return std::chrono::seconds{2}; }
  // Whether what a process asked for may take effect once that is gone.
  virtual bool requests_outlive() const { return false; }

  // The store as another process has it: its calls wait in simulated time, and fail as the
  // faults say. By a process, which may wait and be crashed here. What it gives is destroyed by
  // nobody who could wait, be it after a crash or at the end. `clock` is that of its machine.
  virtual Result<std::unique_ptr<store::Store>> open(const Clock& clock) = 0;

  // The machine loses power: what was not synced is gone. Nobody has the store open.
  virtual void lose_power() {}

  // The same store without waits and without faults, to look at. Nothing is claimed or changed
  // through it. Not across open() and lose_power() where the store is not shared.
  virtual store::Store& inspect() = 0;
};

}  // namespace rhooks::simulator

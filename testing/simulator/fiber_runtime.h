#pragma once

#include <functional>
#include <memory>

#include "engine/runtime.h"
#include "testing/simulator/timeline.h"

namespace rhooks::simulator {

// Runs the engine's loops as processes of one owner, which sleep in simulated time. A mutex
// needs no simulation: one process runs at a time, and none waits while it holds one, but at a
// condition, which frees it.
//
// Crashed comes out of waits and joins as it does everywhere, with the mutex free.
// Threads: one.
class FiberRuntime final : public engine::Runtime {
 public:
  FiberRuntime(Timeline& timeline, Owner owner) : timeline_(timeline), owner_(owner) {}

  engine::Steady now() const override { return engine::Steady(timeline_.now().time_since_epoch()); }
  std::unique_ptr<engine::Condition> condition() override;
  std::unique_ptr<engine::Thread> spawn(const char* name, std::function<void()> body) override;
  // What runs on it is destroyed outside of all processes, when those of the owner have ended, be
  // it by a crash.
  bool gone() const override { return !timeline_.can_wait(); }

 private:
  Timeline& timeline_;
  const Owner owner_;
};

}  // namespace rhooks::simulator

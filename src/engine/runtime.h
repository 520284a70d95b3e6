#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/mutex.h"

namespace rhooks::engine {

using Steady = std::chrono::steady_clock::time_point;

// What threads wait for and others bring about, as ConditionVariable.
// Threads: every method may be called from any thread.
class Condition {
 public:
  virtual ~Condition() = default;

  // Waits, with `lock` released meanwhile, for notify_all() or that time; or returns for nothing.
  virtual void wait_until(MutexLock& lock, Steady deadline) = 0;
  void wait(MutexLock& lock) { wait_until(lock, Steady::max()); }
  virtual void notify_all() = 0;
};

class Thread {
 public:
  virtual ~Thread() = default;
  // Waits for its end. To be called once.
  virtual void join() = 0;
};

// How the engine's loops run, sleep and are woken: by threads of the system, or by those of a
// simulated machine. What waits for something and is no loop of the engine (a store, a sender) has
// its own ways.
// Threads: every method may be called from any thread.
class Runtime {
 public:
  virtual ~Runtime() = default;

  virtual Steady now() const = 0;
  virtual std::unique_ptr<Condition> condition() = 0;
  // `name`: of static storage, at most 15 bytes. `body` must not throw.
  virtual std::unique_ptr<Thread> spawn(const char* name, std::function<void()> body) = 0;
  // Its threads are gone without having been told to end, and nobody is left who could wait for
  // them: a simulated machine has crashed. Those of the system end with the process at the latest.
  virtual bool gone() const { return false; }
};

// Threads of the system.
Runtime& thread_runtime();

}  // namespace rhooks::engine

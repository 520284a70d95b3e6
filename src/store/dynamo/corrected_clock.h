#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/mutex.h"
#include "store/dynamo/coordinator.h"
#include "store/dynamo/shard_plan.h"

namespace rhooks::store::dynamo {

// The machine's clock, put right where the service's answers show that it is far off.
//
// A clock that is set tells nothing of time that has passed, and the first request after it is
// sent before any answer can say so: a worker that went by it would claim what is not due, and
// take the leases of what it has under way for over. So time goes on as it did before the step,
// by the time since the machine started, until answers say how far off the clock is now, or for
// kDoubtMax, since there may be none.
//
// Threads: now_micros() may be called from any thread.
class CorrectedClock final : public Clock {
 public:
  // Less is what the service's Date cannot tell either.
  static constexpr std::chrono::milliseconds kStepMin{5'000};
  static constexpr std::chrono::seconds kDoubtMax{60};

  // `learnt`: how far the service is ahead of the machine, by its latest answer. `boot` goes on
  // steadily, also while the machine sleeps.
  CorrectedClock(std::shared_ptr<Clock> machine, std::function<std::chrono::milliseconds()> learnt,
                 std::function<SteadyTime()> boot = boot_clock);

  Micros now_micros() const override;

 private:
  struct Reading {
    Micros machine{};
    SteadyTime boot{};
    std::chrono::milliseconds learnt{0};
  };
  Reading read() const;

  const std::shared_ptr<Clock> machine_;
  const std::function<std::chrono::milliseconds()> learnt_;
  const std::function<SteadyTime()> boot_;

  mutable Mutex mutex_;
  // The latest at which the machine's clock was gone by.
  mutable Reading believed_ RHOOKS_GUARDED_BY(mutex_);
  mutable std::optional<SteadyTime> doubted_since_ RHOOKS_GUARDED_BY(mutex_);
};

}  // namespace rhooks::store::dynamo

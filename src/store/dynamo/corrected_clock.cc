#include "store/dynamo/corrected_clock.h"

namespace rhooks::store::dynamo {
namespace {

// What is read together may be no further apart. A thread can be held up in between, but hardly
// each time.
constexpr std::chrono::milliseconds kTogether{50};
constexpr int kReadingsMax = 5;

bool small(std::chrono::microseconds step) {
  return step < CorrectedClock::kStepMin && step > -CorrectedClock::kStepMin;
}

}  // namespace

CorrectedClock::CorrectedClock(std::shared_ptr<Clock> machine,
                               std::function<std::chrono::milliseconds()> learnt,
                               std::function<SteadyTime()> boot)
    : machine_(std::move(machine)),
      learnt_(std::move(learnt)),
      boot_(std::move(boot)),
      believed_(read()) {}

CorrectedClock::Reading CorrectedClock::read() const {
  Reading reading;
  for (int i = 0; i < kReadingsMax; ++i) {
    reading.boot = boot_();
    reading.learnt = learnt_();
    reading.machine = machine_->now_micros();
    if (boot_() - reading.boot <= kTogether) break;
  }
  return reading;
}

Clock::Micros CorrectedClock::now_micros() const {
  MutexLock lock(mutex_);
  const Reading now = read();
  const auto passed = std::chrono::floor<std::chrono::microseconds>(now.boot - believed_.boot);
  const auto step = now.machine - believed_.machine - passed;
  const Micros as_before = believed_.machine + believed_.learnt + passed;
  const Micros told = now.machine + now.learnt;
  // What was learnt may be of before the step, and is of after it only if both together leave the
  // time as it was.
  if (!small(step) && !small(told - as_before)) {
    if (!doubted_since_) doubted_since_ = now.boot;
    if (now.boot - *doubted_since_ < kDoubtMax) return as_before;
  }
  believed_ = now;
  doubted_since_.reset();
  return told;
}

}  // namespace rhooks::store::dynamo

#include "testing/simulator/timeline.h"

#include <algorithm>

#include "base/check.h"

namespace rhooks::simulator {
namespace {

// Steps at one moment. A world has some dozens of processes: so many steps are processes that
// wake each other for ever.
constexpr std::uint64_t kStepsAtOnceMax = 100'000;

}  // namespace

class Process {
 public:
  Process(Owner of, std::function<void()> body)
      : owner(of), fiber([this, body = std::move(body)] {
          try {
            // Crashed before its first turn.
            if (!crashed) body();
          } catch (const Crashed&) {
          }
        }) {}

  const Owner owner;
  bool crashed = false;
  Signal* waits_for = nullptr;
  Timeline* timeline = nullptr;
  std::optional<Timeline::Turn> turn;  // in the timeline's turns_
  Fiber fiber;
};

void Signal::ring() {
  rung_ = true;
  if (waiting_) waiting_->timeline->wake_at(*waiting_, waiting_->timeline->now());
}

Timeline::Timeline(std::uint64_t seed, Moment start) : now_(start), dice_(seed) {}

Timeline::~Timeline() {
  std::set<Owner> owners;
  for (const auto& process : processes_) owners.insert(process->owner);
  for (const Owner owner : owners) crash(owner);
}

void Timeline::spawn(Owner owner, std::function<void()> body) {
  processes_.push_back(std::make_unique<Process>(owner, std::move(body)));
  Process& process = *processes_.back();
  process.timeline = this;
  wake_at(process, now_);
}

void Timeline::wake_at(Process& process, Moment at) {
  if (process.turn) {
    if (process.turn->first <= at) return;
    turns_.erase({*process.turn, &process});
  }
  process.turn = Turn{at, ++next_turn_};
  turns_.insert({*process.turn, &process});
}

// The process that runs waits until its turn.
void Timeline::pause_here() {
  Process& self = *running_;
  Fiber::pause();
  if (self.crashed) throw Crashed{};
}

void Timeline::sleep_until(Moment until) {
  RHOOKS_CHECK(can_wait());
  wake_at(*running_, std::max(until, now_));
  pause_here();
}

bool Timeline::wait(Signal& signal, Moment until) {
  RHOOKS_CHECK(can_wait() && signal.waiting_ == nullptr);
  if (!signal.rung_) {
    Process& self = *running_;
    signal.waiting_ = &self;
    self.waits_for = &signal;
    wake_at(self, std::max(until, now_));
    Fiber::pause();
    signal.waiting_ = nullptr;
    self.waits_for = nullptr;
    if (self.crashed) throw Crashed{};
  }
  return std::exchange(signal.rung_, false);
}

bool Timeline::can_wait() const {
  return running_ != nullptr && !running_->crashed;
}

Owner Timeline::owner() const {
  RHOOKS_CHECK(running_ != nullptr);
  return running_->owner;
}

void Timeline::run(Process& process) {
  Process* const outer = std::exchange(running_, &process);
  process.fiber.resume();
  running_ = outer;
}

void Timeline::crash(Owner owner) {
  bool own = false;
  std::vector<Process*> victims;
  for (const auto& process : processes_) {
    if (process->owner != owner || process->fiber.ended()) continue;
    process->crashed = true;
    if (process.get() == running_) {
      own = true;
    } else {
      victims.push_back(process.get());
    }
  }
  for (Process* const victim : victims) {
    if (victim->turn) turns_.erase({*victim->turn, victim});
    victim->turn.reset();
    run(*victim);
    RHOOKS_CHECK(victim->fiber.ended());  // it waited once more while it was unwound
  }
  frozen_.erase(owner);
  if (own) throw Crashed{};
}

void Timeline::freeze(Owner owner, Moment until) {
  frozen_[owner] = until;
}

std::size_t Timeline::alive(Owner owner) const {
  return static_cast<std::size_t>(std::count_if(
      processes_.begin(), processes_.end(),
      [&](const auto& process) { return process->owner == owner && !process->fiber.ended(); }));
}

bool Timeline::step(Moment until) {
  RHOOKS_CHECK(running_ == nullptr);
  sweep();
  if (turns_.empty() || turns_.begin()->first.first > until) {
    if (until > now_) steps_before_now_ = steps_;
    now_ = std::max(now_, until);
    return false;
  }
  const auto [turn, process] = *turns_.begin();
  if (turn.first > now_) steps_before_now_ = steps_;
  if (steps_ - steps_before_now_ >= kStepsAtOnceMax) {
    violation("time stands still: " + std::to_string(kStepsAtOnceMax) +
              " steps at one moment, and the next is one of owner " +
              std::to_string(process->owner));
    return false;
  }
  turns_.erase(turns_.begin());
  process->turn.reset();
  now_ = std::max(now_, turn.first);
  if (const auto frozen = frozen_.find(process->owner); frozen != frozen_.end()) {
    if (frozen->second > now_) {
      wake_at(*process, frozen->second);
      return true;
    }
    frozen_.erase(frozen);
  }
  ++steps_;
  run(*process);
  return true;
}

void Timeline::sweep() {
  std::erase_if(processes_, [](const auto& process) { return process->fiber.ended(); });
}

void Timeline::note(std::string what) {
  what = std::to_string(
             std::chrono::floor<std::chrono::milliseconds>(now_).time_since_epoch().count()) +
         " " + what;
  for (const char c : what) {  // FNV-1a
    fingerprint_ = (fingerprint_ ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  notes_.push_back(std::move(what));
  if (notes_.size() > notes_max_) notes_.pop_front();
}

void Timeline::violation(std::string what) {
  note("VIOLATION: " + what);
  if (!violation_) violation_ = std::move(what);
}

}  // namespace rhooks::simulator

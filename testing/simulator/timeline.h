#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "testing/simulator/dice.h"
#include "testing/simulator/fiber.h"

namespace rhooks::simulator {

using Duration = std::chrono::microseconds;
using Moment = Clock::Micros;  // of the simulated world, whatever the clocks in it show

// Comes out of every wait of a process that was crashed, and unwinds it. It is not an
// std::exception, so that nothing on the way takes it for an error.
struct Crashed {};

// Which processes crash together.
using Owner = int;

class Process;

// What a process waits for and others ring. A ring that nobody waits for is kept for the next
// wait.
class Signal {
 public:
  void ring();

 private:
  friend class Timeline;
  Process* waiting_ = nullptr;
  bool rung_ = false;
};

// Simulated time, and the processes that live in it: one at a time runs, until it waits, and
// then the one whose time is next. All chance comes from one seed, so that the seed tells all
// that happens.
//
// Threads: one.
class Timeline {
 public:
  explicit Timeline(std::uint64_t seed, Moment start = Moment{std::chrono::days{21'915}});
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  Moment now() const { return now_; }
  Dice& dice() { return dice_; }

  // A process that begins now. `body` may end early by Crashed, and by no other exception.
  void spawn(Owner owner, std::function<void()> body);

  // By a process; all throw Crashed where it was crashed meanwhile.
  void sleep(Duration time) { sleep_until(now_ + time); }
  void sleep_until(Moment until);
  // True: it was rung; false: the time is over.
  bool wait(Signal& signal, Moment until);

  // False outside of processes, and while a crashed one is unwound: whoever would wait there has
  // to do without.
  bool can_wait() const;
  // Whose process runs.
  Owner owner() const;

  // All processes of this owner end where they wait, at once. By one of its own: throws Crashed.
  void crash(Owner owner);
  // The owner's processes do nothing until then, as those that were sent SIGSTOP.
  void freeze(Owner owner, Moment until);
  // Processes of the owner that have not ended.
  std::size_t alive(Owner owner) const;

  // Lets what is next happen; false: nothing will by `until`, and it is that time now; or time
  // stands still, since processes wake each other for ever, which is a violation.
  bool step(Moment until);

  // What happened, for whoever reads a failure: the latest of them are kept, and a number that
  // stands for all.
  void note(std::string what);
  std::uint64_t fingerprint() const { return fingerprint_; }
  const std::list<std::string>& notes() const { return notes_; }
  void keep_notes(std::size_t most) { notes_max_ = most; }
  std::uint64_t steps() const { return steps_; }

  // Something that must never be was: the first of them is kept, and ends the run.
  void violation(std::string what);
  const std::optional<std::string>& violated() const { return violation_; }

 private:
  friend class Process;
  friend class Signal;
  using Turn = std::pair<Moment, std::uint64_t>;  // when, and the order among equals

  void run(Process& process);
  void wake_at(Process& process, Moment at);
  void pause_here();
  void sweep();

  Moment now_;
  Dice dice_;
  std::uint64_t next_turn_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t steps_before_now_ = 0;  // what steps_ was as this moment began
  Process* running_ = nullptr;
  std::list<std::unique_ptr<Process>> processes_;
  std::set<std::pair<Turn, Process*>> turns_;
  std::map<Owner, Moment> frozen_;

  std::size_t notes_max_ = 200;
  std::list<std::string> notes_;
  std::uint64_t fingerprint_ = 0xcbf29ce484222325u;
  std::optional<std::string> violation_;
};

// A machine's clock in it: it starts off by some, runs too fast or too slow, and can be set.
class SimulatedClock final : public Clock {
 public:
  // `drift_ppm`: how many microseconds a second it gains.
  SimulatedClock(const Timeline& timeline, Duration ahead = Duration{0}, std::int64_t drift_ppm = 0)
      : timeline_(timeline), began_(timeline.now()), ahead_(ahead), drift_ppm_(drift_ppm) {}

  Moment now_micros() const override {
    const Duration lived = timeline_.now() - began_;
    return timeline_.now() + ahead_ + Duration{lived.count() * drift_ppm_ / 1'000'000};
  }
  void jump(Duration by) {
    ++times_set_;
    ahead_ += by;
  }
  // From now on it is right.
  void heal() {
    ++times_set_;
    ahead_ = Duration{0};
    drift_ppm_ = 0;
  }
  int times_set() const { return times_set_; }

 private:
  const Timeline& timeline_;
  const Moment began_;
  Duration ahead_;
  std::int64_t drift_ppm_;
  int times_set_ = 0;
};

}  // namespace rhooks::simulator

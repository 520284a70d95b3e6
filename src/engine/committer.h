#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/uuid.h"
#include "engine/stages.h"
#include "model/transitions.h"
#include "observe/metrics.h"
#include "secrets/redaction.h"
#include "store/store.h"

namespace rhooks::engine {

// Third stage: works out what each outcome makes of its task, and stores outcomes and logs,
// many in one durable write. Only then the slot is free again. Credentials do not get past it:
// neither what is stored of an attempt nor what is told of it has any.
//
// While the store refuses, outcomes are kept and tried again (a commit is safe to repeat)
// with growing waits, and failing() tells the runner to claim nothing: attempts whose
// outcome cannot be stored would be made twice. The slots bound what is kept.
//
// Threads: one; failing() from any. Blocking: waits for the store.
class Committer {
 public:
  struct Options {
    model::OutcomePolicy policy;
    std::chrono::seconds logs_ttl{0};
    std::size_t batch_max = 512;
    // An outcome waits so long for others to share its write, unless the batch is full.
    std::chrono::microseconds linger{0};
  };

  // Called for each outcome that was stored: when the task was due, and whether it succeeded.
  using OnRecorded = std::function<void(TimePoint due_at, bool ok)>;

  Committer(store::Store& store, secrets::Redaction& redaction, Slots& slots, EndedQueue& to_commit,
            Metrics& metrics, Random& random, Options options, OnRecorded on_recorded);

  // Stores what has ended. Returns how long the caller may wait for more before it must
  // call again; none: until the queue has something.
  std::optional<std::chrono::microseconds> step(Clock::Micros now);

  // Gives up what is kept: the tasks are due again.
  void abandon();

  // The earliest time at which something is due that was stored since the last call: a task again,
  // or what tells of an end; or at which what was given back may pass. None: nothing is.
  std::optional<TimePoint> take_due_again() { return std::exchange(due_again_, std::nullopt); }

  bool idle() const { return held() == 0 && to_commit_.size() == 0; }
  bool failing() const { return failing_.load(); }

 private:
  struct Kept {
    Slots::Number slot_id = 0;
    TimePoint due_at{};
    bool ok = false;
    bool cancelled = false;  // or not begun
    FlowEnding ending = FlowEnding::kNotMade;
    std::string_view event = {};  // of its endpoint, that is to be stored with it
  };

  // What an outcome of which somebody is told comes to.
  struct Told {
    Task after;
    std::vector<model::TaskRecord> follow_ups;
    std::string_view event = {};  // as Kept has it
  };

  std::size_t held() const { return ended_.size() + commits_.size() + releases_.size(); }
  // Takes what has ended; what there is no memory for stays in ended_.
  void take_ended();
  bool accept(EndedDelivery& ended);  // false: there is no memory for it, and it is as it was
  bool accept_passed_over(EndedDelivery& ended);  // the same
  Task applied(Task task, const EndedDelivery& ended, const model::AttemptRules& rules);
  std::optional<Told> tell_of(const EndedDelivery& ended, const model::AttemptRules& rules);
  void learn(EndedDelivery& ended, const model::AttemptRules& rules);
  void note_due(TimePoint due) { due_again_ = std::min(due_again_.value_or(due), due); }
  void recovered();
  bool commit();  // false: some are kept for another try
  bool release();
  void give_up(const store::Commit& commit, const Error& error);
  void lose_event(const Kept& kept, const store::Commit& commit);
  void settle(const Kept& kept, const store::Commit& commit, store::CommitOutcome outcome);
  void note_applied(const Kept& kept, const store::Commit& commit);

  store::Store& store_;
  secrets::Redaction& redaction_;
  Slots& slots_;
  EndedQueue& to_commit_;
  Metrics& metrics_;
  Random& random_;
  UuidGenerator uuids_;
  const Options options_;
  const OnRecorded on_recorded_;

  TimePoint now_{};  // when the step under way began
  std::optional<TimePoint> due_again_;
  // The first attempt that found no way out, since the last one that had one.
  std::optional<TimePoint> no_way_since_;
  std::vector<EndedDelivery> ended_;  // taken, and neither commits nor releases yet
  // Commits and what belongs to each, index by index.
  std::vector<store::Commit> commits_;
  std::vector<Kept> kept_;
  std::vector<model::Lease> releases_;
  std::vector<Slots::Number> release_slots_;
  std::optional<Clock::Micros> oldest_;  // when the first of this batch arrived
  Clock::Micros retry_at_{};
  int failures_ = 0;
  std::atomic<bool> failing_{false};
};

}  // namespace rhooks::engine

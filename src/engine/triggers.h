#pragma once

#include <rhooks/hooks_api.h>
#include <rhooks/result.h>

#include <cstdint>
#include <map>
#include <optional>

#include "engine/slots.h"

namespace rhooks::engine {

// The calls of Hooks::trigger() that are under way, and how far each has come. A trigger is for all
// that is due when it is called. It is done when all of that has been claimed, and every slot that
// was taken until then is free again.
//
// Threads: whoever has it guards it.
class Triggers {
 public:
  using Number = std::uint64_t;  // in the order of the calls

  // What is to be claimed.
  struct Wanted {
    std::optional<TimePoint> due_by;  // none: nothing
    Number through = 0;               // asked for by the triggers up to this one
    bool unclaimed = false;           // for one of them not everything has been claimed
  };

  Number begin(TimePoint as_of);
  bool empty() const { return under_way_.empty(); }
  bool done(Number number) const { return under_way_.at(number).done; }
  const TriggerResult& so_far(Number number) const { return under_way_.at(number).result; }
  // What came of it; it is under way no more.
  Result<TriggerResult> end(Number number);

  Wanted wanted(TimePoint now) const;
  // What the triggers up to `through` want that is due before `unclaimed_from` has been claimed.
  // True, here and below: one is done now that was not.
  bool claimed(Number through, TimePoint unclaimed_from, const Slots& slots);
  // Slots were given back.
  bool returned(const Slots& slots);
  // An outcome was stored, of a task that was due then.
  void recorded(TimePoint due_at, bool ok);
  // All that are not done are done with this error.
  void fail_all(const Error& error);

 private:
  struct Trigger {
    TimePoint as_of{};
    TriggerResult result;
    std::optional<Slots::Number> through;  // all that it wants has been claimed, up to this slot
    std::optional<Error> error;
    bool done = false;
  };

  static bool settle(Trigger& trigger, const Slots& slots);

  std::map<Number, Trigger> under_way_;
  Number last_ = 0;
};

}  // namespace rhooks::engine

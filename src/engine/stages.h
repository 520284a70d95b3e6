#pragma once

#include <optional>

#include "base/bounded_queue.h"
#include "engine/slots.h"
#include "model/record.h"

// What passes from one stage of the engine to the next.
namespace rhooks::engine {

// A claimed task on its way: claimer -> dispatcher.
struct Attempt {
  Slots::Number slot = 0;
  model::Lease lease;
  Task task;
  TimePoint due_at{};
  std::int64_t skipped = 0;  // missed occurrences that the attempt passed over
};

// An attempt that ended: dispatcher -> committer. Without an outcome it was not made, and
// its lease is given back.
struct Ended {
  Attempt attempt;
  std::optional<model::AttemptOutcome> outcome;
  // The attempt was cut off by a stop: it is logged, and does not count for the task.
  bool cut_off = false;
};

using AttemptQueue = BoundedQueue<Attempt>;
using EndedQueue = BoundedQueue<Ended>;

}  // namespace rhooks::engine

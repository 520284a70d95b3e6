#pragma once

#include <optional>

#include "base/bounded_queue.h"
#include "engine/slots.h"
#include "model/record.h"

// What passes from one stage of the engine to the next.
namespace rhooks::engine {

// A claimed task on its way: claimer -> dispatcher.
struct Delivery {
  Slots::Number slot_id = 0;
  model::Lease lease;
  Task task;
  TimePoint due_at{};
  std::int64_t skipped = 0;  // missed occurrences that the attempt passed over
};

// A delivery that ended: dispatcher -> committer. Without an outcome it was not attempted, and
// its lease is given back.
struct EndedDelivery {
  Delivery delivery;
  std::optional<model::AttemptOutcome> outcome;
  // The attempt was cancelled by a stop: it is logged, and does not count for the task.
  bool cancelled = false;
};

using DeliveryQueue = BoundedQueue<Delivery>;
using EndedQueue = BoundedQueue<EndedDelivery>;

}  // namespace rhooks::engine

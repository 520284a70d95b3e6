#pragma once

#include <rhooks/result.h>

#include <memory>
#include <optional>
#include <string_view>

#include "base/bounded_queue.h"
#include "engine/slots.h"
#include "model/record.h"
#include "schedule/timetable.h"
#include "secrets/credentials.h"
#include "store/endpoints.h"

// What passes from one stage of the engine to the next.
namespace rhooks::engine {

// A claimed task on its way: claimer -> dispatcher.
struct Delivery {
  Slots::Number slot_id = 0;
  model::Lease lease;
  Task task;
  TimePoint due_at{};
  bool ready = true;  // false: it was claimed before it is due, since it keeps its place
  // Those of a task with a schedule. Null: it has none, or they cannot be told.
  std::shared_ptr<const schedule::Timetable> times;
  std::int64_t skipped = 0;  // missed occurrences that the attempt passed over
  bool passes_over = false;  // all are: there is nothing to attempt
  // That of the task, as it was at the claim. Null: the task names none. An error: it is not there,
  // or could not be read.
  Result<store::Endpoints::Found> endpoint = nullptr;
  // What it is sent with, by that endpoint. An error: a secret is not there, or cannot be used.
  Result<secrets::Credentials> credentials = secrets::Credentials{};
  bool within_limits = true;  // the gate went by those of that endpoint
  TimePoint let_through{};    // when its rate counted it
};

inline const Endpoint* endpoint_of(const Delivery& delivery) {
  return delivery.endpoint ? delivery.endpoint->get() : nullptr;
}
// Whether it names one that is paused by now, or has other limits than it was let through by, or
// lacks a secret, or that cannot be read: it is not attempted then.
inline bool waits_for_endpoint(const Delivery& delivery) {
  if (const Endpoint* const endpoint = endpoint_of(delivery)) {
    return endpoint->paused || !delivery.within_limits || !delivery.credentials;
  }
  return !delivery.endpoint && delivery.endpoint.error().code != ErrorCode::kNotFound;
}

// A delivery that ended: dispatcher -> committer. Without an outcome it was not attempted, and
// its lease is given back, unless it was passed over.
struct EndedDelivery {
  Delivery delivery;
  std::optional<model::AttemptOutcome> outcome;
  // The attempt was cancelled by a stop: it is logged, and does not count for the task.
  bool cancelled = false;
  // Why the task is FAILED whatever retries it has left (model::AttemptRules); empty: it is not.
  std::string_view final_reason = {};
  bool sent = true;  // its request was, or would have been but for its receiver
  // There was no way to the network: it does not count, for a while.
  bool no_way_out = false;
  // What its endpoint's breaker made of it; none: the committer did not tell that yet.
  std::optional<FlowTable::Learnt> learnt = {};
  // Of one without an outcome: when the gate lets it pass; none: that is not known.
  std::optional<TimePoint> passes_at = {};
  // Of one without an outcome: it was passed over then (model::pass_over), which is stored.
  std::optional<TimePoint> passed_over_at = {};
};

using DeliveryQueue = BoundedQueue<Delivery>;
using EndedQueue = BoundedQueue<EndedDelivery>;

}  // namespace rhooks::engine

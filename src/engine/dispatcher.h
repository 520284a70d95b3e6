#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/clock.h"
#include "delivery/sender.h"
#include "engine/flow_table.h"
#include "engine/stages.h"
#include "observe/metrics.h"
#include "schedule/zones.h"
#include "store/store.h"

namespace rhooks::engine {

// Second stage: turns claimed tasks into HTTP requests and requests into outcomes.
// Threads: one; it is the one that uses the sender. Blocking: up to `max_wait` in the sender.
class Dispatcher {
 public:
  // `attempt_max`: the longest that an attempt may take. `zones`: of schedules.
  Dispatcher(const store::Store& store, delivery::Sender& sender, FlowTable& flows,
             DeliveryQueue& to_send, EndedQueue& to_commit, Metrics& metrics, const Clock& clock,
             std::shared_ptr<const schedule::Zones> zones,
             std::chrono::milliseconds attempt_max = {})
      : store_(store),
        sender_(sender),
        flows_(flows),
        to_send_(to_send),
        to_commit_(to_commit),
        metrics_(metrics),
        clock_(clock),
        zones_(std::move(zones)),
        attempt_max_(attempt_max) {}

  // Starts what was claimed and passes on what ended, waiting up to `max_wait` for it.
  // A task whose lease could run out during the attempt, or may be another worker's already, is not
  // sent: the claim was answered late, or the process was paused. Nor is one of whose endpoint
  // nothing is known for now, or whose rate let it through a second ago, or of whose endpoint an
  // answer asked since that nothing comes: from its reading on nothing is sent. Nor is one whose
  // schedule cannot be read for now, by trouble with its zone's file or memory. One whose endpoint
  // is not there, or of which no request can be made, is FAILED without one; so is one whose
  // deliver_before has come. True, here and below: something was passed on to the committer.
  bool step(TimePoint now, std::chrono::milliseconds max_wait);

  // Passes on what was claimed but not started, to be released.
  bool release_unsent();

  // Cuts off what was started: it is logged, and the task is due again.
  void cancel_all() { sender_.cancel_all(); }

  bool idle() const { return in_flight_.empty() && to_send_.size() == 0; }

 private:
  bool start(Delivery delivery, TimePoint now);  // false: it was passed on instead
  std::optional<TimePoint> asked_to_wait(const Delivery& delivery, TimePoint now) const;
  // Picks the occurrence, and makes the request. Errors: those of either; kOverloaded.
  Result<delivery::HttpRequest> prepare(Delivery& delivery, TimePoint now);
  void finish(delivery::HttpResult result);
  void heed(const Delivery& delivery, const delivery::HttpResult& result);
  void note_refused(const Delivery& delivery, const delivery::HttpResult& result);

  const store::Store& store_;
  delivery::Sender& sender_;
  FlowTable& flows_;
  DeliveryQueue& to_send_;
  EndedQueue& to_commit_;
  Metrics& metrics_;
  const Clock& clock_;
  const std::shared_ptr<const schedule::Zones> zones_;
  const std::chrono::milliseconds attempt_max_;
  std::unordered_map<std::uint64_t, Delivery> in_flight_;  // by slot_id
  // Attempts that the policy of egress refused: those that no line of the log tells of yet, and
  // when the last line was written.
  std::int64_t refused_ = 0;
  std::optional<TimePoint> refused_logged_at_;
};

}  // namespace rhooks::engine

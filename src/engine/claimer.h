#pragma once

#include <rhooks/result.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/stages.h"
#include "observe/metrics.h"
#include "secrets/secrets.h"
#include "store/store.h"

namespace rhooks::engine {

// First stage: leases due tasks, as many as there are free slots, and hands them on.
// Threads: one, but for apply_endpoints(). Blocking: waits for the store.
class Claimer {
 public:
  struct Step {
    std::size_t claimed = 0;
    // More may be due: claim again when slots are free.
    bool more = false;
    // Something is due, and waits for others of its flow, or for its endpoint (FlowTable).
    bool waits = false;
    // Where there is not more: when something may next be due, or pass that is; none = not until a
    // change.
    std::optional<TimePoint> next_due;
  };

  // `lease_for` must be longer than an attempt and its commit can take. `wake_sender`: called where
  // a step that may have handed something on waits for the store.
  Claimer(store::Store& store, store::Endpoints& endpoints, secrets::Secrets& secrets, Slots& slots,
          DeliveryQueue& to_send, Metrics& metrics, const Clock& clock,
          std::chrono::milliseconds lease_for, std::function<void()> wake_sender = {})
      : store_(store),
        endpoints_(endpoints),
        secrets_(secrets),
        slots_(slots),
        to_send_(to_send),
        metrics_(metrics),
        clock_(clock),
        lease_for_(lease_for),
        wake_sender_(std::move(wake_sender)) {}

  // Claims what is due at or before `due_by`, in all of the store or in this process's share.
  // `now`: of the clock. Errors are those of Store::claim_due, Store::next_due, Endpoints::find and
  // Secrets::find (where nothing is known of one for now); what was claimed before one is on its
  // way. Safe to retry.
  Result<Step> step(TimePoint now, TimePoint due_by, store::Scope scope = store::Scope::kAll);

  // From the return on no claim is let through against what is known of endpoints and secrets.
  // True: that has changed. From any thread; waits for nothing.
  bool apply_endpoints();
  // The same, of what is read anew if it is time. Not within a step, which goes by the time at
  // which it began: it waits for the store. Errors: those of the store, where something waits since
  // endpoints could not be read so far. Safe to retry.
  Result<bool> learn_endpoints(TimePoint now);

 private:
  Result<void> hand_on(std::vector<store::Claim> claims, TimePoint now, TimePoint let_through);
  bool waits_for_no_read(const Task& task, TimePoint now);
  Delivery acquire(store::Claim claim, TimePoint now);
  Result<void> leave_places(const std::vector<TaskKey>& retries, TimePoint now);
  void count_held();

  store::Store& store_;
  store::Endpoints& endpoints_;
  secrets::Secrets& secrets_;
  Slots& slots_;
  DeliveryQueue& to_send_;
  Metrics& metrics_;
  const Clock& clock_;
  const std::chrono::milliseconds lease_for_;
  const std::function<void()> wake_sender_;

  Mutex applying_;  // one after the other, so that none takes the place of a later one
  // The versions of endpoints and secrets.
  std::pair<std::uint64_t, std::uint64_t> applied_ RHOOKS_GUARDED_BY(applying_){};
};

}  // namespace rhooks::engine

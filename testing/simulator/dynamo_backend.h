#pragma once

#include <memory>

#include "testing/simulator/backend.h"
#include "testing/simulator/dynamo_client.h"
#include "testing/simulator/dynamo_service.h"
#include "testing/simulator/faults.h"
#include "testing/simulator/store_observer.h"
#include "testing/simulator/timeline.h"

namespace rhooks::simulator {

// The store `dynamodb:` as it is in production, above a simulated network and service. Each
// opened one takes part in the sharing of the due tasks, from its first claim with
// Scope::kAssigned until finished(). That tables are made and checked at the start is left out.
//
// The timeline must outlive it and every store that it opened.
// Threads: one.
class DynamoBackend final : public Backend {
 public:
  struct Options {
    int shards = 4;
    Duration index_lag_max{4'000'000};
    std::chrono::milliseconds lease_for{60'000};
  };
  // `faults` and `observer` must outlive it too.
  DynamoBackend(Timeline& timeline, const StoreFaults& faults, StoreObserver& observer,
                Options options);
  DynamoBackend(Timeline& timeline, const StoreFaults& faults, StoreObserver& observer)
      : DynamoBackend(timeline, faults, observer, Options()) {}
  ~DynamoBackend() override;

  bool shared() const override { return true; }
  std::chrono::milliseconds lease_for() const override { return options_.lease_for; }
  bool claims_see_all() const override { return false; }
  bool requests_outlive() const override { return true; }
  bool keeps_order() const override { return true; }
  // Indexes are late, shards change their owners, and leases of others are believed for a while.
  std::chrono::seconds claimed_within() const override { return std::chrono::seconds{20}; }
  Result<std::unique_ptr<store::Store>> open(const Clock& clock) override;
  store::Store& inspect() override { return *inspected_; }

 private:
  Timeline& timeline_;
  const StoreFaults& faults_;
  const Options options_;
  const store::dynamo::Tables tables_;
  const std::shared_ptr<DynamoService> service_;
  const std::shared_ptr<Transit> transit_;
  const SimulatedClock right_;
  const std::unique_ptr<store::Store> inspected_;
};

}  // namespace rhooks::simulator

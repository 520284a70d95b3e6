#pragma once

#include <chrono>
#include <memory>

#include "store/memory/memory_store.h"
#include "testing/simulator/backend.h"
#include "testing/simulator/faulty_link.h"

namespace rhooks::simulator {

// One store that many servers share, each behind a link that fails. Leases are stored, so they
// outlive whoever holds them. In some worlds they are hardly longer than an attempt, so that an
// answer which is late leaves no time for it.
class MemoryBackend final : public Backend {
 public:
  MemoryBackend(Timeline& timeline, const StoreFaults& faults, StoreObserver& observer)
      : timeline_(timeline),
        observer_(observer),
        faults_(faults),
        store_(timeline.dice().random().next()),
        lease_for_(timeline.dice().chance(0.5) ? 35 : 60) {}

  bool shared() const override { return true; }
  std::chrono::milliseconds lease_for() const override { return lease_for_; }
  Result<std::unique_ptr<store::Store>> open(const Clock& /*clock*/) override {
    return std::make_unique<FaultyLink>(store_, timeline_, faults_, observer_);
  }
  store::Store& inspect() override { return store_; }

 private:
  Timeline& timeline_;
  StoreObserver& observer_;
  const StoreFaults& faults_;
  store::MemoryStore store_;
  const std::chrono::seconds lease_for_;
};

}  // namespace rhooks::simulator

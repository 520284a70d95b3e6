#pragma once

#include <rhooks/hooks.h>

#include <functional>
#include <memory>

#include "engine/pipeline.h"
#include "observe/metrics.h"
#include "testing/simulator/backend.h"
#include "testing/simulator/network.h"
#include "testing/simulator/watched_store.h"

namespace rhooks::simulator {

struct NodeOptions {
  std::size_t concurrency = 4;
  int max_errors = 3;
  std::chrono::seconds ended_ttl{0};  // done_ttl and failed_ttl
  std::size_t commit_batch_max = 512;
  std::chrono::milliseconds commit_linger{0};
  bool shares = true;  // claims from its share of the store only, as a worker mostly does
  std::chrono::milliseconds request_timeout{10'000};
  std::chrono::milliseconds drain_timeout{5'000};
  std::chrono::milliseconds store_timeout{5'000};
  std::chrono::milliseconds poll_interval{500};
};

// One start of one server: the API that users call, and the worker, which is production's
// pipeline. Its processes do what the threads of engine::Runner do.
//
// It ends by crash() or, after stop(), by itself. Destroy it outside of all processes.
class LifeOfNode {
 public:
  struct World {
    Timeline& timeline;
    Ledger& ledger;
    Backend& backend;
    const HttpFaults& http;
  };
  // `clock` is the machine's, which outlives its lives.
  LifeOfNode(World world, std::shared_ptr<SimulatedClock> clock, NodeOptions options, Life number);
  ~LifeOfNode();

  Life number() const { return number_; }
  Owner owner() const { return number_ + 100; }

  // Spawns all; the store is opened first, again and again until that works.
  void start();
  // Claims no more, drains, gives back: as on SIGTERM. Returns at once.
  void stop();
  void crash();
  bool ended() const { return ended_; }  // by a crash, or a stop that has come to its end
  bool idle() const;                     // nothing is claimed
  bool serves() const { return hooks_ != nullptr && !draining_ && !ended(); }

  // Calls the API as a handler of this server would, in a process of its own. Rings `done` when
  // it has ended, in whatever way.
  void call(std::function<void(Hooks&)> what, std::shared_ptr<Signal> done);

 private:
  struct Worker;

  void boot();
  void claim_loop();
  void dispatch_loop();
  void commit_loop();

  World world_;
  Timeline& timeline_;
  const std::shared_ptr<SimulatedClock> clock_;
  const NodeOptions options_;
  const Life number_;

  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<Hooks> hooks_;
  Signal claim_;   // there may be something to claim, or room for it
  Signal commit_;  // something has ended
  bool draining_ = false;
  bool claimer_ended_ = false;
  bool dispatcher_ended_ = false;
  bool ended_ = false;
  Moment drain_until_{};
};

}  // namespace rhooks::simulator

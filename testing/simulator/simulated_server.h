#pragma once

#include <rhooks/hooks.h>

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "testing/simulator/backend.h"
#include "testing/simulator/network.h"
#include "testing/simulator/watched_store.h"

namespace rhooks::simulator {

struct NodeOptions {
  bool alone = false;  // no other server has the store open meanwhile
  std::size_t concurrency = 4;
  int max_errors = 3;
  std::chrono::seconds ended_ttl{0};  // done_ttl and failed_ttl
  std::size_t commit_batch_max = 512;
  std::chrono::milliseconds commit_linger{0};
  std::chrono::milliseconds request_timeout{10'000};
  std::chrono::milliseconds drain_timeout{5'000};
  std::chrono::milliseconds store_timeout{5'000};
  std::chrono::milliseconds poll_interval{500};
};

// One start of one server: the API that users call, and the worker, which is production's Runner,
// its loops run by processes of this server.
//
// It ends by crash() or, after stop(), by itself. Destroy it outside of all processes.
class SimulatedServer {
 public:
  struct World {
    Timeline& timeline;
    InvariantChecker& checker;
    Backend& backend;
    const HttpFaults& http;
  };
  // `clock` is the machine's, which outlives its servers.
  SimulatedServer(World world, std::shared_ptr<SimulatedClock> clock, NodeOptions options,
                  Incarnation number);
  ~SimulatedServer();

  Incarnation number() const { return number_; }
  Owner owner() const { return number_ + 100; }

  // Spawns all; the store is opened first, again and again until that works.
  void start();
  // As SIGTERM does: ends the worker as Runner::stop() does, and then itself. Once more:
  // stop_now(). These return at once.
  void stop();
  void stop_now();
  // Stops the worker, and starts it again after so long.
  void restart(Duration pause);
  // As SIGSTOP and SIGCONT do.
  void freeze(Duration time);
  void crash();
  bool ended() const { return ended_; }  // by a crash, or a stop that has come to its end
  bool idle() const;                     // nothing is claimed
  bool serves() const { return hooks_ != nullptr && !draining_ && !ended(); }

  // Calls the API as a handler of this server would, in a process of its own. Rings `done` when
  // it has ended, in whatever way.
  void call(std::function<void(Hooks&)> what, std::shared_ptr<Signal> done);
  // The same for Runner::trigger().
  void trigger(std::shared_ptr<Signal> done);

  // A call of the worker that has not come back in time is a violation.
  void check_calls();

 private:
  struct Worker;
  // A call of the worker that is under way.
  struct Call {
    std::string what;
    bool ends_with_stop = false;
    std::optional<Duration> back_by = {};  // in own_time()
  };

  void boot();
  void start_worker();
  void stop_worker();
  void run_trigger();
  void forget_leases();
  void end();
  void serve(std::function<void()> what, std::shared_ptr<Signal> done);
  Duration own_time() const;
  void note(const std::string& what);

  World world_;
  Timeline& timeline_;
  const std::shared_ptr<SimulatedClock> clock_;
  const NodeOptions options_;
  const Incarnation number_;

  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<Hooks> hooks_;
  std::list<Call> calls_;  // in the order of their beginnings
  Duration frozen_{0};     // for how long altogether
  bool draining_ = false;
  bool ended_ = false;
};

}  // namespace rhooks::simulator

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "store/dynamo/client.h"
#include "testing/simulator/dynamo_service.h"
#include "testing/simulator/faults.h"
#include "testing/simulator/timeline.h"

namespace rhooks::simulator {

// What is on its way between machines, and arrives whoever has died meanwhile: one process that
// belongs to none of them.
// Threads: one.
class Transit {
 public:
  static std::shared_ptr<Transit> start(Timeline& timeline);

  Timeline& timeline() { return timeline_; }
  // `arrive` must not wait.
  void after(Duration time, std::function<void()> arrive);
  // Nothing arrives any more.
  void end() { coming_.clear(); }

  static constexpr Owner kOwner = -1'000'000;

 private:
  explicit Transit(Timeline& timeline) : timeline_(timeline) {}
  void run();

  Timeline& timeline_;
  std::multimap<Moment, std::function<void()>> coming_;
  Signal news_;
};

// One process as the network sees it.
struct Machine {
  const Clock& clock;
  bool dead = false;  // its store is gone: nobody waits for answers
};

// A client as a process has it. Requests of one call_all() are on their way at the same time,
// each with a time of its own there and back, so that they take effect in any order, also
// among those of other processes. As in production, requests that are throttled or whose
// answers are lost are sent again, a few times, and the reply tells that.
//
// What a dead process has sent, or a living one has given up, may still arrive, also much later,
// as long as there are faults at all: all but puts.
//
// Threads: one; by processes. Where nobody can wait, every call fails at once.
class SimulatedClient final : public store::dynamo::Client {
 public:
  struct Options {
    int tries_max = 5;
    Duration request_timeout{10'000'000};
  };
  SimulatedClient(std::shared_ptr<Transit> transit, std::shared_ptr<DynamoService> service,
                  const StoreFaults& faults, std::shared_ptr<Machine> machine, Options options);

  std::vector<Result<store::dynamo::Reply>> call_all(
      std::vector<store::dynamo::Call> calls) override;
  void pause(std::chrono::microseconds time) override;
  std::chrono::milliseconds clock_offset() const override { return offset_; }

 private:
  struct Batch;
  class Run;

  const std::shared_ptr<Transit> transit_;
  const std::shared_ptr<DynamoService> service_;
  const StoreFaults& faults_;
  const std::shared_ptr<Machine> machine_;
  const Options options_;
  std::chrono::milliseconds offset_{0};
};

// A client without waits, faults and late indexes.
std::unique_ptr<store::dynamo::Client> direct_client(std::shared_ptr<DynamoService> service);

}  // namespace rhooks::simulator

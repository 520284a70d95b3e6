#include "testing/simulator/simulated_server.h"

#include <utility>

#include "engine/flow_table.h"
#include "engine/runner.h"
#include "engine/timing.h"
#include "hooks/hooks_parts.h"
#include "testing/simulator/fiber_runtime.h"

namespace rhooks::simulator {
namespace {

using namespace std::chrono_literals;

// As production has it, where others change them.
constexpr std::chrono::milliseconds kEndpointsMaxAge = 5s;
// What a call may take beyond what it has to wait for.
constexpr Duration kSlack = 2s;

engine::RunnerOptions runner_options(const NodeOptions& options, const Backend& backend) {
  engine::RunnerOptions runner;
  runner.concurrency = options.concurrency;
  runner.lease_for = backend.lease_for();
  runner.attempt_max = options.request_timeout;
  runner.committer.policy.max_errors = options.max_errors;
  runner.committer.policy.done_ttl = options.ended_ttl;
  runner.committer.policy.failed_ttl = options.ended_ttl;
  runner.committer.batch_max = options.commit_batch_max;
  runner.committer.linger = options.commit_linger;
  runner.drain_timeout = options.drain_timeout;
  runner.store_timeout = options.store_timeout;
  runner.poll_interval = options.poll_interval;
  return runner;
}

}  // namespace

struct SimulatedServer::Worker {
  Worker(const World& world, store::Store& opened, const Clock& clock, const NodeOptions& options,
         const SimulatedServer& server)
      : store(opened, world.timeline, world.checker, clock,
              {server.number(), options.concurrency, world.backend.lease_for()}),
        random(world.timeline.dice().random().next()),
        sender(world.timeline, clock, world.checker, world.http,
               {server.number(), options.concurrency, options.request_timeout}),
        endpoints(std::make_shared<store::Endpoints>(
            store, world.backend.shared() ? std::optional(kEndpointsMaxAge) : std::nullopt)),
        secrets(std::make_shared<secrets::Secrets>(
            store, std::nullopt,
            endpoints->shared() ? std::optional(kEndpointsMaxAge) : std::nullopt)),
        runtime(world.timeline, server.owner()),
        runner(store, *endpoints, *secrets, sender, metrics, clock, random,
               runner_options(options, world.backend), runtime) {}

  WatchedStore store;
  Metrics metrics;
  Random random;
  SimulatedSender sender;
  std::shared_ptr<store::Endpoints> endpoints;  // the API's too
  std::shared_ptr<secrets::Secrets> secrets;    // and so is this
  FiberRuntime runtime;
  engine::Runner runner;
};

SimulatedServer::SimulatedServer(World world, std::shared_ptr<SimulatedClock> clock,
                                 NodeOptions options, Incarnation number)
    : world_(world),
      timeline_(world.timeline),
      clock_(std::move(clock)),
      options_(options),
      number_(number) {}

SimulatedServer::~SimulatedServer() = default;

void SimulatedServer::start() {
  timeline_.spawn(owner(), [this] { boot(); });
}

void SimulatedServer::boot() {
  for (int failures = 1; !store_; ++failures) {
    auto opened = world_.backend.open(*clock_);
    if (opened) {
      store_ = std::move(*opened);
    } else if (draining_) {
      return end();
    } else {
      timeline_.note("the store does not open: " + opened.error().message);
      timeline_.sleep(engine::claim_retry_wait(failures));
    }
  }
  if (draining_) return end();
  worker_ = std::make_unique<Worker>(world_, *store_, *clock_, options_, *this);
  const bool shares_out = options_.concurrency >= engine::FlowTable::kSlotsMin;
  world_.checker.begins(number_, shares_out ? options_.concurrency : 0,
                        {world_.backend.claims_see_all(), world_.backend.claimed_within(),
                         options_.alone, world_.backend.keeps_order()});

  Hooks::Parts parts;
  parts.options.failed_ttl = options_.ended_ttl;
  if (world_.backend.shared()) parts.options.store = "dynamodb:";
  parts.endpoints = worker_->endpoints;
  parts.secrets = worker_->secrets;
  parts.metrics = std::make_shared<Metrics>();
  parts.clock = clock_;
  parts.random = std::make_shared<Random>(timeline_.dice().random().next());
  // Its own worker is never started; redrives are its.
  parts.runtime = &worker_->runtime;
  parts.store = std::make_unique<WatchedStore>(*store_, timeline_, world_.checker, *clock_,
                                               WatchedStore::Options{number_, 0, {}});
  parts.sender = std::make_unique<SimulatedSender>(timeline_, *clock_, world_.checker, world_.http,
                                                   SimulatedSender::Options{number_, 0, 1s});
  hooks_ = std::make_unique<Hooks>(std::move(parts));

  start_worker();
}

void SimulatedServer::start_worker() {
  if (draining_) return;
  const auto call = calls_.insert(calls_.end(), {"a start"});
  worker_->runner.start();
  calls_.erase(call);
  world_.checker.resumed(number_);
}

void SimulatedServer::stop_worker() {
  const Duration most = options_.drain_timeout + options_.store_timeout + kSlack;
  const auto stop = calls_.insert(calls_.end(), {"a stop", false, own_time() + most});
  // From here on outcomes may be given up, until it is started again: a trigger of a worker that is
  // not started ends as a stop does.
  world_.checker.stopping(number_);
  worker_->runner.stop();
  for (auto call = calls_.begin(); call != stop; ++call) {
    if (call->ends_with_stop && !call->back_by) call->back_by = own_time() + kSlack;
  }
  calls_.erase(stop);
  forget_leases();
}

void SimulatedServer::run_trigger() {
  note("is triggered");
  const bool alone = !world_.backend.shared();
  const auto due = world_.checker.due_by(clock_->now(), alone);
  const int times_set = clock_->times_set();
  const auto call = calls_.insert(calls_.end(), {"a trigger", true});
  const auto result = worker_->runner.trigger({});
  calls_.erase(call);
  // What others claim meanwhile has no slot yet while the worker asks for its endpoint.
  if (!worker_->store.waits()) forget_leases();
  note(result ? "has attempted what was due" : "ends a trigger: " + result.error().message);
  if (!result) return;
  // With its clock set back nothing runs before its time.
  const bool promised = world_.backend.claims_see_all() && clock_->times_set() == times_set;
  world_.checker.triggered(number_, promised ? due : std::vector<InvariantChecker::Due>(), alone);
}

// Leases that could not be given back at the end of a drain.
void SimulatedServer::forget_leases() {
  if (worker_->runner.idle()) world_.checker.ended(number_, false);
}

void SimulatedServer::stop() {
  if (draining_) return stop_now();
  note("is to stop");
  draining_ = true;
  timeline_.spawn(owner(), [this] {
    if (!worker_) return;  // boot() sees it
    if (hooks_) hooks_->stop();
    // As the server does: again until there is no call that may have begun meanwhile.
    do {
      stop_worker();
      timeline_.sleep(10ms);
    } while (!calls_.empty());
    end();
  });
}

void SimulatedServer::stop_now() {
  note("is to stop now");
  timeline_.spawn(owner(), [this] {
    if (worker_) worker_->runner.stop_now();
  });
}

void SimulatedServer::restart(Duration pause) {
  if (!serves()) return;
  note("is to stop and start again");
  timeline_.spawn(owner(), [this, pause] {
    stop_worker();
    timeline_.sleep(pause);
    start_worker();
  });
}

void SimulatedServer::end() {
  note("has stopped");
  world_.checker.ended(number_, false);
  ended_ = true;
}

void SimulatedServer::freeze(Duration time) {
  note("is frozen");
  frozen_ += time;
  world_.checker.frozen(number_, timeline_.now() + time);
  timeline_.freeze(owner(), timeline_.now() + time);
}

void SimulatedServer::crash() {
  note("crashes");
  ended_ = true;
  world_.checker.ended(number_, true);
  timeline_.crash(owner());
}

bool SimulatedServer::idle() const {
  return !worker_ || worker_->runner.idle();
}

void SimulatedServer::serve(std::function<void()> what, std::shared_ptr<Signal> done) {
  // Rings also where the process is crashed before its first turn.
  struct Ring {
    explicit Ring(std::shared_ptr<Signal> of) : signal(std::move(of)) {}
    Ring(const Ring&) = delete;
    std::shared_ptr<Signal> signal;
    ~Ring() { signal->ring(); }
  };
  auto ring = std::make_shared<Ring>(std::move(done));
  timeline_.spawn(owner(), [what = std::move(what), ring = std::move(ring)] { what(); });
}

void SimulatedServer::call(std::function<void(Hooks&)> what, std::shared_ptr<Signal> done) {
  serve(
      [this, what = std::move(what)] {
        what(*hooks_);
        worker_->runner.endpoints_changed();
        worker_->runner.notify(kTimeMin);
      },
      std::move(done));
}

void SimulatedServer::trigger(std::shared_ptr<Signal> done) {
  serve([this] { run_trigger(); }, std::move(done));
}

// What passes while it neither is frozen nor waits for its store.
Duration SimulatedServer::own_time() const {
  return timeline_.now().time_since_epoch() - frozen_ - worker_->store.waited();
}

void SimulatedServer::check_calls() {
  for (const Call& call : calls_) {
    if (!call.back_by || own_time() <= *call.back_by) continue;
    timeline_.violation("incarnation " + std::to_string(number_) + ": " + call.what +
                        " does not come back in time");
  }
}

void SimulatedServer::note(const std::string& what) {
  timeline_.note("incarnation " + std::to_string(number_) + " " + what);
}

}  // namespace rhooks::simulator

#include "testing/simulator/life.h"

#include <algorithm>

#include "engine/pace.h"
#include "hooks/hooks_parts.h"

namespace rhooks::simulator {
namespace {

using namespace std::chrono_literals;

engine::PipelineOptions pipeline_options(const NodeOptions& options, Backend& backend) {
  engine::PipelineOptions pipeline;
  pipeline.concurrency = options.concurrency;
  pipeline.lease_for = backend.lease_for();
  pipeline.attempt_max = options.request_timeout;
  pipeline.committer.policy.max_errors = options.max_errors;
  pipeline.committer.policy.done_ttl = options.ended_ttl;
  pipeline.committer.policy.failed_ttl = options.ended_ttl;
  pipeline.committer.batch_max = options.commit_batch_max;
  pipeline.committer.linger = options.commit_linger;
  return pipeline;
}

}  // namespace

struct LifeOfNode::Worker {
  Worker(const World& world, store::Store& opened, const Clock& clock, const NodeOptions& options,
         Life number)
      : store(opened, world.timeline, world.ledger, clock,
              {number, options.concurrency, world.backend.lease_for()}),
        random(world.timeline.dice().random().next()),
        sender(world.timeline, clock, world.ledger, world.http,
               {number, options.concurrency, options.request_timeout}),
        pipeline(store, sender, metrics, random, pipeline_options(options, world.backend)) {}

  WatchedStore store;
  Metrics metrics;
  Random random;
  SimulatedSender sender;
  engine::Pipeline pipeline;
};

LifeOfNode::LifeOfNode(World world, std::shared_ptr<SimulatedClock> clock, NodeOptions options,
                       Life number)
    : world_(world),
      timeline_(world.timeline),
      clock_(std::move(clock)),
      options_(options),
      number_(number) {}

LifeOfNode::~LifeOfNode() = default;

void LifeOfNode::start() {
  timeline_.spawn(owner(), [this] { boot(); });
}

void LifeOfNode::boot() {
  for (int failures = 1; !store_; ++failures) {
    auto opened = world_.backend.open(*clock_);
    if (opened) {
      store_ = std::move(*opened);
    } else if (draining_) {
      ended_ = true;
      world_.ledger.ended(number_, false);
      return;
    } else {
      timeline_.note("the store does not open: " + opened.error().message);
      timeline_.sleep(engine::claim_retry_wait(failures));
    }
  }
  worker_ = std::make_unique<Worker>(world_, *store_, *clock_, options_, number_);

  Hooks::Parts parts;
  parts.metrics = std::make_shared<Metrics>();
  parts.clock = clock_;
  parts.random = std::make_shared<Random>(timeline_.dice().random().next());
  // Its own worker is never started: the pipeline is the worker.
  parts.store = std::make_unique<WatchedStore>(*store_, timeline_, world_.ledger, *clock_,
                                               WatchedStore::Options{number_, 0, {}});
  parts.sender = std::make_unique<SimulatedSender>(timeline_, *clock_, world_.ledger, world_.http,
                                                   SimulatedSender::Options{number_, 0, 1s});
  hooks_ = std::make_unique<Hooks>(std::move(parts));

  timeline_.spawn(owner(), [this] { claim_loop(); });
  timeline_.spawn(owner(), [this] { dispatch_loop(); });
  timeline_.spawn(owner(), [this] { commit_loop(); });
}

void LifeOfNode::claim_loop() {
  engine::Pipeline& pipeline = worker_->pipeline;
  int failures = 0;
  while (!draining_) {
    if (!pipeline.may_claim()) {
      timeline_.wait(claim_, timeline_.now() + options_.poll_interval);
      continue;
    }
    const TimePoint now = clock_->now();
    const auto step = pipeline.claimer.step(
        now, now, options_.shares ? store::Scope::kShare : store::Scope::kAll);
    worker_->sender.wake();
    if (!step) {
      timeline_.sleep(engine::claim_retry_wait(++failures));
      continue;
    }
    failures = 0;
    Duration wait = options_.poll_interval;
    if (step->more) {
      if (pipeline.slots.free() > 0) {
        if (step->claimed == 0) timeline_.sleep(1ms);
        continue;
      }
    } else if (step->next_due) {
      wait = std::clamp<Duration>(*step->next_due - now, 1ms, wait);
    }
    timeline_.wait(claim_, timeline_.now() + wait);
  }
  claimer_ended_ = true;
  worker_->sender.wake();
  store_->leave();
}

void LifeOfNode::dispatch_loop() {
  engine::Pipeline& pipeline = worker_->pipeline;
  while (true) {
    const bool draining = draining_;
    const bool claimer_ended = claimer_ended_;
    if (draining) {
      pipeline.dispatcher.release_unsent();
      if (timeline_.now() >= drain_until_) pipeline.dispatcher.cancel_all();
    }
    pipeline.dispatcher.step(clock_->now(), draining ? engine::kDrainLook : engine::kIdleLook);
    if (pipeline.to_commit.size() > 0) commit_.ring();
    if (draining && claimer_ended && pipeline.dispatcher.idle()) break;
  }
  dispatcher_ended_ = true;
  commit_.ring();
}

void LifeOfNode::commit_loop() {
  engine::Pipeline& pipeline = worker_->pipeline;
  while (true) {
    const bool dispatcher_ended = dispatcher_ended_;
    const auto wait = pipeline.committer.step(clock_->now_micros());
    if (pipeline.slots.free() > 0) claim_.ring();
    if (dispatcher_ended && pipeline.committer.idle()) break;
    if (!pipeline.committer.failing()) {
      timeline_.wait(commit_, timeline_.now() + wait.value_or(engine::kIdleLook));
      continue;
    }
    if (dispatcher_ended && timeline_.now() >= drain_until_ + options_.store_timeout) {
      pipeline.committer.abandon();
      break;
    }
    timeline_.sleep(std::min<Duration>(wait.value_or(engine::kDrainLook), engine::kDrainLook));
  }
  timeline_.note("life " + std::to_string(number_) + " has stopped");
  world_.ledger.ended(number_, false);
  ended_ = true;
}

void LifeOfNode::stop() {
  timeline_.note("life " + std::to_string(number_) + " is to stop");
  world_.ledger.stopping(number_);
  draining_ = true;
  drain_until_ = timeline_.now() + options_.drain_timeout;
  claim_.ring();
  commit_.ring();
  if (worker_) worker_->sender.wake();
}

void LifeOfNode::crash() {
  timeline_.note("life " + std::to_string(number_) + " crashes");
  ended_ = true;
  world_.ledger.ended(number_, true);
  timeline_.crash(owner());
}

bool LifeOfNode::idle() const {
  return !worker_ || worker_->pipeline.slots.free() == options_.concurrency;
}

void LifeOfNode::call(std::function<void(Hooks&)> what, std::shared_ptr<Signal> done) {
  // Rings also where the process is crashed before its first turn.
  struct Ring {
    explicit Ring(std::shared_ptr<Signal> of) : signal(std::move(of)) {}
    Ring(const Ring&) = delete;
    std::shared_ptr<Signal> signal;
    ~Ring() { signal->ring(); }
  };
  auto ring = std::make_shared<Ring>(std::move(done));
  timeline_.spawn(owner(), [this, what = std::move(what), ring = std::move(ring)] {
    what(*hooks_);
    claim_.ring();
  });
}

}  // namespace rhooks::simulator

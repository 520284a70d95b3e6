#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "base/clock.h"
#include "base/random.h"
#include "engine/claimer.h"
#include "engine/committer.h"
#include "engine/dispatcher.h"
#include "engine/slots.h"
#include "engine/stages.h"
#include "schedule/zones.h"

namespace rhooks::engine {

struct PipelineOptions {
  std::size_t concurrency = 256;
  // Memory of the tasks on the way: once it is taken, nothing is claimed until some are done. One
  // claim goes past it.
  std::size_t attempt_bytes_max = Slots::kNoBytesMax;
  // Longer than an attempt and the storing of its outcome can take.
  std::chrono::milliseconds lease_for{60'000};
  // The longest that an attempt may take, by the sender's time-outs.
  std::chrono::milliseconds attempt_max{0};
  // The time zones of schedules.
  std::shared_ptr<const schedule::Zones> zones = std::make_shared<schedule::Zones>();
  Committer::Options committer;
};

// The three stages of a worker, and the slots and queues between them. It has no thread and
// waits for nothing but its parts: a runner drives each stage by a thread.
//
// Threads: those of the stages. What it refers to must outlive it.
struct Pipeline {
  Pipeline(store::Store& store, store::Endpoints& endpoints, secrets::Secrets& secrets,
           delivery::Sender& sender, Metrics& metrics, const Clock& clock, Random& random,
           const PipelineOptions& options, Committer::OnRecorded on_recorded = {})
      : slots(options.concurrency, options.attempt_bytes_max),
        to_send(options.concurrency),
        to_commit(options.concurrency),
        claimer(store, endpoints, secrets, slots, to_send, metrics, clock, options.lease_for,
                [&sender] { sender.wake(); }),
        dispatcher(store, sender, slots.flows(), to_send, to_commit, metrics, clock, options.zones,
                   options.attempt_max),
        committer(store, secrets.redaction(), slots, to_commit, metrics, random, options.committer,
                  std::move(on_recorded)) {}

  // Attempts whose outcome cannot be stored would be made again: wait until they can.
  bool may_claim() const { return !committer.failing(); }

  Slots slots;
  DeliveryQueue to_send;
  EndedQueue to_commit;
  Claimer claimer;
  Dispatcher dispatcher;
  Committer committer;
};

}  // namespace rhooks::engine

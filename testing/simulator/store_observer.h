#pragma once

#include <rhooks/log.h>
#include <rhooks/task.h>

#include "model/record.h"

namespace rhooks::simulator {

// Is told what a store did, at the moment that it did it, whether or not anybody got the answer.
// Whoever simulates a store calls it; InvariantChecker checks what it hears.
class StoreObserver {
 public:
  virtual ~StoreObserver() = default;

  virtual void put(const Task& task) = 0;
  // `now`: by the clock of whoever claims.
  virtual void claimed(const model::Lease& lease, const Task& task, TimePoint now) = 0;
  virtual void released(const model::Lease& lease) = 0;
  // The outcome of an attempt took effect under this token. Its log was told before.
  virtual void committed(const TaskKey& key, const model::LeaseToken& token, const Task& after) = 0;
  // A log was written; the same log again is no news.
  virtual void logged(const Log& log) = 0;
  virtual void edited(const Task& after) = 0;
  virtual void removed(const TaskKey& key) = 0;
  // This lease is over before its end, and the next claim may follow: its worker could not show for
  // so long that it lives that others may call it dead. Only where leases outlive their worker.
  virtual void ended_early(const model::Lease&) {}
  // Something waited with this task and is done: until now neither the task nor what goes after it
  // in its flow could be claimed. Only where something can wait.
  virtual void goes_on(const TaskKey&) {}
  // All leases are over: the process that kept them is gone.
  virtual void leases_ended() = 0;
};

}  // namespace rhooks::simulator

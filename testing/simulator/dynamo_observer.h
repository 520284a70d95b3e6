#pragma once

#include <map>
#include <set>
#include <string>

#include "base/uuid.h"
#include "testing/simulator/dynamo_service.h"
#include "testing/simulator/store_observer.h"

namespace rhooks::simulator {

// Which workers others may call dead, by the writes that took effect and by the one true time:
// lives of which for `failure_timeout` no heartbeat was written. The next heartbeat may be of the
// same life; the worker does not believe in that one any more.
class WorkerLives {
 public:
  explicit WorkerLives(Duration failure_timeout) : failure_timeout_(failure_timeout) {}

  void written(const DynamoService::Change& change, Moment now);
  bool may_be_called_dead(const Uuid& life, Moment now) const;

 private:
  struct Shown {
    Uuid life{};
    Moment at{};
  };
  const Duration failure_timeout_;
  std::map<std::string, Shown> shown_;  // by worker
  // Some time before what is shown; for ever, since what was claimed in them may arrive late, and
  // others may not have read since that they were shown again.
  std::set<Uuid> silent_;
};

// What a change of the tables means, told to the observer: by the item before and after, and by
// what the request set. Says shortly what it was ("claim ns/id"), for the notes of a run.
// What the store never does in a simulation, where nothing is corrupt, is a violation.
std::string observe(const DynamoService& service, const DynamoService::Change& change,
                    const store::dynamo::Tables& tables, WorkerLives& lives, Timeline& timeline,
                    StoreObserver& observer);

}  // namespace rhooks::simulator

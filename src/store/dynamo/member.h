#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "store/dynamo/membership_table.h"

namespace rhooks::store::dynamo {

struct MemberOptions {
  int shards = 0;
  SteadyTime tick = std::chrono::seconds(3);
  // No less than two ticks.
  SteadyTime failure_timeout = std::chrono::seconds(9);
  // Longer than any lease: it is by the items of the dead that others know whose leases are over.
  SteadyTime remove_after = std::chrono::hours(25);
  // This process's steady clock. It has to go on while the machine sleeps.
  std::function<SteadyTime()> steady;
  std::function<TimePoint()> wall;  // this machine's clock as it is set
  std::function<Uuid()> new_life;   // one that there never was
};

// One worker among those that share the shards: one tick after the other, without a thread.
//
// That no two workers believe in one shard at a time rests on three things. (1) A worker
// believes in its shards for failure_timeout from the moment that it began to write its last
// heartbeat, on its own clock; others call it dead no sooner than failure_timeout after they saw
// that heartbeat. (2) Every taking counts the shard's epoch up and needs the one that was seen. (3)
// A worker whose heartbeat came later than failure_timeout after the one before may have been
// called dead between them, by one whose taking is still on its way: it takes its shards anew,
// under a new epoch, before it believes in them again, and that taking then fails.
//
// For the same reasons nobody calls a life dead that its worker still believes in: after (3) it has
// another one.
//
// Where the machine itself is suspended its clocks can stand still. A worker notices that by the
// service's clock with its next heartbeat that is answered, or by who has its shards now; until
// then it believes in a life that others may have called dead.
//
// Threads: tick(), leave() and finish() one at a time; the others from any thread.
// Blocking: these, for the table.
class Member {
 public:
  // `table` must outlive it. `self`: its id, which no worker had before, and who it is.
  Member(MembershipTable& table, WorkerItem self, MemberOptions options);

  struct Step {
    SteadyTime again_at{};          // when the next tick is to begin
    bool changed = false;           // owned() did
    std::vector<std::string> died;  // workers that this look found dead, and none before
    std::optional<Error> error;     // of the table; what could be done was
  };
  // Shows that it lives, looks, takes and gives up.
  Step tick();

  // The shards that it may claim from now, in order. None while it could not show that it lives.
  std::vector<int> owned() const;

  // What it may lease under from now; zero while it could not show that it lives.
  Uuid life() const;
  // Whether this life of another worker is over: by the latest look, and while this worker itself
  // can show that it lives.
  bool dead(const Uuid& life) const;

  // How long a worker was silent at the latest reading; none for one that was not seen then.
  std::optional<SteadyTime> since_last_heartbeat(const std::string& worker) const;
  const std::string& id() const { return self_.id; }

  // Makes a tick that is under way end early, and it owns nothing any more.
  void stop();
  // Gives up all, with one round of requests; from then on a tick shows that it lives, and no more.
  // Not where it is taken for dead already: all is free without it, and the table does not answer.
  void leave();
  // Nothing that it leased is under way any more: it need not show that it lives.
  void finish();

 private:
  Result<void> show_life();
  SteadyTime service_time() const;  // since 1970, as far as this process can tell
  SteadyTime unseen_pause(SteadyTime now);
  Result<ShardPlan> look();
  std::vector<std::string> call_dead(const std::vector<WorkerItem>& dead);  // those that are new
  Result<bool> carry_out(const ShardPlan& plan);  // whether all was taken that was to be
  void begin_life(SteadyTime now) RHOOKS_REQUIRES(mutex_);
  // Nobody can have called this life dead.
  bool unbroken(SteadyTime now) const RHOOKS_REQUIRES(mutex_);
  bool believes(SteadyTime now) const RHOOKS_REQUIRES(mutex_);

  MembershipTable& table_;
  WorkerItem self_;
  const MemberOptions options_;
  WorkerWatch watch_;
  bool restart_watch_ = false;
  SteadyTime looked_at_{};
  // The service's clock, of this process's own, at the latest heartbeat that was answered.
  std::optional<SteadyTime> service_ahead_;

  mutable Mutex mutex_;
  std::map<int, std::int64_t> held_ RHOOKS_GUARDED_BY(mutex_);  // epoch by shard
  // The beginning of the latest heartbeat of this life that was written; before one was, of the
  // first.
  std::optional<SteadyTime> shown_at_ RHOOKS_GUARDED_BY(mutex_);
  bool shown_ RHOOKS_GUARDED_BY(mutex_) = false;  // one was
  std::map<std::string, SteadyTime> since_last_heartbeat_ RHOOKS_GUARDED_BY(mutex_);
  std::set<Uuid> dead_ RHOOKS_GUARDED_BY(mutex_);  // lives
  std::atomic<bool> stopped_ = false;
};

}  // namespace rhooks::store::dynamo

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/uuid.h"

// Who claims from which shards: the decision, without I/O. member.h carries it out.
namespace rhooks::store::dynamo {

// A moment on this process's own steady clock, which no other process knows.
using SteadyTime = std::chrono::nanoseconds;

// The item "worker#ID".
struct WorkerItem {
  std::string id;
  std::int64_t heartbeat = 0;  // counts up while it lives
  // Another one each time that others may have called it dead: what it leased in a life that is
  // over may be taken.
  Uuid life{};
  bool leaving = false;  // it has no share any more, and still attempts what it had claimed
  std::int64_t ttl = 0;  // epoch s: TimeToLive, where no worker saw it for long enough to delete it
  // For people only; nothing is decided by them.
  std::string host;
  std::int64_t pid = 0;
  std::int64_t since_ms = 0;  // by its own clock, when it joined
};

// The item "shard#NN". One that was never taken is not stored: no owner, epoch 0.
struct ShardItem {
  int shard = 0;
  std::string owner;       // a worker's id; empty: free
  std::int64_t epoch = 0;  // counts the times that it was taken

  friend bool operator==(const ShardItem&, const ShardItem&) = default;
};

// The control items, as one reading found them: the shards no later than the workers.
struct MembershipSnapshot {
  std::vector<WorkerItem> workers;
  std::vector<ShardItem> shards;  // those that are stored
};

// Every shard there is, in order, with what is stored of it.
std::vector<ShardItem> all_shards(const MembershipSnapshot& snapshot, int count);

// Tells from their heartbeats which workers live. Clocks of different machines are never compared:
// a worker is dead when its heartbeat did not change for so long on the clock of the one who looks.
// Threads: one at a time.
class WorkerWatch {
 public:
  // `asked_at` and `answered_at`: when the reading began and ended. A heartbeat is taken to have
  // changed as late as it can have, and to be unchanged as early, so that no worker is called
  // dead before it must know that itself (Member stops believing by then).
  void see(const std::vector<WorkerItem>& workers, SteadyTime asked_at, SteadyTime answered_at);

  // This process was away (paused, or the store did not answer): the others may have been so as
  // well. All get the time to show that they live.
  void restart(SteadyTime now);

  // How long its heartbeat was unchanged, at the latest reading. Zero for one that was not seen.
  SteadyTime since_last_heartbeat(const std::string& worker) const;
  bool seen(const std::string& worker) const { return entries_.contains(worker); }
  // Whether its heartbeat was ever seen to change.
  bool seen_alive(const std::string& worker) const;

 private:
  struct Entry {
    std::int64_t heartbeat = 0;
    SteadyTime changed_at{};
    SteadyTime since_last_heartbeat{};
    bool seen_alive = false;
  };
  std::map<std::string, Entry> entries_;
};

struct PlanOptions {
  int shards = 0;
  SteadyTime failure_timeout{};
  SteadyTime remove_after{};  // the item of a dead worker
};

struct ShardPlan {
  std::vector<ShardItem> take;     // as seen; free, of a dead owner, or mine without a fence
  std::vector<ShardItem> give_up;  // as seen
  std::vector<WorkerItem> dead;    // as seen
  std::vector<WorkerItem> remove;  // as seen: dead for long
  // Shards are about to change hands: others are to give some up for me, or to take some.
  bool unsettled = false;
  // The longest that a worker that lives as far as one knows was silent.
  SteadyTime longest_since_heartbeat{};
};

// What `me` should do about what it saw. `held`: what I hold under a fence of mine, epoch by
// shard; what the snapshot calls mine beyond it is taken again, under a new epoch.
//
// Shares differ by one at most, and those who have most get the larger ones, so that shards
// move only as far as they must. What there is to take is divided among all who are short, so
// that workers that see the same do not try for the same. A worker that was seen just once,
// owns nothing and is not new does not count yet: it may be dead for minutes.
ShardPlan plan_shards(const MembershipSnapshot& snapshot, const std::string& me,
                      const std::map<int, std::int64_t>& held, const WorkerWatch& watch,
                      const PlanOptions& options);

}  // namespace rhooks::store::dynamo

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "store/store.h"

namespace rhooks::store::dynamo {

// What this process knows of the due index, shard by shard: the entries at its head, and which
// of them are leased. It only tells which claims are worth trying: every claim is a conditional
// write, so that a cache that is wrong costs a request and never a delivery.
//
// Knowledge comes from reads of the index, which lag behind by design (they are eventually
// consistent), and from what this process wrote itself or read of a task. The latter wins while
// it is younger than kIndexLag. Threads are told their answers in another order than the service
// gave them: what was asked for before something else was told of the task may be older than
// that. Which of both is true is then not known; the task stays in the cache, unconfirmed, until
// it is read anew.
//
// Memory: what the last reads told, what was written since, and, of shards that this process does
// not read, what it wrote within kIndexLag.
//
// Threads: every method may be called from any thread. Blocking: none. Times named `steady`
// are of the steady clock; all others are times of tasks and leases.
class DueCache {
 public:
  using Steady = std::chrono::steady_clock::time_point;
  // How long the index may show what was there before a write. AWS names no bound; it is
  // "usually within a fraction of a second".
  static constexpr std::chrono::milliseconds kIndexLag{5'000};

  explicit DueCache(int shards);

  // A moment in the order of what the cache is told, taken before the request is sent whose
  // answer it is told.
  enum class Asked : std::uint64_t {};
  Asked asking() const;

  struct Row {
    TaskKey key;
    TimePoint due_at{};
  };
  // One read of a shard's head, in order. `complete_through`: every entry due then or before is
  // among the rows; kTimeMax: all there are.
  void merge(int shard, std::span<const Row> rows, TimePoint complete_through, Steady read_started);

  // How many rows of the shard are to be read before a claim; none: what is known will do. It
  // will not where the shard was not read for `read_every`, or nothing is left to claim of what
  // is known completely while the index may hold more that is due by then.
  std::optional<std::size_t> rows_to_read(int shard, TimePoint now, TimePoint due_by,
                                          std::chrono::milliseconds read_every,
                                          Steady steady) const;
  // Whether entries that are due by then may be in the index and not here.
  bool incomplete(std::span<const int> shards, TimePoint due_by) const;
  // How many of these rows could be claimed, as far as is known.
  std::size_t claimable(int shard, std::span<const Row> rows, TimePoint now) const;

  struct Candidate {
    int shard = 0;
    TaskKey key;
    TimePoint due_at{};
  };
  struct Picked {
    std::vector<Candidate> candidates;  // earliest first
    bool more = false;                  // others could be picked as well
  };
  // Picks what to claim; nobody else gets it until it is leased(), stored() or put_back().
  Picked pick(std::span<const int> shards, TimePoint now, TimePoint due_by, std::size_t limit);
  // By this process.
  void leased(const Candidate& candidate, TimePoint until, Asked asked, Steady steady);
  // By another, as it was read. That one may give it back before its end, which the index does
  // not tell: it is believed for kIndexLag, and then the next read has it tried again.
  void leased_elsewhere(const Candidate& candidate, TimePoint until, Asked asked, Steady steady);
  void put_back(const Candidate& candidate);  // nothing was learnt

  // When the task is due now, as this process stored or read it; none = never. No lease.
  void stored(int shard, const TaskKey& key, std::optional<TimePoint> due_at, Asked asked,
              Steady steady);
  // The lease of the task ended unused.
  void released(int shard, const TaskKey& key, Asked asked, Steady steady);

  // The earliest of what is due by then and seems claimable, but is known from the index alone,
  // which tells nothing of leases, or by answers that contradict each other; up to the first
  // that is known better.
  std::vector<Candidate> unconfirmed(std::span<const int> shards, TimePoint now, TimePoint due_by,
                                     std::size_t limit) const;
  // The earliest time at which something may be claimed; see Store::next_due.
  std::optional<TimePoint> next(std::span<const int> shards, TimePoint now) const;

  // Every shard is read anew before the next claim, and leases of others are not believed.
  void invalidate();

  // Entries held, for the bound that tests check.
  std::size_t size() const;

 private:
  struct Entry {
    TimePoint due_at{};
    TimePoint leased_until = kTimeMin;
    bool picked = false;
    bool elsewhere = false;   // the lease is another's
    bool sure = false;        // not from the index alone, and nothing contradicts it
    Steady learned_at{};      // by this process itself, at that time
    std::uint64_t order = 0;  // and as the n-th that the cache learned
  };
  // Not in the index, whatever a read says.
  struct Dropped {
    Steady learned_at{};
    std::uint64_t order = 0;
  };
  struct Shard {
    std::map<TaskKey, Entry> entries;
    std::set<std::pair<TimePoint, TaskKey>> order;  // of the entries
    std::map<TaskKey, Dropped> dropped;
    TimePoint complete_through = TimePoint::min();
    std::optional<Steady> read_at;
    std::size_t room = 0;  // entries at which those that a read will tell are forgotten
  };

  // Takes what an answer tells: that the task is due and leased so, or, without `is`, not due.
  void learn(int shard, const TaskKey& key, std::optional<Entry> is, Asked asked, Steady steady)
      RHOOKS_REQUIRES(mutex_);
  void set(Shard& shard, const TaskKey& key, const Entry& entry) RHOOKS_REQUIRES(mutex_);
  void erase(Shard& shard, const TaskKey& key) RHOOKS_REQUIRES(mutex_);
  static void make_room(Shard& shard, bool unread, Steady steady);
  bool free(const Entry& entry, TimePoint now) const {
    return !entry.picked && entry.leased_until <= now;
  }

  mutable Mutex mutex_;
  std::uint64_t learned_ RHOOKS_GUARDED_BY(mutex_) = 0;  // how often
  std::vector<Shard> shards_ RHOOKS_GUARDED_BY(mutex_);
};

}  // namespace rhooks::store::dynamo

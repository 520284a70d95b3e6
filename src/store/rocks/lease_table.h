#pragma once

#include <rocksdb/iterator.h>
#include <rocksdb/status.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "model/record.h"
#include "store/flow_gate.h"
#include "store/rocks/due_ranges.h"

namespace rhooks::store::rocks {

// A lease as the table keeps it: what a commit must know to move the task's index entries
// without reading the task. It holds as long as the lease is current, because every change
// of a task ends its lease.
struct HeldLease {
  model::LeaseToken token{};
  TimePoint until{};
  TimePoint due{};
  TimePoint scheduled_date{};
  // A write of the task failed, and may yet turn out to have reached the disk, or did so when
  // the database was opened again: the task has to be read before the lease is relied on.
  bool doubtful = false;
};

// The leases, and the keys that a write is under way for, of one embedded store. Keys are
// task keys as bytes (keys.h).
//
// How they work together. A writer (put, change, remove, commit, clear) holds its keys for
// as long as it reads, decides, writes and syncs; no two writers hold one key. A claim waits
// for nobody: under the one short mutex it walks the due index, passes over held keys and
// live leases, and enters its leases. An entry that it sees and that is not held is current,
// since a writer of it could only begin under the same mutex. So:
//
// - suspend against claim: if the claim enters its lease first, the edit sees PROCESSING and
//   refuses. If the writer takes the key first, the claim passes over it, and when the
//   writer lets go the entry is gone from the index before suspend() is acknowledged.
// - delete against claim: as above; a delete that comes after the lease was entered also
//   ends it, and the claim, which confirms its leases after it has read the tasks, drops it.
// - commit against claim: a commit checks its token while it holds the key, and ends the
//   lease in the same step that lets the key go. Until then the task is leased or held.
// - an expired lease stays in the table until a claim, a change or a commit ends it: that is
//   how a late commit can still count.
//
// ranges_ has the parts of the due index that claims have still to look at (due_ranges.h), so a
// claim walks neither the tombstones of what was done nor the leased head again. What is left of
// them shrinks past leased entries, but for held keys, and grows by whatever becomes claimable: a
// new or moved due entry, a lease that ended. When the database was opened again all is looked at
// (reopened()).
//
// Through a gate (flow_gate.h): an entry that it refuses is passed over like a leased one, and its
// range is remembered for its lane. One whose endpoint or flow has a lane queues up in it. Claims
// look into lanes that the gate opens and at what is unseen by turns, at a bounded number of
// entries (Asked::entries_max). Of a flow that keeps its order an entry is leased only if none of
// it may go before: unseen, in the lane of its endpoint, or held by a writer.
//
// Threads: every method may be called from any thread. Blocking: lock() waits for other
// writers of the same keys; take() and first_due() read the index under the mutex.
class LeaseTable {
 public:
  struct Taken {
    std::string key;
    HeldLease lease;
  };

  struct Asked {
    TimePoint now{};
    std::size_t limit = 0;
    TimePoint until{};  // of the leases
    std::string end;    // a due key: where the index ends
    FlowGate* gate = nullptr;
    std::size_t entries_max = 0;  // that are looked at, with a gate
  };

  struct Walk {
    rocksdb::Status status;  // of reading the index; not ok: nothing was taken
    std::vector<Taken> taken;
    bool more = false;     // something else could be claimed now or in a moment
    bool cut_off = false;  // at the limit or at entries_max
    bool waits = false;    // something waits for the gate
  };

  struct FirstDue {
    rocksdb::Status status;
    std::optional<TimePoint> at;
  };

  // What a writer did, made known in the step that lets its keys go.
  struct Effects {
    // Of due keys that lie near to each other, so that a claim looks at little else.
    struct Span {
      std::string from;
      std::string to;  // included
    };

    std::vector<std::string> ended;  // task keys whose lease is over
    std::vector<Span> unseen;        // what became claimable
    bool failed = false;             // the write failed: leases on the keys are doubtful

    void claimable(std::string due_key);
  };

  // Opens an iterator of the due index and places it on the first entry at or after `from`.
  // Called under the mutex, so that the iterator sees all that was let go before.
  using OpenIndex = std::function<std::unique_ptr<rocksdb::Iterator>(const std::string& from)>;

  using MakeToken = std::function<model::LeaseToken()>;

  // Leases up to `limit` entries that nobody has a live lease on, in the order of the index but for
  // what waited. The iterator ends at `asked.end`. `make_token` names each lease.
  Walk take(const Asked& asked, const OpenIndex& open, const MakeToken& make_token);

  // The earliest due time that is not under a live lease, or the earliest end of a lease. Of what
  // waits for this gate `leave` is left out.
  FirstDue first_due(TimePoint now, const FlowGate* gate, Leave leave, const OpenIndex& open);

  // Which of these are still the current leases.
  std::vector<bool> confirm(const std::vector<Taken>& taken) const;

  // Ends it, if it is still current; its task, due at `HeldLease::due`, is claimable.
  void give_back(const std::string& key, const model::LeaseToken& token);

  // Ends it at `until`, if it is still current and would end later.
  void shorten(const Taken& taken, TimePoint until);

  // The index had another date than the task has; a no-op if the lease is not current.
  void correct_date(const Taken& taken, TimePoint scheduled_date);

  std::optional<HeldLease> find(const std::string& key) const;
  bool is_live(const std::string& key, TimePoint now) const;
  // The live leases on tasks whose key begins with `prefix`.
  std::unordered_map<std::string, HeldLease> live(std::string_view prefix, TimePoint now) const;

  // To be called when the database was opened again after a failed write, while nothing else
  // is under way: what was written without an answer is now there. Entries may have come up where
  // nothing was left to look at, and leases that were taken on the old view may be of tasks that
  // have changed or are gone.
  void reopened();

  // Keys held for one writer; lets them go at the end of the scope.
  class Lock {
   public:
    // Waits until all of the keys are free and takes them at once, so that no two writers
    // wait for each other. The keys must outlive it.
    Lock(LeaseTable& table, const std::vector<std::string>& keys);
    Lock(LeaseTable& table, std::vector<std::string>&& keys) = delete;
    ~Lock();
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    // Filled in by the writer when its write is durable.
    Effects effects;
    // To be called when the write failed instead. What it meant to do may come true when
    // the database is opened again, so what would then be claimable is looked for.
    void write_failed(const Effects& meant) {
      effects.unseen = meant.unseen;
      effects.failed = true;
    }

   private:
    LeaseTable& table_;
    std::vector<std::string_view> keys_;
  };

 private:
  // Keys are looked up as they are, without a copy.
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>{}(key);
    }
  };

  // What one take() has come to (lease_walk.cc).
  class Cursor;
  struct Taking;
  enum class Look;
  struct Walked;

  void use_gate(FlowGate* gate) RHOOKS_REQUIRES(mutex_);
  void look_into_lanes(Taking& taking) RHOOKS_REQUIRES(mutex_);
  // False: the gate may have more.
  bool fetch_open_lanes(FlowGate& gate) RHOOKS_REQUIRES(mutex_);
  // True: there is more in it for a later turn.
  bool look_into(const Lane& lane, Taking& taking) RHOOKS_REQUIRES(mutex_);
  // True: all of them were.
  bool look_at_entries(const Lane& lane, DueRanges::Range& range, Taking& taking)
      RHOOKS_REQUIRES(mutex_);
  void look_at_unseen(Taking& taking) RHOOKS_REQUIRES(mutex_);
  // Looks at the entries from `from` to `to` (null: to the end of the index) that may stand in
  // `lane` (null: that are unseen).
  Walked walk(const std::string& from, const std::string* to, const Lane* lane, Taking& taking)
      RHOOKS_REQUIRES(mutex_);
  Look look_at(std::string_view entry, std::string_view value, const Lane* lane, Taking& taking)
      RHOOKS_REQUIRES(mutex_);
  void visit_endpoint_of(const Flow& flow) RHOOKS_REQUIRES(mutex_);
  bool may_have_earlier(std::string_view entry, const Flow& flow, const Lane& lane,
                        const Taking& taking) const RHOOKS_REQUIRES(mutex_);
  Look wait(std::string_view entry, const FlowGate::Refusal& refusal, const Lane* lane,
            Taking& taking) RHOOKS_REQUIRES(mutex_);
  void lease(std::string_view entry, std::string_view value, Taking& taking)
      RHOOKS_REQUIRES(mutex_);

  bool any_held(const std::vector<std::string_view>& keys) const RHOOKS_REQUIRES(mutex_);
  void end(const std::string& key) RHOOKS_REQUIRES(mutex_);
  // The lease ends.
  void add_unseen(const std::string& key, const HeldLease& lease) RHOOKS_REQUIRES(mutex_);
  std::optional<TimePoint> first_unleased(const std::string& from, const std::string* to,
                                          TimePoint now, Cursor& cursor) RHOOKS_REQUIRES(mutex_);
  // Leases that are over make their tasks claimable.
  void note_ended(TimePoint now) RHOOKS_REQUIRES(mutex_);

  mutable Mutex mutex_;
  ConditionVariable freed_;
  // Of the keys that the locks were given.
  std::unordered_set<std::string_view> held_ RHOOKS_GUARDED_BY(mutex_);
  std::unordered_map<std::string, HeldLease, KeyHash, std::equal_to<>> leases_
      RHOOKS_GUARDED_BY(mutex_);
  // Ends of leases that were not yet seen to be over.
  std::set<std::pair<TimePoint, std::string>> ends_ RHOOKS_GUARDED_BY(mutex_);
  DueRanges ranges_ RHOOKS_GUARDED_BY(mutex_);
  std::uint64_t gate_id_ RHOOKS_GUARDED_BY(mutex_) = 0;  // that lanes are of
  bool lanes_first_ RHOOKS_GUARDED_BY(mutex_) = false;
};

}  // namespace rhooks::store::rocks

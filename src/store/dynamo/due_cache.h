#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "store/dynamo/shard_reads.h"
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
// What a gate (flow_gate.h) refuses waits in its lane: neither picks nor reads go through it again,
// but what is due behind it is read on. Lanes that the gate opens are looked into by turns
// (due_pick.cc). Only this memory says what waits; the index does not.
//
// Of a flow that keeps its order (FlowGate::in_order) only the first task that is known is picked:
// not while an earlier one is leased, by whomever, or free and not met yet. And only once all that
// others stored before it is known: what is news was read since the index has to show that. What is
// not picked for that waits in the lane of its flow, into which picks look by themselves.
//
// What is for endpoints is picked by the owner of its shard alone, where there is one.
//
// Memory: what the last reads told, what was written since, and, of shards that this process does
// not read, what it wrote within kIndexLag. Of what waits, kLaneMax tasks of a lane and kWaitingMax
// in all (and one of each lane): the others are met again when their piece of the index is read.
//
// Where a lane ran empty and had left some out, and the gate lets more of it pass, that is not
// waited for: each claim reads a piece of each shard, from the first on that had no room, until
// some of that lane wait again. A shard is given up, and left to its pieces, where one brings
// nothing new for which there is room. So read units are spent on what can be attempted soon: a
// receiver that does not answer has one such piece read for all that its lane takes.
//
// Of a flow that keeps its order nothing goes meanwhile that is due behind what is still to be read
// so: its shard is not given up before that was read, and some is read ahead. All others go on.
//
// Threads: every method may be called from any thread. Blocking: none. Times named `steady`
// are of the steady clock; all others are times of tasks and leases.
class DueCache {
 public:
  using Steady = ShardReads::Steady;
  using Part = ShardReads::Part;
  using ToRead = ShardReads::ToRead;
  using ReadTo = ShardReads::ReadTo;
  static constexpr auto kIndexLag = ShardReads::kIndexLag;
  // Where more of a shard wait, its head is not read at once.
  static constexpr std::size_t kWaitingOfHeadMax = 250;
  static constexpr std::size_t kLaneMax = 10'000;
  static constexpr std::size_t kWaitingMax = 100'000;
  // Where some of an ordered flow had no room, so many of it are to wait in its lane.
  static constexpr std::size_t kReadAhead = kLaneMax / 2;

  // `order_lag`: so long the index may hide from a flow that keeps its order what goes first; 0:
  // it hides nothing.
  explicit DueCache(int shards, std::chrono::milliseconds order_lag = kIndexLag);

  // A moment in the order of what the cache is told, taken before the request is sent whose
  // answer it is told.
  enum class Asked : std::uint64_t {};
  Asked asking() const;

  struct Row {
    TaskKey key;
    TimePoint due_at{};
    Flow flow;
  };
  // What is to be read of the shard before a claim; none: what is known will do. It will not
  // where the shard was not read for `read_every`, or nothing is left to claim of what is known
  // completely while the index may hold more that is due by then. Nor, with `hurry`, where
  // hungry().
  std::optional<ToRead> to_read(int shard, TimePoint now, TimePoint due_by,
                                std::chrono::milliseconds read_every, Steady steady,
                                bool hurry = true) const;
  // One read of a shard, in order. `answered`: after all of it was; none: at once.
  void merge(int shard, std::span<const Row> rows, const ReadTo& to, Steady read_started,
             const ToRead& read, std::optional<Steady> answered = std::nullopt);
  // What is for endpoints in other shards than these is for other workers from now on. None: this
  // process is no worker, and nothing is.
  void own(const std::optional<std::vector<int>>& shards);
  // Whether, after the last pick, nothing waits in a lane that had left some out, or, in order, too
  // little, and they are still to be read of one of these shards.
  bool hungry(std::span<const int> shards) const;
  // Whether entries that are due by then may be in the index and not here.
  bool incomplete(std::span<const int> shards, TimePoint due_by) const;
  // How many of these rows could be claimed, as far as is known.
  std::size_t claimable(int shard, std::span<const Row> rows, TimePoint now) const;

  struct Candidate {
    int shard = 0;
    TaskKey key;
    TimePoint due_at{};
    Flow flow;
  };
  struct Picked {
    std::vector<Candidate> candidates;  // earliest first
    bool more = false;                  // others may be picked as well
    bool waits = false;                 // something waits for the gate
  };
  // Picks what to claim; nobody else gets it until it is put_back(), whatever is told of it.
  Picked pick(std::span<const int> shards, TimePoint now, TimePoint due_by, std::size_t limit,
              FlowGate* gate = nullptr);
  // By this process.
  void leased(const Candidate& candidate, TimePoint until, Asked asked, Steady steady);
  // By another, as it was read. That one may give it back before its end, which the index does
  // not tell: it is believed for kIndexLag, and then the next read has it tried again.
  void leased_elsewhere(const Candidate& candidate, TimePoint until, Asked asked, Steady steady);
  void put_back(std::span<const Candidate> candidates);

  struct Due {
    TimePoint at{};
    Flow flow;
  };
  // When the task is due now, as this process stored or read it; none = never. No lease.
  void stored(int shard, const TaskKey& key, const std::optional<Due>& due, Asked asked,
              Steady steady);
  // Where the task is; none: it is not known.
  std::optional<int> shard_with(const TaskKey& key) const;
  // The lease of the task ended unused.
  void released(int shard, const TaskKey& key, Asked asked, Steady steady);

  // The earliest of what is due by then and seems claimable, but is known from the index alone,
  // which tells nothing of leases, or by answers that contradict each other; up to the first
  // that is known better.
  std::vector<Candidate> unconfirmed(std::span<const int> shards, TimePoint now, TimePoint due_by,
                                     std::size_t limit) const;
  // The earliest time at which something may be claimed; see Store::next_due.
  std::optional<TimePoint> next(std::span<const int> shards, TimePoint now,
                                const FlowGate* gate = nullptr,
                                Leave leave = Leave::kWaiting) const;

  // Every shard is read anew before the next claim, leases of others are not believed, and the
  // gate is asked again.
  void invalidate();

  // Entries held, for the bound that tests check.
  std::size_t size() const;

 private:
  struct Entry {
    int shard = 0;
    TimePoint due_at{};
    Flow flow = {};
    TimePoint leased_until = kTimeMin;
    bool picked = false;
    bool elsewhere = false;         // the lease is another's
    bool sure = false;              // not from the index alone, and nothing contradicts it
    Steady learned_at{};            // by this process itself, at that time
    Steady known_since{};           // at that place
    std::uint64_t order = 0;        // and as the n-th that the cache learned
    std::optional<Lane> lane = {};  // in which it waits; it is neither picked nor leased then
  };
  // Not in the index, whatever a read says.
  struct Dropped {
    Steady learned_at{};
    std::uint64_t order = 0;
  };
  using Entries = std::map<TaskKey, Entry>;
  using Known = Entries::value_type;
  struct Place {
    TimePoint due_at{};
    TaskKey key;
  };
  struct Earlier {
    using is_transparent = void;
    static auto place(const Known* one) { return std::tie(one->second.due_at, one->first); }
    static auto place(const Place& one) { return std::tie(one.due_at, one.key); }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return place(a) < place(b);
    }
  };
  using Rows = std::set<Known*, Earlier>;
  struct Shard {
    Entries entries;
    Rows order;  // of the entries, but for those that wait
    std::map<TaskKey, Dropped> dropped;
    ShardReads reads;
    std::size_t waiting = 0;  // entries
    int left_out = 0;         // 0: all that waits had room, the last times through its pieces
    std::size_t room = 0;     // entries at which those that a read will tell are forgotten

    bool is_long() const { return waiting > kWaitingOfHeadMax || left_out > 0; }
  };
  // How far an open lane was looked through.
  struct Visit {
    std::optional<Place> at;  // everything before it was
    bool paused = false;
  };
  // What waits in a lane, of all shards.
  struct Waiting {
    Rows rows;
    Flow flow = {};  // of one of them
    int shard = 0;   // in which that is
    std::optional<Visit> visit;
    std::optional<TimePoint> left_out;  // when the first of those is due that had no room
  };
  using Lanes = std::unordered_map<Lane, Waiting, HashOfLane>;
  struct PutOff {
    int shard = 0;
    bool look_again = false;  // the shard was read since, or another task of the flow has changed
  };
  struct Walk;
  struct Picking;
  enum class Look {
    kSettled,  // picked, or waiting elsewhere: not to be looked at again here
    kStays,    // waits on in the lane that is looked into
    kStop,     // nor anything behind it now
  };

  Shard& shard_at(int number) RHOOKS_REQUIRES(mutex_) {
    return shards_.at(static_cast<std::size_t>(number));
  }
  const Shard& shard_at(int number) const RHOOKS_REQUIRES(mutex_) {
    return shards_.at(static_cast<std::size_t>(number));
  }
  static Candidate candidate_of(const Known& known) {
    return {known.second.shard, known.first, known.second.due_at, known.second.flow};
  }
  static void sort_by_time(std::vector<Candidate>& candidates);
  // Takes what an answer tells: that the task is due and leased so, or, without `is`, not due.
  void learn(int shard, const TaskKey& key, std::optional<Entry> is, Asked asked, Steady steady)
      RHOOKS_REQUIRES(mutex_);
  // `now`: or a little before, but not before whoever wrote it did.
  void set(const TaskKey& key, Entry entry, Steady now) RHOOKS_REQUIRES(mutex_);
  Entries::iterator erase(Entries::iterator entry) RHOOKS_REQUIRES(mutex_);
  void make_room(Shard& shard, bool unread, Steady steady) RHOOKS_REQUIRES(mutex_);
  bool is_for_others(const Entry& entry) const RHOOKS_REQUIRES(mutex_) {
    return entry.flow.endpoint != 0 && of_others_[static_cast<std::size_t>(entry.shard)];
  }
  bool free(const Entry& entry, TimePoint now) const RHOOKS_REQUIRES(mutex_) {
    return !entry.picked && entry.leased_until <= now && !is_for_others(entry);
  }
  // Of its shard, or of the lane in which it waits.
  Rows& rows_of(const Entry& entry) RHOOKS_REQUIRES(mutex_);
  Rows::node_type take_out(Known& known) RHOOKS_REQUIRES(mutex_);
  // The node is that of another place; none: it makes one.
  void put_in(Rows& rows, Known& known, Rows::node_type node) RHOOKS_REQUIRES(mutex_);
  Rows::node_type leave_flow(Known& known) RHOOKS_REQUIRES(mutex_);
  void join_flow(Known& known, Rows::node_type node) RHOOKS_REQUIRES(mutex_);

  // due_pick.cc
  // None: among the rows of its shard.
  void move_to(const std::optional<Lane>& lane, Known& known) RHOOKS_REQUIRES(mutex_);
  void wait_in(const Lane& lane, Known& known, Picking& picking) RHOOKS_REQUIRES(mutex_);
  // It has no room in the lane.
  void leave_out(Waiting& waiting, Known& known) RHOOKS_REQUIRES(mutex_);
  // Whether it may go, as far as the order of its flow says.
  bool is_next(const Known& known) const RHOOKS_REQUIRES(mutex_);
  bool is_behind_left_out(const Known& known) const RHOOKS_REQUIRES(mutex_);
  // Whether what had no room is to be read for that lane, which ran empty.
  bool wants_left_out(const Lane& lane, const Picking& picking) const RHOOKS_REQUIRES(mutex_);
  void look_again(FlowGate* gate) RHOOKS_REQUIRES(mutex_);
  // Whether tasks of the flow queue up in a lane that is not looked into.
  bool queues(const Flow& flow) const RHOOKS_REQUIRES(mutex_);
  void forget_lanes() RHOOKS_REQUIRES(mutex_);
  void use_gate(FlowGate* gate) RHOOKS_REQUIRES(mutex_);
  // False: there are others.
  bool fetch_open_lanes(FlowGate& gate) RHOOKS_REQUIRES(mutex_);
  bool visit(const Lane& lane) RHOOKS_REQUIRES(mutex_);
  void pause(const Lane& lane) RHOOKS_REQUIRES(mutex_);
  void look_at_unseen(std::span<const int> shards, Picking& picking) RHOOKS_REQUIRES(mutex_);
  void look_into_lanes(Picking& picking) RHOOKS_REQUIRES(mutex_);
  // True: it is to be gone on with by the next turn.
  bool look_into(const Lane& lane, Picking& picking) RHOOKS_REQUIRES(mutex_);
  bool look_at_rows(const Lane& lane, Waiting& waiting, Picking& picking) RHOOKS_REQUIRES(mutex_);
  Look look_at(Known& known, const Lane* lane, Picking& picking) RHOOKS_REQUIRES(mutex_);
  Look put_off(Known& known, const Lane* lane, Picking& picking) RHOOKS_REQUIRES(mutex_);
  Look wait(Known& known, const FlowGate::Refusal& refusal, const Lane* lane, Picking& picking)
      RHOOKS_REQUIRES(mutex_);
  void end_look(const Lane& lane, Picking& picking) RHOOKS_REQUIRES(mutex_);
  // Whether one more task of the flow would be kept.
  bool has_room(const Flow& flow) const RHOOKS_REQUIRES(mutex_);
  void move_all(const Lane& from, const Lane& to, Picking& picking) RHOOKS_REQUIRES(mutex_);

  const std::chrono::milliseconds order_lag_;
  mutable Mutex mutex_;
  std::vector<bool> of_others_ RHOOKS_GUARDED_BY(mutex_);  // by shard: what is for endpoints is
  std::uint64_t learned_ RHOOKS_GUARDED_BY(mutex_) = 0;    // how often
  std::vector<Shard> shards_ RHOOKS_GUARDED_BY(mutex_);
  Lanes lanes_ RHOOKS_GUARDED_BY(mutex_);
  std::size_t waiting_ RHOOKS_GUARDED_BY(mutex_) = 0;  // rows in all lanes
  std::deque<Lane> visits_ RHOOKS_GUARDED_BY(mutex_);  // those that are looked into, by turns
  // Whose first row has to wait for what the gate does not know of.
  std::unordered_map<Lane, PutOff, HashOfLane> put_off_ RHOOKS_GUARDED_BY(mutex_);
  // All that is known, also what waits, by flows of endpoints.
  std::unordered_map<Flow, Rows, model::HashOfFlow> by_flow_ RHOOKS_GUARDED_BY(mutex_);
  std::uint64_t gate_id_ RHOOKS_GUARDED_BY(mutex_) = 0;  // whose lanes they are
  bool lanes_first_ RHOOKS_GUARDED_BY(mutex_) = false;
  // Lanes that ran empty after they had left some out, until no shard is to be read for that.
  std::unordered_set<Lane, HashOfLane> ran_empty_ RHOOKS_GUARDED_BY(mutex_);
  bool hungry_ RHOOKS_GUARDED_BY(mutex_) = false;  // one of those wants it
};

}  // namespace rhooks::store::dynamo

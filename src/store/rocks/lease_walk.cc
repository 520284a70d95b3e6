// How a claim walks the due index: what is unseen, and the lanes that the gate opened.

#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

#include "store/rocks/keys.h"
#include "store/rocks/lease_table.h"

namespace rhooks::store::rocks {
namespace {

// Open lanes that are looked into by turns; the gate keeps the others.
constexpr std::size_t kVisitsMax = 64;

// The first key after `key`.
void put_just_after(std::string& out, std::string_view key) {
  out.assign(key);
  out.push_back('\0');
}

}  // namespace

// The iterator of a walk. Where many entries are gone, a Seek may pass over a million tombstones:
// it does not seek again what the last one passed over.
class LeaseTable::Cursor {
 public:
  // `it` was placed by a Seek of `sought`.
  Cursor(rocksdb::Iterator& it, std::string sought) : it_(it), sought_(std::move(sought)) {}

  // Places it on the first entry at or after `from`. True: that took a Seek.
  bool seek(const std::string& from) {
    const bool is_there = it_.Valid() ? entry() >= from : it_.status().ok();
    if (unmoved_ && sought_ <= from && is_there) return false;
    it_.Seek(from);
    sought_ = from;
    unmoved_ = true;
    return true;
  }
  void next() {
    it_.Next();
    unmoved_ = false;
  }
  bool valid() const { return it_.Valid(); }
  std::string_view entry() const { return it_.key().ToStringView(); }
  std::string_view value() const { return it_.value().ToStringView(); }
  rocksdb::Status status() const { return it_.status(); }

 private:
  rocksdb::Iterator& it_;
  std::string sought_;
  bool unmoved_ = true;
};

struct LeaseTable::Taking {
  const Asked& asked;
  const MakeToken& make_token;
  Cursor cursor;
  Walk& walk;
  std::size_t entries_left;
  std::size_t limit;  // of what is looked at now
  // Of the lane that is looked into: what its refusal said, or that all of it waits in another one.
  FlowGate::Refusal::Others others = FlowGate::Refusal::kOthersMayPass;
  std::optional<Lane> moved_to = {};
  std::vector<std::string> held = {};  // entries that a writer holds
  // Flows that keep their order, of which a writer holds one: it may go first.
  std::unordered_set<Flow, model::HashOfFlow> in_doubt = {};

  bool ok() const { return walk.status.ok(); }
  bool full() const { return walk.taken.size() >= asked.limit || entries_left == 0; }
  // False: as many were looked at as may be in one turn.
  bool may_look() {
    if (entries_left > 0) return true;
    walk.more = walk.cut_off = true;
    return false;
  }
  bool keeps_order(const Flow& flow) const {
    return flow.endpoint != 0 && asked.gate->in_order(flow);
  }
  void seek(const std::string& from) {
    if (cursor.seek(from) && entries_left > 0) --entries_left;
  }
};

enum class LeaseTable::Look {
  kSettled,  // leased, taken, held, or waiting elsewhere: not to be looked at again here
  kStays,    // waits on in the lane that is looked into
  kStop,     // nor anything behind it now
};

struct LeaseTable::Walked {
  std::string settled_to;  // everything before it is settled
  bool solid = true;       // everything before the end of the walk is
  std::string stopped_at;  // empty: it came to the end

  bool all_settled() const { return solid && stopped_at.empty(); }
};

LeaseTable::Walk LeaseTable::take(const Asked& asked, const OpenIndex& open,
                                  const MakeToken& make_token) {
  Walk walk;
  MutexLock lock(mutex_);
  try {
    use_gate(asked.gate);
    note_ended(asked.now);
    if (asked.gate && !fetch_open_lanes(*asked.gate)) walk.more = walk.cut_off = true;
    const bool any_unseen = ranges_.rest < asked.end || !ranges_.islands.empty();
    if (any_unseen || !ranges_.visits.empty()) {
      const auto it = open(ranges_.rest);
      Taking taking{asked,
                    make_token,
                    Cursor(*it, ranges_.rest),
                    walk,
                    asked.gate ? asked.entries_max : std::numeric_limits<std::size_t>::max(),
                    asked.limit};
      if (lanes_first_) look_into_lanes(taking);
      look_at_unseen(taking);
      if (!lanes_first_) look_into_lanes(taking);
      lanes_first_ = !lanes_first_;
      for (const std::string& entry : taking.held) ranges_.add_unseen(entry, entry);
    }
    if (!walk.status.ok()) {
      for (const Taken& taken : std::exchange(walk.taken, {})) {
        add_unseen(taken.key, taken.lease);
        end(taken.key);
      }
    }
  } catch (...) {  // no memory
    // First what cannot fail: a lease that stays is over at its end.
    ranges_.forget_lanes();
    ranges_.look_at_all();
    gate_id_ = 0;
    for (const Taken& taken : walk.taken) end(taken.key);
    throw;
  }
  walk.waits = !ranges_.lanes.empty();
  return walk;
}

// What waits for one gate is not known to another.
void LeaseTable::use_gate(FlowGate* gate) {
  const std::uint64_t id = gate ? gate->id() : 0;
  if (id == gate_id_) return;
  ranges_.forget_lanes();
  gate_id_ = id;
  if (gate) gate->empty_all();
}

bool LeaseTable::fetch_open_lanes(FlowGate& gate) {
  while (ranges_.visits.size() < kVisitsMax) {
    const auto lane = gate.next_open();
    if (!lane) return true;
    if (!ranges_.visit(*lane)) gate.emptied(*lane);
  }
  return false;
}

// By turns: one task of each, and then as many as there are places for all of them. So whoever has
// had a place is refused the next one after those that had none.
void LeaseTable::look_into_lanes(Taking& taking) {
  for (const bool first : {true, false}) {
    // Some may be paused meanwhile.
    for (std::size_t left = ranges_.visits.size();
         left > 0 && !ranges_.visits.empty() && taking.ok() && !taking.full(); --left) {
      const std::size_t taken = taking.walk.taken.size();
      const std::size_t part = first ? 1 : (taking.asked.limit - taken) / left;
      taking.limit = taken + std::max<std::size_t>(part, 1);
      const Lane lane = ranges_.visits.front();
      ranges_.visits.pop_front();
      if (look_into(lane, taking)) ranges_.visits.push_back(lane);
    }
  }
  if (ranges_.visits.empty()) return;
  taking.walk.more = true;
  taking.walk.cut_off = true;
}

bool LeaseTable::look_into(const Lane& lane, Taking& taking) {
  FlowGate& gate = *taking.asked.gate;
  DueRanges::Range& range = ranges_.lanes.at(lane);
  DueRanges::Visit& visit = *range.visit;
  taking.others = FlowGate::Refusal::kOthersMayPass;
  taking.moved_to.reset();
  bool through = look_at_entries(lane, range, taking);
  if (through && !range.to.empty()) {
    Walked walked = walk(visit.at, &range.to, &lane, taking);
    if (!taking.ok()) return true;
    if (visit.solid) range.from = std::move(walked.settled_to);
    visit.solid = visit.solid && walked.solid;
    through = walked.stopped_at.empty();
    if (!through) visit.at = std::move(walked.stopped_at);
  }
  if (taking.moved_to) {
    ranges_.move(lane, *taking.moved_to);
    gate.emptied(lane);
    return false;
  }
  if (taking.others == FlowGate::Refusal::kPaused) {
    visit.paused = true;
    return false;
  }
  if (taking.others == FlowGate::Refusal::kClosed) {
    range.visit.reset();
    return false;
  }
  if (!through) return true;
  // What is due later than was asked for is met when it is due.
  if (range.to >= taking.asked.end) {
    ranges_.add_unseen(taking.asked.end, range.to);
    range.to = taking.asked.end;
  }
  if (visit.solid) {
    ranges_.lanes.erase(lane);
    gate.emptied(lane);
  } else {
    range.visit.reset();
    gate.looked_through(lane);
  }
  return false;
}

bool LeaseTable::look_at_entries(const Lane& lane, DueRanges::Range& range, Taking& taking) {
  Cursor& cursor = taking.cursor;
  while (!range.entries.empty()) {
    const std::string& entry = *range.entries.begin();
    if (!taking.may_look()) return false;
    --taking.entries_left;
    if (entry < taking.asked.end) {
      if (!cursor.valid() || cursor.entry() != entry) taking.seek(entry);
      taking.walk.status = cursor.status();
      if (!taking.ok()) return false;
      if (cursor.valid() && cursor.entry() == entry) {
        if (look_at(entry, cursor.value(), &lane, taking) == Look::kStop) return false;
        cursor.next();  // it may be the next one
      }
    } else {
      ranges_.add_unseen(entry, entry);  // it is met when it is due
    }
    ranges_.drop_first(range);
  }
  return true;
}

void LeaseTable::look_at_unseen(Taking& taking) {
  if (!taking.ok()) return;
  taking.limit = taking.asked.limit;
  auto& islands = ranges_.islands;
  for (auto island = islands.begin(); island != islands.end();) {
    if (island->first >= taking.asked.end) break;
    if (!taking.may_look()) return;
    Walked walked = walk(island->first, &island->second, nullptr, taking);
    if (!taking.ok()) return;
    const auto seen = islands.extract(island);
    const bool stopped = !walked.stopped_at.empty();
    if (walked.all_settled()) walked.settled_to = taking.asked.end;
    if (walked.settled_to <= seen.mapped()) {
      ranges_.add_unseen(walked.settled_to, seen.mapped());  // others may join the rest
    }
    if (stopped) return;
    island = islands.upper_bound(seen.key());
  }
  if (ranges_.rest >= taking.asked.end) return;
  Walked walked = walk(ranges_.rest, nullptr, nullptr, taking);
  if (!taking.ok()) return;
  if (walked.all_settled()) walked.settled_to = taking.asked.end;
  ranges_.rest = std::move(walked.settled_to);
}

LeaseTable::Walked LeaseTable::walk(const std::string& from, const std::string* to,
                                    const Lane* lane, Taking& taking) {
  Walked walked;
  walked.settled_to = from;
  Cursor& cursor = taking.cursor;
  for (taking.seek(from); cursor.valid(); cursor.next()) {
    const std::string_view entry = cursor.entry();
    if (to && entry > *to) break;
    if (entry.size() < kTimeBytes) continue;
    if (!taking.may_look()) {
      walked.stopped_at = entry;
      break;
    }
    --taking.entries_left;
    const Look look = look_at(entry, cursor.value(), lane, taking);
    if (look == Look::kStop) {
      walked.stopped_at = entry;
      break;
    }
    walked.solid = walked.solid && look == Look::kSettled;
    if (walked.solid) put_just_after(walked.settled_to, entry);
    if (to && entry == *to) break;
  }
  taking.walk.status = cursor.status();  // the next Seek forgets it
  return walked;
}

LeaseTable::Look LeaseTable::look_at(std::string_view entry, std::string_view value,
                                     const Lane* lane, Taking& taking) {
  const std::string_view key = entry.substr(kTimeBytes);
  std::optional<model::Flow> flow;
  if (taking.asked.gate) {
    const DueValue parsed = parse_due_value(value).value_or(DueValue{});
    flow = model::Flow{namespace_hash_of(key), std::max<std::uint64_t>(parsed.receiver, 1),
                       parsed.endpoint};
    if (lane && !lane->may_hold(*flow)) return Look::kSettled;
  }
  if (const auto lease = leases_.find(key);
      lease != leases_.end() && lease->second.until > taking.asked.now) {
    // Seen as over before, by a clock that was ahead: its end is awaited again.
    ends_.emplace(lease->second.until, lease->first);
    return Look::kSettled;
  }
  const bool is_held = held_.contains(key);
  if (is_held || (flow && taking.in_doubt.contains(*flow))) {
    taking.walk.more = true;
    if (lane && !is_held) return Look::kStop;
    if (flow && taking.keeps_order(*flow)) taking.in_doubt.insert(*flow);
    taking.held.emplace_back(entry);
    return Look::kSettled;
  }
  if (flow) {
    if (const auto queue = queue_of(*flow, ranges_.lanes, lane)) {
      ranges_.wait_in(*queue, entry);
      return Look::kSettled;
    }
  }
  const bool any_earlier = lane && may_have_earlier(entry, *flow, *lane, taking);
  const bool full = taking.walk.taken.size() >= taking.limit;
  // The gate is not asked for a place that is not taken, if it tells; it may open at any time.
  bool others_first = any_earlier && taking.asked.gate->passes(*flow);
  if (flow && !full && !others_first) {
    if (const auto refusal = taking.asked.gate->refuse(*flow)) {
      return wait(entry, *refusal, lane, taking);
    }
    others_first = any_earlier;
  }
  if (others_first) visit_endpoint_of(*flow);
  if (others_first || full) {
    taking.walk.more = taking.walk.cut_off = true;
    return Look::kStop;
  }
  lease(entry, value, taking);
  return Look::kSettled;
}

// Whether some of its flow, which keeps its order, may go before an entry that is met in a lane:
// what was not looked at, or waited for its endpoint.
bool LeaseTable::may_have_earlier(std::string_view entry, const Flow& flow, const Lane& lane,
                                  const Taking& taking) const {
  if (flow.endpoint == 0) return false;
  bool any = ranges_.unseen_before(entry);
  if (lane.is_of_flow()) {
    const auto of_endpoint = ranges_.lanes.find(Lane::of_endpoint_of(flow));
    any = any || (of_endpoint != ranges_.lanes.end() && of_endpoint->second.first() < entry);
  }
  return any && taking.keeps_order(flow);
}

// The gate may name its lane only after those that wait for it.
void LeaseTable::visit_endpoint_of(const Flow& flow) {
  const Lane lane = Lane::of_endpoint_of(flow);
  const auto waiting = ranges_.lanes.find(lane);
  if (waiting != ranges_.lanes.end() && !waiting->second.visit) ranges_.visit(lane);
}

LeaseTable::Look LeaseTable::wait(std::string_view entry, const FlowGate::Refusal& refusal,
                                  const Lane* lane, Taking& taking) {
  ranges_.wait_in(refusal.lane, entry);
  if (lane && refusal.lane == *lane) {
    taking.others = refusal.others;
    if (taking.others != FlowGate::Refusal::kOthersMayPass) return Look::kStop;
    if (!lane->is_of_flow()) return Look::kStays;
    taking.others = FlowGate::Refusal::kClosed;  // they are of the same flow
    return Look::kStop;
  }
  if (refusal.others == FlowGate::Refusal::kPaused) ranges_.pause(refusal.lane);
  if (!lane || !lane->is_of_flow()) return Look::kSettled;
  taking.moved_to = refusal.lane;
  return Look::kStop;
}

void LeaseTable::lease(std::string_view entry, std::string_view value, Taking& taking) {
  // An entry whose value is broken is taken too: its task says the date (correct_date()).
  const auto parsed = parse_due_value(value);
  const HeldLease lease{taking.make_token(), taking.asked.until, read_time(entry),
                        parsed ? parsed->scheduled_date : TimePoint::min()};
  const Taken& taken =
      taking.walk.taken.emplace_back(Taken{std::string(entry.substr(kTimeBytes)), lease});
  if (const auto old = leases_.find(taken.key); old != leases_.end()) {
    ends_.erase({old->second.until, taken.key});
  }
  leases_.insert_or_assign(taken.key, lease);
  ends_.emplace(lease.until, taken.key);
}

LeaseTable::FirstDue LeaseTable::first_due(TimePoint now, const FlowGate* gate, Leave leave,
                                           const OpenIndex& open) {
  FirstDue first;
  MutexLock lock(mutex_);
  note_ended(now);
  const auto it = open(ranges_.rest);
  Cursor cursor(*it, ranges_.rest);
  const auto unknown = [&] { return !first.at && it->status().ok(); };  // a Seek forgets an error
  for (const auto& [from, to] : ranges_.islands) {
    if (unknown()) first.at = first_unleased(from, &to, now, cursor);
  }
  if (unknown()) first.at = first_unleased(ranges_.rest, nullptr, now, cursor);
  first.status = it->status();
  const auto earlier = [&](TimePoint at) { first.at = std::min(first.at.value_or(at), at); };
  if (!ends_.empty()) earlier(ends_.begin()->first);
  if (!ranges_.visits.empty()) earlier(now);
  const FlowGate* const refused = gate && gate->id() == gate_id_ ? gate : nullptr;
  if (refused && leave == Leave::kWaiting) return first;
  for (const auto& [lane, range] : ranges_.lanes) {
    if (!refused || !refused->closed(lane)) earlier(read_time(range.first()));
  }
  return first;
}

std::optional<TimePoint> LeaseTable::first_unleased(const std::string& from, const std::string* to,
                                                    TimePoint now, Cursor& cursor) {
  for (cursor.seek(from); cursor.valid(); cursor.next()) {
    const std::string_view entry = cursor.entry();
    if (to && entry > *to) break;
    if (entry.size() < kTimeBytes) continue;
    const auto lease = leases_.find(entry.substr(kTimeBytes));
    if (lease == leases_.end() || lease->second.until <= now) return read_time(entry);
    ends_.emplace(lease->second.until, lease->first);
  }
  return std::nullopt;
}

}  // namespace rhooks::store::rocks

// What the due cache picks for a claim: the earliest of the shards, and, by turns, of the lanes
// that the gate opened.

#include <algorithm>
#include <iterator>
#include <queue>
#include <utility>

#include "store/dynamo/due_cache.h"

namespace rhooks::store::dynamo {
namespace {

// Open lanes that are looked into by turns; the gate keeps the others.
constexpr std::size_t kVisitsMax = 64;

}  // namespace

// Goes through the rows of a shard.
struct DueCache::Walk {
  const Rows* rows = nullptr;
  Rows::const_iterator at;

  bool operator<(const Walk& other) const { return Earlier()(*other.at, *at); }  // the first is top
};

struct DueCache::Picking {
  TimePoint now;
  TimePoint due_by;
  std::size_t limit;  // of all
  FlowGate* gate;
  std::vector<bool> asked_for;  // by shard
  Picked picked = {};
  std::size_t limit_here = 0;  // of what is looked at now
  // Of the lane that is looked into: what its refusal said, or that all of it waits in another one.
  FlowGate::Refusal::Others others = FlowGate::Refusal::kOthersMayPass;
  std::optional<Lane> moved_to = {};

  bool keeps_order(const Flow& flow) const {
    return gate && flow.endpoint != 0 && gate->in_order(flow);
  }
};

DueCache::Picked DueCache::pick(std::span<const int> numbers, TimePoint now, TimePoint due_by,
                                std::size_t limit, FlowGate* gate) {
  MutexLock lock(mutex_);
  Picking picking{now, due_by, limit, gate, std::vector<bool>(shards_.size())};
  for (const int number : numbers) picking.asked_for[static_cast<std::size_t>(number)] = true;
  const bool all_met = std::none_of(shards_.begin(), shards_.end(), [](const Shard& shard) {
    return shard.reads.left_out_from().has_value();
  });
  if (all_met) ran_empty_.clear();
  try {
    use_gate(gate);
    if (gate && !fetch_open_lanes(*gate)) picking.picked.more = true;
    look_again(gate);
    if (lanes_first_) look_into_lanes(picking);
    look_at_unseen(numbers, picking);
    if (!lanes_first_) look_into_lanes(picking);
  } catch (...) {  // no memory
    for (const Candidate& row : picking.picked.candidates) {
      shard_at(row.shard).entries.at(row.key).picked = false;
    }
    forget_lanes();
    throw;
  }
  lanes_first_ = !lanes_first_;
  Picked picked = std::move(picking.picked);
  sort_by_time(picked.candidates);
  picked.waits = !lanes_.empty();
  hungry_ = std::any_of(ran_empty_.begin(), ran_empty_.end(),
                        [&](const Lane& lane)
                            RHOOKS_REQUIRES(mutex_) { return wants_left_out(lane, picking); });
  return picked;
}

// What is in order waits for it, and for a while (order_lag_) once it was read: it is read ahead.
bool DueCache::wants_left_out(const Lane& lane, const Picking& picking) const {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return true;
  const Waiting& waiting = found->second;
  const bool in_order = lane.is_of_flow() && picking.keeps_order(waiting.flow);
  if (!in_order || waiting.rows.empty()) return false;
  const Known& first = **waiting.rows.begin();
  if (!shard_at(first.second.shard).reads.left_out_from()) return false;
  const bool has_room = waiting.rows.size() < kReadAhead && waiting_ < kWaitingMax;
  return is_behind_left_out(first) || (has_room && !waiting.left_out);
}

void DueCache::sort_by_time(std::vector<Candidate>& candidates) {
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.due_at, a.key) < std::tie(b.due_at, b.key);
  });
}

// What waits for one gate is not known to another.
void DueCache::use_gate(FlowGate* gate) {
  const std::uint64_t id = gate ? gate->id() : 0;
  if (id == gate_id_) return;
  forget_lanes();
  gate_id_ = id;
  if (gate) gate->empty_all();
}

bool DueCache::fetch_open_lanes(FlowGate& gate) {
  while (visits_.size() < kVisitsMax) {
    const auto lane = gate.next_open();
    if (!lane) return true;
    if (!visit(*lane)) gate.emptied(*lane);
  }
  return false;
}

void DueCache::look_again(FlowGate* gate) {
  for (auto it = put_off_.begin(); it != put_off_.end();) {
    if (it->second.look_again && !visit(it->first) && gate) gate->emptied(it->first);
    it = it->second.look_again ? put_off_.erase(it) : std::next(it);
  }
}

// From its beginning, or from where that was paused. False: nothing waits in it.
bool DueCache::visit(const Lane& lane) {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return false;
  auto& visit = found->second.visit;
  if (!visit || visit->paused) visits_.push_back(lane);
  if (visit && visit->paused) {
    visit->paused = false;
  } else {
    visit = Visit{};
  }
  return true;
}

// Where it is being looked into, that is gone on with by the next visit().
void DueCache::pause(const Lane& lane) {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end() || !found->second.visit) return;
  found->second.visit->paused = true;
  std::erase(visits_, lane);
}

void DueCache::look_at_unseen(std::span<const int> numbers, Picking& picking) {
  picking.limit_here = picking.limit;
  // Where a shard is not known to its end, others may hold what is due later than it is known,
  // but not before it: the earliest go first.
  TimePoint known = picking.due_by;
  std::priority_queue<Walk> walks;
  for (const int number : numbers) {
    const Shard& shard = shard_at(number);
    known = std::min(known, shard.reads.complete_through());
    if (!shard.order.empty()) walks.push({&shard.order, shard.order.begin()});
  }
  while (!walks.empty()) {
    Walk walk = walks.top();
    walks.pop();
    Known& first = **walk.at;
    if (first.second.due_at > known) return;
    // Before it leaves its place.
    if (++walk.at != walk.rows->end()) walks.push(walk);
    if (!free(first.second, picking.now)) continue;
    if (look_at(first, nullptr, picking) == Look::kStop) return;
  }
}

// One task of each, and then as many as there are places for all of them. So whoever has had a
// place is refused the next one after those that had none.
void DueCache::look_into_lanes(Picking& picking) {
  const auto& candidates = picking.picked.candidates;
  for (const bool first : {true, false}) {
    // Some may be paused meanwhile.
    for (std::size_t left = visits_.size();
         left > 0 && !visits_.empty() && candidates.size() < picking.limit; --left) {
      const std::size_t part = first ? 1 : (picking.limit - candidates.size()) / left;
      picking.limit_here = candidates.size() + std::max<std::size_t>(part, 1);
      const Lane lane = visits_.front();
      visits_.pop_front();
      if (look_into(lane, picking)) visits_.push_back(lane);
    }
  }
  if (!visits_.empty()) picking.picked.more = true;
}

bool DueCache::look_into(const Lane& lane, Picking& picking) {
  picking.others = FlowGate::Refusal::kOthersMayPass;
  picking.moved_to.reset();
  Waiting& waiting = lanes_.at(lane);
  const bool through = look_at_rows(lane, waiting, picking);
  if (picking.moved_to) {
    move_all(lane, *picking.moved_to, picking);
    picking.gate->emptied(lane);
    return false;
  }
  if (picking.others == FlowGate::Refusal::kPaused) {
    waiting.visit->paused = true;
    return false;
  }
  if (picking.others == FlowGate::Refusal::kClosed) {
    waiting.visit.reset();
    return false;
  }
  if (!through) return true;
  end_look(lane, picking);
  return false;
}

// False: it stopped before the end.
bool DueCache::look_at_rows(const Lane& lane, Waiting& waiting, Picking& picking) {
  Visit& visit = *waiting.visit;
  auto next = visit.at ? waiting.rows.lower_bound(*visit.at) : waiting.rows.begin();
  while (next != waiting.rows.end() && (*next)->second.due_at <= picking.due_by) {
    Known& known = **next++;
    const bool asked_for = picking.asked_for[static_cast<std::size_t>(known.second.shard)];
    if (!asked_for || !free(known.second, picking.now)) {
      move_to(std::nullopt, known);  // a clock that goes back lets leases live again
      continue;
    }
    const Place place{known.second.due_at, known.first};  // it may be forgotten
    if (look_at(known, &lane, picking) == Look::kStop) {
      visit.at = place;
      return false;
    }
  }
  return true;
}

DueCache::Look DueCache::look_at(Known& known, const Lane* lane, Picking& picking) {
  const Flow& flow = known.second.flow;
  if (const auto queue = queue_of(flow, lanes_, lane)) {
    wait_in(*queue, known, picking);
    return Look::kSettled;
  }
  if (picking.picked.candidates.size() >= picking.limit_here) {
    if (!lane) picking.picked.more = true;
    return Look::kStop;
  }
  // The gate is not asked for a place that is not taken, if it tells; it may open at any time.
  const bool others_first = picking.keeps_order(flow) && !is_next(known);
  if (picking.gate && !(others_first && picking.gate->passes(flow))) {
    if (const auto refusal = picking.gate->refuse(flow)) {
      return wait(known, *refusal, lane, picking);
    }
  }
  if (others_first) return put_off(known, lane, picking);
  picking.picked.candidates.push_back(candidate_of(known));
  move_to(std::nullopt, known);
  known.second.picked = true;
  return Look::kSettled;
}

bool DueCache::is_next(const Known& known) const {
  const Entry& entry = known.second;
  const ShardReads& reads = shard_at(entry.shard).reads;
  if (!reads.complete(entry.due_at)) return false;
  if (order_lag_.count() > 0 && !reads.read_since(entry.known_since + order_lag_)) return false;
  const auto of_flow = by_flow_.find(entry.flow);
  if (of_flow != by_flow_.end() && *of_flow->second.begin() != &known) return false;
  return !is_behind_left_out(known);
}

// Where the lane of its flow, or of its endpoint, ran empty: others may be due before it.
bool DueCache::is_behind_left_out(const Known& known) const {
  const Entry& entry = known.second;
  const auto left_out = shard_at(entry.shard).reads.left_out_from();
  if (!left_out || *left_out > entry.due_at) return false;
  return ran_empty_.contains(Lane::of(entry.flow)) ||
         ran_empty_.contains(Lane::of_endpoint_of(entry.flow));
}

DueCache::Look DueCache::put_off(Known& known, const Lane* lane, Picking& picking) {
  const Lane own = Lane::of(known.second.flow);
  const int shard = known.second.shard;  // it may be forgotten
  wait_in(own, known, picking);
  put_off_[own] = {shard};
  if (!lane || *lane != own) return Look::kSettled;
  picking.others = FlowGate::Refusal::kClosed;
  return Look::kStop;
}

DueCache::Look DueCache::wait(Known& known, const FlowGate::Refusal& refusal, const Lane* lane,
                              Picking& picking) {
  wait_in(refusal.lane, known, picking);
  if (lane && refusal.lane == *lane) {
    picking.others = refusal.others;
    if (picking.others != FlowGate::Refusal::kOthersMayPass) return Look::kStop;
    if (!lane->is_of_flow()) return Look::kStays;
    picking.others = FlowGate::Refusal::kClosed;  // they are of the same flow
    return Look::kStop;
  }
  if (refusal.others == FlowGate::Refusal::kPaused) pause(refusal.lane);
  if (!lane || !lane->is_of_flow()) return Look::kSettled;
  picking.moved_to = refusal.lane;
  return Look::kStop;
}

// All of the lane was looked at that is due by then.
void DueCache::end_look(const Lane& lane, Picking& picking) {
  Waiting& waiting = lanes_.at(lane);
  // What is due later is met when it is due.
  while (!waiting.rows.empty() && (*waiting.rows.rbegin())->second.due_at > picking.due_by) {
    move_to(std::nullopt, **waiting.rows.rbegin());
  }
  if (!waiting.rows.empty()) {
    waiting.visit.reset();
    picking.gate->looked_through(lane);
    return;
  }
  if (waiting.left_out) {
    const bool in_order = picking.keeps_order(waiting.flow);
    const Shard* const of_flow = lane.is_of_flow() && in_order ? &shard_at(waiting.shard) : nullptr;
    for (Shard& shard : shards_) {
      if (shard.left_out == 0 || (of_flow && &shard != of_flow)) continue;
      shard.reads.note_left_out(*waiting.left_out, picking.due_by, in_order);
    }
    ran_empty_.insert(lane);
    picking.picked.more = true;
  }
  lanes_.erase(lane);
  picking.gate->emptied(lane);
}

bool DueCache::queues(const Flow& flow) const {
  const auto queue = queue_of(flow, lanes_, nullptr);
  if (!queue) return false;
  const auto& visit = lanes_.at(*queue).visit;
  return !visit || visit->paused;
}

bool DueCache::has_room(const Flow& flow) const {
  const auto queue = queue_of(flow, lanes_, nullptr);
  return !queue || (lanes_.at(*queue).rows.size() < kLaneMax && waiting_ < kWaitingMax);
}

void DueCache::move_to(const std::optional<Lane>& lane, Known& known) {
  if (known.second.lane == lane) return;
  Rows& rows = lane ? lanes_[*lane].rows : shard_at(known.second.shard).order;
  auto node = take_out(known);
  known.second.lane = lane;
  put_in(rows, known, std::move(node));
}

void DueCache::wait_in(const Lane& lane, Known& known, Picking& picking) {
  const Entry& entry = known.second;
  if (entry.lane == lane) return;
  // Then that lane is the one that runs empty.
  const Lane own = Lane::of(entry.flow);
  if (own != lane && ran_empty_.contains(own)) {
    ran_empty_.insert(lane);
    ran_empty_.erase(own);
  }
  Waiting& waiting = lanes_[lane];
  waiting.flow = entry.flow;
  waiting.shard = entry.shard;
  // Before it others may go that are not known any more.
  const bool is_last = waiting.rows.empty() || Earlier()(*waiting.rows.rbegin(), &known);
  if (is_last && waiting.left_out && entry.due_at >= *waiting.left_out &&
      picking.keeps_order(entry.flow)) {
    return leave_out(waiting, known);
  }
  const bool fits = waiting.rows.size() < kLaneMax && (entry.lane || waiting_ < kWaitingMax);
  if (!waiting.rows.empty() && !fits) {
    if (is_last) return leave_out(waiting, known);
    leave_out(waiting, **waiting.rows.rbegin());
  }
  move_to(lane, known);
  const auto put_off = put_off_.find(lane);
  if (put_off != put_off_.end() && *waiting.rows.begin() == &known) {
    put_off->second.look_again = picking.picked.more = true;
  }
  // Where the lane is being looked into, it is met there.
  if (waiting.visit && waiting.visit->at && Earlier()(&known, *waiting.visit->at)) {
    waiting.visit->at = Place{entry.due_at, known.first};
  }
}

void DueCache::leave_out(Waiting& waiting, Known& known) {
  const TimePoint due_at = known.second.due_at;
  waiting.left_out = std::min(waiting.left_out.value_or(due_at), due_at);
  Shard& shard = shard_at(known.second.shard);
  shard.left_out = 2;
  erase(shard.entries.find(known.first));
}

void DueCache::move_all(const Lane& from, const Lane& to, Picking& picking) {
  Waiting& waiting = lanes_.at(from);
  while (!waiting.rows.empty()) wait_in(to, **waiting.rows.begin(), picking);
  if (waiting.left_out) {
    auto& left_out = lanes_.at(to).left_out;
    left_out = std::min(left_out.value_or(*waiting.left_out), *waiting.left_out);
  }
  lanes_.erase(from);
}

void DueCache::forget_lanes() {
  bool left_out = !ran_empty_.empty();
  for (auto& [lane, waiting] : lanes_) {
    left_out = left_out || waiting.left_out;
    while (!waiting.rows.empty()) {
      auto node = waiting.rows.extract(waiting.rows.begin());
      Entry& entry = node.value()->second;
      entry.lane.reset();
      shard_at(entry.shard).order.insert(std::move(node));
    }
  }
  for (Shard& shard : shards_) {
    if (left_out) shard.reads.forget();
    shard.waiting = 0;
  }
  waiting_ = 0;
  lanes_.clear();
  visits_.clear();
  put_off_.clear();
  ran_empty_.clear();
  hungry_ = false;
  gate_id_ = 0;
}

}  // namespace rhooks::store::dynamo

#include "engine/flow_table.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"

namespace rhooks::engine {
namespace {

std::size_t index(auto kind) {
  return static_cast<std::size_t>(kind);
}

}  // namespace

FlowEnding ending_of(const model::AttemptOutcome& outcome) {
  if (outcome.duration < FlowTable::kQuick) return FlowEnding::kQuick;
  return outcome.response ? FlowEnding::kSlow : FlowEnding::kNoAnswer;
}

FlowTable::FlowTable(std::size_t slots)
    : slots_(slots),
      of_flows_(slots - slots / 8),
      of_namespaces_(slots - std::max<std::size_t>(slots / 16, 1)),
      of_kind_{slots / 4, slots / 2, slots / 4 * 3, slots},
      floor_(std::max<std::size_t>(slots / 32, 1)),
      of_last_eighth_(std::max(kWindow, floor_)),
      beyond_windows_(slots / 8) {
  given_.reserve(slots);
}

std::optional<store::FlowGate::Refusal> FlowTable::refuse(const Flow& flow) {
  MutexLock lock(mutex_);
  if (auto refusal = why_not(flow)) return refusal;
  given_.push_back(flow);
  ++take_place(flow).given;
  return std::nullopt;
}

std::optional<store::FlowGate::Refusal> FlowTable::why_not(const Flow& flow) {
  if (auto refusal = refuse_limited(flow)) return refusal;
  if (slots_ < kSlotsMin) return std::nullopt;
  const bool ordered = is_ordered(flow);
  const auto it = ordered ? flows_.try_emplace(flow).first : flows_.find(flow);
  if (it == flows_.end()) {
    if (!has_room(Kind::kUntried, 0)) return refuse_shared(flow.ns, Lacks::kPlaceOfUntried);
  } else {
    if (window_full(it->second)) return refuse_flow(it, false);
    if (!has_room(it->second.kind, it->second.under_way)) return refuse_flow(it, true);
  }
  if (!full_for(flow.ns)) return std::nullopt;
  if (!ordered) return refuse_shared(flow.ns, Lacks::kPlaceOfNamespace);
  const Refusal refusal = wait_in_own_lane(it);
  queue(it, true);
  return refusal;
}

bool FlowTable::passes(const Flow& flow) const {
  MutexLock lock(mutex_);
  if (limited(flow, now_)) return false;
  if (slots_ < kSlotsMin) return true;
  if (full_for(flow.ns)) return false;
  const auto it = flows_.find(flow);
  if (it == flows_.end()) return has_room(Kind::kUntried, 0);
  const State& state = it->second;
  return !window_full(state) && has_room(state.kind, state.under_way);
}

bool FlowTable::full_for(std::uint64_t ns) const {
  if (all_under_way_ < of_namespaces_) return false;
  const auto it = namespaces_.find(ns);
  if (it == namespaces_.end() || it->second.under_way == 0) return false;
  if (all_under_way_ >= slots_ - floor_) return true;
  return it->second.under_way >= slots_ / (namespaces_.size() + 1);
}

bool FlowTable::has_room(Kind kind, std::size_t of_flow) const {
  if (kind != Kind::kQuick && under_way_[index(kind)] < floor_) return true;
  if (all_under_way_ >= of_flows_) return kind == Kind::kQuick && of_flow < of_last_eighth_;
  const auto end = under_way_.begin() + static_cast<std::ptrdiff_t>(index(kind)) + 1;
  return std::accumulate(under_way_.begin(), end, std::size_t{0}) < of_kind_[index(kind)];
}

// One that does not answer may have more than its window while there are few of its kind.
bool FlowTable::window_full(const State& state) const {
  if (state.under_way < state.window) return false;
  return state.kind != Kind::kFailing || under_way_[index(Kind::kFailing)] >= beyond_windows_;
}

store::FlowGate::Refusal FlowTable::refuse_shared(std::uint64_t hash, Lacks lacks) {
  using enum Refusal::Others;
  const auto own = namespaces_.find(hash);
  const bool has_lane = own != namespaces_.end() && own->second.wait != Wait::kNone;
  if (!has_lane && shared_lanes_ >= kLanesMax) hash = 0;
  // What ends for others frees its place.
  if (lacks == Lacks::kLane && (own == namespaces_.end() || own->second.under_way == 0)) hash = 0;
  const auto ns = namespaces_.try_emplace(hash).first;
  Namespace& lane = ns->second;
  if (lane.wait == Wait::kNone) ++shared_lanes_;
  const bool is_open = lane.wait == Wait::kOpen;
  auto others = kClosed;
  if (lacks == Lacks::kPlaceOfNamespace) {
    if (hash == 0) {
      lane.known = true;
      others = kOthersMayPass;
    } else {
      lane.changed = true;  // those behind which it waits may lack something else
      if (is_open) others = kPaused;
    }
  } else if (lacks == Lacks::kLane) {
    lane.known = true;
    others = kOthersMayPass;
  } else {
    lane.lacks_untried = true;
    if (is_open && lane.whole) others = kOthersMayPass;
  }
  if (is_open && others == kOthersMayPass) return {Lane{hash, 0}, others};
  lane.wait = Wait::kWaits;
  lane.paused = lane.paused || others == kPaused;
  wait_in_turn(ns, lacks != Lacks::kPlaceOfNamespace);
  return {Lane{hash, 0}, others};
}

// `for_its_kind`: not for its own window.
store::FlowGate::Refusal FlowTable::refuse_flow(Flows::iterator flow, bool for_its_kind) {
  if (flow->second.wait == Wait::kNone && !is_ordered(flow->first)) {
    if (lanes_ >= kLanesMax) return refuse_shared(flow->first.ns, Lacks::kLane);
    ++lanes_;
    flow->second.counted = true;
  }
  const Refusal refusal = wait_in_own_lane(flow);
  if (for_its_kind) queue(flow);
  return refusal;
}

store::FlowGate::Refusal FlowTable::wait_in_own_lane(Flows::iterator flow) {
  State& state = flow->second;
  if (state.wait == Wait::kNone && flow->first.endpoint != 0) ++lanes_of_endpoints_;
  state.wait = Wait::kWaits;
  leave_idle(state);
  return {Lane::of(flow->first)};
}

void FlowTable::claim_begins() {
  MutexLock lock(mutex_);
  looked_again_.emplace();
}

void FlowTable::claimed(const Flow& flow, bool begins) {
  MutexLock lock(mutex_);
  if (begins) take_token(flow);
  if (const auto it = flows_.find(flow); it != flows_.end() && it->second.given > 0) {
    --it->second.given;  // it is the claim's from now on
  } else {
    take_place(flow);
  }
  if (begins || flow.endpoint == 0) return;
  if (free_place_of_endpoint(Lane::of_endpoint_of(flow))) another_may_try_ = true;
}

bool FlowTable::claim_ended() {
  MutexLock lock(mutex_);
  bool any_left = std::exchange(another_may_try_, false);
  looked_again_.reset();
  for (const Flow& flow : given_) {
    const auto it = flows_.find(flow);
    if (it == flows_.end() || it->second.given == 0) continue;
    --it->second.given;
    free_place(flow, FlowEnding::kNotMade);
    any_left = true;
  }
  given_.clear();
  return any_left;
}

void FlowTable::done(const Flow& flow, FlowEnding ending, bool begun) {
  MutexLock lock(mutex_);
  free_place(flow, ending, begun);
}

FlowTable::State& FlowTable::take_place(const Flow& flow) {
  Namespace& ns = namespaces_[flow.ns];  // first what may throw
  const auto it = flows_.try_emplace(flow).first;
  if (it->first.endpoint != 0) ++tried(Lane::of_endpoint_of(it->first)).under_way;
  State& state = it->second;
  leave_idle(state);
  ++state.under_way;
  ++under_way_[index(state.kind)];
  ++ns.under_way;
  ++all_under_way_;
  return state;
}

void FlowTable::free_place(const Flow& flow, FlowEnding ending, bool begun) {
  const auto it = flows_.find(flow);
  const auto ns = namespaces_.find(flow.ns);
  RHOOKS_CHECK(it != flows_.end() && ns != namespaces_.end());
  State& state = it->second;
  RHOOKS_CHECK(state.under_way > 0 && ns->second.under_way > 0);
  --state.under_way;
  --under_way_[index(state.kind)];
  --ns->second.under_way;
  --all_under_way_;
  learn(it, ending);
  if (begun && it->first.endpoint != 0) free_place_of_endpoint(Lane::of_endpoint_of(it->first));
  look_at(state, Lane::of(flow));
  for (const std::uint64_t hash : {flow.ns, std::uint64_t{0}}) {
    const auto lane = namespaces_.find(hash);
    if (lane == namespaces_.end()) continue;
    if (lane->second.known) lane->second.changed = true;
    look_at(lane->second, Lane{hash, 0});
  }
  forget_if_idle(it);
  forget_if_unused(ns);
}

void FlowTable::learn(Flows::iterator flow, FlowEnding ending) {
  State& state = flow->second;
  if (ending == FlowEnding::kNotMade) return;
  if (ending == FlowEnding::kNoAnswer) {
    state.window = std::max<std::size_t>(state.window / 2, 1);
  } else {
    state.window = std::min(state.window + 1, std::max(slots_, kWindow));
  }
  Kind kind = state.kind;
  if (ending == FlowEnding::kQuick) kind = Kind::kQuick;
  if (ending == FlowEnding::kSlow) kind = Kind::kSlow;
  if (ending == FlowEnding::kNoAnswer && state.window == 1) kind = Kind::kFailing;
  if (kind == state.kind) return;
  // Its tasks that were met before it was tried wait among others. Those of one that does not
  // answer have time.
  if (state.kind == Kind::kUntried && kind != Kind::kFailing) {
    for (const std::uint64_t hash : {flow->first.ns, std::uint64_t{0}}) {
      const auto lane = namespaces_.find(hash);
      if (lane != namespaces_.end() && lane->second.wait != Wait::kNone) {
        lane->second.changed = true;
      }
    }
  }
  leave_turn(state);
  under_way_[index(state.kind)] -= state.under_way;
  under_way_[index(kind)] += state.under_way;
  state.kind = kind;
}

void FlowTable::queue(Flows::iterator flow, bool crowded) {
  State& state = flow->second;
  if (state.turn && state.crowded == crowded) return;
  leave_turn(state);
  std::list<Flow> turn{flow->first};  // first what may throw
  state.crowded = crowded;
  auto& turns = turns_of(flow->first.ns, state);
  state.turn = turn.begin();
  turns.splice(turns.end(), turn);
}

void FlowTable::wait_in_turn(Namespaces::iterator ns, bool for_untried) {
  Namespace& lane = ns->second;
  if (lane.turn && !lane.for_untried) return;  // it is moved when it can have a place of its own
  if (lane.for_untried != for_untried) leave_turn(lane);
  if (lane.turn) return;
  lane.for_untried = for_untried;
  auto& turns = turns_of(lane);
  lane.turn = turns.insert(turns.end(), ns->first);
}

void FlowTable::leave_turn(State& state) {
  if (!state.turn) return;
  const std::uint64_t ns = (*state.turn)->ns;
  auto& turns = turns_of(ns, state);
  turns.erase(*state.turn);
  if (state.crowded && turns.empty()) crowded_.erase(ns);
  state.turn.reset();
}

void FlowTable::leave_turn(Namespace& ns) {
  if (ns.turn) turns_of(ns).erase(*ns.turn);
  ns.turn.reset();
}

std::optional<Lane> FlowTable::next_open() {
  MutexLock lock(mutex_);
  // By turns, so that none of them has to wait until another has nothing more.
  for (int tried = 0; tried < 2; ++tried) {
    first_ = (first_ + 1) % 2;
    if (auto lane = first_ == 0 ? open_asked_for() : open_in_turn()) return lane;
  }
  return open_in_turn();  // those that were asked for may have queued up
}

std::optional<Lane> FlowTable::open_asked_for() {
  if (std::exchange(look_at_all_, false)) {
    for (auto& [flow, state] : flows_) look_at(state, Lane::of(flow));
    for (auto& [hash, ns] : namespaces_) look_at(ns, Lane{hash, 0});
    for (auto& [lane, waiting] : endpoint_lanes_) look_at(waiting, lane);
  }
  look_at_openings();
  while (!to_look_at_.empty()) {
    const Lane lane = to_look_at_.front();
    to_look_at_.pop_front();
    if (open(lane)) return lane;
  }
  return std::nullopt;
}

bool FlowTable::open(const Lane& lane) {
  if (lane.of_endpoint) return open_endpoint(lane);
  return lane.is_of_flow() ? open_flow({lane.ns, lane.receiver}, false) : open_namespace(lane.ns);
}

bool FlowTable::open_flow(const Flow& flow, bool in_turn) {
  const auto it = flows_.find(flow);
  if (it == flows_.end()) return false;
  State& state = it->second;
  state.to_look_at = false;
  if (state.wait != Wait::kWaits || still_limited(it->first)) return false;
  if (slots_ >= kSlotsMin) {
    if (window_full(state)) return false;
    if (!has_room(state.kind, state.under_way) || (!in_turn && goes_behind_others(state))) {
      queue(it);
      return false;
    }
    if (is_ordered(it->first) && full_for(it->first.ns)) {
      queue(it, true);
      return false;
    }
  }
  leave_turn(state);
  state.wait = Wait::kOpen;
  return true;
}

// The place that it left is for those that waited for one before. Its part of the last eighth is
// its own.
bool FlowTable::goes_behind_others(const State& state) const {
  const bool has_part = state.kind == Kind::kQuick && state.under_way < of_last_eighth_;
  return !has_part && !turns_[index(state.kind)].empty();
}

bool FlowTable::open_namespace(std::uint64_t hash) {
  const auto it = namespaces_.find(hash);
  if (it == namespaces_.end()) return false;
  Namespace& ns = it->second;
  ns.to_look_at = false;
  if (ns.wait != Wait::kWaits) return false;
  const bool full = full_for(hash);
  if (full || !(ns.paused || ns.changed || has_room(Kind::kUntried, 0))) {
    if (ns.for_untried == full) leave_turn(ns);
    wait_in_turn(it, !full);
    return false;
  }
  leave_turn(ns);
  ns.wait = Wait::kOpen;
  if (!std::exchange(ns.paused, false)) {
    ns.whole = std::exchange(ns.changed, false);
    // Those that wait for it will be refused anew.
    if (ns.whole) ns.known = ns.lacks_untried = false;
  }
  return true;
}

// Those that wait for others to leave a place.
std::optional<Lane> FlowTable::open_in_turn() {
  if (all_under_way_ < of_namespaces_) {
    if (const auto lane = open_in_turn(namespace_turns_)) return lane;
  }
  if (const auto lane = open_crowded()) return lane;
  if (has_room(Kind::kUntried, 0)) {
    if (const auto lane = open_in_turn(untried_turns_)) return lane;
  }
  for (auto& turns : turns_) {
    while (!turns.empty()) {
      const Flow flow = turns.front();
      State& state = flows_.at(flow);
      if (!has_room(state.kind, state.under_way)) break;
      leave_turn(state);
      if (open_flow(flow, true)) return Lane::of(flow);
    }
  }
  return std::nullopt;
}

std::optional<Lane> FlowTable::open_in_turn(std::list<std::uint64_t>& turns) {
  for (std::size_t left = turns.size(); left > 0 && !turns.empty(); --left) {
    const std::uint64_t hash = turns.front();
    if (open_namespace(hash)) return Lane{hash, 0};
  }
  return std::nullopt;
}

// By turns of the namespaces. Those that are full have something under way: there are few.
std::optional<Lane> FlowTable::open_crowded() {
  for (std::size_t left = crowded_.size(); left > 0 && !crowded_.empty(); --left) {
    auto next = crowded_.upper_bound(last_crowded_);
    if (next == crowded_.end()) next = crowded_.begin();
    last_crowded_ = next->first;
    if (full_for(last_crowded_)) continue;
    if (const auto lane = open_crowded_of(last_crowded_)) return lane;
  }
  return std::nullopt;
}

std::optional<Lane> FlowTable::open_crowded_of(std::uint64_t ns) {
  for (auto it = crowded_.find(ns); it != crowded_.end(); it = crowded_.find(ns)) {
    const Flow flow = it->second.front();
    leave_turn(flows_.at(flow));
    if (open_flow(flow, true)) return Lane::of(flow);
  }
  return std::nullopt;
}

bool FlowTable::any_open() const {
  MutexLock lock(mutex_);
  if (!to_look_at_.empty() || look_at_all_) return true;
  if (!openings_.empty() && openings_.begin()->first <= now_) return true;
  if (!namespace_turns_.empty() && all_under_way_ < of_namespaces_) return true;
  const bool any_crowded =
      std::any_of(crowded_.begin(), crowded_.end(),
                  [&](const auto& one) RHOOKS_REQUIRES(mutex_) { return !full_for(one.first); });
  if (any_crowded) return true;
  if (!untried_turns_.empty() && has_room(Kind::kUntried, 0)) return true;
  return std::any_of(turns_.begin(), turns_.end(),
                     [&](const std::list<Flow>& turns) RHOOKS_REQUIRES(mutex_) {
                       if (turns.empty()) return false;
                       const State& state = flows_.at(turns.front());
                       return has_room(state.kind, state.under_way);
                     });
}

void FlowTable::looked_through(const Lane& lane) {
  if (lane.receiver != 0) return;  // of a flow or an endpoint: nothing stays there
  MutexLock lock(mutex_);
  const auto ns = namespaces_.find(lane.ns);
  if (ns == namespaces_.end() || ns->second.wait != Wait::kOpen) return;
  ns->second.wait = Wait::kWaits;
  ns->second.paused = false;
  if (ns->second.changed) look_at(ns->second, lane);
  if (ns->second.lacks_untried) wait_in_turn(ns, true);
}

void FlowTable::emptied(const Lane& lane) {
  MutexLock lock(mutex_);
  if (lane.of_endpoint) {
    const auto it = endpoint_lanes_.find(lane);
    if (it == endpoint_lanes_.end()) return;
    open_never(lane);
    endpoint_lanes_.erase(it);
  } else if (!lane.is_of_flow()) {
    if (const auto ns = namespaces_.find(lane.ns); ns != namespaces_.end()) empty(ns);
  } else if (const auto flow = flows_.find({lane.ns, lane.receiver}); flow != flows_.end()) {
    State& state = flow->second;
    if (std::exchange(state.counted, false)) --lanes_;
    if (std::exchange(state.wait, Wait::kNone) != Wait::kNone && flow->first.endpoint != 0) {
      --lanes_of_endpoints_;
    }
    leave_turn(state);
    forget_if_idle(flow);
  }
}

void FlowTable::empty(Namespaces::iterator ns) {
  Namespace& lane = ns->second;
  if (lane.wait != Wait::kNone) --shared_lanes_;
  leave_turn(lane);
  lane.wait = Wait::kNone;
  lane.paused = lane.changed = lane.whole = lane.known = lane.lacks_untried = false;
  forget_if_unused(ns);
}

void FlowTable::empty_all() {
  MutexLock lock(mutex_);
  lanes_ = lanes_of_endpoints_ = 0;
  to_look_at_.clear();
  forget_openings();
  endpoint_lanes_.clear();
  std::vector<Flow> waited;
  for (auto& [flow, state] : flows_) {
    state.to_look_at = state.counted = false;
    if (std::exchange(state.wait, Wait::kNone) == Wait::kNone) continue;
    leave_turn(state);
    waited.push_back(flow);
  }
  for (const Flow& flow : waited) forget_if_idle(flows_.find(flow));
  for (auto it = namespaces_.begin(); it != namespaces_.end();) {
    const auto ns = it++;  // it may be forgotten
    ns->second.to_look_at = false;
    empty(ns);
  }
}

void FlowTable::leave_idle(State& state) {
  if (state.idle) idle_.erase(*state.idle);
  state.idle.reset();
}

void FlowTable::forget_if_idle(Flows::iterator flow) {
  State& state = flow->second;
  if (state.under_way > 0 || state.wait != Wait::kNone || state.idle) return;
  if (state.kind == Kind::kUntried) {
    flows_.erase(flow);
    return;
  }
  try {
    state.idle = idle_.insert(idle_.end(), flow->first);
  } catch (const std::bad_alloc&) {
    flows_.erase(flow);
    return;
  }
  if (idle_.size() <= kKnownMax) return;
  flows_.erase(idle_.front());
  idle_.pop_front();
}

void FlowTable::forget_if_unused(Namespaces::iterator ns) {
  if (ns->second.under_way == 0 && ns->second.wait == Wait::kNone) namespaces_.erase(ns);
}

}  // namespace rhooks::engine

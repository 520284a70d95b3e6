// FlowTable: what the endpoints of flows say, and whether they answer.
#include <algorithm>
#include <iterator>
#include <new>
#include <utility>

#include "base/check.h"
#include "engine/flow_table.h"

namespace rhooks::engine {
namespace {

TimePoint to_shown(model::Gcra::Time t) {
  return std::chrono::ceil<std::chrono::milliseconds>(t);
}

}  // namespace

const model::Limits* FlowTable::limits_of(const Lane& endpoint) const {
  const auto it = limits_->find(endpoint);
  return it == limits_->end() ? nullptr : &it->second;
}

std::optional<FlowTable::Limit> FlowTable::limited(const Lane& endpoint, Time now) const {
  if (!limits_) return Limit{HeldBy::kUnknown, {}};
  const model::Limits* const limits = limits_of(endpoint);
  if (!limits) return std::nullopt;  // its tasks are to fail
  if (limits->unknown) return Limit{HeldBy::kUnknown, {}};
  if (limits->paused) return Limit{HeldBy::kPaused, {}};
  if (limits->without_secret) return Limit{HeldBy::kSecret, {}};
  const auto it = tried_.find(endpoint);
  if (it == tried_.end()) return std::nullopt;
  // Of both the one that ends later is told.
  const auto opens = it->second.breaker.open_until;
  const auto asked = asked_until(endpoint, now);
  if (asked && (!opens || *asked > *opens)) return Limit{HeldBy::kRetryAfter, *asked};
  if (!opens) return std::nullopt;
  if (now < *opens) return Limit{HeldBy::kBreaker, *opens};
  if (it->second.under_way > 0) return Limit{HeldBy::kBreaker, {}};
  return std::nullopt;
}

bool FlowTable::is_ordered(const Lane& endpoint) const {
  const model::Limits* const limits = limits_ ? limits_of(endpoint) : nullptr;
  return limits && limits->ordered;
}

bool FlowTable::is_ordered(const Flow& flow) const {
  return flow.endpoint != 0 && is_ordered(Lane::of_endpoint_of(flow));
}

bool FlowTable::in_order(const Flow& flow) const {
  MutexLock lock(mutex_);
  return is_ordered(flow);
}

std::size_t FlowTable::under_way_of(const Flow& flow) const {
  const auto state = flows_.find(flow);
  return state == flows_.end() ? 0 : state->second.under_way;
}

std::optional<FlowTable::Limit> FlowTable::limited(const Flow& flow, Time now) const {
  if (flow.endpoint == 0) return std::nullopt;
  const Lane endpoint = Lane::of_endpoint_of(flow);
  if (auto limit = limited(endpoint, now)) return limit;
  const model::Limits* const found = limits_of(endpoint);
  const model::Limits limits = found ? *found : model::Limits{};
  if (limits.ordered && under_way_of(flow) > 0) return Limit{HeldBy::kOrder, {}};
  if (limits.concurrency > 0 && under_way_of(flow) >= limits.concurrency) {
    return Limit{HeldBy::kConcurrency, {}};
  }
  if (const auto paced = paced_.find(flow);
      limits.ordered && paced != paced_.end() && paced->second.held_until > now) {
    return Limit{HeldBy::kRetry, paced->second.held_until};
  }
  return limits.rate ? limited_by_rate(flow, *limits.rate, now) : std::nullopt;
}

// Those that the claim under way was given count as if they began now.
std::optional<FlowTable::Limit> FlowTable::limited_by_rate(const Flow& flow,
                                                           const model::Gcra& rate,
                                                           Time now) const {
  const auto state = flows_.find(flow);
  const std::size_t given = state == flows_.end() ? 0 : state->second.given;
  Time tat = tat_of(flow, rate);
  for (std::size_t i = 0; i < given; ++i) tat = rate.after(tat, now);
  if (rate.allowed(tat, now) > 0) return std::nullopt;
  return Limit{HeldBy::kRate, rate.opens(tat)};
}

bool FlowTable::still_limited(const Flow& flow) {
  const auto limit = limited(flow, now_);
  if (!limit || of_endpoint(limit->by)) return false;
  open_later(Lane::of(flow), *limit);
  return true;
}

std::optional<store::FlowGate::Refusal> FlowTable::refuse_limited(const Flow& flow) {
  const auto limit = limited(flow, now_);
  if (!limit) {
    if (flow.endpoint != 0) end_asking_if_over(Lane::of_endpoint_of(flow));
    return std::nullopt;
  }
  if (of_endpoint(limit->by)) {
    const Lane lane = Lane::of_endpoint_of(flow);
    open_later(lane, *limit);  // first what may throw
    count_held(limit->by, std::exchange(endpoint_lanes_[lane].wait, Wait::kWaits));
    return Refusal{lane};
  }
  open_later(Lane::of(flow), *limit);
  const auto it = flows_.try_emplace(flow).first;
  count_held(limit->by, it->second.wait);
  return wait_in_own_lane(it);
}

void FlowTable::count_held(HeldBy by, Wait before) {
  if (before == Wait::kWaits || by == HeldBy::kUnknown) return;
  ++held_[static_cast<std::size_t>(by)];
}

FlowTable::HeldCounts FlowTable::take_held() {
  MutexLock lock(mutex_);
  return std::exchange(held_, {});
}

void FlowTable::at(TimePoint now) {
  MutexLock lock(mutex_);
  if (!began_) began_ = now;
  if (now < now_) set_back(now_ - now);
  now_ = now;
}

// To rates it is as if time had stood still, and nothing is held for longer than it can be. Those
// that wait for a time are told another one when they are looked at.
void FlowTable::set_back(std::chrono::microseconds by) {
  *began_ -= by;
  for (auto& [flow, paced] : paced_) {
    if (paced.tat) *paced.tat -= by;
    paced.held_until = std::min<Time>(paced.held_until, now_ - by + kHoldMax);
  }
  for (auto& [lane, one] : tried_) {
    const auto shift = [by](std::optional<TimePoint>& time) {
      if (time) *time -= std::chrono::ceil<std::chrono::milliseconds>(by);
    };
    shift(one.breaker.open_until);
    shift(one.breaker.answered_at);
    shift(one.asked_until);
  }
  for (const auto& [time, lane] : openings_) look_at_lane(lane);
  forget_openings();
}

std::optional<TimePoint> FlowTable::opens_at() const {
  MutexLock lock(mutex_);
  if (openings_.empty()) return std::nullopt;
  return to_shown(openings_.begin()->first);
}

// One that nothing is known of may have begun a burst just before this worker did.
FlowTable::Time FlowTable::tat_of(const Flow& flow, const model::Gcra& rate) const {
  const auto it = paced_.find(flow);
  if (it != paced_.end() && it->second.tat) return *it->second.tat;
  return rate.latest(began_.value_or(Time{}));
}

FlowTable::Paced& FlowTable::pace(const Flow& flow) {
  if (paced_.size() >= paced_max_) forget_what_is_past();
  return paced_[flow];
}

void FlowTable::take_token(const Flow& flow) {
  if (flow.endpoint == 0 || !limits_) return;
  const model::Limits* const limits = limits_of(Lane::of_endpoint_of(flow));
  if (!limits || !limits->rate) return;
  const Time tat = limits->rate->after(tat_of(flow, *limits->rate), now_);
  pace(flow).tat = tat;
}

void FlowTable::hold(const Flow& flow, TimePoint until) {
  MutexLock lock(mutex_);
  const auto& changed = looked_again_;
  if (changed && (changed->contains(flow) || changed->contains(Flow{flow.ns}))) return;
  Paced& paced = pace(flow);
  paced.ready_at = until;
  paced.held_until = std::min<Time>(until, now_ + kHoldMax);
}

bool FlowTable::look_again(const Flow& flow) {
  MutexLock lock(mutex_);
  if (looked_again_ && is_ordered(flow)) looked_again_->insert(flow);
  const auto it = paced_.find(flow);
  return it != paced_.end() && end_hold(flow, it->second);
}

bool FlowTable::look_again_in(std::uint64_t ns) {
  MutexLock lock(mutex_);
  if (looked_again_) looked_again_->insert(Flow{ns});
  bool any_held = false;
  for (auto& [flow, paced] : paced_) {
    if (flow.ns == ns && end_hold(flow, paced)) any_held = true;
  }
  return any_held;
}

bool FlowTable::end_hold(const Flow& flow, Paced& paced) {
  if (paced.held_until <= now_) return false;
  paced.held_until = Time{};
  look_at_lane(Lane::of(flow));
  return true;
}

// Nothing is lost with them: that of a flow of which nothing is known lies in the past by then,
// too.
void FlowTable::forget_what_is_past() {
  std::erase_if(paced_, [now = now_](const auto& one) {
    const Paced& paced = one.second;
    return paced.held_until <= now && (!paced.tat || *paced.tat <= now);
  });
  paced_max_ = std::max(2 * paced_.size(), kKnownMax);
}

void FlowTable::open_later(const Lane& lane, const Limit& limit) {
  if (!limit.until) return;
  auto& place = opens_.try_emplace(lane, openings_.end()).first->second;
  if (place != openings_.end()) {
    if (place->first == *limit.until) return;
    openings_.erase(std::exchange(place, openings_.end()));
  }
  place = openings_.emplace(*limit.until, lane);
}

void FlowTable::open_never(const Lane& lane) {
  const auto it = opens_.find(lane);
  if (it == opens_.end()) return;
  if (it->second != openings_.end()) openings_.erase(it->second);
  opens_.erase(it);
}

void FlowTable::look_at_openings() {
  while (!openings_.empty() && openings_.begin()->first <= now_) {
    const Lane lane = openings_.begin()->second;
    open_never(lane);
    look_at_lane(lane);
  }
}

void FlowTable::forget_openings() {
  openings_.clear();
  opens_.clear();
}

// `lane`: of a flow or an endpoint.
void FlowTable::look_at_lane(const Lane& lane) {
  if (lane.of_endpoint) {
    const auto it = endpoint_lanes_.find(lane);
    if (it != endpoint_lanes_.end()) look_at(it->second, lane);
  } else {
    const auto it = flows_.find({lane.ns, lane.receiver});
    if (it != flows_.end()) look_at(it->second, lane);
  }
}

// Not while nothing is known of any: it opens by itself once something is.
bool FlowTable::closed(const Lane& lane) const {
  MutexLock lock(mutex_);
  if (!limits_) return false;
  if (lane.of_endpoint) {
    // The end of an attempt that tries it is waited for.
    const auto limit = limited(lane, now_);
    return limit && (limit->until || limit->by != HeldBy::kBreaker);
  }
  const auto it = flows_.find({lane.ns, lane.receiver});
  if (it == flows_.end() || it->second.wait == Wait::kNone) return false;
  const auto limit = limited(it->first, now_);
  return limit && limit->until;
}

bool FlowTable::goes_by(const Flow& flow, const model::Limits& limits) const {
  MutexLock lock(mutex_);
  if (!limits_) return false;
  const model::Limits* const found = limits_of(Lane::of_endpoint_of(flow));
  const model::Limits known = found ? *found : model::Limits{};
  return known.concurrency == limits.concurrency && known.ordered == limits.ordered &&
         known.rate == limits.rate;
}

std::optional<Held> FlowTable::held(const Flow& flow, TimePoint now) const {
  MutexLock lock(mutex_);
  const auto limit = limited(flow, now);
  auto held = shown(limit, Lane::of_endpoint_of(flow));
  if (limit && limit->by == HeldBy::kRetry) held->until = to_shown(paced_.at(flow).ready_at);
  return held;
}

std::optional<Held> FlowTable::untried(const Lane& endpoint, TimePoint now) const {
  MutexLock lock(mutex_);
  const auto limit = limited(endpoint, now);
  if (limit) return limit->by >= HeldBy::kSecret ? shown(limit, endpoint) : std::nullopt;
  if (!limits_of(endpoint) || !open_breakers_.contains(endpoint)) return std::nullopt;
  return shown(Limit{HeldBy::kBreaker, {}}, endpoint);
}

std::optional<Held> FlowTable::shown(const std::optional<Limit>& limit,
                                     const Lane& endpoint) const {
  if (!limit) return std::nullopt;
  Held held;
  held.by = kHeldBy[static_cast<std::size_t>(limit->by)];
  if (limit->until) held.until = to_shown(*limit->until);
  const auto tried = tried_.find(endpoint);
  if (limit->by == HeldBy::kBreaker && tried != tried_.end() && tried->second.breaker.status != 0) {
    held.status = tried->second.breaker.status;
  }
  return held;
}

void FlowTable::keep_order_of_unknown(LimitsOfEndpoints& limits) const {
  for (auto& [endpoint, one] : limits) {
    if (one.unknown) one.ordered = is_ordered(endpoint);
  }
}

bool FlowTable::order_what_waits(const LimitsOfEndpoints& limits) const {
  return std::any_of(limits.begin(), limits.end(), [&](const auto& one) RHOOKS_REQUIRES(mutex_) {
    return one.second.ordered && !is_ordered(one.first) && may_wait(one.first);
  });
}

// Who shares a lane is not known.
bool FlowTable::may_wait(const Lane& endpoint) const {
  if (endpoint_lanes_.contains(endpoint) || is_in_use(endpoint.ns) || is_in_use(0)) return true;
  return lanes_of_endpoints_ > 0 && std::any_of(flows_.begin(), flows_.end(), [&](const auto& one) {
           return one.second.wait != Wait::kNone && one.first.endpoint == endpoint.receiver &&
                  one.first.ns == endpoint.ns;
         });
}

bool FlowTable::is_in_use(std::uint64_t shared_lane) const {
  const auto it = namespaces_.find(shared_lane);
  return it != namespaces_.end() && it->second.wait != Wait::kNone;
}

void FlowTable::set_endpoints(std::span<const model::LimitsOf> all) {
  LimitsOfEndpoints limits;
  for (const model::LimitsOf& one : all) limits[Lane{one.ns, one.endpoint, true}] = one.limits;
  MutexLock lock(mutex_);
  keep_order_of_unknown(limits);
  if (limits == limits_) return;
  // In a lane of several flows what is to keep its order now would be passed.
  if (order_what_waits(limits)) begin_anew();
  const auto before = std::exchange(limits_, std::move(limits));
  fit_paces();
  if (before) fit_breakers(*before);
  // Also one that stays closed: it may open by itself from now on.
  for (auto& [lane, waiting] : endpoint_lanes_) look_at(waiting, lane);
  for (auto& [flow, state] : flows_) {
    if (flow.endpoint != 0) look_at(state, Lane::of(flow));
  }
}

// No flow has to wait longer than its new rate would have it wait after a burst, nor for its first
// task where it is not in order any more: if it is again, that may have left its place.
void FlowTable::fit_paces() {
  for (auto it = paced_.begin(); it != paced_.end();) {
    auto& [flow, paced] = *it;
    const model::Limits* const limits = limits_of(Lane::of_endpoint_of(flow));
    if (limits && limits->rate) {
      if (paced.tat) paced.tat = std::min(*paced.tat, limits->rate->latest(now_));
    } else {
      open_never(Lane::of(flow));
      paced.tat.reset();
    }
    if (!limits || !limits->ordered) paced.held_until = Time{};
    it = paced.tat || paced.held_until > now_ ? std::next(it) : paced_.erase(it);
  }
}

bool FlowTable::meets_endpoints() const {
  MutexLock lock(mutex_);
  return !endpoint_lanes_.empty() || lanes_of_endpoints_ > 0;
}

bool FlowTable::open_endpoint(const Lane& lane) {
  const auto it = endpoint_lanes_.find(lane);
  if (it == endpoint_lanes_.end()) return false;
  Waiting<Lane>& waiting = it->second;
  waiting.to_look_at = false;
  if (waiting.wait != Wait::kWaits) return false;
  if (const auto limit = limited(lane, now_)) {
    open_later(lane, *limit);
    return false;
  }
  waiting.wait = Wait::kOpen;
  return true;
}

FlowTable::Tried& FlowTable::tried(const Lane& endpoint) {
  if (const auto it = tried_.find(endpoint); it != tried_.end()) return it->second;
  if (tried_.size() >= tried_max_) forget_closed_breakers();
  return tried_[endpoint];
}

// What is under way when a breaker opens ends first, and then each attempt before the next one.
// True: another may try it.
bool FlowTable::free_place_of_endpoint(const Lane& endpoint) {
  Tried& one = tried_.at(endpoint);
  RHOOKS_CHECK(one.under_way > 0);
  if (--one.under_way > 0 || !one.breaker.open()) return false;
  look_at_lane(endpoint);
  return true;
}

FlowTable::Learnt FlowTable::attempted(const Flow& flow, const Task& task,
                                       const model::AttemptOutcome& outcome,
                                       const model::AttemptRules& rules, TimePoint now,
                                       double jitter) {
  Learnt learnt;
  const Lane endpoint = Lane::of_endpoint_of(flow);
  MutexLock lock(mutex_);
  const auto it = tried_.find(endpoint);
  if (it == tried_.end() || !limits_) return learnt;
  const model::Limits* const limits = limits_of(endpoint);
  if (limits && limits->without_breaker) return learnt;
  model::Breaker& breaker = it->second.breaker;
  model::Breaker after = breaker;
  // While at() was not told that the clock was set back its times are those before.
  now = std::max(now, std::chrono::floor<std::chrono::milliseconds>(now_));
  learnt.counts = model::learn(after, task, outcome, rules, now, jitter);
  learnt.opened = !breaker.open() && after.open();
  learnt.closed = breaker.open() && !after.open();
  if (learnt.opened) {
    open_breakers_.insert(endpoint);  // first what may throw
    ++turned_.opened;
  }
  if (learnt.closed) {
    note_closed(endpoint);
    look_at_lane(endpoint);
    begin_windows_anew(endpoint);
  }
  breaker = after;
  learnt.breaker = breaker;
  return learnt;
}

bool FlowTable::answered(const Flow& flow, const model::Limits& by,
                         const model::AttemptOutcome& outcome, TimePoint now) {
  auto asked = model::asked_until(outcome, now);
  if (!asked) return false;
  const Lane endpoint = Lane::of_endpoint_of(flow);
  MutexLock lock(mutex_);
  const auto it = tried_.find(endpoint);
  if (it == tried_.end() || !limits_) return false;
  const model::Limits* const limits = limits_of(endpoint);
  if (limits && limits->address != by.address) return false;
  // While at() was not told that the clock was set back its times are those before.
  const TimePoint known = std::chrono::floor<std::chrono::milliseconds>(now_);
  if (known > now) *asked += known - now;
  const bool is_first = !asked_until(endpoint, now_);
  Tried& one = it->second;
  if (one.asked_by != by.address) one.asked_until.reset();
  one.asked_until = std::max(one.asked_until.value_or(*asked), *asked);
  one.asked_by = by.address;
  try {
    asking_.insert(endpoint);
  } catch (const std::bad_alloc&) {  // it holds all the same
  }
  return is_first;
}

std::optional<TimePoint> FlowTable::asked_to_wait(const Flow& flow, TimePoint now) const {
  if (flow.endpoint == 0) return std::nullopt;
  const Lane endpoint = Lane::of_endpoint_of(flow);
  MutexLock lock(mutex_);
  // Also of one that was read for a claim, and is not in limits_ before the next one.
  return asked_until(endpoint, now);
}

std::optional<TimePoint> FlowTable::asked_until(const Lane& endpoint, Time now) const {
  const auto it = tried_.find(endpoint);
  if (it == tried_.end() || !it->second.asked_until) return std::nullopt;
  return *it->second.asked_until > now ? it->second.asked_until : std::nullopt;
}

std::size_t FlowTable::asking_to_wait() const {
  MutexLock lock(mutex_);
  return static_cast<std::size_t>(std::count_if(
      asking_.begin(), asking_.end(), [&](const Lane& endpoint) RHOOKS_REQUIRES(mutex_) {
        return endpoint_lanes_.contains(endpoint) && limits_ && limits_of(endpoint) &&
               asked_until(endpoint, now_);
      }));
}

void FlowTable::end_asking_if_over(const Lane& endpoint) {
  const auto it = tried_.find(endpoint);
  if (it != tried_.end() && !asked_until(endpoint, now_)) end_asking(endpoint, it->second);
}

// It was too much: as who is back.
void FlowTable::end_asking(const Lane& endpoint, Tried& one) {
  if (!one.asked_until) return;
  one.asked_until.reset();
  asking_.erase(endpoint);
  begin_windows_anew(endpoint);
}

// Whoever is back is not met with all at once.
void FlowTable::begin_windows_anew(const Lane& endpoint) {
  for (auto& [flow, state] : flows_) {
    if (Lane::of_endpoint_of(flow) == endpoint) state.window = kWindow;
  }
}

std::size_t FlowTable::open_breakers() const {
  MutexLock lock(mutex_);
  return static_cast<std::size_t>(std::count_if(open_breakers_.begin(), open_breakers_.end(),
                                                [&](const Lane& endpoint) RHOOKS_REQUIRES(mutex_) {
                                                  return endpoint_lanes_.contains(endpoint) ||
                                                         tried_.at(endpoint).under_way > 0;
                                                }));
}

void FlowTable::close(const Lane& endpoint, model::Breaker& breaker) {
  note_closed(endpoint);
  breaker.close();
}

void FlowTable::note_closed(const Lane& endpoint) {
  turned_.closed += open_breakers_.erase(endpoint);
}

FlowTable::Turned FlowTable::take_turned() {
  MutexLock lock(mutex_);
  return std::exchange(turned_, {});
}

// One that is resumed, is at another address or has no breaker any more is tried as if it had
// answered. What its receiver asked for holds until it is resumed, or at another address. One that
// was not known before is where it was: others put it.
void FlowTable::fit_breakers(const LimitsOfEndpoints& before) {
  for (auto& [lane, one] : tried_) {
    const auto was = before.find(lane);
    const model::Limits* const limits = limits_of(lane);
    const bool was_there = was != before.end();
    const bool moved = was_there && (!limits || was->second.address != limits->address);
    const bool resumed = was_there && was->second.paused && limits && !limits->paused;
    if (moved || resumed || (limits && limits->without_breaker)) close(lane, one.breaker);
    // Not by that alone: who asked may have answered when it was gone already.
    const bool other = limits && limits->address != one.asked_by;
    if (moved || resumed || other) end_asking(lane, one);
  }
}

// One whose time is over is as good as closed: five failures open it again.
void FlowTable::forget_closed_breakers() {
  for (auto it = tried_.begin(); it != tried_.end();) {
    Tried& one = it->second;
    const bool shut = one.breaker.open() && *one.breaker.open_until > now_;
    if (one.under_way > 0 || shut || asked_until(it->first, now_)) {
      ++it;
    } else {
      close(it->first, one.breaker);
      asking_.erase(it->first);
      it = tried_.erase(it);
    }
  }
  tried_max_ = std::max(2 * tried_.size(), kKnownMax);
}

}  // namespace rhooks::engine

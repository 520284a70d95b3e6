// FlowTable: what the endpoints of flows say.
#include <algorithm>
#include <utility>

#include "engine/flow_table.h"

namespace rhooks::engine {
namespace {

TimePoint to_shown(model::Gcra::Time t) {
  return std::chrono::ceil<std::chrono::milliseconds>(t);
}

}  // namespace

const model::Limits* FlowTable::limits_of(const Flow& flow) const {
  const auto it = limits_->find(Lane::of_endpoint_of(flow));
  return it == limits_->end() ? nullptr : &it->second;
}

std::optional<FlowTable::Limit> FlowTable::limited(const Flow& flow, Time now) const {
  if (flow.endpoint == 0) return std::nullopt;
  if (!limits_) return Limit{HeldBy::kUnknown, {}};
  const model::Limits* const limits = limits_of(flow);
  if (!limits) return std::nullopt;
  if (limits->unknown) return Limit{HeldBy::kUnknown, {}};
  if (limits->paused) return Limit{HeldBy::kPaused, {}};
  if (limits->concurrency > 0) {
    const auto state = flows_.find(flow);
    const std::size_t under_way = state == flows_.end() ? 0 : state->second.under_way;
    if (under_way >= limits->concurrency) return Limit{HeldBy::kConcurrency, {}};
  }
  return limits->rate ? limited_by_rate(flow, *limits->rate, now) : std::nullopt;
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
  open_later(flow, *limit);
  return true;
}

std::optional<store::FlowGate::Refusal> FlowTable::refuse_limited(const Flow& flow) {
  const auto limit = limited(flow, now_);
  if (!limit) return std::nullopt;
  if (of_endpoint(limit->by)) {
    const Lane lane = Lane::of_endpoint_of(flow);
    count_held(limit->by, std::exchange(endpoint_lanes_[lane].wait, Wait::kWaits));
    return Refusal{lane};
  }
  open_later(flow, *limit);  // first what may throw
  const auto it = flows_.try_emplace(flow).first;
  count_held(limit->by, it->second.wait);
  return wait_in_own_lane(it);
}

void FlowTable::count_held(HeldBy by, Wait before) {
  if (before == Wait::kWaits) return;
  if (by == HeldBy::kPaused) ++held_.paused;
  if (by == HeldBy::kConcurrency) ++held_.concurrency;
  if (by == HeldBy::kRate) ++held_.rate;
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

// As if time had stood still. Those that wait for a time are told another one when they are looked
// at.
void FlowTable::set_back(std::chrono::microseconds by) {
  *began_ -= by;
  for (auto& [flow, paced] : paced_) {
    paced.tat -= by;
    if (paced.opens) look_at_flow(flow);
  }
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
  return it != paced_.end() ? it->second.tat : rate.latest(began_.value_or(Time{}));
}

FlowTable::Paced& FlowTable::pace(const Flow& flow, const model::Gcra& rate) {
  if (const auto it = paced_.find(flow); it != paced_.end()) return it->second;
  if (paced_.size() >= paced_max_) forget_rates_at_rest();
  return paced_.emplace(flow, Paced{tat_of(flow, rate), {}}).first->second;
}

void FlowTable::take_token(const Flow& flow) {
  if (flow.endpoint == 0 || !limits_) return;
  const model::Limits* const limits = limits_of(flow);
  if (!limits || !limits->rate) return;
  Paced& paced = pace(flow, *limits->rate);
  paced.tat = limits->rate->after(paced.tat, now_);
}

// Nothing is lost with them: that of a flow of which nothing is known lies in the past by then,
// too.
void FlowTable::forget_rates_at_rest() {
  std::erase_if(
      paced_, [now = now_](const auto& one) { return !one.second.opens && one.second.tat <= now; });
  paced_max_ = std::max(2 * paced_.size(), kKnownMax);
}

// `limit`: one of the flow itself.
void FlowTable::open_later(const Flow& flow, const Limit& limit) {
  if (!limit.until) return;
  Paced& paced = pace(flow, *limits_of(flow)->rate);
  if (paced.opens && (*paced.opens)->first == *limit.until) return;
  open_never(paced);
  paced.opens = openings_.emplace(*limit.until, flow);
}

void FlowTable::open_never(Paced& paced) {
  if (paced.opens) openings_.erase(*paced.opens);
  paced.opens.reset();
}

void FlowTable::look_at_openings() {
  while (!openings_.empty() && openings_.begin()->first <= now_) {
    const Flow flow = openings_.begin()->second;
    open_never(paced_.at(flow));
    look_at_flow(flow);
  }
}

void FlowTable::forget_openings() {
  for (const auto& [time, flow] : openings_) paced_.at(flow).opens.reset();
  openings_.clear();
}

void FlowTable::look_at_flow(const Flow& flow) {
  const auto it = flows_.find(flow);
  if (it != flows_.end()) look_at(it->second, Lane::of(flow));
}

bool FlowTable::holds(const Lane& endpoint) const {
  if (!limits_) return true;
  const auto it = limits_->find(endpoint);
  return it != limits_->end() && it->second.hold_all();
}

// Not while nothing is known of any: it opens by itself once something is.
bool FlowTable::closed(const Lane& lane) const {
  MutexLock lock(mutex_);
  if (!limits_) return false;
  if (lane.of_endpoint) {
    const auto it = limits_->find(lane);
    return it != limits_->end() && it->second.hold_all();
  }
  const auto it = flows_.find({lane.ns, lane.receiver});
  if (it == flows_.end() || it->second.wait == Wait::kNone) return false;
  const auto limit = limited(it->first, now_);
  return limit && limit->by == HeldBy::kRate;
}

bool FlowTable::goes_by(const Flow& flow, const model::Limits& limits) const {
  MutexLock lock(mutex_);
  if (!limits_) return false;
  const model::Limits* const found = limits_of(flow);
  const model::Limits known = found ? *found : model::Limits{};
  return known.concurrency == limits.concurrency && known.rate == limits.rate;
}

std::optional<Held> FlowTable::held(const Flow& flow, TimePoint now) const {
  MutexLock lock(mutex_);
  const auto limit = limited(flow, now);
  if (!limit) return std::nullopt;
  switch (limit->by) {
    case HeldBy::kUnknown:
      return Held{"endpoint", std::nullopt};
    case HeldBy::kPaused:
      return Held{"paused", std::nullopt};
    case HeldBy::kConcurrency:
      return Held{"concurrency", std::nullopt};
    case HeldBy::kRate:
      return Held{"rate", to_shown(*limit->until)};
  }
  return std::nullopt;
}

void FlowTable::set_endpoints(std::span<const model::LimitsOf> all) {
  LimitsOfEndpoints limits;
  for (const model::LimitsOf& one : all) limits[Lane{one.ns, one.endpoint, true}] = one.limits;
  MutexLock lock(mutex_);
  if (limits == limits_) return;
  limits_ = std::move(limits);
  fit_rates();
  for (auto& [lane, waiting] : endpoint_lanes_) {
    if (!holds(lane)) look_at(waiting, lane);
  }
  for (auto& [flow, state] : flows_) {
    if (flow.endpoint != 0) look_at(state, Lane::of(flow));
  }
}

// No flow has to wait longer than its new rate would have it wait after a burst.
void FlowTable::fit_rates() {
  for (auto it = paced_.begin(); it != paced_.end();) {
    auto& [flow, paced] = *it;
    const model::Limits* const limits = limits_of(flow);
    if (limits && limits->rate) {
      paced.tat = std::min(paced.tat, limits->rate->latest(now_));
      ++it;
    } else {
      open_never(paced);
      it = paced_.erase(it);
    }
  }
}

bool FlowTable::meets_endpoints() const {
  MutexLock lock(mutex_);
  return !endpoint_lanes_.empty() || lanes_of_endpoints_ > 0;
}

bool FlowTable::open_endpoint(const Lane& lane) {
  const auto it = endpoint_lanes_.find(lane);
  if (it == endpoint_lanes_.end()) return false;
  it->second.to_look_at = false;
  if (it->second.wait != Wait::kWaits || holds(lane)) return false;
  it->second.wait = Wait::kOpen;
  return true;
}

}  // namespace rhooks::engine

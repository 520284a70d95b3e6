// FlowTable: what the endpoints of flows say.
#include <utility>

#include "engine/flow_table.h"

namespace rhooks::engine {

const model::Limits* FlowTable::limits_of(const Flow& flow) const {
  const auto it = limits_->find(Lane::of_endpoint_of(flow));
  return it == limits_->end() ? nullptr : &it->second;
}

std::optional<FlowTable::HeldBy> FlowTable::limited(const Flow& flow) const {
  if (flow.endpoint == 0) return std::nullopt;
  if (!limits_) return HeldBy::kUnknown;
  const model::Limits* const limits = limits_of(flow);
  if (!limits) return std::nullopt;
  if (limits->paused) return HeldBy::kPaused;
  const auto state = flows_.find(flow);
  const std::size_t under_way = state == flows_.end() ? 0 : state->second.under_way;
  if (limits->concurrency > 0 && under_way >= limits->concurrency) return HeldBy::kConcurrency;
  return std::nullopt;
}

bool FlowTable::limited_by_itself(const Flow& flow) const {
  const auto by = limited(flow);
  return by && !of_endpoint(*by);
}

std::optional<store::FlowGate::Refusal> FlowTable::refuse_limited(const Flow& flow) {
  const auto by = limited(flow);
  if (!by) return std::nullopt;
  if (of_endpoint(*by)) {
    const Lane lane = Lane::of_endpoint_of(flow);
    count_held(*by, std::exchange(endpoint_lanes_[lane].wait, Wait::kWaits));
    return Refusal{lane};
  }
  const auto it = flows_.try_emplace(flow).first;
  count_held(*by, it->second.wait);
  return wait_in_own_lane(it);
}

void FlowTable::count_held(HeldBy by, Wait before) {
  if (before == Wait::kWaits) return;
  if (by == HeldBy::kPaused) ++held_.paused;
  if (by == HeldBy::kConcurrency) ++held_.concurrency;
}

FlowTable::HeldCounts FlowTable::take_held() {
  MutexLock lock(mutex_);
  return std::exchange(held_, {});
}

bool FlowTable::holds(const Lane& endpoint) const {
  if (!limits_) return true;
  const auto it = limits_->find(endpoint);
  return it != limits_->end() && it->second.paused;
}

// Not that of one of which nothing is known yet: it opens by itself once there is.
bool FlowTable::closed(const Lane& lane) const {
  if (!lane.of_endpoint) return false;
  MutexLock lock(mutex_);
  if (!limits_) return false;
  const auto it = limits_->find(lane);
  return it != limits_->end() && it->second.paused;
}

bool FlowTable::goes_by(const Flow& flow, const model::Limits& limits) const {
  MutexLock lock(mutex_);
  if (!limits_) return false;
  const model::Limits* const known = limits_of(flow);
  return (known ? known->concurrency : 0) == limits.concurrency;
}

std::optional<Held> FlowTable::held(const Flow& flow) const {
  MutexLock lock(mutex_);
  const auto by = limited(flow);
  if (by == HeldBy::kPaused) return Held{"paused", std::nullopt};
  if (by == HeldBy::kConcurrency) return Held{"concurrency", std::nullopt};
  return std::nullopt;
}

void FlowTable::set_endpoints(std::span<const model::LimitsOf> all) {
  LimitsOfEndpoints limits;
  for (const model::LimitsOf& one : all) limits[Lane{one.ns, one.endpoint, true}] = one.limits;
  MutexLock lock(mutex_);
  if (limits == limits_) return;
  limits_ = std::move(limits);
  for (auto& [lane, waiting] : endpoint_lanes_) {
    if (!holds(lane)) look_at(waiting, lane);
  }
  for (auto& [flow, state] : flows_) {
    if (flow.endpoint != 0) look_at(state, Lane::of(flow));
  }
}

bool FlowTable::meets_endpoints() const {
  MutexLock lock(mutex_);
  return !endpoint_lanes_.empty();
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

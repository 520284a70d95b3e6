#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "model/flow.h"
#include "store/store.h"

namespace rhooks::testing {

// Lets so many tasks for a receiver, and of a namespace, be under way, none for endpoints and their
// flows that are closed, and opens lanes when told.
//
// Threads: any.
class CountingGate final : public store::FlowGate {
 public:
  // Where those wait whose receiver has enough.
  enum class Lanes { kOfFlows, kOfNamespaces, kOfAll };

  // Of each namespace for the receiver of that URL. Without a word of it: as many as there are.
  void allow(std::string_view url, std::size_t most) {
    const std::lock_guard lock(mutex_);
    most_for_[model::receiver_hash(url)] = most;
  }
  // Of each namespace for its endpoint of that name, with that flow key or (empty) without one.
  void allow(std::string_view endpoint, std::string_view flow_key, std::size_t most) {
    const std::lock_guard lock(mutex_);
    most_for_[model::flow_hash(endpoint, flow_key)] = most;
  }
  void allow_of(std::string_view ns, std::size_t most) {
    const std::lock_guard lock(mutex_);
    most_of_[model::namespace_hash(ns)] = most;
  }
  void allow_all(std::string_view url) {
    const std::lock_guard lock(mutex_);
    most_for_.erase(model::receiver_hash(url));
  }
  void allow_all() {
    const std::lock_guard lock(mutex_);
    most_for_.clear();
    most_of_.clear();
    closed_.clear();
  }
  // What is for the endpoint waits, whatever its flow key.
  void close(std::string_view ns, std::string_view endpoint) {
    const std::lock_guard lock(mutex_);
    closed_.insert(lane_of(ns, endpoint));
  }
  // Nothing is looked at for that before its lane is opened.
  void reopen(std::string_view ns, std::string_view endpoint) {
    const std::lock_guard lock(mutex_);
    closed_.erase(lane_of(ns, endpoint));
  }
  // The same of one flow of it, by its key; empty: those without one.
  void close_flow(std::string_view ns, std::string_view endpoint, std::string_view flow_key) {
    const std::lock_guard lock(mutex_);
    closed_.insert(lane_of(ns, endpoint, flow_key));
  }
  void reopen_flow(std::string_view ns, std::string_view endpoint, std::string_view flow_key) {
    const std::lock_guard lock(mutex_);
    closed_.erase(lane_of(ns, endpoint, flow_key));
  }
  // Tasks of its flows pass one at a time from now on, in the order of their places.
  void keep_order(std::string_view endpoint) {
    const std::lock_guard lock(mutex_);
    if (ordered_.insert(model::endpoint_hash(endpoint)).second) begin_anew();
  }
  void name(Lanes lanes) {
    const std::lock_guard lock(mutex_);
    lanes_ = lanes;
  }
  void open_all() {
    const std::lock_guard lock(mutex_);
    opened_.assign(waiting_.begin(), waiting_.end());
  }

  // To be called after each claim: what it did not hand out has no place any more.
  void handed_out(const store::ClaimResult& result) {
    const std::lock_guard lock(mutex_);
    for (auto& [flow, count] : counts_) count.given = 0;
    for (const store::Claim& claim : result.claims) ++counts_[model::flow_of(claim.task)].under_way;
  }
  void ended(const store::Claim& claim) {
    const std::lock_guard lock(mutex_);
    --counts_.at(model::flow_of(claim.task)).under_way;
  }
  // The same as soon as one of its flow was refused, and before anything else is asked.
  void end_once_refused(const store::Claim& claim) {
    const std::lock_guard lock(mutex_);
    ending_ = model::flow_of(claim.task);
  }
  void forget_what_is_under_way() {
    const std::lock_guard lock(mutex_);
    counts_.clear();
  }
  std::size_t under_way() const {
    const std::lock_guard lock(mutex_);
    std::size_t sum = 0;
    for (const auto& [flow, count] : counts_) sum += count.under_way;
    return sum;
  }

  std::optional<Refusal> refuse(const store::Flow& flow) override {
    const std::lock_guard lock(mutex_);
    auto refusal = asked(flow);
    if (refusal) {
      waiting_.insert(refusal->lane);
    } else {
      ++counts_[flow].given;
    }
    return refusal;
  }
  bool passes(const store::Flow& flow) const override {
    const std::lock_guard lock(mutex_);
    return !asked(flow);
  }
  bool in_order(const store::Flow& flow) const override {
    const std::lock_guard lock(mutex_);
    return ordered_.contains(flow.endpoint);
  }
  bool closed(const store::Lane& lane) const override {
    const std::lock_guard lock(mutex_);
    return closed_.contains(lane);
  }
  std::optional<store::Lane> next_open() override {
    const std::lock_guard lock(mutex_);
    if (opened_.empty()) return std::nullopt;
    const store::Lane lane = opened_.front();
    opened_.pop_front();
    return lane;
  }
  void looked_through(const store::Lane&) override {}
  void emptied(const store::Lane& lane) override {
    const std::lock_guard lock(mutex_);
    waiting_.erase(lane);
  }
  void empty_all() override {
    const std::lock_guard lock(mutex_);
    waiting_.clear();
    opened_.clear();
  }

 private:
  struct Count {
    std::size_t under_way = 0;
    std::size_t given = 0;  // in the claim under way

    std::size_t all() const { return under_way + given; }
  };

  static store::Lane lane_of(std::string_view ns, std::string_view endpoint) {
    return {model::namespace_hash(ns), model::endpoint_hash(endpoint), true};
  }
  static store::Lane lane_of(std::string_view ns, std::string_view endpoint,
                             std::string_view flow_key) {
    return {model::namespace_hash(ns), model::flow_hash(endpoint, flow_key)};
  }

  std::optional<Refusal> asked(const store::Flow& flow) const {
    auto refusal = why_not(flow);
    if (refusal && ending_ == flow) {
      --counts_.at(flow).under_way;
      ending_.reset();
    }
    return refusal;
  }

  std::optional<Refusal> why_not(const store::Flow& flow) const {
    if (flow.endpoint != 0) {
      const store::Lane lane = store::Lane::of_endpoint_of(flow);
      if (closed_.contains(lane)) return Refusal{lane};
      if (closed_.contains(store::Lane::of(flow))) return Refusal{store::Lane::of(flow)};
    }
    const bool ordered = ordered_.contains(flow.endpoint);
    if (const auto most = most_of_.find(flow.ns); most != most_of_.end()) {
      std::size_t all = 0;
      for (const auto& [other, count] : counts_) all += other.ns == flow.ns ? count.all() : 0;
      if (all >= most->second) {
        if (ordered) return Refusal{store::Lane::of(flow)};
        return Refusal{{flow.ns, 0}, Refusal::kPaused};
      }
    }
    const auto count = counts_.find(flow);
    const std::size_t has = count == counts_.end() ? 0 : count->second.all();
    if (ordered && has > 0) return Refusal{store::Lane::of(flow)};
    const auto most = most_for_.find(flow.receiver);
    if (most == most_for_.end() || has < most->second) return std::nullopt;
    // Others that wait in a lane of many may pass.
    if (ordered || lanes_ == Lanes::kOfFlows) return Refusal{store::Lane::of(flow)};
    const std::uint64_t ns = lanes_ == Lanes::kOfAll ? 0 : flow.ns;
    return Refusal{{ns, 0}, Refusal::kOthersMayPass};
  }

  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::size_t> most_for_;  // by receiver
  std::unordered_map<std::uint64_t, std::size_t> most_of_;   // by namespace
  mutable std::unordered_map<store::Flow, Count, model::HashOfFlow> counts_;
  mutable std::optional<store::Flow> ending_;
  std::unordered_set<std::uint64_t> ordered_;                  // endpoints, by their hashes
  std::unordered_set<store::Lane, store::HashOfLane> closed_;  // of endpoints, and flows of them
  std::unordered_set<store::Lane, store::HashOfLane> waiting_;
  std::deque<store::Lane> opened_;
  Lanes lanes_ = Lanes::kOfFlows;
};

}  // namespace rhooks::testing

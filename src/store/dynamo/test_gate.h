#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>

#include "store/flow_gate.h"

namespace rhooks::store::dynamo {

// Lets so many attempts of each flow be under way; where it is told to, those of flows of endpoints
// are to be in order.
class WindowGate final : public FlowGate {
 public:
  explicit WindowGate(std::size_t window) : window_(window) {}

  void keep_order() {
    ordered_ = true;
    begin_anew();
  }
  void set_window(std::size_t window) { window_ = window; }
  std::size_t asked() const { return asked_; }  // how often
  void done(const Flow& flow) { --flows_.at(flow).under_way; }
  void all_done() {
    for (auto& [flow, state] : flows_) state.under_way = 0;
  }

  std::optional<Refusal> refuse(const Flow& flow) override {
    ++asked_;
    State& state = flows_[flow];
    if (state.under_way < window_) {
      ++state.under_way;
      return std::nullopt;
    }
    state.waits = true;
    return Refusal{Lane::of(flow)};
  }
  bool passes(const Flow& flow) const override {
    const auto it = flows_.find(flow);
    return it == flows_.end() || it->second.under_way < window_;
  }
  bool in_order(const Flow& flow) const override { return ordered_ && flow.endpoint != 0; }
  std::optional<Lane> next_open() override {
    for (auto& [flow, state] : flows_) {
      if (!state.waits || state.under_way >= window_) continue;
      state.waits = false;
      return Lane::of(flow);
    }
    return std::nullopt;
  }
  void looked_through(const Lane&) override {}
  void emptied(const Lane& lane) override { flows_[{lane.ns, lane.receiver}].waits = false; }
  void empty_all() override {
    for (auto& [flow, state] : flows_) state.waits = false;
  }

 private:
  struct State {
    std::size_t under_way = 0;
    bool waits = false;  // and its lane is not open
  };

  std::size_t window_;
  bool ordered_ = false;
  std::size_t asked_ = 0;
  std::unordered_map<Flow, State, model::HashOfFlow> flows_;
};

}  // namespace rhooks::store::dynamo

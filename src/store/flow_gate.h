#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "model/flow.h"

namespace rhooks::store {

using model::Flow;

// Where tasks wait: those of one flow, or those of an endpoint, or (without a receiver) those of a
// namespace that have no such lane, or (without either) those of several namespaces.
struct Lane {
  std::uint64_t ns = 0;
  std::uint64_t receiver = 0;
  bool of_endpoint = false;  // of all flows of the endpoint that `receiver` is

  static Lane of(const Flow& flow) { return {flow.ns, flow.receiver}; }
  // Of a flow that has an endpoint.
  static Lane of_endpoint_of(const Flow& flow) { return {flow.ns, flow.endpoint, true}; }

  bool is_of_flow() const { return receiver != 0 && !of_endpoint; }
  // Whether a task of that flow may wait in it.
  bool may_hold(const Flow& flow) const {
    if (of_endpoint) return flow.ns == ns && flow.endpoint == receiver;
    if (is_of_flow()) return flow == Flow{ns, receiver};
    return ns == 0 || ns == flow.ns;
  }

  friend bool operator==(const Lane&, const Lane&) = default;
};

struct HashOfLane {
  std::size_t operator()(const Lane& lane) const {
    const std::size_t hash = model::HashOfFlow()({lane.ns, lane.receiver});
    return lane.of_endpoint ? ~hash : hash;
  }
};

// The lane in which tasks of the flow queue up before the gate is asked for them, so that they keep
// their order: that of their endpoint, if something waits there, else their own. None: they are
// asked for. `lanes`: by lane what waits; `met_in`: the one in which the task is met, or null.
template <typename Lanes>
std::optional<Lane> queue_of(const Flow& flow, const Lanes& lanes, const Lane* met_in) {
  const Lane own = Lane::of(flow);
  if (met_in && *met_in == own) return std::nullopt;
  if (flow.endpoint != 0) {
    const Lane all = Lane::of_endpoint_of(flow);
    if (!(met_in && *met_in == all) && lanes.contains(all)) return all;
  }
  if (lanes.contains(own)) return own;
  return std::nullopt;
}

// Which of what waits for a gate is left out.
enum class Leave {
  kWaiting,  // all of it
  kClosed,   // what waits in lanes that are closed()
};

// Says which flows may have one more attempt under way. A claim asks it for each task that it would
// lease, while the store is locked: it neither waits nor calls the store.
//
// Who claims through a gate tells it which lanes hold something, and looks into those that the gate
// opens. Nothing of that is stored: a task that waits stands where all due tasks stand.
class FlowGate {
 public:
  FlowGate() : id_(next_id()) {}
  virtual ~FlowGate() = default;
  FlowGate(const FlowGate&) = delete;
  FlowGate& operator=(const FlowGate&) = delete;

  // No other gate of this process has or had it. With another one what waits is asked for anew.
  std::uint64_t id() const { return id_; }

  struct Refusal {
    Lane lane;  // where the task waits from now on
    // What that means for the others in that lane, where it is looked into.
    enum Others {
      kOthersMayPass,
      kPaused,  // none passes now; it is gone on with from this task, once the gate opens it again
      kClosed,  // none passes now
    } others = kClosed;
  };

  // Takes a place for an attempt of the flow, for which a task may be leased; or says why not.
  virtual std::optional<Refusal> refuse(const Flow& flow) = 0;
  // Whether it would pass now. refuse() may say something else in the next moment.
  virtual bool passes(const Flow& flow) const = 0;
  // Whether the tasks of the flow pass one at a time, in the order of their places
  // (model::place_of) and then of their keys: one is then asked for only if none is known before
  // it, be it that others have it under way or change it. Such a flow has no part in a lane of
  // several flows, but in that of its endpoint.
  virtual bool in_order(const Flow&) const { return false; }
  // Whether what waits in that lane waits for somebody, or a time, to open it: no end of an attempt
  // will.
  virtual bool closed(const Lane&) const { return false; }

  // A lane out of which something may pass by now, and which is open from then on: until a refusal
  // says that none of it passes, or one of those below is called.
  // Where several are open, a claim takes one task of each before a second one of any: whoever had
  // a place is then refused after those that had none, and waits behind them.
  virtual std::optional<Lane> next_open() = 0;
  // All of it was looked at. What is left waits on.
  virtual void looked_through(const Lane& lane) = 0;
  // Nothing waits in it.
  virtual void emptied(const Lane& lane) = 0;
  // Nothing waits anywhere: all that is due is asked for anew.
  virtual void empty_all() = 0;

 protected:
  // From the next claim on it is another gate to those who claim.
  void begin_anew() { id_ = next_id(); }

 private:
  static std::uint64_t next_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }

  std::atomic<std::uint64_t> id_;
};

}  // namespace rhooks::store

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/mutex.h"
#include "model/breaker.h"
#include "model/record.h"
#include "store/flow_gate.h"

namespace rhooks::engine {

using store::Flow;
using store::Lane;

// How long an attempt of a flow held its slot, and for what.
enum class FlowEnding {
  kQuick,     // it ended within FlowTable::kQuick, however
  kSlow,      // answered later, whatever the status
  kNoAnswer,  // not answered, and that took longer
  kNotMade,   // tells nothing: not made, or cut off
};

FlowEnding ending_of(const model::AttemptOutcome& outcome);

// Shares the slots of a worker among flows, so that no receiver makes webhooks to others late.
//
//   one more of a flow that    begins while those, with those above, have less than
//   does not answer            a quarter of the slots
//   was not tried yet          a half
//   answers, but slowly        three quarters
//   answers quickly            seven eighths
//
// and in any case while those of its kind have less than a thirty-second; of those that answer
// quickly that is each flow by itself, two slots at least. In the last sixteenth of all slots a
// namespace gets no more once it has an equal share (of those under way or waiting, and one more),
// and in the last thirty-second only its first. So one is left for whoever comes next, unless
// many who answered quickly until just now do not any more. With fewer than kSlotsMin slots nothing
// is shared out: who is due first has them.
//
// A flow has a window besides: 2 attempts at once, 1 more for each that was answered (so it doubles
// with each round of answers), half of it after one that was not. One that does not answer is bound
// by it once those that do not have an eighth of the slots.
//
// Before all that, and however many slots there are, it asks what the endpoint of the flow says
// (flow_limits.cc), in this order:
//
//   unknown, paused,  nothing of the endpoint begins
//   secret
//   retry-after       nothing of it begins before the time for which its receiver asked
//   breaker           nothing of it begins for a time, and then one attempt while none is under way
//   order             of the flow one is under way, and those behind it wait for it
//   concurrency       of the flow no more are under way than that
//   retry             the first of the flow is not ready: see hold()
//   rate              of the flow no more begin than that. The claim counts, when it is over
//
// Where tasks wait: a flow that has been tried has a lane of its own, the others of a namespace
// share one. All that an endpoint holds as a whole waits in one lane, which set_endpoints() opens,
// or what becomes of its breaker; what waits for a limit of its flow has the lane of that in any
// case. So has what is to keep its order, for whatever it waits: in a lane of several flows a later
// one could pass it. What it knows of flows that have nothing under way and nothing waiting is
// bounded (kKnownMax, those of the latest use), and so are the breakers that are not open (for
// those of endpoints that are there they are enough), and how many flows and namespaces have a lane
// (kLanesMax each); those beyond share that of their namespace, or one for all. Flows that wait for
// a limit, or in order, are not bounded, and do not count there: they take some 400 bytes each.
//
// Threads: any. Blocking: never.
class FlowTable final : public store::FlowGate {
 public:
  static constexpr std::size_t kSlotsMin = 8;
  static constexpr std::size_t kKnownMax = 16'384;
  static constexpr std::size_t kLanesMax = 16'384;
  static constexpr std::size_t kWindow = 2;
  static constexpr std::chrono::milliseconds kQuick{1'000};
  static constexpr std::chrono::milliseconds kHoldMax{60'000};

  explicit FlowTable(std::size_t slots);

  std::optional<Refusal> refuse(const Flow& flow) override;
  bool passes(const Flow& flow) const override;
  bool in_order(const Flow& flow) const override;
  bool closed(const Lane& lane) const override;
  std::optional<Lane> next_open() override;
  void looked_through(const Lane& lane) override;
  void emptied(const Lane& lane) override;
  void empty_all() override;

  // A claim begins: to be called before it.
  void claim_begins();
  // A task of the flow was claimed: it keeps a place until done(). One of which no attempt `begins`
  // counts for no rate, and does not try its endpoint.
  void claimed(const Flow& flow, bool begins = true);
  // The claim is over: the places that refuse() gave are free again. To be called after it, and
  // after claimed() for each of its tasks. True: there were such, or a task does not begin, and so
  // another may try its endpoint.
  bool claim_ended();
  // `begun`: as claimed() was told.
  void done(const Flow& flow, FlowEnding ending, bool begun = true);

  // What an attempt of the flow that was sent came to: the breaker of its endpoint learns from it.
  // To be called for each, in the order of their ends, and before done(). `now`: of the clock.
  struct Learnt {
    bool counts = true;  // for its task (model::learn())
    bool opened = false;
    bool closed = false;
    model::Breaker breaker = {};  // as it is then
  };
  Learnt attempted(const Flow& flow, const Task& task, const model::AttemptOutcome& outcome,
                   const model::AttemptRules& rules, TimePoint now, double jitter);
  // What came back to an attempt that is under way. Where it asks for that (model::asked_until()),
  // nothing of its endpoint begins before then, whatever is answered meanwhile, unless it is
  // resumed: of several times the latest holds. `by`: the limits of the endpoint as it was
  // attempted; of another address it says nothing. To be called as soon as it is read. `now`: of
  // the clock. True: nothing was asked for until now. Never fails for want of memory.
  bool answered(const Flow& flow, const model::Limits& by, const model::AttemptOutcome& outcome,
                TimePoint now);
  // Until when that lets nothing of the endpoint of the flow begin, what was claimed before
  // included; none: it does.
  std::optional<TimePoint> asked_to_wait(const Flow& flow, TimePoint now) const;
  // Of how many endpoints something waits for that.
  std::size_t asking_to_wait() const;
  // How many endpoints do not answer, of those whose tasks wait for that or are under way.
  std::size_t open_breakers() const;
  // How many ceased to answer since the last call, and how many are taken for such that do again.
  struct Turned {
    std::size_t opened = 0;
    std::size_t closed = 0;
  };
  Turned take_turned();

  // The time of all that follows, by which rates are kept. To be called before each claim, and
  // after it, before claimed(). One before that of the call before: the clock was set back.
  void at(TimePoint now);
  // When a lane may open by itself, or might have; none: by nothing but an end or a call.
  std::optional<TimePoint> opens_at() const;

  // The first task of the flow was claimed before it is ready, and others wait behind it: none of
  // the flow begins before then, while it is in order. After kHoldMax it is claimed again, in any
  // case: others may have changed it. Nothing is held of what look_again() was called for during
  // the claim.
  void hold(const Flow& flow, TimePoint until);
  // Ends that: what the first task of the flow is may have changed. False: nothing was held.
  bool look_again(const Flow& flow);
  // The same of all flows of a namespace.
  bool look_again_in(std::uint64_t ns);

  // What holds for endpoints from now on: one that is not named is not there, and holds nothing.
  // Before the first call nothing is known of any.
  void set_endpoints(std::span<const model::LimitsOf> all);
  // Whether tasks wait that a change of their endpoint may let pass, or did so.
  bool meets_endpoints() const;
  // Whether it goes by these limits of the flow's endpoint. What holds all of that is left out.
  bool goes_by(const Flow& flow, const model::Limits& limits) const;
  // Which of what its endpoint says lets nothing more of the flow begin; none: nothing of it.
  std::optional<Held> held(const Flow& flow, TimePoint now) const;
  // The same of all flows of the endpoint, where it lacks a secret, does not answer, or asked for
  // that; also where nothing of it is due. No `until`: it is being tried, or by whatever is due
  // next, or the secret is waited for.
  std::optional<Held> untried(const Lane& endpoint, TimePoint now) const;
  // Why something that is due waits, in the order in which it is asked for.
  enum class HeldBy {
    kUnknown,  // its endpoint cannot be read
    kPaused,
    kSecret,
    kRetryAfter,
    kBreaker,
    kOrder,
    kConcurrency,
    kRetry,
    kRate
  };
  // What `held` of tasks and endpoints says of each.
  static constexpr std::array<std::string_view, 9> kHeldBy{"endpoint",    "paused",  "secret",
                                                           "retry-after", "breaker", "order",
                                                           "concurrency", "retry",   "rate"};
  // How many endpoints and flows came to wait since the last call, by that; those of kUnknown are
  // not counted.
  struct HeldCounts : std::array<std::size_t, kHeldBy.size()> {
    std::size_t of(HeldBy by) const { return (*this)[static_cast<std::size_t>(by)]; }
  };
  HeldCounts take_held();

  // Whether next_open() may have something.
  bool any_open() const;

 private:
  // From those that are trusted least on.
  enum class Kind { kFailing, kUntried, kSlow, kQuick };
  static constexpr std::size_t kKinds = 4;

  enum class Wait {
    kNone,
    kWaits,
    kOpen,  // next_open() named it
  };
  template <typename Id>
  struct Waiting {
    Wait wait = Wait::kNone;
    bool to_look_at = false;                               // it stands in to_look_at_
    std::optional<typename std::list<Id>::iterator> turn;  // it waits for others to leave a place
  };
  struct State : Waiting<Flow> {
    bool crowded = false;  // its turn is for a place of its namespace, not for one of its kind
    Kind kind = Kind::kUntried;
    std::size_t window = kWindow;
    std::size_t under_way = 0;
    std::size_t given = 0;                          // of these: by refuse(), in the claim under way
    bool counted = false;                           // its lane is one of lanes_
    std::optional<std::list<Flow>::iterator> idle;  // where it stands in idle_
  };
  // Whose flows share a lane: a namespace, or (as 0) those that have no lane of their own.
  struct Namespace : Waiting<std::uint64_t> {
    std::size_t under_way = 0;
    bool for_untried = false;  // its turn is for a place of those that were not tried, not for one
                               // of its own
    bool paused = false;       // it was being looked into
    // Flows became known, and may have tasks in it: since it was opened, and before, so that it is
    // to be looked through as a whole.
    bool changed = false;
    bool whole = false;
    bool known = false;          // it has tasks that wait for a place of any flow
    bool lacks_untried = false;  // and such that wait for one of those that were not tried
  };
  using Flows = std::unordered_map<Flow, State, model::HashOfFlow>;
  using Namespaces = std::unordered_map<std::uint64_t, Namespace>;
  // By the lanes of the endpoints.
  using LimitsOfEndpoints = std::unordered_map<Lane, model::Limits, store::HashOfLane>;
  using Time = model::Gcra::Time;
  using Openings = std::multimap<Time, Lane>;
  // What is known of a flow by times.
  struct Paced {
    std::optional<Time> tat;  // with a rate
    Time held_until{};        // by hold()
    Time ready_at{};          // when the task is ready for which it is held
  };
  using EndpointLanes = std::unordered_map<Lane, Waiting<Lane>, store::HashOfLane>;
  // What is known of an endpoint.
  struct Tried {
    model::Breaker breaker;
    std::optional<TimePoint> asked_until;  // by answered(); it may have come
    std::uint64_t asked_by = 0;            // model::Limits::address of whoever asked for that
    std::size_t under_way = 0;             // of all of its flows, of what begins
  };
  using TriedEndpoints = std::unordered_map<Lane, Tried, store::HashOfLane>;

  struct Limit {
    HeldBy by;
    std::optional<Time> until;  // none: until somebody acts, or an attempt ends
  };
  // Whether it holds for all flows of an endpoint.
  static bool of_endpoint(HeldBy by) { return by <= HeldBy::kBreaker; }
  std::optional<Held> shown(const std::optional<Limit>& limit, const Lane& endpoint) const
      RHOOKS_REQUIRES(mutex_);

  // A refusal is remembered.
  std::optional<Refusal> why_not(const Flow& flow) RHOOKS_REQUIRES(mutex_);
  // Null: there are none.
  const model::Limits* limits_of(const Lane& endpoint) const RHOOKS_REQUIRES(mutex_);
  bool is_ordered(const Lane& endpoint) const RHOOKS_REQUIRES(mutex_);
  bool is_ordered(const Flow& flow) const RHOOKS_REQUIRES(mutex_);
  // What cannot be read keeps its order.
  void keep_order_of_unknown(LimitsOfEndpoints& limits) const RHOOKS_REQUIRES(mutex_);
  // Whether these order an endpoint that was not ordered so far, and of which something waits.
  bool order_what_waits(const LimitsOfEndpoints& limits) const RHOOKS_REQUIRES(mutex_);
  bool may_wait(const Lane& endpoint) const RHOOKS_REQUIRES(mutex_);
  bool is_in_use(std::uint64_t shared_lane) const RHOOKS_REQUIRES(mutex_);
  std::size_t under_way_of(const Flow& flow) const RHOOKS_REQUIRES(mutex_);
  // Which of them lets no more of the flow, or of the endpoint, begin; it alone decides about that.
  std::optional<Limit> limited(const Flow& flow, Time now) const RHOOKS_REQUIRES(mutex_);
  std::optional<Limit> limited(const Lane& endpoint, Time now) const RHOOKS_REQUIRES(mutex_);
  std::optional<Limit> limited_by_rate(const Flow& flow, const model::Gcra& rate, Time now) const
      RHOOKS_REQUIRES(mutex_);
  // Whether what waits for a limit of the flow waits on.
  bool still_limited(const Flow& flow) RHOOKS_REQUIRES(mutex_);
  std::optional<Refusal> refuse_limited(const Flow& flow) RHOOKS_REQUIRES(mutex_);
  void count_held(HeldBy by, Wait before) RHOOKS_REQUIRES(mutex_);
  Time tat_of(const Flow& flow, const model::Gcra& rate) const RHOOKS_REQUIRES(mutex_);
  Paced& pace(const Flow& flow) RHOOKS_REQUIRES(mutex_);
  bool end_hold(const Flow& flow, Paced& paced) RHOOKS_REQUIRES(mutex_);
  void take_token(const Flow& flow) RHOOKS_REQUIRES(mutex_);
  void open_later(const Lane& lane, const Limit& limit) RHOOKS_REQUIRES(mutex_);
  void open_never(const Lane& lane) RHOOKS_REQUIRES(mutex_);
  void look_at_openings() RHOOKS_REQUIRES(mutex_);
  void forget_openings() RHOOKS_REQUIRES(mutex_);
  void look_at_lane(const Lane& lane) RHOOKS_REQUIRES(mutex_);
  void set_back(std::chrono::microseconds by) RHOOKS_REQUIRES(mutex_);
  void forget_what_is_past() RHOOKS_REQUIRES(mutex_);
  void fit_paces() RHOOKS_REQUIRES(mutex_);
  Tried& tried(const Lane& endpoint) RHOOKS_REQUIRES(mutex_);
  bool free_place_of_endpoint(const Lane& endpoint) RHOOKS_REQUIRES(mutex_);
  void close(const Lane& endpoint, model::Breaker& breaker) RHOOKS_REQUIRES(mutex_);
  void note_closed(const Lane& endpoint) RHOOKS_REQUIRES(mutex_);
  void begin_windows_anew(const Lane& endpoint) RHOOKS_REQUIRES(mutex_);
  void end_asking_if_over(const Lane& endpoint) RHOOKS_REQUIRES(mutex_);
  void end_asking(const Lane& endpoint, Tried& one) RHOOKS_REQUIRES(mutex_);
  // Until when nothing is to come; none: that is over, or nobody asked.
  std::optional<TimePoint> asked_until(const Lane& endpoint, Time now) const
      RHOOKS_REQUIRES(mutex_);
  void fit_breakers(const LimitsOfEndpoints& before) RHOOKS_REQUIRES(mutex_);
  void forget_closed_breakers() RHOOKS_REQUIRES(mutex_);
  bool full_for(std::uint64_t ns) const RHOOKS_REQUIRES(mutex_);
  // Whether one more of that kind may be under way, where its flow has so many.
  bool has_room(Kind kind, std::size_t of_flow) const RHOOKS_REQUIRES(mutex_);
  bool window_full(const State& state) const RHOOKS_REQUIRES(mutex_);
  enum class Lacks { kPlaceOfUntried, kPlaceOfNamespace, kLane };
  Refusal refuse_shared(std::uint64_t ns, Lacks lacks) RHOOKS_REQUIRES(mutex_);
  Refusal refuse_flow(Flows::iterator flow, bool for_its_kind) RHOOKS_REQUIRES(mutex_);
  Refusal wait_in_own_lane(Flows::iterator flow) RHOOKS_REQUIRES(mutex_);
  State& take_place(const Flow& flow) RHOOKS_REQUIRES(mutex_);
  void free_place(const Flow& flow, FlowEnding ending, bool begun = true) RHOOKS_REQUIRES(mutex_);
  void learn(Flows::iterator flow, FlowEnding ending) RHOOKS_REQUIRES(mutex_);
  template <typename Id>
  void look_at(Waiting<Id>& waiting, const Lane& lane) RHOOKS_REQUIRES(mutex_);
  void queue(Flows::iterator flow, bool crowded = false) RHOOKS_REQUIRES(mutex_);
  void wait_in_turn(Namespaces::iterator ns, bool for_untried) RHOOKS_REQUIRES(mutex_);
  void leave_turn(State& state) RHOOKS_REQUIRES(mutex_);
  void leave_turn(Namespace& ns) RHOOKS_REQUIRES(mutex_);
  bool open_flow(const Flow& flow, bool in_turn) RHOOKS_REQUIRES(mutex_);
  bool goes_behind_others(const State& state) const RHOOKS_REQUIRES(mutex_);
  bool open_namespace(std::uint64_t hash) RHOOKS_REQUIRES(mutex_);
  bool open_endpoint(const Lane& lane) RHOOKS_REQUIRES(mutex_);
  bool open(const Lane& lane) RHOOKS_REQUIRES(mutex_);
  std::optional<Lane> open_asked_for() RHOOKS_REQUIRES(mutex_);
  std::optional<Lane> open_in_turn() RHOOKS_REQUIRES(mutex_);
  std::optional<Lane> open_in_turn(std::list<std::uint64_t>& turns) RHOOKS_REQUIRES(mutex_);
  std::optional<Lane> open_crowded() RHOOKS_REQUIRES(mutex_);
  std::optional<Lane> open_crowded_of(std::uint64_t ns) RHOOKS_REQUIRES(mutex_);
  std::list<Flow>& turns_of(std::uint64_t ns, const State& state) RHOOKS_REQUIRES(mutex_) {
    return state.crowded ? crowded_[ns] : turns_[static_cast<std::size_t>(state.kind)];
  }
  std::list<std::uint64_t>& turns_of(const Namespace& ns) RHOOKS_REQUIRES(mutex_) {
    return ns.for_untried ? untried_turns_ : namespace_turns_;
  }
  void empty(Namespaces::iterator ns) RHOOKS_REQUIRES(mutex_);
  void leave_idle(State& state) RHOOKS_REQUIRES(mutex_);
  void forget_if_idle(Flows::iterator flow) RHOOKS_REQUIRES(mutex_);
  void forget_if_unused(Namespaces::iterator ns) RHOOKS_REQUIRES(mutex_);

  const std::size_t slots_;
  const std::size_t of_flows_;       // beyond it, a flow has no more than its part
  const std::size_t of_namespaces_;  // beyond it, a namespace has no more than its share
  const std::array<std::size_t, kKinds> of_kind_;  // of a kind and those that are trusted less
  const std::size_t floor_;           // of a kind, but of those that answer quickly, in any case
  const std::size_t of_last_eighth_;  // of a flow that answers quickly
  const std::size_t beyond_windows_;  // of those that do not answer

  mutable Mutex mutex_;
  Flows flows_ RHOOKS_GUARDED_BY(mutex_);
  Namespaces namespaces_ RHOOKS_GUARDED_BY(mutex_);
  std::optional<LimitsOfEndpoints> limits_ RHOOKS_GUARDED_BY(mutex_);  // none: nothing is known
  EndpointLanes endpoint_lanes_ RHOOKS_GUARDED_BY(mutex_);             // in which something waits
  // That have attempts under way, or had, and so may be of use.
  TriedEndpoints tried_ RHOOKS_GUARDED_BY(mutex_);
  std::size_t tried_max_ RHOOKS_GUARDED_BY(mutex_) = kKnownMax;
  std::unordered_set<Lane, store::HashOfLane> open_breakers_ RHOOKS_GUARDED_BY(mutex_);
  // With an asked_until. One may lack for want of memory: it is not counted then.
  std::unordered_set<Lane, store::HashOfLane> asking_ RHOOKS_GUARDED_BY(mutex_);
  Turned turned_ RHOOKS_GUARDED_BY(mutex_);
  HeldCounts held_ RHOOKS_GUARDED_BY(mutex_){};
  Time now_ RHOOKS_GUARDED_BY(mutex_){};
  // The first at(): what began before it is not known, but that it did.
  std::optional<Time> began_ RHOOKS_GUARDED_BY(mutex_);
  // Of flows with a rate that are not at rest, or that are held, and some others.
  std::unordered_map<Flow, Paced, model::HashOfFlow> paced_ RHOOKS_GUARDED_BY(mutex_);
  std::size_t paced_max_ RHOOKS_GUARDED_BY(mutex_) = kKnownMax;
  // What look_again() was called for during the claim under way; all of a namespace as one that has
  // no receiver. None: there is no claim.
  std::optional<std::unordered_set<Flow, model::HashOfFlow>> looked_again_
      RHOOKS_GUARDED_BY(mutex_);
  // When lanes that wait for a time may go on, and where each stands there.
  Openings openings_ RHOOKS_GUARDED_BY(mutex_);
  std::unordered_map<Lane, Openings::iterator, store::HashOfLane> opens_ RHOOKS_GUARDED_BY(mutex_);
  std::array<std::size_t, kKinds> under_way_ RHOOKS_GUARDED_BY(mutex_){};
  std::size_t all_under_way_ RHOOKS_GUARDED_BY(mutex_) = 0;
  std::vector<Flow> given_ RHOOKS_GUARDED_BY(mutex_);  // by refuse(), in the claim under way
  // Of what that claim brought something does not begin, so that another may try its endpoint.
  bool another_may_try_ RHOOKS_GUARDED_BY(mutex_) = false;
  std::size_t lanes_ RHOOKS_GUARDED_BY(mutex_) = 0;               // of flows, but for a limit
  std::size_t lanes_of_endpoints_ RHOOKS_GUARDED_BY(mutex_) = 0;  // of flows that have one
  std::size_t shared_lanes_ RHOOKS_GUARDED_BY(mutex_) = 0;
  bool look_at_all_ RHOOKS_GUARDED_BY(mutex_) = false;     // there was no memory to say what
  std::deque<Lane> to_look_at_ RHOOKS_GUARDED_BY(mutex_);  // may have a place of their own
  std::array<std::list<Flow>, kKinds> turns_ RHOOKS_GUARDED_BY(mutex_);
  // By namespaces, for a place of theirs; and the one whose turn was last.
  std::map<std::uint64_t, std::list<Flow>> crowded_ RHOOKS_GUARDED_BY(mutex_);
  std::uint64_t last_crowded_ RHOOKS_GUARDED_BY(mutex_) = 0;
  // Shared lanes, for a place of those that were not tried, and for one of their namespace.
  std::list<std::uint64_t> untried_turns_ RHOOKS_GUARDED_BY(mutex_);
  std::list<std::uint64_t> namespace_turns_ RHOOKS_GUARDED_BY(mutex_);
  std::list<Flow> idle_ RHOOKS_GUARDED_BY(mutex_);  // the latest last
  int first_ RHOOKS_GUARDED_BY(mutex_) = 0;         // of what next_open() tried last
};

template <typename Id>
void FlowTable::look_at(Waiting<Id>& waiting, const Lane& lane) {
  if (waiting.wait != Wait::kWaits || waiting.to_look_at) return;
  try {
    to_look_at_.push_back(lane);
    waiting.to_look_at = true;
  } catch (const std::bad_alloc&) {  // an outcome was stored: that must not fail
    look_at_all_ = true;
  }
}

}  // namespace rhooks::engine

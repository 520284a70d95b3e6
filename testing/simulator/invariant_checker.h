#pragma once

#include <rhooks/endpoint.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/transitions.h"
#include "store/store.h"
#include "testing/simulator/store_observer.h"
#include "testing/simulator/timeline.h"

namespace rhooks::simulator {

// One start of one node, until it stops or crashes.
using Incarnation = int;
using AttemptNumber = std::size_t;

// What is true in the simulated world. It hears of everything that stores, workers, receivers
// and users do, keeps what follows from it by rules of its own, and reports what must not be:
// docs/reliability.md lists these invariants. Of production's rules it takes only when a task is
// due and how long an interval is. invariant_checker.cc is what it hears while all goes on,
// invariant_checker_end.cc what it checks afterwards.
//
// Threads: one.
class InvariantChecker final : public StoreObserver {
 public:
  InvariantChecker(Timeline& timeline, int max_errors)
      : timeline_(timeline), max_errors_(max_errors) {}

  // The store.
  void put(const Task& task) override;
  void claimed(const model::Lease& lease, const Task& task, TimePoint now) override;
  void released(const model::Lease& lease) override;
  void committed(const TaskKey& key, const model::LeaseToken& token, const Task& after) override;
  void logged(const Log& log) override;
  void edited(const Task& after) override;
  void removed(const TaskKey& key) override;
  void ended_early(const model::Lease& lease) override;
  void goes_on(const TaskKey& key) override;
  void leases_ended() override;

  // The workers: what they were told.
  struct Claims {
    bool see_all = true;  // that was stored before
    std::chrono::seconds within{2};
    bool alone = false;     // nobody else has the store open
    bool in_order = false;  // with all others that have it it keeps the order of flows
  };
  // `slots`: that it shares out among receivers; 0: whoever is due first has them.
  void begins(Incarnation incarnation, std::size_t slots, Claims claims);
  // `begun`: when it began to claim.
  void holds(Incarnation incarnation, const model::Lease& lease, const Task& task, Moment begun);
  // After holds() for each of its tasks.
  void claim_ended(Incarnation incarnation, const store::ClaimRequest& request,
                   const store::ClaimResult& result);
  void settled(Incarnation incarnation, const model::LeaseToken& token);   // its outcome is stored
  void returned(Incarnation incarnation, const model::LeaseToken& token);  // unused, or given up
  void lost(Incarnation incarnation, const model::LeaseToken& token);      // the store said so
  void stopping(Incarnation incarnation);
  void resumed(Incarnation incarnation);  // stopped, and started again
  void frozen(Incarnation incarnation, Moment until);
  void ended(Incarnation incarnation, bool crashed);  // it holds nothing any more
  std::size_t held_by(Incarnation incarnation) const;

  // The requests. `at` is by the worker's clock.
  // The task that tells of this event of an execution, as its request names them; "nobody": none.
  TaskKey teller(const std::string& ns, const std::string& webhook_id, const std::string& event,
                 TimePoint at) const;
  // `longest`: what it may take.
  AttemptNumber started(Incarnation incarnation, const TaskKey& key, const std::string& webhook_id,
                        TimePoint at, std::chrono::milliseconds longest);
  struct Answer {
    bool ok = false;
    bool cancelled = false;  // by a stop of the worker
    int status = 0;          // of the response; 0: there is none
    Duration took{0};
    TimePoint ended_at{};  // by the worker's clock
    TimePoint read_at{};   // likewise
    std::chrono::milliseconds retry_after{0};
  };
  void answered(AttemptNumber attempt, const Answer& answer);
  void received(AttemptNumber attempt);

  // The users. Each has namespaces of its own, so nobody else changes what is acknowledged.
  void acknowledged_put(const Task& task);
  void will_remove(const TaskKey& key);  // before it asks
  void acknowledged_remove(const TaskKey& key);
  void acknowledged_status(const TaskKey& key, Status status);
  void will_run_now(const TaskKey& key);  // before it asks
  void will_cancel(const TaskKey& key);   // before it asks
  void will_clear(const std::string& ns);
  // Endpoints: before they ask, and once that was answered without an error.
  void will_put_endpoint(const Endpoint& endpoint);
  void acknowledged_endpoint(const Endpoint& endpoint);
  void will_pause(const std::string& ns, const std::string& name);
  void acknowledged_pause(const std::string& ns, const std::string& name);
  void will_resume(const std::string& ns, const std::string& name);
  void acknowledged_resume(const std::string& ns, const std::string& name);
  void will_redrive(const std::string& ns);  // before it asks
  // A redrive has ended, and tells that it ran so many tasks again.
  void redriven(const std::string& ns, std::int64_t tasks);

  // A trigger() of a worker has to attempt what is due by the worker's clock when it is called.
  struct Due {
    TaskKey key;
    Moment put_at{};
    Moment asked_at{};
    std::uint64_t changes = 0;
    std::uint64_t claims = 0;
  };
  // `alone`: the store is this worker's alone. If not, others may hold leases, and what they claim
  // is their business.
  std::vector<Due> due_by(TimePoint now, bool alone) const;
  // It came back without an error, and has attempted all of that.
  void triggered(Incarnation incarnation, const std::vector<Due>& due, bool alone);

  // How long tasks are kept once they are DONE or FAILED; 0: for ever.
  void ends_expire_after(std::chrono::seconds ttl) { ended_ttl_ = ttl; }

  // A clock was set, or ran wrong, by more than leases have to spare: a worker may begin what
  // another has taken over. It stays at least once, but not more than that.
  void clocks_went_wrong() { clocks_wrong_ = true; }
  // The clock of some server was set, by however much.
  void clock_was_set() { clock_set_at_ = timeline_.now(); }

  // From then on nothing fails or stalls, but for what was frozen.
  void calm_from(Moment moment) { calm_from_ = moment; }

  // Tasks of the namespace that are paused, since so many executions failed.
  std::vector<TaskKey> paused(const std::string& ns) const;
  // Tasks that have not come to an end: neither DONE nor FAILED.
  std::vector<TaskKey> unfinished() const;
  // What was to be stored with the end of an execution, and is not there yet.
  std::vector<TaskKey> untold() const;
  // After all has come to an end. What the store holds is what it should.
  void check_end(store::Store& store, TimePoint now);

  std::size_t tasks() const { return acknowledged_.size(); }
  std::size_t attempts() const { return attempts_.size(); }
  std::size_t repeats() const { return repeats_; }  // known after check_end()
  std::size_t lost_tasks() const { return lost_; }
  // How much of what is rare there was.
  struct Rare {
    std::size_t cancelled = 0;    // attempts, by a stop
    std::size_t skipped = 0;      // occurrences
    std::size_t passed_over = 0;  // claims for which all that was due was too late
    std::size_t overlapped = 0;   // occurrences that were skipped since an earlier one was not over
    std::size_t paused_itself = 0;  // tasks, after so many failures
    std::size_t cut = 0;            // retries that would have come after the next occurrence
    std::size_t leases_lost = 0;    // that a worker was told of
    std::size_t taken_over = 0;     // leases, before their end
    std::size_t unsent = 0;         // claims that were given back
    std::size_t anew = 0;           // registrations of an id that had been deleted
    std::size_t extra = 0;          // occurrences that "run now" added to a series
    std::size_t triggers = 0;       // of all that was due, without an error
    std::size_t waited = 0;         // claims that left something for which there was no share
    std::size_t paused = 0;         // endpoints
    std::size_t called_off = 0;     // tasks that were cancelled while they were attempted
    std::size_t expired = 0;        // tasks for which it was too late
    std::size_t limited = 0;        // attempts that were held to limits of their endpoint
    std::size_t redriven = 0;       // tasks, as redrives tell
    std::size_t told = 0;           // ends of executions, by callbacks
    std::size_t events = 0;         // of endpoints that were told
    std::size_t uncounted = 0;      // attempts that did not count, since nobody was answered
    std::size_t probes = 0;         // of endpoints that did not answer, held to their times
    std::size_t asked = 0;          // attempts at endpoints whose receiver had asked to wait
    std::size_t ordered = 0;        // of flows in order, with others behind them
  };
  const Rare& rare() const { return rare_; }

 private:
  using Flow =
      std::pair<std::string, std::string>;  // namespace; scheme and host, or endpoint and key

  struct Entry {
    Task task;  // as stored
    Flow flow;
    Moment put_at{};
    Moment free_since{};   // registered, changed, or let go by a worker: a claim could have it
    Moment waits_since{};  // when the latest claim could first have had it
    Moment placed_at{};    // when it came to where it stands among what is due
    std::optional<Moment> known_at;  // when somebody was told so, since it changed last
    TimePoint claimed_at{};          // by the clock of the latest claim
    // Nominal time of its first occurrence; after a "run now" that gave it one more, the time
    // that leads to that one by the same rule.
    TimePoint first_date{};
    // The same of a task with a schedule, among all of its times: how many are before that one.
    std::int64_t times_before = 0;
    std::vector<TimePoint> times;  // of its schedule, by the slow definition
    TimePoint times_until{};       // as far as they are known
    std::uint64_t changes = 0;     // by outcomes and edits
    std::uint64_t claims = 0;
    std::optional<model::Lease> lease;    // the latest claim that nothing has ended
    std::optional<TimePoint> not_before;  // of a retry
    std::optional<std::string> retried;   // the webhook-id of the occurrence that is retried
    std::optional<Moment> cancelled_at;
    bool extra = false;       // the current occurrence is one that "run now" added to a series
    std::int64_t extras = 0;  // how many of those have been executed
    model::LeaseToken last_committed{};
  };
  // Of a task, as it was claimed.
  struct Retried {
    std::string endpoint;
    int attempt = 0;
    int limit = 0;
    std::optional<TimePoint> before;  // when the attempt before it began
  };
  struct Attempt {
    TaskKey key;
    Flow flow;
    Retried task;
    Moment claimed_from{};
    std::string webhook_id;
    Incarnation incarnation = 0;
    model::LeaseToken token{};
    TimePoint started_at{};
    std::optional<Answer> answer;
    bool received = false;
    bool logged = false;
    bool committed = false;
    bool lease_lost = false;
    std::optional<bool> counts;   // for its task, by how it was answered; none: not known
    bool turned = false;          // its end changed whether its endpoint is tried
    bool given_up = false;        // its outcome, by a worker that was stopped
    bool at_crash = false;        // its worker crashed before it knew the outcome to be stored
    bool stale = false;           // sent under a lease that was over by a wrong clock
    std::optional<bool> ordered;  // its endpoint was, if that is known
    std::optional<Skipped> skipped_before;  // as its log tells
  };
  struct EndpointState;
  struct Held {
    model::Lease lease;
    Flow flow;
    bool begun = false;
    bool paused = false;                      // its endpoint was when it was claimed
    const EndpointState* endpoint = nullptr;  // if it has one
    Moment claimed_from{};                    // when that claim began
    Retried task;
  };
  // Whether an endpoint answers, as an incarnation has to see it.
  struct Breaker {
    bool known = true;  // nothing else than ends of attempts may have changed it since it was
    int failures = 0;   // in a row
    int openings = 0;   // in a row, at least
    std::optional<TimePoint> opens;        // it is open; no probe before, by the worker's clock
    model::LeaseToken opened_by{};         // the first time
    std::optional<Moment> holds_from;      // that is settled; what is claimed later goes by it
    std::optional<TimePoint> answered_at;  // the latest answer, by the worker's clock
    std::size_t in_flight = 0;             // of the endpoint
    std::size_t turning = 0;               // ends that changed it and are not settled
    Moment turned_at = Moment::min();
  };
  // What a receiver asked for, of all that this incarnation sends to its endpoint.
  struct Asked {
    TimePoint until{};                   // by the worker's clock
    Moment answered_at = Moment::min();  // the latest of such answers
    Moment over_at = Moment::min();      // nothing waits for it any more
  };
  // Of each flow of an endpoint.
  struct Limits {
    std::size_t concurrency = 0;  // 0: any number
    int burst = 0;                // that may begin at once,
    Duration interval{0};         // and one more each; 0: any number
    bool ordered = false;

    bool any() const { return concurrency > 0 || interval.count() > 0; }
  };
  // As users know it.
  struct EndpointState {
    std::optional<Limits> limits;  // acknowledged, and not asked to be changed since
    Moment limits_at = Moment::min();
    bool limited = false;               // it has limits, or may have
    Moment changed_at = Moment::min();  // or asked to be
    bool paused = false;                // or may be
    std::optional<Moment> paused_at;    // acknowledged, and not asked to be resumed since
    bool was_paused = false;            // at some time
    std::string url;                    // of the latest put that was asked for
    bool was_moved = false;             // one led elsewhere than those before
    int unanswered = 0;                 // pauses and resumes, which may yet come to be
  };
  // What an incarnation has seen of a flow.
  struct Seen {
    std::size_t in_flight = 0;
    std::size_t ended = 0;  // attempts, but for those that were cut off
    bool responds = false;  // one of them was answered, or ended quickly
    bool quick = false;     // the latest of which the outcome is settled ended quickly
    Moment let_go_at{};     // when it held a lease last
  };
  struct IncarnationState {
    std::size_t slots = 0;  // see begins()
    Claims claims;
    Moment began{};
    bool stopping = false;
    Moment works_since{};
    Moment room_since{};                // half of the slots are free, if they are
    Moment saw_all_at = Moment::min();  // when a claim last found nothing more to claim
    std::vector<Held> held;
    std::map<Flow, Seen> seen;
    std::map<std::pair<std::string, std::string>, Breaker> breakers;  // by namespace, endpoint
    std::map<std::pair<std::string, std::string>, Asked> asked;       // likewise

    bool crowded() const { return 2 * held.size() > slots; }
    // Whether more for the flow is to be claimed at once, while half of the slots are free.
    bool has_share_for(const Flow& flow, Moment since) const;
  };

  // What tells of the end of an execution.
  struct Told {
    std::string to;
    TimePoint at{};
    std::string webhook_id;  // of the execution
    std::string event;
    bool stored = false;
  };

  void violation(const TaskKey& key, const std::string& what);
  Entry* find(const TaskKey& key);
  Attempt* attempt_of(const model::LeaseToken& token);
  static Flow flow_of(const Task& task);
  void set_free(Entry& entry);
  void change(Entry& entry, const Task& after);
  EndpointState& will_change(const std::string& ns, const std::string& name);
  const EndpointState* endpoint_of(const Task& task) const;
  bool is_paused(const IncarnationState& state, const Task& task, Moment begun) const;
  bool may_be_held(const IncarnationState& state, const Task& task, Moment since) const;
  bool may_be_open(const IncarnationState& state, const Task& task, Moment since) const;
  bool may_be_asked_to_wait(const IncarnationState& state, const Task& task, Moment since) const;
  bool is_known(const IncarnationState& state, const TaskKey& key, const std::string& endpoint,
                const Breaker& breaker) const;
  void learn(IncarnationState& state, Attempt& attempt);
  std::optional<bool> counts(const IncarnationState& state, const Attempt& attempt,
                             const Breaker& breaker) const;
  void open(Breaker& breaker, const Attempt& attempt);
  void check_probe(const TaskKey& key, Incarnation incarnation, const Held& claim, TimePoint at);
  void settle_breaker(IncarnationState& state, Attempt& attempt);
  void heed(IncarnationState& state, const Attempt& attempt);
  void check_asked(const IncarnationState& state, const TaskKey& key, const Held& claim,
                   TimePoint at);
  void forget_breakers(const std::string& ns, const std::string& name);
  bool take_uncounted(const TaskKey& key, Entry& entry, const Task& after, const Attempt& attempt);
  void check_place(const TaskKey& key, const Task& after, const Attempt& attempt, bool retry);
  static Limits limits_of(const Endpoint& endpoint);
  bool limits_hold(const IncarnationState& state, const Held& claim) const;
  bool order_holds(const IncarnationState& state, const Held& claim) const;
  void check_order(const Entry& sent, const IncarnationState& state, Moment claimed_from);
  void check_limits(const TaskKey& key, Incarnation incarnation, const Held& claim,
                    std::size_t at_once);
  void check_rate(const TaskKey& key, Incarnation incarnation, const Held& claim);
  void check_shares(const TaskKey& key, const IncarnationState& state, const Seen& seen);
  void check_late(const IncarnationState& state, const model::Lease& lease, const Flow& flow);
  void take_outcome(const TaskKey& key, Entry& entry, const Task& after, Attempt& attempt);
  void check_too_late(const TaskKey& key, const Entry& entry, const Task& after);
  void check_step(const TaskKey& key, Entry& before, const Task& after, const Attempt& attempt);
  void check_expiry(const TaskKey& key, const Task& after);
  std::optional<TimePoint> nth_time(Entry& entry, std::int64_t n, TimePoint seen);
  std::optional<TimePoint> nominal_after(Entry& entry, std::int64_t passed, TimePoint seen);
  void check_goes_on(Entry& entry, const Task& after, std::int64_t passed, Task& same);
  void check_skipped(const TaskKey& key, Entry& before, const Task& after, const Attempt& attempt);
  bool failed_too_often(const Task& before, const Task& after) const;
  std::int64_t overlapped(Entry& entry, const Task& after, std::int64_t next);
  std::optional<TimePoint> cut_at(Entry& entry, const Task& after);
  void check_passed_over(const TaskKey& key, Entry& entry, const Task& after);
  std::int64_t latest_due(Entry& entry, std::int64_t current, TimePoint at);
  std::optional<std::int64_t> choice(Entry& entry, std::int64_t current, TimePoint at);
  void check_occurrences(const TaskKey& key, Entry& entry, const Task& after, std::string_view why);
  bool leaves_place(const Entry& entry, const Task& after);
  void check_run_now(const TaskKey& key, Entry& entry, const Task& after);
  void check_cancel(const TaskKey& key, Entry& entry, const Task& after, Task& same);
  void expect_told(const Task& before, const Task& after, const Attempt* attempt);
  void check_telling(const Task& task);
  void check_event(const Task& task);
  void check_tasks(store::Store& store, TimePoint now);
  void check_namespaces(store::Store& store, TimePoint now);
  void check_logs(store::Store& store, TimePoint now);
  void check_repeats();

  Timeline& timeline_;
  const int max_errors_;
  std::chrono::seconds ended_ttl_{0};
  bool clocks_wrong_ = false;
  Moment clock_set_at_ = Moment::min();
  std::optional<Moment> calm_from_;
  std::map<TaskKey, Entry> entries_;
  std::set<TaskKey> acknowledged_;  // and not deleted since
  std::set<TaskKey> removed_;
  std::map<model::LeaseToken, Moment> claimed_at_;
  std::set<TaskKey> asked_to_run_;                      // at some time
  std::set<TaskKey> asked_to_cancel_;                   // likewise
  std::set<TaskKey> timely_;                            // that had a deliver_before
  std::set<std::pair<TaskKey, TimePoint>> unsent_;      // logs without a request
  std::map<TaskKey, std::map<std::string, Log>> logs_;  // by id
  std::set<std::string> cleared_;                       // namespaces whose logs may be gone
  std::map<TaskKey, Told> told_;                        // that is, or was, to be stored
  // Of namespaces that had a redrive: tasks that were run again or registered anew since the first.
  std::map<std::string, std::int64_t> run_again_;
  std::vector<Attempt> attempts_;
  std::map<Incarnation, IncarnationState> incarnations_;
  std::map<std::pair<std::string, std::string>, EndpointState> endpoints_;  // by namespace, name
  // Of a flow with a rate how far those that began reach, at an interval each; by whom, or 0 where
  // only one at a time has the store.
  struct Paced {
    Moment from{};  // those of claims that began later
    Moment reach{};
  };
  std::map<std::pair<Incarnation, Flow>, Paced> paced_;
  Rare rare_;
  std::size_t repeats_ = 0;
  std::size_t lost_ = 0;
};

}  // namespace rhooks::simulator

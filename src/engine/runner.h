#pragma once

#include <rhooks/hooks_api.h>
#include <rhooks/result.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "engine/pipeline.h"
#include "engine/runtime.h"
#include "engine/triggers.h"
#include "engine/waker.h"

namespace rhooks::engine {

struct RunnerOptions : PipelineOptions {
  std::chrono::milliseconds drain_timeout{25'000};
  // After the drain, outcomes get so long to be stored.
  std::chrono::milliseconds store_timeout{5'000};
  // Safety net only: tasks of this process are known at once, and next_due tells the rest.
  std::chrono::milliseconds poll_interval{500};
};

// Drives the three stages of a pipeline with one thread each: all the time between start() and
// stop(), or as long as a trigger() needs.
//
// Threads: every method may be called from any thread. Blocking: trigger() and stop().
class Runner {
 public:
  Runner(store::Store& store, store::Endpoints& endpoints, secrets::Secrets& secrets,
         delivery::Sender& sender, Metrics& metrics, const Clock& clock, Random& random,
         RunnerOptions options, Runtime& runtime = thread_runtime());
  // Stops, where there is still something to stop.
  ~Runner();

  // Idempotent. Waits for a stop() that is under way.
  void start();

  // Claims no more, waits for what is in flight until drain_timeout, cuts off the rest, stores
  // outcomes and gives unsent leases back. Triggers under way end with kUnavailable.
  void stop();
  // Makes a drain that is under way, or the next one, end at once. From any thread.
  void stop_now();

  // See Hooks::trigger. While a stop() is under way: kUnavailable.
  Result<TriggerResult> trigger(const std::function<void(const TriggerResult&)>& progress);

  // A task was stored that is due then.
  void notify(TimePoint due_at) { claimer_waker_.notify_at(due_at); }

  // A task was changed or removed, or one came that goes before others of its flow: if they waited
  // for the first of them, that may be another one now.
  void look_again(const Task& task);
  // The same of all tasks of a namespace.
  void look_again_in(const std::string& ns);

  // Endpoints or secrets were changed: from the return on no claim is let through against what is
  // known of them, and what may pass by now is claimed.
  void endpoints_changed();

  // Why a task that is due waits for its endpoint, as far as this process knows; none: it does not.
  // Waits for the store where endpoints have to be read.
  std::optional<Held> held(const Task& task);
  // The same of an endpoint, where it lacks a secret or does not answer. Waits for nothing.
  std::optional<Held> held(const Endpoint& endpoint) const;

  // Whether anything may wait for its endpoint, as far as claims have met it. Waits for nothing.
  bool any_held() const { return pipeline_.slots.flows().meets_endpoints(); }

  // Nothing that was claimed is on its way, but for what a claim has just brought while its
  // endpoint is read: that has no slot yet.
  bool idle() const { return pipeline_.slots.free() == pipeline_.slots.capacity(); }

 private:
  // How far a run of the threads has come. Each begins at kStopped, goes through all, and ends
  // there.
  enum class RunState {
    kStopped,
    kRunning,
    kStopping,  // claims no more, and ends when what is on the way is done
    kClaimerEnded,
    kDispatcherEnded,
  };
  // What the claimer is to claim.
  struct Wanted : Triggers::Wanted {
    bool started = false;
  };

  void claim_loop();
  void dispatch_loop();
  void commit_loop();

  bool learn_endpoints();
  void pause(std::chrono::milliseconds time);

  void launch() RHOOKS_REQUIRES(mutex_);
  // Not analysed, since it releases meanwhile a lock that is its caller's.
  void end_run(MutexLock& lock) RHOOKS_REQUIRES(mutex_) RHOOKS_NO_THREAD_SAFETY_ANALYSIS;
  bool ending() const { return state_ >= RunState::kStopping; }

  Wanted wanted(TimePoint now) const;
  void note_claimed(const Wanted& wanted, TimePoint unclaimed_from);
  void note_first_unclaimed(const Wanted& wanted, TimePoint now);
  void note_returned();
  void note_recorded(TimePoint due_at, bool ok);
  void fail_triggers(const Error& error);
  void measure_lag(bool starved, TimePoint now);

  store::Store& store_;
  store::Endpoints& endpoints_;
  secrets::Secrets& secrets_;
  delivery::Sender& sender_;
  Metrics& metrics_;
  const Clock& clock_;
  const RunnerOptions options_;
  Runtime& runtime_;

  Pipeline pipeline_;
  // What they sleep on. The dispatcher sleeps in its sender.
  Waker claimer_waker_;
  Waker committer_waker_;

  mutable Mutex mutex_;
  // A trigger is done, a run begins to end or has ended, or a stop() has begun or ended.
  const std::unique_ptr<Condition> changed_;
  bool started_ RHOOKS_GUARDED_BY(mutex_) = false;  // by start(), and not stopped since
  int stops_ RHOOKS_GUARDED_BY(mutex_) = 0;         // calls of stop() under way
  Triggers triggers_ RHOOKS_GUARDED_BY(mutex_);
  // Set with mutex_ held, but for what the claimer and the dispatcher say of their own end.
  std::atomic<RunState> state_{RunState::kStopped};
  // Set before kStopping, and read after it.
  Steady drain_until_;

  std::atomic<bool> cancel_attempts_{false};  // a drain does not wait for them
  std::atomic<bool> starved_{false};          // the claimer waits for slots
  // By the claimer's thread only. Of the steady time: the clock may be set back, and stand for
  // hours.
  std::optional<Steady> lag_measured_;
  std::optional<Steady> first_unclaimed_asked_;
  std::optional<Steady> unread_since_;  // something waits, as endpoints cannot be read

  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace rhooks::engine

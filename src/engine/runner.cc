#include "engine/runner.h"

#include <algorithm>
#include <exception>

#include "engine/timing.h"
#include "model/endpoint.h"
#include "model/flow.h"
#include "observe/logging.h"

namespace rhooks::engine {
namespace {

using std::chrono::milliseconds;

// How often a trigger() reports, and how long it bears a store that refuses.
constexpr milliseconds kProgressInterval{250};
constexpr milliseconds kTroubleMax{30'000};
constexpr int kClaimFailuresMax = 5;
constexpr milliseconds kUnreadMax{2'000};  // as long as it bears that endpoints cannot be read

Error stopped() {
  return {
      ErrorCode::kUnavailable, "the worker was stopped before everything due was attempted", {}};
}

}  // namespace

Runner::Runner(store::Store& store, store::Endpoints& endpoints, secrets::Secrets& secrets,
               delivery::Sender& sender, Metrics& metrics, const Clock& clock, Random& random,
               RunnerOptions options, Runtime& runtime)
    : store_(store),
      endpoints_(endpoints),
      secrets_(secrets),
      sender_(sender),
      metrics_(metrics),
      clock_(clock),
      options_(options),
      runtime_(runtime),
      pipeline_(store, endpoints, secrets, sender, metrics, clock, random, options_,
                [this](TimePoint due_at, bool ok) { note_recorded(due_at, ok); }),
      claimer_waker_(runtime, clock),
      committer_waker_(runtime, clock),
      changed_(runtime.condition()) {}

Runner::~Runner() {
  if (!runtime_.gone()) stop();
}

void Runner::start() {
  MutexLock lock(mutex_);
  while (ending() || stops_ > 0) changed_->wait(lock);
  started_ = true;
  if (state_ == RunState::kStopped) launch();
  claimer_waker_.notify();
}

void Runner::stop() {
  MutexLock lock(mutex_);
  ++stops_;
  changed_->notify_all();  // triggers that wait for their turn do not get it
  while (ending()) changed_->wait(lock);
  started_ = false;
  if (state_ == RunState::kRunning) {
    triggers_.fail_all(stopped());
    end_run(lock);
  }
  --stops_;
  changed_->notify_all();
}

void Runner::stop_now() {
  cancel_attempts_ = true;
  sender_.wake();
  committer_waker_.notify();
}

Result<TriggerResult> Runner::trigger(const std::function<void(const TriggerResult&)>& progress) {
  MutexLock lock(mutex_);
  while (ending() && stops_ == 0) changed_->wait(lock);
  if (stops_ > 0) return fail(stopped());
  const Triggers::Number number = triggers_.begin(clock_.now());
  if (state_ == RunState::kStopped) launch();
  claimer_waker_.notify();

  std::exception_ptr thrown;
  while (!triggers_.done(number) && !thrown) {
    const Steady report_at = runtime_.now() + kProgressInterval;
    while (!triggers_.done(number) && runtime_.now() < report_at) {
      changed_->wait_until(lock, report_at);
    }
    if (!progress) continue;
    const TriggerResult so_far = triggers_.so_far(number);
    lock.unlock();
    try {
      progress(so_far);
    } catch (...) {
      thrown = std::current_exception();
    }
    lock.lock();
  }

  auto result = triggers_.end(number);
  if (!started_ && triggers_.empty() && state_ == RunState::kRunning) end_run(lock);
  if (thrown) std::rethrow_exception(thrown);
  return result;
}

void Runner::look_again(const Task& task) {
  if (task.endpoint.empty()) return;
  if (pipeline_.slots.flows().look_again(model::flow_of(task))) claimer_waker_.notify();
}

void Runner::look_again_in(const std::string& ns) {
  if (pipeline_.slots.flows().look_again_in(model::namespace_hash(ns))) claimer_waker_.notify();
}

void Runner::endpoints_changed() {
  if (pipeline_.claimer.apply_endpoints()) claimer_waker_.notify();
}

std::optional<Held> Runner::held(const Task& task) {
  if (task.endpoint.empty()) return std::nullopt;
  const TimePoint now = clock_.now();
  endpoints_.refresh_if_old(now);
  const auto endpoint = endpoints_.known(task.key.ns, task.endpoint);
  if (endpoint && *endpoint && model::needs_secret(***endpoint)) secrets_.refresh_if_old(now);
  endpoints_changed();
  return pipeline_.slots.flows().held(model::flow_of(task), now);
}

std::optional<Held> Runner::held(const Endpoint& endpoint) const {
  const Lane lane{model::namespace_hash(endpoint.ns), model::endpoint_hash(endpoint.name), true};
  return pipeline_.slots.flows().untried(lane, clock_.now());
}

void Runner::launch() {
  state_ = RunState::kRunning;
  starved_ = false;
  const auto run = [this](const char* name, void (Runner::*loop)()) {
    threads_.push_back(runtime_.spawn(name, [this, loop] { (this->*loop)(); }));
  };
  run("rhooks-claim", &Runner::claim_loop);
  run("rhooks-send", &Runner::dispatch_loop);
  run("rhooks-commit", &Runner::commit_loop);
}

void Runner::end_run(MutexLock& lock) {
  drain_until_ = runtime_.now() + options_.drain_timeout;
  state_ = RunState::kStopping;
  changed_->notify_all();
  lock.unlock();
  claimer_waker_.notify();
  sender_.wake();
  committer_waker_.notify();
  for (const auto& thread : threads_) thread->join();
  store_.finished();

  lock.lock();
  threads_.clear();
  state_ = RunState::kStopped;
  cancel_attempts_ = false;
  // A start() or trigger() that came meanwhile waits for this.
  changed_->notify_all();
}

void Runner::claim_loop() {
  int failures = 0;
  unread_since_.reset();
  while (true) {
    claimer_waker_.clear();
    if (ending()) break;
    const TimePoint now = clock_.now();
    const Wanted want = wanted(now);
    if (!want.due_by || !pipeline_.may_claim()) {
      claimer_waker_.wait(options_.poll_interval);
      continue;
    }

    starved_ = true;  // before the claim, so that a slot given back from here on is noticed
    // A trigger is for all that is due, whoever it would fall to.
    const auto scope =
        want.started && !want.unclaimed ? store::Scope::kAssigned : store::Scope::kAll;
    const auto step = pipeline_.claimer.step(now, *want.due_by, scope);
    // Also after an error: it may have come after some were claimed.
    sender_.wake();
    if (!step) {
      log::error("due tasks cannot be claimed; trying again", {{"error", step.error().message}});
      if (++failures >= kClaimFailuresMax) fail_triggers(step.error());
      pause(claim_retry_wait(failures));
      continue;
    }
    failures = 0;
    measure_lag(step->more, now);
    const bool learnt = learn_endpoints();

    if (step->more || learnt) {
      note_first_unclaimed(want, now);
      if (pipeline_.slots.free() == 0) {
        claimer_waker_.wait(options_.poll_interval);
      } else if (step->claimed == 0) {
        claimer_waker_.wait(milliseconds{1});
      }
      continue;
    }
    starved_ = false;
    if (step->waits) {
      note_first_unclaimed(want, now);
    } else {
      note_claimed(want, kTimeMax);
    }
    const auto opens_at = want.unclaimed ? pipeline_.slots.flows().opens_at() : std::nullopt;
    if (const auto again_at = want.started ? step->next_due : opens_at) {
      // What is due but was not to be had (a key in the middle of a change) is tried again
      // a little later, not at once.
      claimer_waker_.notify_at(std::max(*again_at, now + milliseconds{1}));
    }
    claimer_waker_.wait(options_.poll_interval);
  }
  state_ = RunState::kClaimerEnded;
  sender_.wake();
  // Not after the drain, which can take as long as an attempt: what falls to this process would
  // wait for that.
  store_.resign();
}

// What was met for the first time may be known by then, and may pass. Where it cannot be known,
// others are claimed on.
bool Runner::learn_endpoints() {
  const auto learnt = pipeline_.claimer.learn_endpoints(clock_.now());
  if (learnt) {
    unread_since_.reset();
    return *learnt;
  }
  const auto steady = runtime_.now();
  if (!unread_since_) unread_since_ = steady;
  if (steady - *unread_since_ >= kUnreadMax) fail_triggers(learnt.error());
  return false;
}

// Only a stop cuts it short, and no new task: while the store refuses, registrations must not make
// the claimer ask it more often.
void Runner::pause(milliseconds time) {
  MutexLock lock(mutex_);
  const Steady until = runtime_.now() + time;
  while (!ending() && runtime_.now() < until) changed_->wait_until(lock, until);
}

void Runner::dispatch_loop() {
  RunState state{};
  do {
    state = state_;
    const bool draining = state >= RunState::kStopping;
    if (draining) {
      if (pipeline_.dispatcher.release_unsent()) committer_waker_.notify();
      if (cancel_attempts_ || runtime_.now() >= drain_until_) pipeline_.dispatcher.cancel_all();
    }
    if (pipeline_.dispatcher.step(clock_.now(),
                                  draining ? kDrainPollInterval : kIdlePollInterval)) {
      committer_waker_.notify();
    }
  } while (state < RunState::kClaimerEnded || !pipeline_.dispatcher.idle());
  state_ = RunState::kDispatcherEnded;
  committer_waker_.notify();
}

void Runner::commit_loop() {
  std::optional<Steady> failing_since;
  while (true) {
    const bool dispatcher_ended = state_ >= RunState::kDispatcherEnded;
    const auto wait = pipeline_.committer.step(clock_.now_micros());
    if (const auto due = pipeline_.committer.take_due_again()) claimer_waker_.notify_at(*due);
    if (starved_ && pipeline_.slots.free() > 0 && starved_.exchange(false)) claimer_waker_.notify();
    if (pipeline_.slots.flows().any_open()) claimer_waker_.notify();
    note_returned();
    if (dispatcher_ended && pipeline_.committer.idle()) break;

    if (!pipeline_.committer.failing()) {
      if (failing_since) claimer_waker_.notify();
      failing_since.reset();
      committer_waker_.wait(wait.value_or(kIdlePollInterval));
      continue;
    }
    const auto now = runtime_.now();
    if (!failing_since) failing_since = now;
    if (now - *failing_since >= kTroubleMax) {
      fail_triggers({ErrorCode::kUnavailable,
                     "outcomes could not be stored for 30 s; see the log for the cause",
                     {}});
    }
    if (dispatcher_ended && (cancel_attempts_ || now >= drain_until_ + options_.store_timeout)) {
      pipeline_.committer.abandon();
      break;
    }
    committer_waker_.wait(
        std::min<std::chrono::microseconds>(wait.value_or(kDrainPollInterval), kDrainPollInterval));
  }
}

Runner::Wanted Runner::wanted(TimePoint now) const {
  MutexLock lock(mutex_);
  Wanted want{triggers_.wanted(now), started_};
  if (started_) want.due_by = now;
  return want;
}

// Everything wanted that is due before `unclaimed_from` has been claimed.
void Runner::note_claimed(const Wanted& wanted, TimePoint unclaimed_from) {
  MutexLock lock(mutex_);
  if (triggers_.claimed(wanted.through, unclaimed_from, pipeline_.slots)) changed_->notify_all();
}

// A worker that never catches up still gets past what was due when a trigger came, since it
// claims the earliest first (unless what comes in is due in the past as well). What waits until
// somebody opens its lane is not waited for.
void Runner::note_first_unclaimed(const Wanted& wanted, TimePoint now) {
  if (!wanted.unclaimed) return;
  // Seldom: the question costs a remote store a request, and nothing hangs on the very moment.
  const auto steady = runtime_.now();
  if (first_unclaimed_asked_ && steady - *first_unclaimed_asked_ < kProgressInterval) return;
  first_unclaimed_asked_ = steady;
  const auto next =
      store_.next_due(now, store::Scope::kAll, &pipeline_.slots.flows(), store::Leave::kClosed);
  if (next) note_claimed(wanted, next->value_or(kTimeMax));
}

void Runner::note_returned() {
  MutexLock lock(mutex_);
  if (triggers_.returned(pipeline_.slots)) changed_->notify_all();
}

void Runner::note_recorded(TimePoint due_at, bool ok) {
  MutexLock lock(mutex_);
  triggers_.recorded(due_at, ok);
}

void Runner::fail_triggers(const Error& error) {
  MutexLock lock(mutex_);
  triggers_.fail_all(error);
  changed_->notify_all();
}

void Runner::measure_lag(bool starved, TimePoint now) {
  if (!starved) return metrics_.due_lag(Metrics::Micros{0});
  const auto steady = runtime_.now();
  if (lag_measured_ && steady - *lag_measured_ < kProgressInterval) return;
  lag_measured_ = steady;
  const auto next = store_.next_due(now, store::Scope::kAssigned, &pipeline_.slots.flows());
  if (next && *next) metrics_.due_lag(std::max(now - **next, milliseconds{0}));
}

}  // namespace rhooks::engine

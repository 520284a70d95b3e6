#include "engine/runner.h"

#include <algorithm>
#include <exception>

#include "base/thread_name.h"
#include "engine/pace.h"
#include "observe/logging.h"

namespace rhooks::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How often a trigger() reports, and how long it bears a store that refuses.
constexpr milliseconds kProgressInterval{250};
constexpr milliseconds kTroubleMax{30'000};
constexpr int kClaimFailuresMax = 5;

std::int64_t steady_ns(steady_clock::time_point t) {
  return std::chrono::nanoseconds{t.time_since_epoch()}.count();
}

Error stopped() {
  return {
      ErrorCode::kUnavailable, "the worker was stopped before everything due was attempted", {}};
}

}  // namespace

Runner::Runner(store::Store& store, delivery::Sender& sender, Metrics& metrics, const Clock& clock,
               Random& random, RunnerOptions options)
    : store_(store),
      sender_(sender),
      metrics_(metrics),
      clock_(clock),
      options_(std::move(options)),
      pipeline_(store, sender, metrics, random, options_,
                [this](TimePoint due_at, bool ok) { note_recorded(due_at, ok); }),
      alarm_(clock) {}

void Runner::start() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !stopping_ && stops_ == 0; });
  continuous_ = true;
  if (!launched_) launch();
  alarm_.ring();
}

void Runner::stop() {
  std::unique_lock lock(mutex_);
  ++stops_;
  changed_.notify_all();  // triggers that wait for their turn do not get it
  changed_.wait(lock, [this] { return !stopping_; });
  continuous_ = false;
  if (launched_) {
    stopping_ = true;
    for (Watch& watch : watches_) {
      if (watch.done) continue;
      watch.error = stopped();
      watch.done = true;
    }
    changed_.notify_all();
    lock.unlock();
    end_threads();
    lock.lock();
  }
  --stops_;
  changed_.notify_all();
}

void Runner::stop_now() {
  cut_off_ = true;
  sender_.wake();
  pipeline_.to_commit.wake();
}

Result<TriggerResult> Runner::trigger(const std::function<void(const TriggerResult&)>& progress) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !stopping_ || stops_ > 0; });
  if (stops_ > 0) return fail(stopped());
  const auto watch = watches_.insert(watches_.end(), Watch{});
  watch->number = ++last_watch_;
  watch->as_of = clock_.now();
  if (!launched_) launch();
  alarm_.ring();

  std::exception_ptr thrown;
  while (!watch->done && !thrown) {
    changed_.wait_for(lock, kProgressInterval, [&] { return watch->done; });
    if (!progress) continue;
    const TriggerResult so_far = watch->result;
    lock.unlock();
    try {
      progress(so_far);
    } catch (...) {
      thrown = std::current_exception();
    }
    lock.lock();
  }

  const Watch ended = std::move(*watch);
  watches_.erase(watch);
  if (!continuous_ && watches_.empty() && launched_ && !stopping_) {
    stopping_ = true;
    lock.unlock();
    end_threads();
  }
  if (thrown) std::rethrow_exception(thrown);
  if (ended.error) return fail(*ended.error);
  return ended.result;
}

void Runner::launch() {
  launched_ = true;
  drain_ = false;
  claimer_ended_ = false;
  dispatcher_ended_ = false;
  starved_ = false;
  const auto run = [this](const char* name, void (Runner::*loop)()) {
    return std::thread([this, name, loop] {
      name_this_thread(name);
      (this->*loop)();
    });
  };
  claim_thread_ = run("rhooks-claim", &Runner::claim_loop);
  dispatch_thread_ = run("rhooks-send", &Runner::dispatch_loop);
  commit_thread_ = run("rhooks-commit", &Runner::commit_loop);
}

void Runner::end_threads() {
  drain_until_ns_ = steady_ns(steady_clock::now() + options_.drain_timeout);
  drain_ = true;
  alarm_.ring();
  sender_.wake();
  pipeline_.to_commit.wake();
  claim_thread_.join();
  dispatch_thread_.join();
  commit_thread_.join();

  std::lock_guard lock(mutex_);
  launched_ = false;
  stopping_ = false;
  cut_off_ = false;
  // A start() or trigger() that came meanwhile waits for this.
  changed_.notify_all();
}

void Runner::claim_loop() {
  int failures = 0;
  while (true) {
    alarm_.clear();
    if (drain_) break;
    const TimePoint now = clock_.now();
    const Wanted want = wanted(now);
    if (!want.due_by || !pipeline_.may_claim()) {
      alarm_.wait(options_.poll_interval);
      continue;
    }

    starved_ = true;  // before the claim, so that a slot given back from here on is noticed
    // A trigger is for all that is due, whoever it would fall to.
    const auto scope = want.continuous && !want.watched ? store::Scope::kShare : store::Scope::kAll;
    const auto step = pipeline_.claimer.step(now, *want.due_by, scope);
    // Also after an error: it may have come after some were claimed.
    sender_.wake();
    if (!step) {
      log::error("due tasks cannot be claimed; trying again", {{"error", step.error().message}});
      if (++failures >= kClaimFailuresMax) end_watches(step.error());
      pause(claim_retry_wait(failures));
      continue;
    }
    failures = 0;
    measure_lag(step->more, now);

    if (step->more) {
      note_first_unclaimed(want, now);
      if (pipeline_.slots.free() == 0) {
        alarm_.wait(options_.poll_interval);
      } else if (step->claimed == 0) {
        alarm_.wait(milliseconds{1});
      }
      continue;
    }
    starved_ = false;
    note_claimed(want, kTimeMax);
    if (want.continuous && step->next_due) {
      // What is due but was not to be had (a key in the middle of a change) is tried again
      // a little later, not at once.
      alarm_.ring_at(std::max(*step->next_due, now + milliseconds{1}));
    }
    alarm_.wait(options_.poll_interval);
  }
  claimer_ended_ = true;
  sender_.wake();
  // Not after the drain, which can take as long as an attempt: what falls to this process would
  // wait for that.
  store_.leave();
}

// Unlike the alarm, no new task cuts it short: while the store refuses, registrations must
// not make the claimer ask it more often.
void Runner::pause(milliseconds wait) const {
  const auto until = steady_clock::now() + wait;
  while (!drain_ && steady_clock::now() < until) std::this_thread::sleep_for(kDrainLook);
}

void Runner::dispatch_loop() {
  while (true) {
    const bool draining = drain_;
    const bool claimer_ended = claimer_ended_;
    if (draining) {
      pipeline_.dispatcher.release_unsent();
      if (cut_off_ || steady_ns(steady_clock::now()) >= drain_until_ns_)
        pipeline_.dispatcher.cancel_all();
    }
    pipeline_.dispatcher.step(clock_.now(), draining ? kDrainLook : kIdleLook);
    if (draining && claimer_ended && pipeline_.dispatcher.idle()) break;
  }
  dispatcher_ended_ = true;
  pipeline_.to_commit.wake();
}

void Runner::commit_loop() {
  std::optional<steady_clock::time_point> failing_since;
  while (true) {
    const bool dispatcher_ended = dispatcher_ended_;
    const auto wait = pipeline_.committer.step(clock_.now_micros());
    if (starved_ && pipeline_.slots.free() > 0 && starved_.exchange(false)) alarm_.ring();
    {
      std::lock_guard lock(mutex_);
      settle_watches();
    }
    if (dispatcher_ended && pipeline_.committer.idle()) break;

    if (!pipeline_.committer.failing()) {
      if (failing_since) alarm_.ring();
      failing_since.reset();
      pipeline_.to_commit.wait(wait.value_or(kIdleLook));
      continue;
    }
    const auto now = steady_clock::now();
    if (!failing_since) failing_since = now;
    if (now - *failing_since >= kTroubleMax) {
      end_watches({ErrorCode::kUnavailable,
                   "outcomes could not be stored for 30 s; see the log for the cause",
                   {}});
    }
    const bool late = cut_off_ || steady_ns(now - options_.store_timeout) >= drain_until_ns_;
    if (dispatcher_ended && late) {
      pipeline_.committer.abandon();
      break;
    }
    std::this_thread::sleep_for(
        std::min<std::chrono::microseconds>(wait.value_or(kDrainLook), kDrainLook));
  }
  std::lock_guard lock(mutex_);
  settle_watches();
}

Runner::Wanted Runner::wanted(TimePoint now) const {
  std::lock_guard lock(mutex_);
  Wanted want;
  want.watches_through = last_watch_;
  want.continuous = continuous_;
  if (continuous_) want.due_by = now;
  for (const Watch& watch : watches_) {
    if (watch.done) continue;
    // Where the clock was set back meanwhile, nothing runs before its time.
    const TimePoint due_by = std::min(watch.as_of, now);
    want.due_by = std::max(want.due_by.value_or(due_by), due_by);
    want.watched = want.watched || !watch.claimed_all;
  }
  return want;
}

// Everything wanted that is due before `unclaimed_from` has been claimed.
void Runner::note_claimed(const Wanted& wanted, TimePoint unclaimed_from) {
  std::lock_guard lock(mutex_);
  for (Watch& watch : watches_) {
    if (watch.claimed_all || watch.number > wanted.watches_through) continue;
    if (watch.as_of >= unclaimed_from) continue;
    watch.claimed_all = true;
    watch.through = pipeline_.slots.last();
  }
  settle_watches();
}

// A worker that never catches up still gets past what was due when a trigger came, since it
// claims the earliest first (unless what comes in is due in the past as well).
void Runner::note_first_unclaimed(const Wanted& wanted, TimePoint now) {
  if (!wanted.watched) return;
  // Seldom: the question costs a remote store a request, and nothing hangs on the very moment.
  const auto steady = steady_clock::now();
  if (first_unclaimed_asked_ && steady - *first_unclaimed_asked_ < kProgressInterval) return;
  first_unclaimed_asked_ = steady;
  const auto next = store_.next_due(now);
  if (next) note_claimed(wanted, next->value_or(kTimeMax));
}

void Runner::note_recorded(TimePoint due_at, bool ok) {
  std::lock_guard lock(mutex_);
  for (Watch& watch : watches_) {
    if (watch.done || due_at > watch.as_of) continue;
    ++watch.result.processed;
    if (!ok) ++watch.result.errors;
  }
}

void Runner::end_watches(const Error& error) {
  std::lock_guard lock(mutex_);
  for (Watch& watch : watches_) {
    if (watch.done) continue;
    watch.error = error;
    watch.done = true;
  }
  changed_.notify_all();
}

void Runner::settle_watches() {
  for (Watch& watch : watches_) {
    if (watch.done || !watch.claimed_all || !pipeline_.slots.returned_through(watch.through))
      continue;
    watch.done = true;
    changed_.notify_all();
  }
}

void Runner::measure_lag(bool starved, TimePoint now) {
  if (!starved) return metrics_.due_lag(Metrics::Micros{0});
  const auto steady = steady_clock::now();
  if (lag_measured_ && steady - *lag_measured_ < kProgressInterval) return;
  lag_measured_ = steady;
  const auto next = store_.next_due(now, store::Scope::kShare);
  if (next && *next) metrics_.due_lag(std::max(now - **next, milliseconds{0}));
}

}  // namespace rhooks::engine

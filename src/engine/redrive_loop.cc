#include "engine/redrive_loop.h"

#include <utility>

namespace rhooks::engine {
namespace {

// With nothing to do it waits to be told.
constexpr std::chrono::milliseconds kRedriveRest = std::chrono::hours{1};

}  // namespace

RedriveLoop::RedriveLoop(store::Store& store, Metrics& metrics, const Clock& clock,
                         std::shared_ptr<const schedule::Zones> zones,
                         std::chrono::milliseconds others_have, Redriver::OnDue on_due,
                         Runtime& runtime)
    : runtime_(runtime),
      clock_(clock),
      redriver_(store, metrics, std::move(zones), others_have, std::move(on_due)),
      waker_(runtime, clock),
      joined_(runtime.condition()) {}

RedriveLoop::~RedriveLoop() {
  if (!runtime_.gone()) stop();
}

void RedriveLoop::look_for_all() {
  MutexLock lock(mutex_);
  while (joining_) joined_->wait(lock);
  stopped_ = false;
  told_.look_for_all = true;
  wake();
}

void RedriveLoop::look_at(const std::string& ns) {
  MutexLock lock(mutex_);
  if (stopped_) return;
  told_.look_at.insert(ns);
  wake();
}

void RedriveLoop::changed(const std::string& ns) {
  MutexLock lock(mutex_);
  if (stopped_) return;
  told_.changed.insert(ns);
  wake();
}

void RedriveLoop::wake() {
  if (!thread_) thread_ = runtime_.spawn("rhooks-redrive", [this] { loop(); });
  waker_.notify();
}

void RedriveLoop::stop() {
  MutexLock lock(mutex_);
  while (joining_) joined_->wait(lock);
  stopped_ = true;
  if (!thread_) return;
  joining_ = true;
  const std::unique_ptr<Thread> thread = std::move(thread_);
  lock.unlock();
  waker_.notify();
  thread->join();
  redriver_.forget_all();
  lock.lock();
  told_ = {};
  joining_ = false;
  joined_->notify_all();
}

void RedriveLoop::loop() {
  while (true) {
    waker_.clear();
    Told told;
    {
      MutexLock lock(mutex_);
      if (stopped_) return;
      told = std::exchange(told_, {});
    }
    pass_on(told);
    const TimePoint now = clock_.now();
    const auto left = redriver_.step(now);
    // What the step took is a part of that.
    if (left) waker_.notify_at(now + *left);
    waker_.wait(left.value_or(kRedriveRest));
  }
}

void RedriveLoop::pass_on(const Told& told) {
  if (told.look_for_all) redriver_.look_for_all();
  for (const std::string& ns : told.look_at) redriver_.look_at(ns);
  for (const std::string& ns : told.changed) redriver_.changed(ns);
}

}  // namespace rhooks::engine

#include "engine/redrive_loop.h"

#include <utility>

namespace rhooks::engine {
namespace {

// With nothing to do it waits to be told.
constexpr std::chrono::milliseconds kRedriveRest = std::chrono::hours{1};

}  // namespace

RedriveLoop::RedriveLoop(store::Store& store, Metrics& metrics, const Clock& clock,
                         std::chrono::milliseconds others_have, Redriver::OnDue on_due,
                         Runtime& runtime)
    : runtime_(runtime),
      clock_(clock),
      redriver_(store, metrics, others_have, std::move(on_due)),
      waker_(runtime, clock),
      stopped_(runtime.condition()) {}

RedriveLoop::~RedriveLoop() {
  if (!runtime_.gone()) stop();
}

void RedriveLoop::look_for_all() {
  tell([](Told& told) { told.look_for_all = true; });
}

void RedriveLoop::look_at(const std::string& ns) {
  tell([&](Told& told) { told.look_at.insert(ns); });
}

void RedriveLoop::changed(const std::string& ns) {
  tell([&](Told& told) { told.changed.insert(ns); });
}

template <typename Tell>
void RedriveLoop::tell(const Tell& what) {
  {
    MutexLock lock(mutex_);
    while (stopping_) stopped_->wait(lock);
    what(told_);
    if (!thread_) thread_ = runtime_.spawn("rhooks-redrive", [this] { loop(); });
  }
  waker_.notify();
}

void RedriveLoop::stop() {
  std::unique_ptr<Thread> thread;
  {
    MutexLock lock(mutex_);
    while (stopping_) stopped_->wait(lock);
    if (!thread_) return;
    stopping_ = true;
    thread = std::move(thread_);
  }
  waker_.notify();
  thread->join();
  redriver_.forget_all();
  {
    MutexLock lock(mutex_);
    stopping_ = false;
    told_ = {};
  }
  stopped_->notify_all();
}

void RedriveLoop::loop() {
  while (true) {
    waker_.clear();
    Told told;
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      told = std::exchange(told_, {});
    }
    pass_on(told);
    waker_.wait(redriver_.step(clock_.now()).value_or(kRedriveRest));
  }
}

void RedriveLoop::pass_on(const Told& told) {
  if (told.look_for_all) redriver_.look_for_all();
  for (const std::string& ns : told.look_at) redriver_.look_at(ns);
  for (const std::string& ns : told.changed) redriver_.changed(ns);
}

}  // namespace rhooks::engine

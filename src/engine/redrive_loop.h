#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/redriver.h"
#include "engine/runtime.h"
#include "engine/waker.h"

namespace rhooks::engine {

// Drives a redriver with a thread, from the first call that has something for it until stop(). At
// rest it asks the store for nothing.
//
// Threads: every method may be called from any thread. Blocking: stop(), and look_for_all() while
// one is under way.
class RedriveLoop {
 public:
  // As of Redriver.
  RedriveLoop(store::Store& store, Metrics& metrics, const Clock& clock,
              std::shared_ptr<const schedule::Zones> zones, std::chrono::milliseconds others_have,
              Redriver::OnDue on_due, Runtime& runtime = thread_runtime());
  // Stops.
  ~RedriveLoop();

  // Goes on with all that are under way and that no other process has in hand.
  void look_for_all();
  // With the one of a namespace.
  void look_at(const std::string& ns);
  // The one of a namespace was started or cancelled.
  void changed(const std::string& ns);

  // Ends the thread after the step that is under way; what is left is for whoever looks for it
  // next. Until look_for_all() the other calls are without effect then.
  void stop();

 private:
  struct Told {
    bool look_for_all = false;
    std::set<std::string> look_at, changed;
  };

  void wake() RHOOKS_REQUIRES(mutex_);
  void loop();
  void pass_on(const Told& told);

  Runtime& runtime_;
  const Clock& clock_;
  Redriver redriver_;  // the thread's
  Waker waker_;
  Mutex mutex_;
  const std::unique_ptr<Condition> joined_;  // a stop() has come to its end
  Told told_ RHOOKS_GUARDED_BY(mutex_);
  bool stopped_ RHOOKS_GUARDED_BY(mutex_) = false;
  bool joining_ RHOOKS_GUARDED_BY(mutex_) = false;  // a stop() is under way
  std::unique_ptr<Thread> thread_ RHOOKS_GUARDED_BY(mutex_);
};

}  // namespace rhooks::engine

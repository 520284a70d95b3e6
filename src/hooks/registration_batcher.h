#pragma once

#include <rhooks/hooks.h>

#include <functional>
#include <span>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace rhooks {

// Lets registrations that wait at the same time share one write of the store, and so one sync.
// Those that come while others are written are the next group; nobody waits for a group to fill.
// The batcher's own thread writes them. Only a caller that waits, and comes alone, writes its own.
//
// Threads: add() may be called from any thread.
class RegistrationBatcher {
 public:
  using Done = std::function<void(Result<Registration>)>;
  // A result for each task, in their order.
  using Write = std::function<std::vector<Result<Registration>>(std::vector<NewTask>)>;

  explicit RegistrationBatcher(Write write);
  // Writes what still waits.
  ~RegistrationBatcher();
  RegistrationBatcher(const RegistrationBatcher&) = delete;
  RegistrationBatcher& operator=(const RegistrationBatcher&) = delete;

  // Does not wait. Calls `done` once, on the batcher's thread, or on this one where too many wait
  // already (kOverloaded): it must neither wait nor throw. Throws std::bad_alloc only, and then
  // `done` is destroyed without a call.
  void add(NewTask task, Done done);
  // Waits for the result.
  Result<Registration> add(NewTask task);

 private:
  struct Waiting {
    NewTask task;
    Done done;
  };
  enum class Writer { kNone, kCaller, kOwnThread };

  using Results = Result<std::vector<Result<Registration>>>;
  static std::size_t group_of(std::span<const Waiting> waiting);
  Results write(std::span<Waiting> group) const noexcept;
  static void give(std::span<Waiting> group, Results results);
  void wake_own_thread() RHOOKS_REQUIRES(mutex_);
  // A caller has written its own; the batcher's thread goes on with those that came meanwhile.
  void hand_over();
  void run();

  const Write write_;
  Mutex mutex_;
  ConditionVariable changed_;
  // Not empty only while there is a writer.
  std::vector<Waiting> waiting_ RHOOKS_GUARDED_BY(mutex_);
  std::size_t waiting_bytes_ RHOOKS_GUARDED_BY(mutex_) = 0;
  Writer writer_ RHOOKS_GUARDED_BY(mutex_) = Writer::kNone;
  bool ending_ RHOOKS_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace rhooks

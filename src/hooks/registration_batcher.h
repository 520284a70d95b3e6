#pragma once

#include <rhooks/hooks.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace rhooks {

// Lets registrations that wait at the same time share one write of the store, and so one sync. One
// that comes alone is written by its caller's thread; those that come meanwhile are written
// together by the batcher's own thread, until none waits.
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

  // Calls `done` once, on this thread or on the batcher's: it must neither wait nor throw. Throws
  // std::bad_alloc only, and then `done` is destroyed without a call.
  void add(NewTask task, Done done);
  // The same, and waits for the result.
  Result<Registration> add(NewTask task);

 private:
  struct Waiting {
    NewTask task;
    Done done;
  };
  enum class Writer { kNone, kCaller, kOwnThread };

  using Results = Result<std::vector<Result<Registration>>>;
  Results write(std::span<Waiting> group) const noexcept;
  static void give(std::span<Waiting> group, Results results);
  // Makes the batcher's thread the writer if others wait by now.
  void hand_over();
  void run();

  const Write write_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Not empty only while there is a writer.
  std::vector<Waiting> waiting_;
  Writer writer_ = Writer::kNone;
  bool ending_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace rhooks

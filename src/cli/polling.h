#pragma once

#include <rhooks/result.h>

#include <atomic>
#include <chrono>
#include <string>

#include "base/mutex.h"
#include "cli/io.h"
#include "cli/signals.h"

namespace rhooks::cli {

// The waits of a command that asks again and again, and what ends them: a signal, or nobody who
// reads the output any more. A question under way holds up the end for a second at most.
//
// Make one before any other thread, and so before the scheduler is opened (see Signals).
// Threads: one. Blocking: the waits.
class Polling {
 public:
  explicit Polling(Io& io);
  ~Polling();
  Polling(const Polling&) = delete;
  Polling& operator=(const Polling&) = delete;

  // What is reported, from now on, once a signal comes. Until wait() is false nothing else may be
  // written to standard error.
  void on_signal(std::string message);

  // False: the command has to end; see ended_by().
  bool wait(std::chrono::milliseconds length);
  // The same after an answer that failed, and false as well where asking again does not help or
  // has not helped for half a minute. answered() forgets the failures so far.
  bool wait_after(const Error& error);
  void answered() { failures_ = 0; }

  // The signal that came, SIGPIPE where nobody reads the output, otherwise 0.
  int ended_by() const { return ended_by_; }

 private:
  Io& io_;
  int ended_fd_ = -1;  // readable from a signal on
  std::atomic<int> ended_by_{0};
  int failures_ = 0;
  Mutex mutex_;
  std::string message_ RHOOKS_GUARDED_BY(mutex_);
  Signals signals_;  // last: its thread uses the others
};

}  // namespace rhooks::cli

#pragma once

#include <functional>
#include <thread>

#include "base/mutex.h"

namespace rhooks::cli {

// Takes SIGINT, SIGTERM and SIGHUP as events instead of interruptions, and ignores SIGPIPE.
// A SIGHUP that was ignored before, as nohup does it, stays ignored.
//
// Make one before any other thread: they inherit the mask that keeps signals off them.
// The destructor gives the mask back; a signal that came meanwhile is swallowed.
// Threads: wait() from one; the callback of end_on_next() runs on a thread of its own.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Waits for a signal and returns its number, or 0 after stop_waiting(). SIGPIPE stands for
  // this: nobody reads `output` any more, a pipe, socket or terminal. Of -1 nothing is asked.
  int wait(int output = -1);
  // Of the SIGHUP that wait() returned: whether it tells that the terminal of this process is gone.
  // The kernel says so; and the shell that this process was started from, or whatever else started
  // it, when there is no terminal any more. From all others it asks to have something read anew.
  bool lost_terminal() const;
  // Makes wait() return. May be called from any thread.
  void stop_waiting();
  // On the next signal: calls `callback(signal)`, which asks everything to end, and ends the
  // process where this object is not gone a second later.
  void end_on_next(std::function<void(int)> callback);
  // From its return on the callback is not called, so what it uses may go; a second signal
  // still ends the process. Call it before that goes.
  void forget_callback();

 private:
  const bool had_terminal_;
  const int shell_;         // the process that leads the session
  const int parent_;        // at the start
  bool by_kernel_ = false;  // the signal that wait() returned last
  bool by_shell_ = false;   // or by the parent
  int signal_fd_ = -1;
  int wake_fd_ = -1;      // ends wait()
  int close_fd_ = -1;     // ends the watcher
  Mutex callback_mutex_;  // held during the callback
  std::function<void(int)> callback_ RHOOKS_GUARDED_BY(callback_mutex_);
  std::thread watcher_;
};

const char* name_of_signal(int signal);  // of those above

// Ends the process as a shell reports an end by that signal: 128 + number.
inline int exit_code_of_signal(int signal) {
  return 128 + signal;
}

}  // namespace rhooks::cli

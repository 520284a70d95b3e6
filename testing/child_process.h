#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "testing/patience.h"

namespace rhooks::testing {

// A program run by a test: its output is collected, and it never outlives the object.
//
//   ChildProcess server({RHOOKS_BINARY, "serve", "--listen", "127.0.0.1:0"});
//   ASSERT_TRUE(server.wait_for_output("listening on"));
//   server.signal(SIGTERM);
//   EXPECT_EQ(server.wait(), 0);
//
// Threads: every method may be called from any thread. Only this very process is signalled.
class ChildProcess {
 public:
  using Timeout = std::chrono::milliseconds;

  // `args[0]` is the path of the program. `environment` holds NAME=VALUE, added to (or in
  // place of) those of the test; RHOOKS_* of the test are not passed on. `input` is what the
  // program reads. Throws std::runtime_error where it cannot be started.
  explicit ChildProcess(std::vector<std::string> args, std::vector<std::string> environment = {},
                        std::string input = {});
  // Kills the program if it still runs.
  ~ChildProcess();

  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }

  void signal(int number);
  // Waits for the end, after which output() and errors() are whole: the exit code, or 128 + the
  // signal that ended it; none when the time is over.
  std::optional<int> wait(Timeout timeout = kPatience);

  // What it has written so far.
  std::string output() const;  // standard output
  std::string errors() const;  // standard error
  // Waits until standard output holds `text`; false when the time is over or it ended.
  bool wait_for_output(const std::string& text, Timeout timeout = kPatience) const;
  // The same of standard error.
  bool wait_for_errors(const std::string& text, Timeout timeout = kPatience) const;
  // The next line of standard output; none when the time is over or it ended.
  std::optional<std::string> read_line(Timeout timeout = kPatience);

 private:
  void collect(int fd, std::string& into);
  bool wait_for(const std::string& stream, const std::string& text, Timeout timeout) const;

  pid_t pid_ = -1;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::string output_;
  std::string errors_;
  std::size_t lines_read_to_ = 0;  // in output_, by read_line()
  int open_streams_ = 2;
  std::optional<int> exit_;
  std::vector<std::thread> threads_;
};

// The path of a program, as a shell finds it in PATH; none where there is none.
std::optional<std::string> find_program(const std::string& name);

// Runs a program to its end. Throws std::runtime_error where it does not end in time.
struct Finished {
  int exit = 0;
  std::string output;
  std::string errors;
};
Finished run_program(std::vector<std::string> args, std::vector<std::string> environment = {},
                     std::string input = {}, ChildProcess::Timeout timeout = kPatience);

}  // namespace rhooks::testing

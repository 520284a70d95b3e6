#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace rhooks::testing {

// A program that a test runs: starts it, reads what it prints, sends it signals and waits
// for its end. The destructor kills it (this process only, by its id) and reaps it.
//
// Threads: one. Blocking: the methods that take a time-out.
class ChildProcess {
 public:
  using Millis = std::chrono::milliseconds;

  struct Options {
    std::string program;
    std::vector<std::string> args;
    // Set on top of this process's environment, from which RHOOKS_ variables are left out.
    std::map<std::string, std::string> environment = {};
    std::string input = {};  // its standard input: at most 64 KiB, then the end
  };

  explicit ChildProcess(Options options);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // The next line of standard output; none when it ended or the time is over.
  std::optional<std::string> read_line(Millis timeout = kTimeout);
  // Waits until standard error holds this text.
  bool wait_err(std::string_view text, Millis timeout = kTimeout);

  void signal(int number);
  // Exit code, or 128 + the signal that ended it, as a shell has it; none when the time is over.
  std::optional<int> wait(Millis timeout = kTimeout);

  // All that it printed so far; after wait(), all of it.
  std::string out() const;
  std::string err() const;
  pid_t pid() const { return pid_; }

  static constexpr Millis kTimeout{60'000};

 private:
  struct Stream {
    int fd = -1;
    std::string text;
    bool ended = false;
    std::thread reader;
  };

  void read_all(Stream& stream);

  pid_t pid_ = -1;
  std::optional<int> exit_code_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Stream out_;
  Stream err_;
  std::size_t consumed_ = 0;  // of out_.text, by read_line()
};

}  // namespace rhooks::testing

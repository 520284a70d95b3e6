#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "testing/child_process.h"
#include "testing/temp_dir.h"
#include "tests/test_store.h"

namespace rhooks::testing {

// A place where one `rhooks serve` at a time runs on a store, the real binary: started, killed,
// paused and started again, each time at another address.
// Threads: url() may be called from any thread, the others from one.
class CrashWorker {
 public:
  CrashWorker(TestStore store, std::vector<std::string> flags)
      : store_(std::move(store)), flags_(std::move(flags)) {}

  // Waits until it serves.
  void start() {
    launch();
    if (!process_->wait_for_output("listening on")) {
      ADD_FAILURE() << "the server did not start: " << process_->errors();
      return;
    }
    const std::string said = process_->output();
    const auto from = said.find("http://");
    std::lock_guard lock(mutex_);
    url_ = said.substr(from, said.find(' ', from) - from);
  }
  // Does not: whoever calls this kills it while it starts.
  void launch() {
    std::vector<std::string> args = {RHOOKS_BINARY, "serve",       "--store",     store_.url,
                                     "--listen",    "127.0.0.1:0", "--log-level", "warn"};
    args.insert(args.end(), flags_.begin(), flags_.end());
    process_ = std::make_unique<ChildProcess>(std::move(args), store_.environment);
  }

  void kill() {
    {
      std::lock_guard lock(mutex_);
      url_.clear();
    }
    process_->signal(SIGKILL);
    // Anything else: it had ended before, which is for the test to hear of.
    EXPECT_EQ(process_->wait(), 128 + SIGKILL) << process_->errors();
  }
  void pause() { process_->signal(SIGSTOP); }
  void resume() { process_->signal(SIGCONT); }

  bool running() const { return process_ && !process_->wait(std::chrono::milliseconds{0}); }
  std::string errors() const { return process_->errors(); }
  // Empty while it does not serve.
  std::string url() const {
    std::lock_guard lock(mutex_);
    return url_;
  }

 private:
  const TestStore store_;
  const std::vector<std::string> flags_;
  std::unique_ptr<ChildProcess> process_;
  mutable std::mutex mutex_;
  std::string url_;
};

}  // namespace rhooks::testing

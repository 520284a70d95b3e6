#pragma once

#include <chrono>
#include <string>

#include "cli/io.h"

namespace rhooks::cli {

// A line on standard error that tells how far a long command is; only at a terminal, so
// that logs and pipes stay clean. It is wiped when done.
// Threads: one.
class Progress {
 public:
  explicit Progress(Io& io);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Shows "<text>, 12 s" at most ten times a second.
  void update(const std::string& text);
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  Io& io_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point shown_{};
  bool visible_ = false;
};

}  // namespace rhooks::cli

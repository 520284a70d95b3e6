#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "tests/crash_history.h"

namespace rhooks::testing {

struct CheckOptions {
  // Attempts that crashes may have cut off: crashes times concurrency. So many may have been made
  // again, and so many have no log.
  std::size_t cut_off_max = 0;
  // Whether an outcome and its log are stored in one write, so that an attempt whose log is there
  // is never made again, and none is made after a success that is there.
  bool log_with_outcome = true;
  // The latest that it can have been by the servers' clock when a request arrived.
  std::function<Clock::Micros(Clock::Micros)> servers_time = [](Clock::Micros at) { return at; };
  // How long late bytes may have waited at a server that had not yet seen them when it sent.
  std::chrono::milliseconds crossing_max{250};
  // Off where the servers' clock was set: the times of two attempts say nothing then.
  bool clock_was_steady = true;
};

// What became of a load, from what was acknowledged, what arrived and what the store and its logs
// say, once nothing is left to do.
struct Verdict {
  std::size_t acknowledged = 0;
  std::size_t deleted = 0;
  std::size_t deliveries = 0;
  std::size_t crossed = 0;  // of them, on connections with late bytes
  std::size_t late = 0;     // how often late bytes were written
  std::size_t lost = 0;  // acknowledged tasks that are gone or had an execution without a request
  std::size_t repeats = 0;   // requests of an occurrence beyond its attempts, as the logs tell them
  std::size_t unlogged = 0;  // requests without a log
  std::vector<std::string> wrong;  // all else that is not as docs/semantics.md says

  std::string summary() const;
  // The first of what is wrong.
  std::string first_wrong() const;
};

Verdict check_history(const CrashHistory& history, const CheckOptions& options);

}  // namespace rhooks::testing

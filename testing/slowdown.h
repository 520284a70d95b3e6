#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

namespace rhooks::testing {

// How many times longer things take on this machine, while it lives, than on one that has nothing
// else to do: the threads that want to run, over the cores (proc(5), /proc/loadavg). Some of a
// test's own are not counted. For limits of time that a program keeps only where it gets to run.
// An average does not tell of a machine that stood still once: longest_stall() does.
class Slowdown {
 public:
  ~Slowdown() { stop(); }

  double stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    const double cores = std::max(1u, std::thread::hardware_concurrency());
    return samples_ == 0 ? 1 : std::max(1.0, (sum_ / samples_ - kOwn) / cores);
  }

  // By how much a thread woke up late at most.
  std::chrono::milliseconds longest_stall() {
    stop();
    return std::chrono::ceil<std::chrono::milliseconds>(longest_stall_);
  }

 private:
  using Steady = std::chrono::steady_clock;

  static constexpr double kOwn = 4;
  static constexpr std::chrono::milliseconds kPause{20};

  void run() {
    while (!stop_) {
      const auto before = Steady::now();
      std::ifstream loadavg("/proc/loadavg");
      std::string average;
      double runnable = 0;
      if (loadavg >> average >> average >> average >> runnable) {
        sum_ += runnable;
        samples_ += 1;
      }
      std::this_thread::sleep_for(kPause);
      longest_stall_ = std::max(longest_stall_, Steady::now() - before - kPause);
    }
  }

  std::atomic<bool> stop_{false};
  double sum_ = 0;
  double samples_ = 0;
  Steady::duration longest_stall_{0};
  std::thread thread_{[this] { run(); }};
};

}  // namespace rhooks::testing

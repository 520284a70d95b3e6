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
class Slowdown {
 public:
  ~Slowdown() { stop(); }

  double stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    const double cores = std::max(1u, std::thread::hardware_concurrency());
    return samples_ == 0 ? 1 : std::max(1.0, (sum_ / samples_ - kOwn) / cores);
  }

 private:
  static constexpr double kOwn = 4;

  void run() {
    while (!stop_) {
      std::ifstream loadavg("/proc/loadavg");
      std::string average;
      double runnable = 0;
      if (loadavg >> average >> average >> average >> runnable) {
        sum_ += runnable;
        samples_ += 1;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
  }

  std::atomic<bool> stop_{false};
  double sum_ = 0;
  double samples_ = 0;
  std::thread thread_{[this] { run(); }};
};

}  // namespace rhooks::testing

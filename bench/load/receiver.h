#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "testing/child_process.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {

// What a receiver counts, in memory that it shares with the benchmark.
struct Tally {
  // A request to /due/MILLISECONDS.
  struct Arrival {
    std::int64_t due_ms;
    std::int64_t at_us;  // system clock
  };
  static constexpr std::size_t kArrivalsMax = 1u << 20;

  std::atomic<std::uint64_t> requests;
  std::atomic<std::int64_t> last_at_us;  // system clock
  std::atomic<std::uint64_t> arrival_count;
  Arrival arrivals[kArrivalsMax];
};

// A receiver of webhooks in a process of its own: one thread, epoll, as little work for a
// request as there can be. It reads a request with its body and answers 200 with two bytes. It
// is the same for all that is measured, so its cost is in the ceiling as well.
class Receiver {
 public:
  // Listens on so many ports of 127.0.0.1, which to a sender are so many hosts.
  explicit Receiver(int ports = 1);

  const std::vector<int>& ports() const { return ports_; }
  std::string url(std::size_t host = 0) const;
  Tally& tally() { return *tally_; }
  void reset();
  // Waits until so many requests have come in all; throws where they do not within 60 s.
  void wait_for(std::uint64_t requests);
  double cpu_seconds() const;  // used so far

  // The other process: `args` are those that the constructor gives it.
  static int run(const std::vector<std::string>& args);

 private:
  testing::TempDir dir_{"rhooks-bench-receiver"};
  Tally* tally_ = nullptr;
  std::unique_ptr<testing::ChildProcess> process_;
  std::vector<int> ports_;
};

// Of a process, user and system.
double cpu_seconds_of(int pid);

}  // namespace rhooks::bench

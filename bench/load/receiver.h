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

// By default plain HTTP on one port, every request answered.
struct ReceiverKind {
  std::size_t hosts = 1;   // to a sender: so many ports of 127.0.0.1
  bool addresses = false;  // or, with one port, so many addresses from 127.0.0.1 on
  bool tls = false;
  bool keeps = true;    // connections; otherwise each is for one request
  bool answers = true;  // otherwise a request is read and counted, and that is all
};

// A receiver of webhooks in a process of its own: one thread, epoll, as little work for a
// request as there can be. It reads a request with its body and answers 200 with two bytes. It
// is the same for all that is measured, so its cost is in the ceiling as well.
class Receiver {
 public:
  explicit Receiver(const ReceiverKind& kind = {});

  std::string url(std::size_t host = 0) const;
  // For senders that are to trust it; empty where it is not HTTPS.
  std::string ca_file() const;
  Tally& tally() { return *tally_; }
  void reset();
  // Waits until so many requests have come in all; throws where they do not within 60 s.
  void wait_for(std::uint64_t requests);
  double cpu_seconds() const;  // used so far

  // The other process: `args` are those that the constructor gives it.
  static int run(const std::vector<std::string>& args);

 private:
  const bool tls_;
  testing::TempDir dir_{"rhooks-bench-receiver"};
  Tally* tally_ = nullptr;
  std::unique_ptr<testing::ChildProcess> process_;
  std::vector<std::string> hosts_;  // each with its port
};

// Of a process, user and system.
double cpu_seconds_of(int pid);

}  // namespace rhooks::bench

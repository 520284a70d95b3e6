#pragma once

#include <rhooks/hooks.h>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "bench/load/receiver.h"

namespace rhooks::bench {

// A number of webhooks, and how they are sent.
struct Workload {
  std::size_t count = 100'000;
  std::size_t concurrency = 256;
  std::size_t body_bytes = 100;
  std::size_t hosts = 1;
  bool tls = false;
  bool keeps = true;  // connections; otherwise each is for one webhook
  std::string ns = "bench";
  // What else the n-th task is.
  std::function<void(NewTask& task, std::size_t number)> shape = {};

  std::string conditions() const;  // "concurrency 256, body 100 B, 1 host"
  ReceiverKind receivers() const;
};

// Those that `deliver` measures, and `ceiling` for it.
std::vector<Workload> delivery_workloads();
// Those over TLS that `deliver` measures as well.
std::vector<Workload> https_workloads();

// The webhook of every benchmark: POST with a JSON body of exactly so many bytes.
NewTask webhook(const Receiver& receiver, const Workload& workload, std::size_t number);

// Sends the workload by production's sender alone, without a store, and gives how many a second:
// the ceiling of everything that delivers.
double raw_rate(Receiver& receiver, const Workload& workload);

// Registers at most 1,000 with one call; throws where one is refused.
std::vector<Result<Registration>> register_all(Hooks& hooks, std::vector<NewTask> tasks);

// Registers the webhooks numbered from `first` on, due at `at`, 1,000 a call; throws where one
// is refused.
void fill(Hooks& hooks, const Receiver& receiver, const Workload& workload, std::size_t first,
          TimePoint at);

TimePoint now_ms();

// A workload that is registered as due, in a store with nothing else that is.
class Delivery {
 public:
  Delivery(Hooks& hooks, Receiver& receiver, const Workload& workload);

  // Has it attempted: how many a second until all outcomes and logs were stored.
  double run();
  // Throws where not every webhook came, once and none early, or where the store does not hold
  // each task as DONE and one log of it. It reads them all, which takes time and memory.
  void check();

 private:
  Hooks& hooks_;
  Receiver& receiver_;
  const Workload workload_;
  const TimePoint due_ = now_ms();
};

// All of that; gives what run() does.
double delivery_rate(Hooks& hooks, Receiver& receiver, const Workload& workload);

Options bench_options(const std::string& store, std::size_t concurrency);

// How many the store shows, page by page.
std::size_t count_tasks(Hooks& hooks, const TaskFilter& filter);

// Runs `call(caller)` on a thread for each caller; returns the seconds until all have ended. Throws
// what one of them threw.
double run_callers(std::size_t callers, const std::function<void(std::size_t)>& call);

double seconds_since(std::chrono::steady_clock::time_point begin);

}  // namespace rhooks::bench

// What limits of endpoints cost, and whether a rate is reached.

#include "bench/load/suites.h"
#include "bench/load/workload.h"

// Revisions that are compared may be from before there were limits.
#if __has_include("model/gcra.h")

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>

#include "bench/load/waiting.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kEndpoint = "acme";
constexpr std::int64_t kRateASecond = 1'000;
constexpr std::size_t kLimitedTaskBytes = 1'000;

Options new_store(const testing::TempDir& dir) {
  return bench_options("rocksdb:" + dir.sub("data"),
                       static_cast<std::size_t>(Options{}.concurrency));
}

void put_limited_endpoint(Hooks& hooks, const Receiver& receiver, Endpoint endpoint) {
  endpoint.ns = Workload{}.ns;
  endpoint.name = kEndpoint;
  endpoint.url = receiver.url();
  if (const auto put = hooks.put_endpoint(endpoint); !put) {
    throw std::runtime_error(put.error().message);
  }
}

void send_to_endpoint(NewTask& task) {
  task.endpoint = kEndpoint;
  task.request.url = "/hook";
}

// Of an endpoint like this one, with so many flow keys by turns.
double rate_by_endpoint(Receiver& receiver, const Endpoint& endpoint, Workload workload,
                        std::size_t keys) {
  const testing::TempDir dir("rhooks-bench");
  Hooks hooks(new_store(dir));
  put_limited_endpoint(hooks, receiver, endpoint);
  workload.shape = [keys](NewTask& task, std::size_t number) {
    send_to_endpoint(task);
    if (keys > 0) task.flow_key = "customer " + std::to_string(number % keys);
  };
  return delivery_rate(hooks, receiver, workload);
}

double rate_without_endpoint(Receiver& receiver, const Workload& workload) {
  const testing::TempDir dir("rhooks-bench");
  Hooks hooks(new_store(dir));
  return delivery_rate(hooks, receiver, workload);
}

void add_by_endpoint(Report& report, const Extent& extent, const std::string& conditions,
                     const Endpoint& endpoint, std::size_t keys) {
  if (!extent.wants(conditions)) return;
  Report::progress("limits: " + conditions);
  Workload workload;
  workload.count = extent.count(workload.count);
  workload.concurrency = static_cast<std::size_t>(Options{}.concurrency);
  Receiver receiver(workload.receivers());
  report.add(measure_pairs(
      {"limits", "rate", conditions, 0, "tasks/s", {}}, "without an endpoint", extent,
      [&] { return rate_without_endpoint(receiver, workload); },
      [&] { return rate_by_endpoint(receiver, endpoint, workload, keys); }));
}

// All the time while far more wait than may begin.
void add_rate_reached(Report& report, const Extent& extent) {
  const std::size_t waiting = std::max<std::size_t>(extent.count(1'000'000), 60'000);
  const std::string conditions =
      "rate " + std::to_string(kRateASecond) + "/1s, " + count_text(waiting) + " waiting";
  if (!extent.wants(conditions)) return;
  check_free_space(waiting * kLimitedTaskBytes, conditions);
  Report::progress("limits: " + conditions);
  Receiver receiver;
  const testing::TempDir dir("rhooks-bench");
  Options options = new_store(dir);
  options.drain_timeout = 0ms;
  Hooks hooks(options);
  Endpoint endpoint;
  endpoint.rate = Rate{kRateASecond, 1s};
  put_limited_endpoint(hooks, receiver, endpoint);
  Workload workload{.count = waiting};
  workload.shape = [](NewTask& task, std::size_t) { send_to_endpoint(task); };
  fill(hooks, receiver, workload, 0, now_ms());
  wait_until_idle(::getpid());
  if (const auto started = hooks.start(); !started) {
    throw std::runtime_error(started.error().message);
  }
  receiver.wait_for(1);
  const auto begin = std::chrono::steady_clock::now();
  const auto before = receiver.tally().requests.load();
  std::this_thread::sleep_for(std::chrono::ceil<std::chrono::milliseconds>(
      std::chrono::duration<double>(std::max(20 * std::min(extent.scale, 1.0), 2.0))));
  const double come = static_cast<double>(receiver.tally().requests.load() - before);
  Row row{"limits", "rate", conditions, come / seconds_since(begin), "tasks/s", {}};
  hooks.stop();
  if (extent.ceilings) {
    const auto allowed = static_cast<double>(kRateASecond);
    row.ceiling = Ceiling{"the rate", allowed, row.value / allowed};
  }
  report.add(row);
}

}  // namespace

void run_limits(Report& report, const Extent& extent) {
  Endpoint endpoint;
  add_by_endpoint(report, extent, "an endpoint without limits", endpoint, 0);
  endpoint.concurrency = Options{}.concurrency;
  add_by_endpoint(report, extent,
                  "concurrency " + std::to_string(*endpoint.concurrency) + ", of as many slots",
                  endpoint, 0);
  endpoint.concurrency = 1;
  add_by_endpoint(report, extent, "concurrency 1, a flow key for each task", endpoint,
                  std::numeric_limits<std::size_t>::max());
#if __has_include("hooks/ordered_dates.h")
  endpoint.ordered = true;
  add_by_endpoint(report, extent, "ordered, 1,000 flow keys", endpoint, 1'000);
#endif
  add_rate_reached(report, extent);
}

}  // namespace rhooks::bench

#else

namespace rhooks::bench {

void run_limits(Report&, const Extent&) {}

}  // namespace rhooks::bench

#endif

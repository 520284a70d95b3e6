// Whether the rate holds while the store grows: webhooks are registered and delivered for ten
// minutes, as fast as they are delivered.

#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/load/suites.h"
#include "bench/load/waiting.h"
#include "bench/load/workload.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMinutes = 10;
constexpr std::size_t kConcurrency = 256;
// That many are due and not yet delivered, or some more: the worker never waits for them.
constexpr std::size_t kBacklog = 20'000;
constexpr std::size_t kFedAtOnce = 1'000;
// For a rate of 20,000 a second; a task and its log.
constexpr std::size_t kRateMax = 20'000;
constexpr std::size_t kBytesOfEach = 1'500;

// Registers in the background whatever is delivered, until it ends.
class Feeder {
 public:
  Feeder(Hooks& hooks, Receiver& receiver) : hooks_(hooks), receiver_(receiver) {
    thread_ = std::thread([this] { feed(); });
  }
  ~Feeder() { stop(); }

  // How many it registered. Throws where one was refused.
  std::size_t stop() {
    ends_ = true;
    if (thread_.joinable()) thread_.join();
    if (!error_.empty()) throw std::runtime_error(std::exchange(error_, {}));
    return registered_;
  }

 private:
  void feed() {
    const Workload batch{.count = kFedAtOnce};
    try {
      while (!ends_) {
        if (registered_ < receiver_.tally().requests + kBacklog) {
          fill(hooks_, receiver_, batch, registered_, now_ms());
          registered_ += kFedAtOnce;
        } else {
          std::this_thread::sleep_for(milliseconds{5});
        }
      }
    } catch (const std::exception& error) {
      error_ = error.what();
    }
  }

  Hooks& hooks_;
  Receiver& receiver_;
  std::atomic<bool> ends_{false};
  std::size_t registered_ = 0;
  std::string error_;
  std::thread thread_;
};

// How many came to the receiver a second, in each minute.
std::vector<double> rates(milliseconds minute) {
  testing::TempDir dir("rhooks-bench");
  Receiver receiver;
  Hooks hooks(bench_options("rocksdb:" + dir.sub("data"), kConcurrency));
  if (auto started = hooks.start(); !started) throw std::runtime_error(started.error().message);
  Feeder feeder(hooks, receiver);
  std::vector<double> rates;
  const auto begin = steady_clock::now();
  auto from = begin;
  std::uint64_t before = 0;
  for (std::size_t i = 1; i <= kMinutes; ++i) {
    std::this_thread::sleep_until(begin + i * minute);
    const auto now = steady_clock::now();
    const std::uint64_t requests = receiver.tally().requests;
    rates.push_back(static_cast<double>(requests - before) /
                    std::chrono::duration<double>(now - from).count());
    Report::progress("sustained: minute " + std::to_string(i) + ": " + number(rates.back()) +
                     " a second");
    before = requests;
    from = now;
  }
  const std::size_t registered = feeder.stop();
  receiver.wait_for(registered);
  hooks.stop();
  if (receiver.tally().requests != registered) {
    throw std::runtime_error("the receiver got " + std::to_string(receiver.tally().requests) +
                             " webhooks for " + std::to_string(registered));
  }
  return rates;
}

}  // namespace

void run_sustained(Report& report, const Extent& extent) {
  const milliseconds minute(
      std::max<std::int64_t>(static_cast<std::int64_t>(60'000 * extent.scale), 1'000));
  const std::string conditions =
      "concurrency " + std::to_string(kConcurrency) + ", body 100 B, registered at the same time";
  if (!extent.wants(conditions)) return;
  const auto seconds = static_cast<std::size_t>(minute.count()) * kMinutes / 1'000;
  check_free_space(seconds * kRateMax * kBytesOfEach, "ten minutes of deliveries");
  Report::progress("sustained: " + conditions);
  const std::vector<double> all = rates(minute);
  const auto mean = [&](std::size_t first) { return (all[first] + all[first + 1]) / 2; };
  const double early = mean(1), late = mean(kMinutes - 2);
  report.add({"sustained", "minutes two and three", conditions, early, "tasks/s", {}, true});
  report.add({"sustained", "the last two of ten", conditions, late, "tasks/s",
              Ceiling{"minutes two and three", early, late / early}});
}

}  // namespace rhooks::bench

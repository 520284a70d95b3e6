// How long after its millisecond a webhook arrives, while many others wait for theirs.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "bench/load/schedule.h"
#include "bench/load/suites.h"
#include "bench/load/waiting.h"
#include "bench/load/workload.h"
#include "delivery/curl_sender.h"
#include "delivery/request_builder.h"
#include "model/new_task.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr std::size_t kConcurrency = 256;

// As many as there should be, and none twice: then none is missing either.
std::vector<double> lateness_of_all(Receiver& receiver, const Schedule& schedule) {
  std::vector<double> late = lateness_ms(receiver, schedule);
  if (late.size() != schedule.count) {
    throw std::runtime_error("of " + std::to_string(schedule.count) + " webhooks " +
                             std::to_string(late.size()) + " came");
  }
  return late;
}

// The ceiling: production's sender alone, by a thread that sleeps until each millisecond and
// finds its request made.
std::vector<double> raw_lateness(Receiver& receiver, std::size_t count) {
  receiver.reset();
  SystemClock clock;
  delivery::CurlSenderOptions options;
  options.max_in_flight = kConcurrency;
  auto sender = delivery::CurlSender::create(options, clock);
  if (!sender) throw std::runtime_error(sender.error().message);

  const Schedule schedule{now_ms() + std::chrono::seconds{2} + milliseconds(count / 50), count};
  std::vector<delivery::HttpRequest> requests;
  requests.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto record = model::make_record(schedule.task(receiver, i), clock.now(), Uuid{});
    requests.push_back(delivery::build_request(record.task, schedule.due(i)).value());
  }
  if (now_ms() >= schedule.start) throw std::runtime_error("the requests were not made in time");

  const auto collect = [&](milliseconds wait) {
    for (const auto& result : (*sender)->poll(wait)) {
      if (!result.outcome.ok())
        throw std::runtime_error("a request failed: " + result.outcome.error);
    }
  };
  for (std::size_t i = 0; i < count; ++i) {
    std::this_thread::sleep_until(schedule.due(i));
    (*sender)->start(std::move(requests[i]));
    collect(milliseconds{0});
  }
  while ((*sender)->in_flight() > 0) collect(milliseconds{1'000});
  return lateness_of_all(receiver, schedule);
}

std::vector<double> worker_lateness(Receiver& receiver, std::size_t count, std::size_t waiting) {
  testing::TempDir dir("rhooks-bench");
  Hooks hooks(bench_options("rocksdb:" + dir.sub("data"), kConcurrency));
  const auto begin = std::chrono::steady_clock::now();
  fill_waiting(hooks, receiver, {.count = waiting}, [](std::size_t) {});
  wait_until_idle(::getpid());
  receiver.reset();

  // In time for twice as long as registering took so far, a task.
  const double each = 2 * seconds_since(begin) / static_cast<double>(waiting);
  const milliseconds ahead{static_cast<int>(1e3 * each * static_cast<double>(count))};
  const Schedule schedule{now_ms() + std::chrono::seconds{2} + ahead, count};
  register_schedule(hooks, receiver, schedule);
  if (const auto started = hooks.start(); !started) {
    throw std::runtime_error(started.error().message);
  }
  if (now_ms() >= schedule.start) throw std::runtime_error("the tasks were not there in time");

  std::this_thread::sleep_until(schedule.due(count));
  receiver.wait_for(count);
  hooks.stop();
  return lateness_of_all(receiver, schedule);
}

}  // namespace

void run_lateness(Report& report, const Extent& extent) {
  const std::size_t seconds = std::max<std::size_t>(extent.count(60), 1);
  const std::size_t waiting = std::max<std::size_t>(extent.count(1'000'000), 1'000);
  const std::string conditions =
      "1,000 tasks/s for " + std::to_string(seconds) + " s, " + count_text(waiting) + " waiting";
  if (!extent.wants(conditions)) return;
  Report::progress("lateness: " + conditions);
  Receiver receiver;
  const auto raw = raw_lateness(receiver, seconds * 1'000);
  const auto late = worker_lateness(receiver, seconds * 1'000, waiting);
  const std::pair<const char*, double> shares[] = {
      {"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};
  for (const auto& [name, share] : shares) {
    const double ceiling = percentile(raw, share), value = percentile(late, share);
    report.add({"lateness", name, conditions, value, "ms",
                Ceiling{"raw sender", ceiling, value / ceiling}});
  }
}

}  // namespace rhooks::bench

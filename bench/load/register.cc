// Registering: how many tasks a second are synced and acknowledged, while nothing is delivered.

#include <algorithm>
#include <functional>
#include <random>
#include <stdexcept>

#include "bench/load/raw_store.h"
#include "bench/load/suites.h"
#include "bench/load/waiting.h"
#include "bench/load/workload.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

constexpr std::size_t kCallBatch = 1'000;

// So many tasks, made by so many callers.
struct CallShape {
  std::size_t callers;
  // When they are due: all of them when they are registered, or anywhere in a year, in no order.
  bool at_once;

  std::string conditions() const {
    return "batches of 1,000, body 100 B, " + std::to_string(callers) +
           (callers == 1 ? " caller" : " callers") +
           (at_once ? ", due at once" : ", due over a year");
  }
};

// What makes the tasks of a shape: the same ones each time.
std::function<NewTask(std::size_t)> maker(const Receiver& receiver, const CallShape& shape) {
  return [&receiver, shape, random = std::mt19937_64(1)](std::size_t number) mutable {
    NewTask task = webhook(receiver, {}, number);
    if (!shape.at_once) task.scheduled_date = random_date(random);
    return task;
  };
}

// A library call takes its tasks away, so they are made before.
double library_rate(std::size_t count, std::size_t callers,
                    const std::function<NewTask(std::size_t)>& task) {
  testing::TempDir dir("rhooks-bench");
  Hooks hooks(bench_options("rocksdb:" + dir.sub("data"), 1));
  std::vector<std::vector<NewTask>> batches(count / kCallBatch);
  for (std::size_t n = 0; n < count; ++n) batches[n / kCallBatch].push_back(task(n));
  const double seconds = run_callers(callers, [&](std::size_t caller) {
    for (std::size_t i = caller; i < batches.size(); i += callers) {
      register_all(hooks, std::move(batches[i]));
    }
  });
  const std::size_t stored = count_tasks(hooks, {.ns = "bench"});
  if (stored != count) {
    throw std::runtime_error(std::to_string(count) + " tasks were acknowledged, " +
                             std::to_string(stored) + " are stored");
  }
  return static_cast<double>(count) / seconds;
}

void add_library_rows(Report& report, const Extent& extent) {
  const Receiver receiver;  // for its URL; nothing is sent
  for (const CallShape& shape : {CallShape{1, true}, CallShape{2, true}, CallShape{1, false}}) {
    if (!extent.wants(shape.conditions())) continue;
    Report::progress("register: library, " + shape.conditions());
    // Whole batches, and as many for each caller.
    const std::size_t step = kCallBatch * shape.callers;
    const std::size_t count = std::max<std::size_t>(extent.count(200'000) / step, 1) * step;
    report.add(measure_pairs(
        {"register", "library", shape.conditions(), 0, "tasks/s", {}}, kRawStore, extent,
        [&] { return raw_store_rate(count, shape.callers, maker(receiver, shape)); },
        [&] { return library_rate(count, shape.callers, maker(receiver, shape)); }));
  }
}

}  // namespace

void run_register(Report& report, const Extent& extent) {
  add_library_rows(report, extent);
  add_rest_rows(report, extent);
}

}  // namespace rhooks::bench

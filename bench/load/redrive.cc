// How fast FAILED tasks are run again where the rate does not hold them up: all of a namespace, and
// one of a thousand, which have to be looked for among the others.

#include "bench/load/suites.h"

// Revisions from before there were any are compared with all the same.
#if __has_include(<rhooks/redrive.h>)

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "bench/load/waiting.h"
#include "bench/load/workload.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

constexpr std::size_t kFailedTasks = 100'000;
constexpr std::size_t kOneOf = 1'000;
constexpr std::size_t kFailedTaskBytes = 1'000;
constexpr std::size_t kAtOnceFailed = 1'000;
// Tasks of one step of a redrive.
constexpr int kTasksOfAStep = 100;
constexpr const char* kCancelMany = "cancel-many, 100 a call";

void put_endpoint(Hooks& hooks) {
  Endpoint endpoint;
  endpoint.ns = "bench";
  endpoint.name = "acme";
  endpoint.url = "http://127.0.0.1:9/hook";
  const auto put = hooks.put_endpoint(endpoint);
  if (!put) throw std::runtime_error(put.error().message);
}

// One of a thousand names the endpoint.
void register_waiting(Hooks& hooks, std::size_t count) {
  put_endpoint(hooks);
  NewTask task;
  task.ns = "bench";
  task.request.url = "http://127.0.0.1:9/hook";
  task.request.method = Method::kPost;
  task.request.body = Body::json(std::string(98, '1'));
  task.scheduled_date = now_ms() + std::chrono::hours{24 * 365};
  NewTask other = task;
  other.endpoint = "acme";
  other.request.url = "/";
  for (std::size_t i = 0; i < count; i += kAtOnceFailed) {
    std::vector<NewTask> tasks(kAtOnceFailed, task);
    tasks[kAtOnceFailed / 2] = other;
    register_all(hooks, std::move(tasks));
  }
}

// Tasks of a store of its own, all of them FAILED.
class FailedTasks {
 public:
  explicit FailedTasks(std::size_t count)
      : count_(count), hooks_(bench_options("rocksdb:" + dir_.sub("data"), 25)) {
    register_waiting(hooks_, count);
    cancel_all();
  }

  // How fast they were made so, as many with each write as a redrive takes.
  double cancel_rate() const { return cancel_rate_; }

  // Runs all of them again, or those of the endpoint: how many a second it looks at.
  double redrive_rate(bool all) {
    Redrive asked;
    asked.ns = "bench";
    asked.reason = "cancelled";
    asked.rate = {10'000, std::chrono::seconds{1}};
    if (!all) asked.endpoint = "acme";
    const auto from = std::chrono::steady_clock::now();
    auto redrive = hooks_.start_redrive(asked);
    while (redrive && redrive->state == RedriveState::kRunning) {
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
      redrive = hooks_.redrive("bench");
    }
    const double seconds = seconds_since(from);
    if (!redrive) throw std::runtime_error(redrive.error().message);
    if (redrive->redriven != static_cast<std::int64_t>(all ? count_ : count_ / kOneOf)) {
      throw std::runtime_error(std::to_string(redrive->redriven) + " redriven");
    }
    return static_cast<double>(count_) / seconds;
  }

 private:
  void cancel_all() {
    ManyQuery query;
    query.filter.ns = "bench";
    query.chunk_limit = kTasksOfAStep;
    const auto from = std::chrono::steady_clock::now();
    std::size_t cancelled = 0;
    for (bool more = true; more;) {
      const auto result = hooks_.cancel_many(query);
      if (!result) throw std::runtime_error(result.error().message);
      cancelled += static_cast<std::size_t>(result->count);
      query.start_key = result->last_evaluated_key;
      more = result->more;
    }
    if (cancelled != count_) throw std::runtime_error("some are left");
    cancel_rate_ = static_cast<double>(count_) / seconds_since(from);
  }

  const std::size_t count_;
  const testing::TempDir dir_{"rhooks-bench-redrive"};
  Hooks hooks_;
  double cancel_rate_ = 0;
};

}  // namespace

void run_redrive(Report& report, const Extent& extent) {
  const std::size_t count =
      std::max(extent.count(kFailedTasks) / kAtOnceFailed, std::size_t{1}) * kAtOnceFailed;
  for (const bool all : {true, false}) {
    const std::string conditions = (all ? "all of " : "one of 1,000 among ") + count_text(count);
    if (!extent.wants(conditions)) continue;
    check_free_space(count * kFailedTaskBytes, count_text(count) + " FAILED tasks");
    Report::progress("redrive: " + conditions);
    report.add(measure_pairs(
        {"redrive", "rate", conditions, 0, "tasks/s", {}}, kCancelMany, extent,
        [&] { return FailedTasks(count).cancel_rate(); },
        [&] { return FailedTasks(count).redrive_rate(all); }));
  }
}

}  // namespace rhooks::bench

#else

namespace rhooks::bench {

void run_redrive(Report&, const Extent&) {}

}  // namespace rhooks::bench

#endif

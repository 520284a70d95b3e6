// Whether receivers that never answer hold up the webhooks of one that does, and whether many hosts
// take longer than one. All options are the defaults.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/load/dynamo_writes.h"
#include "bench/load/schedule.h"
#include "bench/load/suites.h"
#include "bench/load/waiting.h"
#include "bench/load/workload.h"
#include "testing/dynalite.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kDeadHosts = 20;
constexpr std::size_t kHosts = 10'000;  // each is a socket that listens
constexpr auto kStep = 20ms;            // between two webhooks of the healthy receiver
constexpr std::size_t kDueTaskBytes = 1'000;
constexpr const char* kNoneDead = "none dead";

// What stands in the way of the healthy receiver's webhooks.
struct Obstacle {
  std::string name;
  std::size_t due = 0;       // tasks of the dead receivers
  std::string ns = "bench";  // of those; that of the healthy receiver's is "bench"
  bool restarted = false;    // it is not known yet who answers
  bool on_tables = false;    // of DynamoDB, on the emulator
};

// A new store, and the defaults beside it.
struct Place {
  explicit Place(bool on_tables) {
    if (on_tables) {
      options = on_new_tables(testing::dynalite_endpoint(),
                              static_cast<std::size_t>(Options{}.concurrency));
      tables.emplace(std::vector{options.tasks_table_name, options.logs_table_name});
    } else {
      dir.emplace("rhooks-bench");
      options.store = "rocksdb:" + dir->sub("data");
    }
    options.drain_timeout = 0ms;  // stopping does not wait for the dead
  }

  Options options;
  std::optional<testing::TempDir> dir;
  std::optional<TablesUsed> tables;
};

// How much is measured.
struct Trial {
  explicit Trial(const Extent& extent) {
    const double part = std::min(extent.scale, 1.0);
    const auto scaled = [&](std::chrono::seconds full) {
      const double count = part * static_cast<double>(full.count());
      return std::chrono::seconds{std::max(std::lround(count), 1L)};
    };
    webhooks = std::max<std::size_t>(extent.count(300), 30);
    within = scaled(40s);
    dead_for = scaled(std::chrono::ceil<std::chrono::seconds>(Options{}.request_timeout) + 2s);
  }

  std::size_t webhooks = 0;
  // Of its time: a webhook that comes later counts as one that does not come.
  std::chrono::seconds within{};
  std::chrono::seconds dead_for{};  // before the first of them
};

struct Figures {
  double p50_ms = 0, p99_ms = 0, arrived = 0;
};

// Those that did not come in time are taken as having come at the end of it.
Figures figures_of(std::vector<double> late_ms, const Trial& trial) {
  const auto limit = static_cast<double>(std::chrono::milliseconds{trial.within}.count());
  std::erase_if(late_ms, [&](double late) { return late > limit; });
  const auto arrived = static_cast<double>(late_ms.size());
  late_ms.resize(trial.webhooks, limit);
  return {percentile(late_ms, 0.5), percentile(late_ms, 0.99), arrived};
}

void start_worker(Hooks& hooks) {
  if (const auto started = hooks.start(); !started) {
    throw std::runtime_error(started.error().message);
  }
}

// Until all have come, or what comes does not count any more.
void wait_for_arrivals(Receiver& receiver, const Schedule& schedule, std::chrono::seconds within) {
  const TimePoint end = schedule.due(schedule.count) + within;
  while (receiver.tally().arrival_count < schedule.count && now_ms() < end) {
    std::this_thread::sleep_for(10ms);
  }
}

Figures measure_past(const Obstacle& obstacle, const Trial& trial) {
  const Place place(obstacle.on_tables);
  Receiver healthy;
  Receiver dead({.hosts = kDeadHosts, .answers = false});
  std::optional<Hooks> hooks(std::in_place, place.options);
  fill(*hooks, dead, {.count = obstacle.due, .hosts = kDeadHosts, .ns = obstacle.ns}, 0, now_ms());
  wait_until_idle(::getpid());
  start_worker(*hooks);
  if (obstacle.due > 0) {
    dead.wait_for(1);
    std::this_thread::sleep_for(trial.dead_for);
  }
  if (obstacle.restarted) {
    hooks.reset();
    hooks.emplace(place.options);
  }

  // The emulator takes longer to register them.
  const Schedule schedule{now_ms() + (obstacle.on_tables ? 5s : 1s), trial.webhooks, kStep};
  register_schedule(*hooks, healthy, schedule);
  start_worker(*hooks);
  if (now_ms() >= schedule.start) throw std::runtime_error("the tasks were not there in time");
  wait_for_arrivals(healthy, schedule, trial.within);
  hooks->stop();
  return figures_of(lateness_ms(healthy, schedule), trial);
}

class IsolationSuite {
 public:
  IsolationSuite(Report& report, const Extent& extent)
      : report_(report), extent_(extent), trial_(extent) {}

  void run() {
    const std::size_t each = std::max<std::size_t>(extent_.count(500), 10);
    const std::size_t many = std::max(extent_.count(1'000'000), kDeadHosts * each);
    const std::string dead = std::to_string(kDeadHosts) + " dead";
    const std::string dead_for = dead + " for " + std::to_string(trial_.dead_for.count()) + " s";
    const std::string due = ", " + count_text(each) + " due each";
    add({.name = kNoneDead});
    add({.name = dead_for + due, .due = kDeadHosts * each});
    add({.name = dead + due + ", just restarted", .due = kDeadHosts * each, .restarted = true});
    add({.name = dead_for + ", " + count_text(many) + " of another namespace",
         .due = many,
         .ns = "dead"});
    add({.name = kNoneDead, .on_tables = true});
    add({.name = dead_for + due, .due = kDeadHosts * each, .on_tables = true});
  }

 private:
  void add(const Obstacle& obstacle) {
    const std::string conditions = count_text(trial_.webhooks) + " at " +
                                   std::to_string(1s / kStep) + "/s, " + obstacle.name +
                                   (obstacle.on_tables ? ", DynamoDB" : "");
    if (!extent_.wants(conditions)) return;
    check_free_space(obstacle.due * kDueTaskBytes, conditions);
    const bool is_alone = obstacle.due == 0;
    auto& alone = obstacle.on_tables ? alone_on_tables_ : alone_;
    // First what the others stand by.
    if (!alone && (is_alone || extent_.ceilings)) {
      Report::progress("isolation: " + std::string(kNoneDead));
      alone = measure_past({.name = kNoneDead, .on_tables = obstacle.on_tables}, trial_);
    }
    if (!is_alone) Report::progress("isolation: " + conditions);
    const Figures figures = is_alone ? *alone : measure_past(obstacle, trial_);
    const auto add_row = [&](const std::string& name, const char* unit, double Figures::*figure) {
      Row row{"isolation", name, conditions, figures.*figure, unit, {}};
      row.baseline = is_alone;
      if (!is_alone && extent_.ceilings) {
        const double beside = (*alone).*figure;
        row.ceiling = Ceiling{kNoneDead, beside, row.value / beside};
      }
      report_.add(row);
    };
    add_row("p50", "ms", &Figures::p50_ms);
    add_row("p99", "ms", &Figures::p99_ms);
    add_row("arrived within " + std::to_string(trial_.within.count()) + " s", "webhooks",
            &Figures::arrived);
  }

  Report& report_;
  const Extent& extent_;
  const Trial trial_;
  std::optional<Figures> alone_;
  std::optional<Figures> alone_on_tables_;
};

// A webhook for each of many hosts, by as many for one of them.
void add_many_hosts(Report& report, const Extent& extent) {
  const std::size_t hosts = std::clamp<std::size_t>(extent.count(kHosts), 100, kHosts);
  const std::string conditions = count_text(hosts) + " hosts, a webhook each";
  if (!extent.wants(conditions)) return;
  Report::progress("isolation: " + conditions);
  Receiver receiver({.hosts = hosts, .addresses = true});
  const auto seconds_for = [&](std::size_t of_them) {
    const testing::TempDir dir("rhooks-bench");
    const auto concurrency = static_cast<std::size_t>(Options{}.concurrency);
    Hooks hooks(bench_options("rocksdb:" + dir.sub("data"), concurrency));
    const Workload workload{.count = hosts, .concurrency = concurrency, .hosts = of_them};
    return static_cast<double>(hosts) / delivery_rate(hooks, receiver, workload);
  };
  report.add(measure_pairs(
      {"isolation", "until all are delivered", conditions, 0, "s", {}}, "1 host", extent,
      [&] { return seconds_for(1); }, [&] { return seconds_for(hosts); }));
}

}  // namespace

void run_isolation(Report& report, const Extent& extent) {
  IsolationSuite(report, extent).run();
  add_many_hosts(report, extent);
}

}  // namespace rhooks::bench

// What many waiting tasks cost: the rate of deliveries past them, the memory, the CPU of doing
// nothing, and the time to start. Each is measured in a process of its own, on a store that has
// come to rest and whose files are in the system's cache, and stands by the same with 10 thousand
// tasks waiting; for the rate that is another store for each size, so that in a pair both have
// delivered the same before.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bench/load/raw_store.h"
#include "bench/load/server.h"
#include "bench/load/suites.h"
#include "bench/load/waiting.h"
#include "bench/load/workload.h"
#include "testing/process_facts.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kFew = 10'000;
constexpr std::size_t kDelivered = 100'000;  // in each measurement
constexpr std::size_t kFirst = 100'000;      // registered, by which all are judged
constexpr std::size_t kTaskBytes = 300;      // on the disk while files are merged; 180 were seen
constexpr std::size_t kDeliveredBytes = 1'000'000'000;  // what deliveries add, to all stores
constexpr int kStarts = 3;
constexpr auto kIdle = 10s;
constexpr double kMb = 1e6;

// The other processes: what they find out they print, one line each.
int fill_step(const std::string& store, std::size_t count) {
  Receiver receiver;
  Hooks hooks(bench_options(store, 256));
  const auto begin = Steady::now();
  double first_rate = 0;
  fill_waiting(hooks, receiver, {.count = count}, [&](std::size_t done) {
    if (done % kFirst != 0) return;
    if (first_rate == 0) first_rate = static_cast<double>(done) / seconds_since(begin);
    std::cout << "at " << done << std::endl;
  });
  const double rate = static_cast<double>(count) / seconds_since(begin);
  std::cout << "filled " << rate << ' ' << (first_rate > 0 ? first_rate : rate) << ' '
            << testing::resident_bytes_max(::getpid()) << std::endl;
  wait_until_idle(::getpid());
  return 0;
}

enum class Ending { kKilled, kStopped };

int deliver_step(const std::string& store, std::size_t count, Ending ending) {
  Hooks hooks(bench_options(store, 256));
  double rate = 0;
  std::size_t bytes = 0;
  {
    // Gone before the answer, at which this process may be killed: its directory would stay.
    Receiver receiver;
    Delivery delivery(hooks, receiver, {.count = count});
    // Merging what the process before and registering have left would be measured as well.
    wait_until_idle(::getpid());
    rate = delivery.run();
    bytes = testing::resident_bytes_max(::getpid());
    delivery.check();
  }
  std::cout << "delivered " << rate << ' ' << bytes << std::endl;
  if (ending == Ending::kStopped) return 0;
  while (true) std::this_thread::sleep_for(1h);  // to be killed, with its log of writes full
}

// Starts this program again for one step, which it goes on with until it is killed or ends.
std::unique_ptr<testing::ChildProcess> step(const std::string& name, const std::string& store,
                                            std::size_t count) {
  return std::make_unique<testing::ChildProcess>(
      std::vector<std::string>{std::filesystem::read_symlink("/proc/self/exe").string(),
                               "--scale-step", name, store, std::to_string(count)});
}

// A store with so many tasks waiting, and what is found out about it.
class Subject {
 public:
  explicit Subject(std::size_t count) : count_(count) { fill(); }

  std::size_t count() const { return count_; }
  double fill_rate() const { return fill_rate_; }
  double first_fill_rate() const { return first_fill_rate_; }
  double megabytes() const { return bytes_ / kMb; }  // the most, whatever it was doing
  double idle_percent() const { return idle_share_ * 100; }
  double start_clean() const { return median(starts_clean_); }  // seconds
  double start_stopped() const { return median(starts_stopped_); }
  double start_killed() const { return median(starts_killed_); }

  // The rate. The process then ends as `ending` says, and the time to start after it is measured.
  double deliver(std::size_t tasks, Ending ending) {
    const bool killed = ending == Ending::kKilled;
    auto child = step(killed ? "deliver" : "deliver-and-stop", store_, tasks);
    std::istringstream fields(child->read_line(10min).value_or(""));
    std::string word;
    double rate = 0, bytes = 0;
    if (!(fields >> word >> rate >> bytes) || (!killed && child->wait() != 0)) {
      throw std::runtime_error("delivering failed: " + child->errors());
    }
    child.reset();
    bytes_ = std::max(bytes_, bytes);
    (killed ? starts_killed_ : starts_stopped_).push_back(start());
    return rate;
  }

  // The real binary, with nothing to do and nothing to replay.
  void serve() {
    for (int i = 0; i < kStarts; ++i) starts_clean_.push_back(start());
    Server server(store_);
    wait_until_idle(server.pid());
    idle_share_ = cpu_share(server.pid(), kIdle);
    stop(server);
  }

 private:
  void fill() {
    const auto child = step("fill", store_, count_);
    while (fill_rate_ == 0) {
      const auto line = child->read_line(10min);
      std::istringstream fields(line.value_or(""));
      std::string word;
      std::size_t done = 0;
      fields >> word;
      if (word == "at" && fields >> done) {
        if (done % 1'000'000 == 0) Report::progress("scale: registered " + count_text(done));
      } else if (word != "filled" || !(fields >> fill_rate_ >> first_fill_rate_ >> bytes_)) {
        throw std::runtime_error("filling the store failed: " + child->errors());
      }
    }
    Report::progress("scale: the store comes to rest");
    if (child->wait(10min) != 0) throw std::runtime_error("filling failed: " + child->errors());
  }

  double start() {
    Server server(store_);
    stop(server);
    return server.start_seconds();
  }

  void stop(Server& server) {
    bytes_ = std::max(bytes_, static_cast<double>(testing::resident_bytes_max(server.pid())));
    server.stop();
  }

  const std::size_t count_;
  const testing::TempDir dir_{"rhooks-bench-scale"};
  const std::string store_ = "rocksdb:" + dir_.sub("data");
  double fill_rate_ = 0, first_fill_rate_ = 0, bytes_ = 0, idle_share_ = 0;
  std::vector<double> starts_clean_, starts_stopped_, starts_killed_;
};

class ScaleSuite {
 public:
  ScaleSuite(Report& report, const Extent& extent)
      : report_(report), extent_(extent), delivered_(extent.count(kDelivered)) {}

  void run() {
    bool wanted = extent_.wants(conditions(kFew));
    std::vector<std::size_t> counts;
    for (const std::size_t full : {1'000'000, 10'000'000}) {
      const std::size_t count = extent_.count(full);
      if (count <= kFew) {
        Report::progress("scale: no rows for " + count_text(full) +
                         " tasks, of which --scale leaves " + count_text(count));
      } else if (extent_.wants(conditions(count))) {
        wanted = true;
        counts.push_back(count);
      }
    }
    if (!wanted) return;
    const std::size_t most = counts.empty() ? kFew : counts.back();
    check_free_space(most * kTaskBytes + kDeliveredBytes, conditions(most));
    // The few are what the others stand by.
    Subject few(kFew);
    measure(few, few);
    for (const std::size_t count : counts) {
      Subject many(count);
      measure(many, few);
    }
  }

 private:
  static std::string conditions(std::size_t count) { return count_text(count) + " waiting"; }

  void measure(Subject& subject, const Subject& few) {
    const std::string waiting = conditions(subject.count());
    const std::string delivered = waiting + ", " + count_text(delivered_) + " delivered";
    add_registering(subject, few);
    Report::progress("scale: deliveries with " + waiting);
    add_deliveries(subject, few, delivered);
    Report::progress("scale: starting and doing nothing with " + waiting);
    // Once is enough: an orderly end leaves the log of writes as full as a kill, after which the
    // start is measured in every pair.
    subject.deliver(delivered_, Ending::kStopped);
    subject.serve();
    const auto add = [&](const std::string& name, const std::string& conditions,
                         double (Subject::*figure)() const, const std::string& unit) {
      Row row{"scale", name, conditions, (subject.*figure)(), unit, {}};
      row.baseline = &subject == &few;
      if (!row.baseline) {
        const double value = (few.*figure)();
        row.ceiling = Ceiling{ScaleSuite::conditions(kFew), value, row.value / value};
      }
      report_.add(row);
    };
    add("memory, at most", waiting, &Subject::megabytes, "MB");
    add("CPU when idle", waiting, &Subject::idle_percent, "%");
    add("start, nothing to replay", waiting + ", files cached", &Subject::start_clean, "s");
    add("start, stopped before", delivered + ", files cached", &Subject::start_stopped, "s");
    add("start, killed before", delivered + ", files cached", &Subject::start_killed, "s");
  }

  // Of the few by what RocksDB takes, in pairs and so on stores of their own, since registering
  // them is over so soon; of the others by how they began.
  void add_registering(const Subject& subject, const Subject& few) {
    Row row{"scale", "registering them", conditions(subject.count()), 0, "tasks/s", {}};
    if (&subject == &few) {
      const Receiver receiver;  // for its URL; nothing is sent
      std::mt19937_64 random(1);
      const auto task = [&](std::size_t number) {
        NewTask made = webhook(receiver, {}, number);
        made.scheduled_date = random_date(random);
        return made;
      };
      row = measure_pairs(
          row, kRawStore, extent_, [&] { return raw_store_rate(kFew, 1, task); },
          [] { return Subject(kFew).fill_rate(); });
    } else {
      const double first = subject.first_fill_rate();
      row.value = subject.fill_rate();
      if (subject.count() > kFirst) {
        row.ceiling = Ceiling{"the first " + count_text(kFirst), first, row.value / first};
      }
    }
    report_.add(row);
  }

  // Of the few by the sender alone, of the others by as few.
  void add_deliveries(Subject& subject, const Subject& few, const std::string& conditions) {
    const Row row{"scale", "deliveries", conditions, 0, "tasks/s", {}};
    const auto measure = [&] { return subject.deliver(delivered_, Ending::kKilled); };
    if (&subject == &few) {
      Receiver receiver;
      report_.add(measure_pairs(
          row, "raw sender", extent_, [&] { return raw_rate(receiver, {.count = delivered_}); },
          measure));
    } else {
      Subject beside(kFew);
      report_.add(measure_pairs(
          row, ScaleSuite::conditions(kFew), extent_,
          [&] { return beside.deliver(delivered_, Ending::kKilled); }, measure));
    }
  }

  Report& report_;
  const Extent& extent_;
  const std::size_t delivered_;
};

}  // namespace

int run_scale_step(const std::vector<std::string>& args) {
  const std::size_t count = std::stoul(args.at(2));
  if (args.at(0) == "fill") return fill_step(args.at(1), count);
  return deliver_step(args.at(1), count,
                      args.at(0) == "deliver" ? Ending::kKilled : Ending::kStopped);
}

void run_scale(Report& report, const Extent& extent) {
  ScaleSuite(report, extent).run();
}

}  // namespace rhooks::bench

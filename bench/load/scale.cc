// What many waiting tasks cost: the rate of deliveries past them, the memory, the CPU of doing
// nothing, and the time to start. Each is measured in a process of its own, on a store at rest
// whose files are in the system's cache, and stands by the same with 10 thousand tasks waiting.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

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
constexpr std::size_t kDelivered = 100'000;
constexpr std::size_t kTaskBytes = 600;  // on the disk, at most, while files are merged
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
    if (done % kDelivered != 0) return;
    if (first_rate == 0) first_rate = static_cast<double>(done) / seconds_since(begin);
    std::cout << "at " << done << std::endl;
  });
  const double rate = static_cast<double>(count) / seconds_since(begin);
  std::cout << "filled " << rate << ' ' << (first_rate > 0 ? first_rate : rate) << ' '
            << testing::resident_bytes_max(::getpid()) << std::endl;
  wait_until_idle(::getpid());
  return 0;
}

int deliver_step(const std::string& store, std::size_t count) {
  Hooks hooks(bench_options(store, 256));
  double rate = 0;
  {
    // Gone before the answer, at which this process is killed: its directory would stay.
    Receiver receiver;
    rate = delivery_rate(hooks, receiver, {.count = count});
  }
  std::cout << "delivered " << rate << ' ' << testing::resident_bytes_max(::getpid()) << std::endl;
  while (true) std::this_thread::sleep_for(1h);  // to be killed, with its log of writes full
}

// What is known of the store with so many tasks waiting.
struct Figures {
  double fill_rate = 0, first_fill_rate = 0, fill_bytes = 0;
  double resident_bytes = 0;  // the most, delivering and doing nothing
  double idle_share = 0;
  double start_killed = 0, start_clean = 0;  // seconds
};

class ScaleSuite {
 public:
  ScaleSuite(Report& report, const Extent& extent) : report_(report), extent_(extent) {}

  void run() {
    const std::vector<std::size_t> counts{kFew, extent_.count(1'000'000),
                                          extent_.count(10'000'000)};
    std::size_t most = 0;
    for (const std::size_t count : counts) {
      if (extent_.wants(conditions(count))) most = std::max(most, count);
    }
    if (most == 0) return;
    check_free_space((most + most / 5) * kTaskBytes, count_text(most) + " waiting tasks");
    for (const std::size_t count : counts) {
      // The few are what the others stand by.
      if (figures_.contains(count) || (count != kFew && !extent_.wants(conditions(count))))
        continue;
      measure(count);
      if (count != kFew) dirs_.erase(count);
    }
  }

 private:
  static std::string conditions(std::size_t count) { return count_text(count) + " waiting"; }
  std::string store(std::size_t count) { return "rocksdb:" + dirs_[count].sub("data"); }

  void measure(std::size_t count) {
    fill(count);
    Report::progress("scale: deliveries with " + conditions(count));
    const Row row{"scale", "deliveries", conditions(count), 0, "tasks/s", {}};
    if (count == kFew) {
      std::vector<double> rates;
      for (int i = 0; i < extent_.pairs; ++i) rates.push_back(deliver(count));
      Row alone = row;
      alone.value = median(rates);
      report_.add(alone);
    } else {
      report_.add(measure_pairs(
          row, conditions(kFew), extent_.pairs, [&] { return deliver(kFew); },
          [&] { return deliver(count); }));
    }
    Report::progress("scale: starting and doing nothing with " + conditions(count));
    serve(count);
    const Figures& f = figures_[count];
    const Figures& few = figures_[kFew];
    add(count, "memory, at most", f.resident_bytes / kMb, few.resident_bytes / kMb, "MB");
    add(count, "CPU when idle", f.idle_share * 100, few.idle_share * 100, "%");
    add(count, "start, stopped before", f.start_clean, few.start_clean, "s");
    add(count, "start, killed before", f.start_killed, few.start_killed, "s");
  }

  void add(std::size_t count, const std::string& name, double value, double few,
           const std::string& unit) {
    Row row{"scale", name, conditions(count), value, unit, {}};
    if (count != kFew) row.ceiling = Ceiling{conditions(kFew), few, value / few};
    report_.add(row);
  }

  // Starts this program again for one step, which it goes on with until it is killed or ends.
  static std::unique_ptr<testing::ChildProcess> step(const std::string& name,
                                                     const std::string& store, std::size_t count) {
    return std::make_unique<testing::ChildProcess>(
        std::vector<std::string>{std::filesystem::read_symlink("/proc/self/exe").string(),
                                 "--scale-step", name, store, std::to_string(count)});
  }

  void fill(std::size_t count) {
    const auto child = step("fill", store(count), count);
    Figures& f = figures_[count];
    while (f.fill_rate == 0) {
      const auto line = child->read_line(10min);
      std::istringstream fields(line.value_or(""));
      std::string word;
      std::size_t done = 0;
      fields >> word;
      if (word == "at" && fields >> done) {
        if (done % 1'000'000 == 0) Report::progress("scale: registered " + count_text(done));
      } else if (word != "filled" ||
                 !(fields >> f.fill_rate >> f.first_fill_rate >> f.fill_bytes)) {
        throw std::runtime_error("filling the store failed: " + child->errors());
      }
    }
    Report::progress("scale: the store comes to rest");
    if (child->wait(10min) != 0) throw std::runtime_error("filling failed: " + child->errors());
    Row row{"scale", "registering them", conditions(count), f.fill_rate, "tasks/s", {}};
    if (count > kDelivered) {
      row.ceiling =
          Ceiling{"the first 100,000", f.first_fill_rate, f.fill_rate / f.first_fill_rate};
    }
    report_.add(row);
  }

  // The rate; the process is then killed.
  double deliver(std::size_t count) {
    const auto child = step("deliver", store(count), extent_.count(kDelivered));
    std::istringstream fields(child->read_line(5min).value_or(""));
    std::string word;
    double rate = 0, bytes = 0;
    if (!(fields >> word >> rate >> bytes)) {
      throw std::runtime_error("delivering failed: " + child->errors());
    }
    Figures& f = figures_[count];
    f.resident_bytes = std::max(f.resident_bytes, bytes);
    return rate;
  }

  // The real binary, after the kill of deliver() and after an orderly end.
  void serve(std::size_t count) {
    Figures& f = figures_[count];
    {
      Server server(store(count));
      f.start_killed = server.start_seconds();
      wait_until_idle(server.pid());
      f.idle_share = cpu_share(server.pid(), kIdle);
      f.resident_bytes = std::max(f.resident_bytes,
                                  static_cast<double>(testing::resident_bytes_max(server.pid())));
      server.stop();
    }
    std::vector<double> starts;
    for (int i = 0; i < kStarts; ++i) {
      Server server(store(count));
      starts.push_back(server.start_seconds());
      server.stop();
    }
    f.start_clean = median(starts);
  }

  Report& report_;
  const Extent& extent_;
  std::map<std::size_t, testing::TempDir> dirs_;
  std::map<std::size_t, Figures> figures_;
};

}  // namespace

int run_scale_step(const std::vector<std::string>& args) {
  const std::size_t count = std::stoul(args.at(2));
  return args.at(0) == "fill" ? fill_step(args.at(1), count) : deliver_step(args.at(1), count);
}

void run_scale(Report& report, const Extent& extent) {
  ScaleSuite(report, extent).run();
}

}  // namespace rhooks::bench

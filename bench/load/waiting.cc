#include "bench/load/waiting.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "bench/load/workload.h"

namespace rhooks::bench {
namespace {

constexpr std::size_t kWaitingBatch = 1'000;
constexpr std::chrono::hours kFirstIn{30 * 24};
constexpr std::chrono::milliseconds kYear = std::chrono::hours{365 * 24};

// When the year begins: the same for the whole run.
TimePoint year_begins() {
  static const TimePoint begin = now_ms() + kFirstIn;
  return begin;
}

// Used by a process so far. Finer than cpu_seconds_of(), whose ticks are a large part of what a
// process uses that does nothing.
double exact_cpu_seconds_of(int pid) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) {
    throw std::runtime_error("the process to be measured has ended");
  }
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

}  // namespace

void fill_waiting(Hooks& hooks, const Receiver& receiver, const Waiting& waiting,
                  const std::function<void(std::size_t)>& progress) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<std::int64_t> within(0, kYear.count() - 1);
  for (std::size_t first = 0; first < waiting.count; first += kWaitingBatch) {
    const std::size_t end = std::min(first + kWaitingBatch, waiting.count);
    std::vector<NewTask> tasks;
    for (std::size_t n = first; n < end; ++n) {
      NewTask& task = tasks.emplace_back(webhook(receiver, {}, n));
      task.scheduled_date = year_begins() + std::chrono::milliseconds{within(random)};
      if (waiting.customers > 0) task.id_prefix = customer(n % waiting.customers);
    }
    const auto results = register_all(hooks, std::move(tasks));
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (waiting.suspend_every == 0 || (first + i) % waiting.suspend_every != 0) continue;
      const auto suspended = hooks.suspend(results[i]->task.key);
      if (!suspended) throw std::runtime_error("not suspended: " + suspended.error().message);
    }
    progress(end);
  }
}

TimePoint random_date(std::mt19937_64& random) {
  std::uniform_int_distribution<std::int64_t> within(0, kYear.count() * 9 / 10);
  return year_begins() + std::chrono::milliseconds{within(random)};
}

std::string customer(std::size_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "customer-%07zu", number);
  return text;
}

double cpu_share(int pid, std::chrono::milliseconds span) {
  const auto begin = std::chrono::steady_clock::now();
  const double before = exact_cpu_seconds_of(pid);
  std::this_thread::sleep_until(begin + span);
  return (exact_cpu_seconds_of(pid) - before) / seconds_since(begin);
}

void wait_until_idle(int pid) {
  for (int i = 0; i < 150; ++i) {
    if (cpu_share(pid, std::chrono::seconds{2}) < 0.02) return;
  }
  throw std::runtime_error("the process has not come to rest in 5 minutes");
}

void check_free_space(std::size_t bytes, const std::string& what) {
  const auto directory = std::filesystem::temp_directory_path();
  const auto available = std::filesystem::space(directory).available;
  if (available >= bytes) return;
  throw std::runtime_error(what + " needs " + count_text(bytes >> 20) + " MiB in " +
                           directory.string() + ", where " + count_text(available >> 20) +
                           " MiB are free: set TMPDIR to a larger disk, or measure less with "
                           "--scale or --match");
}

std::string count_text(std::size_t count) {
  std::string digits = std::to_string(count);
  for (auto i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > 0; i -= 3) {
    digits.insert(static_cast<std::size_t>(i), ",");
  }
  return digits;
}

}  // namespace rhooks::bench

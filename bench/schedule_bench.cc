// Schedules: what registering one and finding its next occurrence cost.

#include <benchmark/benchmark.h>

#include "schedule/timetable.h"

namespace rhooks::bench {
namespace {

using schedule::Timetable;

const schedule::Zones& zones() {
  static const schedule::Zones zones;
  return zones;
}

Schedule cron_of(const char* expression, const char* zone) {
  Schedule schedule;
  schedule.cron = {expression};
  schedule.timezone = zone;
  schedule.since = std::chrono::sys_days(std::chrono::year(2027) / 1 / 1);
  return schedule;
}

Schedule every_of(const char* length, const char* start, const char* zone) {
  Schedule schedule;
  schedule.every = length;
  schedule.start = start;
  schedule.timezone = zone;
  return schedule;
}

// One iteration: a schedule is checked and compiled, its zone being known.
void compile(benchmark::State& state, const Schedule& schedule) {
  for (auto _ : state) {
    auto table = Timetable::compile(schedule, zones());
    if (!table) return state.SkipWithError(table.error().message.c_str());
    benchmark::DoNotOptimize(table);
  }
}

// One iteration: from one occurrence to the next; behind the last one from the first on again.
void next(benchmark::State& state, const Schedule& schedule) {
  const auto table = Timetable::compile(schedule, zones());
  if (!table) return state.SkipWithError(table.error().message.c_str());
  TimePoint at = table->first();
  for (auto _ : state) {
    const auto found = table->next(at);
    at = found.value_or(table->first());
    benchmark::DoNotOptimize(at);
  }
}

// One iteration: how many there are in a year, counted by days.
void count(benchmark::State& state, const Schedule& schedule) {
  const auto table = Timetable::compile(schedule, zones());
  if (!table) return state.SkipWithError(table.error().message.c_str());
  for (auto _ : state) {
    auto found = table->count(table->first(), table->first() + std::chrono::days{365});
    benchmark::DoNotOptimize(found);
  }
}

// One iteration: the last one before a moment, as a task asks that was due long ago.
void latest(benchmark::State& state, const Schedule& schedule) {
  const auto table = Timetable::compile(schedule, zones());
  if (!table) return state.SkipWithError(table.error().message.c_str());
  for (auto _ : state) {
    auto found = table->latest(table->first() + std::chrono::days{365});
    benchmark::DoNotOptimize(found);
  }
}

const Schedule kDaily = cron_of("0 9 * * MON-FRI", "Europe/Berlin");
const Schedule kQuarters = cron_of("*/15 * * * *", "Europe/Berlin");
const Schedule kMonthly = cron_of("30 3 L * *", "America/New_York");
const Schedule kRarest = cron_of("0 0 29 2 +MON", "Europe/Berlin");
const Schedule kSecondly = cron_of("* * * * * *", "Europe/Berlin");
const Schedule kFortnightly = every_of("2w", "2027-01-01T17:00", "Europe/Berlin");
const Schedule kElapsed = every_of("90m", "2027-01-01T17:00", "UTC");
const Schedule kPartlyExcluded = [] {
  Schedule schedule = every_of("1s", "2027-01-01T17:00", "Europe/Berlin");
  schedule.exclude = {"cron:*/2 * * * *"};
  return schedule;
}();

BENCHMARK_CAPTURE(compile, daily, kDaily);
BENCHMARK_CAPTURE(compile, quarters, kQuarters);
BENCHMARK_CAPTURE(compile, rarest, kRarest);
BENCHMARK_CAPTURE(compile, fortnightly, kFortnightly);
BENCHMARK_CAPTURE(next, daily, kDaily);
BENCHMARK_CAPTURE(next, quarters, kQuarters);
BENCHMARK_CAPTURE(next, monthly, kMonthly);
BENCHMARK_CAPTURE(next, rarest, kRarest);
BENCHMARK_CAPTURE(next, fortnightly, kFortnightly);
BENCHMARK_CAPTURE(next, elapsed, kElapsed);
BENCHMARK_CAPTURE(count, secondly, kSecondly);
BENCHMARK_CAPTURE(count, daily, kDaily);
BENCHMARK_CAPTURE(count, partly_excluded, kPartlyExcluded);
BENCHMARK_CAPTURE(latest, daily, kDaily);

}  // namespace
}  // namespace rhooks::bench

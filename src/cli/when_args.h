#pragma once

#include <rhooks/result.h>
#include <rhooks/schedule.h>
#include <rhooks/task.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "cli/io.h"
#include "schedule/zones.h"

namespace CLI {
class App;
}

namespace rhooks::cli {

// When a task runs. None of it: once, now.
struct When {
  std::optional<TimePoint> scheduled_date;
  std::string read_as;  // Moment::read_as of that
  std::optional<Repeat> repeat;
  std::optional<Schedule> schedule;  // in place of the others
};

// The options that say when a task runs: once (--at, --in), then every so often (--every,
// --repeat-interval), or by a schedule. A schedule is meant where one of the options is given that
// only schedules have, several times, --every with --timezone, or months.
struct WhenArgs {
  static constexpr std::initializer_list<const char*> kOptions{
      "--at",      "--in",     "--every",    "--repeat-interval", "--repeat-unit",
      "--max",     "--cron",   "--timezone", "--start",           "--end",
      "--exclude", "--jitter", "--missed",   "--grace",           "--overlap"};

  std::vector<std::string> at, cron, exclude;
  std::string in, timezone, every, repeat_unit, start, end, jitter, missed, grace, overlap;
  std::int64_t repeat_interval = 0;
  std::int64_t max = 0;

  void add_to(CLI::App& app);
  bool given(const char* option) const;
  // Errors: kInvalidArgument, naming the option; those of Zones::find(). What a schedule says is
  // for others to check.
  Result<When> when(const schedule::Zones& zones, const Io& io) const;

 private:
  bool is_schedule() const;
  Result<void> check_schedule() const;
  Result<When> plain(const schedule::Zones& zones, const Io& io) const;
  Result<std::optional<Repeat>> plain_repeat() const;
  Result<Schedule> schedule(const schedule::Zones& zones, const Io& io) const;
  Result<void> read_policies(Schedule& made) const;

  const CLI::App* app_ = nullptr;
};

}  // namespace rhooks::cli

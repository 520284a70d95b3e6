#include "cli/when_args.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "base/duration.h"
#include "base/iso8601.h"
#include "cli/moment.h"
#include "cli/number_option.h"
#include "cli/times.h"
#include "cli/usage.h"
#include "codec/public_json.h"
#include "schedule/length.h"

namespace rhooks::cli {
namespace {

// Those that only schedules have, and do not say when it happens.
constexpr std::array kOfSchedules{"--start",  "--end",   "--exclude", "--jitter",
                                  "--missed", "--grace", "--overlap"};

Result<Moment> moment_from_now(std::string in, TimePoint now) {
  if (in.starts_with('+')) in.erase(0, 1);
  const auto length = parse_duration(in);
  if (!length) return usage("--in: " + length.error().message + "; a moment is given by --at");
  const auto due = parse_when("+" + in, now);
  if (!due) return usage("--in: " + due.error().message);
  return Moment{*due, {}};
}

Result<Moment> moment_at(const std::string& at, const std::string& zone,
                         const schedule::Zones& zones, const Io& io) {
  auto parsed = parse_moment(at, zone, zones, io.environment, io.now());
  if (parsed) return parsed;
  // A refusal of the zone names it already.
  return usage((parsed.error().message.starts_with("--tz") ? "" : "--at: ") +
               parsed.error().message);
}

// A time of a schedule: what the clock of its zone shows is left to the schedule, and what is told
// from now on becomes an instant.
Result<std::string> time_of_schedule(const char* option, const std::string& text,
                                     const std::string& zone, const schedule::Zones& zones,
                                     const Io& io) {
  if (parse_time(text + "Z")) {
    if (!zone.empty()) return text;
    return usage(std::string(option) + ": \"" + text +
                 "\" says nothing of where; add its --timezone, such as Europe/Berlin or UTC");
  }
  const auto moment = parse_moment(text, {}, zones, io.environment, io.now());
  if (!moment) return usage(std::string(option) + ": " + moment.error().message);
  return format_time(moment->at);
}

// A day of each year is "--12-25" to schedules, which a shell's user would have to write behind
// "=".
std::string exclusion_of(const std::string& text) {
  return text.size() == 5 && text[2] == '-' ? "--" + text : text;
}

}  // namespace

void WhenArgs::add_to(CLI::App& app) {
  app_ = &app;
  app.add_option("--at", at,
                 "when: ISO-8601 with an offset; a local time (2030-01-31 12:00); from now on "
                 "(30s, 5m, 1h, 1d, 1w); or now [now]; may be repeated")
      ->type_name("TIME")
      ->allow_extra_args(false);
  app.add_option("--in", in, "when: so long from now on (5m)")->type_name("TIME");
  app.add_option("--timezone,--tz", timezone,
                 "where local times are, and the clock of a schedule: Europe/Berlin [of --at alone "
                 "TZ, or that of this machine; of a schedule UTC]")
      ->type_name("ZONE");
  app.add_option("--every", every,
                 "repeat: 10s, 5m, 1h, 1d, 1w; with --timezone days are those of its calendar, "
                 "and 1mo and 1y go as well")
      ->type_name("TIME");
  add_number(app, "--repeat-interval", repeat_interval, {1}, "repeat after so many units")
      ->type_name("N");
  app.add_option("--repeat-unit", repeat_unit, "unit of the interval [minutes]")
      ->type_name("seconds|minutes|hours|days");
  add_number(app, "--max", max, {0}, "executions in all; 0: for ever [0]")->type_name("N");
  app.add_option("--cron", cron,
                 "when: '0 9 * * MON-FRI'; minute, hour, day, month, weekday; may be repeated")
      ->type_name("EXPRESSION")
      ->allow_extra_args(false);
  app.add_option("--start", start, "not before this time")->type_name("TIME");
  app.add_option("--end", end, "not after this time")->type_name("TIME");
  app.add_option("--exclude", exclude,
                 "not then: 2027-12-24, 2027-12-24/2028-01-02, 12-25 (each year), or "
                 "'cron:* * * * SAT,SUN'; may be repeated")
      ->type_name("DATE")
      ->allow_extra_args(false);
  app.add_option("--jitter", jitter, "up to this much later, by chance (10m)")->type_name("TIME");
  app.add_option("--missed", missed,
                 "what runs of that which was missed: the latest, the same within a minute (skip), "
                 "or all [latest]")
      ->type_name("latest|skip|all");
  app.add_option("--grace", grace, "how late it may begin; what is later is skipped (1h)")
      ->type_name("TIME");
  app.add_option("--overlap", overlap,
                 "what becomes of one whose time comes before an earlier one is over: it has to "
                 "wait, or skip, or the earlier one is not retried any more (cutRetries) [wait]")
      ->type_name("wait|skip|cutRetries");
}

bool WhenArgs::given(const char* option) const {
  return app_ != nullptr && app_->count(option) > 0;
}

bool WhenArgs::is_schedule() const {
  if (at.size() > 1) return true;
  if (given("--cron")) return true;
  for (const char* option : kOfSchedules) {
    if (given(option)) return true;
  }
  if (every.empty()) return false;
  return !timezone.empty() || (!parse_duration(every) && schedule::parse_length(every));
}

Result<When> WhenArgs::when(const schedule::Zones& zones, const Io& io) const {
  if (!at.empty() && !in.empty()) {
    return usage("--at and --in exclude each other; --in 5m is --at +5m");
  }
  if (!is_schedule()) return plain(zones, io);
  if (auto good = check_schedule(); !good) return fail(good.error());
  auto made = schedule(zones, io);
  if (!made) return fail(made.error());
  When when;
  when.schedule = std::move(*made);
  return when;
}

Result<When> WhenArgs::plain(const schedule::Zones& zones, const Io& io) const {
  if (at.empty() && !timezone.empty()) {
    return usage(
        "--timezone says where a local time is; add it, as in --at '2030-01-31 12:00', or what "
        "goes by its clock, as in --cron '0 9 * * *'");
  }
  When when;
  auto found = plain_repeat();
  if (!found) return fail(found.error());
  when.repeat = *found;
  if (at.empty() && in.empty()) return when;
  auto moment =
      at.empty() ? moment_from_now(in, io.now()) : moment_at(at.front(), timezone, zones, io);
  if (!moment) return fail(moment.error());
  when.scheduled_date = moment->at;
  when.read_as = std::move(moment->read_as);
  return when;
}

Result<std::optional<Repeat>> WhenArgs::plain_repeat() const {
  const bool by_parts = given("--repeat-interval") || given("--repeat-unit");
  if (given("--every") && by_parts) {
    return usage("--every and --repeat-interval exclude each other; --every 10m says both");
  }
  if (!given("--every") && !by_parts) {
    if (given("--max")) return usage("--max needs a repetition; add --every 10m, say");
    return std::nullopt;
  }
  Repeat repeat;
  if (given("--every")) {
    auto parsed = parse_every(every);
    if (!parsed) return usage("--every: " + parsed.error().message);
    repeat = *parsed;
  } else {
    if (!given("--repeat-interval")) {
      return usage("--repeat-unit needs --repeat-interval; or use --every 10m, which says both");
    }
    repeat.interval = repeat_interval;
    if (given("--repeat-unit")) {
      const auto unit = codec::parse_repeat_unit(repeat_unit);
      if (!unit) return usage("--repeat-unit: " + unit.error().message);
      repeat.unit = *unit;
    }
  }
  repeat.max = max;
  return repeat;
}

// Which options do not go together; the schedule itself is checked where it is used.
Result<void> WhenArgs::check_schedule() const {
  const bool dated = !at.empty() || !in.empty();
  const char* const date = at.empty() ? "--in" : "--at";
  if (given("--repeat-interval") || given("--repeat-unit")) {
    return usage(
        "--repeat-interval does not go with the options of a schedule; write --every 10m, say");
  }
  if (!cron.empty() && !every.empty()) {
    return usage("--cron and --every exclude each other; register a task for each");
  }
  if (!cron.empty() && dated) {
    return usage("--cron and " + std::string(date) +
                 " exclude each other; --start says from when on");
  }
  if (!every.empty() && at.size() > 1) {
    return usage("--every takes one --at, which is the first time; leave out --every, or the rest");
  }
  if (!every.empty() && dated && given("--start")) {
    return usage("--start and " + std::string(date) +
                 " both say when --every begins; give one of them");
  }
  if (!cron.empty() || !every.empty() || dated) return {};
  for (const char* option : kOfSchedules) {
    if (given(option)) {
      return usage(std::string(option) +
                   " is part of a schedule; say when it happens, by --cron, --every or --at");
    }
  }
  return {};
}

Result<Schedule> WhenArgs::schedule(const schedule::Zones& zones, const Io& io) const {
  Schedule made;
  made.cron = cron;
  made.every = every;
  made.max = max;
  if (!timezone.empty()) made.timezone = timezone;
  std::optional<Error> wrong;
  const auto time = [&](const char* option, const std::string& text) -> std::string {
    if (wrong || text.empty()) return {};
    auto read = time_of_schedule(option, text, timezone, zones, io);
    if (!read) wrong = read.error();
    return read.value_or(std::string());
  };
  for (const std::string& one : at) made.at.push_back(time("--at", one));
  if (!in.empty()) {
    const auto moment = moment_from_now(in, io.now());
    if (!moment) return fail(moment.error());
    made.at.push_back(format_time(moment->at));
  }
  made.start = time("--start", start);
  made.end = time("--end", end);
  if (wrong) return fail(std::move(*wrong));
  if (!every.empty() && !made.at.empty()) {
    made.start = std::move(made.at.front());
    made.at.clear();
  }
  std::transform(exclude.begin(), exclude.end(), std::back_inserter(made.exclude), exclusion_of);
  if (auto read = read_policies(made); !read) return fail(read.error());
  return made;
}

Result<void> WhenArgs::read_policies(Schedule& made) const {
  const auto read = [](const char* option, const std::string& text, auto parse,
                       auto& to) -> Result<void> {
    if (text.empty()) return {};
    auto value = parse(text);
    if (!value) return usage(std::string(option) + ": " + value.error().message);
    to = *value;
    return {};
  };
  if (auto ok = read("--jitter", jitter, parse_duration, made.jitter); !ok) return ok;
  if (auto ok = read("--missed", missed, codec::parse_missed, made.missed); !ok) return ok;
  if (auto ok = read("--overlap", overlap, codec::parse_overlap, made.overlap); !ok) return ok;
  return read("--grace", grace, parse_duration, made.grace);
}

}  // namespace rhooks::cli

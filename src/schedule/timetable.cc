#include "schedule/timetable.h"

#include <algorithm>
#include <string>

#include "base/clock.h"
#include "base/iso8601.h"
#include "base/sha256.h"
#include "base/text.h"
#include "schedule/exclusions.h"

namespace rhooks::schedule {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr std::size_t kCronMax = 8;
constexpr std::size_t kAtMax = 100;
constexpr milliseconds kJitterMax = hours{24};
constexpr milliseconds kGraceMin{1'000};
constexpr milliseconds kGraceMax = hours{24 * 365};

tl::unexpected<Error> refuse(std::string field, std::string why) {
  field.insert(0, "schedule");
  return fail(ErrorCode::kInvalidArgument, field + ": " + why, field);
}

tl::unexpected<Error> in_field(std::string field, Error error) {
  error.field = "schedule" + std::move(field);
  error.message = error.field + ": " + error.message;
  return fail(std::move(error));
}

std::string field_of(std::string field, std::size_t i, std::size_t count) {
  return count == 1 ? field : field + "[" + std::to_string(i) + "]";
}

Result<void> check_numbers(const Schedule& schedule) {
  const auto outside = [](milliseconds value, milliseconds low, milliseconds high) {
    return value < low || value > high;
  };
  if (outside(schedule.jitter, milliseconds{0}, kJitterMax)) {
    return refuse(".jitter", "it may be 0 to 24h");
  }
  if (schedule.grace && outside(*schedule.grace, kGraceMin, kGraceMax)) {
    return refuse(".grace", "it may be 1s to 365d");
  }
  if (schedule.max < 0) return refuse(".max", "it may be 0, for no limit, or more");
  return {};
}

// Which of the three ways to say when; exactly one.
Result<void> check_ways(const Schedule& schedule) {
  std::string given;
  int count = 0;
  const auto add = [&](bool is_given, const char* name) {
    if (!is_given) return;
    given += (count++ == 0 ? "" : " and ") + std::string(name);
  };
  add(!schedule.cron.empty(), "cron");
  add(!schedule.every.empty(), "every");
  add(!schedule.at.empty(), "at");
  if (count == 1) return {};
  return refuse("", "it takes exactly one of cron, every and at, and has " +
                        (count == 0 ? std::string("none of them") : given));
}

Result<Timetable::Times> cron_times(const Schedule& schedule, Exclusions exclusions) {
  const std::size_t count = schedule.cron.size();
  if (count > kCronMax) return refuse(".cron", "it may have 8 expressions");
  std::vector<Cron> crons;
  crons.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto cron = parse_cron(schedule.cron[i]);
    if (!cron) return in_field(field_of(".cron", i, count), cron.error());
    crons.push_back(*cron);
  }
  return CronTimes(LocalTimes(std::move(crons), std::move(exclusions)));
}

Result<Timetable::Times> at_times(const Schedule& schedule, const Zone& zone,
                                  Exclusions exclusions) {
  const std::size_t count = schedule.at.size();
  if (count > kAtMax) return refuse(".at", "it may have 100 times");
  std::vector<Moment> moments;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string field = ".at[" + std::to_string(i) + "]";
    auto moment = parse_moment(schedule.at[i], zone);
    if (!moment) return in_field(field, moment.error());
    if (moment->at > kLastInstant) return refuse(field, "nothing happens after the year 2199");
    moments.push_back(*moment);
  }
  return AtTimes(std::move(moments), std::move(exclusions));
}

Result<Timetable::Times> times_of(const Schedule& schedule, const Zone& zone,
                                  const std::optional<Moment>& start) {
  auto exclusions = parse_exclusions(schedule.exclude);
  if (!exclusions) return in_field(exclusions.error().field, exclusions.error());
  if (!schedule.cron.empty()) return cron_times(schedule, std::move(*exclusions));
  if (!schedule.at.empty()) return at_times(schedule, zone, std::move(*exclusions));
  auto length = parse_length(schedule.every);
  if (!length) return in_field(".every", length.error());
  const Moment anchor = start.value_or(Moment{schedule.since, zone.local(schedule.since)});
  return EveryTimes(*length, anchor, std::move(*exclusions));
}

// `start` or `end`, where it is given.
Result<std::optional<Moment>> limit_of(const std::string& text, const Zone& zone,
                                       const char* field) {
  if (text.empty()) return std::nullopt;
  auto moment = parse_moment(text, zone);
  if (!moment) return in_field(field, moment.error());
  return *moment;
}

tl::unexpected<Error> nothing_happens(const Schedule& schedule) {
  const std::string from = " from " + format_time(schedule.since) + " on";
  if (!schedule.at.empty()) return refuse(".at", "all of its times are past, or excluded");
  if (!schedule.exclude.empty()) return refuse(".exclude", "it leaves nothing" + from);
  if (!schedule.end.empty()) return refuse(".end", "nothing happens up to it" + from);
  return refuse(schedule.cron.empty() ? ".every" : ".cron",
                "nothing happens" + from + ", up to the end of 2199");
}

}  // namespace

Result<Timetable> Timetable::compile(const Schedule& schedule, const Zones& zones) {
  if (auto good = check_ways(schedule); !good) return fail(good.error());
  if (auto good = check_numbers(schedule); !good) return fail(good.error());
  const auto zone = zones.find(schedule.timezone);
  if (!zone) return in_field(".timezone", zone.error());
  const auto start = limit_of(schedule.start, **zone, ".start");
  if (!start) return fail(start.error());
  const auto end = limit_of(schedule.end, **zone, ".end");
  if (!end) return fail(end.error());
  if (*start && *end && (*end)->at < (*start)->at) {
    return refuse(".end", "it is before the start");
  }
  auto times = times_of(schedule, **zone, *start);
  if (!times) return fail(times.error());

  Timetable table(std::move(*times), *zone);
  const bool strictly_after = !schedule.cron.empty() && !*start;
  table.first_ = std::max(*start ? (*start)->at : kTimeMin,
                          schedule.since + (strictly_after ? kTick : milliseconds{0}));
  table.last_ = *end ? std::min((*end)->at, kLastInstant) : kLastInstant;
  table.jitter_ = schedule.jitter;
  if (!table.next(kTimeMin - kTick)) return nothing_happens(schedule);
  return table;
}

std::optional<Moment> Timetable::next_moment(TimePoint after) const {
  return next_moment(after, last_);
}

std::optional<Moment> Timetable::next_moment(TimePoint after, TimePoint until) const {
  after = std::max(after, first_ - kTick);
  until = std::min(until, last_);
  if (after >= until) return std::nullopt;
  return std::visit([&](const auto& times) { return times.next(*zone_, after, until); }, times_);
}

std::optional<TimePoint> Timetable::next(TimePoint after) const {
  const auto moment = next_moment(after);
  return moment ? std::optional(moment->at) : std::nullopt;
}

// By halves of the time in which it lies, which is doubled until there is one in it. None of that
// is searched twice, as there may be years in it without any.
std::optional<TimePoint> Timetable::latest(TimePoint until) const {
  TimePoint high = std::min(until, last_);
  const TimePoint start = first_ - kTick;
  std::optional<Moment> latest;
  for (milliseconds back{1'000}; !latest && start < high; back *= 2) {
    const TimePoint low = high - start > back ? high - back : start;
    latest = next_moment(low, high);
    if (!latest) high = low;
  }
  if (!latest) return std::nullopt;
  while (latest->at < high) {
    const TimePoint middle = latest->at + (high - latest->at) / 2;
    if (const auto later = next_moment(middle, high)) {
      latest = later;
    } else {
      high = middle;
    }
  }
  return latest->at;
}

std::int64_t Timetable::count(TimePoint after, TimePoint until, int days_max) const {
  after = std::max(after, first_ - kTick);
  until = std::min(until, last_);
  if (until <= after) return 0;
  return std::visit([&](const auto& times) { return times.count(*zone_, after, until, days_max); },
                    times_);
}

TimePoint Timetable::due(TimePoint nominal, const TaskKey& key) const {
  if (jitter_ <= milliseconds{0}) return nominal;
  return due(nominal, next_moment(nominal, nominal + jitter_), key);
}

// A hash, so that whoever asks is told the same, and nothing has to be stored.
TimePoint Timetable::due(TimePoint nominal, const std::optional<Moment>& following,
                         const TaskKey& key) const {
  const milliseconds width = following ? std::min(jitter_, following->at - nominal) : jitter_;
  if (width <= milliseconds{0}) return nominal;
  const Sha256 hash =
      sha256({"rhooks jitter 1", key.ns, key.id, std::to_string(to_millis(nominal))});
  std::uint64_t high = 0;
  for (std::size_t i = 0; i < 4; ++i) high = high << 8 | hash[i];
  const std::uint64_t part = high * static_cast<std::uint64_t>(width.count()) >> 32;
  return nominal + milliseconds{static_cast<std::int64_t>(part)};
}

Occurrence Timetable::describe(const Moment& occurrence) const {
  Occurrence shown;
  shown.at = occurrence.at;
  shown.local = format_local(occurrence.at, *zone_);
  switch (zone_->shown(occurrence.local)) {
    case Shown::kNever:
      shown.kind = Occurrence::Kind::kGap;
      break;
    case Shown::kTwice:
      shown.kind = Occurrence::Kind::kFold;
      break;
    case Shown::kOnce:
      break;
  }
  return shown;
}

Result<std::shared_ptr<const Timetable>> timetable_of(const Spec& spec, const Zones& zones) {
  if (!spec.schedule) return nullptr;
  auto table = Timetable::compile(*spec.schedule, zones);
  if (!table) return fail(std::move(table.error()));
  return std::make_shared<const Timetable>(std::move(*table));
}

}  // namespace rhooks::schedule

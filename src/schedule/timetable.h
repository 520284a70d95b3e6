#pragma once

#include <rhooks/result.h>
#include <rhooks/schedule.h>
#include <rhooks/task.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <variant>

#include "schedule/times.h"
#include "schedule/zone.h"
#include "schedule/zones.h"

namespace rhooks::schedule {

// More than a year of them, which takes a tenth of a millisecond, and ten milliseconds where each
// day is in hundreds of parts.
inline constexpr int kDaysCounted = 400;
// No fewer than there are.
inline constexpr int kAllDays = std::numeric_limits<int>::max();

// A schedule, compiled: when it happens. Of `max`, and of what becomes of an occurrence, it knows
// nothing. It keeps the zone as it was then: compile again when Zones::reload() names that zone.
//
// Threads: immutable; every method may be called from any thread. Blocking: no.
class Timetable {
 public:
  using Times = std::variant<CronTimes, EveryTimes, AtTimes>;

  // Checks all of the schedule. Errors: kInvalidArgument, with the field ("schedule.cron[2]"),
  // which also begins the message, and what to write instead, also where nothing would ever happen
  // from `since` on; kUnsupported; kUnavailable: a zone cannot be read now. Blocking: where a zone
  // has to be read.
  static Result<Timetable> compile(const Schedule& schedule, const Zones& zones);

  TimePoint first_occurrence() const { return *next(first_ - kTick); }
  // The first occurrence behind `after`, always later than it; none: that was the last.
  std::optional<TimePoint> next(TimePoint after) const;
  // The same with the local time that is meant, the earliest where there are several.
  std::optional<Moment> next_moment(TimePoint after) const;
  // The last one up to `until`. Takes as long as some 50 calls of next(), of which the long ones
  // are few.
  std::optional<TimePoint> latest(TimePoint until) const;
  bool contains(TimePoint at) const { return next(at - kTick) == at; }
  // How many there are in (after, until]. Where they have to be counted day by day, those of the
  // first `days_max` days that have any, so at least as many as days; one on which the clocks are
  // changed counts as two or three. A day takes up to some 20 microseconds.
  std::int64_t count(TimePoint after, TimePoint until, int days_max = kDaysCounted) const;

  // When the occurrence at `nominal` is due for a task: with its jitter, before the next one.
  TimePoint due(TimePoint nominal, const TaskKey& key) const;
  // The same where the next one is known.
  TimePoint due(TimePoint nominal, const std::optional<Moment>& following,
                const TaskKey& key) const;
  // What there is to say of an occurrence, but for `due`.
  Occurrence describe(const Moment& occurrence) const;

  const Times& times() const { return times_; }
  const std::shared_ptr<const Zone>& zone() const { return zone_; }
  // The moments before and after which it has no occurrences.
  TimePoint first() const { return first_; }
  TimePoint last() const { return last_; }
  std::chrono::milliseconds jitter() const { return jitter_; }

 private:
  Timetable(Times times, std::shared_ptr<const Zone> zone)
      : times_(std::move(times)), zone_(std::move(zone)) {}

  std::optional<Moment> next_moment(TimePoint after, TimePoint until) const;

  Times times_;
  std::shared_ptr<const Zone> zone_;
  TimePoint first_{};
  TimePoint last_{};
  std::chrono::milliseconds jitter_{0};
};

// That of a task. Null: it has no schedule. Errors: those of Timetable::compile().
Result<std::shared_ptr<const Timetable>> timetable_of(const Spec& spec, const Zones& zones);

}  // namespace rhooks::schedule

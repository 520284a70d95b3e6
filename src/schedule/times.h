#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "schedule/length.h"
#include "schedule/local_text.h"
#include "schedule/local_times.h"
#include "schedule/zone.h"

// The three ways to say when, on the clock of a zone. Each has next(zone, after): the first moment
// behind `after`, later than it by at least a millisecond; and count(zone, after, until): how many
// moments there are in (after, until], found without going through them where that can be.
//
// Threads: immutable; any.
namespace rhooks::schedule {

// Times are told apart by milliseconds.
inline constexpr std::chrono::milliseconds kTick{1};
// Nothing happens behind it.
inline constexpr TimePoint kLastInstant =
    std::chrono::sys_days(std::chrono::year(kLastYear + 1) / 1 / 1) - kTick;

class CronTimes {
 public:
  explicit CronTimes(LocalTimes times);

  const LocalTimes& local_times() const { return times_; }
  // The expressions that name hours.
  LocalTimes::Which named() const { return named_; }

  std::optional<Moment> next(const Zone& zone, TimePoint after) const;
  std::int64_t count(const Zone& zone, TimePoint after, TimePoint until) const;

 private:
  std::optional<Moment> next_named(const Zone& zone, TimePoint after) const;
  std::optional<Moment> next_literal(const Zone& zone, TimePoint after) const;

  LocalTimes times_;
  LocalTimes::Which named_ = 0;
  LocalTimes::Which literal_ = 0;
};

class EveryTimes {
 public:
  EveryTimes(Length length, Moment anchor, Exclusions exclusions);

  const Length& length() const { return length_; }
  const Moment& anchor() const { return anchor_; }

  std::optional<Moment> next(const Zone& zone, TimePoint after) const;
  std::int64_t count(const Zone& zone, TimePoint after, TimePoint until) const;

 private:
  // The anchor's time and `n` lengths, on the calendar.
  LocalTime nth(std::int64_t n) const;
  // The first of the series behind `after`, excluded or not.
  Moment next_of_series(const Zone& zone, TimePoint after) const;
  // How many of the series, elapsed time, there are up to `until`.
  std::int64_t elapsed_until(TimePoint until) const;

  Length length_;
  Moment anchor_;
  LocalTimes allowed_;
};

class AtTimes {
 public:
  AtTimes(std::vector<Moment> moments, Exclusions exclusions);

  const std::vector<Moment>& moments() const { return moments_; }

  std::optional<Moment> next(const Zone& zone, TimePoint after) const;
  std::int64_t count(const Zone& zone, TimePoint after, TimePoint until) const;

 private:
  std::vector<Moment> moments_;  // ascending, each instant once
};

}  // namespace rhooks::schedule

#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "schedule/length.h"
#include "schedule/local_text.h"
#include "schedule/local_times.h"
#include "schedule/zone.h"

// The three ways to say when, on the clock of a zone. Each has next(): the first moment in (after,
// until]; and count(): how many moments there are in it, and where they are counted by days, those
// of the first `days_max` days that have any. A walk from day to day bounds what both take, however
// much is excluded. `until` is at most kLastInstant.
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

  std::optional<Moment> next(const Zone& zone, TimePoint after, TimePoint until) const;
  std::int64_t count(const Zone& zone, TimePoint after, TimePoint until, int days_max) const;

 private:
  std::optional<Moment> next_named(const Zone& zone, TimePoint after, TimePoint until) const;
  std::optional<Moment> next_literal(const Zone& zone, TimePoint after, TimePoint until) const;

  LocalTimes times_;
  LocalTimes::Which named_ = 0;
  LocalTimes::Which literal_ = 0;
};

class EveryTimes {
 public:
  EveryTimes(Length length, Moment anchor, Exclusions exclusions);

  const Length& length() const { return length_; }
  const Moment& anchor() const { return anchor_; }

  std::optional<Moment> next(const Zone& zone, TimePoint after, TimePoint until) const;
  std::int64_t count(const Zone& zone, TimePoint after, TimePoint until, int days_max) const;

 private:
  // The anchor's time and `n` lengths, on the calendar.
  LocalTime nth(std::int64_t n) const;
  // The first of the series behind `after`, excluded or not.
  Moment next_of_series(const Zone& zone, TimePoint after) const;
  // Of elapsed time, the first of the series behind `after`, and how many there are up to `until`.
  TimePoint elapsed_after(TimePoint after) const;
  std::int64_t elapsed_until(TimePoint until) const;
  // Calls `use(stretch, spans, count)` for each stretch of an even clock in (after, until] that has
  // any, with the minutes of its day that are allowed and how many it has, until it returns false.
  template <typename Use>
  void walk_elapsed(const Zone& zone, TimePoint after, TimePoint until, const Use& use) const;
  std::optional<Moment> next_elapsed(const Zone& zone, TimePoint after, TimePoint until) const;
  std::optional<Moment> next_on_calendar(const Zone& zone, TimePoint after, TimePoint until) const;

  Length length_;
  Moment anchor_;
  LocalTimes allowed_;
};

class AtTimes {
 public:
  AtTimes(std::vector<Moment> moments, Exclusions exclusions);

  const std::vector<Moment>& moments() const { return moments_; }

  std::optional<Moment> next(const Zone& zone, TimePoint after, TimePoint until) const;
  std::int64_t count(const Zone& zone, TimePoint after, TimePoint until, int days_max) const;

 private:
  std::vector<Moment> moments_;  // ascending, each instant once
};

}  // namespace rhooks::schedule

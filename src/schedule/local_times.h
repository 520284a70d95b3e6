#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "schedule/cron.h"
#include "schedule/zone.h"

namespace rhooks::schedule {

// What does not happen: whole days, and the minutes that an expression matches, each as a whole.
struct Exclusions {
  struct Days {
    std::chrono::local_days first;
    std::chrono::local_days last;
  };

  std::vector<Days> days;
  std::vector<Cron> crons;  // at most 64

  bool empty() const { return days.empty() && crons.empty(); }
};

// The local times that any of some expressions matches and no exclusion does, up to the end of
// 2199. Whole seconds. Nothing in here knows of zones.
//
// Threads: immutable; any.
class LocalTimes {
 public:
  using Which = std::uint32_t;  // bit n: the n-th expression
  static constexpr Which kAll = ~Which{0};
  // Minutes of a day that follow one another: from one, since midnight, to before another.
  using Span = std::pair<std::chrono::minutes, std::chrono::minutes>;

  LocalTimes(std::vector<Cron> crons, Exclusions exclusions);
  // Every second but for what is excluded.
  static LocalTimes all_but(Exclusions exclusions);

  const std::vector<Cron>& crons() const { return crons_; }
  bool excludes() const { return !exclusions_.empty(); }

  // The first one from `from` on that is of these expressions; none: there is none on the days up
  // to that of `until`.
  std::optional<LocalTime> at_or_after(LocalTime from, LocalTime until, Which which = kAll) const;

  // Those that can matter on a day: of the expressions, and of the exclusions that are no whole
  // days.
  using Active = std::pair<Which, std::uint64_t>;
  class Days;
  // How many there are on a day on which these are active, from one time of it to before another.
  std::int64_t count(const Active& active, std::chrono::seconds from,
                     std::chrono::seconds to) const;
  // The minutes of such a day that have any.
  std::vector<Span> spans(const Active& active) const;

 private:
  // In bits n: day n.
  struct Month {
    std::uint32_t days = 0;               // that may have any
    std::vector<std::uint32_t> crons;     // of each expression, those that it matches
    std::vector<std::uint32_t> excluded;  // of each exclusion
  };

  bool is_one() const { return crons_.size() == 1 && !excludes(); }
  Month month_of(std::chrono::year_month date, Which which) const;
  Active active_on(const Month& month, int day) const;
  std::optional<std::chrono::seconds> first_time(const Active& active,
                                                 std::chrono::seconds time) const;
  // The minutes that are left of an hour of the day, and the seconds that matter of one of these.
  std::uint64_t minutes_of(const Active& active, int hour) const;
  std::uint64_t seconds_of(const Active& active, int minute) const;

  std::vector<Cron> crons_;
  Exclusions exclusions_;
};

// Tells of one day after the other what is active on it. A month is worked out once.
class LocalTimes::Days {
 public:
  explicit Days(const LocalTimes& times) : times_(times) {}
  Active active_on(std::chrono::local_days day);

 private:
  const LocalTimes& times_;
  std::chrono::year_month date_{};
  Month month_;
};

}  // namespace rhooks::schedule

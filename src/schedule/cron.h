#pragma once

#include <rhooks/result.h>

#include <array>
#include <bitset>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace rhooks::schedule {

inline constexpr int kFirstYear = 1970;
inline constexpr int kLastYear = 2199;

// An expression of cron, compiled: the local times that it matches. Each field is a set of bits.
// Nothing in here knows of zones.
//
// Threads: any; nothing is shared.
struct Cron {
  static constexpr std::uint64_t kEveryMinute = (std::uint64_t{1} << 60) - 1;  // or second
  static constexpr std::uint32_t kEveryHour = (1U << 24) - 1;
  static constexpr std::uint32_t kEveryMonth = ((1U << 12) - 1) << 1;

  std::uint64_t seconds = 1;
  std::uint64_t minutes = 0;
  std::uint32_t hours = 0;
  std::uint32_t months = 0;  // bits 1 to 12
  // The day field, in bits n: day n; the weekday nearest to day n (nW); n days before the last
  // (L-n); the weekday nearest to that (L-nW).
  std::uint32_t days = 0;
  std::uint32_t nearest = 0;
  std::uint32_t before_last = 0;
  std::uint32_t nearest_before_last = 0;
  // The weekday field, in bits from Sunday, 0, on: [0] each of them in a month, [n] the n-th.
  std::array<std::uint8_t, 6> weekdays{};
  std::uint8_t last_weekdays = 0;  // the last of them in a month
  bool any_day = false;            // the day field is *
  bool any_weekday = false;
  bool both_days = false;  // where neither is *, a day has to match both, not either
  std::bitset<kLastYear - kFirstYear + 1> years;

  // Whether it means certain hours of a day, which then happen once on each, whatever the clock
  // does; else it means whatever the clock shows.
  bool names_hours() const { return hours != kEveryHour; }
  // Whether it matches every minute of the days that it matches.
  bool matches_whole_days() const { return hours == kEveryHour && minutes == kEveryMinute; }
  // The days that match, in bits 1 to 31.
  std::uint32_t days_of(std::chrono::year_month month) const;
  // The first time of a day that matches, from `time` on; none: there is none left in the day.
  std::optional<std::chrono::seconds> first_time(std::chrono::seconds time) const;

  friend bool operator==(const Cron&, const Cron&) = default;
};

// Reads an expression: five fields (minute, hour, day, month, weekday), six (seconds first), seven
// (years last), or a nickname such as @daily. Letters in any case. The fields are those of
// crontab(5) with L, W, # and a leading + in the weekday; what programs read in different ways is
// refused. Errors: kInvalidArgument, saying where, why, and what to write instead, also for
// an expression that matches no day of the years 1970 to 2199; kUnsupported for H.
Result<Cron> parse_cron(std::string_view text);

// What to write here for what other programs call a schedule: "@every 5m", "TZ=…", "rate(…)". None:
// `text` is nothing of that kind.
std::optional<std::string> foreign_spelling(std::string_view text);

}  // namespace rhooks::schedule

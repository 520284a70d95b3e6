#include "schedule/cron.h"

#include <bit>

namespace rhooks::schedule {
namespace {

using Seconds = std::chrono::seconds;

// Days 1, 8, 15, 22 and 29.
constexpr std::uint32_t kWeeks = 1U << 1 | 1U << 8 | 1U << 15 | 1U << 22 | 1U << 29;

template <typename Bits>
constexpr int lowest_bit(Bits bits) {
  return std::countr_zero(bits);
}
// The bits from `first` on.
template <typename Bits>
constexpr Bits bits_from(Bits bits, int first) {
  return first >= static_cast<int>(sizeof(Bits) * 8) ? Bits{0} : bits >> first << first;
}

struct Month {
  int length;
  int first_weekday;  // of day 1; Sunday is 0

  int weekday(int day) const { return (first_weekday + day - 1) % 7; }
  std::uint32_t all() const { return ((std::uint64_t{1} << (length + 1)) - 2) & 0xffffffffU; }

  // The n-th such weekday, and each of them for n = 0; in bits.
  std::uint32_t weekdays(int weekday, int n) const {
    const int first = (weekday - first_weekday + 7) % 7;  // days after the first
    const std::uint64_t bits =
        n == 0 ? std::uint64_t{kWeeks} << first : std::uint64_t{1} << (first + 1 + (n - 1) * 7);
    return static_cast<std::uint32_t>(bits) & all();
  }

  // The Monday to Friday nearest to the day that does not leave the month.
  int nearest(int day) const {
    if (weekday(day) == 6) return day == 1 ? 3 : day - 1;
    if (weekday(day) == 0) return day == length ? day - 2 : day + 1;
    return day;
  }
};

Month month_of(std::chrono::year_month month) {
  const auto first = std::chrono::sys_days(month / 1);
  const auto last = month / std::chrono::last;
  return {static_cast<int>(static_cast<unsigned>(last.day())),
          static_cast<int>(std::chrono::weekday(first).c_encoding())};
}

std::uint32_t by_day(const Cron& cron, const Month& month) {
  std::uint32_t days = cron.days & month.all();
  for (auto left = cron.nearest & month.all(); left != 0; left &= left - 1) {
    days |= 1U << month.nearest(lowest_bit(left));
  }
  for (auto left = cron.before_last; left != 0; left &= left - 1) {
    if (lowest_bit(left) < month.length) days |= 1U << (month.length - lowest_bit(left));
  }
  for (auto left = cron.nearest_before_last; left != 0; left &= left - 1) {
    if (lowest_bit(left) < month.length)
      days |= 1U << month.nearest(month.length - lowest_bit(left));
  }
  return days;
}

std::uint32_t by_weekday(const Cron& cron, const Month& month) {
  std::uint32_t days = 0;
  for (int n = 0; n <= 5; ++n) {
    for (unsigned left = cron.weekdays[n]; left != 0; left &= left - 1) {
      days |= month.weekdays(lowest_bit(left), n);
    }
  }
  for (unsigned left = cron.last_weekdays; left != 0; left &= left - 1) {
    days |= std::bit_floor(month.weekdays(lowest_bit(left), 0));
  }
  return days;
}

}  // namespace

std::uint32_t Cron::days_of(std::chrono::year_month date) const {
  const int year = static_cast<int>(date.year());
  if (year < kFirstYear || year > kLastYear || !years[year - kFirstYear]) return 0;
  if ((months >> static_cast<unsigned>(date.month()) & 1) == 0) return 0;
  const Month month = month_of(date);
  if (any_day && any_weekday) return month.all();
  if (any_weekday) return by_day(*this, month);
  if (any_day) return by_weekday(*this, month);
  return both_days ? by_day(*this, month) & by_weekday(*this, month)
                   : by_day(*this, month) | by_weekday(*this, month);
}

std::optional<Seconds> Cron::first_time(Seconds time) const {
  const int count = static_cast<int>(time.count());
  const int hour = count / 3600;
  const int minute = count / 60 % 60;
  const int second = count % 60;
  const auto at = [](int h, int m, int s) { return Seconds{h * 3600 + m * 60 + s}; };
  if ((hours >> hour & 1) != 0) {
    if ((minutes >> minute & 1) != 0) {
      if (const auto left = bits_from(seconds, second)) return at(hour, minute, lowest_bit(left));
    }
    if (const auto left = bits_from(minutes, minute + 1))
      return at(hour, lowest_bit(left), lowest_bit(seconds));
  }
  const auto left = bits_from(hours, hour + 1);
  if (left == 0) return std::nullopt;
  return at(lowest_bit(left), lowest_bit(minutes), lowest_bit(seconds));
}

}  // namespace rhooks::schedule

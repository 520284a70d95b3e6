#include "schedule/local_times.h"

#include <algorithm>

namespace rhooks::schedule {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::minutes;
using std::chrono::months;
using std::chrono::seconds;
using std::chrono::year;
using std::chrono::year_month;
using std::chrono::year_month_day;

constexpr local_days kLastDay(year(kLastYear) / 12 / 31);

// Days of the month that lie in the range, in bits.
std::uint32_t days_within(const Exclusions::Days& range, year_month month) {
  const local_days before = local_days(month / 1) - days{1};
  const auto first = std::max<std::int64_t>((range.first - before).count(), 1);
  const auto last = std::min<std::int64_t>((range.last - before).count(), 31);
  if (first > last) return 0;
  return static_cast<std::uint32_t>(((std::uint64_t{2} << last) - 1) >> first << first);
}

// The lowest 60 bits from `first` on, to before `end`.
std::uint64_t bits_within(std::int64_t first, std::int64_t end) {
  const auto bits_below = [](std::int64_t n) {
    return (std::uint64_t{1} << std::clamp<std::int64_t>(n, 0, 60)) - 1;
  };
  return bits_below(end) & ~bits_below(first);
}

// Calls `use(n)` for each bit n.
template <typename Bits, typename Use>
void for_each_bit(Bits bits, const Use& use) {
  for (; bits != 0; bits &= bits - 1) use(std::countr_zero(bits));
}

}  // namespace

LocalTimes::LocalTimes(std::vector<Cron> crons, Exclusions exclusions)
    : crons_(std::move(crons)), exclusions_(std::move(exclusions)) {}

LocalTimes LocalTimes::all_but(Exclusions exclusions) {
  Cron all;
  all.seconds = all.minutes = Cron::kEveryMinute;
  all.hours = Cron::kEveryHour;
  all.months = Cron::kEveryMonth;
  all.any_day = all.any_weekday = true;
  all.years.set();
  return LocalTimes({all}, std::move(exclusions));
}

std::optional<LocalTime> LocalTimes::at_or_after(LocalTime from, LocalTime until,
                                                 Which which) const {
  const auto start = std::max(std::chrono::ceil<seconds>(from),
                              std::chrono::local_seconds(local_days(year(kFirstYear) / 1 / 1)));
  const local_days first_day = floor<days>(start);
  const year_month_day date(first_day);
  std::uint32_t still = ~std::uint32_t{0} << static_cast<unsigned>(date.day());
  const local_days last_day = std::min(floor<days>(until), kLastDay);
  for (auto month = date.year() / date.month(); local_days(month / 1) <= last_day;
       month += months{1}) {
    const Month known = month_of(month, which);
    for (auto left = known.days & still; left != 0; left &= left - 1) {
      const int of_month = std::countr_zero(left);
      const local_days day(month / of_month);
      if (day > last_day) return std::nullopt;
      const auto time =
          first_time(active_on(known, of_month), day == first_day ? start - day : seconds{0});
      if (time) return day + *time;
    }
    still = ~std::uint32_t{0};
  }
  return std::nullopt;
}

LocalTimes::Month LocalTimes::month_of(year_month date, Which which) const {
  Month month;
  if (is_one()) {
    if ((which & 1) != 0) month.days = crons_[0].days_of(date);
    return month;
  }
  for (std::size_t i = 0; i < crons_.size(); ++i) {
    month.crons.push_back((which >> i & 1) != 0 ? crons_[i].days_of(date) : 0);
    month.days |= month.crons.back();
  }
  if (month.days == 0) return month;
  for (const Exclusions::Days& range : exclusions_.days) month.days &= ~days_within(range, date);
  for (const Cron& cron : exclusions_.crons) {
    month.excluded.push_back(cron.days_of(date));
    if (cron.matches_whole_days()) month.days &= ~month.excluded.back();
  }
  return month;
}

LocalTimes::Active LocalTimes::active_on(const Month& month, int day) const {
  Active active{0, 0};
  if ((month.days >> day & 1) == 0) return active;
  if (is_one()) return {1, 0};
  for (std::size_t i = 0; i < month.crons.size(); ++i) {
    active.first |= (month.crons[i] >> day & 1) << i;
  }
  // Those of whole days are not on this one.
  for (std::size_t i = 0; i < month.excluded.size(); ++i) {
    active.second |= std::uint64_t{month.excluded[i] >> day & 1} << i;
  }
  return active;
}

LocalTimes::Active LocalTimes::Days::active_on(local_days day) {
  const year_month_day date(day);
  if (const auto month = date.year() / date.month(); month != date_) {
    month_ = times_.month_of(month, kAll);
    date_ = month;
  }
  return times_.active_on(month_, static_cast<int>(static_cast<unsigned>(date.day())));
}

std::optional<seconds> LocalTimes::first_time(const Active& active, seconds time) const {
  if (active.second == 0) {
    std::optional<seconds> first;
    for_each_bit(active.first, [&](int i) {
      const auto found = crons_[i].first_time(time);
      if (found && (!first || *found < *first)) first = found;
    });
    return first;
  }
  const auto from = time.count() / 60;
  for (int hour = static_cast<int>(from / 60); hour < 24; ++hour) {
    std::uint64_t left = minutes_of(active, hour);
    if (hour == from / 60) left &= ~std::uint64_t{0} << from % 60;
    for (; left != 0; left &= left - 1) {
      const int minute = hour * 60 + std::countr_zero(left);
      std::uint64_t found = seconds_of(active, minute);
      if (minute == from) found &= ~std::uint64_t{0} << time.count() % 60;
      if (found != 0) return seconds{minute * 60 + std::countr_zero(found)};
    }
  }
  return std::nullopt;
}

std::int64_t LocalTimes::count(const Active& active, seconds from, seconds to) const {
  std::int64_t count = 0;
  for (int hour = static_cast<int>(from / hours{1}); hour < 24 && hours{hour} < to; ++hour) {
    for_each_bit(minutes_of(active, hour), [&](int of_hour) {
      const int minute = hour * 60 + of_hour;
      const seconds begin = minutes{minute};
      count += std::popcount(seconds_of(active, minute) &
                             bits_within((from - begin).count(), (to - begin).count()));
    });
  }
  return count;
}

std::vector<LocalTimes::Span> LocalTimes::spans(const Active& active) const {
  std::vector<Span> spans;
  for (int hour = 0; hour < 24; ++hour) {
    for (std::uint64_t left = minutes_of(active, hour); left != 0;) {
      const int first = std::countr_zero(left);
      const int end = first + std::countr_one(left >> first);
      left &= bits_within(end, 60);
      const minutes begin{hour * 60 + first};
      if (spans.empty() || spans.back().second != begin) spans.emplace_back(begin, begin);
      spans.back().second = minutes{hour * 60 + end};
    }
  }
  return spans;
}

std::uint64_t LocalTimes::minutes_of(const Active& active, int hour) const {
  const auto of_hour = [&](const Cron& cron) {
    return (cron.hours >> hour & 1) != 0 ? cron.minutes : 0;
  };
  std::uint64_t found = 0;
  for_each_bit(active.first, [&](int i) { found |= of_hour(crons_[i]); });
  for_each_bit(active.second, [&](int i) { found &= ~of_hour(exclusions_.crons[i]); });
  return found;
}

std::uint64_t LocalTimes::seconds_of(const Active& active, int minute) const {
  std::uint64_t found = 0;
  for_each_bit(active.first, [&](int i) {
    const Cron& cron = crons_[i];
    const bool has_minute =
        (cron.hours >> (minute / 60) & 1) != 0 && (cron.minutes >> (minute % 60) & 1) != 0;
    if (has_minute) found |= cron.seconds;
  });
  return found;
}

}  // namespace rhooks::schedule

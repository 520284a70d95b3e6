#include "schedule/times.h"

#include <algorithm>
#include <map>

namespace rhooks::schedule {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::year_month_day;

// No clock is further from UTC.
constexpr hours kOffsetMax{48};
// So many occurrences may be left out, with others excluded between them, before there are no more.
constexpr int kExcludedMax = 200'000;

std::optional<Moment> earlier(const std::optional<Moment>& a, const std::optional<Moment>& b) {
  if (!a || !b) return a ? a : b;
  return b->at < a->at ? b : a;
}

// Whether the clocks show each time of the day from `begin` to `end` once, and nothing besides.
bool is_plain_day(const Zone& zone, TimePoint begin, TimePoint end) {
  if (end - begin != hours{24}) return false;
  const auto change = zone.next_change(begin - kTick);
  return !change || *change >= end;
}

// Counts in (after, until] by local days: `of_day(day, begin)` knows how many there are on one that
// is plain, or not, and then, as on the others, `next` goes from one to the next.
template <typename Times, typename OfDay>
std::int64_t count_by_days(const Times& times, const Zone& zone, TimePoint after, TimePoint until,
                           const OfDay& of_day) {
  until = std::min(until, kLastInstant);
  std::int64_t count = 0;
  for (TimePoint from = after + kTick; from <= until;) {
    const local_days day = floor<days>(zone.reached(from));
    const TimePoint begin = zone.reach(day);
    const TimePoint end = zone.reach(day + days{1});
    std::optional<std::int64_t> known;
    if (begin == from && end - kTick <= until && is_plain_day(zone, begin, end)) {
      known = of_day(day, begin);
    }
    if (known) {
      count += *known;
    } else {
      const TimePoint last = std::min(end - kTick, until);
      for (auto at = times.next(zone, from - kTick); at && at->at <= last;
           at = times.next(zone, at->at)) {
        ++count;
      }
    }
    from = end;
  }
  return count;
}

}  // namespace

CronTimes::CronTimes(LocalTimes times) : times_(std::move(times)) {
  for (std::size_t i = 0; i < times_.crons().size(); ++i) {
    (times_.crons()[i].names_hours() ? named_ : literal_) |= LocalTimes::Which{1} << i;
  }
}

std::optional<Moment> CronTimes::next(const Zone& zone, TimePoint after) const {
  if (literal_ == 0) return next_named(zone, after);
  if (named_ == 0) return next_literal(zone, after);
  return earlier(next_named(zone, after), next_literal(zone, after));
}

std::optional<Moment> CronTimes::next_named(const Zone& zone, TimePoint after) const {
  const auto local = times_.at_or_after(zone.reached(after) + kTick, named_);
  if (!local) return std::nullopt;
  return Moment{zone.reach(*local), *local};
}

// From one change of the clocks to the next, between which they go evenly.
std::optional<Moment> CronTimes::next_literal(const Zone& zone, TimePoint after) const {
  for (TimePoint from = after + kTick;;) {
    const LocalTime reading = zone.local(from);
    const auto local = times_.at_or_after(reading, literal_);
    const auto change = zone.next_change(from);
    if (local && (!change || *local - reading < *change - from)) {
      return Moment{from + (*local - reading), *local};
    }
    if (!change) return std::nullopt;
    // Not from change to change where there is nothing for years.
    const auto utc =
        times_.at_or_after(LocalTime(change->time_since_epoch()) - kOffsetMax, literal_);
    if (!utc) return std::nullopt;
    from = std::max(*change, TimePoint(utc->time_since_epoch()) - kOffsetMax);
  }
}

std::int64_t CronTimes::count(const Zone& zone, TimePoint after, TimePoint until) const {
  std::map<LocalTimes::Active, std::int64_t> known;  // many days are alike
  return count_by_days(*this, zone, after, until, [&](local_days day, TimePoint) {
    const auto active = times_.active_on(day);
    const auto [found, is_new] = known.emplace(active, 0);
    if (is_new) found->second = times_.count(active);
    return found->second;
  });
}

EveryTimes::EveryTimes(Length length, Moment anchor, Exclusions exclusions)
    : length_(length), anchor_(anchor), allowed_(LocalTimes::all_but(std::move(exclusions))) {}

LocalTime EveryTimes::nth(std::int64_t n) const {
  if (length_.unit == Length::Unit::kDays) return anchor_.local + days{n * length_.count};
  const local_days day = floor<days>(anchor_.local);
  const year_month_day date(day);
  const auto month = date.year() / date.month() + std::chrono::months{n * length_.count};
  const auto last = (month / std::chrono::last).day();
  return local_days(month / std::min(date.day(), last)) + (anchor_.local - day);
}

Moment EveryTimes::next_of_series(const Zone& zone, TimePoint after) const {
  if (after < anchor_.at) return anchor_;
  if (length_.unit == Length::Unit::kMilliseconds) {
    const milliseconds each{length_.count};
    const TimePoint at = anchor_.at + ((after - anchor_.at) / each + 1) * each;
    return {at, zone.local(at)};
  }
  // At or before the one that is sought, by a step or two.
  const LocalTime reached = zone.reached(after);
  const LocalTime start = std::max(reached, anchor_.local);
  std::int64_t n = 0;
  if (length_.unit == Length::Unit::kDays) {
    n = (start - anchor_.local) / days{length_.count};
  } else {
    const year_month_day from(floor<days>(anchor_.local));
    const year_month_day to(floor<days>(start));
    n = (to.year() / to.month() - from.year() / from.month()).count() / length_.count;
  }
  n = std::max<std::int64_t>(n, 1);
  while (nth(n) <= reached) ++n;
  return {zone.reach(nth(n)), nth(n)};
}

std::optional<Moment> EveryTimes::next(const Zone& zone, TimePoint after) const {
  for (int tries = 0; tries < kExcludedMax; ++tries) {
    const Moment next = next_of_series(zone, after);
    if (next.at > kLastInstant) return std::nullopt;
    if (!allowed_.excludes()) return next;
    const auto reading = floor<seconds>(next.local);
    const auto allowed = allowed_.at_or_after(reading);
    if (!allowed) return std::nullopt;
    if (*allowed == reading) return next;
    if (length_.unit != Length::Unit::kMilliseconds) {
      after = std::max(next.at, zone.reach(*allowed) - kTick);
    } else {
      // The clocks read that after so much time, unless they are changed before.
      const TimePoint then = next.at + (*allowed - next.local);
      const auto change = zone.next_change(next.at);
      after = std::max(next.at, (change ? std::min(then, *change) : then) - kTick);
    }
  }
  return std::nullopt;
}

std::int64_t EveryTimes::elapsed_until(TimePoint until) const {
  if (until < anchor_.at) return 0;
  return (until - anchor_.at) / milliseconds{length_.count} + 1;
}

std::int64_t EveryTimes::count(const Zone& zone, TimePoint after, TimePoint until) const {
  const bool elapsed = length_.unit == Length::Unit::kMilliseconds;
  until = std::min(until, kLastInstant);
  if (until <= after) return 0;
  if (elapsed && !allowed_.excludes()) return elapsed_until(until) - elapsed_until(after);
  after = std::max(after, anchor_.at - kTick);
  return count_by_days(*this, zone, after, until,
                       [&](local_days day, TimePoint begin) -> std::optional<std::int64_t> {
                         const auto active = allowed_.active_on(day);
                         if (active.first == 0) return 0;
                         if (!elapsed || active.second != 0) return std::nullopt;
                         return elapsed_until(begin + hours{24} - kTick) -
                                elapsed_until(begin - kTick);
                       });
}

AtTimes::AtTimes(std::vector<Moment> moments, Exclusions exclusions)
    : moments_(std::move(moments)) {
  const LocalTimes allowed = LocalTimes::all_but(std::move(exclusions));
  std::erase_if(moments_, [&](const Moment& moment) {
    const auto reading = floor<seconds>(moment.local);
    return allowed.excludes() && allowed.at_or_after(reading) != reading;
  });
  const auto before = [](const Moment& a, const Moment& b) {
    return std::pair(a.at, a.local) < std::pair(b.at, b.local);
  };
  std::sort(moments_.begin(), moments_.end(), before);
  const auto same = [](const Moment& a, const Moment& b) { return a.at == b.at; };
  moments_.erase(std::unique(moments_.begin(), moments_.end(), same), moments_.end());
}

std::optional<Moment> AtTimes::next(const Zone&, TimePoint after) const {
  const auto found = std::find_if(moments_.begin(), moments_.end(),
                                  [&](const Moment& moment) { return moment.at > after; });
  return found == moments_.end() ? std::nullopt : std::optional(*found);
}

std::int64_t AtTimes::count(const Zone&, TimePoint after, TimePoint until) const {
  return std::count_if(moments_.begin(), moments_.end(), [&](const Moment& moment) {
    return moment.at > after && moment.at <= until;
  });
}

}  // namespace rhooks::schedule

#include "schedule/times.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace rhooks::schedule {
namespace {

using std::chrono::ceil;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::year_month_day;

// No clock is further from UTC.
constexpr hours kOffsetMax{48};

std::optional<Moment> earlier(const std::optional<Moment>& a, const std::optional<Moment>& b) {
  if (!a || !b) return a ? a : b;
  return b->at < a->at ? b : a;
}

// While the clocks of a zone go evenly, within a day of theirs.
struct Stretch {
  TimePoint begin;
  TimePoint end;
  LocalTime local;  // at its beginning
  bool repeats;     // they have shown all of it before

  local_days day() const { return floor<days>(local); }
  // When they show a time of the day; its beginning or end where that is not within.
  TimePoint at(milliseconds time) const {
    return std::clamp(begin + (day() + time - local), begin, end);
  }
};

// From `begin` on, to the end of `until`.
Stretch stretch_from(const Zone& zone, TimePoint begin, TimePoint until) {
  const LocalTime local = zone.local(begin);
  const LocalTime reached = zone.reached(begin);
  Stretch stretch{begin, until + kTick, local, reached > local};
  stretch.end = std::min(stretch.end, begin + (stretch.day() + days{1} - local));
  if (stretch.repeats) stretch.end = std::min(stretch.end, begin + (reached - local) + kTick);
  if (const auto change = zone.next_change(begin)) stretch.end = std::min(stretch.end, *change);
  return stretch;
}

}  // namespace

CronTimes::CronTimes(LocalTimes times) : times_(std::move(times)) {
  for (std::size_t i = 0; i < times_.crons().size(); ++i) {
    (times_.crons()[i].names_hours() ? named_ : literal_) |= LocalTimes::Which{1} << i;
  }
}

std::optional<Moment> CronTimes::next(const Zone& zone, TimePoint after, TimePoint until) const {
  if (literal_ == 0) return next_named(zone, after, until);
  if (named_ == 0) return next_literal(zone, after, until);
  return earlier(next_named(zone, after, until), next_literal(zone, after, until));
}

std::optional<Moment> CronTimes::next_named(const Zone& zone, TimePoint after,
                                            TimePoint until) const {
  const LocalTime last = zone.reached(until);
  const auto local = times_.at_or_after(zone.reached(after) + kTick, last, named_);
  if (!local || *local > last) return std::nullopt;
  return Moment{zone.reach(*local), *local};
}

// From one change of the clocks to the next, between which they go evenly.
std::optional<Moment> CronTimes::next_literal(const Zone& zone, TimePoint after,
                                              TimePoint until) const {
  const LocalTime last = LocalTime(until.time_since_epoch()) + kOffsetMax;
  for (TimePoint from = after + kTick; from <= until;) {
    const LocalTime reading = zone.local(from);
    const auto local = times_.at_or_after(reading, last, literal_);
    const auto change = zone.next_change(from);
    if (local && (!change || *local - reading < *change - from)) {
      const TimePoint at = from + (*local - reading);
      return at <= until ? std::optional(Moment{at, *local}) : std::nullopt;
    }
    if (!change) return std::nullopt;
    // Not from change to change where there is nothing for years.
    const auto utc =
        times_.at_or_after(LocalTime(change->time_since_epoch()) - kOffsetMax, last, literal_);
    if (!utc) return std::nullopt;
    from = std::max(*change, TimePoint(utc->time_since_epoch()) - kOffsetMax);
  }
  return std::nullopt;
}

std::int64_t CronTimes::count(const Zone& zone, TimePoint after, TimePoint until,
                              int days_max) const {
  std::map<std::tuple<LocalTimes::Active, seconds, seconds>, std::int64_t> known;
  LocalTimes::Days on_days(times_);
  std::int64_t count = 0;
  for (; days_max > 0; --days_max) {
    const auto first = next(zone, after, until);
    if (!first) break;
    const Stretch stretch = stretch_from(zone, first->at, until);
    // All that the clocks left out happens at the beginning, as one.
    const bool left_out = first->local < stretch.local;
    const LocalTime begin = stretch.local + (left_out ? kTick : milliseconds{0});
    const LocalTime end = stretch.local + (stretch.end - stretch.begin);
    auto active = on_days.active_on(stretch.day());
    if (stretch.repeats) active.first &= literal_;
    const auto from = ceil<seconds>(begin - stretch.day());
    const auto to = ceil<seconds>(end - stretch.day());
    const auto [found, is_new] = known.emplace(std::tuple(active, from, to), 0);
    if (is_new) found->second = times_.count(active, from, to);
    count += found->second + (left_out ? 1 : 0);
    after = stretch.end - kTick;
  }
  return count;
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
    const TimePoint at = elapsed_after(after);
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

std::optional<Moment> EveryTimes::next(const Zone& zone, TimePoint after, TimePoint until) const {
  if (length_.unit == Length::Unit::kMilliseconds) return next_elapsed(zone, after, until);
  return next_on_calendar(zone, after, until);
}

std::optional<Moment> EveryTimes::next_on_calendar(const Zone& zone, TimePoint after,
                                                   TimePoint until) const {
  for (;;) {
    const Moment next = next_of_series(zone, after);
    if (next.at > until) return std::nullopt;
    if (!allowed_.excludes()) return next;
    const auto reading = floor<seconds>(next.local);
    const auto allowed = allowed_.at_or_after(reading, zone.reached(until));
    if (!allowed) return std::nullopt;
    if (*allowed == reading) return next;
    after = std::max(next.at, zone.reach(*allowed) - kTick);
  }
}

// Not from one of the series to the next, as millions of them may be excluded. How many a stretch
// has goes by where in the day it begins, with one of the series, and that soon comes again.
template <typename Use>
void EveryTimes::walk_elapsed(const Zone& zone, TimePoint after, TimePoint until,
                              const Use& use) const {
  std::map<std::tuple<LocalTimes::Active, milliseconds, milliseconds>, std::int64_t> known;
  LocalTimes::Days on_days(allowed_);
  LocalTimes::Active active{0, 0};
  std::vector<LocalTimes::Span> spans;  // most days are like the one before
  for (bool goes_on = true; goes_on;) {
    const TimePoint next = elapsed_after(after);
    if (next > until) return;
    const Stretch stretch = stretch_from(zone, next, until);
    const auto active_then = on_days.active_on(stretch.day());
    if (active_then != active) spans = allowed_.spans(active_then);
    active = active_then;
    const auto [found, is_new] =
        known.emplace(std::tuple(active, milliseconds(stretch.local - stretch.day()),
                                 milliseconds(stretch.end - stretch.begin)),
                      0);
    if (is_new) {
      for (const auto& [begin, end] : spans) {
        found->second +=
            elapsed_until(stretch.at(end) - kTick) - elapsed_until(stretch.at(begin) - kTick);
      }
    }
    if (found->second > 0) goes_on = use(stretch, spans, found->second);
    after = stretch.end - kTick;
  }
}

std::optional<Moment> EveryTimes::next_elapsed(const Zone& zone, TimePoint after,
                                               TimePoint until) const {
  if (!allowed_.excludes()) {
    const TimePoint next = elapsed_after(after);
    return next <= until ? std::optional(Moment{next, zone.local(next)}) : std::nullopt;
  }
  std::optional<Moment> found;
  const auto find_in = [&](const Stretch& stretch, const std::vector<LocalTimes::Span>& spans,
                           std::int64_t) {
    for (const auto& [begin, end] : spans) {
      const TimePoint at = elapsed_after(stretch.at(begin) - kTick);
      if (at >= stretch.at(end)) continue;
      found = Moment{at, zone.local(at)};
      break;
    }
    return false;
  };
  walk_elapsed(zone, after, until, find_in);
  return found;
}

TimePoint EveryTimes::elapsed_after(TimePoint after) const {
  return anchor_.at + elapsed_until(after) * milliseconds{length_.count};
}

std::int64_t EveryTimes::elapsed_until(TimePoint until) const {
  if (until < anchor_.at) return 0;
  return (until - anchor_.at) / milliseconds{length_.count} + 1;
}

std::int64_t EveryTimes::count(const Zone& zone, TimePoint after, TimePoint until,
                               int days_max) const {
  if (length_.unit != Length::Unit::kMilliseconds) {
    std::int64_t count = 0;
    for (auto at = next(zone, after, until); at && count < days_max;
         at = next(zone, at->at, until)) {
      ++count;
    }
    return count;
  }
  if (!allowed_.excludes()) return elapsed_until(until) - elapsed_until(after);
  std::int64_t count = 0;
  const auto add = [&](const Stretch&, const std::vector<LocalTimes::Span>&, std::int64_t here) {
    count += here;
    return --days_max > 0;
  };
  walk_elapsed(zone, after, until, add);
  return count;
}

AtTimes::AtTimes(std::vector<Moment> moments, Exclusions exclusions)
    : moments_(std::move(moments)) {
  const LocalTimes allowed = LocalTimes::all_but(std::move(exclusions));
  std::erase_if(moments_, [&](const Moment& moment) {
    const auto reading = floor<seconds>(moment.local);
    return allowed.excludes() && allowed.at_or_after(reading, reading) != reading;
  });
  const auto before = [](const Moment& a, const Moment& b) {
    return std::pair(a.at, a.local) < std::pair(b.at, b.local);
  };
  std::sort(moments_.begin(), moments_.end(), before);
  const auto same = [](const Moment& a, const Moment& b) { return a.at == b.at; };
  moments_.erase(std::unique(moments_.begin(), moments_.end(), same), moments_.end());
}

std::optional<Moment> AtTimes::next(const Zone&, TimePoint after, TimePoint until) const {
  const auto found = std::find_if(moments_.begin(), moments_.end(),
                                  [&](const Moment& moment) { return moment.at > after; });
  return found == moments_.end() || found->at > until ? std::nullopt : std::optional(*found);
}

std::int64_t AtTimes::count(const Zone&, TimePoint after, TimePoint until, int) const {
  return std::count_if(moments_.begin(), moments_.end(), [&](const Moment& moment) {
    return moment.at > after && moment.at <= until;
  });
}

}  // namespace rhooks::schedule

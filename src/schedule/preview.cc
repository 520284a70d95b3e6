#include "schedule/preview.h"

#include <algorithm>
#include <limits>

#include "base/duration.h"
#include "schedule/words.h"

namespace rhooks::schedule {
namespace {

using std::chrono::days;
using std::chrono::floor;

constexpr std::size_t kListedMax = 6;

// The first few, and how many there are besides.
std::string listed(std::vector<std::string> words) {
  if (words.size() > kListedMax) {
    const std::string rest = std::to_string(words.size() - kListedMax + 1) + " more";
    words.resize(kListedMax - 1);
    words.push_back(rest);
  }
  return join_words(words);
}

std::string weekday_of(LocalTime local) {
  static constexpr const char* kShortNames[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  return kShortNames[std::chrono::weekday(floor<days>(local)).c_encoding()];
}

std::string words_of_times(const CronTimes& times) {
  std::string text;
  for (const Cron& cron : times.local_times().crons()) {
    text += (text.empty() ? "" : "; and ") + cron_in_words(cron);
  }
  return text;
}

std::string words_of_times(const EveryTimes& times) {
  return every_in_words(times.length(), times.anchor().local);
}

std::string words_of_times(const AtTimes& times) {
  std::vector<std::string> words;
  for (const Moment& moment : times.moments()) words.push_back(format_reading(moment.local));
  return "at " + listed(std::move(words));
}

std::string words_of_exclusion(const std::string& entry) {
  if (entry.starts_with("cron:")) {
    const auto cron = parse_cron(std::string_view(entry).substr(5));
    return "what is " + (cron ? cron_in_words(*cron) : entry);
  }
  if (entry.starts_with("--")) return entry.substr(2) + " of each year";
  const auto slash = entry.find('/');
  return slash == entry.npos ? entry : entry.substr(0, slash) + " to " + entry.substr(slash + 1);
}

// Whether the n-th, 2n-th and so on value is in the set, and the way back to the first is shorter.
bool breaks_rhythm(std::uint64_t bits, int size) {
  std::vector<int> values;
  for (; bits != 0; bits &= bits - 1) values.push_back(std::countr_zero(bits));
  if (values.size() < 3) return false;
  const int step = values[1] - values[0];
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (values[i] - values[i - 1] != step) return false;
  }
  return step > 1 && values.front() + size - values.back() < step;
}

void warn_of_cron(const Cron& cron, std::vector<std::string>& warnings) {
  if (!cron.any_day && !cron.any_weekday && !cron.both_days) {
    warnings.push_back(
        "Day and weekday are both given: it happens when either matches. A + before the weekday "
        "asks for both.");
  }
  const auto rhythm = [&](std::uint64_t bits, int size, const char* unit, const char* around) {
    if (!breaks_rhythm(bits, size)) return;
    warnings.push_back(std::string("The steps of the ") + unit + " begin anew with each " + around +
                       ", so the last one is shorter. \"every\" has equal ones.");
  };
  rhythm(cron.seconds, 60, "second", "minute");
  rhythm(cron.minutes, 60, "minute", "hour");
  rhythm(cron.hours, 24, "hour", "day");
  if (!cron.any_day && cron.days >> 29 != 0 && (cron.days & ((1U << 29) - 1)) == 0) {
    warnings.push_back(
        "Months without that day are left out. L is the last day of each, whatever its number.");
  }
  if (cron.weekdays[5] != 0) {
    warnings.push_back(
        "Months without a fifth such weekday are left out. FRIL is the last Friday.");
  }
  if (std::popcount(cron.seconds) > 1)
    warnings.push_back("It happens more often than each minute.");
}

// Whether local times are named, so that a change of the clocks may touch them.
bool names_times(const Timetable& table) {
  if (const auto* cron = std::get_if<CronTimes>(&table.times())) return cron->named() != 0;
  if (const auto* every = std::get_if<EveryTimes>(&table.times())) {
    return every->length().unit != Length::Unit::kMilliseconds;
  }
  return true;
}

void warn_of_change(const Timetable& table, TimePoint change, std::vector<std::string>& warnings) {
  const Zone& zone = *table.zone();
  const LocalTime before = zone.local(change - kTick) + kTick;
  const LocalTime since = zone.local(change);
  const auto time = [](LocalTime local) { return format_reading(local).substr(11); };
  const auto is = [&](const Moment& moment, Occurrence::Kind kind) {
    return table.describe(moment).kind == kind;
  };
  if (since > before) {
    const auto next = table.next_moment(change - kTick);
    if (!next || next->at != change || !is(*next, Occurrence::Kind::kGap)) return;
    warnings.push_back("On " + format_reading(before).substr(0, 10) + " the clocks go from " +
                       time(before) + " to " + time(since) +
                       ": what is meant for the time between happens at that moment, once.");
  } else if (since < before) {
    const auto next = table.next_moment(change - (before - since) - kTick);
    if (!next || next->at >= change || !is(*next, Occurrence::Kind::kFold)) return;
    warnings.push_back("On " + format_reading(since).substr(0, 10) + " the clocks show " +
                       time(since) + " to " + time(before) +
                       " twice: what names a time between happens the first time.");
  }
}

}  // namespace

std::string every_in_words(const Length& length, LocalTime from) {
  return "every " + length_in_words(length) + " from " + weekday_of(from) + " " +
         format_reading(from);
}

std::string in_words(const Schedule& schedule, const Timetable& table) {
  std::string text =
      std::visit([](const auto& times) { return words_of_times(times); }, table.times());
  text += " (" + table.zone()->name() + ")";
  const auto moment = [&](TimePoint at) { return format_reading(table.zone()->local(at)); };
  if (!schedule.start.empty() && schedule.every.empty()) text += ", from " + moment(table.first());
  if (!schedule.end.empty()) text += ", until " + moment(table.last());
  if (schedule.max > 0) {
    text += ", " + std::to_string(schedule.max) + (schedule.max == 1 ? " time" : " times");
  }
  std::vector<std::string> exclusions;
  for (const std::string& entry : schedule.exclude) exclusions.push_back(words_of_exclusion(entry));
  if (!exclusions.empty()) text += ", but not on " + listed(std::move(exclusions));
  if (schedule.jitter.count() > 0) text += " + up to " + format_duration(schedule.jitter);
  return text;
}

std::vector<std::string> warnings_of(const Schedule& schedule, const Timetable& table,
                                     TimePoint after) {
  constexpr std::size_t kChangesMax = 8;
  std::vector<std::string> warnings;
  if (const auto* cron = std::get_if<CronTimes>(&table.times())) {
    for (const Cron& one : cron->local_times().crons()) warn_of_cron(one, warnings);
  } else if (const auto* every = std::get_if<EveryTimes>(&table.times())) {
    if (every->length().unit == Length::Unit::kMilliseconds && every->length().count < 60'000) {
      warnings.push_back("It happens more often than each minute.");
    }
  } else if (const auto* at = std::get_if<AtTimes>(&table.times())) {
    const auto past = std::count_if(at->moments().begin(), at->moments().end(),
                                    [&](const Moment& one) { return one.at < schedule.since; });
    if (past > 0) {
      warnings.push_back("Past already, and left out: " + std::to_string(past) + " of its times.");
    }
  }
  std::sort(warnings.begin(), warnings.end());
  warnings.erase(std::unique(warnings.begin(), warnings.end()), warnings.end());
  if (!names_times(table)) return warnings;
  auto change = table.zone()->next_change(after);
  for (std::size_t i = 0; i < kChangesMax && change && *change <= after + days{400}; ++i) {
    warn_of_change(table, *change, warnings);
    change = table.zone()->next_change(*change);
  }
  return warnings;
}

Preview preview(const Schedule& schedule, const Timetable& table, const PreviewPart& part) {
  Preview shown;
  shown.description = in_words(schedule, table);
  shown.timezone = table.zone()->name();
  shown.warnings = warnings_of(schedule, table, part.after);
  shown.remaining = part.remaining;
  std::int64_t left = part.remaining.value_or(std::numeric_limits<std::int64_t>::max());
  auto next = left > 0 ? table.next_moment(part.after) : std::nullopt;
  for (int count = part.count; next && count > 0 && left > 0; --count, --left) {
    const auto following = table.next_moment(next->at);
    Occurrence occurrence = table.describe(*next);
    if (part.key) {
      occurrence.due = table.due(next->at, following, *part.key);
    } else if (table.jitter().count() == 0) {
      occurrence.due = next->at;
    }
    shown.occurrences.push_back(std::move(occurrence));
    next = following;
  }
  shown.more = next && left > 0;
  return shown;
}

}  // namespace rhooks::schedule

#include "testing/slow_schedule.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <string>

#include "base/iso8601.h"

namespace rhooks::testing {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Local times as if they were UTC.
using Reading = TimePoint;
using Words = std::vector<std::string>;

Words split_at(const std::string& text, const std::string& separators) {
  Words words(1);
  for (const char c : text) {
    if (separators.find(c) == std::string::npos) {
      words.back() += c;
    } else {
      words.emplace_back();
    }
  }
  return words;
}

// A number, or where it stands in the list of names of three letters.
int number_of(const std::string& text) {
  static const std::string kNames = "...JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
  static const std::string kDays = "SUNMONTUEWEDTHUFRISAT";
  if (text.size() < 3 || std::isdigit(static_cast<unsigned char>(text[0])) != 0) {
    return std::stoi(text);
  }
  const auto month = kNames.find(text.substr(0, 3));
  return static_cast<int>(month != std::string::npos ? month / 3
                                                     : kDays.find(text.substr(0, 3)) / 3);
}

// Whether a value is in "*/2", "5", "5-9", "22-2/3" or "5/10" of a field from `low` to `high`.
bool item_has(const std::string& item, int value, int low, int high) {
  const Words parts = split_at(item, "/");
  const int step = parts.size() > 1 ? std::stoi(parts[1]) : 1;
  int first = low;
  int last = high;
  if (parts[0] != "*" && parts[0] != "?") {
    const Words ends = split_at(parts[0], "-");
    first = number_of(ends[0]);
    last = ends.size() > 1 ? number_of(ends[1]) : parts.size() > 1 ? high : first;
  }
  for (int n = first, left = 0;; ++n, ++left) {
    const int shown = n > high ? n - (high - low + 1) : n;
    if (left % step == 0 && shown == value) return true;
    if (n == last || shown == last || left > 300) return false;
  }
}

bool field_has(const std::string& field, int value, int low, int high) {
  const Words items = split_at(field, ",");
  return std::any_of(items.begin(), items.end(),
                     [&](const std::string& item) { return item_has(item, value, low, high); });
}

struct Date {
  std::chrono::sys_days day;

  std::chrono::year_month_day parts() const { return day; }
  int number() const { return static_cast<int>(static_cast<unsigned>(parts().day())); }
  int month() const { return static_cast<int>(static_cast<unsigned>(parts().month())); }
  int year() const { return static_cast<int>(parts().year()); }
  int weekday() const { return static_cast<int>(std::chrono::weekday(day).c_encoding()); }
  Date plus(int n) const { return {day + days{n}}; }
  bool is_last() const { return plus(1).month() != month(); }
  bool is_workday() const { return weekday() != 0 && weekday() != 6; }
};

// Whether it is the workday of its month that is nearest to `target`, which is of the month, too.
bool is_nearest_workday(const Date& date, const Date& target) {
  if (date.month() != target.month() || date.year() != target.year()) return false;
  for (int distance = 0;; ++distance) {
    for (const int n : {-distance, distance}) {
      const Date near = target.plus(n);
      if (near.month() == target.month() && near.is_workday()) return near.day == date.day;
    }
  }
}

Date last_of_month(Date date) {
  while (!date.is_last()) date = date.plus(1);
  return date;
}

bool day_item_has(const std::string& item, const Date& date) {
  const bool nearest = item.back() == 'W';
  const std::string text = item.substr(0, item.size() - (nearest ? 1 : 0));
  const Date first = date.plus(1 - date.number());
  if (text[0] == 'L') {
    const Date target = last_of_month(date).plus(text.size() > 1 ? std::stoi(text.substr(1)) : 0);
    if (target.month() != date.month()) return false;
    return nearest ? is_nearest_workday(date, target) : date.day == target.day;
  }
  if (!nearest) return item_has(item, date.number(), 1, 31);
  const Date target = first.plus(std::stoi(text) - 1);
  return target.month() == date.month() && is_nearest_workday(date, target);
}

bool weekday_item_has(const std::string& item, const Date& date) {
  const auto hash = item.find('#');
  if (item.back() == 'L') {
    const std::string day = item.substr(0, hash == std::string::npos ? item.size() - 1 : hash);
    return number_of(day) % 7 == date.weekday() && date.plus(7).month() != date.month();
  }
  if (hash != std::string::npos) {
    return number_of(item.substr(0, hash)) % 7 == date.weekday() &&
           (date.number() - 1) / 7 + 1 == std::stoi(item.substr(hash + 1));
  }
  return item_has(item, date.weekday(), 0, item.find('7') == std::string::npos ? 6 : 7) ||
         (date.weekday() == 0 && item.find('7') != std::string::npos && item_has(item, 7, 0, 7));
}

// An expression, as text.
class SlowCron {
 public:
  explicit SlowCron(std::string text, bool whole_minutes = false) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    std::istringstream stream(text);
    fields_.assign(std::istream_iterator<std::string>(stream), {});
    if (fields_.size() == 5) fields_.insert(fields_.begin(), whole_minutes ? "*" : "0");
    if (fields_.size() == 6) fields_.emplace_back("*");
    for (int n = 0; n < 60; ++n) {
      seconds_[n] = field_has(fields_[0], n, 0, 59);
      minutes_[n] = field_has(fields_[1], n, 0, 59);
    }
    for (int hour = 0; hour < 24; ++hour) {
      hours_[hour] = field_has(fields_[2], hour, 0, 23);
      all_hours_ &= hours_[hour];
    }
  }

  bool all_hours() const { return all_hours_; }
  bool in_whole_minutes() const { return fields_[0] == "0"; }

  bool has(Reading reading) {
    const Date date{floor<days>(reading)};
    if (!known_ || known_->day != date.day) {
      known_ = date;
      known_has_ = has_date(date);
    }
    if (!known_has_) return false;
    const auto second = static_cast<int>(floor<seconds>(reading - date.day).count());
    return seconds_[second % 60] && minutes_[second / 60 % 60] && hours_[second / 3600];
  }

 private:
  bool has_date(const Date& date) const {
    if (!field_has(fields_[4], date.month(), 1, 12)) return false;
    if (!field_has(fields_[6], date.year(), 1970, 2199)) return false;
    const bool both = fields_[5][0] == '+';
    const std::string weekdays = fields_[5].substr(both ? 1 : 0);
    const Words by_day = split_at(fields_[3], ",");
    const Words by_weekday = split_at(weekdays, ",");
    const bool day = std::any_of(by_day.begin(), by_day.end(),
                                 [&](const auto& item) { return day_item_has(item, date); });
    const bool weekday = std::any_of(by_weekday.begin(), by_weekday.end(), [&](const auto& item) {
      return weekday_item_has(item, date);
    });
    const auto is_any = [](const Words& items) {
      return std::any_of(items.begin(), items.end(), [](const std::string& item) {
        return item == "*" || item == "?" || item == "*/1" || item == "?/1";
      });
    };
    if (both || is_any(by_day) || is_any(by_weekday)) return day && weekday;
    return day || weekday;
  }

  Words fields_;
  std::array<bool, 60> seconds_{};
  std::array<bool, 60> minutes_{};
  std::array<bool, 24> hours_{};
  bool all_hours_ = true;
  std::optional<Date> known_;  // has() is asked of one day after the other
  bool known_has_ = false;
};

seconds offset_at(const Offsets& offsets, TimePoint at) {
  return std::prev(offsets.upper_bound(at))->second;
}

// Whether a day is "2027-12-24", in "2027-12-24/2028-01-02", or "--12-24".
bool is_of_days(const std::string& entry, Reading reading) {
  const std::string date = format_time(reading).substr(0, 10);
  if (entry.starts_with("--")) return date.substr(4) == entry.substr(1);
  const auto slash = entry.find('/');
  return date >= entry.substr(0, slash) &&
         date <= (slash == std::string::npos ? entry : entry.substr(slash + 1));
}

// "90m": the number and the unit. The schedules of tests have one of each.
std::pair<int, std::string> every_of(const std::string& every) {
  const auto unit = every.find_first_not_of("0123456789");
  return {std::stoi(every.substr(0, unit)), every.substr(unit)};
}

// The reading a number of days or months after another; a day that is missing is the last.
Reading calendar_plus(Reading reading, int n, const std::string& unit) {
  const int count = unit == "w" ? n * 7 : unit == "y" ? n * 12 : n;
  Date date{floor<days>(reading)};
  const auto time = reading - date.day;
  if (unit == "d" || unit == "w") return reading + days{count};
  const auto month = date.parts().year() / date.parts().month() + std::chrono::months{count};
  const auto wanted = month / date.parts().day();
  return std::chrono::sys_days(wanted.ok() ? wanted : month / std::chrono::last) + time;
}

// All that a schedule asks of a walk.
class Walk {
 public:
  Walk(const Schedule& schedule, const Offsets& offsets) : schedule_(schedule), offsets_(offsets) {
    for (const std::string& text : schedule.cron) {
      crons_.emplace_back(text);
      if (!crons_.back().in_whole_minutes()) step_ = seconds{1};
    }
    for (const std::string& entry : schedule.exclude) {
      if (entry.starts_with("cron:")) {
        excluded_minutes_.emplace_back(entry.substr(5), true);
      } else {
        excluded_days_.push_back(entry);
      }
    }
  }

  std::vector<TimePoint> run(TimePoint from, TimePoint to) {
    std::vector<TimePoint> found;
    fill_lists(to);
    // Two days before the clock cannot have been behind for any longer; one that is never set is
    // not.
    const TimePoint begin = offsets_.size() == 1
                                ? TimePoint(floor<std::chrono::minutes>(from)) - step_
                                : TimePoint(floor<days>(from)) - days{2};
    Reading highest = begin + offset_at(offsets_, begin);
    for (TimePoint at = begin + step_; at <= to; at += step_) {
      const Reading shown = at + offset_at(offsets_, at);
      bool happens = instants_.contains(at) && !excluded(shown);
      for (SlowCron& cron : crons_) {
        if (cron.all_hours()) happens |= cron.has(shown) && !excluded(shown);
      }
      for (; highest < shown; highest += step_) happens |= is_named(highest + step_);
      if (happens && at >= from) found.push_back(at);
    }
    return found;
  }

 private:
  bool is_named(Reading reading) {
    bool named = readings_.contains(reading);
    for (SlowCron& cron : crons_) named |= !cron.all_hours() && cron.has(reading);
    return named && !excluded(reading);
  }

  bool excluded(Reading reading) {
    return std::any_of(excluded_minutes_.begin(), excluded_minutes_.end(),
                       [&](SlowCron& cron) { return cron.has(reading); }) ||
           std::any_of(excluded_days_.begin(), excluded_days_.end(),
                       [&](const std::string& entry) { return is_of_days(entry, reading); });
  }

  // The moments and local times of `at` and `every`, in whole seconds.
  void fill_lists(TimePoint to) {
    for (const std::string& text : schedule_.at) add(text);
    if (schedule_.every.empty()) return;
    const auto [n, unit] = every_of(schedule_.every);
    const bool elapsed = unit == "s" || unit == "m" || unit == "h";
    if (elapsed) {
      if (unit == "s") step_ = seconds{1};
      const seconds each{n * (unit == "h" ? 3600 : unit == "m" ? 60 : 1)};
      for (TimePoint at = *parse_time(schedule_.start); at <= to; at += each) instants_.insert(at);
      return;
    }
    const Reading anchor = *parse_time(schedule_.start + "Z");
    for (int i = 0; calendar_plus(anchor, i * n, unit) <= to + days{2}; ++i) {
      readings_.insert(calendar_plus(anchor, i * n, unit));
    }
  }

  void add(const std::string& text) {
    if (const auto at = parse_time(text)) {
      if (*at != floor<std::chrono::minutes>(*at)) step_ = seconds{1};
      instants_.insert(*at);
    } else {
      readings_.insert(*parse_time(text + "Z"));
    }
  }

  const Schedule& schedule_;
  const Offsets& offsets_;
  std::vector<SlowCron> crons_;
  std::vector<SlowCron> excluded_minutes_;
  Words excluded_days_;
  std::set<TimePoint> instants_;
  std::set<Reading> readings_;
  seconds step_{60};
};

}  // namespace

std::vector<TimePoint> slow_occurrences(const Schedule& schedule, const Offsets& offsets,
                                        TimePoint from, TimePoint to) {
  return Walk(schedule, offsets).run(from, to);
}

}  // namespace rhooks::testing

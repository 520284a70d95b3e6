#include "schedule/words.h"

#include <array>
#include <bit>
#include <cstdio>

#include "base/ascii.h"

namespace rhooks::schedule {
namespace {

using Words = std::vector<std::string>;

constexpr std::size_t kTimesMax = 6;  // more times of a day are not listed one by one
constexpr std::array<const char*, 7> kDayNames{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                               "Thursday", "Friday", "Saturday"};
constexpr std::array<const char*, 12> kMonthNames{"January",   "February", "March",    "April",
                                                  "May",       "June",     "July",     "August",
                                                  "September", "October",  "November", "December"};
constexpr std::array<const char*, 6> kOrdinals{"", "first", "second", "third", "fourth", "fifth"};

std::vector<int> values_of(std::uint64_t bits) {
  std::vector<int> values;
  for (; bits != 0; bits &= bits - 1) values.push_back(std::countr_zero(bits));
  return values;
}

std::string digits(const char* format, int a, int b = 0, int c = 0) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), format, a, b, c);
  return text.data();
}

// Three values or more in a row as "9 to 17".
template <typename Name>
Words runs_of(const std::vector<int>& values, const Name& name) {
  Words words;
  for (std::size_t i = 0; i < values.size();) {
    std::size_t end = i + 1;
    while (end < values.size() && values[end] == values[end - 1] + 1) ++end;
    if (end - i < 3) end = i + 1;
    words.push_back(name(values[i]));
    if (end - i > 1) words.back() += " to " + name(values[end - 1]);
    i = end;
  }
  return words;
}

std::string numbers_of(std::uint64_t bits) {
  return join_words(runs_of(values_of(bits), [](int n) { return std::to_string(n); }));
}

// n, if the values are 0, n, 2n and so on up to below `size`; else 0.
int step_of(std::uint64_t bits, int size) {
  const std::vector<int> values = values_of(bits);
  if (values.size() < 2 || values[0] != 0) return 0;
  const int step = values[1];
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != static_cast<int>(i) * step) return 0;
  }
  return values.back() + step >= size ? step : 0;
}

// "every 20 seconds", "every 7 minutes from the full hour".
std::string every_step(int step, const std::string& unit, const std::string& around) {
  if (step == 1) return "every " + unit;
  return "every " + std::to_string(step) + " " + unit + "s" +
         (60 % step == 0 ? "" : " from the full " + around);
}

Words times_of_day(const Cron& cron) {
  Words times;
  for (const int hour : values_of(cron.hours)) {
    for (const int minute : values_of(cron.minutes)) {
      for (const int second : values_of(cron.seconds)) {
        times.push_back(cron.seconds == 1 ? digits("%02d:%02d", hour, minute)
                                          : digits("%02d:%02d:%02d", hour, minute, second));
      }
    }
  }
  return times;
}

// Of whole minutes and all hours.
std::string minutes_in_words(const Cron& cron) {
  if (cron.minutes == 1) return "every hour";
  if (const int step = step_of(cron.minutes, 60)) return every_step(step, "minute", "hour");
  return "at " + numbers_of(cron.minutes) + (cron.minutes == 2 ? " minute" : " minutes") +
         " past every hour";
}

// Of whole minutes and some hours, too many to list.
std::string hours_in_words(const Cron& cron) {
  const std::vector<int> hour_list = values_of(cron.hours);
  const std::vector<int> minutes = values_of(cron.minutes);
  const int step = step_of(cron.minutes, 60);
  const bool in_a_row =
      hour_list.back() - hour_list.front() + 1 == static_cast<int>(hour_list.size());
  if (in_a_row && step != 0 && 60 % step == 0) {
    return every_step(step, "minute", "hour") + digits(" from %02d:00", hour_list.front()) +
           digits(" to %02d:%02d", hour_list.back(), minutes.back());
  }
  if (minutes.size() == 1) {
    if (in_a_row) {
      return digits("every hour from %02d:%02d", hour_list.front(), minutes[0]) +
             digits(" to %02d:%02d", hour_list.back(), minutes[0]);
    }
    if (const int hour_step = step_of(cron.hours, 24)) {
      return digits("every %d hours from 00:%02d", hour_step, minutes[0]);
    }
  }
  return "at minutes " + numbers_of(cron.minutes) + " of hours " + numbers_of(cron.hours);
}

std::string times_in_words(const Cron& cron) {
  const int count =
      std::popcount(cron.hours) * std::popcount(cron.minutes) * std::popcount(cron.seconds);
  if (cron.names_hours() && count <= static_cast<int>(kTimesMax)) {
    return "at " + join_words(times_of_day(cron));
  }
  if (cron.seconds == 1) return cron.names_hours() ? hours_in_words(cron) : minutes_in_words(cron);
  const bool every_minute = cron.minutes == Cron::kEveryMinute && !cron.names_hours();
  const int step = step_of(cron.seconds, 60);
  std::string text =
      step != 0 ? every_step(step, "second", "minute") : "at seconds " + numbers_of(cron.seconds);
  if (every_minute) return step != 0 ? text : text + " of every minute";
  text += cron.minutes == Cron::kEveryMinute ? "" : " of minutes " + numbers_of(cron.minutes);
  return text + (cron.names_hours() ? " of hours " + numbers_of(cron.hours) : " of every hour");
}

// "the last day", "2 days before the last day".
std::string before_last(int count) {
  if (count == 0) return "the last day";
  return std::to_string(count) + (count == 1 ? " day" : " days") + " before the last day";
}

// Of the day field: "day 13", "the last weekday". True: it is of a month, which is to be said.
std::pair<Words, bool> days_in_words(const Cron& cron) {
  Words words = runs_of(values_of(cron.days), [](int n) { return std::to_string(n); });
  if (!words.empty()) {
    words = {(std::popcount(cron.days) == 1 ? "day " : "days ") + join_words(words)};
  }
  const std::size_t plain = words.size();
  for (const int n : values_of(cron.nearest)) {
    words.push_back("the weekday nearest day " + std::to_string(n));
  }
  for (const int n : values_of(cron.before_last)) words.push_back(before_last(n));
  for (const int n : values_of(cron.nearest_before_last)) {
    words.push_back(n == 0 ? "the last weekday" : "the weekday nearest " + before_last(n));
  }
  return {words, words.size() > plain};
}

std::pair<Words, bool> weekdays_in_words(const Cron& cron, const std::string& article) {
  // From Monday on.
  const std::uint64_t plain_bits = cron.weekdays[0] >> 1 | (cron.weekdays[0] & 1) << 6;
  Words words =
      runs_of(values_of(plain_bits), [&](int n) { return article + kDayNames[(n + 1) % 7]; });
  const std::size_t plain = words.size();
  for (int n = 1; n <= 5; ++n) {
    for (const int day : values_of(cron.weekdays[n])) {
      words.push_back(std::string("the ") + kOrdinals[n] + " " + kDayNames[day]);
    }
  }
  for (const int day : values_of(cron.last_weekdays)) {
    words.push_back(std::string("the last ") + kDayNames[day]);
  }
  return {words, words.size() > plain};
}

std::string months_in_words(const Cron& cron) {
  return join_words(
      runs_of(values_of(cron.months), [](int n) { return std::string(kMonthNames[n - 1]); }));
}

// "Monday to Friday" and "2 days before the last day" stand alone, "on Friday" does not.
std::string with_on(const std::string& words) {
  const bool alone = words.find(" to ") != words.npos && !words.starts_with("day");
  return alone || is_digit(words.front()) ? words : "on " + words;
}

std::string dates_in_words(const Cron& cron) {
  const bool all_months = cron.months == Cron::kEveryMonth;
  if (cron.any_day && cron.any_weekday) {
    const std::string every = cron.names_hours() ? ", every day" : "";
    return all_months ? every : every + " in " + months_in_words(cron);
  }
  const auto [dates, of_month] = days_in_words(cron);
  const bool condition = cron.both_days && !cron.any_day && !cron.any_weekday;
  const auto [weekdays, weekday_of_month] = weekdays_in_words(cron, condition ? "a " : "");
  std::string text;
  if (!cron.any_day) text = with_on(join_words(dates));
  if (condition) {
    text += " if it is " + join_words(weekdays, " or ");
  } else if (!cron.any_weekday) {
    text += (text.empty() ? "" : " or ") + with_on(join_words(weekdays));
  }
  if (!all_months) {
    text += (cron.any_weekday && !of_month ? " of " : " in ") + months_in_words(cron);
  } else if (of_month || weekday_of_month) {
    text += " of the month";
  }
  return ", " + text;
}

std::string years_in_words(const Cron& cron) {
  if (cron.years.all()) return "";
  std::vector<int> years;
  for (std::size_t i = 0; i < cron.years.size(); ++i) {
    if (cron.years[i]) years.push_back(kFirstYear + static_cast<int>(i));
  }
  return ", in " + join_words(runs_of(years, [](int n) { return std::to_string(n); }));
}

}  // namespace

std::string join_words(const std::vector<std::string>& words, const char* last) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? last : ", ";
    text += words[i];
  }
  return text;
}

std::string cron_in_words(const Cron& cron) {
  return times_in_words(cron) + dates_in_words(cron) + years_in_words(cron);
}

}  // namespace rhooks::schedule

#include "delivery/retry_after.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/ascii.h"

namespace rhooks::delivery {
namespace {

using std::chrono::milliseconds;

// All of the text, which is of at most four digits.
std::optional<int> number(std::string_view text) {
  if (text.empty() || text.size() > 4 || !std::all_of(text.begin(), text.end(), is_digit)) {
    return std::nullopt;
  }
  int value = 0;
  for (const char c : text) value = value * 10 + (c - '0');
  return value;
}

// "120", "1.5"; what is less than a millisecond is rounded up, since it is the least to wait.
std::optional<milliseconds> parse_seconds(std::string_view text) {
  const std::string_view whole = text.substr(0, text.find('.'));
  const std::string_view part = text.substr(std::min(whole.size() + 1, text.size()));
  if (whole.empty() || !std::all_of(whole.begin(), whole.end(), is_digit) ||
      !std::all_of(part.begin(), part.end(), is_digit) || (whole != text && part.empty())) {
    return std::nullopt;
  }
  milliseconds wait{0};
  for (const char c : whole) {
    wait = wait * 10 + std::chrono::seconds{c - '0'};
    if (wait >= kRetryAfterMax) return kRetryAfterMax;
  }
  milliseconds unit{100};
  for (const char c : part.substr(0, 3)) {
    wait += unit * (c - '0');
    unit /= 10;
  }
  const auto below = part.substr(std::min<std::size_t>(part.size(), 3));
  if (below.find_first_not_of('0') != std::string_view::npos) wait += milliseconds{1};
  return std::min<milliseconds>(wait, kRetryAfterMax);
}

std::optional<std::chrono::month> parse_month(std::string_view text) {
  constexpr std::array<std::string_view, 12> kNames{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  for (unsigned i = 0; i < kNames.size(); ++i) {
    if (equal_in_any_case(text, kNames[i])) return std::chrono::month{i + 1};
  }
  return std::nullopt;
}

// "08:49:37", with a leap second.
std::optional<std::chrono::seconds> parse_time_of_day(std::string_view text) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
  const auto hour = number(text.substr(0, 2));
  const auto minute = number(text.substr(3, 2));
  const auto second = number(text.substr(6, 2));
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  return std::chrono::hours{*hour} + std::chrono::minutes{*minute} + std::chrono::seconds{*second};
}

// In RFC 9110's words: a year of two digits that appears to be more than 50 years ahead is the
// last one with these digits.
std::optional<std::chrono::year> parse_year(std::string_view text, TimePoint now) {
  const auto digits = number(text);
  if (!digits || (text.size() != 2 && text.size() != 4)) return std::nullopt;
  if (text.size() == 4) return std::chrono::year{*digits};
  const std::chrono::year_month_day today{std::chrono::floor<std::chrono::days>(now)};
  const int this_year = static_cast<int>(today.year());
  const int year = this_year - this_year % 100 + *digits;
  if (year > this_year + 50) return std::chrono::year{year - 100};
  if (year <= this_year - 50) return std::chrono::year{year + 100};
  return std::chrono::year{year};
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (words.size() <= 6) {
    const auto first = text.find_first_not_of(" ,-");
    if (first == std::string_view::npos) break;
    text.remove_prefix(first);
    words.push_back(text.substr(0, text.find_first_of(" ,-")));
    text.remove_prefix(words.back().size());
  }
  return words;
}

//   Sun, 06 Nov 1994 08:49:37 GMT
//   Sunday, 06-Nov-94 08:49:37 GMT
//   Sun Nov  6 08:49:37 1994
std::optional<TimePoint> parse_date(std::string_view text, TimePoint now) {
  const auto words = words_of(text);
  const bool with_zone = words.size() == 6 &&
                         (equal_in_any_case(words[5], "GMT") || equal_in_any_case(words[5], "UTC"));
  if (!with_zone && words.size() != 5) return std::nullopt;
  const auto day = number(words[with_zone ? 1 : 2]);
  const auto month = parse_month(words[with_zone ? 2 : 1]);
  const auto year = parse_year(words[with_zone ? 3 : 4], now);
  const auto time = parse_time_of_day(words[with_zone ? 4 : 3]);
  if (!day || !month || !year || !time) return std::nullopt;
  const std::chrono::year_month_day date{*year, *month,
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (*day > 31 || !date.ok()) return std::nullopt;
  return std::chrono::sys_days{date} + *time;
}

}  // namespace

std::optional<milliseconds> parse_retry_after(std::string_view value, TimePoint now) {
  auto wait = parse_seconds(value);
  if (!wait) {
    const auto until = parse_date(value, now);
    if (!until) return std::nullopt;
    wait = std::min<milliseconds>(*until - now, kRetryAfterMax);
  }
  if (*wait <= milliseconds{0}) return std::nullopt;
  return wait;
}

std::optional<milliseconds> retry_after_of(const Response& response, TimePoint now) {
  std::optional<milliseconds> longest;
  for (const Header& header : response.headers) {
    if (!equal_in_any_case(header.name, "retry-after")) continue;
    const auto wait = parse_retry_after(header.value, now);
    if (wait && (!longest || *wait > *longest)) longest = wait;
  }
  return longest;
}

}  // namespace rhooks::delivery

#include "base/iso8601.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/text.h"

namespace rhooks {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;

// Takes the text apart from the left; a failed step leaves the cursor where it is.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }

  bool one_of(std::string_view accepted, char* taken = nullptr) {
    if (rest_.empty() || accepted.find(rest_.front()) == std::string_view::npos) return false;
    if (taken != nullptr) *taken = rest_.front();
    rest_.remove_prefix(1);
    return true;
  }

  // Exactly `count` digits.
  bool digits(std::size_t count, int& value) {
    if (rest_.size() < count) return false;
    int sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_digit(rest_[i])) return false;
      sum = sum * 10 + (rest_[i] - '0');
    }
    value = sum;
    rest_.remove_prefix(count);
    return true;
  }

  // One digit or more of a fraction of a second, cut to milliseconds.
  bool fraction(int& millis) {
    std::size_t count = 0;
    int sum = 0;
    while (count < rest_.size() && is_digit(rest_[count])) {
      if (count < 3) sum = sum * 10 + (rest_[count] - '0');
      ++count;
    }
    if (count == 0) return false;
    for (std::size_t i = count; i < 3; ++i) sum *= 10;
    millis = sum;
    rest_.remove_prefix(count);
    return true;
  }

 private:
  std::string_view rest_;
};

tl::unexpected<Error> no_time(std::string_view text, const char* why) {
  return fail(ErrorCode::kInvalidArgument, quote(text) + " is no date and time: " + why +
                                               "; write it as in \"2026-01-31T12:34:56.789Z\"");
}

void put_digits(char* at, std::size_t count, unsigned value) {
  for (std::size_t i = count; i > 0; --i, value /= 10)
    at[i - 1] = static_cast<char>('0' + value % 10);
}

}  // namespace

void append_time(std::string& out, TimePoint t) {
  // A year past 9999 has no four digits; such times are refused wherever they could come in.
  t = std::clamp(t, kTimeMin, kTimeMax);
  const auto day = std::chrono::floor<days>(t);
  const std::chrono::year_month_day date{day};
  const auto ms = static_cast<unsigned>((t - day).count());

  char text[] = "0000-00-00T00:00:00.000Z";
  put_digits(&text[0], 4, static_cast<unsigned>(static_cast<int>(date.year())));
  put_digits(&text[5], 2, static_cast<unsigned>(date.month()));
  put_digits(&text[8], 2, static_cast<unsigned>(date.day()));
  put_digits(&text[11], 2, ms / 3'600'000);
  put_digits(&text[14], 2, ms / 60'000 % 60);
  put_digits(&text[17], 2, ms / 1'000 % 60);
  put_digits(&text[20], 3, ms % 1'000);
  out.append(text, sizeof text - 1);
}

std::string format_time(TimePoint t) {
  std::string text;
  append_time(text, t);
  return text;
}

Result<TimePoint> parse_time(std::string_view text) {
  Cursor in(text);
  int year = 0;
  int month = 0;
  int day = 0;
  if (!in.digits(4, year) || !in.one_of("-") || !in.digits(2, month) || !in.one_of("-") ||
      !in.digits(2, day)) {
    return no_time(text, "it does not begin with a date");
  }
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return no_time(text, "that day does not exist");

  int hour = 0;
  int minute = 0;
  int second = 0;
  int millis = 0;
  if (!in.one_of("Tt ") || !in.digits(2, hour) || !in.one_of(":") || !in.digits(2, minute)) {
    return no_time(text, "a time must follow the date");
  }
  if (in.one_of(":")) {
    if (!in.digits(2, second)) return no_time(text, "the seconds need two digits");
    if (in.one_of(".,") && !in.fraction(millis)) {
      return no_time(text, "the fraction of a second has no digits");
    }
  }
  if (hour > 23 || minute > 59) return no_time(text, "that time of day does not exist");
  if (second > 59) return no_time(text, "seconds go from 00 to 59 (leap seconds are not counted)");

  int offset_minutes = 0;
  char sign = 0;
  if (in.one_of("+-", &sign)) {
    int offset_hour = 0;
    int offset_minute = 0;
    if (!in.digits(2, offset_hour)) return no_time(text, "the offset needs two digits of hours");
    if (!in.at_end()) {
      in.one_of(":");
      if (!in.digits(2, offset_minute)) return no_time(text, "the offset is malformed");
    }
    if (offset_hour > 23 || offset_minute > 59) return no_time(text, "the offset is out of range");
    offset_minutes = offset_hour * 60 + offset_minute;
    if (sign == '-') offset_minutes = -offset_minutes;
  } else if (!in.one_of("Zz")) {
    return no_time(text, in.at_end() ? "it needs \"Z\" or an offset such as \"+02:00\""
                                     : "something else stands where \"Z\" or an offset belongs");
  }
  if (!in.at_end()) return no_time(text, "something follows the offset");

  const TimePoint t = std::chrono::sys_days{date} + std::chrono::hours{hour} +
                      std::chrono::minutes{minute - offset_minutes} + std::chrono::seconds{second} +
                      milliseconds{millis};
  if (t < kTimeMin || t > kTimeMax) return no_time(text, "years go from 1970 to 9999 (UTC)");
  return t;
}

}  // namespace rhooks

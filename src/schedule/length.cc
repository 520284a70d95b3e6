#include "schedule/length.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace rhooks::schedule {
namespace {

using Unit = Length::Unit;

struct Name {
  std::string_view text;
  std::string_view iso;  // of ISO 8601, behind P or, of elapsed time, PT
  Unit unit;
  std::int64_t factor;
  std::string_view word;
  std::int64_t max;  // 100 years, or as many days
};
// The larger of a unit first, so that it is written.
constexpr std::array<Name, 7> kUnits{
    {{"y", "Y", Unit::kMonths, 12, "year", 100},
     {"mo", "M", Unit::kMonths, 1, "month", 1'200},
     {"w", "W", Unit::kDays, 7, "week", 5'217},
     {"d", "D", Unit::kDays, 1, "day", 36'525},
     {"h", "H", Unit::kMilliseconds, 3'600'000, "hour", 876'600},
     {"m", "M", Unit::kMilliseconds, 60'000, "minute", 52'596'000},
     {"s", "S", Unit::kMilliseconds, 1'000, "second", 3'155'760'000}}};

tl::unexpected<Error> bad_length(std::string_view text, std::string_view why) {
  return fail(ErrorCode::kInvalidArgument, quote(text) + std::string(why));
}

// The unit that `rest` begins with, which is taken from it.
const Name* take_unit(std::string_view& rest, bool iso, bool elapsed) {
  const auto length = std::min(rest.find_first_of("0123456789T"), rest.size());
  for (const Name& name : kUnits) {
    if (iso && (name.unit == Unit::kMilliseconds) != elapsed) continue;
    if (rest.substr(0, length) != (iso ? name.iso : name.text)) continue;
    rest.remove_prefix(length);
    return &name;
  }
  return nullptr;
}

}  // namespace

Result<Length> parse_length(std::string_view text) {
  static constexpr std::string_view kExpected =
      " is no length; write a number and a unit: 30s, 10m, 6h or 1h30m for elapsed time, 3d, 2w, "
      "1mo or 1y for days of the calendar";
  static constexpr std::string_view kMixed =
      " mixes units: days and longer are counted on the calendar and are not always as long, so "
      "they stand alone, with one unit; hours, minutes and seconds can be joined";
  std::string_view rest = text;
  const bool iso = rest.starts_with('P');
  if (iso) rest.remove_prefix(1);
  bool elapsed = false;
  Length total;
  int parts = 0;
  while (!rest.empty()) {
    if (iso && !elapsed && rest.front() == 'T') {
      elapsed = true;
      rest.remove_prefix(1);
    }
    const auto digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    if (digits == 0 || digits > 10) return bad_length(text, kExpected);
    const std::int64_t number = std::stoll(std::string(rest.substr(0, digits)));
    rest.remove_prefix(digits);
    const Name* const name = take_unit(rest, iso, elapsed);
    if (!name) return bad_length(text, kExpected);
    if (parts++ > 0 && (name->unit != total.unit || name->unit != Unit::kMilliseconds)) {
      return bad_length(text, kMixed);
    }
    if (number > name->max) return bad_length(text, " is longer than 100 years");
    total.unit = name->unit;
    total.count += number * name->factor;
  }
  if (parts == 0) return bad_length(text, kExpected);
  if (total.count == 0) return bad_length(text, " is too short; the least is 1s");
  if (total.unit == Unit::kMilliseconds && total.count > kUnits.back().max * 1'000) {
    return bad_length(text, " is longer than 100 years");
  }
  return total;
}

std::string format_length(const Length& length) {
  if (length.unit == Unit::kMilliseconds) {
    std::string text;
    std::int64_t left = length.count;
    for (const Name& name : kUnits) {
      if (name.unit != length.unit || left < name.factor) continue;
      text += std::to_string(left / name.factor) + std::string(name.text);
      left %= name.factor;
    }
    return text;
  }
  for (const Name& name : kUnits) {
    if (name.unit != length.unit || length.count % name.factor != 0) continue;
    return std::to_string(length.count / name.factor) + std::string(name.text);
  }
  return "";
}

std::string length_in_words(const Length& length) {
  for (const Name& name : kUnits) {
    if (name.unit != length.unit || length.count % name.factor != 0) continue;
    const std::int64_t count = length.count / name.factor;
    if (count == 1) return std::string(name.word);
    return std::to_string(count) + " " + std::string(name.word) + "s";
  }
  return format_length(length);
}

}  // namespace rhooks::schedule

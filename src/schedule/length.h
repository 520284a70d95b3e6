#pragma once

#include <rhooks/result.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace rhooks::schedule {

// How far apart the occurrences of `every` are: elapsed time, or days or months of a calendar.
struct Length {
  enum class Unit { kMilliseconds, kDays, kMonths };

  std::int64_t count = 0;
  Unit unit = Unit::kMilliseconds;

  friend bool operator==(const Length&, const Length&) = default;
};

// "30s", "1h30m", "3d", "2w", "1mo", "1y", or ISO 8601 ("PT10M", "P2W"). 1 s to 100 years. Errors:
// kInvalidArgument, saying what is accepted.
Result<Length> parse_length(std::string_view text);

// The short form that parse_length reads back, with the largest unit: "2w", "1h30m", "1y".
std::string format_length(const Length& length);

// As people say it: "2 weeks", "day", "90 minutes".
std::string length_in_words(const Length& length);

}  // namespace rhooks::schedule

#include "cli/times.h"

#include <cstdint>
#include <cstdlib>

#include "base/clock.h"
#include "base/duration.h"
#include "base/iso8601.h"

namespace rhooks::cli {

Result<TimePoint> parse_when(std::string_view text, TimePoint now) {
  if (text == "now") return now;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    const auto distance = parse_duration(text.substr(1));
    if (!distance) {
      Error error = distance.error();
      error.message.insert(1, 1, text.front());  // in the quotes, as it was given
      return fail(std::move(error));
    }
    const TimePoint at = text.front() == '+' ? now + *distance : now - *distance;
    if (at < kTimeMin || at > kTimeMax) {
      return fail(ErrorCode::kInvalidArgument,
                  "\"" + std::string(text) + "\" is outside of the years 1970 to 9999");
    }
    return at;
  }
  if (text != "0" && parse_duration(text)) {
    return fail(ErrorCode::kInvalidArgument, "\"" + std::string(text) +
                                                 "\" may be ahead or ago; write +" +
                                                 std::string(text) + " or -" + std::string(text));
  }
  auto at = parse_time(text);
  if (!at) {
    return fail(ErrorCode::kInvalidArgument,
                at.error().message +
                    "; use ISO-8601 with an offset (2030-01-31T12:00:00Z), a distance from now "
                    "(+2s, +5m, -1h) or now");
  }
  return at;
}

Result<Repeat> parse_every(std::string_view text) {
  const auto duration = parse_duration(text);
  if (!duration) return fail(duration.error());
  const std::int64_t ms = duration->count();
  if (ms <= 0 || ms % 1000 != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "\"" + std::string(text) + "\" is no interval; use whole seconds, at least 1s");
  }
  Repeat repeat;
  if (ms % 86'400'000 == 0) {
    repeat.unit = RepeatUnit::kDays;
    repeat.interval = ms / 86'400'000;
  } else if (ms % 3'600'000 == 0) {
    repeat.unit = RepeatUnit::kHours;
    repeat.interval = ms / 3'600'000;
  } else if (ms % 60'000 == 0) {
    repeat.unit = RepeatUnit::kMinutes;
    repeat.interval = ms / 60'000;
  } else {
    repeat.unit = RepeatUnit::kSeconds;
    repeat.interval = ms / 1'000;
  }
  return repeat;
}

std::string show_time(TimePoint t) {
  std::string text = format_time(t);
  if (text.size() > 10) text[10] = ' ';
  return text;
}

std::string show_distance(TimePoint t, TimePoint now) {
  const std::int64_t ms = (t - now).count();
  const std::int64_t size = std::abs(ms);
  std::string length;
  if (size < 1'000) {
    length = std::to_string(size) + " ms";
  } else if (size < 120'000) {
    length = std::to_string(size / 1'000) + " s";
  } else if (size < 7'200'000) {
    length = std::to_string(size / 60'000) + " min";
  } else if (size < 172'800'000) {
    length = std::to_string(size / 3'600'000) + " h";
  } else {
    length = std::to_string(size / 86'400'000) + " days";
  }
  return ms > 0 ? "in " + length : length + " ago";
}

}  // namespace rhooks::cli

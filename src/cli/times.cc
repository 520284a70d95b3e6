#include "cli/times.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>

#include "base/clock.h"
#include "base/iso8601.h"

namespace rhooks::cli {
namespace {

using std::chrono::milliseconds;

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::array<Unit, 6> kUnits{{{"w", 604'800'000},
                                      {"d", 86'400'000},
                                      {"h", 3'600'000},
                                      {"m", 60'000},
                                      {"s", 1'000},
                                      {"ms", 1}}};
constexpr std::int64_t kDurationMax = 36'500LL * 86'400'000;

tl::unexpected<Error> bad_duration(std::string_view text) {
  return fail(ErrorCode::kInvalidArgument,
              "\"" + std::string(text) +
                  "\" is no length of time; use a number and a unit, such as 500ms, 30s, 5m, "
                  "1h, 7d, 1w or 1h30m");
}

}  // namespace

Result<milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return milliseconds{0};
  if (text.empty()) return bad_duration(text);
  std::int64_t total = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc{} || rest.front() == '-') return bad_duration(text);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const auto unit_length = std::min(rest.find_first_of("0123456789"), rest.size());
    const std::string_view name = rest.substr(0, unit_length);
    std::int64_t factor = 0;
    for (const Unit& unit : kUnits) {
      if (unit.name == name) factor = unit.ms;
    }
    if (factor == 0) return bad_duration(text);
    if (number > kDurationMax / factor || total + number * factor > kDurationMax) {
      return fail(ErrorCode::kInvalidArgument,
                  "\"" + std::string(text) + "\" is longer than 36500d, the longest accepted");
    }
    total += number * factor;
    rest.remove_prefix(unit_length);
  }
  return milliseconds{total};
}

std::string format_duration(milliseconds duration) {
  std::int64_t left = duration.count();
  if (left == 0) return "0";
  std::string text;
  if (left < 0) {
    text = "-";
    left = -left;
  }
  for (const Unit& unit : kUnits) {
    if (unit.name == "w") continue;  // read, and not written: 30d is plainer than 4w2d
    if (left >= unit.ms) text += std::to_string(left / unit.ms) + std::string(unit.name);
    left %= unit.ms;
  }
  return text;
}

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

#include "base/duration.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "base/text.h"

namespace rhooks {
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
              quote(text) +
                  " is no length of time; use a number and a unit, such as 500ms, 30s, 5m, "
                  "1h, 7d, 1w or 1h30m");
}

// None: there is anything but digits, or too many.
std::optional<std::int64_t> parse_count(std::string_view text) {
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{} || at != end || text.front() == '-') return std::nullopt;
  return count;
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
                  quote(text) + " is longer than 36500d, the longest accepted");
    }
    total += number * factor;
    rest.remove_prefix(unit_length);
  }
  return milliseconds{total};
}

std::string format_duration(milliseconds duration) {
  auto left = static_cast<std::uint64_t>(duration.count());
  if (left == 0) return "0";
  std::string text;
  if (duration.count() < 0) {
    text = "-";
    left = 0 - left;  // also of the least one, which no signed number is the negative of
  }
  for (const Unit& unit : kUnits) {
    if (unit.name == "w") continue;  // read, and not written: 30d is plainer than 4w2d
    const auto ms = static_cast<std::uint64_t>(unit.ms);
    if (left >= ms) text += std::to_string(left / ms) + std::string(unit.name);
    left %= ms;
  }
  return text;
}

Result<Rate> parse_rate(std::string_view text) {
  const auto slash = std::min(text.find('/'), text.size());
  const auto limit = parse_count(text.substr(0, slash));
  std::string period(text.substr(std::min(slash + 1, text.size())));
  if (!period.empty() && (period.front() < '0' || period.front() > '9')) period.insert(0, "1");
  const auto length = parse_duration(period);
  if (limit && length) return Rate{*limit, *length};
  return fail(ErrorCode::kInvalidArgument,
              "must be a number and a time, as in 100/1m, not " + quote(text));
}

std::string format_rate(const Rate& rate) {
  return std::to_string(rate.limit) + "/" + format_duration(rate.period);
}

}  // namespace rhooks

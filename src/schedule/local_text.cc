#include "schedule/local_text.h"

#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/clock.h"
#include "base/iso8601.h"

namespace rhooks::schedule {

Result<Moment> parse_moment(std::string_view text, const Zone& zone) {
  auto at = parse_time(text);
  if (at) return Moment{*at, zone.local(*at)};
  const auto reading = parse_time(std::string(text) + "Z");
  if (!reading) return fail(at.error());
  const LocalTime local(reading->time_since_epoch());
  const TimePoint reached = zone.reach(local);
  if (reached >= kTimeMin && reached <= kTimeMax) return Moment{reached, local};
  return fail(ErrorCode::kInvalidArgument, "it is outside of the years 1970 to 9999");
}

std::string format_local(TimePoint at, const Zone& zone) {
  const LocalTime local = zone.local(at);
  const auto offset = static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(
                                           local.time_since_epoch() - at.time_since_epoch())
                                           .count());
  std::string text = format_time(TimePoint(local.time_since_epoch()));
  text.resize(text.size() - (text.ends_with(".000Z") ? 5 : 1));
  const int size = std::abs(offset);
  std::array<char, 16> shown{};
  std::snprintf(shown.data(), shown.size(), "%c%02d:%02d", offset < 0 ? '-' : '+',
                size / 3600 % 100, size / 60 % 60);
  return text + shown.data();
}

std::string format_reading(LocalTime local) {
  std::string text = format_time(TimePoint(local.time_since_epoch()));
  text[10] = ' ';
  text.resize(text.ends_with(":00.000Z") ? 16 : 19);
  return text;
}

}  // namespace rhooks::schedule

#pragma once

#include <rhooks/result.h>

#include <string>
#include <string_view>

#include "schedule/zone.h"

namespace rhooks::schedule {

// An instant, and the local time that it stands for: what the clock reads then, or the time that it
// left out right before.
struct Moment {
  TimePoint at{};
  LocalTime local{};

  friend bool operator==(const Moment&, const Moment&) = default;
};

// ISO 8601 as base/iso8601.h reads it, or without an offset, as a local time of the zone. Errors:
// kInvalidArgument; `field` is left to the caller.
Result<Moment> parse_moment(std::string_view text, const Zone& zone);

// "2027-03-29T09:00:00+02:00": with milliseconds only where there are some.
std::string format_local(TimePoint at, const Zone& zone);

// "2027-03-29 09:00", with seconds only where there are some.
std::string format_reading(LocalTime local);

}  // namespace rhooks::schedule

#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <string>
#include <string_view>

namespace rhooks::cli {

// A moment: ISO-8601 with an offset, "now", or relative to now: +2s, +5m, -1h.
Result<TimePoint> parse_when(std::string_view text, TimePoint now);

// "10s", "1h30m" as an interval in the largest unit that holds it exactly.
Result<Repeat> parse_every(std::string_view text);

// "2026-01-31 12:34:56.789Z": ISO-8601 with a space, which people read more easily.
std::string show_time(TimePoint t);
// "in 2 s", "5 m ago": how far off, in the unit that tells it best.
std::string show_distance(TimePoint t, TimePoint now);

}  // namespace rhooks::cli

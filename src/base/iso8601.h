#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <string>
#include <string_view>

namespace rhooks {

// "2026-01-31T12:34:56.789Z": always UTC and milliseconds, 24 characters.
std::string format_time(TimePoint t);
void append_time(std::string& out, TimePoint t);

// ISO-8601 / RFC 3339 section 5.6 date-time: `T` or a space, seconds optional, any number of
// fraction digits (cut to milliseconds), `Z` or an offset (+hh:mm, +hhmm, +hh). A time
// without an offset is refused, because it names no moment, and so are dates that do not
// exist. Errors: kInvalidArgument; `field` is left to the caller.
Result<TimePoint> parse_time(std::string_view text);

}  // namespace rhooks

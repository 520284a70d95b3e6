#pragma once

#include <rhooks/endpoint.h>
#include <rhooks/result.h>

#include <chrono>
#include <string>
#include <string_view>

namespace rhooks {

// A length of time: 500ms, 30s, 5m, 1h, 7d, 1w, several of them (1h30m), or 0. Never negative;
// at most 36500 days. Errors: kInvalidArgument, saying what is accepted.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// The shortest spelling that parse_duration reads back: "1h30m", "500ms", "0".
std::string format_duration(std::chrono::milliseconds duration);

// A number, "/" and a length of time, of which a 1 may be left out: 100/1m, 100/m, 50/s. Errors:
// kInvalidArgument, saying what is accepted.
Result<Rate> parse_rate(std::string_view text);

// What parse_rate reads back: "100/1m".
std::string format_rate(const Rate& rate);

}  // namespace rhooks

#pragma once

#include <rhooks/endpoint.h>
#include <rhooks/result.h>

#include <span>
#include <string>
#include <string_view>

namespace rhooks::model {

// "400-403,405,422": statuses of three digits, and ranges of them. Errors: kInvalidArgument, saying
// what is accepted.
Result<StatusSet> parse_status_set(std::string_view text);

// What parse_status_set() reads back.
std::string format_status_set(const StatusSet& statuses);

bool contains(std::span<const StatusRange> statuses, int status);

}  // namespace rhooks::model

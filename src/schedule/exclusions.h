#pragma once

#include <rhooks/result.h>

#include <string>
#include <vector>

#include "schedule/local_times.h"

namespace rhooks::schedule {

// Reads Schedule::exclude. Errors: kInvalidArgument, with the field ".exclude[n]" of the schedule
// for the entry that is wrong; kUnsupported as parse_cron has it.
Result<Exclusions> parse_exclusions(const std::vector<std::string>& texts);

}  // namespace rhooks::schedule

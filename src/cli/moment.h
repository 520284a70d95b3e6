#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <string>
#include <string_view>

#include "cli/io.h"
#include "schedule/zones.h"

namespace rhooks::cli {

struct Moment {
  TimePoint at;
  // "2030-01-31 12:00 in Europe/Berlin", where it was a zone that gave the offset.
  std::string read_as;
};

// When something is to happen, as people type it: what parse_when takes, and besides
//   5m                a length of time without a sign is from now on;
//   2030-01-31 12:00  without an offset: what the clocks show in `zone`, or where that is empty
//                     in the zone of TZ or of the machine.
// `zone` is what a schedule takes as its timezone: a name of these zones ("Europe/Berlin"), UTC or
// an offset (+02:00). A time that the clocks leave out or show twice, where they are set, is
// refused with both moments that may be meant. Errors: kInvalidArgument, saying what to type
// instead; also for a `zone` that changes nothing. Those of Zones::find().
Result<Moment> parse_moment(std::string_view text, const std::string& zone,
                            const schedule::Zones& zones, const Environment& environment,
                            TimePoint now);

}  // namespace rhooks::cli

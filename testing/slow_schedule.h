#pragma once

#include <rhooks/schedule.h>

#include <vector>

#include "testing/zone_files.h"

namespace rhooks::testing {

// The moments from `from` to `to`, both included, at which a schedule happens, by its definition
// and nothing else: a walk, second by second, or minute by minute where all is in whole minutes,
// that watches the clock of the zone. What it names happens when the clock first shows that time or
// a later one. It reads the expressions by itself and does no arithmetic on them, so it shares no
// thought with src/schedule/, which it is there to check. `jitter` and `max` are not its business.
//
// `from` to `to` should be days rather than years. The schedule has to be a valid one.
// Threads: any.
std::vector<TimePoint> slow_occurrences(const Schedule& schedule, const Offsets& offsets,
                                        TimePoint from, TimePoint to);

}  // namespace rhooks::testing

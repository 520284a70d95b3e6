#pragma once

#include <rhooks/schedule.h>
#include <rhooks/task.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schedule/length.h"
#include "schedule/timetable.h"

namespace rhooks::schedule {

// How an `every` reads: "every 2 weeks from Fri 2027-01-01 17:00".
std::string every_in_words(const Length& length, LocalTime from);

// What a schedule says, in a line of English: "at 09:00, Monday to Friday (Europe/Berlin)".
std::string in_words(const Schedule& schedule, const Timetable& table);

// What may surprise whoever wrote it, a sentence each: days that some months lack, steps whose
// rhythm breaks, local times that a change of the clocks within 400 days of `after` touches.
std::vector<std::string> warnings_of(const Schedule& schedule, const Timetable& table,
                                     TimePoint after);

// Which occurrences to show.
struct PreviewPart {
  TimePoint after{};
  int count = 0;                          // at most
  std::optional<std::int64_t> remaining;  // so many are left; none: no limit
  const TaskKey* key = nullptr;  // whose jitter it is; none: occurrences with jitter have no `due`
};

// Those occurrences, with all of the above but the version of the time zones.
Preview preview(const Schedule& schedule, const Timetable& table, const PreviewPart& part);

}  // namespace rhooks::schedule

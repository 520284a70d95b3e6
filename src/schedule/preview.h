#pragma once

#include <rhooks/schedule.h>
#include <rhooks/task.h>

#include <string>
#include <vector>

#include "schedule/timetable.h"

namespace rhooks::schedule {

// What a schedule says, in a line of English: "at 09:00, Monday to Friday (Europe/Berlin)".
std::string in_words(const Schedule& schedule, const Timetable& table);

// What may surprise whoever wrote it, a sentence each: days that some months lack, steps whose
// rhythm breaks, local times that a change of the clocks within 400 days of `after` touches.
std::vector<std::string> warnings_of(const Schedule& schedule, const Timetable& table,
                                     TimePoint after);

// The first `count` occurrences behind `after`, with all of the above. `key`: of the task whose
// jitter it is; none: occurrences with jitter have no `due`.
Preview preview(const Schedule& schedule, const Timetable& table, TimePoint after, int count,
                const TaskKey* key);

}  // namespace rhooks::schedule

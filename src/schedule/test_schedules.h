#pragma once

#include <stdexcept>
#include <string>

#include "schedule/test_zones.h"
#include "schedule/timetable.h"

namespace rhooks::schedule {

// Throws where it is refused.
inline Timetable compiled(const Schedule& schedule) {
  auto table = Timetable::compile(schedule, test_zones());
  if (!table) throw std::runtime_error(table.error().field + ": " + table.error().message);
  return *table;
}

inline Schedule cron_schedule(const std::string& expression, const std::string& zone = "UTC") {
  Schedule schedule;
  schedule.cron = {expression};
  schedule.timezone = zone;
  return schedule;
}

inline Schedule every_schedule(const std::string& length, const std::string& start,
                               const std::string& zone = "UTC") {
  Schedule schedule;
  schedule.every = length;
  schedule.start = start;
  schedule.timezone = zone;
  return schedule;
}

}  // namespace rhooks::schedule

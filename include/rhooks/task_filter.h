#pragma once

#include <rhooks/task.h>

#include <optional>
#include <string>

namespace rhooks {

// Which tasks of a namespace. Empty members do not restrict.
struct TaskFilter {
  std::string ns;  // required
  std::string id;  // a prefix; given, results are ordered by id
  std::optional<Status> status;
  std::optional<TimePoint> from;   // scheduled_date >= from
  std::optional<TimePoint> to;     // scheduled_date <= to
  std::string endpoint;            // the one that the task names
  std::string reason;              // State::failure_reason
  std::optional<int> last_status;  // Execution::last_response_status

  friend bool operator==(const TaskFilter&, const TaskFilter&) = default;
};

}  // namespace rhooks

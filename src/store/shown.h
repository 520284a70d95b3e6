#pragma once

#include <rhooks/task.h>

#include <utility>

#include "store/store.h"

namespace rhooks::store {

// A stored task as it is shown: PROCESSING is derived from a live lease, never stored.
inline Task as_shown(Task task, bool leased) {
  if (leased && task.status == Status::kActive) task.status = Status::kProcessing;
  return task;
}

// The opposite, for what an edit returns.
inline Task as_stored(Task task) {
  if (task.status == Status::kProcessing) task.status = Status::kActive;
  return task;
}

inline bool has_ended(Status status) {
  return status == Status::kDone || status == Status::kFailed;
}

// Whether a query shows a task, as far as the task itself tells: its place and its lease aside.
inline bool matches(const TaskQuery& query, const Task& task) {
  if (query.endpoint && task.endpoint != *query.endpoint) return false;
  if (query.not_ended && has_ended(task.status)) return false;
  if (query.reason && task.failure_reason != *query.reason) return false;
  if (query.last_status && task.execution.last_response_status != *query.last_status) return false;
  return !model::expired(task, query.now);
}
// Whether few of the tasks at those places may match.
inline bool looks_into_tasks(const TaskQuery& query) {
  return query.endpoint || query.reason || query.last_status;
}

}  // namespace rhooks::store

#pragma once

#include <rhooks/task.h>

#include <utility>

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

}  // namespace rhooks::store

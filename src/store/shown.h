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

// Copies what an attempt may change (the state fields of codec/stored.h) and leaves what
// was registered.
inline void copy_state(const Task& from, Task& to) {
  to.scheduled_date = from.scheduled_date;
  to.extra_date = from.extra_date;
  to.status = from.status;
  to.errors = from.errors;
  to.execution = from.execution;
  to.attempt = from.attempt;
  to.next_attempt_date = from.next_attempt_date;
  to.expires_at = from.expires_at;
  to.updated_at = from.updated_at;
}

}  // namespace rhooks::store

#pragma once

#include <rhooks/log.h>
#include <rhooks/task.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/uuid.h"

namespace rhooks::model {

// Names one claim, and so one attempt, for ever: no two claims share a token. It fences
// (`pid`): an outcome is taken only under the token of the task's current lease.
using LeaseToken = Uuid;

// The time-limited right to attempt a task.
struct Lease {
  TaskKey key;
  LeaseToken token{};
  TimePoint until{};
  // The life of the worker that has it, where processes share the store and others may take the
  // lease once that life is over; zero: it is good until its end.
  Uuid life{};

  friend bool operator==(const Lease&, const Lease&) = default;
};

// What was registered, hashed: tells a replay of an idempotency key from another use of it.
using Fingerprint = std::array<std::uint8_t, 16>;

// A task as a store keeps it. `task.status` is never PROCESSING here: that is derived from
// a live lease when a task is shown.
struct TaskRecord {
  Task task;
  Fingerprint fingerprint{};
  // The claim whose outcome was applied last, so that repeating a commit is harmless.
  LeaseToken last_token{};
  // What a newer build stored beside the spec: kept as it is. (State::newer_fields is the rest.)
  std::string newer_spec_fields;

  friend bool operator==(const TaskRecord&, const TaskRecord&) = default;
};

// Nominal time of the current occurrence: an extra one goes before the series' next.
inline TimePoint nominal_date(const Task& task) {
  return task.extra_date.value_or(task.scheduled_date);
}

// When a worker may attempt the task. Only ACTIVE tasks are due.
inline TimePoint due_at(const Task& task) {
  return task.next_attempt_date.value_or(nominal_date(task));
}

// Where an ACTIVE task stands among what is due: the earliest go first, and of those the one with
// the least key. Before due_at() where a retry keeps the place of its occurrence.
inline TimePoint place_of(const Task& task) {
  return task.in_order ? nominal_date(task) : due_at(task);
}

// From when on an attempt is late: a task that was registered for the past is due from its
// registration on.
inline TimePoint late_after(const Task& task, TimePoint due) {
  return std::max(due, task.created_at);
}

// Whether no attempt of the task may begin at `now` any more.
inline bool too_late(const Task& task, TimePoint now) {
  return task.deliver_before && *task.deliver_before <= now;
}

// Whether the task is deleted at `now`, though a store may still hold it.
inline bool expired(const Task& task, TimePoint now) {
  return task.expires_at && *task.expires_at <= now;
}

// What one HTTP attempt came to.
struct AttemptOutcome {
  Request sent;                      // the request as sent
  std::optional<Response> response;  // none if no response arrived
  // Why there is no response; empty where there is one, whose status says it all
  // (model/outcome.h words it).
  std::string error;
  TimePoint started_at{};
  std::chrono::microseconds duration{0};
  // From Retry-After (RFC 9110, section 10.2.3), counted from the end of the attempt.
  std::optional<std::chrono::milliseconds> retry_after;

  bool ok() const { return response && response->ok(); }
  TimePoint ended_at() const {
    return started_at + std::chrono::floor<std::chrono::milliseconds>(duration);
  }
};

}  // namespace rhooks::model

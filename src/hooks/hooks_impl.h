#pragma once

#include <string>

#include "base/uuid.h"
#include "engine/runner.h"
#include "hooks/hooks_parts.h"

namespace rhooks {

// State of a Hooks. Its methods stand in two files by what they do: hooks.cc (one task, the
// worker) and hooks_many.cc (pages and bulk operations).
struct Hooks::Impl {
  explicit Impl(Parts given);

  Parts parts;
  UuidGenerator uuids;
  engine::Runner runner;

  store::Store& store() { return *parts.store; }
  TimePoint now() const { return parts.clock->now(); }

  // A checked, complete record for a new task.
  Result<model::TaskRecord> prepare(NewTask task);
  // What became of a record that was put.
  Result<Registration> registered(model::TaskRecord record, bool idempotent,
                                  Result<store::PutResult> put);
  Result<Task> change_one(const TaskKey& key, const store::Edit& edit);
};

}  // namespace rhooks

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

  // What became of a record that was put, and was not created.
  Result<Registration> found(const model::TaskRecord& record, bool idempotent,
                             const Result<store::PutResult>& put);
  Result<Task> change_one(const TaskKey& key, const store::Edit& edit);
  // Changes a chunk of the tasks that match and are in status `from`; `verb` is what is done.
  Result<ManyResult> change_many(ManyQuery query, Status from, const char* verb,
                                 const store::Edit& edit);
};

}  // namespace rhooks

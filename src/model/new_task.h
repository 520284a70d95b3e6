#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include "base/uuid.h"
#include "model/record.h"

namespace rhooks::model {

// Checks every limit and rule of docs/semantics.md that needs nothing but the task itself.
// Errors: kInvalidArgument with the JSON path of the field.
Result<void> validate(const NewTask& task);

// The fields by themselves, for the other calls that take them.
Result<void> validate_namespace(std::string_view ns);
Result<void> validate_id(std::string_view id, std::string_view field = "id");

// The first record of a valid new task. The id is the caller's, or derived from the
// idempotency key, or made from `uuid`; scheduled_date defaults to `now`.
TaskRecord make_record(NewTask task, TimePoint now, const Uuid& uuid);

// Hash of everything a caller registered (so also of what was left to its default).
Fingerprint fingerprint(const NewTask& task);

// The id that an idempotency key gives in a namespace.
std::string id_from_idempotency_key(const NewTask& task);

}  // namespace rhooks::model

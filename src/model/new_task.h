#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include "base/uuid.h"
#include "model/record.h"
#include "schedule/timetable.h"

namespace rhooks::model {

// Checks every limit and rule of docs/semantics.md that needs nothing but the task itself.
// That a JSON body is JSON, and that body and content type fit, others check (codec,
// delivery). Errors: kInvalidArgument with the JSON path of the field, which also begins the
// message.
Result<void> validate(const NewTask& task);

// The fields by themselves, for the other calls that take them.
Result<void> validate_namespace(std::string_view ns);
Result<void> validate_id(std::string_view id, std::string_view field = "id");

// The first record of a new task that validate() accepts. The id is the caller's, or derived from
// the idempotency key, or made from `uuid`; scheduled_date defaults to `now`, or is the first of
// `times`, which are those of a task with a schedule.
TaskRecord make_record(NewTask task, TimePoint now, const Uuid& uuid,
                       const schedule::Timetable* times = nullptr);

// Hash of what a caller registered. A field that has its default has no part in it, whether it was
// given or not. Header names count in any case and order, and white space between the tokens of a
// JSON body does not.
Fingerprint fingerprint(const NewTask& task);

// The id that the task's idempotency key gives in its namespace: [id_prefix#] and a UUID of
// version 8 (RFC 9562, section 5.8) made from both.
std::string id_from_idempotency_key(const NewTask& task);

}  // namespace rhooks::model

#pragma once

#include <rhooks/result.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/record.h"

// What is to be stored with an outcome (Commit::follow_ups), where each item is written by itself:
//
//   1. the update that stores the outcome takes the follow-ups along in the attribute `ob`, leaves
//      the task `due` as it was, so that it stays in the index, and sets no `ttl`;
//   2. the follow-ups are put, where their keys are free;
//   3. once that was answered, `ob` is removed, and `due` and `ttl` become what the outcome says.
//
// Whoever meets an item that has an `ob` does the second and the third step first: a claim, to
// which it looks due; a change, whose own write is the third; a removal; and a registration that
// takes the place of an expired task. So nothing that an outcome promised is lost, whoever dies
// when, and to do a step twice changes nothing: nor where tries of the claim and of the first step
// whose answers were lost arrive late, one after the other. Of an `ob` that cannot be read nothing
// is put; the third step keeps its bytes in `ou`, and the task goes on.
//
// Who claims it and cannot put it keeps the lease, whose end is when it is tried again: so one that
// is throttled costs a try for each lease, and holds up nothing else.
namespace rhooks::store::dynamo {

// The bytes of `ob`: of each follow-up its id, spec and state (codec/stored.h), each behind its
// length in 4 bytes, the highest first. They are in the namespace of their task.
std::string encode_outbox(std::span<const model::TaskRecord> follow_ups);
// Errors: kCorrupt.
Result<std::vector<model::TaskRecord>> decode_outbox(const TaskKey& task, std::string_view bytes);

}  // namespace rhooks::store::dynamo

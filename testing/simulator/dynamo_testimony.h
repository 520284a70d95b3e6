#pragma once

#include "testing/simulator/dynamo_service.h"
#include "testing/simulator/witness.h"

namespace rhooks::simulator {

// What a change of the tables means, told to the witness: by the item before and after, and by
// what the request set. Says shortly what it was ("claim ns/id"), for the notes of a run.
// What the store never does in a simulation, where nothing is corrupt, is a violation.
std::string testify(const DynamoService& service, const DynamoService::Change& change,
                    const store::dynamo::Tables& tables, Timeline& timeline, Witness& witness);

}  // namespace rhooks::simulator

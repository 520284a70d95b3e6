#pragma once

#include <rhooks/result.h>

#include "store/description.h"
#include "store/dynamo/client.h"
#include "store/dynamo/schema.h"

namespace rhooks::store::dynamo {

// What the service tells of both tables: status, counts (which it updates every six hours or
// so), billing, TimeToLive; and of every index. See describe_membership() for who works on them.
// A table that is missing is shown as such, and so is a TimeToLive that may not be looked at.
// Errors: those of Client::call. Safe to repeat.
Result<Description> describe_tables(Client& client, const Tables& tables);

}  // namespace rhooks::store::dynamo

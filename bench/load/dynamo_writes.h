#pragma once

#include "bench/load/workload.h"

namespace rhooks::bench {

// What the emulator of DynamoDB takes: the writes that a delivery can not do without (the claim,
// its log as a 25th of a batch, the outcome; with conditions, on the tables of the store) made
// through the store's client, twice half of the concurrency at a time. No index is read, nothing
// is scheduled, nothing is sent. Gives how many deliveries' writes a second.
double raw_writes_rate(const Receiver& receiver, const Workload& workload);

}  // namespace rhooks::bench

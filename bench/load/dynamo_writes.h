#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench/load/workload.h"
#include "testing/dynamo_proxy.h"

namespace rhooks::bench {

// A scheduler on tables of its own.
Options on_new_tables(const std::string& endpoint, std::size_t concurrency);

// Deletes tables on the emulator at the end of its scope: it keeps all of them in its memory, and
// what is measured next must not run beside what was left, on it or on somebody else's. To be
// made before what uses the tables.
class TablesUsed {
 public:
  explicit TablesUsed(std::vector<std::string> names) : names_(std::move(names)) {}
  ~TablesUsed();
  TablesUsed(const TablesUsed&) = delete;
  TablesUsed& operator=(const TablesUsed&) = delete;

 private:
  const std::vector<std::string> names_;
};

// What the emulator of DynamoDB takes: the writes that a delivery cannot do without (the claim,
// its log as a 25th of a batch, the outcome; with conditions, on the tables of the store) made
// through the store's client, twice half of the concurrency at a time. No index is read, nothing
// is scheduled, nothing is sent. Gives how many deliveries' writes a second.
double raw_writes_rate(const Receiver& receiver, const Workload& workload);
// The same writes through the proxy that counts: what DynamoDB would charge for all of them.
testing::DynamoUse raw_writes_use(const Receiver& receiver, const Workload& workload);

}  // namespace rhooks::bench

// Deliveries on tables of DynamoDB: on the emulator, which is one thread of node beside us, so
// that its own speed is the ceiling. What a delivery costs is the same on AWS.

#include <utility>

#include "bench/load/dynamo_writes.h"
#include "bench/load/suites.h"
#include "bench/load/workload.h"
#include "testing/dynalite.h"
#include "testing/dynamo_proxy.h"

namespace rhooks::bench {
namespace {

constexpr const char* kRawWrites = "raw writes";

// What DynamoDB would be asked and would charge for each delivery, by the proxy that counts. In a
// pass of its own: it takes time itself.
testing::DynamoUse cost(Receiver& receiver, const Workload& workload) {
  testing::DynamoProxy proxy(testing::dynalite_endpoint());
  proxy.accept_key("bench", "bench-secret");
  const Options options = on_new_tables(proxy.endpoint(), workload.concurrency);
  const TablesUsed used({options.tasks_table_name, options.logs_table_name});
  Hooks hooks(options);
  Delivery delivery(hooks, receiver, workload);
  proxy.reset_usage();
  delivery.run();
  const auto use = proxy.usage().total();
  delivery.check();
  return use;
}

// The ceiling is what the bare writes cost, counted in the same way.
void add_costs(Report& report, const Workload& workload, const testing::DynamoUse& use,
               const testing::DynamoUse& bare) {
  const auto add = [&](const char* name, double all, double least) {
    const auto count = static_cast<double>(workload.count);
    Row row{"dynamo", name, workload.conditions(), all / count, "each", {}};
    // They read nothing.
    if (least > 0) row.ceiling = Ceiling{kRawWrites, least / count, all / least};
    report.add(row);
  };
  add("requests a delivery", static_cast<double>(use.requests), static_cast<double>(bare.requests));
  add("WCU a delivery", use.wcu, bare.wcu);
  add("RCU a delivery", use.rcu, bare.rcu);
}

}  // namespace

void run_dynamo(Report& report, const Extent& extent) {
  Receiver receiver;
  bool warm = false;
  for (const std::size_t concurrency : {64, 256}) {
    const Workload workload{.count = extent.count(5'000), .concurrency = concurrency};
    if (!extent.wants(workload.conditions())) continue;
    Report::progress("dynamo: " + workload.conditions());
    // The emulator is twice as fast once it is compiled.
    if (!std::exchange(warm, true)) raw_writes_rate(receiver, workload);
    report.add(measure_pairs(
        {"dynamo", "rate", workload.conditions(), 0, "tasks/s", {}}, kRawWrites, extent,
        [&] { return raw_writes_rate(receiver, workload); },
        [&] {
          const Options options = on_new_tables(testing::dynalite_endpoint(), concurrency);
          const TablesUsed used({options.tasks_table_name, options.logs_table_name});
          Hooks hooks(options);
          return delivery_rate(hooks, receiver, workload);
        }));
    add_costs(report, workload, cost(receiver, workload), raw_writes_use(receiver, workload));
  }
}

}  // namespace rhooks::bench

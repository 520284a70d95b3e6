// Deliveries on tables of DynamoDB: on the emulator, which is one thread of node beside us, so
// that its own speed is the ceiling. What a delivery costs is the same on AWS.

#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "base/uuid.h"
#include "bench/load/dynamo_writes.h"
#include "bench/load/suites.h"
#include "bench/load/workload.h"
#include "testing/dynalite.h"
#include "testing/dynamo_proxy.h"

namespace rhooks::bench {
namespace {

// A scheduler on tables of its own.
Options on_new_tables(const std::string& endpoint, std::size_t concurrency) {
  Random random;
  const std::string unique = to_string(UuidGenerator(random).v7(SystemClock().now()));
  Options options = bench_options("dynamodb:", concurrency);
  options.region = "us-east-1";
  options.endpoint = endpoint;
  options.access_key_id = "bench";
  options.secret_access_key = "bench-secret";
  options.tasks_table_name = "tasks-" + unique;
  options.logs_table_name = "logs-" + unique;
  options.create_table = true;
  return options;
}

// What DynamoDB would be asked and would charge for each delivery, by the proxy that counts. In a
// pass of its own: it takes time itself.
testing::DynamoUse cost(Receiver& receiver, const Workload& workload) {
  testing::DynamoProxy proxy(testing::dynalite_endpoint());
  proxy.accept_key("bench", "bench-secret");
  Hooks hooks(on_new_tables(proxy.endpoint(), workload.concurrency));
  Delivery delivery(hooks, receiver, workload);
  proxy.reset_usage();
  delivery.run();
  const auto use = proxy.usage().total();
  delivery.check();
  return use;
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
        {"dynamo", "rate", workload.conditions(), 0, "tasks/s", {}}, "raw writes", extent.pairs,
        [&] { return raw_writes_rate(receiver, workload); },
        [&] {
          Hooks hooks(on_new_tables(testing::dynalite_endpoint(), concurrency));
          return delivery_rate(hooks, receiver, workload);
        }));
    const auto use = cost(receiver, workload);
    const auto each = [&](const char* name, double all) {
      report.add({"dynamo",
                  name,
                  workload.conditions(),
                  all / static_cast<double>(workload.count),
                  "each",
                  {}});
    };
    each("requests a delivery", static_cast<double>(use.requests));
    each("WCU a delivery", use.wcu);
    each("RCU a delivery", use.rcu);
  }
}

}  // namespace rhooks::bench

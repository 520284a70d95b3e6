// Due tasks to the receiver: durable, each with its log, each outcome synced before it counts.

#include "bench/load/suites.h"
#include "bench/load/workload.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {

void run_deliver(Report& report, const Extent& extent) {
  std::vector<Workload> workloads = delivery_workloads();
  for (const Workload& https : https_workloads()) workloads.push_back(https);
  for (Workload workload : workloads) {
    if (!extent.wants(workload.conditions())) continue;
    Report::progress("deliver: " + workload.conditions());
    workload.count = extent.count(workload.count);
    Receiver receiver(workload.receivers());
    report.add(measure_pairs(
        {"deliver", "rate", workload.conditions(), 0, "tasks/s", {}}, "raw sender", extent,
        [&] { return raw_rate(receiver, workload); },
        [&] {
          testing::TempDir dir("rhooks-bench");
          Options options = bench_options("rocksdb:" + dir.sub("data"), workload.concurrency);
          options.ca_file = receiver.ca_file();
          Hooks hooks(options);
          return delivery_rate(hooks, receiver, workload);
        }));
  }
}

}  // namespace rhooks::bench

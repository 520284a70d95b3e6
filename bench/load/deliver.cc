// Due tasks to the receiver: durable, each with its log, each outcome synced before it counts.

#include "bench/load/suites.h"
#include "bench/load/workload.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {

void run_deliver(Report& report, const Extent& extent) {
  for (const std::size_t hosts : {1, 1'000}) {
    Receiver receiver(static_cast<int>(hosts));
    for (const std::size_t body : {100, 10'000}) {
      for (const std::size_t concurrency : {64, 256}) {
        const Workload workload{.count = extent.count(body > 1'000 ? 40'000 : 100'000),
                                .concurrency = concurrency,
                                .body_bytes = body,
                                .hosts = hosts};
        if (!extent.wants(workload.conditions())) continue;
        Report::progress("deliver: " + workload.conditions());
        report.add(measure_pairs(
            {"deliver", "rate", workload.conditions(), 0, "tasks/s", {}}, "raw sender",
            extent.pairs, [&] { return raw_rate(receiver, workload); },
            [&] {
              testing::TempDir dir("rhooks-bench");
              Hooks hooks(bench_options("rocksdb:" + dir.sub("data"), concurrency));
              return delivery_rate(hooks, receiver, workload);
            }));
      }
    }
  }
}

}  // namespace rhooks::bench

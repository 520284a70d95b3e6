// What the machine, the receiver and libcurl allow, without a store.

#include <regex>
#include <stdexcept>

#include "bench/load/suites.h"
#include "bench/load/workload.h"
#include "bench/load/wrk.h"

namespace rhooks::bench {

void run_ceiling(Report& report, const Extent& extent) {
  Receiver receiver;
  for (const std::size_t body : {100, 10'000}) {
    for (const std::size_t concurrency : {64, 256}) {
      const Workload workload{.count = extent.count(body > 1'000 ? 60'000 : 150'000),
                              .concurrency = concurrency,
                              .body_bytes = body};
      if (!extent.wants(workload.conditions())) continue;
      Report::progress("ceiling: " + workload.conditions());
      WrkLoad load;
      load.url = receiver.url() + "/hook";
      load.connections = concurrency;
      load.seconds = 3 * extent.scale;
      load.script =
          "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\n"
          "wrk.body = string.rep('x', " +
          std::to_string(body) + ")\n";
      report.add(measure_pairs(
          {"ceiling", "raw sender", workload.conditions(), 0, "requests/s", {}}, "wrk",
          extent.pairs, [&] { return run_wrk(load).rate; },
          [&] { return raw_rate(receiver, workload); }));
    }
  }
}

}  // namespace rhooks::bench

// What the machine, the receiver and libcurl allow, without a store, under the same conditions as
// `deliver` by plain HTTP: the raw sender, which is its ceiling, is production's own, and stands
// here by a program that is not ours.

#include "bench/load/suites.h"
#include "bench/load/workload.h"
#include "bench/load/wrk.h"

namespace rhooks::bench {

void run_ceiling(Report& report, const Extent& extent) {
  for (Workload workload : delivery_workloads()) {
    if (!extent.wants(workload.conditions())) continue;
    Report::progress("ceiling: " + workload.conditions());
    workload.count = extent.count(workload.count / 2);
    Receiver receiver(workload.receivers());
    // wrk ends with requests under way, which must not be counted as the sender's.
    const Receiver receiver_of_wrk;
    WrkLoad load;
    load.url = receiver_of_wrk.url() + "/hook";
    load.connections = workload.concurrency;
    load.seconds = 2 * extent.scale;
    load.script =
        "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\n"
        "wrk.body = string.rep('x', " +
        std::to_string(workload.body_bytes) + ")\n";
    // wrk knows one address a thread, and a thousand threads would measure themselves. So it keeps
    // its connections where many hosts make the sender open new ones, and the row says so.
    report.add(measure_pairs(
        {"ceiling", "raw sender", workload.conditions(), 0, "requests/s", {}},
        workload.hosts == 1 ? "wrk" : "wrk, 1 host", extent, [&] { return run_wrk(load).rate; },
        [&] { return raw_rate(receiver, workload); }));
  }
}

}  // namespace rhooks::bench

// Tasks registered over HTTP with the real server, each of them synced before its answer.

#include <algorithm>
#include <csignal>
#include <fstream>
#include <stdexcept>

#include "bench/load/raw_store.h"
#include "bench/load/suites.h"
#include "bench/load/workload.h"
#include "bench/load/wrk.h"
#include "codec/public_json.h"
#include "testing/child_process.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

constexpr std::size_t kPostBatch = 1'000;

// How tasks are registered: so many a request, over so many connections.
struct PostShape {
  const char* name;
  std::string path;
  std::size_t connections;
  std::size_t tasks;

  std::string conditions() const {
    return std::to_string(connections) + " connections, " + std::to_string(tasks) +
           (tasks == 1 ? " task" : " tasks") + " a request, body 100 B, due at one time";
  }
};

// `rhooks serve` on a new store.
class RestServer {
 public:
  RestServer()
      : process_({RHOOKS_BINARY, "serve", "--store", store(), "--listen", "127.0.0.1:0",
                  "--port-file", dir_.sub("port"), "--log-level", "warn"}) {
    if (!process_.wait_for_output("listening on")) {
      throw std::runtime_error("the server did not start: " + process_.errors());
    }
    std::ifstream(dir_.sub("port")) >> port_;
  }

  std::string url() const { return "http://127.0.0.1:" + port_; }

  // Ends at once, then counts what the store holds: each acknowledged task, and what was under
  // way when the load ended. Throws where there are fewer or more.
  void check_stored(std::size_t acknowledged, std::size_t under_way_max) {
    process_.signal(SIGKILL);
    process_.wait();
    Hooks hooks(bench_options(store(), 1));
    const std::size_t stored = count_tasks(hooks, {.ns = "bench"});
    if (stored < acknowledged || stored > acknowledged + under_way_max) {
      throw std::runtime_error(std::to_string(acknowledged) + " tasks were acknowledged, " +
                               std::to_string(stored) + " are stored");
    }
  }

 private:
  std::string store() const { return "rocksdb:" + dir_.sub("data"); }

  testing::TempDir dir_{"rhooks-bench"};
  testing::ChildProcess process_;
  std::string port_;
};

// Due long after the run, all at one time.
NewTask task_of(const Receiver& receiver, std::size_t number) {
  NewTask task = webhook(receiver, {}, number);
  static const TimePoint due = now_ms() + std::chrono::hours{24 * 365};
  task.scheduled_date = due;
  return task;
}

// The same request every time, so that wrk spends nothing on making it: the server gives the ids.
std::string request_body(const Receiver& receiver, const PostShape& shape) {
  std::string items;
  for (std::size_t i = 0; i < shape.tasks; ++i) {
    items += (i == 0 ? "" : ",") + codec::to_json(task_of(receiver, i)).value();
  }
  return shape.tasks == 1 ? items : "{\"items\":[" + items + "]}";
}

// What bounds a shape. Of single tasks it is the requests, and of batches the writing: a receiver
// that knows nothing of tasks takes any number of them in a request.
double ceiling_rate(const Receiver& receiver, const PostShape& shape, WrkLoad load, double scale) {
  if (shape.tasks == 1) {
    load.url = receiver.url() + shape.path;
    return run_wrk(load).rate;
  }
  const auto count = std::max(kPostBatch, static_cast<std::size_t>(200'000 * scale));
  return raw_store_rate(count, shape.connections,
                        [&](std::size_t number) { return task_of(receiver, number); });
}

}  // namespace

void add_rest_rows(Report& report, const Extent& extent) {
  const Receiver receiver;
  for (const PostShape& shape : {PostShape{"REST single", "/v1/namespaces/bench/tasks", 64, 1},
                                 PostShape{"REST batch", "/v1/tasks/batch", 4, kPostBatch}}) {
    if (!extent.wants(shape.conditions())) continue;
    Report::progress("register: " + shape.conditions());
    WrkLoad load;
    load.connections = shape.connections;
    load.seconds = 3 * extent.scale;
    load.script =
        "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\n"
        "wrk.body = [==[" +
        request_body(receiver, shape) + "]==]\n";
    const auto tasks = static_cast<double>(shape.tasks);
    report.add(measure_pairs(
        {"register", shape.name, shape.conditions(), 0, "tasks/s", {}},
        shape.tasks == 1 ? "wrk" : kRawStore, extent,
        [&] { return ceiling_rate(receiver, shape, load, extent.scale); },
        [&] {
          RestServer server;
          load.url = server.url() + shape.path;
          const WrkResult done = run_wrk(load);
          server.check_stored(done.requests * shape.tasks, shape.connections * shape.tasks);
          return done.rate * tasks;
        }));
  }
}

}  // namespace rhooks::bench

#include "bench/load/wrk.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "testing/child_process.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

// Printed by wrk itself, so that nothing of its report for people has to be read.
constexpr const char* kSummary = R"(
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d\n", summary.requests, summary.duration,
                         e.connect + e.read + e.write + e.timeout, e.status))
end
)";

std::string find_wrk() {
  if (auto wrk = testing::find_program("wrk")) return *wrk;
  throw std::runtime_error("wrk is needed; scripts/install-deps.sh --bench installs it");
}

}  // namespace

WrkResult run_wrk(const WrkLoad& load) {
  const testing::TempDir dir("rhooks-bench-wrk");
  const std::string script = dir.sub("load.lua");
  std::ofstream(script) << load.script << kSummary;
  const int seconds = std::max(1, static_cast<int>(std::lround(load.seconds)));
  const auto finished = testing::run_program(
      {find_wrk(), "--threads", "1", "--connections", std::to_string(load.connections),
       "--duration", std::to_string(seconds) + "s", "--timeout", "10s", "--script", script,
       load.url},
      {}, {}, std::chrono::seconds{seconds + 60});
  const auto at = finished.output.find("RESULT ");
  if (finished.exit != 0 || at == std::string::npos) {
    throw std::runtime_error("wrk failed: " + finished.errors + finished.output);
  }
  std::istringstream fields(finished.output.substr(at + 7));
  double requests = 0, micros = 0, failed = 0, refused = 0;
  fields >> requests >> micros >> failed >> refused;
  if (failed > 0 || refused > 0 || requests == 0) {
    throw std::runtime_error("wrk: of " + std::to_string(requests) + " requests " +
                             std::to_string(failed) + " failed and " + std::to_string(refused) +
                             " were refused");
  }
  return {requests / (micros / 1e6), static_cast<std::uint64_t>(requests)};
}

}  // namespace rhooks::bench

// The parts that every task passes: the programs of Google Benchmark, as rows like the others.

#include <boost/json.hpp>
#include <filesystem>
#include <stdexcept>

#include "bench/load/suites.h"
#include "testing/child_process.h"

namespace rhooks::bench {
namespace {

constexpr const char* kPrograms[] = {"codec_bench", "model_bench", "signer_bench", "due_bench",
                                     "store_bench"};

// For each measurement, in seconds; Google Benchmark repeats it to a time of this sum.
constexpr double kSeconds = 0.5;

void run_program(Report& report, const Extent& extent, const std::string& program) {
  const auto path = std::filesystem::read_symlink("/proc/self/exe").parent_path() / program;
  if (!std::filesystem::exists(path)) {
    throw std::runtime_error(program + " is not built; scripts/bench.sh micro builds it");
  }
  const auto finished =
      testing::run_program({path.string(), "--benchmark_format=json",
                            "--benchmark_min_time=" + std::to_string(kSeconds * extent.scale),
                            "--benchmark_repetitions=" + std::to_string(extent.pairs)},
                           {}, {}, std::chrono::minutes{30});
  if (finished.exit != 0) throw std::runtime_error(program + " failed: " + finished.errors);

  // The repetitions of one benchmark follow each other.
  std::string name, unit;
  std::vector<double> times;
  const auto add = [&] {
    const std::string shown = name.substr(0, name.find("/real_time"));
    if (!times.empty()) report.add({"micro", shown, program, median(times), unit, {}});
    times.clear();
  };
  const auto output = boost::json::parse(finished.output);
  for (const auto& entry : output.at("benchmarks").as_array()) {
    const std::string run(entry.at("run_name").as_string());
    if (const auto* failed = entry.as_object().if_contains("error_occurred");
        failed && failed->as_bool()) {
      throw std::runtime_error(program + " " + run + ": " +
                               std::string(entry.at("error_message").as_string()));
    }
    if (entry.at("run_type").as_string() != "iteration") continue;
    if (run != name) add();
    name = run;
    unit = entry.at("time_unit").as_string();
    const bool real = run.find("/real_time") != std::string::npos;
    times.push_back(entry.at(real ? "real_time" : "cpu_time").to_number<double>());
  }
  add();
}

}  // namespace

void run_micro(Report& report, const Extent& extent) {
  for (const char* const program : kPrograms) {
    if (!extent.wants(program)) continue;
    Report::progress(std::string("micro: ") + program);
    run_program(report, extent, program);
  }
}

}  // namespace rhooks::bench

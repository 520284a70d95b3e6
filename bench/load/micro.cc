// The parts that every task passes: the programs of Google Benchmark, as rows like the others.

#include <boost/json.hpp>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <utility>

#include "bench/load/suites.h"
#include "testing/child_process.h"

namespace rhooks::bench {
namespace {

struct Program {
  const char* name;
  const char* conditions;
  bool real_time = false;  // by the clock: it waits for the disk
};
constexpr Program kPrograms[] = {
    {"codec_bench", "codec_bench, the sample task, CPU time"},
    {"model_bench", "model_bench, the sample task, CPU time"},
    {"signer_bench", "signer_bench, bytes as named, CPU time"},
    {"due_bench", "due_bench, the sample task, CPU time"},
    {"store_bench", "store_bench, the sample task, synced, real time", true},
};

// Which benchmark is the ceiling of which, for the same argument, and how its row calls it.
struct Bare {
  const char* benchmark;
  const char* ceiling;
  const char* text;
};
constexpr Bare kBare[] = {
    {"sha256", "openssl_sha256", "OpenSSL's digest"},
    {"sign", "openssl_sha256", "OpenSSL's digest of the body"},
    {"put", "raw_put", "raw RocksDB, same records"},
    {"claim_and_commit", "raw_commit", "raw RocksDB, same records"},
};

// For each measurement, in seconds; Google Benchmark repeats it to a time of this sum.
constexpr double kSeconds = 0.3;

struct MicroRow {
  std::string unit;
  std::vector<double> times;  // of each repetition
};

// By family, the place in it, and the name without what is the same for all of the program.
using Benchmarks =
    std::map<std::pair<std::int64_t, std::int64_t>, std::pair<std::string, MicroRow>>;

Benchmarks run_program(const Program& program, const Extent& extent) {
  const std::string name = program.name;
  const auto path = std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
  if (!std::filesystem::exists(path)) {
    throw std::runtime_error(name + " is not built; scripts/bench.sh micro builds it");
  }
  std::string filter = "-^(";  // all but these
  for (const Bare& bare : kBare) filter += std::string(bare.ceiling) + "|";
  filter.back() = ')';
  // Interleaved: a benchmark and its ceiling are measured in turns, as elsewhere.
  const auto finished =
      testing::run_program({path.string(), "--benchmark_format=json",
                            "--benchmark_min_time=" + std::to_string(kSeconds * extent.scale),
                            "--benchmark_repetitions=" + std::to_string(extent.pairs),
                            "--benchmark_enable_random_interleaving=true",
                            "--benchmark_filter=" + (extent.ceilings ? "all" : filter)},
                           {}, {}, std::chrono::minutes{30});
  if (finished.exit != 0) throw std::runtime_error(name + " failed: " + finished.errors);

  Benchmarks benchmarks;
  const auto output = boost::json::parse(finished.output);
  for (const auto& entry : output.at("benchmarks").as_array()) {
    const std::string run(entry.at("run_name").as_string());
    if (const auto* failed = entry.as_object().if_contains("error_occurred");
        failed && failed->as_bool()) {
      throw std::runtime_error(name + " " + run + ": " +
                               std::string(entry.at("error_message").as_string()));
    }
    if (entry.at("run_type").as_string() != "iteration") continue;
    auto& [shown, measured] = benchmarks[{entry.at("family_index").as_int64(),
                                          entry.at("per_family_instance_index").as_int64()}];
    shown = run.substr(0, run.find("/real_time"));
    measured.unit = entry.at("time_unit").as_string();
    measured.times.push_back(
        entry.at(program.real_time ? "real_time" : "cpu_time").to_number<double>());
  }
  return benchmarks;
}

bool is_ceiling(const std::string& benchmark) {
  for (const Bare& bare : kBare) {
    if (benchmark == bare.ceiling) return true;
  }
  return false;
}

std::optional<Ceiling> ceiling_of(const std::string& shown, const std::vector<double>& times,
                                  const Benchmarks& all) {
  const std::string benchmark = shown.substr(0, shown.find('/'));
  for (const Bare& bare : kBare) {
    if (benchmark != bare.benchmark) continue;
    for (const auto& [place, other] : all) {
      const auto& [other_shown, measured] = other;
      if (other_shown != bare.ceiling + shown.substr(benchmark.size())) continue;
      std::vector<double> ratios;
      for (std::size_t i = 0; i < times.size(); ++i) {
        ratios.push_back(times[i] / measured.times.at(i));
      }
      return Ceiling{bare.text, median(measured.times), median(ratios), ratios};
    }
  }
  return std::nullopt;
}

}  // namespace

void run_micro(Report& report, const Extent& extent) {
  for (const Program& program : kPrograms) {
    if (!extent.wants(program.conditions)) continue;
    Report::progress(std::string("micro: ") + program.name);
    const Benchmarks benchmarks = run_program(program, extent);
    for (const auto& [place, benchmark] : benchmarks) {
      const auto& [shown, measured] = benchmark;
      if (is_ceiling(shown.substr(0, shown.find('/')))) continue;
      report.add({"micro", shown, program.conditions, median(measured.times), measured.unit,
                  ceiling_of(shown, measured.times, benchmarks)});
    }
  }
}

}  // namespace rhooks::bench

// rhooks_bench: see README.md; scripts/bench.sh builds and runs it.

#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <set>

#include "bench/load/compare.h"
#include "bench/load/receiver.h"
#include "bench/load/suites.h"
#include "testing/process_facts.h"

namespace rhooks::bench {

const std::vector<Suite>& suites() {
  static const std::vector<Suite> all = {
      {"ceiling", "the raw sender and wrk, without a store", run_ceiling},
      {"deliver", "due tasks to the receiver, durable, with logs", run_deliver},
      {"register", "tasks registered, each synced before its answer", run_register},
      {"lateness", "how late webhooks arrive while a million wait", run_lateness},
      {"isolation", "webhooks past receivers that never answer, and to many hosts", run_isolation},
      {"limits", "limits of endpoints: what they cost, and whether a rate is reached", run_limits},
      {"scale", "deliveries, memory, idle CPU and start with many tasks waiting", run_scale, true},
      {"fetch", "pages of 100 from a namespace of a million", run_fetch, true},
      {"clear", "a namespace of a million, cleared", run_clear},
      {"redrive", "a hundred thousand FAILED tasks, run again", run_redrive},
      {"sustained", "ten minutes of registering and delivering, while the store grows",
       run_sustained},
      {"dynamo", "deliveries on the emulator of DynamoDB, and what they would cost", run_dynamo},
      {"micro", "the parts that every task passes, by Google Benchmark", run_micro},
  };
  return all;
}

std::vector<std::string> conditions_of(const Suite& suite, Extent extent) {
  std::vector<std::string> conditions;
  extent.list = &conditions;
  Report nobody(false, "");
  suite.run(nobody, extent);
  if (suite.whole && !conditions.empty()) return {""};
  return conditions;
}

namespace {

int run(int argc, char** argv) {
  CLI::App app("Measures Reactive Hooks against what the machine allows.", "rhooks_bench");
  std::vector<std::string> names;
  std::string json_path, other, against;
  std::string revision = "unknown";
  bool json = false, list = false, bare = false, no_ceilings = false;
  Extent extent;
  app.add_option("suite", names, "Suites to run (default: all)");
  app.add_option("--pairs", extent.pairs, "Measurements of each row, whose median is taken")
      ->check(CLI::Range(1, 99))
      ->take_last();
  app.add_option("--scale", extent.scale, "Multiplies how much is measured")
      ->check(CLI::Range(0.01, 10.0))
      ->take_last();
  app.add_option("--match", extent.match, "Only rows whose conditions hold this text");
  app.add_option("--only", extent.only, "Only rows of exactly these conditions");
  app.add_option("--compare", other, "Compare with this other build of rhooks_bench");
  app.add_option("--against", against, "The revision of the other build");
  app.add_option("--revision", revision, "What is measured, for those who read the results");
  app.add_flag("--json", json, "JSON lines instead of a table");
  app.add_option("--json-file", json_path, "Write the JSON lines there as well");
  app.add_flag("--bare", bare, "Rows only, without the machine before them");
  app.add_flag("--no-ceilings", no_ceilings, "Values only, without what they stand by");
  app.add_flag("--list", list, "Print the names of the suites");
  CLI11_PARSE(app, argc, argv);
  if (list) {
    for (const Suite& suite : suites()) std::printf("%-10s %s\n", suite.name, suite.about);
    return 0;
  }
  std::set<std::string> wanted(names.begin(), names.end());
  for (const Suite& suite : suites()) wanted.erase(suite.name);
  if (!wanted.empty()) {
    std::fprintf(stderr, "rhooks_bench: no suite '%s'; --list prints their names\n",
                 wanted.begin()->c_str());
    return 2;
  }
  wanted.insert(names.begin(), names.end());
  extent.ceilings = !no_ceilings;
  Report report(json, json_path);
  if (!bare) {
    report.begin({revision, against, names, extent.match, extent.pairs, extent.scale},
                 describe_machine());
  }
  if (!other.empty()) {
    return compare(report, extent, wanted, other) ? 0 : 1;
  }
  int code = 0;
  for (const Suite& suite : suites()) {
    if (!wanted.empty() && !wanted.contains(suite.name)) continue;
    try {
      suite.run(report, extent);
    } catch (const std::exception& error) {
      // The others are worth having all the same.
      std::fprintf(stderr, "rhooks_bench: %s: %s\n", suite.name, error.what());
      code = 1;
    }
  }
  return code;
}

}  // namespace
}  // namespace rhooks::bench

int main(int argc, char** argv) {
  try {
    // As `rhooks serve` does: the sender keeps fewer connections where the limit is low.
    rhooks::testing::raise_open_files();
    if (argc > 1 && std::string(argv[1]) == "--receiver") {
      return rhooks::bench::Receiver::run({argv + 2, argv + argc});
    }
    if (argc > 1 && std::string(argv[1]) == "--scale-step") {
      // It goes on until it is killed.
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      return rhooks::bench::run_scale_step({argv + 2, argv + argc});
    }
    return rhooks::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rhooks_bench: %s\n", error.what());
    return 1;
  }
}

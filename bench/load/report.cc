#include "bench/load/report.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cmath>
#include <stdexcept>

#include "bench/load/times.h"

namespace rhooks::bench {

std::string number(double value) {
  char text[64];
  const double size = std::abs(value);
  if (size < 100) {
    std::snprintf(text, sizeof text, size >= 10 ? "%.1f" : size >= 1 ? "%.2f" : "%.3g", value);
    return text;
  }
  std::snprintf(text, sizeof text, "%.0f", value);
  std::string digits = text;
  for (auto i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > (value < 0 ? 1 : 0); i -= 3) {
    digits.insert(static_cast<std::size_t>(i), ",");
  }
  return digits;
}

namespace {

// "(0.78-0.84)"; nothing of a single pair, which has no spread.
std::string spread(const std::vector<double>& ratios) {
  if (ratios.size() < 2) return "";
  const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  return " (" + number(*least) + "-" + number(*most) + ")";
}

}  // namespace

Report::Report(bool json, const std::string& json_path) : json_(json) {
  if (json_path.empty()) return;
  file_ = std::fopen(json_path.c_str(), "w");
  if (!file_) throw std::runtime_error("cannot write " + json_path);
}

Report::~Report() {
  if (file_) std::fclose(file_);
}

void Report::write_line(const std::string& json) {
  if (file_) {
    std::fprintf(file_, "%s\n", json.c_str());
    std::fflush(file_);
  }
  if (json_) std::printf("%s\n", json.c_str());
  std::fflush(stdout);
}

void Report::begin(const Asked& asked, const Machine& machine) {
  const boost::json::object about{{"cpu", machine.cpu},
                                  {"cores", machine.cores},
                                  {"memoryBytes", machine.memory_bytes},
                                  {"kernel", machine.kernel},
                                  {"fileSystem", machine.file_system},
                                  {"fdatasyncMs", machine.fdatasync_ms},
                                  {"openFiles", machine.open_files},
                                  {"load", machine.load},
                                  {"compiler", machine.compiler},
                                  {"buildType", machine.build_type}};
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  boost::json::object line{{"revision", asked.revision},
                           {"at", format_time(now)},
                           {"suites", boost::json::value_from(asked.suites)},
                           {"match", asked.match},
                           {"pairs", asked.pairs},
                           {"scale", asked.scale},
                           {"machine", about}};
  if (!asked.against.empty()) line["against"] = asked.against;
  write_line(boost::json::serialize(line));
  if (json_) return;
  std::printf("machine    %s, %u cores, %.0f GB\n", machine.cpu.c_str(), machine.cores,
              static_cast<double>(machine.memory_bytes) / (1 << 30));
  std::printf("system     %s, %s, fdatasync %s ms, %zu open files\n", machine.kernel.c_str(),
              machine.file_system.c_str(), number(machine.fdatasync_ms).c_str(),
              machine.open_files);
  const std::string both =
      asked.against.empty() ? asked.revision : asked.revision + " against " + asked.against;
  std::printf("build      revision %s, %s, %s\n", both.c_str(), machine.compiler.c_str(),
              machine.build_type.c_str());
  std::string what;
  for (const std::string& suite : asked.suites) what += (what.empty() ? "" : " ") + suite;
  if (what.empty()) what = "everything";
  if (!asked.match.empty()) what += ", only \"" + asked.match + "\"";
  std::printf("measured   %s, %d %s, scale %g\n", what.c_str(), asked.pairs,
              asked.pairs == 1 ? "pair" : "pairs", asked.scale);
  if (machine.file_system == "tmpfs" || machine.file_system == "ramfs") {
    std::printf(
        "no disk    the data are written to memory: figures of what is synced mean "
        "nothing; set TMPDIR\n");
  }
  if (machine.load > 0.5) {
    std::printf("busy       load %.1f before the start: figures may be worse than they could be\n",
                machine.load);
  }
  std::fflush(stdout);
}

void Report::begin_suite(const std::string& suite) {
  if (suite == suite_) return;
  std::printf("\n%s\n", suite.c_str());
  suite_ = suite;
}

void Report::add(const Row& row) {
  boost::json::object line{{"suite", row.suite},
                           {"name", row.name},
                           {"conditions", row.conditions},
                           {"value", row.value},
                           {"unit", row.unit}};
  if (row.baseline) line["baseline"] = true;
  if (row.ceiling) {
    boost::json::object ceiling{
        {"name", row.ceiling->name}, {"value", row.ceiling->value}, {"ratio", row.ceiling->ratio}};
    if (!row.ceiling->ratios.empty()) {
      ceiling["ratios"] = boost::json::value_from(row.ceiling->ratios);
    }
    line["ceiling"] = std::move(ceiling);
  }
  write_line(boost::json::serialize(line));
  if (!json_) {
    begin_suite(row.suite);
    std::printf("  %-28s %-64s %12s %-9s", row.name.c_str(), row.conditions.c_str(),
                number(row.value).c_str(), row.unit.c_str());
    if (row.ceiling) {
      std::printf(" %7s%s of %s (%s)", number(row.ceiling->ratio).c_str(),
                  spread(row.ceiling->ratios).c_str(), row.ceiling->name.c_str(),
                  number(row.ceiling->value).c_str());
    } else if (row.baseline) {
      std::printf(" baseline");
    } else {
      std::printf(" no ceiling: for --compare");
    }
    std::printf("\n");
  }
  std::fflush(stdout);
}

void Report::add(const Comparison& row) {
  const auto json = [](std::optional<double> value) {
    return value ? boost::json::value(*value) : boost::json::value();
  };
  const auto text = [](std::optional<double> value) { return value ? number(*value) : "none"; };
  std::optional<double> ratio;
  if (!row.ratios.empty()) ratio = median(row.ratios);
  write_line(
      boost::json::serialize(boost::json::object{{"suite", row.suite},
                                                 {"name", row.name},
                                                 {"conditions", row.conditions},
                                                 {"unit", row.unit},
                                                 {"here", json(row.here)},
                                                 {"other", json(row.other)},
                                                 {"ratio", json(ratio)},
                                                 {"ratios", boost::json::value_from(row.ratios)}}));
  if (json_) return;
  begin_suite(row.suite);
  std::printf("  %-28s %-64s %10s -> %10s %-9s %7s%s\n", row.name.c_str(), row.conditions.c_str(),
              text(row.other).c_str(), text(row.here).c_str(), row.unit.c_str(),
              (ratio ? number(*ratio) : "no pairs").c_str(), spread(row.ratios).c_str());
  // Whether they agree is seen in all of them only.
  if (row.ratios.size() > 1) {
    std::printf("    %-26s", "each pair");
    for (const double each : row.ratios) std::printf(" %s", number(each).c_str());
    std::printf("\n");
  }
  std::fflush(stdout);
}

void Report::progress(const std::string& text) {
  std::fprintf(stderr, "    %s\n", text.c_str());
}

double median(std::vector<double> values) {
  if (values.empty()) throw std::runtime_error("a median of nothing");
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) throw std::runtime_error("a percentile of nothing");
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

}  // namespace rhooks::bench

#include "bench/load/compare.h"

#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "testing/child_process.h"

namespace rhooks::bench {
namespace {

// What tells rows apart, and the unit: suite, name, conditions, unit.
using RowKey = std::tuple<std::string, std::string, std::string, std::string>;

struct ComparedRow {
  std::vector<double> here, other;  // a pair at each index, where both have the row each time
};

class Programs {
 public:
  Programs(const Extent& extent, const std::string& other) : extent_(extent) {
    here_ = std::filesystem::read_symlink("/proc/self/exe").string();
    other_ = std::filesystem::canonical(other).string();
    if (const char* const endpoint = std::getenv("RHOOKS_TEST_DYNAMODB")) {
      environment_.push_back(std::string("RHOOKS_TEST_DYNAMODB=") + endpoint);
    }
  }

  // In the order in which they are first seen. Throws where a program fails.
  std::vector<std::pair<RowKey, ComparedRow>> measure_pairs(const char* suite,
                                                            const std::string& conditions) const {
    std::vector<std::pair<RowKey, ComparedRow>> rows;
    std::map<RowKey, std::size_t> places;
    for (int pair = 0; pair < extent_.pairs; ++pair) {
      for (const bool first : {true, false}) {
        const bool here = first == (pair % 2 == 0);
        for (auto& [key, value] : run(here ? here_ : other_, suite, conditions)) {
          const auto [place, added] = places.emplace(key, rows.size());
          if (added) rows.push_back({key, {}});
          ComparedRow& measured = rows[place->second].second;
          (here ? measured.here : measured.other).push_back(value);
        }
      }
    }
    return rows;
  }

 private:
  std::vector<std::pair<RowKey, double>> run(const std::string& program, const char* suite,
                                             const std::string& conditions) const {
    const auto finished =
        testing::run_program({program, suite, "--bare", "--json", "--pairs", "1", "--scale",
                              std::to_string(extent_.scale), "--only", conditions, "--match",
                              extent_.match, "--no-ceilings"},
                             environment_, {}, std::chrono::hours{1});
    if (finished.exit != 0) {
      throw std::runtime_error(std::string(program == here_ ? "this" : "the other") +
                               " revision failed at " + suite + ' ' + conditions + ":\n" +
                               finished.errors);
    }
    std::vector<std::pair<RowKey, double>> rows;
    std::istringstream lines(finished.output);
    for (std::string line; std::getline(lines, line);) {
      const auto row = boost::json::parse(line);
      const auto text = [&](const char* name) { return std::string(row.at(name).as_string()); };
      rows.push_back({{text("suite"), text("name"), text("conditions"), text("unit")},
                      row.at("value").to_number<double>()});
    }
    return rows;
  }

  const Extent& extent_;
  std::string here_, other_;
  std::vector<std::string> environment_;
};

// Reports what came of one row in all pairs.
void add(Report& report, const RowKey& key, const ComparedRow& row) {
  Comparison result;
  std::tie(result.suite, result.name, result.conditions, result.unit) = key;
  if (!row.here.empty()) result.here = median(row.here);
  if (!row.other.empty()) result.other = median(row.other);
  // A row that one of them has not, or not each time, has no pairs.
  if (row.here.size() == row.other.size()) {
    for (std::size_t i = 0; i < row.here.size(); ++i) {
      // Both none: a row that counts what should not be, for example.
      const bool same = row.here[i] == row.other[i];
      result.ratios.push_back(same ? 1 : row.here[i] / row.other[i]);
    }
  }
  report.add(result);
}

}  // namespace

bool compare(Report& report, const Extent& extent, const std::set<std::string>& names,
             const std::string& other_program) {
  const Programs programs(extent, other_program);
  bool well = true;
  for (const Suite& suite : suites()) {
    if (!names.empty() && !names.contains(suite.name)) continue;
    for (const std::string& conditions : conditions_of(suite, extent)) {
      Report::progress(suite.name + (conditions.empty() ? "" : ": " + conditions));
      try {
        for (const auto& [key, row] : programs.measure_pairs(suite.name, conditions)) {
          add(report, key, row);
        }
      } catch (const std::exception& error) {
        // The others are worth having all the same.
        std::fprintf(stderr, "rhooks_bench: %s\n", error.what());
        well = false;
      }
    }
  }
  return well;
}

}  // namespace rhooks::bench

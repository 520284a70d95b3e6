#pragma once

#include <string>
#include <vector>

#include "bench/load/report.h"

namespace rhooks::bench {

// How much a run measures.
struct Extent {
  int pairs = 3;
  double scale = 1;   // of all counts
  std::string match;  // only rows whose conditions hold this
  std::string only;   // only rows of exactly these conditions; empty: any
  // False: measure_pairs() leaves the ceilings out, and the rows have none. For a program of which
  // nothing but the values is read.
  bool ceilings = true;
  // Set: nothing is measured, and the conditions go there.
  std::vector<std::string>* list = nullptr;

  // To be asked before anything is made ready for a row.
  bool wants(const std::string& conditions) const {
    if (conditions.find(match) == std::string::npos) return false;
    if (!only.empty() && conditions != only) return false;
    if (list) list->push_back(conditions);
    return !list;
  }
  std::size_t count(std::size_t full) const {
    return static_cast<std::size_t>(static_cast<double>(full) * scale);
  }
};

// One measurement and its ceiling, some times over, one after the other, so that a machine that
// is slower for a while is slower for both; each is first every other time, for what the first
// does to the second. The medians of both, and of their ratios.
template <typename MeasureCeiling, typename Measure>
Row measure_pairs(Row row, const std::string& ceiling_name, const Extent& extent,
                  const MeasureCeiling& measure_ceiling, const Measure& measure) {
  std::vector<double> ceilings, values, ratios;
  for (int i = 0; i < extent.pairs; ++i) {
    for (const bool first : {true, false}) {
      const bool ceiling = first == (i % 2 == 0);
      if (!ceiling) values.push_back(measure());
      if (ceiling && extent.ceilings) ceilings.push_back(measure_ceiling());
    }
    if (extent.ceilings) ratios.push_back(values.back() / ceilings.back());
  }
  row.value = median(values);
  if (extent.ceilings) row.ceiling = {ceiling_name, median(ceilings), median(ratios), ratios};
  return row;
}

struct Suite {
  const char* name;
  const char* about;
  void (*run)(Report&, const Extent&);
  // What is made ready for one row is made ready for all, and takes long: they are compared
  // together.
  bool whole = false;
};

// In the order in which they run.
const std::vector<Suite>& suites();

// Those that a suite would measure; where it is to be run as a whole, one that is empty, or none.
std::vector<std::string> conditions_of(const Suite& suite, Extent extent);

void run_ceiling(Report& report, const Extent& extent);
void run_deliver(Report& report, const Extent& extent);
void run_register(Report& report, const Extent& extent);
// The rows of `register` that go through the REST API.
void add_rest_rows(Report& report, const Extent& extent);
void run_lateness(Report& report, const Extent& extent);
void run_isolation(Report& report, const Extent& extent);
void run_limits(Report& report, const Extent& extent);
void run_scale(Report& report, const Extent& extent);
void run_fetch(Report& report, const Extent& extent);
void run_clear(Report& report, const Extent& extent);
void run_redrive(Report& report, const Extent& extent);
void run_sustained(Report& report, const Extent& extent);
void run_dynamo(Report& report, const Extent& extent);
void run_micro(Report& report, const Extent& extent);

// The processes of `scale`: `args` are those that it gives them.
int run_scale_step(const std::vector<std::string>& args);

}  // namespace rhooks::bench

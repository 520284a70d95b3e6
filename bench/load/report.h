#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "bench/load/machine.h"

namespace rhooks::bench {

// What the same machine did in the same run without what is measured: the ceiling.
struct Ceiling {
  std::string name;  // "raw sender"
  double value = 0;  // in the unit of the row
  double ratio = 0;  // the row's value by it; where pairs were measured, their median
  std::vector<double> ratios = {};  // of each pair, where some were measured
};

// One result: what was measured, under which conditions, and the ceiling beside it.
struct Row {
  std::string suite;       // "deliver"
  std::string name;        // "rate": with the conditions it tells rows apart
  std::string conditions;  // "concurrency 256, body 100 B, 1 host"
  double value = 0;
  std::string unit;  // "tasks/s"
  std::optional<Ceiling> ceiling;
  bool baseline = false;  // it has no ceiling, and others have it as theirs
};

// One row as two builds have it, measured in pairs.
struct Comparison {
  std::string suite, name, conditions, unit;
  std::optional<double> here, other;  // medians; none where that one does not have the row
  std::vector<double> ratios;         // here/other of each pair; none where there are no pairs
};

// What was to be measured, and how much of it.
struct Asked {
  std::string revision;
  std::string against;              // the revision that this one is compared with, if any
  std::vector<std::string> suites;  // none: all
  std::string match;
  int pairs = 0;
  double scale = 0;
};

// Prints each row as soon as it is there: a line of the table, or a line of JSON. `json_path`,
// if any, gets the JSON lines as well.
class Report {
 public:
  Report(bool json, const std::string& json_path);
  ~Report();
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  // Before the first row: what all of them were measured on and with.
  void begin(const Asked& asked, const Machine& machine);
  void add(const Row& row);
  void add(const Comparison& row);
  // What is being done, for those who wait: to standard error.
  static void progress(const std::string& text);

 private:
  void begin_suite(const std::string& suite);
  void write_line(const std::string& json);

  const bool json_;
  std::FILE* file_ = nullptr;
  std::string suite_;  // of the row before
};

// For people: 25431 -> "25,431", 1.234 -> "1.23", 0.0123 -> "0.0123".
std::string number(double value);

double median(std::vector<double> values);
// The nearest rank: the least value that so large a share (0.99) of all does not exceed.
double percentile(std::vector<double> values, double share);

}  // namespace rhooks::bench

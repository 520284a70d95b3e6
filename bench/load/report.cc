#include "bench/load/report.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <stdexcept>

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

Report::Report(bool json, const std::string& json_path) : json_(json) {
  if (json_path.empty()) return;
  file_ = std::fopen(json_path.c_str(), "w");
  if (!file_) throw std::runtime_error("can not write " + json_path);
}

Report::~Report() {
  if (file_) std::fclose(file_);
}

void Report::add(const Row& row) {
  boost::json::object line{{"suite", row.suite},
                           {"name", row.name},
                           {"conditions", row.conditions},
                           {"value", row.value},
                           {"unit", row.unit}};
  if (row.ceiling) {
    line["ceiling"] = {
        {"name", row.ceiling->name}, {"value", row.ceiling->value}, {"ratio", row.ceiling->ratio}};
  }
  const std::string text = boost::json::serialize(line);
  if (file_) {
    std::fprintf(file_, "%s\n", text.c_str());
    std::fflush(file_);
  }
  if (json_) {
    std::printf("%s\n", text.c_str());
  } else {
    if (row.suite != suite_) {
      std::printf("\n%s\n", row.suite.c_str());
      suite_ = row.suite;
    }
    std::printf("  %-22s %-52s %12s %-9s", row.name.c_str(), row.conditions.c_str(),
                number(row.value).c_str(), row.unit.c_str());
    if (row.ceiling) {
      std::printf(" %7s of %s (%s)", number(row.ceiling->ratio).c_str(), row.ceiling->name.c_str(),
                  number(row.ceiling->value).c_str());
    }
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

}  // namespace rhooks::bench

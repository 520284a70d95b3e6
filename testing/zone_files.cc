#include "testing/zone_files.h"

#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "testing/child_process.h"

namespace rhooks::testing {
namespace {

std::string output_of(const std::vector<std::string>& command) {
  ChildProcess process(command);
  if (process.wait() != 0) throw std::runtime_error(command[0] + ": " + process.errors());
  return process.output();
}

void compile_zones(const std::string& path, const std::string& directory) {
  output_of({"/usr/sbin/zic", "-d", directory, path});
}

// "Sun Mar 30 01:00:00 2025 UT": the names of days and months are those of the C locale.
TimePoint moment_of(const std::string& month, int day, const std::string& time, int year) {
  static const std::string kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto number = static_cast<unsigned>(kMonths.find(month) / 3 + 1);
  const auto date = std::chrono::year(year) / std::chrono::month(number) / day;
  return std::chrono::sys_days(date) + std::chrono::hours(std::stoi(time.substr(0, 2))) +
         std::chrono::minutes(std::stoi(time.substr(3, 2))) +
         std::chrono::seconds(std::stoi(time.substr(6, 2)));
}

}  // namespace

ZoneFiles::ZoneFiles() {
  compile_zones(RHOOKS_TEST_ZONES, directory());
}

ZoneFiles::ZoneFiles(const std::string& source) {
  add(source);
}

void ZoneFiles::add(const std::string& source) {
  const TempDir folder("rhooks-zic");
  std::ofstream(folder.sub("source")) << source;
  compile_zones(folder.sub("source"), directory());
}

// Each change is two lines, of the second before it and of its own. The first of all says what
// holds before any, and where there is none, only lines of the ends of time are there.
Offsets ZoneFiles::offsets(const std::string& zone) const {
  static const std::regex line_pattern(
      R"(\S+ +\w+ (\w+) +(\d+) (\d\d:\d\d:\d\d) (\d+) UT = .* gmtoff=(-?\d+))");
  Offsets offsets;
  std::istringstream lines(
      output_of({"/usr/bin/zdump", "-v", "-c", "1970,2200", directory_.sub(zone)}));
  std::smatch match;
  for (std::string line; std::getline(lines, line);) {
    if (!std::regex_match(line, match, line_pattern)) continue;
    const std::chrono::seconds offset(std::stoi(match[5]));
    if (offsets.empty()) offsets[TimePoint::min()] = offset;
    const TimePoint at = moment_of(match[1], std::stoi(match[2]), match[3], std::stoi(match[4]));
    if (offset != offsets.rbegin()->second) offsets[at] = offset;
  }
  if (offsets.empty()) throw std::runtime_error("zdump says nothing of " + zone);
  return offsets;
}

}  // namespace rhooks::testing

#pragma once

#include <rhooks/task.h>

#include <chrono>
#include <map>
#include <string>

#include "testing/temp_dir.h"

namespace rhooks::testing {

// How far the clocks of a zone are from UTC, from each moment of the map on.
using Offsets = std::map<TimePoint, std::chrono::seconds>;

// A directory of time zones for tests, compiled by zic(8) from its language: those of
// testing/zones.zi, or others. So tests do not move with the data of the system.
//
// Throws std::runtime_error where zic or zdump (Debian's libc-bin) fail.
// Threads: one.
class ZoneFiles {
 public:
  ZoneFiles();
  explicit ZoneFiles(const std::string& source);

  std::string directory() const { return directory_.path().string(); }
  // Compiles more into it, over what is there.
  void add(const std::string& source);
  // As zdump(8) reads the file, which shares nothing with the libraries that are tested. The years
  // from 1970 to 2199.
  Offsets offsets(const std::string& zone) const;

 private:
  TempDir directory_{"rhooks-zones"};
};

}  // namespace rhooks::testing

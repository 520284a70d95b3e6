#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/iso8601.h"
#include "schedule/zones.h"
#include "testing/zone_files.h"

namespace rhooks::schedule {

inline const testing::ZoneFiles& test_zone_files() {
  static const testing::ZoneFiles files;
  return files;
}

// The zones of testing/zones.zi.
inline const Zones& test_zones() {
  static const Zones zones(test_zone_files().directory());
  return zones;
}

inline std::shared_ptr<const Zone> test_zone(const std::string& name) {
  return test_zones().find(name).value();
}

inline TimePoint time_of(const std::string& text) {
  return parse_time(text).value();
}

}  // namespace rhooks::schedule

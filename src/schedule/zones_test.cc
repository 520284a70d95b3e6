#include "schedule/zones.h"

#include <cctz/time_zone.h>
#include <cctz/zone_info_source.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <new>
#include <thread>
#include <tuple>
#include <utility>

#include "schedule/local_text.h"
#include "schedule/test_zones.h"

// Asked by LeakSanitizer, where it runs: cctz loses what it was loading when that throws.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() {
  return "leak:cctz::time_zone::Impl::LoadTimeZone\n";
}

namespace rhooks::schedule {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr milliseconds kMoment{1};
using ::testing::ElementsAre;
using ::testing::HasSubstr;

LocalTime local_of(const std::string& text) {
  return LocalTime(time_of(text + "Z").time_since_epoch());
}

std::string reading(const Zone& zone, const std::string& at) {
  return format_local(time_of(at), zone);
}

TEST(ZoneTest, GoesByTheFootersOfFilesForGood) {
  const auto berlin = test_zone("Europe/Berlin");
  EXPECT_EQ(reading(*berlin, "2100-07-01T12:00Z"), "2100-07-01T14:00:00+02:00");
  EXPECT_EQ(reading(*berlin, "2199-12-31T12:00Z"), "2199-12-31T13:00:00+01:00");
  EXPECT_EQ(berlin->next_change(time_of("2199-04-30T00:00Z")), time_of("2199-10-27T01:00Z"));
  EXPECT_EQ(Zone::fixed("UTC", hours{0})->next_change(time_of("1970-01-01T00:00Z")), std::nullopt);
}

TEST(ZoneTest, ReachesALocalTimeThatIsLeftOutAtTheChange) {
  const auto berlin = test_zone("Europe/Berlin");
  const TimePoint change = time_of("2025-03-30T01:00Z");
  for (const char* left_out : {"2025-03-30T02:00", "2025-03-30T02:30:00.001", "2025-03-30T02:59"}) {
    EXPECT_EQ(berlin->reach(local_of(left_out)), change);
    EXPECT_EQ(berlin->shown(local_of(left_out)), Shown::kNever);
  }
  EXPECT_EQ(berlin->reach(local_of("2025-03-30T03:00:00.001")), change + kMoment);
  EXPECT_EQ(berlin->reach(local_of("2025-03-30T01:59:59.999")), change - kMoment);
  EXPECT_EQ(berlin->reached(change - kMoment), local_of("2025-03-30T01:59:59.999"));
  EXPECT_EQ(berlin->reached(change), local_of("2025-03-30T03:00"));
  // A whole day, at the date line.
  EXPECT_EQ(test_zone("Pacific/Apia")->reach(local_of("2011-12-30T12:00")),
            time_of("2011-12-30T10:00Z"));
}

TEST(ZoneTest, ReachesALocalTimeThatComesTwiceAtTheFirst) {
  const auto berlin = test_zone("Europe/Berlin");
  const TimePoint change = time_of("2025-10-26T01:00Z");
  EXPECT_EQ(berlin->reach(local_of("2025-10-26T02:00")), change - hours{1});
  EXPECT_EQ(berlin->reach(local_of("2025-10-26T02:59:59.999")), change - kMoment);
  EXPECT_EQ(berlin->reach(local_of("2025-10-26T03:00")), change + hours{1});
  EXPECT_EQ(berlin->shown(local_of("2025-10-26T02:30")), Shown::kTwice);
  EXPECT_EQ(berlin->shown(local_of("2025-10-26T03:00")), Shown::kOnce);
  // While the hour is repeated nothing new is reached.
  for (const auto later : {minutes{0}, minutes{30}, minutes{59}}) {
    EXPECT_EQ(berlin->reached(change + later), local_of("2025-10-26T02:59:59.999"));
  }
  EXPECT_EQ(berlin->reached(change + hours{1}), local_of("2025-10-26T03:00"));
  // Half an hour on Lord Howe Island.
  EXPECT_EQ(test_zone("Australia/Lord_Howe")->reach(local_of("2025-04-06T01:45")),
            time_of("2025-04-05T14:45Z"));
}

// What everything else stands on.
TEST(ZoneTest, ReachesBeforeAMomentWhatItHasReachedThen) {
  for (const char* name : {"Europe/Berlin", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Tehran",
                           "Antarctica/Troll", "America/Nuuk"}) {
    const auto zone = test_zone(name);
    const testing::Offsets offsets = test_zone_files().offsets(name);
    int changes = 0;
    for (auto it = std::next(offsets.begin()); it != offsets.end() && ++changes < 50; ++it) {
      EXPECT_EQ(zone->next_change(it->first - kMoment), it->first);
      for (TimePoint at = it->first - hours{30}; at < it->first + hours{30}; at += minutes{7}) {
        EXPECT_EQ(zone->local(at).time_since_epoch() - at.time_since_epoch(),
                  std::prev(offsets.upper_bound(at))->second);
        const LocalTime reached = zone->reached(at);
        EXPECT_LE(zone->reach(reached), at);
        EXPECT_GT(zone->reach(reached + kMoment), at) << name << " " << format_time(at);
      }
    }
  }
}

TEST(ZonesTest, FixedOnesNeedNoFile) {
  const Zones none("/nowhere");
  EXPECT_EQ(reading(**none.find("UTC"), "2025-07-01T12:00Z"), "2025-07-01T12:00:00+00:00");
  EXPECT_EQ(reading(**none.find("Etc/UTC"), "2025-07-01T12:00Z"), "2025-07-01T12:00:00+00:00");
  EXPECT_EQ(reading(**none.find("Z"), "2025-07-01T12:00Z"), "2025-07-01T12:00:00+00:00");
  EXPECT_EQ(reading(**none.find("+05:45"), "2025-07-01T12:00Z"), "2025-07-01T17:45:00+05:45");
  EXPECT_EQ(reading(**none.find("-23:59"), "2025-07-01T12:00Z"), "2025-06-30T12:01:00-23:59");
  const auto berlin = none.find("Europe/Berlin");
  ASSERT_FALSE(berlin);
  EXPECT_EQ(berlin.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(berlin.error().message, HasSubstr("no time zones in /nowhere: install the package"));
  EXPECT_EQ(none.version(), "");
}

TEST(ZonesTest, NamesLeadOutOfTheDirectoryNever) {
  testing::ZoneFiles files("Zone Here 1:00 - AAA\n");
  const Zones zones(files.directory());
  for (const char* name :
       {"", "/", "../Here", "./Here", "Here/", "/Here", "posix/Here", "right/Here", "localtime",
        "Factory", "posixrules", "+2:00", "+24:00", "+02:60", "02:00", "Here\n", "a/b/c/d/e",
        "europe/berlin\0", "Elsewhere"}) {
    const auto found = zones.find(name);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().code, ErrorCode::kInvalidArgument) << name;
  }
  std::ofstream(files.directory() + "/Text") << "no zone";
  EXPECT_FALSE(zones.find("Text"));
  std::ofstream(files.directory() + "/Broken") << "TZif2 and then nothing that is right";
  EXPECT_FALSE(zones.find("Broken"));
  EXPECT_TRUE(zones.find("Here"));
}

TEST(ZonesTest, SaysWhichNameMayHaveBeenMeant) {
  const auto message = [](std::string_view name) {
    return test_zones().find(name).error().message;
  };
  EXPECT_THAT(message("Berlin"),
              HasSubstr("\"Berlin\" is no time zone of the database; did you mean Europe/Berlin"));
  EXPECT_THAT(message("europe/berlin"), HasSubstr("Europe/Berlin"));
  EXPECT_THAT(message("Europe/Lodnon"), HasSubstr("Europe/London"));
  EXPECT_THAT(message("America/New York"), HasSubstr("America/New_York"));
  EXPECT_EQ(message("Nowhere/Land").find("did you mean"), std::string::npos);
}

TEST(ZonesTest, ReloadTellsWhatHasChangedAndLeavesTheRest) {
  testing::ZoneFiles files("Zone Moves 1:00 - AAA\nZone Stays 2:00 - BBB\nZone Goes 3:00 - CCC\n");
  Zones zones(files.directory());
  const auto moves = *zones.find("Moves");
  const auto stays = *zones.find("Stays");
  ASSERT_TRUE(zones.find("Goes") && zones.find("UTC"));
  EXPECT_THAT(zones.reload(), ElementsAre());

  files.add("Zone Moves 1:30 - AAA\n");
  std::filesystem::remove(files.directory() + "/Goes");
  EXPECT_THAT(zones.reload(), ElementsAre("Goes", "Moves"));
  EXPECT_THAT(zones.reload(), ElementsAre());
  EXPECT_EQ(*zones.find("Stays"), stays);
  EXPECT_FALSE(zones.find("Goes"));
  // Who has the old one keeps it.
  EXPECT_EQ(reading(*moves, "2025-07-01T12:00Z"), "2025-07-01T13:00:00+01:00");
  EXPECT_EQ(reading(**zones.find("Moves"), "2025-07-01T12:00Z"), "2025-07-01T13:30:00+01:30");

  files.add("Zone Moves 1:00 - AAA\n");
  EXPECT_THAT(zones.reload(), ElementsAre("Moves"));
  EXPECT_EQ((*zones.find("Moves"))->digest(), moves->digest());
}

TEST(ZonesTest, TwoDirectoriesMayDifferInAZoneOfOneName) {
  testing::ZoneFiles one("Zone Place 1:00 - AAA\n");
  testing::ZoneFiles other("Zone Place 2:00 - AAA\n");
  EXPECT_EQ(reading(**Zones(one.directory()).find("Place"), "2025-07-01T12:00Z"),
            "2025-07-01T13:00:00+01:00");
  EXPECT_EQ(reading(**Zones(other.directory()).find("Place"), "2025-07-01T12:00Z"),
            "2025-07-01T14:00:00+02:00");
}

TEST(ZonesTest, ReadsTheVersion) {
  const testing::TempDir directory;
  std::ofstream(directory.sub("tzdata.zi")) << "# version 2026f\n# This zic input\n";
  EXPECT_EQ(Zones(directory.path()).version(), "2026f");
}

TEST(ZonesTest, LeavesOtherNamesToCctz) {
  cctz::time_zone zone;
  EXPECT_TRUE(cctz::load_time_zone(test_zone_files().directory() + "/Europe/Berlin", &zone));
  EXPECT_FALSE(cctz::load_time_zone("rhooks:of nobody", &zone));
}

// cctz keeps a name whose loading threw, and takes it for UTC.
TEST(ZonesTest, MemoryThatWasShortOnceIsNoHarm) {
  testing::ZoneFiles files("Zone Unlucky 7:00 - AAA\n");
  const Zones zones(files.directory());
  using Fallback = std::function<std::unique_ptr<cctz::ZoneInfoSource>(const std::string&)>;
  const auto source = std::exchange(
      cctz_extension::zone_info_source_factory,
      [](const std::string&, const Fallback&) -> std::unique_ptr<cctz::ZoneInfoSource> {
        throw std::bad_alloc();
      });
  EXPECT_THROW(std::ignore = zones.find("Unlucky"), std::bad_alloc);
  EXPECT_THROW(std::ignore = zones.find("Unlucky"), std::bad_alloc);
  cctz_extension::zone_info_source_factory = source;
  EXPECT_EQ(reading(**zones.find("Unlucky"), "2025-07-01T12:00Z"), "2025-07-01T19:00:00+07:00");
}

TEST(ZonesTest, AFileThatCannotBeReadNowIsNoUnknownName) {
  testing::ZoneFiles files("Zone Held 1:00 - AAA\nZone Other 2:00 - AAA\n");
  Zones zones(files.directory());
  const auto held = *zones.find("Held");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto other = zones.find("Other");
  const auto changed = zones.reload();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(other.error().message, HasSubstr(files.directory() + "/Other: Too many open files"));
  EXPECT_THAT(changed, ElementsAre());
  EXPECT_EQ(*zones.find("Held"), held);
  EXPECT_TRUE(zones.find("Other"));
  EXPECT_EQ(zones.find("Held/Part").error().code, ErrorCode::kInvalidArgument);
}

TEST(ZonesTest, ManyThreadsMayAskAtOnce) {
  testing::ZoneFiles files;
  Zones zones(files.directory());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&zones] {
      for (int round = 0; round < 50; ++round) {
        for (const char* name : {"Europe/Berlin", "America/New_York", "Asia/Tehran", "+01:00"}) {
          EXPECT_TRUE(zones.find(name));
        }
      }
    });
  }
  for (int round = 0; round < 20; ++round) EXPECT_THAT(zones.reload(), ElementsAre());
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace rhooks::schedule

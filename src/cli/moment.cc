#include "cli/moment.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/duration.h"
#include "base/iso8601.h"
#include "cli/times.h"
#include "cli/usage.h"
#include "schedule/local_text.h"
#include "schedule/times.h"

namespace rhooks::cli {
namespace {

using schedule::LocalTime;
using schedule::Shown;
using ZoneFound = std::shared_ptr<const schedule::Zone>;

// Null: that is none.
ZoneFound zone_of_file(const std::string& path, std::string name) {
  constexpr std::size_t kBytesMax = 64 * 1024;
  std::ifstream stream(path, std::ios::binary);
  std::string bytes(kBytesMax, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(stream.gcount()));
  return schedule::Zone::read(std::move(name), bytes);
}

// The machine's own.
Result<ZoneFound> zone_of_machine(const Environment& environment, const schedule::Zones& zones) {
  if (const auto tz = environment.find("TZ"); tz != environment.end()) {
    std::string name = tz->second;
    if (name.starts_with(':')) name.erase(0, 1);
    if (name.empty()) name = "UTC";  // as POSIX has it
    if (name.starts_with('/')) {
      if (auto zone = zone_of_file(name, name)) return zone;
    } else {
      auto zone = zones.find(name);
      if (zone || zone.error().code != ErrorCode::kInvalidArgument) return zone;
    }
    return usage("TZ is \"" + tz->second +
                 "\", which is no name of a time zone; name one, as in --tz Europe/Berlin");
  }
  static constexpr const char* kFile = "/etc/localtime";
  std::error_code ignored;
  const std::string target = std::filesystem::read_symlink(kFile, ignored).string();
  static constexpr std::string_view kDirectory = "zoneinfo/";
  const auto at = target.find(kDirectory);
  auto zone =
      zone_of_file(kFile, at == std::string::npos ? kFile : target.substr(at + kDirectory.size()));
  return zone ? zone : zones.find("UTC");  // what a machine without the file keeps
}

// A date and a time without an offset.
std::optional<LocalTime> parse_local(std::string_view text) {
  const auto at = parse_time(std::string(text) + "Z");
  return at ? std::optional(LocalTime(at->time_since_epoch())) : std::nullopt;
}

// The moment at which the clocks of the zone show `local`, as `text` says it.
Result<TimePoint> moment_in(const schedule::Zone& zone, LocalTime local, const std::string& text) {
  const TimePoint reached = zone.reach(local);
  const Shown shown = zone.shown(local);
  if (shown == Shown::kOnce) {
    if (reached >= kTimeMin && reached <= kTimeMax) return reached;
    return usage("\"" + text + "\" is outside of the years 1970 to 9999");
  }
  // By the offset from before the clocks are set, and by that from then on. Of a time that is left
  // out the second is the earlier moment. No change is known of centuries to come.
  const bool twice = shown == Shown::kTwice;
  const TimePoint change =
      twice ? zone.next_change(reached).value_or(reached + std::chrono::hours{24}) : reached;
  const auto reading = [&](TimePoint offset_of) {
    const auto offset = zone.local(offset_of).time_since_epoch() - offset_of.time_since_epoch();
    return schedule::format_local(TimePoint(local.time_since_epoch() - offset), zone);
  };
  const std::string before = reading(change - schedule::kTick);
  const std::string after = reading(change);
  return usage(
      "\"" + text + (twice ? "\" comes twice in " : "\" does not exist in ") + zone.name() +
      (twice ? ", where the clocks are set back then" : ", where the clocks are set forward then") +
      "; write " + (twice ? before : after) + " or " + (twice ? after : before));
}

}  // namespace

Result<Moment> parse_moment(std::string_view text, const std::string& zone,
                            const schedule::Zones& zones, const Environment& environment,
                            TimePoint now) {
  if (const auto local = parse_local(text)) {
    const auto named = zone.empty() ? zone_of_machine(environment, zones) : zones.find(zone);
    if (!named) return fail(named.error());
    const auto at = moment_in(**named, *local, std::string(text));
    if (!at) return fail(at.error());
    return Moment{*at, std::string(text) + " in " + (*named)->name()};
  }
  // "0" alone is a length of time as well, but hardly meant as one.
  const bool length = text != "0" && parse_duration(text).has_value();
  const auto at = parse_when(length ? "+" + std::string(text) : std::string(text), now);
  if (!at) {
    return usage(at.error().message + ", or a local time (2030-01-31 12:00, with --tz ZONE)");
  }
  if (!zone.empty()) {
    return usage("--tz says where a time without an offset is, and \"" + std::string(text) +
                 "\" needs no zone; leave one of them out");
  }
  return Moment{*at, {}};
}

}  // namespace rhooks::cli

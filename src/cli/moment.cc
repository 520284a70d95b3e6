#include "cli/moment.h"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/duration.h"
#include "base/iso8601.h"
#include "cli/times.h"
#include "cli/usage.h"

namespace rhooks::cli {
namespace {

using std::chrono::floor;
using std::chrono::seconds;

struct Zone {
  std::string name;
  cctz::time_zone clock;
};

Result<Zone> zone_named(const std::string& name) {
  Zone zone{name, {}};
  if (cctz::load_time_zone(name, &zone.clock)) return zone;
  return usage("there is no time zone \"" + name +
               "\"; zones have names such as Europe/Berlin, America/New_York or UTC, the files "
               "below /usr/share/zoneinfo");
}

// The machine's own. cctz would take UTC where TZ names no zone, so TZ is read here.
Result<Zone> zone_of_machine(const Environment& environment) {
  if (const auto tz = environment.find("TZ"); tz != environment.end()) {
    std::string name = tz->second;
    if (name.starts_with(':')) name.erase(0, 1);
    if (name.empty()) name = "UTC";  // as POSIX has it
    auto zone = zone_named(name);
    if (zone) return zone;
    return usage("TZ is \"" + tz->second +
                 "\", which is no name of a time zone; name one, as in --tz Europe/Berlin");
  }
  static constexpr const char* kFile = "/etc/localtime";
  Zone zone{"UTC", {}};  // what a machine without the file keeps
  if (!cctz::load_time_zone(kFile, &zone.clock)) return zone;
  zone.name = kFile;
  std::error_code ignored;
  const std::string target = std::filesystem::read_symlink(kFile, ignored).string();
  static constexpr std::string_view kDirectory = "zoneinfo/";
  const auto at = target.find(kDirectory);
  if (at != std::string::npos) zone.name = target.substr(at + kDirectory.size());
  return zone;
}

// "2030-03-31T01:30:00+01:00": the moment as the clocks with this offset show it.
std::string with_offset(TimePoint t, seconds offset) {
  if (offset.count() % 60 != 0) return format_time(t);  // of before 1973
  std::string text = format_time(t + offset);
  text.resize(text.ends_with(".000Z") ? text.size() - 5 : text.size() - 1);
  const auto minutes = std::abs(offset.count()) / 60;
  std::array<char, 8> shown{};
  std::snprintf(shown.data(), shown.size(), "%c%02d:%02d", offset.count() < 0 ? '-' : '+',
                static_cast<int>(minutes / 60 % 24), static_cast<int>(minutes % 60));
  return text + shown.data();
}

// A date and a time without an offset, as if it were UTC.
std::optional<TimePoint> as_if_utc(std::string_view text) {
  const auto at = parse_time(std::string(text) + "Z");
  return at ? std::optional(*at) : std::nullopt;
}

// The moment at which the clocks of the zone show `shown`, a time as if it were UTC.
Result<TimePoint> moment_in(const Zone& zone, TimePoint shown, const std::string& text) {
  const auto whole = floor<seconds>(shown);
  const auto part = shown - whole;
  const auto found =
      zone.clock.lookup(cctz::civil_second(1970, 1, 1) + whole.time_since_epoch().count());
  const auto moment = [&](const cctz::time_point<cctz::seconds>& t) {
    return TimePoint(t.time_since_epoch()) + part;
  };
  using Lookup = cctz::time_zone::civil_lookup;
  if (found.kind == Lookup::UNIQUE) {
    const TimePoint at = moment(found.pre);
    if (at >= kTimeMin && at <= kTimeMax) return at;
    return usage("\"" + text + "\" is outside of the years 1970 to 9999");
  }
  // `pre` counts by the offset from before the clocks are set, `post` by that from then on. Of a
  // time that is left out the second is the earlier moment.
  const auto reading = [&](const cctz::time_point<cctz::seconds>& t) {
    return with_offset(moment(t), seconds(zone.clock.lookup(t).offset));
  };
  const bool twice = found.kind == Lookup::REPEATED;
  return usage(
      "\"" + text + (twice ? "\" comes twice in " : "\" does not exist in ") + zone.name +
      (twice ? ", where the clocks are set back then" : ", where the clocks are set forward then") +
      "; write " + reading(twice ? found.pre : found.post) + " or " +
      reading(twice ? found.post : found.pre));
}

}  // namespace

Result<Moment> parse_moment(std::string_view text, const std::string& zone,
                            const Environment& environment, TimePoint now) {
  if (const auto shown = as_if_utc(text)) {
    const auto named = zone.empty() ? zone_of_machine(environment) : zone_named(zone);
    if (!named) return fail(named.error());
    const auto at = moment_in(*named, *shown, std::string(text));
    if (!at) return fail(at.error());
    return Moment{*at, std::string(text) + " in " + named->name};
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

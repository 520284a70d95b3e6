#include "schedule/zone.h"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>
#include <cctz/zone_info_source.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace rhooks::schedule {
namespace {

using std::chrono::floor;
using std::chrono::milliseconds;
using std::chrono::seconds;
using CivilLookup = cctz::time_zone::civil_lookup;

constexpr char kPrefix[] = "rhooks:";
// What cctz reads while this thread has it load a zone.
thread_local const std::string* tzif_to_load = nullptr;

class Loading {
 public:
  explicit Loading(const std::string& tzif) { tzif_to_load = &tzif; }
  ~Loading() { tzif_to_load = nullptr; }
  Loading(const Loading&) = delete;
  Loading& operator=(const Loading&) = delete;
};

class BytesSource final : public cctz::ZoneInfoSource {
 public:
  explicit BytesSource(std::string_view bytes) : rest_(bytes) {}

  std::size_t Read(void* to, std::size_t size) override {
    size = std::min(size, rest_.size());
    std::memcpy(to, rest_.data(), size);
    rest_.remove_prefix(size);
    return size;
  }
  int Skip(std::size_t size) override {
    if (size > rest_.size()) return -1;
    rest_.remove_prefix(size);
    return 0;
  }

 private:
  std::string_view rest_;
};

// Called from the thread that loads the zone, as zone_info_source.h promises.
std::unique_ptr<cctz::ZoneInfoSource> zone_source(
    const std::string& name,
    const std::function<std::unique_ptr<cctz::ZoneInfoSource>(const std::string&)>& fallback) {
  if (!name.starts_with(kPrefix)) return fallback(name);
  if (!tzif_to_load) return nullptr;
  return std::make_unique<BytesSource>(*tzif_to_load);
}

cctz::time_point<cctz::seconds> whole_seconds(TimePoint at) {
  return floor<cctz::seconds>(at);
}

// `at`, a whole second, and the part of a second that `local` has.
TimePoint with_part(cctz::time_point<cctz::seconds> at, LocalTime local) {
  return TimePoint(at.time_since_epoch()) + (local - floor<seconds>(local));
}

CivilLookup look_up(const cctz::time_zone& zone, LocalTime local) {
  return zone.lookup(cctz::civil_second(1970, 1, 1) +
                     floor<seconds>(local).time_since_epoch().count());
}

}  // namespace
}  // namespace rhooks::schedule

// cctz's extension point, through which it reads zones from bytes. Other names are left to cctz.
namespace cctz_extension {
ZoneInfoSourceFactory zone_info_source_factory = rhooks::schedule::zone_source;
}

namespace rhooks::schedule {

struct Zone::Clock {
  cctz::time_zone zone;
};

Zone::Zone(std::string name, const Sha256& digest, std::unique_ptr<const Clock> clock)
    : name_(std::move(name)), digest_(digest), clock_(std::move(clock)) {}

Zone::~Zone() = default;

std::shared_ptr<const Zone> Zone::fixed(std::string name, seconds offset) {
  auto clock = std::make_unique<const Clock>(Clock{cctz::fixed_time_zone(offset)});
  return std::shared_ptr<const Zone>(new Zone(std::move(name), Sha256{}, std::move(clock)));
}

// cctz keeps each zone that it has loaded, by its name, to the end of the process. So a name stands
// for the bytes: a file that has changed is another zone, and one that has changed back is known.
// Where reading throws, as memory is short, cctz takes that name for UTC from then on, and says
// that it is loaded. So the zone is asked for its name, and where it is UTC there is another name.
std::shared_ptr<const Zone> Zone::read(std::string name, const std::string& tzif) {
  const Sha256 digest = sha256_of_bytes(tzif);
  const std::string of_bytes = kPrefix + to_hex(digest.data(), digest.size());
  const Loading loading(tzif);
  cctz::time_zone zone;
  std::string asked;
  for (int n = 1; zone.name() != asked; ++n) {
    asked = of_bytes + ":" + std::to_string(n);
    if (!cctz::load_time_zone(asked, &zone)) return nullptr;
  }
  auto clock = std::make_unique<const Clock>(Clock{zone});
  return std::shared_ptr<const Zone>(new Zone(std::move(name), digest, std::move(clock)));
}

LocalTime Zone::local(TimePoint at) const {
  return LocalTime(at.time_since_epoch() + seconds(clock_->zone.lookup(whole_seconds(at)).offset));
}

TimePoint Zone::reach(LocalTime local) const {
  const CivilLookup found = look_up(clock_->zone, local);
  if (found.kind == CivilLookup::SKIPPED) return TimePoint(found.trans.time_since_epoch());
  return with_part(found.pre, local);
}

LocalTime Zone::reached(TimePoint at) const {
  const auto reading = clock_->zone.lookup(whole_seconds(at));
  const CivilLookup found = clock_->zone.lookup(reading.cs);
  const TimePoint change(found.trans.time_since_epoch());
  if (found.kind == CivilLookup::REPEATED && at >= change) return local(change - milliseconds(1));
  return LocalTime(at.time_since_epoch() + seconds(reading.offset));
}

Shown Zone::shown(LocalTime local) const {
  switch (look_up(clock_->zone, local).kind) {
    case CivilLookup::SKIPPED:
      return Shown::kNever;
    case CivilLookup::REPEATED:
      return Shown::kTwice;
    case CivilLookup::UNIQUE:
      break;
  }
  return Shown::kOnce;
}

std::optional<TimePoint> Zone::next_change(TimePoint at) const {
  cctz::time_zone::civil_transition change;
  if (!clock_->zone.next_transition(whole_seconds(at), &change)) return std::nullopt;
  return TimePoint(clock_->zone.lookup(change.to).trans.time_since_epoch());
}

}  // namespace rhooks::schedule

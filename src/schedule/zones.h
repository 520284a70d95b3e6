#pragma once

#include <rhooks/result.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "schedule/zone.h"

namespace rhooks::schedule {

// Where Debian's tzdata lies.
inline constexpr char kZoneDirectory[] = "/usr/share/zoneinfo";

// The time zones of a directory of TZif files, read when they are first asked for. The machine's
// own zone is none of them.
//
// Threads: every method may be called from any thread. Blocking: reads files, find() only for names
// that it does not have. Ownership: a zone that was handed out stays as it is.
class Zones {
 public:
  explicit Zones(std::string directory = kZoneDirectory);

  // By its name in the time zone database, with regard to case; "UTC", "Etc/UTC", "Z" and offsets
  // (+02:00) need no file. Errors: kInvalidArgument, with names that are like it; kUnsupported: the
  // directory holds no zones; kUnavailable: its file cannot be read now.
  Result<std::shared_ptr<const Zone>> find(std::string_view name) const;

  // Reads the files of all zones in use again. Returns the names of those that have changed, or are
  // gone: find() has the new ones from then on. One that cannot be read now stays as it is.
  std::vector<std::string> reload();

  // Such as "2026f": of the data that are in the directory now. Empty: they do not say.
  std::string version() const;

 private:
  std::vector<std::string> known_names() const;

  const std::string directory_;
  mutable Mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const Zone>, std::less<>> zones_
      RHOOKS_GUARDED_BY(mutex_);
  mutable std::vector<std::string> known_names_ RHOOKS_GUARDED_BY(mutex_);  // empty: not listed yet
};

}  // namespace rhooks::schedule

#pragma once

#include <rhooks/time.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/sha256.h"

namespace rhooks::schedule {

// What the clocks of a zone show, in milliseconds since they showed 1970-01-01T00:00.
using LocalTime = std::chrono::local_time<std::chrono::milliseconds>;

// How often the clocks of a zone show a local time: changes leave some out, and repeat some.
enum class Shown { kOnce, kNever, kTwice };

// A time zone: how its clocks are set, and when that changes. Right for the years 1970 to 9999, as
// far as its data know them.
//
// Threads: immutable; every method may be called from any thread. Blocking: no.
class Zone {
 public:
  // UTC, and what is always that far from it (less than 24 h).
  static std::shared_ptr<const Zone> fixed(std::string name, std::chrono::seconds offset);
  // Of a TZif file (RFC 9636). None: these bytes are none. Equal bytes are read once in the life of
  // the process, and kept as long.
  static std::shared_ptr<const Zone> read(std::string name, const std::string& tzif);

  ~Zone();
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;

  const std::string& name() const { return name_; }
  // SHA-256 of the file; all zero for a fixed one.
  const Sha256& digest() const { return digest_; }

  LocalTime local(TimePoint at) const;
  // The first instant at which the clocks have reached `local`: where they leave it out the change,
  // where they repeat it the first of the two. It never decreases as `local` grows.
  TimePoint reach(LocalTime local) const;
  // The latest local time that the clocks have shown up to `at`: later than what they show between
  // being set back and showing that time again. So reach(l) <= at exactly if l <= reached(at).
  LocalTime reached(TimePoint at) const;
  Shown shown(LocalTime local) const;
  // The first instant after `at` from which on the clocks are set another way; none: never again.
  std::optional<TimePoint> next_change(TimePoint at) const;

 private:
  struct Clock;
  Zone(std::string name, const Sha256& digest, std::unique_ptr<const Clock> clock);

  std::string name_;
  Sha256 digest_;
  std::unique_ptr<const Clock> clock_;  // cctz's
};

}  // namespace rhooks::schedule

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"

namespace rhooks {

using Uuid = std::array<std::uint8_t, 16>;

// Makes UUIDs of version 7 (RFC 9562, section 5.7): they sort by the time given. Those of
// one generator and one millisecond also sort by the order made, by a counter in rand_a
// (section 6.2, method 1) that spills into the next millisecond when it is full. A time
// before the latest one given gets a random place within its millisecond.
// Threads: every method may be called from any thread.
class UuidGenerator {
 public:
  explicit UuidGenerator(Random& random) : random_(random) {}

  Uuid v7(TimePoint at);
  // So many at once; no other thread's ids lie between them, unless the time is before the latest
  // one given.
  std::vector<Uuid> v7(TimePoint at, std::size_t count);

 private:
  struct Drawn {
    std::uint64_t noise = 0;
    std::uint32_t seed = 0;
  };
  Drawn draw();
  Uuid make(std::int64_t given, const Drawn& drawn) RHOOKS_REQUIRES(mutex_);

  Random& random_;
  Mutex mutex_;
  std::int64_t given_ms_ RHOOKS_GUARDED_BY(mutex_) = -1;  // the latest time asked for
  // The one that the latest id carries: ahead of it after a spill.
  std::int64_t last_ms_ RHOOKS_GUARDED_BY(mutex_) = -1;
  std::uint32_t counter_ RHOOKS_GUARDED_BY(mutex_) = 0;
};

// The canonical text form: 36 characters, lower case.
std::string to_string(const Uuid& uuid);
// Reads it, its letters in any case; none: it is something else.
std::optional<Uuid> parse_uuid(std::string_view text);

}  // namespace rhooks

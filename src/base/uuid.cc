#include "base/uuid.h"

#include <algorithm>

#include "base/sha256.h"

namespace rhooks {
namespace {

constexpr std::uint32_t kCounterMax = 0x0fff;  // rand_a has 12 bits

}  // namespace

Uuid UuidGenerator::v7(TimePoint at) {
  const std::uint64_t noise = random_.next();
  // A new millisecond starts in the lower half of the counter, so that at least 2048 ids
  // fit before it spills (RFC 9562, section 6.2, "Fixed Bit-Length Dedicated Counter Seeding").
  const auto seed = static_cast<std::uint32_t>(random_.next() & (kCounterMax >> 1));
  const std::int64_t given = std::max<std::int64_t>(to_millis(at), 0);

  std::int64_t ms = given;
  std::uint32_t counter = seed;
  {
    std::lock_guard lock(mutex_);
    // What lies before the latest time given is an id of the past (a log of an attempt that
    // began earlier): it takes its own time and leaves the counter alone.
    if (given >= given_ms_) {
      given_ms_ = given;
      if (given > last_ms_) {
        last_ms_ = given;
        counter_ = seed;
      } else if (counter_ < kCounterMax) {
        ++counter_;
      } else {
        ++last_ms_;
        counter_ = seed;
      }
      ms = last_ms_;
      counter = counter_;
    }
  }

  Uuid uuid{};
  for (int i = 0; i < 6; ++i) uuid[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  uuid[6] = static_cast<std::uint8_t>(0x70 | (counter >> 8));
  uuid[7] = static_cast<std::uint8_t>(counter);
  for (int i = 0; i < 8; ++i) uuid[8 + i] = static_cast<std::uint8_t>(noise >> (56 - 8 * i));
  uuid[8] = static_cast<std::uint8_t>(0x80 | (uuid[8] & 0x3f));
  return uuid;
}

std::string to_string(const Uuid& uuid) {
  const std::string hex = to_hex(uuid.data(), uuid.size());
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < hex.size(); ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) text.push_back('-');
    text.push_back(hex[i]);
  }
  return text;
}

}  // namespace rhooks

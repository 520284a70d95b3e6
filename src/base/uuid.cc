#include "base/uuid.h"

#include <algorithm>
#include <charconv>

#include "base/ascii.h"

namespace rhooks {
namespace {

constexpr std::uint32_t kCounterMax = 0x0fff;  // rand_a has 12 bits

}  // namespace

Uuid UuidGenerator::v7(TimePoint at) {
  const Drawn drawn = draw();
  MutexLock lock(mutex_);
  return make(to_millis(at), drawn);
}

std::vector<Uuid> UuidGenerator::v7(TimePoint at, std::size_t count) {
  std::vector<Drawn> drawn(count);
  for (Drawn& one : drawn) one = draw();
  std::vector<Uuid> made(count);
  MutexLock lock(mutex_);
  for (std::size_t i = 0; i < count; ++i) made[i] = make(to_millis(at), drawn[i]);
  return made;
}

UuidGenerator::Drawn UuidGenerator::draw() {
  const std::uint64_t noise = random_.next();
  // A new millisecond starts in the lower half of the counter, so that at least 2048 ids
  // fit before it spills (RFC 9562, section 6.2, "Fixed Bit-Length Dedicated Counter Seeding").
  return {noise, static_cast<std::uint32_t>(random_.next() & (kCounterMax >> 1))};
}

Uuid UuidGenerator::make(std::int64_t given, const Drawn& drawn) {
  given = std::max<std::int64_t>(given, 0);
  std::int64_t ms = given;
  std::uint32_t counter = drawn.seed;
  // What lies before the latest time given is an id of the past (a log of an attempt that
  // began earlier): it takes its own time and leaves the counter alone.
  if (given >= given_ms_) {
    given_ms_ = given;
    if (given > last_ms_) {
      last_ms_ = given;
      counter_ = drawn.seed;
    } else if (counter_ < kCounterMax) {
      ++counter_;
    } else {
      ++last_ms_;
      counter_ = drawn.seed;
    }
    ms = last_ms_;
    counter = counter_;
  }

  Uuid uuid{};
  for (int i = 0; i < 6; ++i) uuid[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  uuid[6] = static_cast<std::uint8_t>(0x70 | (counter >> 8));
  uuid[7] = static_cast<std::uint8_t>(counter);
  for (int i = 0; i < 8; ++i) uuid[8 + i] = static_cast<std::uint8_t>(drawn.noise >> (56 - 8 * i));
  uuid[8] = static_cast<std::uint8_t>(0x80 | (uuid[8] & 0x3f));
  return uuid;
}

std::string to_string(const Uuid& uuid) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(36, '-');
  std::size_t at = 0;
  for (const std::uint8_t byte : uuid) {
    if (at == 8 || at == 13 || at == 18 || at == 23) ++at;
    text[at++] = kDigits[byte >> 4];
    text[at++] = kDigits[byte & 0x0f];
  }
  return text;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  const std::string lower = lower_case(text);
  Uuid uuid{};
  if (lower.size() != to_string(uuid).size()) return std::nullopt;
  std::size_t at = 0;
  for (std::uint8_t& byte : uuid) {
    if (at == 8 || at == 13 || at == 18 || at == 23) ++at;
    std::from_chars(lower.data() + at, lower.data() + at + 2, byte, 16);
    at += 2;
  }
  // What was no hyphen or no digit is not as it was written.
  if (to_string(uuid) != lower) return std::nullopt;
  return uuid;
}

}  // namespace rhooks

#pragma once

#include <rhooks/task.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

// The primitives of the stored bytes (stored.cc). Internal to the codec.
//
//   u8      one byte
//   varint  unsigned 64 bits, 7 bits a byte, lowest first, shortest form only
//   int     signed 64 bits, zig-zag, as varint
//   string  varint length, then the bytes
//   time    int, milliseconds since the Unix epoch, within kTimeMin..kTimeMax
//   flag    u8, 0 or 1
//   opt(x)  flag, then x where it is 1
namespace rhooks::codec {

class ByteWriter {
 public:
  // `bytes`: about how many will be written.
  explicit ByteWriter(std::size_t bytes = 0) { out_.reserve(bytes); }

  void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }

  void varint(std::uint64_t value) {
    if (value < 0x80) return u8(static_cast<std::uint8_t>(value));
    while (value >= 0x80) {
      u8(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    u8(static_cast<std::uint8_t>(value));
  }

  void integer(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }

  void string(std::string_view text) {
    varint(text.size());
    out_.append(text);
  }

  // A time out of range is moved to the nearest end, so that what was written can be read.
  void time(TimePoint t) { integer(to_millis(std::clamp(t, kTimeMin, kTimeMax))); }

  void flag(bool value) { u8(value ? 1 : 0); }

  void optional_time(const std::optional<TimePoint>& t) {
    flag(t.has_value());
    if (t) time(*t);
  }

  template <std::size_t N>
  void array(const std::array<std::uint8_t, N>& bytes) {
    out_.append(reinterpret_cast<const char*>(bytes.data()), N);
  }

  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// Reads what ByteWriter wrote; takes any bytes. The first failure sticks: everything read
// after it is empty, so callers check once, at the end. No read allocates more than what is
// left of the input.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes), size_(bytes.size()) {}

  bool ok() const { return reason_ == nullptr; }
  const char* reason() const { return reason_; }       // why reading failed
  std::size_t position() const { return failed_at_; }  // and where
  std::size_t left() const { return rest_.size(); }

  void refuse(const char* reason) {
    if (reason_ != nullptr) return;
    reason_ = reason;
    failed_at_ = size_ - rest_.size();
    rest_ = {};
  }

  // To be called last: nothing may follow.
  void end() {
    if (!rest_.empty()) refuse("more bytes follow than belong to it");
  }

  std::uint8_t u8() {
    if (rest_.empty()) {
      refuse("it is cut short");
      return 0;
    }
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = u8();
      if (!ok()) return 0;
      if (shift == 63 && byte > 1) break;  // past 64 bits
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) {
        if (byte == 0 && shift > 0) break;  // not the shortest form
        return value;
      }
    }
    refuse("a number is malformed");
    return 0;
  }

  std::int64_t integer() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }

  std::int64_t integer_in(std::int64_t min, std::int64_t max) {
    const std::int64_t value = integer();
    if (value >= min && value <= max) return value;
    refuse("a number is out of range");
    return min;
  }

  int count_int() { return static_cast<int>(integer_in(0, std::numeric_limits<int>::max())); }
  std::int64_t count() { return integer_in(0, std::numeric_limits<std::int64_t>::max()); }

  std::string_view view() {
    const std::uint64_t size = varint();
    if (size > rest_.size()) {
      refuse("a text is longer than what is left");
      return {};
    }
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }

  std::string string() { return std::string(view()); }

  TimePoint time() { return from_millis(integer_in(to_millis(kTimeMin), to_millis(kTimeMax))); }

  bool flag() {
    const std::uint8_t value = u8();
    if (value > 1) refuse("a flag is neither 0 nor 1");
    return value == 1;
  }

  std::optional<TimePoint> optional_time() {
    if (!flag()) return std::nullopt;
    return time();
  }

  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> bytes{};
    if (rest_.size() < N) {
      refuse("it is cut short");
      return bytes;
    }
    std::copy_n(rest_.begin(), N, reinterpret_cast<char*>(bytes.data()));
    rest_.remove_prefix(N);
    return bytes;
  }

 private:
  std::string_view rest_;
  std::size_t size_;
  const char* reason_ = nullptr;
  std::size_t failed_at_ = 0;
};

}  // namespace rhooks::codec

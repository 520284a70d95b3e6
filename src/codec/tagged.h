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

// The form of the stored bytes (stored.cc). Internal to the codec.
//
// A record is its fields and a byte 0 behind them, so that a part of one is no other one. A field
// is a tag and a value, as Protocol Buffers encode them
// (https://protobuf.dev/programming-guides/encoding):
//
//   tag      varint, number << 3 | kind
//   kind 0   varint: unsigned 64 bits, 7 bits a byte, lowest first, shortest form only
//   kind 2   varint length, then the bytes
//
// Fields come in the order of their numbers. A field that is empty or has its default is not
// written, so each record has one form. Signed integers are zig-zag. A time is a signed integer:
// milliseconds since the Unix epoch, within kTimeMin..kTimeMax.
//
// A number means the same for ever. A field that a reader does not know was written by a newer
// build; it is kept as it is, and written again at its place.
namespace rhooks::codec {

enum class WireKind : std::uint8_t { kVarint = 0, kBytes = 2 };
inline constexpr std::uint32_t kFieldMax = (1u << 29) - 1;  // as Protocol Buffers have it

// The fields of a header.
inline constexpr std::uint32_t kHeaderName = 1;
inline constexpr std::uint32_t kHeaderValue = 2;

// Reads what FieldWriter wrote; takes any bytes. The first failure sticks: there are no fields
// after it, so callers check once, at the end. What a read allocates is bounded by what is left of
// the input: as much, or some ten times of headers without text.
class FieldReader {
 public:
  enum class Of { kRecord, kFields };  // with the byte at its end, or without

  explicit FieldReader(std::string_view bytes, Of of = Of::kRecord)
      : rest_(bytes), size_(bytes.size()), of_(of) {}

  bool ok() const { return reason_ == nullptr; }
  const char* reason() const { return reason_; }       // why reading failed
  std::size_t position() const { return failed_at_; }  // and where
  std::string_view left() const { return rest_; }

  void refuse(const char* reason) {
    if (reason_ != nullptr) return;
    reason_ = reason;
    failed_at_ = size_ - rest_.size();
    rest_ = {};
  }

  // The number of the next field; 0 at the end, and after a failure. Its value is to be read, or
  // kept, before the next one is asked for.
  std::uint32_t next() {
    if (rest_.empty()) {
      if (of_ == Of::kRecord) refuse("it is cut short");
      return 0;
    }
    begin_ = rest_;
    const std::uint64_t tag = varint();
    if (ok() && tag == 0 && of_ == Of::kRecord) {
      if (!rest_.empty()) refuse("more bytes follow than belong to it");
      return 0;
    }
    if (!ok()) return 0;
    kind_ = static_cast<WireKind>(tag & 7);
    const std::uint64_t field = tag >> 3;
    if (field == 0 || field > kFieldMax ||
        (kind_ != WireKind::kVarint && kind_ != WireKind::kBytes)) {
      refuse("a field is of no known kind");
      return 0;
    }
    if (field < field_) {
      refuse("fields are out of order");
      return 0;
    }
    repeated_ = field == field_;
    field_ = static_cast<std::uint32_t>(field);
    return field_;
  }

  // Up to `max`. For a field that comes once, as for all that follow.
  std::uint64_t optional_number(std::uint64_t max) {
    once();
    if (kind_ != WireKind::kVarint) refuse("a field is of another kind");
    const std::uint64_t value = varint();
    if (value <= max) return value;
    refuse("a number is out of range");
    return 0;
  }
  int optional_int() { return static_cast<int>(optional_number(std::numeric_limits<int>::max())); }
  TimePoint time() {
    const TimePoint t = optional_time();
    if (t == TimePoint{}) refuse("a field has no value");
    return t;
  }
  TimePoint optional_time() {
    const std::uint64_t value = optional_number(std::numeric_limits<std::uint64_t>::max());
    const auto millis = static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
    if (millis >= to_millis(kTimeMin) && millis <= to_millis(kTimeMax)) return from_millis(millis);
    refuse("a time is out of range");
    return {};
  }
  std::string_view text() {
    once();
    const std::string_view text = repeated_text();
    if (text.empty()) refuse("a field has no value");
    return text;
  }
  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> bytes{};
    const std::string_view found = text();
    if (ok() && found.size() != N) refuse("a value is of another length than its field has");
    if (ok()) std::copy_n(found.begin(), N, reinterpret_cast<char*>(bytes.data()));
    if (ok() && bytes == std::array<std::uint8_t, N>{}) refuse("a field has no value");
    return bytes;
  }

  // For a field that may come more than once, and may be empty.
  std::string_view repeated_text() {
    if (kind_ != WireKind::kBytes) refuse("a field is of another kind");
    return bytes_value();
  }

  Header header() {
    FieldReader in(repeated_text(), Of::kFields);
    Header header;
    const bool name = in.next() == kHeaderName;
    if (name) header.name = in.repeated_text();
    const bool value = in.next() == kHeaderValue;
    if (value) header.value = in.repeated_text();
    if (!name || !value || in.next() != 0 || !in.ok()) refuse("a header is no name and value");
    return header;
  }

  // The present field is not known: it is appended to these.
  void keep(std::string& unknown) {
    if (kind_ == WireKind::kBytes) {
      (void)bytes_value();
    } else {
      (void)varint();
    }
    if (ok()) unknown.append(begin_.substr(0, begin_.size() - rest_.size()));
  }

 private:
  void once() {
    if (repeated_) refuse("a field comes twice");
  }

  std::string_view bytes_value() {
    const std::uint64_t size = varint();
    if (size > rest_.size()) {
      refuse("a text is longer than what is left");
      return {};
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

  std::uint64_t varint() {
    if (!rest_.empty() && static_cast<std::uint8_t>(rest_.front()) < 0x80) {  // most are short
      const auto byte = static_cast<std::uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      return byte;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < rest_.size() && i < 10; ++i) {
      const auto byte = static_cast<std::uint8_t>(rest_[i]);
      if (i == 9 && byte > 1) break;  // past 64 bits
      value |= std::uint64_t{byte & 0x7fu} << (7 * i);
      if (byte < 0x80) {
        if (byte == 0 && i > 0) break;  // not the shortest form
        rest_.remove_prefix(i + 1);
        return value;
      }
    }
    refuse(rest_.size() < 10 && all_continue() ? "it is cut short" : "a number is malformed");
    return 0;
  }

  bool all_continue() const {
    return std::all_of(rest_.begin(), rest_.end(),
                       [](char c) { return (static_cast<std::uint8_t>(c) & 0x80) != 0; });
  }

  std::string_view rest_;
  std::string_view begin_;  // what was left before the present field
  std::size_t size_;
  Of of_;
  std::uint32_t field_ = 0;
  WireKind kind_ = WireKind::kVarint;
  bool repeated_ = false;
  const char* reason_ = nullptr;
  std::size_t failed_at_ = 0;
};

class FieldWriter {
 public:
  // `bytes`: about how many will be written. `unknown`: fields that are written between the others.
  explicit FieldWriter(std::size_t bytes = 0, std::string_view unknown = {}) : unknown_(unknown) {
    out_.reserve(bytes + unknown.size());
  }

  void number(std::uint32_t field, std::uint64_t value) {
    if (value != 0) put_number(field, value);
  }
  // Also where it is 0.
  void put_number(std::uint32_t field, std::uint64_t value) {
    tag(field, WireKind::kVarint);
    varint(value);
  }

  void optional_int(std::uint32_t field, const std::optional<int>& value) {
    if (value) put_number(field, static_cast<std::uint64_t>(*value));
  }

  void text(std::uint32_t field, std::string_view text) {
    if (!text.empty()) put_text(field, text);
  }
  // Also where it is empty.
  void put_text(std::uint32_t field, std::string_view text) {
    tag(field, WireKind::kBytes);
    write_text(text);
  }

  // A time out of range is moved to the nearest end, so that what was written can be read.
  void time(std::uint32_t field, TimePoint t) { number(field, wire_time(t)); }
  void optional_time(std::uint32_t field, const std::optional<TimePoint>& t) {
    if (t) put_number(field, wire_time(*t));
  }

  template <std::size_t N>
  void array(std::uint32_t field, const std::array<std::uint8_t, N>& bytes) {
    if (bytes == std::array<std::uint8_t, N>{}) return;
    put_text(field, {reinterpret_cast<const char*>(bytes.data()), N});
  }

  // A value of two fields.
  void header(std::uint32_t field, const Header& header) {
    tag(field, WireKind::kBytes);
    varint(bytes_of_text(header.name) + bytes_of_text(header.value));
    write_tag(kHeaderName, WireKind::kBytes);
    write_text(header.name);
    write_tag(kHeaderValue, WireKind::kBytes);
    write_text(header.value);
  }

  // The record.
  std::string take() {
    write_unknown_before(kFieldMax + 1);
    out_.push_back('\0');
    return std::move(out_);
  }

 private:
  static std::uint64_t zigzag(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
  }
  // Of a text whose tag has one byte.
  static std::size_t bytes_of_text(std::string_view text) {
    std::size_t bytes = 2 + text.size();
    for (std::size_t size = text.size(); size >= 0x80; size >>= 7) ++bytes;
    return bytes;
  }
  static std::uint64_t wire_time(TimePoint t) {
    return zigzag(to_millis(std::clamp(t, kTimeMin, kTimeMax)));
  }

  void tag(std::uint32_t field, WireKind kind) {
    if (!unknown_.empty()) write_unknown_before(field);
    write_tag(field, kind);
  }
  void write_tag(std::uint32_t field, WireKind kind) {
    varint(std::uint64_t{field} << 3 | static_cast<std::uint8_t>(kind));
  }
  void write_text(std::string_view text) {
    varint(text.size());
    out_.append(text);
  }
  void write_unknown_before(std::uint32_t field) {
    FieldReader reader(unknown_, FieldReader::Of::kFields);
    for (std::uint32_t next = reader.next(); next != 0 && next < field; next = reader.next()) {
      reader.keep(out_);
      unknown_ = reader.left();
    }
  }

  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<char>(value | 0x80));
    out_.push_back(static_cast<char>(value));
  }

  std::string out_;
  std::string_view unknown_;  // that are still to be written
};

}  // namespace rhooks::codec

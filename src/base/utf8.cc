#include "base/utf8.h"

#include <cstdint>
#include <cstring>

namespace rhooks {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

bool is_tail(std::uint8_t byte) {
  return (byte & 0xc0) == 0x80;
}

// How many bytes `text` has at its front, in whole words, that are ASCII: most text is nothing
// else.
std::size_t ascii_prefix(std::string_view text) {
  std::size_t at = 0;
  for (std::uint64_t word = 0; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080) != 0) break;
  }
  return at;
}

// Where the first byte stands that belongs to no character; the size, if all do.
std::size_t utf8_prefix(std::string_view text) {
  std::size_t at = ascii_prefix(text);
  while (at < text.size()) {
    const std::size_t length = utf8_length(text.substr(at));
    if (length == 0) return at;
    at += length;
    if (length == 1) at += ascii_prefix(text.substr(at));
  }
  return at;
}

// `text` begins with a well-formed character of `length` bytes.
bool is_control(std::string_view text, std::size_t length) {
  const std::uint8_t first = byte_at(text, 0);
  if (length == 1) return first < 0x20 || first == 0x7f;
  return length == 2 && first == 0xc2 && byte_at(text, 1) < 0xa0;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const std::uint8_t first = byte_at(text, 0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const std::size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_tail(byte_at(text, i))) return 0;
  }
  const std::uint8_t second = byte_at(text, 1);
  if (first == 0xe0 && second < 0xa0) return 0;  // a longer form than needed
  if (first == 0xed && second > 0x9f) return 0;  // a surrogate
  if (first == 0xf0 && second < 0x90) return 0;  // a longer form than needed
  if (first == 0xf4 && second > 0x8f) return 0;  // past U+10FFFF
  return length;
}

bool is_utf8(std::string_view text) {
  return utf8_prefix(text) == text.size();
}

std::optional<std::string> not_utf8(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  const std::size_t at = utf8_prefix(text);
  if (at == text.size()) return std::nullopt;
  const std::uint8_t byte = byte_at(text, at);
  return "is not UTF-8 (byte " + std::to_string(at) + " is 0x" + kHex[byte >> 4] +
         kHex[byte & 0x0f] + ")";
}

bool has_control(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length != 0 && is_control(text, length)) return true;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return false;
}

char32_t utf8_code_point(std::string_view text, std::size_t length) {
  const std::uint8_t first = byte_at(text, 0);
  if (length == 1) return first;
  char32_t code_point = first & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) code_point = code_point << 6 | (byte_at(text, i) & 0x3f);
  return code_point;
}

bool steers_display(char32_t c) {
  if (c < 0xa0) return c < 0x20 || c >= 0x7f;
  return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

std::string_view utf8_cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && is_tail(byte_at(text, end))) --end;
  return text.substr(0, end);
}

std::string one_line(std::string_view text, std::size_t bytes_max) {
  std::string line;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    std::string_view piece = text.substr(0, length);
    if (length == 0) {
      piece = "\xef\xbf\xbd";
    } else if (is_control(text, length)) {
      piece = " ";
    }
    if (line.size() + piece.size() > bytes_max) break;
    line += piece;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return line;
}

}  // namespace rhooks

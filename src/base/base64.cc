#include "base/base64.h"

#include <array>

namespace rhooks {
namespace {

constexpr std::string_view kDigits64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The value of each character; -1 of those that are no digits.
constexpr std::array<std::int8_t, 256> kValues64 = [] {
  std::array<std::int8_t, 256> values{};
  for (std::int8_t& value : values) value = -1;
  for (std::size_t i = 0; i < kDigits64.size(); ++i) {
    values[static_cast<unsigned char>(kDigits64[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}();

std::string_view without_padding(std::string_view text) {
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (; !bytes.empty(); bytes.remove_prefix(bytes.size() < 3 ? bytes.size() : 3)) {
    std::uint32_t three = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      three = (three << 8) | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text.push_back(i <= bytes.size() ? kDigits64[(three >> (18 - 6 * i)) & 0x3f] : '=');
    }
  }
  return text;
}

std::size_t base64_bytes(std::string_view text) {
  return without_padding(text).size() * 3 / 4;
}

bool read_base64(std::string_view text, std::uint8_t* out) {
  if (text.size() % 4 != 0) return false;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : without_padding(text)) {
    const std::int8_t value = kValues64[static_cast<unsigned char>(c)];
    if (value < 0) return false;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      *out++ = static_cast<std::uint8_t>(bits >> held);
    }
  }
  return (bits & ((1u << held) - 1)) == 0;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes(base64_bytes(text), '\0');
  if (!read_base64(text, reinterpret_cast<std::uint8_t*>(bytes.data()))) return std::nullopt;
  return bytes;
}

}  // namespace rhooks

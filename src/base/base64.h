#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Base64 (RFC 4648, section 4): with padding, without line breaks.
namespace rhooks {

std::string to_base64(std::string_view bytes);

// None unless `text` is just what to_base64 makes: bytes have one spelling.
std::optional<std::string> from_base64(std::string_view text);

// The same in two steps, for bytes that may not be left behind in memory: how many there are if
// `text` is base64, and reading them into a place of that size. False: it is not.
std::size_t base64_bytes(std::string_view text);
bool read_base64(std::string_view text, std::uint8_t* out);

}  // namespace rhooks

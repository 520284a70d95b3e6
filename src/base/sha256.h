#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace rhooks {

using Sha256 = std::array<std::uint8_t, 32>;

// SHA-256 (FIPS 180-4) of the parts, each preceded by its length in 8 bytes, the highest
// first, so that ("a","bc") and ("ab","c") differ.
// Threads: every function here may be called from any thread.
Sha256 sha256(std::initializer_list<std::string_view> parts);

// SHA-256 of just these bytes, as protocols ask for it.
Sha256 sha256_of_bytes(std::string_view bytes);

// HMAC-SHA-256 (RFC 2104).
Sha256 hmac_sha256(std::string_view key, std::string_view text);

// Lower-case hexadecimal.
std::string to_hex(const std::uint8_t* data, std::size_t size);

// Compares in a time that depends on the lengths only (for keys and tokens).
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace rhooks

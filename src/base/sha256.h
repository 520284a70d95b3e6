#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace rhooks {

using Sha256 = std::array<std::uint8_t, 32>;

// SHA-256 (FIPS 180-4) of the parts, each preceded by its length, so that ("a","bc") and
// ("ab","c") differ.
Sha256 sha256(std::initializer_list<std::string_view> parts);

// Lower-case hexadecimal.
std::string to_hex(const std::uint8_t* data, std::size_t size);

// Compares in a time that depends on the lengths only (for keys and tokens).
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace rhooks

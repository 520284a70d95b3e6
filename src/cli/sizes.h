#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rhooks::cli {

// A size in bytes: a whole number with KiB, MiB, GiB or TiB (IEC 80000-13). None: it is no such
// text, or beyond 2^63.
std::optional<std::uint64_t> parse_size(std::string_view text);

// In the largest unit that holds it exactly: "512MiB". Of whole KiB.
std::string format_size(std::uint64_t bytes);

}  // namespace rhooks::cli

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rhooks::cli {

// Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`; letters of
// either case and '-' and '_' count as equal.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate nearest to what someone typed, if it is near enough to be what they meant.
std::optional<std::string> nearest(std::string_view typed, const std::vector<std::string>& known);

// " Did you mean X?", or nothing.
std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known);

}  // namespace rhooks::cli

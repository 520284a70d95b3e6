#pragma once

#include <string>
#include <string_view>

namespace rhooks {

// JSON for people to read: a line for each element and member, indented by two spaces. Numbers,
// escapes and the order of names stay. What is no JSON, nested deeper than 64 or has a name twice
// comes back as it is. Threads: any.
std::string pretty_json(std::string_view text);

}  // namespace rhooks

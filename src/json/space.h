#pragma once

#include <string>
#include <string_view>

namespace rhooks {

// JSON text without the white space between its tokens: space, tab, line feed and carriage
// return (RFC 8259, section 2) outside of strings. Numbers, escapes and the order of names stay
// as they were written. The text is not checked; if it is not JSON, the result is not either.
// Threads: any.
std::string without_json_space(std::string_view json);

}  // namespace rhooks

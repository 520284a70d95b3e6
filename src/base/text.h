#pragma once

#include <string>
#include <string_view>

// Text that came from outside and is shown again.
namespace rhooks {

// "text" for an error message: one line, cut after 40 bytes, so that a message stays
// readable whatever was sent.
std::string quote(std::string_view text);

// `text` with every byte that belongs to no UTF-8 character replaced by U+FFFD: a receiver
// may answer any bytes, and JSON is UTF-8.
std::string to_utf8(std::string_view text);

}  // namespace rhooks

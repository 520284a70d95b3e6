#pragma once

#include <string>
#include <string_view>

// Text that came from outside and is shown again. Internal to the codec.
namespace rhooks::codec {

// "text" for an error message, cut after 40 bytes, so that a message stays readable
// whatever was sent.
std::string quote(std::string_view text);

// How many bytes the well-formed UTF-8 character at the head of `text` has (Unicode 15,
// table 3-7); 0 if the head is none.
std::size_t utf8_length(std::string_view text);

bool is_utf8(std::string_view text);

}  // namespace rhooks::codec

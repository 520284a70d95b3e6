#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace rhooks {

// The length of the well-formed UTF-8 character (Unicode 15, table 3-7) that `text` begins
// with: 1 to 4. 0 if it begins with none.
std::size_t utf8_length(std::string_view text);

bool is_utf8(std::string_view text);

// What is wrong with text that is not UTF-8, after its name: "is not UTF-8 (byte 3 is 0xe9)".
// Bytes are counted from 0.
std::optional<std::string> not_utf8(std::string_view text);

// Whether valid UTF-8 text holds a control character: U+0000 to U+001F, U+007F to U+009F.
bool has_control(std::string_view text);

// The code point of the well-formed character of `length` bytes that `text` begins with.
char32_t utf8_code_point(std::string_view text, std::size_t length);

// Whether a character steers what shows it, rather than being shown: control characters (as
// above), line and paragraph separators, and the marks and overrides of direction (Unicode 15,
// UAX #9, section 2), which can make text read as another one.
bool steers_display(char32_t code_point);

// The longest part at the start of valid UTF-8 text that has at most `bytes_max` bytes and
// ends between two characters.
std::string_view utf8_cut(std::string_view text, std::size_t bytes_max);

// Foreign text made fit for a message of one line: what is not UTF-8 becomes U+FFFD, control
// characters become spaces, and it ends between two characters after at most `bytes_max` bytes.
std::string one_line(std::string_view text, std::size_t bytes_max);

}  // namespace rhooks

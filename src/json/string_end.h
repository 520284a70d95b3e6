#pragma once

#include <string_view>

namespace rhooks {

// Behind the closing quote of the JSON string that begins at `at`: the first one that an even
// number of backslashes stands before. The end of the text, if there is none.
inline std::size_t json_string_end(std::string_view text, std::size_t at) {
  const std::size_t begin = at + 1;
  for (std::size_t quote = begin;; ++quote) {
    quote = text.find('"', quote);
    if (quote == std::string_view::npos) return text.size();
    std::size_t before = quote;
    while (before > begin && text[before - 1] == '\\') --before;
    if ((quote - before) % 2 == 0) return quote + 1;
  }
}

}  // namespace rhooks

#pragma once

#include <rhooks/result.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/rules.h"

namespace rhooks::cli {

// The number that a text is. Errors: kInvalidArgument; the message names the range.
Result<std::int64_t> parse_number(std::string_view text, const model::Range& range);

// An option that takes a number of the range, and tells which they are: the parser library would
// tell only that it cannot convert a text. `N`: an integer that holds the range, or an optional
// one. `hint`: what to do instead of a number that the range has not.
template <typename N>
CLI::Option* add_number(CLI::App& command, const std::string& names, N& number,
                        const model::Range& range, const std::string& help,
                        const std::string& hint = {}) {
  const std::string option = names.substr(names.rfind("--"));
  const auto read = [&number, option, range, hint](const std::string& text) {
    if (text.empty()) return;  // refused once the whole line is read
    const auto parsed = parse_number(text, range);
    if (!parsed) {
      throw CLI::ValidationError(option,
                                 parsed.error().message + (hint.empty() ? "" : "; " + hint));
    }
    using Value = typename decltype(std::optional(number))::value_type;
    number = static_cast<Value>(*parsed);
  };
  return command.add_option_function<std::string>(names, read, help);
}

}  // namespace rhooks::cli

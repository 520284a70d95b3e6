#include "cli/number_option.h"

#include <charconv>

#include "base/text.h"
#include "cli/usage.h"

namespace rhooks::cli {

Result<std::int64_t> parse_number(std::string_view text, const model::Range& range) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc{} && at == end && number >= range.min && number <= range.max) {
    return number;
  }
  return usage("must be a whole number from " + std::to_string(range.min) + " to " +
               std::to_string(range.max) + ", not " + quote(text));
}

}  // namespace rhooks::cli

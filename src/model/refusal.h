#pragma once

#include <rhooks/result.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/utf8.h"

// How the rules of this module word what they refuse.
namespace rhooks::model {

// kInvalidArgument; the message begins with the field, the JSON path.
inline tl::unexpected<Error> invalid(std::string_view field, std::string_view message) {
  return fail(ErrorCode::kInvalidArgument, std::string(field).append(": ").append(message),
              std::string(field));
}

// What a caller sent, fit to be shown in a message.
inline std::string quoted(std::string_view text) {
  return "\"" + one_line(text, 64) + "\"";
}

inline std::string past_limit(std::size_t size, std::size_t max, std::string_view what) {
  return "has " + std::to_string(size) + " " + std::string(what) + "; at most " +
         std::to_string(max) + " are allowed";
}

}  // namespace rhooks::model

#pragma once

#include <rhooks/result.h>

#include <string>
#include <utility>

namespace rhooks::cli {

// The error of arguments that cannot be used; the message says what to type instead.
inline tl::unexpected<Error> usage(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

}  // namespace rhooks::cli

#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace rhooks {

// What a caller can do about a failure decides its code; the message says what went
// wrong, where, and what to do instead.
enum class ErrorCode {
  // Fix the request: the same call fails again.
  kInvalidArgument,  // a field is malformed or past a limit; `Error::field` names it
  kNotFound,         // no such task, endpoint, redrive or the like
  kConflict,         // the task exists already, or its status forbids the call; an endpoint has
                     // another revision, or tasks need it, or there are too many; a redrive is
                     // under way
  kForbidden,        // the API key that was given may not do it
  kUnsupported,      // this store or build cannot do it

  // Retry later: nothing was applied.
  kUnavailable,  // the store cannot be used now (locked, full disk, network)
  kOverloaded,   // a bound on concurrent work was reached

  // Retry if the call is safe to repeat: it may or may not have been applied.
  kUnknownOutcome,

  // Give up and report.
  kCorrupt,   // stored bytes cannot be read
  kInternal,  // a defect
};

// Stable name of a code, such as "invalid_argument".
const char* to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  // The public (JSON) path of the offending field, such as "repeat.interval"; or empty.
  std::string field;
};

// A value or an Error. Nothing in this library throws for an expected failure.
template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string field = {}) {
  return tl::make_unexpected(Error{code, std::move(message), std::move(field)});
}

inline tl::unexpected<Error> fail(Error error) {
  return tl::make_unexpected(std::move(error));
}

}  // namespace rhooks

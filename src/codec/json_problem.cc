// Errors as RFC 9457 problem documents.

#include <array>

#include "base/text.h"
#include "codec/public_json.h"
#include "json/reader.h"
#include "json/writer.h"
#include "model/outcome.h"

namespace rhooks::codec {
namespace {

constexpr std::array kCodes{
    ErrorCode::kInvalidArgument, ErrorCode::kNotFound,       ErrorCode::kConflict,
    ErrorCode::kForbidden,       ErrorCode::kUnsupported,    ErrorCode::kUnavailable,
    ErrorCode::kOverloaded,      ErrorCode::kUnknownOutcome, ErrorCode::kCorrupt,
    ErrorCode::kInternal,
};

// RFC 9457, section 4.2.1: with "about:blank" the title is the status' own phrase.
std::string title_of(int status) {
  const std::string phrase = model::reason_phrase(status);
  return phrase.empty() ? "Error" : phrase;
}

// Of a problem document whose code is missing or not known: another server's, or a newer one's.
ErrorCode code_of_status(int status) {
  switch (status) {
    case 403:
      return ErrorCode::kForbidden;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kConflict;
    case 501:
      return ErrorCode::kUnsupported;
    case 429:
      return ErrorCode::kOverloaded;
    case 503:
      return ErrorCode::kUnavailable;
    default:
      return status >= 400 && status < 500 ? ErrorCode::kInvalidArgument : ErrorCode::kInternal;
  }
}

}  // namespace

int http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kForbidden:
      return 403;
    case ErrorCode::kUnsupported:
      return 501;
    case ErrorCode::kUnavailable:
    case ErrorCode::kOverloaded:
    case ErrorCode::kUnknownOutcome:
      return 503;
    case ErrorCode::kCorrupt:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

std::string to_problem_json(const Error& error) {
  return to_problem_json(error, http_status(error.code));
}

std::string to_problem_json(const Error& error, int status) {
  JsonWriter out;
  out.begin_object();
  out.string("type", "about:blank");
  out.string("title", title_of(status));
  out.integer("status", status);
  out.string("detail", error.message);
  out.string("code", to_string(error.code));
  out.string_if_any("field", error.field);
  out.end_object();
  return out.take();
}

Error parse_problem_json(int status, std::string_view json) {
  Error error;
  const auto document = check_json(json);
  if (document && document->kind() == JsonKind::kObject) {
    JsonErrors errors(From::kServer);
    ObjectReader in(errors, *document, "");
    const std::string detail = in.string("detail").value_or("");
    const std::string title = in.string("title").value_or("");
    const std::string code = in.string("code").value_or("");
    error.field = in.string("field").value_or("");
    // An error says something: of a problem without words, the status is all that there is to say.
    if (!errors.any() && !(detail.empty() && title.empty())) {
      error.code = code_of_status(status);
      for (const ErrorCode known : kCodes) {
        if (code == to_string(known)) error.code = known;
      }
      error.message = detail.empty() ? title : detail;
      return error;
    }
  }
  error.code = ErrorCode::kInternal;
  error.field.clear();
  error.message =
      "the server answered status " + std::to_string(status) +
      (json.empty() ? " without a body" : ", and not with a problem document: " + quote(json));
  return error;
}

}  // namespace rhooks::codec

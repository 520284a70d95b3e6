#include "model/outcome.h"

#include <algorithm>
#include <iterator>

#include "base/utf8.h"
#include "model/limits.h"

namespace rhooks::model {

namespace {

struct Reason {
  int status;
  const char* phrase;
};

constexpr Reason kReasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
};

constexpr bool before(const Reason& a, const Reason& b) {
  return a.status < b.status;
}
static_assert(std::is_sorted(std::begin(kReasons), std::end(kReasons), before));

}  // namespace

const char* reason_phrase(int status) {
  const Reason wanted{status, ""};
  const auto* const found =
      std::lower_bound(std::begin(kReasons), std::end(kReasons), wanted, before);
  return found != std::end(kReasons) && found->status == status ? found->phrase : wanted.phrase;
}

std::string error_text(const AttemptOutcome& outcome) {
  if (outcome.ok()) return {};
  if (!outcome.error.empty()) return one_line(outcome.error, kErrorBytesMax);
  if (!outcome.response) return "no response";
  std::string text = "HTTP " + std::to_string(outcome.response->status);
  const char* reason = reason_phrase(outcome.response->status);
  if (*reason != '\0') text.append(" ").append(reason);
  return text;
}

}  // namespace rhooks::model

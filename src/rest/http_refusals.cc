#include "rest/http_refusals.h"

#include <array>
#include <boost/beast/http/error.hpp>
#include <cstdio>
#include <ctime>

namespace rhooks::rest {

namespace http = boost::beast::http;
using boost::system::error_code;

Refusal refusal_of(const error_code& ec) {
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
    return {431, "the request line and headers together are too long"};
  }
  if (ec == http::error::body_limit) return {413, "the body is too long for this request"};
  if (ec == http::error::bad_version) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  if (ec == http::error::bad_method) return {400, "the request line has no valid method"};
  if (ec == http::error::bad_target) return {400, "the request line has no valid target"};
  if (ec == http::error::bad_content_length) {
    return {400, "the Content-Length is not valid, or stands beside a Transfer-Encoding"};
  }
  if (ec == http::error::multiple_content_length) {
    return {400, "there is more than one Content-Length"};
  }
  if (ec == http::error::bad_transfer_encoding) {
    return {400, "the Transfer-Encoding is not valid, or stands beside a Content-Length"};
  }
  if (ec == http::error::bad_chunk || ec == http::error::bad_chunk_extension) {
    return {400, "the chunked body is malformed"};
  }
  return {400, "the request is not valid HTTP"};
}

std::string http_date() {
  // Formatted at most once a second and thread.
  thread_local std::time_t cached_at = -1;
  thread_local std::string cached;
  const std::time_t now = std::time(nullptr);
  if (now != cached_at) {
    std::tm tm{};
    gmtime_r(&now, &tm);
    // The names are fixed by RFC 9110 section 5.6.7, so strftime and its locale are not used.
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                  kDays[tm.tm_wday], tm.tm_mday, kMonths[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
                  tm.tm_min, tm.tm_sec);
    cached = text.data();
    cached_at = now;
  }
  return cached;
}

}  // namespace rhooks::rest

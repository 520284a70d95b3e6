#pragma once

#include <rhooks/result.h>

#include <string>
#include <string_view>

namespace rhooks::aws {

// The parts of a URL that decide whether a secret may go there.
struct HttpUrl {
  bool tls = false;
  std::string host;  // lower case; an IPv6 address without its brackets
  std::string port;  // digits, or empty
  std::string rest;  // path and query as given, or empty

  // "https://host:port"
  std::string origin() const;
  // 127.0.0.0/8, ::1 or "localhost".
  bool is_loopback() const;
};

// Reads an http or https URL. Strict, because what reads it later (libcurl) must see the same
// host: no user info, no fragment, no blanks, backslashes or bytes outside ASCII.
// Errors: kInvalidArgument; the message completes "X is …" and does not quote the URL, whose
// query may hold a secret.
Result<HttpUrl> parse_http_url(std::string_view text);

}  // namespace rhooks::aws

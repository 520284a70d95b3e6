#pragma once

#include <curl/curl.h>
#include <rhooks/result.h>

#include <chrono>
#include <string>

namespace rhooks::net {

struct EasyOptions {
  std::chrono::milliseconds connect_timeout{10'000};  // name look-up, TCP and TLS
  std::chrono::milliseconds request_timeout{30'000};  // the whole transfer
  // PEM file of certificate authorities to trust instead of the system's; empty: the system's.
  std::string ca_file;
  bool use_proxy = false;  // that of the environment
  // "http://HOST:PORT" or "socks5h://HOST:PORT": all goes by way of it, and it looks up the names
  // of hosts. An HTTP proxy is asked for a tunnel (CONNECT) also where there is no TLS, so that
  // what it says itself and what a receiver answers can be told apart.
  std::string proxy;
  std::string proxy_user;
  std::string proxy_password;
};

// The same with time-outs that libcurl takes as such (0 is "none" for it), and the ca_file
// looked at. Errors: kInvalidArgument, field "caFile" (check_ca_file).
Result<EasyOptions> checked(EasyOptions options);

// Prepares a fresh or reset handle with what every request has in common: http and https only,
// TLS verified (peer and host name), no redirects, no proxy that was not asked for, no ~/.netrc,
// no cookies. Returns what libcurl refused; CURLE_OK: nothing.
CURLcode set_common_options(CURL* easy, const EasyOptions& options);

}  // namespace rhooks::net

#pragma once

#include <curl/curl.h>

#include <chrono>
#include <cstddef>
#include <string>

namespace rhooks::net {

inline constexpr std::size_t kDescriptionBytesMax = 1024;

// Whether no trusted TLS connection was made.
bool is_of_tls(CURLcode code);

// What is known of a transfer that failed.
struct CurlFailure {
  CURL* easy = nullptr;      // done, not yet reset
  CURLcode code = CURLE_OK;  // what libcurl said
  const char* details = "";  // and its error buffer
  std::string url;           // of the request; only its host and port are shown
  bool by_proxy = false;     // of EasyOptions::proxy
  int status = 0;            // of the response, if its headers arrived
  std::chrono::milliseconds connect_timeout{0};
  std::chrono::milliseconds request_timeout{0};  // 0: none
};

// What a proxy by way of which a request was to go has to do with its failure.
enum class ProxyFault {
  kNone,     // it let it through, or did not reach the receiver
  kRefuses,  // it is not to lead there
  kAway,     // it does not answer, or does not take its user
};
ProxyFault proxy_fault(CURL* easy, CURLcode code);

// Why the transfer failed, for people: no path, query, user name or password of the URL, one
// line of printable ASCII, at most kDescriptionBytesMax bytes.
std::string describe(const CurlFailure& failure);

// "127.0.0.1:8080", "[::1]:443": where a URL points to; empty if it is malformed.
std::string host_and_port(const std::string& url);

}  // namespace rhooks::net

#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "delivery/response_reader.h"
#include "delivery/sender.h"
#include "net/easy_handle.h"

namespace rhooks::delivery {

// One request on the wire: what libcurl reads from and writes to while it lasts. It must not
// move, and lives until its easy handle has left the multi handle.
class CurlFlight {
 public:
  CurlFlight(HttpRequest request, TimePoint started_at);

  CurlFlight(const CurlFlight&) = delete;
  CurlFlight& operator=(const CurlFlight&) = delete;

  const std::string& url() const { return request_.request.url; }

  // Prepares a fresh or reset easy handle. Returns what is wrong with the request, or nothing.
  std::string set_up(CURL* easy, const net::EasyOptions& options);

  // Each gives the one result; the request is moved into it.
  HttpResult finish(CURL* easy, CURLcode code, const net::EasyOptions& options);
  HttpResult fail(std::string error);
  HttpResult cancel();

 private:
  struct FreeMime {
    void operator()(curl_mime* mime) const { curl_mime_free(mime); }
  };

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);

  // What libcurl is to hear of it: another number than that of the bytes ends the transfer.
  std::size_t read(std::string_view bytes, bool (ResponseReader::*take)(std::string_view)) noexcept;
  std::string set_method_and_body(CURL* easy);
  std::string set_headers(CURL* easy);
  HttpResult result();

  HttpRequest request_;
  const TimePoint started_at_;
  const std::chrono::steady_clock::time_point started_;
  ResponseReader reader_;
  bool out_of_memory_ = false;  // for what arrived
  net::HeaderLines header_lines_;
  std::unique_ptr<curl_mime, FreeMime> mime_;
  std::array<char, CURL_ERROR_SIZE> error_{};
};

}  // namespace rhooks::delivery

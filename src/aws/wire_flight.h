#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "aws/wire.h"
#include "net/easy_handle.h"

namespace rhooks::aws {

// One request on the wire: what libcurl reads from and writes to while it lasts. It must not
// move, and lives until its easy handle has left the loop. Included by wire.cc only.
class WireFlight {
 public:
  WireFlight(WireRequest request, TimePoint started_at);

  WireFlight(const WireFlight&) = delete;
  WireFlight& operator=(const WireFlight&) = delete;

  // Prepares a fresh or reset easy handle. Returns what is wrong, or nothing.
  std::string set_up(CURL* easy, const std::string& url, const net::EasyOptions& options);

  // Each gives the one result.
  WireResult finish(CURL* easy, CURLcode code, TimePoint now);
  WireResult not_sent(std::string why, TimePoint now);
  WireResult stop(CURL* easy, TimePoint now);

 private:
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);

  void header_line(std::string_view line);
  bool add_headers(std::string& error);
  WireResult end(WireResult::End end, TimePoint now);

  const WireRequest request_;
  const std::string* url_ = nullptr;
  std::chrono::milliseconds connect_timeout_{0};
  std::chrono::milliseconds request_timeout_{0};
  const std::chrono::steady_clock::time_point started_;
  net::HeaderLines lines_;
  WireResult result_;
  std::size_t header_bytes_ = 0;
  bool too_long_ = false;
  std::array<char, CURL_ERROR_SIZE> error_{};
};

}  // namespace rhooks::aws

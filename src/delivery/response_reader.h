#pragma once

#include <rhooks/log.h>

#include <cstddef>
#include <string_view>

namespace rhooks::delivery {

// Builds a Response from the pieces that libcurl hands over, within the limits: 64 KiB of
// headers and of body are kept, 1 MiB of body is read. Interim responses (1xx) and trailers
// are dropped. Pure.
class ResponseReader {
 public:
  // Headers of all kinds that are read before the response is given up.
  static constexpr std::size_t kHeaderReadBytesMax = 256 * 1024;

  // One header line, with its line end. False: give up, headers_too_long() is true.
  bool header_line(std::string_view line);
  // A piece of the body. False: stop reading, body_too_long() is true.
  bool body_piece(std::string_view piece);

  bool headers_too_long() const { return headers_too_long_; }
  bool body_too_long() const { return body_too_long_; }
  // The final status, once its headers are complete; 0 before.
  int status() const { return headers_done_ ? response_.status : 0; }

  Response take() { return std::move(response_); }

 private:
  void status_line(std::string_view line);
  void keep_header(std::string_view line);

  Response response_;
  bool headers_done_ = false;
  bool headers_too_long_ = false;
  bool body_too_long_ = false;
  std::size_t header_bytes_read_ = 0;
  std::size_t header_bytes_kept_ = 0;
  std::size_t body_bytes_read_ = 0;
};

}  // namespace rhooks::delivery

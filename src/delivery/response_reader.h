#pragma once

#include <rhooks/log.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace rhooks::delivery {

// Builds a Response from the pieces that libcurl hands over, within the limits: 64 KiB of
// headers and of body are kept, 1 MiB of body is read. Interim responses (1xx) and trailers
// are dropped. Of a compressed body 1 MiB is read as it comes, and 64 KiB of what is in it are
// kept; the headers stay as they came. Whether an attempt succeeded does not hang on whether its
// answer can be decompressed. Pure.
class ResponseReader {
 public:
  // Headers of all kinds that are read before the response is given up.
  static constexpr std::size_t kHeaderReadBytesMax = 256 * 1024;
  // Of a compressed body, until it is decompressed: a block of zstd, which gives nothing before it
  // is whole, has up to 128 KiB (RFC 8878, section 3.1.1.2.4).
  static constexpr std::size_t kCodedBytesMax = 160 * 1024;

  // One header line, with its line end. False: give up, headers_too_long() is true.
  bool header_line(std::string_view line);
  // A piece of the body. False: stop reading, body_too_long() is true.
  bool body_piece(std::string_view piece);

  bool headers_too_long() const { return headers_too_long_; }
  bool body_too_long() const { return body_too_long_; }
  // The final status, once its headers are complete; 0 before.
  int status() const { return headers_done_ ? response_.status : 0; }

  // What was read; its body without its content codings, if they are known ones.
  Response take();

 private:
  void status_line(std::string_view line);
  void keep_header(std::string_view line);

  Response response_;
  std::string codings_;  // Content-Encoding; empty: none
  bool headers_done_ = false;
  bool headers_too_long_ = false;
  bool body_too_long_ = false;
  std::size_t header_bytes_read_ = 0;
  std::size_t header_bytes_kept_ = 0;
  std::size_t body_bytes_read_ = 0;
};

}  // namespace rhooks::delivery

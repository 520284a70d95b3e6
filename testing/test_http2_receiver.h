#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace rhooks::testing {

// A frame of HTTP/2 (RFC 9113, section 4.1).
std::string http2_frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                        std::string_view payload);
// HEADERS with nothing but the status, 200 or 500, which end the stream.
std::string http2_answer(std::uint32_t stream, bool ok = true);
std::string http2_ping();
// GOAWAY: streams past `last` were not processed.
std::string http2_goaway(std::uint32_t last);

// A server on 127.0.0.1 that speaks HTTP/2 over TLS, just enough of it to misbehave: it counts
// requests by their stream, reads nothing of them, and answers with the bytes that it is told.
//
// Threads: every method may be called from any thread. The handler is called by the receiver's.
class TestHttp2Receiver {
 public:
  // What to write once a request has arrived in full.
  struct Answer {
    std::string bytes;
    bool close = false;  // afterwards
  };
  using Handler = std::function<Answer(std::uint32_t stream)>;

  TestHttp2Receiver();  // answers 200
  explicit TestHttp2Receiver(Handler handler);
  ~TestHttp2Receiver();

  TestHttp2Receiver(const TestHttp2Receiver&) = delete;
  TestHttp2Receiver& operator=(const TestHttp2Receiver&) = delete;

  std::string url(std::string_view path = "/") const;
  // PEM file with the certificate; removed with the object.
  std::string ca_file() const;

  // Writes to all connections that are open, and returns once it is written.
  void write(std::string bytes);

  std::size_t request_count() const;
  std::size_t connections() const;  // accepted since the start

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace rhooks::testing

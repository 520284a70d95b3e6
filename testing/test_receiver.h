#pragma once

#include <rhooks/task.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "testing/patience.h"

namespace rhooks::testing {

// A request as it arrived.
struct TestRequest {
  std::string method;
  std::string target;  // path and query
  std::vector<Header> headers;
  std::string body;
  Clock::Micros arrived_at{};    // system time at which it was read to its end
  std::uint64_t connection = 0;  // 1 for the first connection that was accepted
  // Late bytes (TestResponse::late) were written to its connection before, so that its sender may
  // have taken them for an answer.
  bool crossed_late = false;
  // How long they had been waiting at its sender, where nothing of it had arrived by then and it is
  // the first one after them.
  std::optional<std::chrono::milliseconds> late_waited;

  // The first header of that name, in any case; empty if there is none.
  std::string header(std::string_view name) const;
  bool has_header(std::string_view name) const;
};

// What to answer. Content-Length and Connection are added.
struct TestResponse {
  enum class Fault {
    kNone,
    kCloseBeforeResponse,
    kResetBeforeResponse,  // a TCP reset
    kCloseMidBody,         // Content-Length says 100 bytes more than are sent
    kResetMidBody,
    kEndlessBody,     // until the client closes the connection
    kEndlessHeaders,  // likewise
    kEndlessInterim,  // 103 responses without end
    kDripBody,        // one byte of the body each `drip`
  };

  int status = 200;
  std::vector<Header> headers;
  std::string body;
  std::chrono::milliseconds delay{0};  // before the answer
  bool hold = false;                   // answers only once release_held() is called
  bool close = false;                  // closes the connection afterwards
  Fault fault = Fault::kNone;
  std::chrono::milliseconds drip{100};
  std::string raw;  // sent as it is, in place of all the above; then the connection is closed

  // What has no place in HTTP: bytes past the end of the answer. `excess` goes out with the body,
  // in a write after that of the headers, and `late` once the connection is idle: after
  // `late_after`, or at write_late(). Late bytes are dropped where the next request was there
  // before them.
  enum class After { kOpen, kHalfClosed, kClosed };  // what the connection is after late bytes
  std::string excess;
  std::string late;
  std::optional<std::chrono::milliseconds> late_after;
  After after_late = After::kOpen;

  static TestResponse with_status(int status, std::string body = {});
  static TestResponse with_fault(Fault fault, std::string body = {});
};

// A small real HTTP/1.1 server on 127.0.0.1, for tests: records what arrives, answers by a
// handler, and misbehaves on demand.
//
//   TestReceiver receiver([](const TestRequest& request) {
//     return TestResponse::with_status(request.target == "/bad" ? 500 : 200);
//   });
//   ... deliver to receiver.url("/hook") ...
//   ASSERT_TRUE(receiver.wait_requests(1));
//   EXPECT_EQ(receiver.requests()[0].header("webhook-id"), ...);
//
// Asynchronous: a few threads of its own serve thousands of connections. The handler is
// called by those threads, by several at once if `threads` > 1, and must not block.
// Threads: every method may be called from any thread.
class TestReceiver {
 public:
  using Handler = std::function<TestResponse(const TestRequest&)>;

  struct Options {
    Handler handler;  // default: 200 and no body
    int threads = 1;
    std::uint16_t port = 0;  // 0: any that is free
    // Has requests to 127.0.0.2, 127.0.0.3, … as well, which make it many receivers.
    bool all_of_loopback = false;
    bool tls = false;  // with a self-signed certificate made at run time
    std::vector<std::string> tls_names = {"127.0.0.1", "localhost"};  // that it is valid for
    // Requests beyond so many are answered and counted, but not kept.
    std::size_t record_max = 200'000;
  };

  TestReceiver();
  explicit TestReceiver(Handler handler);
  explicit TestReceiver(Options options);
  ~TestReceiver();

  TestReceiver(const TestReceiver&) = delete;
  TestReceiver& operator=(const TestReceiver&) = delete;

  // Closes all connections and ends the threads. Idempotent.
  void stop();

  std::uint16_t port() const;
  // "http://127.0.0.1:PORT/path", or https.
  std::string url(std::string_view path = "/", std::string_view host = "127.0.0.1") const;
  // PEM file with the certificate, for clients that should trust it; removed with the object.
  std::string ca_file() const;

  // Requests in order of arrival.
  std::vector<TestRequest> requests() const;
  std::size_t request_count() const;
  // Waits in real time until at least `count` have arrived; false when `timeout` is over.
  bool wait_requests(std::size_t count, std::chrono::milliseconds timeout = kPatience) const;
  // Forgets the requests recorded so far; the counts go on.
  void clear_requests();

  // Answers the requests that are held, and those that would be held from now on.
  void release_held();
  std::size_t held() const;
  bool wait_held(std::size_t count, std::chrono::milliseconds timeout = kPatience) const;

  // Writes the late bytes that wait for it, and returns how many connections they went to, once
  // they are written and what is to be closed is closed.
  std::size_t write_late();
  std::size_t late_written() const;  // connections that late bytes went to since the start

  std::size_t connections() const;           // accepted since the start
  std::size_t open_connections() const;      // now
  std::size_t open_connections_max() const;  // the most at once
  bool wait_open_connections_at_most(std::size_t count,
                                     std::chrono::milliseconds timeout = kPatience) const;

  // Protocols that the latest TLS client offered by ALPN, such as {"h2", "http/1.1"}.
  std::vector<std::string> alpn_offered() const;

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace rhooks::testing

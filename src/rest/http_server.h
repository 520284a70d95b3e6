#pragma once

#include <rhooks/result.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rest/http_message.h"
#include "rest/tls_context.h"

namespace rhooks::rest {

// May block; runs on the handler pool, several at the same time.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// Must not wait: one thread runs it, for all requests.
using LaterHttpHandler = std::function<void(const HttpRequest&, Respond)>;

// What to do with a request whose head (all but the body) has arrived.
struct Admission {
  std::optional<HttpResponse> response;  // given: answered at once, without the handler
  std::size_t body_bytes_max = static_cast<std::size_t>(-1);  // a longer body is 413
  Work work = Work::kOne;        // kLater: for HttpServerOptions::handle_later
  const Route* route = nullptr;  // for who handles it, in HttpRequest::route
};

struct HttpServerOptions {
  std::string address = "127.0.0.1";      // an IP address, or "localhost"
  std::uint16_t port = 0;                 // 0: any free one; HttpServer::port() tells
  std::shared_ptr<const TlsContext> tls;  // null: plain HTTP
  int io_threads = 1;
  // Handlers may wait (for a disk, for a network), so there are more than cores. A quarter of them
  // is for Work::kMany, and those never take more.
  int handler_threads = 16;
  // Requests that wait for a handler thread; one more gets 503 and Retry-After. The clients of
  // different addresses take turns, and those of one have half of the places.
  std::size_t queue_max = 4096;

  // One more makes others end: those of an address that has more than half of them before all
  // others, and of these the ones that are longest idle. A connection that is new, or whose
  // request's head is not whole, counts as idle after head_patience, or a tenth of it for such an
  // address. Where none is, it waits in the kernel's queue.
  std::size_t connections_max = 10'000;
  std::chrono::milliseconds head_patience{1'000};
  std::size_t header_bytes_max = 64 * 1024;       // request line and headers; 431 past it
  std::size_t header_lines_max = 128;             // likewise; each costs memory of its own
  std::size_t body_bytes_max = 16 * 1024 * 1024;  // 413 past it
  // What arrived of long heads and of the bodies of all requests under way; what does not fit
  // gets 503. It bounds the memory that clients can claim, whatever their number. The clients of
  // one address get half of it, and the last eighth is for bodies of up to 64 KiB.
  std::size_t request_bytes_total_max = 256 * 1024 * 1024;
  // Likewise the responses that clients have not read yet. Where there is no room for another one
  // the request is not begun. One that turns out longer than it was taken for is refused to GET
  // and HEAD; what changed something is told.
  std::size_t response_bytes_total_max = 256 * 1024 * 1024;

  // For a handshake of TLS, from the connection on; from the first byte of a head to all of it.
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};  // for the whole body
  // So much of a body must arrive in every such time; 408 otherwise.
  std::size_t body_window_bytes_min = 4 * 1024;
  std::chrono::milliseconds body_window{5'000};
  std::chrono::milliseconds idle_timeout{60'000};   // between two requests of a connection
  std::chrono::milliseconds write_timeout{30'000};  // for a whole response
  std::chrono::milliseconds linger_timeout{2'000};  // for the client to read the last response

  // Called on a network thread when a head has arrived; it must not block. Without one every
  // request is admitted.
  std::function<Admission(const HttpRequest& head)> admit;
  // Handles the requests that are admitted as Work::kLater; needed where some are. So many are
  // begun and not answered, with bodies of so many bytes unless it is one alone; more of them wait,
  // and the clients of different addresses take turns.
  LaterHttpHandler handle_later;
  std::size_t unanswered_max = 512;
  std::size_t unanswered_bytes_max = 2 * 1024 * 1024;
  // Called for each response that the server itself gave (400, 408, 413, 431, 503, …), and with
  // 499 for each request whose client went away before it was begun.
  std::function<void(int status)> on_refusal;
  // Called with the number of connections that were ended to make room for others.
  std::function<void(std::size_t connections)> on_room_made;
  // Called for each handshake of TLS that failed or took too long.
  std::function<void()> on_handshake_failed;
};

// A bounded HTTP/1.1 server on Boost.Beast: it knows messages and limits, nothing else.
//
// Role: reads requests, runs the handler on a pool of its own, writes responses. Malformed,
// slow, oversized or ambiguous requests get a 4xx problem document and the connection is
// closed, and so does plain HTTP where TLS is spoken; an exception in a handler is a 500. HEAD is
// passed on; its response body is not sent. Threads: start() and stop() from one thread; the others
// from any. Blocking: start() and stop() only. Ownership: the handler must stay valid until stop()
// returned.
class HttpServer {
 public:
  HttpServer(HttpServerOptions options, HttpHandler handler);
  // Stops at once.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds and serves. Errors: kInvalidArgument (the address), kUnavailable (in use, no
  // permission); the message says what to do. A retry is safe. At most one success.
  Result<void> start();

  // Of the connections that come from now on; those that are open keep what they began with. Only
  // where the options had one. Threads: any.
  void set_tls(std::shared_ptr<const TlsContext> tls);

  // The port that is bound, 0 before start().
  std::uint16_t port() const;
  // "127.0.0.1:8090", "[::1]:8090".
  std::string endpoint() const;
  // Connections that are open now.
  std::size_t connections() const;

  // Accepts no more, closes idle connections, lets requests that have begun end for up to
  // `grace`, then closes what is left. It waits for handlers that still run after that and for
  // what is to be answered later, because they use what the caller owns. Idempotent.
  void stop(std::chrono::milliseconds grace);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rhooks::rest

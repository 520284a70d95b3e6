#pragma once

// Private to http_session*: it includes Boost.Asio.

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <utility>

#include "rest/tls_context.h"

namespace rhooks::rest {

using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Strand>;

// What a client sends and is sent: the bytes of a socket, or what TLS makes of them. Those who
// speak HTTP by it cannot tell which.
//
// Threads: on the socket's strand.
// Ownership: the socket outlives it.
class HttpStream {
 public:
  using Error = boost::system::error_code;

  explicit HttpStream(Socket& socket) : socket_(socket) {}

  // From now on its bytes are those of TLS. Calls done(error), as all of these do.
  template <typename Done>
  void shake_hands(const TlsContext& context, Done&& done) {
    tls_.emplace(socket_, context.new_connection());
    tls_->async_handshake(boost::asio::ssl::stream_base::server, std::forward<Done>(done));
  }

  // done(error, bytes)
  template <typename Buffers, typename Done>
  void read_some(const Buffers& buffers, Done&& done) {
    if (tls_) {
      tls_->async_read_some(buffers, std::forward<Done>(done));
    } else {
      socket_.async_read_some(buffers, std::forward<Done>(done));
    }
  }
  // Whether a read failed because the client sends no more. Whether it says so in TLS makes no
  // difference: HTTP tells whether something is missing.
  static bool is_end(const Error& error) {
    return error == boost::asio::error::eof || error == boost::asio::ssl::error::stream_truncated;
  }

  // Writes all of it; done(error, bytes).
  template <typename Buffers, typename Done>
  void write(const Buffers& buffers, Done&& done) {
    if (tls_) {
      boost::asio::async_write(*tls_, buffers, std::forward<Done>(done));
    } else {
      boost::asio::async_write(socket_, buffers, std::forward<Done>(done));
    }
  }

  // Tells the client that nothing more comes. What the client still sends is the socket's, to be
  // read and thrown away.
  template <typename Done>
  void end_sending(Done&& done) {
    if (!tls_) {
      done(shut_down());
      return;
    }
    // Whether the client says its end as well does not matter; this side's is sent before.
    tls_->async_shutdown(
        [this, done = std::forward<Done>(done)](const Error&) mutable { done(shut_down()); });
  }

 private:
  Error shut_down() {
    Error error;
    socket_.shutdown(Socket::shutdown_send, error);
    return error;
  }

  Socket& socket_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
};

}  // namespace rhooks::rest

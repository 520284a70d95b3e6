// How a connection comes to speak TLS.

#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "observe/logging.h"
#include "rest/http_session.h"

namespace rhooks::rest {

using boost::system::error_code;

namespace {

// The type of the record that a client begins with (RFC 8446 section 5.1). No method of HTTP begins
// with it.
constexpr unsigned char kHandshakeRecord = 22;

}  // namespace

// Only what sends something is given the memory that TLS takes.
void HttpSession::await_hello() {
  phase_ = Phase::kHandshake;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& ec) {
    if (self->phase_ == Phase::kClosed) return;
    if (ec) {
      self->close();
    } else {
      self->shake_hands();
    }
  });
}

void HttpSession::shake_hands() {
  unsigned char first = 0;
  const ssize_t got = ::recv(descriptor_, &first, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) {
    await_hello();
    return;
  }
  if (got <= 0) {
    close();
    return;
  }
  if (first != kHandshakeRecord) {
    refuse(400, "this port speaks TLS: the URL has to begin with https://");
    return;
  }
  stream_.shake_hands(*tls_, [self = shared_from_this()](const error_code& ec) {
    if (self->phase_ != Phase::kClosed) self->on_handshake(ec);
  });
  tls_.reset();
}

void HttpSession::on_handshake(const error_code& ec) {
  if (ec) {
    handshake_failed(ec.message());
    return;
  }
  phase_ = Phase::kIdle;
  set_deadline(state_.options.header_timeout);
  read();
}

void HttpSession::handshake_failed(const std::string& why) {
  log::debug("no TLS with a client", {{"peer", address_}, {"reason", why}});
  if (state_.options.on_handshake_failed) state_.options.on_handshake_failed();
  close();
}

}  // namespace rhooks::rest

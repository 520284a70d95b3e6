#include "rest/http_session.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/write.hpp>
#include <string>

#include "observe/logging.h"
#include "rest/http_refusals.h"

namespace rhooks::rest {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

// What one read may bring. An idle connection holds one such buffer and no more.
constexpr std::size_t kReadBytes = 4 * 1024;
constexpr std::size_t kBodyReadBytes = 64 * 1024;
// A chunk's size line with its extensions, and all trailers together.
constexpr std::size_t kChunkLineBytesMax = 16 * 1024;

// A line break in a header would let its value end the head. Handlers write headers from
// fixed text, so this is a defect; the response goes out without the header.
bool header_is_clean(const Header& header) {
  return header.name.find_first_of("\r\n") == std::string::npos &&
         header.value.find_first_of("\r\n") == std::string::npos;
}

HttpResponse run_handler(const HttpHandler& handler, const HttpRequest& request) {
  try {
    return handler(request);
  } catch (const std::exception& e) {
    log::error("request handler failed", {{"method", request.method}, {"error", e.what()}});
  } catch (...) {
    log::error("request handler failed", {{"method", request.method}, {"error", "unknown"}});
  }
  return problem(500, ErrorCode::kInternal,
                 "the server failed to handle this request; its log says more");
}

}  // namespace

HttpSession::HttpSession(ServerState& state, Socket socket)
    : state_(state), socket_(std::move(socket)), timer_(socket_.get_executor()) {
  error_code ec;
  const auto remote = socket_.remote_endpoint(ec);
  if (!ec) {
    peer_ = remote.address().is_v6()
                ? "[" + remote.address().to_string() + "]:" + std::to_string(remote.port())
                : remote.address().to_string() + ":" + std::to_string(remote.port());
  }
}

HttpSession::~HttpSession() {
  if (reserved_ > 0) state_.body_bytes.fetch_sub(reserved_);
  unregister();
}

void HttpSession::unregister() {
  if (!registered_) return;
  registered_ = false;
  {
    std::lock_guard lock(state_.mutex);
    state_.sessions.erase(this);
    // Under the lock: the waiter may destroy the state once it sees the last session gone.
    state_.changed.notify_all();
  }
  if (state_.on_session_end) state_.on_session_end();
}

void HttpSession::start() {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  set_deadline(state_.options.header_timeout);
  read();
}

void HttpSession::drain() {
  draining_ = true;
  keep_alive_ = false;
  // A response that is being lingered over must reach its client.
  if (phase_ == Phase::kIdle) close();
}

void HttpSession::close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
  unregister();
}

void HttpSession::read() {
  const std::size_t wanted = phase_ == Phase::kBody ? kBodyReadBytes : kReadBytes;
  socket_.async_read_some(buffer_.prepare(wanted),
                          [self = shared_from_this()](const error_code& ec, std::size_t bytes) {
                            self->on_read(ec, bytes);
                          });
}

void HttpSession::on_read(const error_code& ec, std::size_t bytes) {
  if (phase_ == Phase::kClosed) return;
  if (timed_out_) {
    refuse(408, phase_ == Phase::kBody ? "the body did not arrive in time"
                                       : "the request line and headers did not arrive in time");
    return;
  }
  if (ec == asio::error::eof && (phase_ == Phase::kHead || phase_ == Phase::kBody)) {
    // The client may have closed only its sending side, and still wants to know.
    refuse(400, phase_ == Phase::kBody ? "the connection ended before the whole body arrived"
                                       : "the connection ended within the request's head");
    return;
  }
  if (ec) {
    close();
    return;
  }
  buffer_.commit(bytes);
  consume();
}

void HttpSession::consume() {
  if (phase_ == Phase::kIdle) {
    // RFC 9112 section 2.2: empty lines before a request are ignored.
    while (buffer_.size() > 0) {
      const char c = *static_cast<const char*>(buffer_.cdata().data());
      if (c != '\r' && c != '\n') break;
      buffer_.consume(1);
    }
    if (buffer_.size() == 0) {
      read();
      return;
    }
    phase_ = Phase::kHead;
    first_ = false;
    head_bytes_ = 0;
    continued_ = false;
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(state_.options.header_bytes_max));
    parser_->body_limit(boost::none);  // on_head() knows it
    set_deadline(state_.options.header_timeout);
  }
  if (phase_ == Phase::kHead && !consume_head()) return;

  error_code ec;
  while (!parser_->is_done()) {
    if (buffer_.size() == 0) {
      read();
      return;
    }
    buffer_.consume(parser_->put(buffer_.cdata(), ec));
    if (ec == http::error::need_more) {
      if (buffer_.size() > kChunkLineBytesMax) {
        refuse(400, "a chunk's size line or the trailers are too long");
        return;
      }
      read();
      return;
    }
    if (ec) {
      on_body_error(ec);
      return;
    }
  }
  dispatch();
}

bool HttpSession::consume_head() {
  error_code ec;
  const std::size_t used = parser_->put(buffer_.cdata(), ec);
  buffer_.consume(used);
  head_bytes_ += used;
  // The parser takes whole fields as they come, so it does not see the sum.
  const bool complete = !ec && parser_->is_header_done();
  if (head_bytes_ + (complete ? 0 : buffer_.size()) > state_.options.header_bytes_max) {
    ec = http::error::header_limit;
  }
  if (ec == http::error::need_more) {
    read();
    return false;
  }
  if (ec) {
    const Refusal refusal = refusal_of(ec);
    refuse(refusal.status, refusal.detail);
    return false;
  }
  return on_head();
}

bool HttpSession::on_head() {
  auto& message = parser_->get();
  request_ = HttpRequest{};
  request_.received_at = std::chrono::steady_clock::now();
  request_.method = std::string(message.method_string());
  request_.target = std::string(message.target());
  request_.peer = peer_;
  head_only_ = message.method() == http::verb::head;
  keep_alive_ = parser_->keep_alive() && !draining_ && !state_.stopping.load();

  int hosts = 0;
  int encodings = 0;
  for (const auto& field : message) {
    hosts += field.name() == http::field::host;
    encodings += field.name() == http::field::transfer_encoding;
    request_.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  }
  if (hosts > 1 || (hosts == 0 && message.version() == 11)) {
    refuse(400, "a request needs exactly one Host header");
    return false;
  }
  // RFC 9112 section 6.3: where a body's end can not be told, a smuggled request may follow.
  if (encodings > 0 && (message.version() == 10 || !parser_->chunked())) {
    refuse(400, "the Transfer-Encoding does not end in chunked, or the version is HTTP/1.0");
    return false;
  }
  if (encodings > 1 ||
      (encodings == 1 && !iequals(*request_.header("Transfer-Encoding"), "chunked"))) {
    refuse(501, "the only Transfer-Encoding supported is chunked");
    return false;
  }
  const std::string* expect = request_.header("Expect");
  const bool wants_continue = expect && iequals(*expect, "100-continue");
  if (expect && !wants_continue) {
    refuse(417, "the only expectation supported is 100-continue");
    return false;
  }
  if (auto parsed = parse_target(request_); !parsed) {
    refuse(400, parsed.error().message);
    return false;
  }

  const bool chunked = parser_->chunked();
  const std::uint64_t length = parser_->content_length().value_or(0);
  Admission admission;
  if (state_.options.admit) {
    try {
      admission = state_.options.admit(request_);
    } catch (const std::exception& e) {
      log::error("admission of a request failed", {{"error", e.what()}});
      admission.response = problem(500, ErrorCode::kInternal, "the server failed on this request");
    }
  }
  if (admission.response) {
    // The body is not read, so the next request can not be found.
    if (chunked || length > 0) keep_alive_ = false;
    respond(std::move(*admission.response));
    return false;
  }
  const std::size_t limit = std::min(admission.body_bytes_max, state_.options.body_bytes_max);
  if (length > limit) {
    refuse(413, "the body has " + std::to_string(length) + " bytes; at most " +
                    std::to_string(limit) + " are accepted here");
    return false;
  }
  const std::size_t wanted = chunked ? limit : static_cast<std::size_t>(length);
  if (wanted > 0) {
    if (state_.body_bytes.fetch_add(wanted) + wanted > state_.options.body_bytes_total_max) {
      state_.body_bytes.fetch_sub(wanted);
      refuse(503, "the bodies of other requests use the memory set aside; try again",
             ErrorCode::kOverloaded);
      return false;
    }
    reserved_ = wanted;
  }
  parser_->body_limit(static_cast<std::uint64_t>(limit));
  parser_->eager(true);
  phase_ = Phase::kBody;
  if (parser_->is_done()) return true;
  set_deadline(state_.options.body_timeout);
  if (wants_continue && message.version() == 11 && buffer_.size() == 0) {
    send_continue();
    return false;
  }
  return true;
}

void HttpSession::send_continue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(socket_, asio::buffer(kContinue.data(), kContinue.size()),
                    [self = shared_from_this()](const error_code& ec, std::size_t) {
                      if (self->phase_ == Phase::kClosed) return;
                      if (ec || self->timed_out_) {
                        self->close();
                        return;
                      }
                      self->consume();
                    });
}

void HttpSession::on_body_error(const error_code& ec) {
  const Refusal refusal = refusal_of(ec);
  refuse(refusal.status, refusal.detail);
}

void HttpSession::dispatch() {
  request_.body = std::move(parser_->get().body());
  parser_.reset();
  phase_ = Phase::kHandler;
  clear_deadline();
  const auto& options = state_.options;
  const std::size_t bound =
      options.queue_max + static_cast<std::size_t>(std::max(1, options.handler_threads));
  if (state_.queued.fetch_add(1) >= bound) {
    state_.queued.fetch_sub(1);
    if (options.on_refusal) options.on_refusal(503);
    HttpResponse response = problem(503, ErrorCode::kOverloaded,
                                    "too many requests are waiting; try again in a second");
    response.headers.push_back({"Retry-After", "1"});
    respond(std::move(response));
    return;
  }
  asio::post(*state_.pool, [self = shared_from_this()]() mutable {
    HttpResponse response = run_handler(self->state_.handler, self->request_);
    self->state_.queued.fetch_sub(1);
    // The session moves along: a pool thread that dropped the last reference would close the
    // socket off its strand.
    auto& session = *self;
    asio::post(session.strand(),
               [self = std::move(self), response = std::move(response)]() mutable {
                 self->respond(std::move(response));
               });
  });
}

void HttpSession::refuse(int status, std::string_view detail, ErrorCode code) {
  log::debug("request refused",
             {{"peer", peer_}, {"status", std::int64_t{status}}, {"detail", std::string(detail)}});
  keep_alive_ = false;
  if (state_.options.on_refusal) state_.options.on_refusal(status);
  HttpResponse response = problem(status, code, detail);
  if (status == 503) response.headers.push_back({"Retry-After", "1"});
  respond(std::move(response));
}

void HttpSession::respond(HttpResponse response) {
  if (phase_ == Phase::kClosed) return;
  if (draining_ || state_.stopping.load()) keep_alive_ = false;
  phase_ = Phase::kWrite;
  timed_out_ = false;
  set_deadline(state_.options.write_timeout);

  const bool may_have_body =
      response.status >= 200 && response.status != 204 && response.status != 304;
  response_.emplace();
  response_->result(static_cast<unsigned>(response.status));
  response_->version(11);
  response_->set(http::field::server, "rhooks");
  response_->set(http::field::date, http_date());
  if (!response.content_type.empty()) {
    response_->set(http::field::content_type, response.content_type);
  }
  for (const Header& header : response.headers) {
    if (!header_is_clean(header)) {
      log::error("response header with a line break dropped",
                 {{"status", std::int64_t{response.status}}});
      continue;
    }
    response_->insert(header.name, header.value);
  }
  response_->set(http::field::connection, keep_alive_ ? "keep-alive" : "close");
  if (may_have_body) {
    response_->body() = std::move(response.body);
    response_->content_length(response_->body().size());
  }
  serializer_.emplace(*response_);
  const auto done = [self = shared_from_this()](const error_code& ec, std::size_t) {
    self->on_written(ec);
  };
  if (head_only_) {
    http::async_write_header(socket_, *serializer_, done);
  } else {
    http::async_write(socket_, *serializer_, done);
  }
}

void HttpSession::on_written(const error_code& ec) {
  if (phase_ == Phase::kClosed) return;
  end_of_request();
  if (ec) {
    close();
  } else if (!keep_alive_) {
    linger();
  } else {
    phase_ = Phase::kIdle;
    set_deadline(state_.options.idle_timeout);
    consume();  // a pipelined request may be here already
  }
}

void HttpSession::end_of_request() {
  serializer_.reset();
  response_.reset();
  parser_.reset();
  request_ = HttpRequest{};
  head_only_ = false;
  if (reserved_ > 0) state_.body_bytes.fetch_sub(reserved_);
  reserved_ = 0;
  // A long body leaves a large buffer behind; an idle connection is not to keep it.
  if (buffer_.capacity() > 4 * kReadBytes) buffer_.shrink_to_fit();
}

// Closing a socket with unread input makes the kernel send a reset, which can overtake the
// response. So the sending side is closed first, and input is thrown away for a short while.
void HttpSession::linger() {
  if (phase_ != Phase::kLinger) {
    phase_ = Phase::kLinger;
    set_deadline(state_.options.linger_timeout);
    error_code ec;
    socket_.shutdown(Socket::shutdown_send, ec);
    if (ec) {
      close();
      return;
    }
  }
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](const error_code& ec, std::size_t) {
                            if (self->phase_ == Phase::kClosed) return;
                            if (ec) {
                              self->close();
                            } else {
                              self->linger();
                            }
                          });
}

// Deadlines move with every request, but a timer is only set anew when it would ring too
// late: one that rings early looks at the deadline and sleeps on.
void HttpSession::set_deadline(std::chrono::milliseconds after) {
  deadline_ = std::chrono::steady_clock::now() + after;
  if (deadline_ < armed_for_) arm(deadline_);
}

void HttpSession::arm(SteadyTime at) {
  armed_for_ = at;
  timer_.expires_at(at);
  timer_.async_wait([self = shared_from_this()](const error_code& ec) {
    if (ec || self->phase_ == Phase::kClosed) return;
    self->on_timer();
  });
}

void HttpSession::on_timer() {
  armed_for_ = SteadyTime::max();
  if (std::chrono::steady_clock::now() < deadline_) {
    if (deadline_ != SteadyTime::max()) arm(deadline_);
    return;
  }
  switch (phase_) {
    case Phase::kHead:
    case Phase::kBody: {
      // The read ends with an error, and its handler answers 408.
      timed_out_ = true;
      clear_deadline();
      error_code ignored;
      socket_.cancel(ignored);
      break;
    }
    case Phase::kIdle:
    case Phase::kWrite:
    case Phase::kLinger:
      close();
      break;
    case Phase::kHandler:
    case Phase::kClosed:
      break;
  }
}

}  // namespace rhooks::rest

#include "rest/http_session.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/dispatch.hpp>
#include <boost/beast/http/status.hpp>
#include <new>
#include <string>

#include "observe/logging.h"
#include "rest/http_refusals.h"

namespace rhooks::rest {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

// What is set aside for a response before its request is begun.
constexpr std::size_t kResponseBytesOfOne = 64 * 1024;
constexpr std::size_t kResponseBytesOfMany = 1024 * 1024;

// Of what the kernel has not sent yet it takes no more than this from us, so that a response which
// nobody reads stays where it is counted. What is under way is not bounded by it, and so the speed
// is not.
constexpr int kUnsentBytesMax = 32 * 1024;

// Up to here a body is written along with its head: TLS makes a record of each piece that it is
// given.
constexpr std::size_t kShortBodyBytes = 8 * 1024;

// Requests that waited longer are asked whether their clients still do.
constexpr std::chrono::milliseconds kLongWait{20};

// A line break in a header would let its value end the head. Handlers write headers from
// fixed text, so this is a defect; the response goes out without the header.
bool header_is_clean(const Header& header) {
  return header.name.find_first_of("\r\n") == std::string::npos &&
         header.value.find_first_of("\r\n") == std::string::npos;
}

bool may_have_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

// To assign an empty string keeps the memory of the one that was there.
template <typename T>
void free_memory(T& value) {
  const T freed = std::move(value);
  value = T{};
}

HttpResponse overloaded(std::string_view detail) {
  HttpResponse response = problem(503, ErrorCode::kOverloaded, detail);
  response.headers.push_back({"Retry-After", "1"});
  return response;
}

constexpr std::string_view kNoRoomForResponse =
    "the responses of others use the memory set aside; try again";

}  // namespace

HttpResponse handler_failed() {
  std::string error = "unknown";
  try {
    throw;
  } catch (const std::bad_alloc&) {
    log::error("there is no memory left for a request", {});
    HttpResponse response =
        problem(503, ErrorCode::kUnknownOutcome,
                "there was no memory left for this request; it is not known whether it was carried "
                "out");
    response.headers.push_back({"Retry-After", "1"});
    return response;
  } catch (const std::exception& e) {
    error = e.what();
  } catch (...) {  // what it is cannot be told
  }
  log::error("request handler failed", {{"error", error}});
  return problem(500, ErrorCode::kInternal,
                 "the server failed to handle this request; its log says more");
}

void connection_failed(const std::exception& e) noexcept {
  try {
    log::error("a connection failed", {{"error", e.what()}});
  } catch (const std::bad_alloc&) {  // then it goes unsaid
  }
}

HttpSession::HttpSession(ServerState& state, Socket socket, const asio::ip::tcp::endpoint& remote)
    : state_(state),
      peer_(state.peers.of(remote.address())),
      socket_(std::move(socket)),
      descriptor_(socket_.native_handle()),
      timer_(socket_.get_executor()),
      request_share_(state.request_bytes, peer_->request_bytes),
      response_share_(state.response_bytes, peer_->response_bytes) {
  ++peer_->connections;
  const std::string address = remote.address().to_string();
  address_ = (remote.address().is_v6() ? "[" + address + "]" : address) + ":" +
             std::to_string(remote.port());
  MutexLock lock(state.mutex);
  tls_ = state.tls;
}

HttpSession::~HttpSession() {
  // First: once the last session is gone the state may be, too.
  leave_place();
  request_share_.release();
  response_share_.release();
  --peer_->connections;
  peer_.reset();
  unregister();
}

void HttpSession::unregister() {
  if (!registered_) return;
  registered_ = false;
  {
    MutexLock lock(state_.mutex);
    state_.sessions.erase(this);
    // Under the lock: the waiter may destroy the state once it sees the last session gone.
    state_.changed.notify_all();
  }
  if (state_.on_session_end) state_.on_session_end();
}

void HttpSession::start() {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsentBytesMax,
               sizeof kUnsentBytesMax);
  become_idle(state_.options.header_timeout);
  // A client that has only just connected is about to send.
  wait_since(waits_since(), true);
  if (tls_) {
    await_hello();
  } else {
    read();
  }
}

void HttpSession::become_idle(std::chrono::milliseconds timeout) {
  phase_ = Phase::kIdle;
  wait_since(std::chrono::steady_clock::now(), false);
  set_deadline(timeout);
}

void HttpSession::wait_since(SteadyTime since, bool in_head) {
  in_head_ = in_head;
  waits_since_ = since.time_since_epoch().count();
}

void HttpSession::make_room(SteadyTime since) {
  if (since != waits_since() || since == SteadyTime::max()) return;
  // What has arrived and was not read yet is no client that says nothing: this server is late.
  error_code ignored;
  if (socket_.available(ignored) > 0) return;
  close();
}

void HttpSession::drain() {
  draining_ = true;
  keep_alive_ = false;
  // A response that is being lingered over must reach its client.
  if (phase_ == Phase::kHandshake || phase_ == Phase::kIdle) close();
}

void HttpSession::close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  closed_ = true;  // before its descriptor may become another's
  error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
  unregister();
}

void HttpSession::dispatch() {
  request_.body = std::move(parser_->get().body());
  parser_.reset();
  phase_ = Phase::kHandler;
  clear_deadline();
  if (!take_place()) {
    if (state_.options.on_refusal) state_.options.on_refusal(503);
    respond(overloaded("too many requests are waiting; try again in a second"));
  } else {
    state_.queue.add(shared_from_this(), work_);
  }
}

// Among the requests that are handled or wait for it.
bool HttpSession::take_place() {
  const std::size_t places = state_.options.queue_max +
                             static_cast<std::size_t>(std::max(1, state_.options.handler_threads));
  if (state_.queued.fetch_add(1) < places) {
    if (peer_->requests.fetch_add(1) < places / 2 + 1) {
      placed_ = true;
      return true;
    }
    --peer_->requests;
  }
  --state_.queued;
  return false;
}

void HttpSession::leave_place() {
  if (!placed_) return;
  placed_ = false;
  --peer_->requests;
  --state_.queued;
}

bool HttpSession::client_is_gone() const {
  // In this order: as long as it is not closed, the descriptor is this socket's.
  pollfd socket{descriptor_, 0, 0};
  const bool reset = ::poll(&socket, 1, 0) == 1 && (socket.revents & (POLLERR | POLLHUP)) != 0;
  return reset || closed_;
}

std::optional<HttpResponse> HttpSession::begin_work() {
  const auto& refused = state_.options.on_refusal;
  if (std::chrono::steady_clock::now() - request_.received_at > kLongWait && client_is_gone()) {
    if (refused) refused(499);
    return HttpResponse{.status = 503, .content_type = {}, .headers = {}, .body = {}};
  }
  if (response_share_.resize(work_ == Work::kMany ? kResponseBytesOfMany : kResponseBytesOfOne)) {
    return std::nullopt;
  }
  if (refused) refused(503);
  return overloaded(kNoRoomForResponse);
}

void HttpSession::end_work(HttpResponse response) {
  leave_place();
  const bool reads = request_.method == "GET" || request_.method == "HEAD";
  if (!response_share_.resize(response.body.size())) {
    if (reads && response.status < 400) {
      if (state_.options.on_refusal) state_.options.on_refusal(503);
      response = overloaded(kNoRoomForResponse);
    }
    response_share_.hold(response.body.size());
  }
  response_ = std::move(response);
}

void HttpSession::end_work_without_memory() noexcept {
  leave_place();
  response_ = HttpResponse{.status = 503, .content_type = {}, .headers = {}, .body = {}};
}

void HttpSession::refuse(int status, std::string_view detail, ErrorCode code) {
  log::debug(
      "request refused",
      {{"peer", address_}, {"status", std::int64_t{status}}, {"detail", std::string(detail)}});
  keep_alive_ = false;
  wait_since(SteadyTime::max(), false);  // it is to be told
  // What arrived is of no more use, and its client may be slow to read why.
  parser_.reset();
  request_share_.release();
  if (state_.options.on_refusal) state_.options.on_refusal(status);
  respond(status == 503 ? overloaded(detail) : problem(status, code, detail));
}

void HttpSession::refuse_overload(std::string_view detail) {
  refuse(503, detail, ErrorCode::kOverloaded);
}

void HttpSession::respond(HttpResponse response) {
  response_share_.hold(response.body.size());
  response_ = std::move(response);
  respond();
}

void HttpSession::respond_soon(std::shared_ptr<HttpSession> session) {
  const auto strand = session->strand();
  try {
    asio::dispatch(strand, [session] { session->respond(); });
  } catch (const std::exception& e) {
    // It is gone, the others go on. Its client is told, though the timer may hold it for a while.
    ::shutdown(session->descriptor_, SHUT_RDWR);
    connection_failed(e);
  }
}

void HttpSession::respond() {
  if (phase_ == Phase::kClosed) return;
  if (draining_ || state_.stopping.load() || state_.crowded.load()) keep_alive_ = false;
  phase_ = Phase::kWrite;
  timed_out_ = false;
  set_deadline(state_.options.write_timeout);

  write_head(response_);
  if (!may_have_body(response_.status) || head_only_) free_memory(response_.body);
  if (response_.body.size() <= kShortBodyBytes) {
    response_head_ += response_.body;
    free_memory(response_.body);
  }
  const std::array<asio::const_buffer, 2> parts{asio::buffer(response_head_),
                                                asio::buffer(response_.body)};
  stream_.write(parts, [self = shared_from_this()](const error_code& ec, std::size_t) {
    self->on_written(ec);
  });
}

void HttpSession::write_head(const HttpResponse& response) {
  std::string& head = response_head_;
  const auto line = [&head](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head += http::obsolete_reason(http::int_to_status(static_cast<unsigned>(response.status)));
  head += "\r\n";
  line("Server", "rhooks");
  line("Date", http_date());
  // What a receiver answered is shown within JSON: no browser is to take it for a page.
  line("X-Content-Type-Options", "nosniff");
  if (!response.content_type.empty()) line("Content-Type", response.content_type);
  for (const Header& header : response.headers) {
    if (header_is_clean(header)) {
      line(header.name, header.value);
    } else {
      log::error("response header with a line break dropped",
                 {{"status", std::int64_t{response.status}}});
    }
  }
  line("Connection", keep_alive_ ? "keep-alive" : "close");
  if (may_have_body(response.status)) {
    line("Content-Length", std::to_string(response.body.size()));
  }
  head += "\r\n";
}

void HttpSession::on_written(const error_code& ec) {
  if (phase_ == Phase::kClosed) return;
  end_of_request();
  if (ec) {
    close();
  } else if (!keep_alive_) {
    linger();
  } else {
    become_idle(state_.options.idle_timeout);
    consume();  // a pipelined request may be here already
  }
}

void HttpSession::end_of_request() {
  response_head_.clear();
  free_memory(response_);
  parser_.reset();
  free_memory(request_);
  head_only_ = false;
  request_share_.release();
  response_share_.release();
  // A long body leaves a large buffer behind; an idle connection is not to keep it.
  if (buffer_.capacity() > 4 * kReadBytes) buffer_.shrink_to_fit();
}

// Closing a socket with unread input makes the kernel send a reset, which can overtake the
// response. So the sending side is closed first, and input is thrown away for a short while.
void HttpSession::linger() {
  phase_ = Phase::kLinger;
  set_deadline(state_.options.linger_timeout);
  stream_.end_sending([self = shared_from_this()](const error_code& ec) {
    if (self->phase_ == Phase::kClosed) return;
    if (ec) {
      self->close();
    } else {
      self->discard();
    }
  });
}

void HttpSession::discard() {
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](const error_code& ec, std::size_t) {
                            if (self->phase_ == Phase::kClosed) return;
                            if (ec) {
                              self->close();
                            } else {
                              self->discard();
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
    case Phase::kBody:
      if (!timed_out_ && body_goes_on()) break;
      [[fallthrough]];
    case Phase::kHead: {
      if (timed_out_) {
        close();
        break;
      }
      // The read ends with an error, and its handler answers 408. Over TLS it may not: it is many
      // reads of the socket, and between two of them there is none to cancel.
      timed_out_ = true;
      set_deadline(state_.options.linger_timeout);
      error_code ignored;
      socket_.cancel(ignored);
      break;
    }
    case Phase::kHandshake:
      handshake_failed("it took too long");
      break;
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

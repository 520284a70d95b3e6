// How a session takes a request in: from bytes to a head, an admission and a body.

#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <new>
#include <string>

#include "base/ascii.h"
#include "observe/logging.h"
#include "rest/http_refusals.h"
#include "rest/http_session.h"

namespace rhooks::rest {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t kBodyReadBytes = 64 * 1024;
// A chunk's size line with its extensions, and all trailers together.
constexpr std::size_t kChunkLineBytesMax = 16 * 1024;
// The shortest end of a chunked body, "0\r\n\r\n".
constexpr std::size_t kChunkedEndBytes = 5;
// Heads up to here are so small that their number alone bounds them.
constexpr std::size_t kSmallHeadBytes = 8 * 1024;

// Whether a field goes on in the next line (RFC 9112 section 5.2).
bool is_folded(std::string_view fields) {
  return fields.find("\n ") != std::string_view::npos ||
         fields.find("\n\t") != std::string_view::npos;
}

constexpr std::string_view kNoMemory = "the requests of others use the memory set aside; try again";

}  // namespace

void HttpSession::read() {
  const std::size_t wanted = phase_ == Phase::kBody ? kBodyReadBytes : kReadBytes;
  stream_.read_some(buffer_.prepare(wanted),
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
  if (HttpStream::is_end(ec) && (phase_ == Phase::kHead || phase_ == Phase::kBody)) {
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
  window_bytes_ += bytes;
  try {
    consume();
  } catch (const std::bad_alloc&) {
    if (phase_ != Phase::kHead && phase_ != Phase::kBody) throw;
    refuse_overload("there is no memory left for this request; try again");
  }
}

// Whether enough of the body arrived in the window that is over; then another one begins.
bool HttpSession::body_goes_on() {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now >= body_until_ || window_bytes_ < state_.options.body_window_bytes_min) return false;
  window_bytes_ = 0;
  set_deadline(std::min(state_.options.body_window,
                        std::chrono::ceil<std::chrono::milliseconds>(body_until_ - now)));
  return true;
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
    wait_since(std::chrono::steady_clock::now(), true);
    head_bytes_ = 0;
    head_lines_ = 0;
    body_bytes_wanted_ = 0;
    continued_ = false;
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(state_.options.header_bytes_max));
    parser_->body_limit(boost::none);  // on_head() knows it
    parser_->on_chunk_header(on_chunk_);
    set_deadline(state_.options.header_timeout);
  }
  if (phase_ == Phase::kHead && !consume_head()) return;

  error_code ec;
  while (!parser_->is_done()) {
    if (buffer_.size() == 0 || buffer_.size() < body_bytes_wanted_) {
      read();
      return;
    }
    body_bytes_wanted_ = 0;
    buffer_.consume(parser_->put(buffer_.cdata(), ec));
    if (!request_share_.resize(head_bytes_ + parser_->get().body().size())) {
      refuse_overload(kNoMemory);
      return;
    }
    if (ec == http::error::need_more) {
      // Beast 1.81 asserts so many where it looks at the last chunk a second time.
      body_bytes_wanted_ = kChunkedEndBytes;
      if (buffer_.size() > kChunkLineBytesMax) {
        refuse(400, "a chunk's size line or the trailers are too long");
        return;
      }
      read();
      return;
    }
    if (ec) {
      const Refusal refusal = refusal_of(ec);
      refuse(refusal.status, refusal.detail);
      return;
    }
  }
  dispatch();
}

// Of the last chunk, whose extensions stand in the buffer before the trailers. All of these are
// there: the parser waits for their end.
void HttpSession::check_trailers(std::string_view extensions, error_code& ec) {
  const char* const end = static_cast<const char*>(buffer_.cdata().data()) + buffer_.size();
  const std::string_view rest(extensions.data(), static_cast<std::size_t>(end - extensions.data()));
  if (is_folded(rest.substr(0, rest.find("\r\n\r\n")))) ec = http::error::bad_field;
}

bool HttpSession::consume_head() {
  error_code ec;
  const std::size_t used = parser_->put(buffer_.cdata(), ec);
  const std::string_view taken(static_cast<const char*>(buffer_.cdata().data()), used);
  head_lines_ += static_cast<std::size_t>(std::count(taken.begin(), taken.end(), '\n'));
  // Fields are taken whole, so a folded one stands in here with all its lines.
  const bool folded = is_folded(taken);
  buffer_.consume(used);
  head_bytes_ += used;
  // The parser takes whole fields as they come, so it does not see the sum.
  const bool complete = !ec && parser_->is_header_done();
  if (head_bytes_ + (complete ? 0 : buffer_.size()) > state_.options.header_bytes_max) {
    ec = http::error::header_limit;
  }
  if (head_lines_ > state_.options.header_lines_max) {
    refuse(431, "the request has more than " + std::to_string(state_.options.header_lines_max) +
                    " header lines");
    return false;
  }
  // RFC 9112 section 5.2 leaves the choice. To some proxies the second line is a header of its
  // own, such as a Content-Length, and then they see another request than this server does.
  if (folded) {
    refuse(400, "a header goes on over several lines; write it in one");
    return false;
  }
  if (ec && ec != http::error::need_more) {
    const Refusal refusal = refusal_of(ec);
    refuse(refusal.status, refusal.detail);
    return false;
  }
  const std::size_t held = head_bytes_ + buffer_.size();
  if (held > kSmallHeadBytes && !request_share_.resize(held)) {
    refuse_overload(kNoMemory);
    return false;
  }
  if (!complete) {
    read();
    return false;
  }
  return on_head();
}

bool HttpSession::on_head() {
  wait_since(SteadyTime::max(), false);
  auto& message = parser_->get();
  request_ = HttpRequest{};
  request_.received_at = std::chrono::steady_clock::now();
  request_.method = std::string(message.method_string());
  request_.target = std::string(message.target());
  request_.peer = address_;
  head_only_ = message.method() == http::verb::head;
  keep_alive_ = parser_->keep_alive() && !draining_ && !state_.stopping.load();

  for (const auto& field : message) {
    request_.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  }
  if (!check_framing()) return false;
  const std::string* expect = request_.header("Expect");
  const bool wants_continue = expect && equal_in_any_case(*expect, "100-continue");
  if (expect && !wants_continue) {
    refuse(417, "the only expectation supported is 100-continue");
    return false;
  }
  if (auto parsed = parse_target(request_); !parsed) {
    refuse(400, parsed.error().message);
    return false;
  }

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
    // The body is not read, so the next request cannot be found.
    if (!parser_->is_done()) keep_alive_ = false;
    respond(std::move(*admission.response));
    return false;
  }
  work_ = admission.work;
  request_.route = admission.route;
  if (!admit_body(admission)) return false;
  phase_ = Phase::kBody;
  if (parser_->is_done()) return true;
  window_bytes_ = 0;
  body_until_ = std::chrono::steady_clock::now() + state_.options.body_timeout;
  set_deadline(std::min(state_.options.body_window, state_.options.body_timeout));
  if (wants_continue && message.version() == 11 && buffer_.size() == 0) {
    send_continue();
    return false;
  }
  return true;
}

bool HttpSession::check_framing() {
  int hosts = 0;
  int encodings = 0;
  const auto& message = parser_->get();
  for (const auto& field : message) {
    hosts += field.name() == http::field::host;
    encodings += field.name() == http::field::transfer_encoding;
  }
  if (hosts > 1 || (hosts == 0 && message.version() == 11)) {
    refuse(400, "a request needs exactly one Host header");
    return false;
  }
  // RFC 9112 section 6.3: where a body's end cannot be told, a smuggled request may follow.
  if (encodings > 0 && (message.version() == 10 || !parser_->chunked())) {
    refuse(400, "the Transfer-Encoding does not end in chunked, or the version is HTTP/1.0");
    return false;
  }
  if (encodings > 1 ||
      (encodings == 1 && !equal_in_any_case(*request_.header("Transfer-Encoding"), "chunked"))) {
    refuse(501, "the only Transfer-Encoding supported is chunked");
    return false;
  }
  return true;
}

bool HttpSession::admit_body(const Admission& admission) {
  const std::size_t limit = std::min(admission.body_bytes_max, state_.options.body_bytes_max);
  const std::uint64_t length = parser_->content_length().value_or(0);
  if (length > limit) {
    refuse(413, "the body has " + std::to_string(length) + " bytes; at most " +
                    std::to_string(limit) + " are accepted here");
    return false;
  }
  // Better now than in the middle; what really arrives is counted as it does.
  if (!request_share_.fits(static_cast<std::size_t>(length))) {
    refuse_overload(kNoMemory);
    return false;
  }
  parser_->body_limit(static_cast<std::uint64_t>(limit));
  parser_->eager(true);
  return true;
}

void HttpSession::send_continue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  stream_.write(asio::buffer(kContinue.data(), kContinue.size()),
                [self = shared_from_this()](const error_code& ec, std::size_t) {
                  if (self->phase_ == Phase::kClosed) return;
                  if (ec || self->timed_out_) {
                    self->close();
                    return;
                  }
                  self->consume();
                });
}

}  // namespace rhooks::rest

#pragma once

// Private to http_server.cc and http_session*.cc: it includes Boost.Beast.

#include <algorithm>
#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/mutex.h"
#include "rest/http_queue.h"
#include "rest/http_server.h"
#include "rest/http_stream.h"
#include "rest/memory_share.h"
#include "rest/peers.h"
#include "rest/received_body.h"

namespace rhooks::rest {

using SteadyTime = std::chrono::steady_clock::time_point;
using Timer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                      boost::asio::wait_traits<std::chrono::steady_clock>, Strand>;

// The answer to a request whose handler threw. To be called while that is caught; it is logged.
HttpResponse handler_failed();
// Logs an exception that a connection ended by.
void connection_failed(const std::exception& e) noexcept;

// What one read of a head may bring. An idle connection holds one such buffer and no more.
inline constexpr std::size_t kReadBytes = 4 * 1024;

// What the sessions of one server share.
struct ServerState {
  // What handlers run on; once the options are set, before any session. It must outlive them.
  void use(boost::asio::thread_pool& pool) {
    queue.use(handler, options, pool);
    request_bytes.max = options.request_bytes_total_max;
    response_bytes.max = options.response_bytes_total_max;
  }

  HttpServerOptions options;
  HttpHandler handler;
  Peers peers;
  HttpQueue queue;

  std::atomic<bool> stopping{false};
  std::atomic<std::size_t> queued{0};  // requests handed over, not yet answered
  MemoryPool request_bytes;            // of long heads and of bodies
  MemoryPool response_bytes;
  // connections_max is reached: idle connections make room, and none is kept.
  std::atomic<bool> crowded{false};

  Mutex mutex;
  std::shared_ptr<const TlsContext> tls RHOOKS_GUARDED_BY(mutex);  // of those that come; or null
  ConditionVariable changed;                                       // a session ended
  std::unordered_map<HttpSession*, std::weak_ptr<HttpSession>> sessions RHOOKS_GUARDED_BY(mutex);
  std::function<void()> on_session_end;  // called without the mutex
};

// One connection: requests one after the other, so that pipelined ones are answered in order.
//
// Threads: everything runs on the connection's strand, but for what is said to run on the thread
// that handles the request.
// Ownership: its pending operations hold it; the state outlives it.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(ServerState& state, Socket socket, const boost::asio::ip::tcp::endpoint& remote);
  ~HttpSession();

  Strand strand() { return socket_.get_executor(); }
  void start();
  // Closes if no request has begun; otherwise after the response.
  void drain();
  void close();
  // Closes if it still waits since then, as waits_since() told: others need the place.
  void make_room(SteadyTime since);

  // On the thread that handles the request: it is about to be handled. Given: it is not to be, and
  // this is its response.
  std::optional<HttpResponse> begin_work();
  const HttpRequest& request() const { return request_; }
  // Its response, which respond() sends.
  void end_work(HttpResponse response);
  // The same where there is no memory even for saying so.
  void end_work_without_memory() noexcept;

  // On the strand: sends the response.
  void respond();
  // From any thread. A thread that dropped the last reference would close the socket off its
  // strand, so the session moves along.
  static void respond_soon(std::shared_ptr<HttpSession> session);

  // From any thread.
  const Peer* peer() const { return peer_.get(); }
  // Since when no request is under way, or its head has been arriving; max() where it is whole.
  SteadyTime waits_since() const { return SteadyTime(SteadyTime::duration(waits_since_.load())); }
  bool in_head() const { return in_head_.load(); }

 private:
  enum class Phase { kHandshake, kIdle, kHead, kBody, kHandler, kWrite, kLinger, kClosed };

  void await_hello();
  void shake_hands();
  void on_handshake(const boost::system::error_code& ec);
  void handshake_failed(const std::string& why);

  void read();
  void on_read(const boost::system::error_code& ec, std::size_t bytes);
  // Takes what is in the buffer as far as it goes, then reads on or hands over.
  void consume();
  bool consume_head();  // true: the head is complete and the body is wanted
  bool on_head();
  bool check_framing();
  bool admit_body(const Admission& admission);
  void refuse_overload(std::string_view detail);
  void send_continue();
  void check_trailers(std::string_view extensions, boost::system::error_code& ec);
  bool body_goes_on();
  void dispatch();
  bool take_place();
  void leave_place();
  bool client_is_gone() const;
  void respond(HttpResponse response);
  void wait_since(SteadyTime since, bool in_head);
  void refuse(int status, std::string_view detail, ErrorCode code = ErrorCode::kInvalidArgument);
  void write_head(const HttpResponse& response);
  void on_written(const boost::system::error_code& ec);
  void linger();
  void discard();
  void become_idle(std::chrono::milliseconds timeout);
  void end_of_request();

  void set_deadline(std::chrono::milliseconds after);
  void clear_deadline() { deadline_ = SteadyTime::max(); }
  void arm(SteadyTime at);
  void on_timer();
  void unregister();

  using Parser = boost::beast::http::request_parser<ReceivedBody>;

  ServerState& state_;
  std::shared_ptr<Peer> peer_;
  Socket socket_;
  const int descriptor_;  // the socket's, for the thread that handles the request
  HttpStream stream_{socket_};
  std::shared_ptr<const TlsContext> tls_;  // until the handshake begins
  std::atomic<bool> closed_{false};
  Timer timer_;
  SteadyTime deadline_ = SteadyTime::max();
  SteadyTime armed_for_ = SteadyTime::max();  // max: no wait is pending
  Phase phase_ = Phase::kIdle;
  bool timed_out_ = false;
  bool keep_alive_ = true;
  bool head_only_ = false;
  bool draining_ = false;
  bool registered_ = true;
  bool continued_ = false;
  bool placed_ = false;  // among the requests that are handled or wait for it
  Work work_ = Work::kOne;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  // Called by the parser at the beginning of each chunk.
  std::function<void(std::uint64_t, std::string_view, boost::system::error_code&)> on_chunk_ =
      [this](std::uint64_t size, std::string_view extensions, boost::system::error_code& ec) {
        if (size == 0) check_trailers(extensions, ec);
      };
  std::size_t head_bytes_ = 0;
  std::size_t head_lines_ = 0;
  std::size_t body_bytes_wanted_ = 0;  // in the buffer, before the parser is asked again
  std::size_t window_bytes_ = 0;       // of the body, in this window
  SteadyTime body_until_{};
  MemoryShare request_share_;
  MemoryShare response_share_;
  std::atomic<SteadyTime::rep> waits_since_{SteadyTime::max().time_since_epoch().count()};
  std::atomic<bool> in_head_{false};
  HttpRequest request_;
  HttpResponse response_;
  std::string address_;
  std::string response_head_;
};

}  // namespace rhooks::rest

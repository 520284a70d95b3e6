#pragma once

// Private to http_server.cc and http_session*.cc: it includes Boost.Beast.

#include <atomic>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "rest/http_groups.h"
#include "rest/http_server.h"
#include "rest/memory_share.h"
#include "rest/received_body.h"

namespace rhooks::rest {

using SteadyTime = std::chrono::steady_clock::time_point;
using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Strand>;
using Timer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                      boost::asio::wait_traits<std::chrono::steady_clock>, Strand>;

// The answer to a request whose handler threw.
HttpResponse handler_failed();

// What one read of a head may bring. An idle connection holds one such buffer and no more.
inline constexpr std::size_t kReadBytes = 4 * 1024;

// What the sessions of one server share.
struct ServerState {
  // What handlers run on; once the options are set, before any session. It must outlive them.
  void use(boost::asio::thread_pool& given) {
    pool = &given;
    groups.use(options.handle_together, given, queued);
  }

  HttpServerOptions options;
  HttpHandler handler;
  boost::asio::thread_pool* pool = nullptr;
  HttpGroups groups;

  std::atomic<bool> stopping{false};
  std::atomic<std::size_t> queued{0};          // requests handed to the pool, not yet answered
  std::atomic<std::size_t> request_bytes{0};   // of long heads and of bodies
  std::atomic<std::size_t> response_bytes{0};  // of long responses
  // connections_max is reached: idle connections make room, and none is kept.
  std::atomic<bool> crowded{false};

  std::mutex mutex;
  std::condition_variable changed;  // a session ended
  std::unordered_map<HttpSession*, std::weak_ptr<HttpSession>> sessions;
  std::function<void()> on_session_end;  // called without the mutex
};

// One connection: requests one after the other, so that pipelined ones are answered in order.
//
// Threads: everything runs on the connection's strand, but for the handler itself.
// Ownership: its pending operations hold it; the state outlives it.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(ServerState& state, Socket socket);
  ~HttpSession();

  Strand strand() { return socket_.get_executor(); }
  void start();
  // Closes if no request has begun; otherwise after the response.
  void drain();
  void close();
  // Closes if no request has begun: others need the place.
  void make_room();
  // The request under way, for those who handle it.
  const HttpRequest& request() const { return request_; }
  // Its response; on the strand.
  void respond(HttpResponse response);
  // Since when no request is under way; max() while one is. From any thread.
  SteadyTime idle_since() const { return SteadyTime(SteadyTime::duration(idle_since_.load())); }

 private:
  enum class Phase { kIdle, kHead, kBody, kHandler, kWrite, kLinger, kClosed };

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
  void dispatch();
  void refuse(int status, std::string_view detail, ErrorCode code = ErrorCode::kInvalidArgument);
  void write_head(const HttpResponse& response);
  void on_written(const boost::system::error_code& ec);
  void linger();
  void become_idle(std::chrono::milliseconds timeout);
  void end_of_request();

  void set_deadline(std::chrono::milliseconds after);
  void clear_deadline() { deadline_ = SteadyTime::max(); }
  void arm(SteadyTime at);
  void on_timer();
  void unregister();

  using Parser = boost::beast::http::request_parser<ReceivedBody>;

  ServerState& state_;
  Socket socket_;
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
  bool together_ = false;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::size_t head_bytes_ = 0;
  std::size_t head_lines_ = 0;
  std::size_t body_bytes_wanted_ = 0;  // in the buffer, before the parser is asked again
  MemoryShare request_share_;
  MemoryShare response_share_;
  std::atomic<SteadyTime::rep> idle_since_{SteadyTime::max().time_since_epoch().count()};
  HttpRequest request_;
  std::string peer_;
  std::string response_head_;
  std::string response_body_;
};

}  // namespace rhooks::rest

#include "rest/http_server.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <thread>
#include <vector>

#include "base/check.h"
#include "observe/logging.h"
#include "rest/http_session.h"

namespace rhooks::rest {

namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;

namespace {

std::string endpoint_text(const std::string& address, std::uint16_t port) {
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]:" : address + ":") + std::to_string(port);
}

Error bind_error(const error_code& ec, const std::string& endpoint) {
  if (ec == asio::error::address_in_use) {
    return {ErrorCode::kUnavailable,
            "cannot listen on " + endpoint +
                ": another program uses it; stop that program or choose another port",
            "listen"};
  }
  if (ec == asio::error::access_denied) {
    return {ErrorCode::kUnavailable,
            "cannot listen on " + endpoint +
                ": permission denied; choose a port of 1024 or more, or grant "
                "CAP_NET_BIND_SERVICE",
            "listen"};
  }
  if (ec == boost::system::errc::address_not_available) {
    return {ErrorCode::kInvalidArgument,
            "cannot listen on " + endpoint + ": this machine does not have that address", "listen"};
  }
  return {ErrorCode::kUnavailable, "cannot listen on " + endpoint + ": " + ec.message(), "listen"};
}

// A full server looks for idle connections no more often than this where it found none.
constexpr std::chrono::milliseconds kRoomPause{100};
constexpr std::chrono::seconds kWarnPause{5};

}  // namespace

struct HttpServer::Impl {
  // The order matters: the pool goes first, then the loop with the sessions it still holds,
  // and the state that they refer to last.
  ServerState state;
  asio::io_context loop;
  Strand accept_strand{asio::make_strand(loop)};
  using Acceptor = asio::basic_socket_acceptor<Tcp, Strand>;
  Acceptor acceptor{accept_strand};
  Timer accept_timer{accept_strand};
  std::unique_ptr<asio::thread_pool> pool;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::vector<std::thread> threads;
  std::uint16_t bound_port = 0;
  bool started = false;
  bool stopped = false;
  std::atomic<bool> paused{false};  // connections_max is reached
  // On the accept strand only.
  SteadyTime no_room_until{};
  SteadyTime quiet_until{};
  SteadyTime crowd_quiet_until{};
  Tcp::endpoint remote;  // of the connection that is accepted next

  std::size_t open_sessions() {
    MutexLock lock(state.mutex);
    return state.sessions.size();
  }

  std::vector<std::shared_ptr<HttpSession>> all_sessions() {
    std::vector<std::shared_ptr<HttpSession>> all;
    MutexLock lock(state.mutex);
    all.reserve(state.sessions.size());
    for (const auto& [raw, weak] : state.sessions) {
      if (auto session = weak.lock()) all.push_back(std::move(session));
    }
    return all;
  }

  void run() {
    for (;;) {
      try {
        loop.run();
        return;
      } catch (const std::exception& e) {
        connection_failed(e);  // out of memory: it is gone, the others go on
      }
    }
  }

  bool full() { return open_sessions() >= state.options.connections_max; }

  // A connection that may be ended to make room.
  struct Idle {
    bool peer_has_much;  // more than half of all connections
    SteadyTime since;
    std::shared_ptr<HttpSession> session;

    bool goes_before(const Idle& other) const {
      return peer_has_much != other.peer_has_much ? peer_has_much : since < other.since;
    }
  };

  // Those of others are left alone where such a peer has some whose time is over in a moment.
  std::vector<Idle> idle_sessions(SteadyTime now) {
    std::vector<Idle> idle;
    bool soon = false;
    for (auto& session : all_sessions()) {
      const SteadyTime since = session->waits_since();
      if (since == SteadyTime::max()) continue;
      const bool much = session->peer()->connections > state.options.connections_max / 2;
      const auto patience = much ? state.options.head_patience / 10 : state.options.head_patience;
      if (session->in_head() && now - since < patience) {
        soon = soon || much;
      } else {
        idle.push_back({much, since, std::move(session)});
      }
    }
    if (soon) std::erase_if(idle, [](const Idle& one) { return !one.peer_has_much; });
    return idle;
  }

  // Ends more than one, because all are looked at.
  void make_room() {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now >= no_room_until) {
      std::vector<Idle> idle = idle_sessions(now);
      if (idle.empty()) no_room_until = now + kRoomPause;
      const std::size_t count =
          std::min(idle.size(), std::max<std::size_t>(1, state.options.connections_max / 64));
      std::partial_sort(idle.begin(), idle.begin() + static_cast<std::ptrdiff_t>(count), idle.end(),
                        [](const Idle& a, const Idle& b) { return a.goes_before(b); });
      for (std::size_t i = 0; i < count; ++i) {
        asio::post(idle[i].session->strand(), [session = idle[i].session, since = idle[i].since] {
          session->make_room(since);
        });
      }
      tell_of_room(now, count);
    }
    // Those that were idle may have begun a request meanwhile; then others are.
    accept_timer.expires_after(kRoomPause);
    accept_timer.async_wait([this](const error_code& ec) {
      if (!ec) resume_accept();
    });
  }

  void tell_of_room(SteadyTime now, std::size_t ended) {
    if (ended > 0 && state.options.on_room_made) state.options.on_room_made(ended);
    if (now < crowd_quiet_until) return;
    crowd_quiet_until = now + kWarnPause;
    log::warn(
        "the limit of connections is reached; idle ones, and those that send no whole "
        "request, make room for others",
        {{"connections", static_cast<std::int64_t>(open_sessions())},
         {"ended", static_cast<std::int64_t>(ended)}});
  }

  // Until the timer rings or a session ends.
  void wait_for_room() {
    state.crowded.store(true);
    paused.store(true);
    make_room();
  }

  void accept() {
    if (state.stopping.load()) return;
    state.crowded.store(false);
    if (full()) {
      // Nobody has to go as long as nobody waits.
      acceptor.async_wait(Acceptor::wait_read, [this](const error_code& ec) {
        if (ec) return;
        if (full()) {
          wait_for_room();
          // A session may have ended before the flag was set, and nothing else would wake us.
          if (!full()) resume_accept();
        } else {
          accept();
        }
      });
      return;
    }
    acceptor.async_accept(
        asio::make_strand(loop), remote,
        [this](const error_code& ec, Socket socket) { on_accept(ec, std::move(socket)); });
  }

  void on_accept(const error_code& ec, Socket socket) {
    if (ec == asio::error::operation_aborted) return;
    if (ec == asio::error::no_descriptors || ec == asio::error::no_memory ||
        ec == asio::error::no_buffer_space) {
      const SteadyTime now = std::chrono::steady_clock::now();
      if (now >= quiet_until) {
        quiet_until = now + kWarnPause;
        log::warn(
            "connections cannot be accepted for now; is the limit of open files (ulimit -n) "
            "high enough?",
            {{"error", ec.message()}});
      }
      wait_for_room();
      return;
    }
    if (!ec) {
      auto session = std::make_shared<HttpSession>(state, std::move(socket), remote);
      {
        // With the mutex, so that stop() sees either no such session or this one.
        MutexLock lock(state.mutex);
        if (state.stopping.load()) return;
        state.sessions.emplace(session.get(), session);
      }
      asio::post(session->strand(), [session] { session->start(); });
    }
    accept();
  }

  void resume_accept() {
    if (!paused.load() || state.stopping.load()) return;
    if (paused.exchange(false)) asio::post(accept_strand, [this] { accept(); });
  }
};

HttpServer::HttpServer(HttpServerOptions options, HttpHandler handler)
    : impl_(std::make_unique<Impl>()) {
  RHOOKS_CHECK(handler != nullptr);
  impl_->state.options = std::move(options);
  if (impl_->state.options.tls) set_tls(std::exchange(impl_->state.options.tls, nullptr));
  impl_->state.handler = std::move(handler);
  impl_->state.on_session_end = [impl = impl_.get()] { impl->resume_accept(); };
}

HttpServer::~HttpServer() {
  stop(std::chrono::milliseconds(0));
}

Result<void> HttpServer::start() {
  Impl& impl = *impl_;
  RHOOKS_CHECK(!impl.started && !impl.stopped);
  const HttpServerOptions& options = impl.state.options;
  error_code ec;
  const std::string host = options.address == "localhost" ? "127.0.0.1" : options.address;
  const auto address = asio::ip::make_address(host, ec);
  if (ec) {
    return fail(ErrorCode::kInvalidArgument,
                "cannot listen on \"" + options.address +
                    "\": it is not an IP address; write for example 127.0.0.1, ::1 or 0.0.0.0",
                "listen");
  }
  const Tcp::endpoint endpoint(address, options.port);
  const std::string text = endpoint_text(host, options.port);
  // Lets a restart bind while connections of the process before it linger in TIME_WAIT.
  impl.acceptor.open(endpoint.protocol(), ec);
  if (!ec) impl.acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) impl.acceptor.bind(endpoint, ec);
  if (!ec) impl.acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    error_code ignored;
    impl.acceptor.close(ignored);
    return fail(bind_error(ec, text));
  }
  impl.bound_port = impl.acceptor.local_endpoint(ec).port();
  impl.started = true;
  // One more is for the requests that are answered later.
  impl.pool = std::make_unique<asio::thread_pool>(
      static_cast<std::size_t>(std::max(1, options.handler_threads)) + 1);
  impl.state.use(*impl.pool);
  impl.work.emplace(asio::make_work_guard(impl.loop));
  asio::post(impl.accept_strand, [&impl] { impl.accept(); });
  for (int i = 0; i < std::max(1, options.io_threads); ++i) {
    impl.threads.emplace_back([&impl] { impl.run(); });
  }
  return {};
}

void HttpServer::set_tls(std::shared_ptr<const TlsContext> tls) {
  MutexLock lock(impl_->state.mutex);
  impl_->state.tls.swap(tls);
}

std::uint16_t HttpServer::port() const {
  return impl_->bound_port;
}

std::string HttpServer::endpoint() const {
  const std::string& address = impl_->state.options.address;
  return endpoint_text(address == "localhost" ? "127.0.0.1" : address, impl_->bound_port);
}

std::size_t HttpServer::connections() const {
  return impl_->open_sessions();
}

void HttpServer::stop(std::chrono::milliseconds grace) {
  Impl& impl = *impl_;
  if (!impl.started || impl.stopped) return;
  impl.stopped = true;
  {
    MutexLock lock(impl.state.mutex);
    impl.state.stopping.store(true);
  }
  asio::post(impl.accept_strand, [&impl] {
    error_code ignored;
    impl.acceptor.close(ignored);
    impl.accept_timer.cancel();
  });
  for (auto& session : impl.all_sessions()) {
    asio::post(session->strand(), [session] { session->drain(); });
  }
  {
    const auto until = std::chrono::steady_clock::now() + grace;
    MutexLock lock(impl.state.mutex);
    while (!impl.state.sessions.empty() && impl.state.changed.wait_until(lock, until)) {
    }
  }
  for (auto& session : impl.all_sessions()) {
    asio::post(session->strand(), [session] { session->close(); });
  }
  // Requests that wait for a thread lost their connections: they are not begun.
  impl.pool->stop();
  impl.pool->join();
  impl.state.queue.wait_until_answered();
  // Nothing is left to wait for, so the loop runs dry.
  impl.work.reset();
  for (auto& thread : impl.threads) thread.join();
  // Only now: what a connection had read before it was closed may have joined them since.
  impl.state.queue.clear();
}

}  // namespace rhooks::rest

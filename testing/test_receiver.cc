#include "testing/test_receiver.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>

#include "testing/test_certificate.h"

namespace rhooks::testing {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using TlsStream = asio::ssl::stream<tcp::socket>;
using Fault = TestResponse::Fault;

constexpr std::size_t kBodyBytesMax = 16 * 1024 * 1024;

// Thousands of connections need as many descriptors; the usual soft limit is 1,024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65'536);
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

std::string write_temporary_file(const std::string& text) {
  const char* const folder = std::getenv("TMPDIR");
  std::string path = std::string(folder && *folder ? folder : "/tmp") + "/rhooks-test-XXXXXX";
  const int fd = ::mkstemp(path.data());
  if (fd < 0) throw std::runtime_error("mkstemp failed for " + path);
  const auto written = ::write(fd, text.data(), text.size());
  ::close(fd);
  if (written != static_cast<ssize_t>(text.size())) throw std::runtime_error("short write");
  return path;
}

// A connection that waits for a word of the test.
class Waiting {
 public:
  virtual ~Waiting() = default;
  virtual void release() = 0;
  virtual void write_late() = 0;
};

// What the sessions share.
struct Shared {
  TestReceiver::Handler handler;
  std::size_t record_max = 0;

  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  std::deque<TestRequest> requests;
  std::size_t request_count = 0;
  std::size_t connections = 0;
  std::size_t open = 0;
  std::size_t open_max = 0;
  std::size_t held_count = 0;
  std::vector<std::weak_ptr<Waiting>> held;
  bool released = false;
  std::vector<std::weak_ptr<Waiting>> late;  // until write_late() is called
  std::size_t late_under_way = 0;            // of those for which it was
  std::size_t late_written = 0;
  std::vector<std::string> alpn;

  template <typename F>
  void update(F f) {
    {
      std::lock_guard lock(mutex);
      f();
    }
    changed.notify_all();
  }
};

// One connection. Its handlers run in the strand of its socket.
template <typename Stream>
class Session final : public Waiting, public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(Stream stream, Shared& shared, std::uint64_t number)
      : stream_(std::move(stream)),
        timer_(stream_.get_executor()),
        late_timer_(stream_.get_executor()),
        shared_(shared),
        number_(number) {
    shared_.update([&] { shared_.open_max = std::max(shared_.open_max, ++shared_.open); });
  }
  ~Session() override {
    shared_.update([&] {
      --shared_.open;
      if (holding_) --shared_.held_count;
      if (late_asked_) --shared_.late_under_way;
    });
  }

  void run() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](error_code ec) {
                                if (!ec) self->read();
                              });
    } else {
      read();
    }
  }

  // From any thread: answers the request that is held.
  void release() override {
    asio::post(stream_.get_executor(), [self = this->shared_from_this()] {
      if (!self->holding_) return;
      self->end_hold();
      self->respond();
    });
  }

  // From any thread.
  void write_late() override {
    if (late_asked_.exchange(true)) return;
    shared_.update([&] { ++shared_.late_under_way; });
    asio::post(stream_.get_executor(), [self = this->shared_from_this()] { self->be_late(); });
  }

 private:
  void end_hold() {
    holding_ = false;
    shared_.update([&] { --shared_.held_count; });
    error_code ignored;
    stream_.lowest_layer().cancel(ignored);
  }

  void read() {
    parser_.emplace();
    parser_->body_limit(kBodyBytesMax);
    parser_->header_limit(256 * 1024);
    http::async_read(stream_, buffer_, *parser_,
                     [self = this->shared_from_this()](error_code ec, std::size_t) {
                       self->idle_ = false;
                       if (!ec) self->on_request();
                     });
  }

  void on_request() {
    auto& message = parser_->get();
    TestRequest request;
    request.arrived_at = SystemClock().now_micros();
    request.connection = number_;
    request.crossed_late = late_written_;
    if (const auto since = std::exchange(late_waits_since_, std::nullopt)) {
      request.late_waited = std::chrono::duration_cast<std::chrono::milliseconds>(
          std::chrono::steady_clock::now() - *since);
    }
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    for (const auto& field : message) {
      request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
    }
    keep_alive_ = message.keep_alive();
    head_ = message.method() == http::verb::head;
    request.body = std::move(message.body());

    response_ = shared_.handler ? shared_.handler(request) : TestResponse{};
    bool hold = false;
    shared_.update([&] {
      ++shared_.request_count;
      if (shared_.requests.size() < shared_.record_max) {
        shared_.requests.push_back(std::move(request));
      }
      hold = response_.hold && !shared_.released;
      if (hold) {
        holding_ = true;
        ++shared_.held_count;
        shared_.held.push_back(this->weak_from_this());
      }
    });
    if (hold) {
      close_with_client();
    } else if (response_.delay.count() > 0) {
      timer_.expires_after(response_.delay);
      timer_.async_wait([self = this->shared_from_this()](error_code ec) {
        if (!ec) self->respond();
      });
    } else {
      respond();
    }
  }

  // Whoever waits for an answer sends nothing: what can be read now is the end.
  void close_with_client() {
    stream_.lowest_layer().async_wait(tcp::socket::wait_read,
                                      [self = this->shared_from_this()](error_code ec) {
                                        if (ec || !self->holding_) return;
                                        self->end_hold();
                                        self->close();
                                      });
  }

  void respond() {
    if (late_writing_) {
      respond_after_late_ = true;
      return;
    }
    // What crosses the end is read, and cannot be answered.
    if (half_closed_) return read();
    switch (response_.fault) {
      case Fault::kCloseBeforeResponse:
        return close();
      case Fault::kResetBeforeResponse:
        return reset();
      case Fault::kEndlessBody:
        return write(status_line() + "content-type: text/plain\r\n\r\n",
                     [this] { write_for_ever(std::string(16 * 1024, 'x')); });
      case Fault::kEndlessHeaders:
        return write(status_line(),
                     [this] { write_for_ever("x-filler: " + std::string(1000, 'x') + "\r\n"); });
      case Fault::kEndlessInterim:
        return write_for_ever("HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n");
      case Fault::kNone:
      case Fault::kCloseMidBody:
      case Fault::kResetMidBody:
      case Fault::kDripBody:
        break;
    }
    if (!response_.raw.empty()) {
      return write(std::move(response_.raw), [this] { close(); });
    }
    const bool broken =
        response_.fault == Fault::kCloseMidBody || response_.fault == Fault::kResetMidBody;
    std::string text = status_line();
    for (const auto& header : response_.headers) {
      text += header.name + ": " + header.value + "\r\n";
    }
    if (response_.status != 204 && response_.status != 304 && response_.status >= 200) {
      text +=
          "content-length: " + std::to_string(response_.body.size() + (broken ? 100 : 0)) + "\r\n";
    }
    const bool close_after = response_.close || !keep_alive_;
    if (close_after) text += "connection: close\r\n";
    text += "\r\n";
    if (response_.fault == Fault::kDripBody) {
      return write(std::move(text), [this] { drip(0); });
    }
    std::string rest = (head_ ? std::string() : response_.body) + response_.excess;
    if (response_.excess.empty()) text += std::exchange(rest, {});
    // Whoever has the answer may ask for the late bytes before we know that it is written.
    answering_ = true;
    if (!response_.late.empty() && !response_.late_after) {
      shared_.update([&] { shared_.late.push_back(this->weak_from_this()); });
    }
    write(std::move(text), [this, rest, close_after] {
      if (rest.empty()) return after_response(close_after);
      write(rest, [this, close_after] { after_response(close_after); });
    });
  }

  void after_response(bool close_after) {
    if (response_.fault == Fault::kResetMidBody) {
      // Gives the client time to read what came before the reset, which would discard it.
      timer_.expires_after(std::chrono::milliseconds{50});
      timer_.async_wait([self = this->shared_from_this()](error_code) { self->reset(); });
    } else if (close_after || response_.fault == Fault::kCloseMidBody) {
      close();
    } else {
      await_late();
      read();
    }
  }

  void await_late() {
    idle_ = true;
    answering_ = false;
    if (late_asked_) return be_late();
    if (response_.late.empty() || !response_.late_after) return;
    late_timer_.expires_after(*response_.late_after);
    late_timer_.async_wait([self = this->shared_from_this()](error_code ec) {
      if (!ec) self->be_late();
    });
  }

  void be_late() {
    if (answering_) return;
    if (!idle_ || response_.late.empty() || !stream_.lowest_layer().is_open()) return end_late();
    if (has_input()) return end_late();  // the next request, not read yet
    late_output_ = std::exchange(response_.late, {});
    late_writing_ = true;
    late_written_ = true;
    shared_.update([&] { ++shared_.late_written; });
    asio::async_write(stream_, asio::buffer(late_output_),
                      [self = this->shared_from_this(), after = response_.after_late](
                          error_code, std::size_t) { self->after_late(after); });
  }

  void after_late(TestResponse::After after) {
    error_code ignored;
    // Until the other end's system has it all, or is gone.
    int on_the_way = 0;
    if (stream_.lowest_layer().is_open() && idle_ &&
        ::ioctl(stream_.lowest_layer().native_handle(), SIOCOUTQ, &on_the_way) == 0 &&
        on_the_way > 0) {
      asio::post(stream_.get_executor(),
                 [self = this->shared_from_this(), after] { self->after_late(after); });
      return;
    }
    late_writing_ = false;
    if (stream_.lowest_layer().is_open() && idle_ && !has_input()) {
      late_waits_since_ = std::chrono::steady_clock::now();
    }
    if (after == TestResponse::After::kClosed) close();
    if (after == TestResponse::After::kHalfClosed) {
      half_closed_ = true;
      stream_.lowest_layer().shutdown(tcp::socket::shutdown_send, ignored);
    }
    end_late();
    if (std::exchange(respond_after_late_, false)) respond();
  }

  // Whether anything has arrived that is not read.
  bool has_input() {
    int arrived = 0;
    return ::ioctl(stream_.lowest_layer().native_handle(), FIONREAD, &arrived) == 0 && arrived > 0;
  }

  void end_late() {
    if (!late_asked_.exchange(false)) return;
    shared_.update([&] { --shared_.late_under_way; });
  }

  std::string status_line() const {
    return "HTTP/1.1 " + std::to_string(response_.status) + " Test\r\n";
  }

  template <typename Next>
  void write(std::string text, Next next) {
    output_ = std::move(text);
    asio::async_write(stream_, asio::buffer(output_),
                      [self = this->shared_from_this(), next](error_code ec, std::size_t) {
                        if (!ec) next();
                      });
  }

  void write_for_ever(std::string text) {
    write(text, [this, text] { write_for_ever(text); });
  }

  void drip(std::size_t at) {
    if (at >= response_.body.size()) return read();
    timer_.expires_after(response_.drip);
    timer_.async_wait([self = this->shared_from_this(), at](error_code ec) {
      if (ec) return;
      self->write(self->response_.body.substr(at, 1), [s = self.get(), at] { s->drip(at + 1); });
    });
  }

  void close() {
    error_code ignored;
    auto& socket = stream_.lowest_layer();
    socket.shutdown(tcp::socket::shutdown_both, ignored);
    socket.close(ignored);
  }

  void reset() {
    error_code ignored;
    auto& socket = stream_.lowest_layer();
    socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
  }

  Stream stream_;
  asio::steady_timer timer_;
  asio::steady_timer late_timer_;
  Shared& shared_;
  const std::uint64_t number_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  TestResponse response_;
  std::string output_;
  bool keep_alive_ = true;
  bool head_ = false;
  bool holding_ = false;
  std::string late_output_;
  bool answering_ = false;
  bool idle_ = false;  // since an answer; no other request has arrived yet
  bool late_writing_ = false;
  bool late_written_ = false;
  bool half_closed_ = false;
  std::optional<std::chrono::steady_clock::time_point> late_waits_since_;
  bool respond_after_late_ = false;
  std::atomic<bool> late_asked_ = false;
};

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned int in_size, void* arg) {
  std::vector<std::string> offered;
  int chosen = SSL_TLSEXT_ERR_NOACK;
  for (unsigned int i = 0; i < in_size; i += in[i] + 1u) {
    offered.emplace_back(reinterpret_cast<const char*>(in + i + 1), in[i]);
    if (offered.back() == "http/1.1") {
      *out = in + i + 1;
      *out_size = in[i];
      chosen = SSL_TLSEXT_ERR_OK;
    }
  }
  auto& shared = *static_cast<Shared*>(arg);
  shared.update([&] { shared.alpn = std::move(offered); });
  return chosen;
}

}  // namespace

struct TestReceiver::Core {
  Shared shared;  // outlives the sessions, which the io_context's handlers own
  std::optional<asio::io_context> io{std::in_place};
  asio::ssl::context tls{asio::ssl::context::tls_server};
  bool use_tls = false;
  std::string ca_file;
  std::optional<tcp::acceptor> acceptor{std::in_place, *io};
  std::uint16_t port = 0;
  std::vector<std::thread> threads;
  std::mutex stop_mutex;

  explicit Core(Options options) {
    raise_descriptor_limit();
    shared.handler = std::move(options.handler);
    shared.record_max = options.record_max;
    use_tls = options.tls;
    if (use_tls) {
      const auto certificate = make_test_certificate(options.tls_names);
      tls.use_certificate_chain(asio::buffer(certificate.certificate_pem));
      tls.use_private_key(asio::buffer(certificate.key_pem), asio::ssl::context::pem);
      SSL_CTX_set_alpn_select_cb(tls.native_handle(), choose_protocol, &shared);
      ca_file = write_temporary_file(certificate.certificate_pem);
    }
    const tcp::endpoint endpoint(
        options.all_of_loopback ? asio::ip::address_v4::any() : asio::ip::address_v4::loopback(),
        options.port);
    acceptor->open(endpoint.protocol());
    acceptor->set_option(tcp::acceptor::reuse_address(true));
    acceptor->bind(endpoint);
    acceptor->listen(4096);
    port = acceptor->local_endpoint().port();
    accept();
    for (int i = 0; i < options.threads; ++i) threads.emplace_back([this] { io->run(); });
  }

  void accept() {
    acceptor->async_accept(asio::make_strand(*io), [this](error_code ec, tcp::socket socket) {
      if (ec == asio::error::operation_aborted) return;
      if (!ec) {
        std::uint64_t number = 0;
        shared.update([&] { number = ++shared.connections; });
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        if (use_tls) {
          std::make_shared<Session<TlsStream>>(TlsStream(std::move(socket), tls), shared, number)
              ->run();
        } else {
          std::make_shared<Session<tcp::socket>>(std::move(socket), shared, number)->run();
        }
      }
      accept();
    });
  }

  void stop() {
    std::lock_guard lock(stop_mutex);
    if (!io) return;
    io->stop();
    for (auto& thread : threads) thread.join();
    threads.clear();
    acceptor.reset();
    io.reset();  // destroys the handlers, and with them the sessions
    if (!ca_file.empty()) ::unlink(ca_file.c_str());
  }

  template <typename Condition>
  bool wait(std::chrono::milliseconds timeout, Condition condition) const {
    std::unique_lock lock(shared.mutex);
    return shared.changed.wait_for(lock, timeout, condition);
  }
};

TestReceiver::TestReceiver() : TestReceiver(Options{}) {}
TestReceiver::TestReceiver(Handler handler)
    : TestReceiver([&] {
        Options options;
        options.handler = std::move(handler);
        return options;
      }()) {}
TestReceiver::TestReceiver(Options options) : core_(std::make_unique<Core>(std::move(options))) {}
TestReceiver::~TestReceiver() {
  stop();
}

void TestReceiver::stop() {
  core_->stop();
}

std::uint16_t TestReceiver::port() const {
  return core_->port;
}

std::string TestReceiver::url(std::string_view path, std::string_view host) const {
  return std::string(core_->use_tls ? "https" : "http") + "://" + std::string(host) + ":" +
         std::to_string(core_->port) + std::string(path);
}

std::string TestReceiver::ca_file() const {
  return core_->ca_file;
}

std::vector<TestRequest> TestReceiver::requests() const {
  std::lock_guard lock(core_->shared.mutex);
  return {core_->shared.requests.begin(), core_->shared.requests.end()};
}

std::size_t TestReceiver::request_count() const {
  std::lock_guard lock(core_->shared.mutex);
  return core_->shared.request_count;
}

bool TestReceiver::wait_requests(std::size_t count, std::chrono::milliseconds timeout) const {
  return core_->wait(timeout, [&] { return core_->shared.request_count >= count; });
}

void TestReceiver::clear_requests() {
  std::lock_guard lock(core_->shared.mutex);
  core_->shared.requests.clear();
}

void TestReceiver::release_held() {
  std::vector<std::weak_ptr<Waiting>> held;
  core_->shared.update([&] {
    core_->shared.released = true;
    held.swap(core_->shared.held);
  });
  for (const auto& weak : held) {
    if (const auto session = weak.lock()) session->release();
  }
}

std::size_t TestReceiver::write_late() {
  std::vector<std::weak_ptr<Waiting>> late;
  std::size_t before = 0;
  core_->shared.update([&] {
    late.swap(core_->shared.late);
    before = core_->shared.late_written;
  });
  for (const auto& weak : late) {
    if (const auto session = weak.lock()) session->write_late();
  }
  const auto written = [&] { return core_->shared.late_under_way == 0; };
  if (!core_->wait(kPatience, written)) return 0;
  return late_written() - before;
}

std::size_t TestReceiver::late_written() const {
  std::lock_guard lock(core_->shared.mutex);
  return core_->shared.late_written;
}

std::size_t TestReceiver::held() const {
  std::lock_guard lock(core_->shared.mutex);
  return core_->shared.held_count;
}

bool TestReceiver::wait_held(std::size_t count, std::chrono::milliseconds timeout) const {
  return core_->wait(timeout, [&] { return core_->shared.held_count >= count; });
}

std::size_t TestReceiver::connections() const {
  std::lock_guard lock(core_->shared.mutex);
  return core_->shared.connections;
}

std::size_t TestReceiver::open_connections() const {
  std::lock_guard lock(core_->shared.mutex);
  return core_->shared.open;
}

std::size_t TestReceiver::open_connections_max() const {
  std::lock_guard lock(core_->shared.mutex);
  return core_->shared.open_max;
}

bool TestReceiver::wait_open_connections_at_most(std::size_t count,
                                                 std::chrono::milliseconds timeout) const {
  return core_->wait(timeout, [&] { return core_->shared.open <= count; });
}

std::vector<std::string> TestReceiver::alpn_offered() const {
  std::lock_guard lock(core_->shared.mutex);
  return core_->shared.alpn;
}

}  // namespace rhooks::testing

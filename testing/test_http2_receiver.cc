#include "testing/test_http2_receiver.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <fstream>
#include <future>
#include <set>
#include <thread>
#include <utility>

#include "testing/temp_dir.h"
#include "testing/test_certificate.h"

namespace rhooks::testing {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kPrefaceBytes = 24;  // "PRI * HTTP/2.0..."
constexpr std::size_t kFrameHeaderBytes = 9;
constexpr std::uint8_t kData = 0, kHeaders = 1, kSettings = 4, kPing = 6, kGoaway = 7;
constexpr std::uint8_t kAck = 1, kEndStream = 1, kEndHeaders = 4;

std::string number(std::uint32_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::uint32_t number_at(const std::string& text, std::size_t at, std::size_t bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    value = value << 8 | static_cast<unsigned char>(text[at + i]);
  }
  return value;
}

int choose_http2(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char*,
                 unsigned int, void*) {
  static constexpr std::array<unsigned char, 2> kName = {'h', '2'};
  *out = kName.data();
  *out_size = kName.size();
  return SSL_TLSEXT_ERR_OK;
}

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using OnRequest = TestHttp2Receiver::Handler;

  Connection(tcp::socket socket, asio::ssl::context& tls, OnRequest on_request,
             std::set<Connection*>& open)
      : stream_(std::move(socket), tls), on_request_(std::move(on_request)), open_(open) {
    open_.insert(this);
  }
  ~Connection() { open_.erase(this); }

  void run() {
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [self = shared_from_this()](error_code ec) {
                              if (ec) return;
                              self->write(http2_frame(kSettings, 0, 0, {}));
                              self->read(kPrefaceBytes, [s = self.get()] { s->read_frame(); });
                            });
  }

  void write(const std::string& bytes) {
    error_code failed;
    asio::write(stream_, asio::buffer(bytes), failed);
  }

 private:
  template <typename Next>
  void read(std::size_t size, Next next) {
    input_.resize(size);
    asio::async_read(stream_, asio::buffer(input_),
                     [self = shared_from_this(), next](error_code ec, std::size_t) {
                       if (!ec) next();
                     });
  }

  void read_frame() {
    read(kFrameHeaderBytes, [this] {
      const auto type = static_cast<std::uint8_t>(input_[3]);
      const auto flags = static_cast<std::uint8_t>(input_[4]);
      const std::uint32_t stream = number_at(input_, 5, 4);
      read(number_at(input_, 0, 3), [this, type, flags, stream] {
        take_frame(type, flags, stream);
        if (stream_.lowest_layer().is_open()) read_frame();
      });
    });
  }

  void take_frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream) {
    if (type == kSettings && !(flags & kAck)) write(http2_frame(kSettings, kAck, 0, {}));
    if ((type != kHeaders && type != kData) || !(flags & kEndStream)) return;
    const TestHttp2Receiver::Answer answer = on_request_(stream);
    write(answer.bytes);
    if (answer.close) close();
  }

  void close() {
    error_code ignored;
    stream_.lowest_layer().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.lowest_layer().close(ignored);
  }

  asio::ssl::stream<tcp::socket> stream_;
  const OnRequest on_request_;
  std::set<Connection*>& open_;
  std::string input_;
};

}  // namespace

std::string http2_frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                        std::string_view payload) {
  return number(static_cast<std::uint32_t>(payload.size()), 3) + static_cast<char>(type) +
         static_cast<char>(flags) + number(stream, 4) + std::string(payload);
}

std::string http2_answer(std::uint32_t stream, bool ok) {
  // ":status" is in the static table of RFC 7541, appendix A, with 200 (8) and 500 (14).
  const char status = static_cast<char>(0x80 | (ok ? 8 : 14));
  return http2_frame(kHeaders, kEndHeaders | kEndStream, stream, std::string(1, status));
}

std::string http2_ping() {
  return http2_frame(kPing, 0, 0, std::string(8, 'p'));
}

std::string http2_goaway(std::uint32_t last) {
  return http2_frame(kGoaway, 0, 0, number(last, 4) + number(0, 4));
}

struct TestHttp2Receiver::Core {
  Handler handler;
  std::atomic<std::size_t> requests = 0;
  std::atomic<std::size_t> connections = 0;
  TempDir dir;
  std::set<Connection*> open;  // the thread's; outlives the io_context, which owns them
  asio::ssl::context tls{asio::ssl::context::tls_server};
  asio::io_context io;
  tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
  std::thread thread;

  explicit Core(Handler to_call) : handler(std::move(to_call)) {
    const auto certificate = make_test_certificate({"127.0.0.1"});
    tls.use_certificate_chain(asio::buffer(certificate.certificate_pem));
    tls.use_private_key(asio::buffer(certificate.key_pem), asio::ssl::context::pem);
    SSL_CTX_set_alpn_select_cb(tls.native_handle(), choose_http2, nullptr);
    std::ofstream(dir.sub("ca.pem")) << certificate.certificate_pem;
    accept();
    thread = std::thread([this] { io.run(); });
  }

  ~Core() {
    io.stop();
    thread.join();
  }

  void accept() {
    acceptor.async_accept([this](error_code ec, tcp::socket socket) {
      if (ec) return;
      ++connections;
      socket.set_option(tcp::no_delay(true), ec);
      const auto on_request = [this](std::uint32_t stream) {
        ++requests;
        return handler(stream);
      };
      std::make_shared<Connection>(std::move(socket), tls, on_request, open)->run();
      accept();
    });
  }
};

TestHttp2Receiver::TestHttp2Receiver()
    : TestHttp2Receiver([](std::uint32_t stream) { return Answer{http2_answer(stream)}; }) {}
TestHttp2Receiver::TestHttp2Receiver(Handler handler)
    : core_(std::make_unique<Core>(std::move(handler))) {}
TestHttp2Receiver::~TestHttp2Receiver() = default;

std::string TestHttp2Receiver::url(std::string_view path) const {
  return "https://127.0.0.1:" + std::to_string(core_->acceptor.local_endpoint().port()) +
         std::string(path);
}

std::string TestHttp2Receiver::ca_file() const {
  return core_->dir.sub("ca.pem");
}

void TestHttp2Receiver::write(std::string bytes) {
  std::promise<void> written;
  asio::post(core_->io, [&] {
    for (Connection* const connection : core_->open) connection->write(bytes);
    written.set_value();
  });
  written.get_future().wait();
}

std::size_t TestHttp2Receiver::request_count() const {
  return core_->requests;
}

std::size_t TestHttp2Receiver::connections() const {
  return core_->connections;
}

}  // namespace rhooks::testing

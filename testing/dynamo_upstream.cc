#include "testing/dynamo_upstream.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <deque>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace rhooks::testing {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kConnectionsMax = 64;
constexpr std::size_t kAnswerBytesMax = 64 * 1024 * 1024;

std::string request_text(const std::string& operation, const std::string& body) {
  // The emulator wants to see a signature, and does not check it.
  return "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.0\r\n"
         "X-Amz-Target: DynamoDB_20120810." +
         operation +
         "\r\nX-Amz-Date: 20260101T000000Z\r\n"
         "Authorization: AWS4-HMAC-SHA256 Credential=proxy/20260101/us-east-1/dynamodb/"
         "aws4_request, SignedHeaders=host, Signature=none\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

tcp::endpoint parse_endpoint(const std::string& endpoint) {
  const std::size_t colon = endpoint.rfind(':');
  const std::string prefix = "http://127.0.0.1";
  if (colon != prefix.size() || !endpoint.starts_with(prefix)) {
    throw std::runtime_error("Not an address such as http://127.0.0.1:8000: " + endpoint);
  }
  return {asio::ip::address_v4::loopback(),
          static_cast<std::uint16_t>(std::stoi(endpoint.substr(colon + 1)))};
}

}  // namespace

bool DynamoAnswer::is_error(const std::string& name) const {
  const json::value* type = body.if_contains("__type");
  return status >= 400 && type && type->is_string() &&
         std::string_view(type->as_string()).ends_with("#" + name);
}

struct DynamoUpstream::Pool {
  struct Job {
    std::string text;
    Done done;
  };

  asio::io_context& io;
  const tcp::endpoint endpoint;
  std::size_t connections = 0;
  std::vector<std::shared_ptr<Connection>> idle;
  std::deque<Job> waiting;
};

class DynamoUpstream::Connection : public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(std::shared_ptr<Pool> pool) : pool_(std::move(pool)), socket_(pool_->io) {
    ++pool_->connections;
  }
  ~Connection() { --pool_->connections; }

  void run(Pool::Job job) {
    job_ = std::move(job);
    if (socket_.is_open()) return write();
    socket_.async_connect(pool_->endpoint, [self = shared_from_this()](error_code ec) {
      if (ec) return self->fail(ec);
      error_code ignored;
      self->socket_.set_option(tcp::no_delay(true), ignored);
      self->write();
    });
  }

 private:
  void write() {
    asio::async_write(socket_, asio::buffer(job_.text),
                      [self = shared_from_this()](error_code ec, std::size_t) {
                        if (ec) return self->fail(ec);
                        self->read();
                      });
  }

  void read() {
    parser_.emplace();
    parser_->body_limit(kAnswerBytesMax);
    http::async_read(socket_, buffer_, *parser_,
                     [self = shared_from_this()](error_code ec, std::size_t) {
                       if (ec) return self->fail(ec);
                       self->finish();
                     });
  }

  void finish() {
    DynamoAnswer answer;
    answer.status = static_cast<int>(parser_->get().result_int());
    error_code ec;
    json::value body = json::parse(parser_->get().body(), ec);
    if (!ec && body.is_object()) answer.body = std::move(body.as_object());
    Done done = std::exchange(job_.done, nullptr);
    if (!pool_->waiting.empty()) {
      Pool::Job next = std::move(pool_->waiting.front());
      pool_->waiting.pop_front();
      run(std::move(next));
    } else {
      pool_->idle.push_back(shared_from_this());
    }
    done(std::move(answer));
  }

  void fail(error_code ec) {
    error_code ignored;
    socket_.close(ignored);
    Done done = std::exchange(job_.done, nullptr);
    done({0, {{"message", "the emulator: " + ec.message()}}});
    if (pool_->waiting.empty()) return;
    Pool::Job next = std::move(pool_->waiting.front());
    pool_->waiting.pop_front();
    run(std::move(next));
  }

  const std::shared_ptr<Pool> pool_;
  tcp::socket socket_;
  Pool::Job job_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::response_parser<http::string_body>> parser_;
};

DynamoUpstream::DynamoUpstream(asio::io_context& io, const std::string& endpoint)
    : pool_(new Pool{io, parse_endpoint(endpoint), 0, {}, {}}) {}

DynamoUpstream::~DynamoUpstream() {
  // Connections hold the pool, and the pool those that are idle.
  pool_->idle.clear();
  pool_->waiting.clear();
}

void DynamoUpstream::call(const std::string& operation, const json::object& body, Done done) {
  Pool::Job job{request_text(operation, json::serialize(body)), std::move(done)};
  if (!pool_->idle.empty()) {
    const auto connection = pool_->idle.back();
    pool_->idle.pop_back();
    connection->run(std::move(job));
  } else if (pool_->connections < kConnectionsMax) {
    std::make_shared<Connection>(pool_)->run(std::move(job));
  } else {
    pool_->waiting.push_back(std::move(job));
  }
}

}  // namespace rhooks::testing

#include "tests/dynamo_test_client.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <ctime>
#include <vector>

namespace rhooks::testing {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;
using asio::ip::tcp;
using Bytes = std::vector<unsigned char>;

Bytes mac(const Bytes& key, const std::string& text) {
  Bytes out(32);
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), nullptr);
  return out;
}

std::string hex(const Bytes& bytes) {
  std::string out;
  char digits[3];
  for (const unsigned char byte : bytes) {
    std::snprintf(digits, sizeof digits, "%02x", byte);
    out += digits;
  }
  return out;
}

std::string hash(const std::string& text) {
  Bytes out(32);
  EVP_Digest(text.data(), text.size(), out.data(), nullptr, EVP_sha256(), nullptr);
  return hex(out);
}

}  // namespace

struct DynamoTestClient::Connection {
  asio::io_context io;
  tcp::socket socket{io};
  boost::beast::flat_buffer buffer;
};

std::string DynamoTestClient::Answer::error() const {
  const json::value* type = body.if_contains("__type");
  if (!type) return {};
  const std::string name(type->as_string());
  return name.substr(name.find('#') + 1);
}

DynamoTestClient::DynamoTestClient(const std::string& endpoint)
    : port_(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)))) {}
DynamoTestClient::DynamoTestClient(DynamoTestClient&&) noexcept = default;
DynamoTestClient& DynamoTestClient::operator=(DynamoTestClient&&) noexcept = default;
DynamoTestClient::~DynamoTestClient() = default;

std::string DynamoTestClient::request(const std::string& operation, const std::string& body) const {
  const std::time_t now = std::time(nullptr) + clock_offset.count();
  char date[32];
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &parts);
  const std::string day(date, 8);

  std::string headers = "host:127.0.0.1:" + std::to_string(port_) + "\nx-amz-date:" + date + '\n';
  std::string names = "host;x-amz-date";
  if (!token.empty()) {
    headers += "x-amz-security-token:" + token + '\n';
    names += ";x-amz-security-token";
  }
  headers += "x-amz-target:DynamoDB_20120810." + operation + '\n';
  names += ";x-amz-target";

  const std::string scope = day + '/' + region + "/dynamodb/aws4_request";
  const std::string canonical = "POST\n/\n\n" + headers + '\n' + names + '\n' + hash(body);
  const std::string to_sign =
      std::string("AWS4-HMAC-SHA256\n") + date + '\n' + scope + '\n' + hash(canonical);
  const std::string prefixed = "AWS4" + secret;
  Bytes key(prefixed.begin(), prefixed.end());
  for (const std::string& step :
       {day, region, std::string("dynamodb"), std::string("aws4_request")}) {
    key = mac(key, step);
  }
  std::string text = "POST / HTTP/1.1\r\n";
  if (sign) {
    text += "Authorization: AWS4-HMAC-SHA256 Credential=" + key_id + '/' + scope +
            ", SignedHeaders=" + names + ", Signature=" + hex(mac(key, to_sign)) + "\r\n";
  }
  for (const char c : headers) text += c == '\n' ? "\r\n" : std::string(1, c);
  return text + "Content-Type: application/x-amz-json-1.0\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

DynamoTestClient::Answer DynamoTestClient::call(const std::string& operation,
                                                const json::object& body) {
  boost::system::error_code ec;
  if (!connection_) {
    connection_ = std::make_unique<Connection>();
    connection_->socket.connect({asio::ip::address_v4::loopback(), port_}, ec);
    ++connections;
  }
  if (!ec) {
    asio::write(connection_->socket, asio::buffer(request(operation, json::serialize(body))), ec);
  }
  http::response<http::string_body> response;
  if (!ec) http::read(connection_->socket, connection_->buffer, response, ec);
  if (ec) {
    connection_.reset();
    return {};
  }
  Answer answer;
  answer.status = static_cast<int>(response.result_int());
  answer.text = response.body();
  json::value parsed = json::parse(answer.text, ec);
  if (!ec && parsed.is_object()) answer.body = std::move(parsed.as_object());
  std::tm parts{};
  const std::string date(response[http::field::date]);
  if (::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts)) answer.date = ::timegm(&parts);
  if (!response.keep_alive()) connection_.reset();
  return answer;
}

}  // namespace rhooks::testing

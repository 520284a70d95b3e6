#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace rhooks::testing {

// A small client of DynamoDB with a signer of its own, for tests of what the real client is
// tested on. One connection, opened again when the server has closed it.
class DynamoTestClient {
 public:
  struct Answer {
    int status = 0;  // 0: no whole answer came
    std::string text;
    boost::json::object body;
    std::int64_t date = 0;  // the Date header, in epoch seconds

    std::string error() const;  // "ValidationException"; empty if it is none
  };

  explicit DynamoTestClient(const std::string& endpoint);
  DynamoTestClient(DynamoTestClient&&) noexcept;
  DynamoTestClient& operator=(DynamoTestClient&&) noexcept;
  ~DynamoTestClient();

  Answer call(const std::string& operation, const boost::json::object& body);

  std::string key_id = "AKIDEXAMPLE";
  std::string secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  std::string token;
  std::string region = "us-east-1";
  bool sign = true;
  std::chrono::seconds clock_offset{0};
  std::size_t connections = 0;

 private:
  struct Connection;
  std::string request(const std::string& operation, const std::string& body) const;

  std::uint16_t port_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace rhooks::testing

#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace rhooks::testing {

struct DynamoAnswer {
  int status = 0;  // 0: the emulator could not be reached; `body` then says why
  boost::json::object body;

  bool ok() const { return status == 200; }
  bool is_error(const std::string& name) const;  // "ConditionalCheckFailedException"
};

// The proxy's connections to the emulator: kept open, and one request at a time on each.
// Threads: the one that runs the io_context. Blocking: none.
class DynamoUpstream {
 public:
  using Done = std::function<void(DynamoAnswer)>;

  // `endpoint` is "http://127.0.0.1:PORT".
  DynamoUpstream(boost::asio::io_context& io, const std::string& endpoint);
  ~DynamoUpstream();

  // Calls `done` once, later.
  void call(const std::string& operation, const boost::json::object& body, Done done);

 private:
  class Connection;
  struct Pool;
  std::shared_ptr<Pool> pool_;
};

}  // namespace rhooks::testing

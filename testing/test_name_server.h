#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace rhooks::testing {

// A small name server on 127.0.0.1, for tests: answers what it is asked by UDP for IPv4 addresses
// (RFC 1035), and says of every name that it has no IPv6 ones.
//
//   TestNameServer names([](const std::string& name) {
//     if (name.ends_with(".dead")) return TestNameServer::silence();
//     if (name == "api.example") return TestNameServer::addresses({"127.0.0.1"});
//     return TestNameServer::no_such_name();
//   });
//
// The answerer is called by a thread of its own. Threads: every method may be called from any.
class TestNameServer {
 public:
  struct Answer {
    bool silent = false;
    bool exists = true;
    std::vector<std::string> addresses;
  };
  static Answer silence() { return {.silent = true}; }
  static Answer no_such_name() { return {.exists = false}; }
  static Answer addresses(std::vector<std::string> all) { return {.addresses = std::move(all)}; }
  using Answerer = std::function<Answer(const std::string& name)>;

  explicit TestNameServer(Answerer answerer);
  ~TestNameServer();
  TestNameServer(const TestNameServer&) = delete;
  TestNameServer& operator=(const TestNameServer&) = delete;

  // "127.0.0.1:PORT".
  std::string endpoint() const;
  // How often it was asked for the IPv4 addresses of a name.
  std::size_t asked(const std::string& name) const;

 private:
  void run();
  std::string reply_to(const std::string& query);

  const Answerer answerer_;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::map<std::string, std::size_t> asked_;
  std::thread thread_;
};

}  // namespace rhooks::testing

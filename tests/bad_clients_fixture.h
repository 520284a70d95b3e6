#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "rest/test_client.h"
#include "testing/patience.h"
#include "testing/process_facts.h"
#include "testing/slowdown.h"
#include "testing/test_receiver.h"
#include "tests/running_server.h"

namespace rhooks::testing {

using rest::test::Client;
using rest::test::Reply;

// A request of a client that means well is answered within this time, whatever others do, on a
// machine that has nothing else to do.
inline constexpr std::chrono::seconds kInTime{10};
// More than the server keeps at rest, sanitizers and the cache of the store included, and far
// less than what a client could make an unbounded server keep.
inline constexpr std::size_t kGrowthMax = std::size_t{1200} << 20;

inline std::string request_text(const std::string& line, const std::string& headers = {},
                                const std::string& body = {}) {
  return line + " HTTP/1.1\r\nHost: localhost\r\n" + headers +
         (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n" +
         body;
}

inline const std::string kRegisterLine = "POST /v1/namespaces/bad/tasks";

// A client that means well: registers tasks under ids of its own, on a new connection each.
// Threads: one.
class GoodClient {
 public:
  GoodClient(std::uint16_t port, std::string receiver_url, std::string name)
      : port_(port), url_(std::move(receiver_url)), name_(std::move(name)) {}

  // Asks again while the server says that it is overloaded, or closed the connection: a task
  // with an id can be sent twice.
  void register_task() {
    const std::string id = name_ + "-" + std::to_string(next_++);
    const std::string text = request_text("POST /v1/namespaces/good/tasks", {},
                                          R"({"id":")" + id + R"(","url":")" + url_ + id + "\"}");
    if (asked(text, {201, 409}).status != 0) acknowledged_.push_back("/" + id);
  }
  void health() { asked(request_text("GET /healthz"), {200}); }

  const std::vector<std::string>& acknowledged() const { return acknowledged_; }
  std::size_t refused() const { return refused_; }
  std::size_t failed() const { return failed_; }  // answered otherwise than they should be, if ever
  // That it was answered in time, by how busy the machine was until the first such call.
  void expect_in_time() {
    EXPECT_EQ(failed_, 0u) << trouble_;
    EXPECT_LT(slowest_, slowdown_.stop() * kInTime);
  }

 private:
  // The reply if it has one of these statuses.
  Reply asked(const std::string& text, const std::set<int>& wanted) {
    const auto from = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - from < kPatience) {
      Client client(port_);
      Reply reply;
      if (client.send(text)) reply = client.receive();
      if (wanted.contains(reply.status)) {
        slowest_ = std::max(slowest_, std::chrono::steady_clock::now() - from);
        return reply;
      }
      if (reply.status == 0 || reply.status == 503) {
        ++refused_;
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
        continue;
      }
      trouble_ = std::to_string(reply.status) + " " + reply.body;
      break;
    }
    ++failed_;
    return {};
  }

  const std::uint16_t port_;
  const std::string url_;
  const std::string name_;
  std::size_t next_ = 0;
  std::size_t failed_ = 0;
  std::size_t refused_ = 0;
  std::string trouble_;
  std::vector<std::string> acknowledged_;
  std::chrono::steady_clock::duration slowest_{0};
  Slowdown slowdown_;
};

// The real server, a real receiver, and what is asked of the server after each test: that it
// lives and answers in time, lost no task, gave no 500, leaks no descriptor and no memory.
class BadClientsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    raise_open_files();
    start();
  }
  void TearDown() override {
    if (server_) expect_unharmed();
  }

  void start(std::vector<std::string> environment = {}) {
    // Freed memory is given back early, so that what is measured is what is held.
    environment.push_back("ASAN_OPTIONS=quarantine_size_mb=8:malloc_context_size=4");
    server_ = std::make_unique<RunningServer>(dir_, "rocksdb:" + dir_.sub("store"),
                                              std::vector<std::string>{"--log-level", "warn"},
                                              environment);
    good_ = std::make_unique<GoodClient>(port(), receiver_.url("/"), "before");
    for (int i = 0; i < 20; ++i) good_->register_task();
    // The server opens what it needs lazily: once all were delivered, it has.
    EXPECT_TRUE(receiver_.wait_requests(20));
    files_before_ = open_files(pid());
    bytes_before_ = resident_bytes(pid());
  }

  std::uint16_t port() const {
    const std::string& url = server_->url();
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  }
  pid_t pid() const { return server_->process().pid(); }
  GoodClient& good() { return *good_; }
  std::string receiver_url() { return receiver_.url("/"); }

  // Good clients at work for as long as `mischief` takes, and then some.
  void while_served(const std::function<void()>& mischief) {
    std::atomic<bool> done{false};
    GoodClient during(port(), receiver_url(), "during");
    std::thread working([&] {
      do {
        during.register_task();
        during.health();
        // What it registers is delivered beside: without a pause that would be all that is done.
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
      } while (!done);
    });
    mischief();
    done = true;
    working.join();
    during.expect_in_time();
    EXPECT_FALSE(during.acknowledged().empty());
    expect_delivered(during);
  }

  // Sends bytes; expects one answer with one of these statuses, a problem document.
  void expect_answer(const std::string& bytes, const std::set<int>& statuses,
                     bool finish_sending = false) {
    SCOPED_TRACE(bytes.substr(0, 120));
    Client client(port());
    client.send(bytes);
    if (finish_sending) client.finish_sending();
    const Reply reply = client.receive();
    EXPECT_TRUE(statuses.contains(reply.status)) << reply.status << " " << reply.body;
    if (reply.status >= 400) {
      EXPECT_EQ(reply.header("content-type"), "application/problem+json");
      EXPECT_NE(reply.body.find("\"detail\":\""), std::string::npos) << reply.body;
    }
  }
  // The same, and that the connection is closed with nothing more being answered: whatever
  // follows the first request in `bytes` is not taken for a request.
  void expect_refused(const std::string& bytes, int status, bool finish_sending = false) {
    SCOPED_TRACE(bytes.substr(0, 200));
    Client client(port());
    client.send(bytes);
    if (finish_sending) client.finish_sending();
    const Reply reply = client.receive();
    EXPECT_EQ(reply.status, status) << reply.body;
    EXPECT_EQ(reply.header("content-type"), "application/problem+json");
    EXPECT_EQ(reply.header("connection"), "close");
    EXPECT_TRUE(client.closed_by_server());
  }

  // Tasks of the client that do not arrive, waiting included.
  std::size_t undelivered(const GoodClient& client) {
    std::size_t missing = 0;
    eventually([&] {
      std::set<std::string> missed(client.acknowledged().begin(), client.acknowledged().end());
      for (const std::string& target : delivered_) missed.erase(target);
      for (const TestRequest& request : receiver_.requests()) missed.erase(request.target);
      missing = missed.size();
      return missing == 0;
    });
    return missing;
  }
  void expect_delivered(const GoodClient& client) {
    EXPECT_EQ(undelivered(client), 0u) << "tasks are lost";
  }
  // For tests that go on for long.
  void forget_deliveries() {
    EXPECT_EQ(undelivered(good()), 0u);
    delivered_.insert(good().acknowledged().begin(), good().acknowledged().end());
    receiver_.clear_requests();
  }
  void expect_bounded() {
    const std::size_t most = resident_bytes_max(pid());
    EXPECT_LT(most, bytes_before_ + kGrowthMax) << "at rest it held " << bytes_before_;
    std::cout << "memory: " << (bytes_before_ >> 20) << " MiB at rest, " << (most >> 20)
              << " MiB at most\n";
  }

  // Connections of this test may still be in the hands of the server: they end within its
  // time limits.
  void expect_unharmed() {
    GoodClient after(port(), receiver_url(), "after");
    for (int i = 0; i < 5; ++i) after.register_task();
    after.health();
    after.expect_in_time();
    expect_delivered(*good_);
    expect_delivered(after);
    const std::string metrics = read("/metrics");
    EXPECT_NE(metrics.find("rhooks_http_request_duration_seconds_count"), std::string::npos);
    EXPECT_EQ(metrics.find("status=\"500\""), std::string::npos) << "a request was answered 500";
    // The store may have a few files more by now, and deliveries their connections.
    EXPECT_TRUE(eventually([&] { return open_files(pid()) <= files_before_ + 45; }))
        << open_files(pid()) << " files are open; before, " << files_before_ << " were";
    expect_bounded();
    EXPECT_EQ(server_->process().errors().find("runtime error"), std::string::npos);
    server_->process().signal(SIGTERM);
    EXPECT_EQ(server_->process().wait(), 0) << server_->process().errors();
    server_.reset();
  }

  std::string read(const std::string& target) {
    Client client(port());
    client.send(request_text("GET " + target));
    const Reply reply = client.receive();
    EXPECT_EQ(reply.status, 200) << target;
    return reply.body;
  }

  TempDir dir_;
  TestReceiver receiver_;
  std::unique_ptr<RunningServer> server_;

 private:
  std::unique_ptr<GoodClient> good_;
  std::set<std::string> delivered_;  // of the requests that were forgotten
  std::size_t files_before_ = 0;
  std::size_t bytes_before_ = 0;
};

}  // namespace rhooks::testing

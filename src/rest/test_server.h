#pragma once

// What the tests of the HTTP server share.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "rest/http_server.h"
#include "rest/test_client.h"
#include "testing/patience.h"

namespace rhooks::rest::test {

// Lets handlers wait until the test opens it, and the test until handlers came.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait_for(lock, rhooks::testing::kPatience, [this] { return open_; });
  }
  bool wait_for(int handlers) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, rhooks::testing::kPatience,
                             [&] { return waiting_ >= handlers; });
  }
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

// Answers what it got: method, path and body.
inline HttpResponse echo(const HttpRequest& request) {
  HttpResponse response;
  response.content_type = "text/plain";
  response.body = request.method;
  for (const auto& segment : request.path) response.body += "|" + segment;
  for (const auto& [name, value] : request.query) response.body += "?" + name + "=" + value;
  response.body += "\n" + request.body;
  return response;
}

inline HttpServerOptions quick_options() {
  HttpServerOptions options;
  options.header_timeout = std::chrono::milliseconds{150};
  options.body_timeout = std::chrono::milliseconds{150};
  options.idle_timeout = std::chrono::milliseconds{150};
  options.linger_timeout = std::chrono::milliseconds{1'000};
  return options;
}

class HttpServerTest : public ::testing::Test {
 protected:
  std::uint16_t start(HttpServerOptions options = {}, HttpHandler handler = echo) {
    options.on_refusal = [this](int status) { last_refusal_ = status; };
    server_ = std::make_unique<HttpServer>(std::move(options), std::move(handler));
    const auto started = server_->start();
    EXPECT_TRUE(started) << started.error().message;
    return server_->port();
  }

  // Sends bytes, expects this status and that the server closes the connection.
  void expect_refused(std::uint16_t port, std::string_view bytes, int status,
                      bool finish_sending = false) {
    SCOPED_TRACE(std::string(bytes.substr(0, 80)));
    Client client(port);
    const auto answer = [&] {
      client.send(bytes);
      if (finish_sending) client.finish_sending();
      return client.receive();
    };
    Reply reply = answer();
    // One that a busy machine held up, before its first byte, for all the time that it had for its
    // head is closed without an answer.
    for (int again = 0; status == 408 && reply.status == 0 && again < 20; ++again) {
      client = Client(port);
      reply = answer();
    }
    EXPECT_EQ(reply.status, status) << reply.body;
    EXPECT_EQ(reply.header("content-type"), "application/problem+json");
    EXPECT_EQ(reply.header("connection"), "close");
    EXPECT_THAT(reply.body, ::testing::HasSubstr("\"status\":" + std::to_string(status)));
    EXPECT_THAT(reply.body, ::testing::Not(::testing::HasSubstr("\"title\":\"Error\"")));
    EXPECT_TRUE(client.closed_by_server());
    EXPECT_EQ(last_refusal_.load(), status);
  }

  std::atomic<int> last_refusal_{0};
  std::atomic<int> handled_{0};  // by handlers that count
  std::unique_ptr<HttpServer> server_;
};

}  // namespace rhooks::rest::test

// Requests that are handled together.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "rest/http_server.h"
#include "rest/test_client.h"

namespace rhooks::rest {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::Reply;
using ::testing::ElementsAre;

// A server whose groups wait until the test lets them go.
class HttpGroupsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    HttpServerOptions options;
    options.handler_threads = 4;
    options.admit = [this](const HttpRequest& head) {
      Admission admission;
      if (head.target == "/now") {
        admission.response = HttpResponse{.content_type = {}, .headers = {}, .body = "now"};
      } else {
        ++admitted_;
        admission.together = head.target != "/alone";
      }
      return admission;
    };
    options.handle_together = [this](std::span<const HttpRequest* const> requests) {
      return handle(requests);
    };
    server_ = std::make_unique<HttpServer>(std::move(options), [](const HttpRequest&) {
      return HttpResponse{.content_type = {}, .headers = {}, .body = "alone"};
    });
    ASSERT_TRUE(server_->start());
  }

  std::vector<HttpResponse> handle(std::span<const HttpRequest* const> requests) {
    std::unique_lock lock(mutex_);
    sizes_.push_back(requests.size());
    changed_.notify_all();
    changed_.wait_for(lock, 20s, [this] { return open_; });
    std::vector<HttpResponse> responses;
    for (const HttpRequest* request : requests) {
      if (request->body == "throw") throw std::runtime_error("as asked");
      responses.push_back(
          {.content_type = {}, .headers = {}, .body = request->target + request->body});
    }
    return responses;
  }

  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

  // One more connection with a request under way.
  void send(const std::string& body) {
    clients_.emplace_back(server_->port());
    ASSERT_TRUE(clients_.back().send(
        test::text_of({"POST", "/" + std::to_string(clients_.size() - 1), body})));
  }

  // A group of one, which is at work from now on.
  void send_first() {
    send("first");
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, 20s, [&] { return sizes_.size() == 1; }));
  }

  // Until all that was sent waits for the groups.
  void wait_until_taken_in() {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (admitted_ < clients_.size() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    ASSERT_EQ(admitted_, clients_.size());
    // What was admitted is handed over before the only network thread takes another request.
    ASSERT_EQ(test::call(server_->port(), {"GET", "/now"}).body, "now");
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::size_t> sizes_;  // of the groups, in their order
  bool open_ = false;
  std::atomic<std::size_t> admitted_{0};
  std::vector<Client> clients_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpGroupsTest, WhatWaitsIsHandledTogether) {
  send_first();
  for (int i = 0; i < 20; ++i) send("body");
  wait_until_taken_in();
  // Others are not kept waiting.
  EXPECT_EQ(test::call(server_->port(), {"GET", "/alone"}).body, "alone");
  open();
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    const Reply reply = clients_[i].receive();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "/" + std::to_string(i) + (i < 1 ? "first" : "body"));
  }
  EXPECT_THAT(sizes_, ElementsAre(1, 20));
  // The connections go on, each alone by now.
  EXPECT_EQ(test::call(clients_[5], {"POST", "/again", "x"}).body, "/againx");
}

TEST_F(HttpGroupsTest, LongBodiesDoNotComeTogether) {
  send_first();
  for (int i = 0; i < 3; ++i) send(std::string(600'000, 'x'));
  wait_until_taken_in();
  open();
  for (Client& client : clients_) EXPECT_EQ(client.receive().status, 200);
  EXPECT_THAT(sizes_, ElementsAre(1, 1, 1, 1));
}

TEST_F(HttpGroupsTest, AnExceptionIsAnErrorForEachOfTheGroup) {
  send_first();
  for (const char* body : {"fine", "throw", "fine"}) send(body);
  wait_until_taken_in();
  open();
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    EXPECT_EQ(clients_[i].receive().status, i < 1 ? 200 : 500);
  }
  EXPECT_EQ(test::call(clients_.back(), {"POST", "/again", "x"}).status, 200);
}

TEST_F(HttpGroupsTest, AClientThatLeavesTakesNobodyAlong) {
  send_first();
  for (int i = 0; i < 3; ++i) send("body");
  wait_until_taken_in();
  clients_[2].reset();
  open();
  for (const std::size_t i : {0, 1, 3}) EXPECT_EQ(clients_[i].receive().status, 200);
}

TEST_F(HttpGroupsTest, StopsWhileRequestsWait) {
  send_first();
  for (int i = 0; i < 5; ++i) send("body");
  wait_until_taken_in();
  std::thread stopping([this] { server_->stop(0ms); });
  for (Client& client : clients_) EXPECT_TRUE(client.closed_by_server());
  open();
  stopping.join();
  EXPECT_EQ(server_->connections(), 0u);
}

// What is admitted while the server stops is dropped before the network is: connections hold on
// to it.
TEST(HttpGroupsStopTest, StopsWhileRequestsArrive) {
  const std::string request = test::text_of({"POST", "/", "body"});
  for (int round = 0; round < 20; ++round) {
    HttpServerOptions options;
    options.handler_threads = 2;
    options.admit = [](const HttpRequest&) {
      // Slow, so that some are still to be admitted when the server has stopped its pool. Nothing
      // that is expected depends on how slow: without it a defect is only met less often.
      std::this_thread::sleep_for(1ms);
      return Admission{.response = {}, .body_bytes_max = 1'000, .together = true};
    };
    options.handle_together = [](std::span<const HttpRequest* const> requests) {
      return std::vector<HttpResponse>(requests.size());
    };
    auto server = std::make_unique<HttpServer>(std::move(options),
                                               [](const HttpRequest&) { return HttpResponse{}; });
    ASSERT_TRUE(server->start());
    std::atomic<std::size_t> answered{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 8; ++i) {
      clients.emplace_back([&, port = server->port()] {
        Client client(port);
        while (client.send(request) && client.receive().status == 200) ++answered;
      });
    }
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (answered < 50 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    server->stop(0ms);
    server.reset();
    for (std::thread& client : clients) client.join();
    EXPECT_GE(answered, 50u);
  }
}

}  // namespace
}  // namespace rhooks::rest

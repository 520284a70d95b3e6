// Requests that are answered later, by others than their handler.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "rest/http_server.h"
#include "rest/test_client.h"
#include "testing/patience.h"

namespace rhooks::rest {
namespace {

using namespace std::chrono_literals;
using rhooks::testing::eventually;
using test::Client;
using test::Reply;

HttpResponse text(const std::string& body) {
  return {.content_type = {}, .headers = {}, .body = body};
}

// A server that answers when the test says so. "/now" and "/alone" are answered at once, the latter
// by a handler.
class HttpLaterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.handler_threads = 4;
    options_.admit = [this](const HttpRequest& head) {
      Admission admission;
      if (head.target == "/now") {
        admission.response = text("now");
      } else {
        ++admitted_;
        admission.work = head.target == "/alone" ? Work::kOne : Work::kLater;
      }
      return admission;
    };
    options_.handle_later = [this](const HttpRequest& request, Respond respond) {
      begin(request, std::move(respond));
    };
  }

  void TearDown() override {
    answer_all();
    server_.reset();
  }

  void start() {
    server_ =
        std::make_unique<HttpServer>(options_, [](const HttpRequest&) { return text("alone"); });
    ASSERT_TRUE(server_->start());
  }

  void begin(const HttpRequest& request, Respond respond) {
    if (request.body == "throw") throw std::runtime_error("as asked");
    if (request.body == "drop") return;
    if (request.body == "answer and throw") {
      respond(text("answered"));
      throw std::runtime_error("as asked");
    }
    std::unique_lock lock(mutex_);
    order_.push_back(request.target);
    changed_.notify_all();
    if (open_) {
      lock.unlock();
      respond(text(request.target + request.body));
      return;
    }
    unanswered_.push_back({&request, std::move(respond)});
  }

  // One more connection with a request under way.
  void send(const std::string& body, const char* from = "127.0.0.1") {
    clients_.push_back(Client::from(from, server_->port()));
    ASSERT_TRUE(clients_.back().send(
        test::text_of({"POST", "/" + std::to_string(clients_.size() - 1), body})));
  }

  bool wait_for_begun(std::size_t requests) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, rhooks::testing::kPatience,
                             [&] { return order_.size() >= requests; });
  }

  // Until all that was sent was handed over.
  void wait_until_taken_in() {
    ASSERT_TRUE(eventually([&] { return admitted_ >= clients_.size(); })) << admitted_;
    ASSERT_EQ(admitted_, clients_.size());
    // What was admitted is handed over before the only network thread takes another request.
    ASSERT_EQ(test::call(server_->port(), {"GET", "/now"}).body, "now");
  }

  std::size_t begun() {
    std::lock_guard lock(mutex_);
    return order_.size();
  }

  // The latest first: nothing depends on the order.
  void answer_all() {
    std::vector<Later> all;
    {
      std::lock_guard lock(mutex_);
      open_ = true;
      all.swap(unanswered_);
    }
    while (!all.empty()) {
      const HttpRequest& request = *all.back().request;
      all.back().respond(text(request.target + request.body));
      all.pop_back();
    }
  }

  void expect_answers() {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      const Reply reply = clients_[i].receive();
      EXPECT_EQ(reply.status, 200);
      EXPECT_TRUE(reply.body.starts_with("/" + std::to_string(i))) << reply.body.substr(0, 20);
    }
  }

  struct Later {
    const HttpRequest* request;
    Respond respond;
  };
  HttpServerOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> order_;  // of those that were begun
  std::vector<Later> unanswered_;
  bool open_ = false;
  std::atomic<std::size_t> admitted_{0};
  std::vector<Client> clients_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpLaterTest, ManyWaitForTheirAnswersAndKeepNoThread) {
  start();
  for (int i = 0; i < 50; ++i) send("body");
  ASSERT_TRUE(wait_for_begun(50));
  // Others are not kept waiting.
  EXPECT_EQ(test::call(server_->port(), {"GET", "/alone"}).body, "alone");
  answer_all();
  expect_answers();
  // The connections go on, each answered at once by now.
  EXPECT_EQ(test::call(clients_[5], {"POST", "/again", "x"}).body, "/againx");
}

TEST_F(HttpLaterTest, SoManyAreBegunAndOthersTakeTurns) {
  options_.unanswered_max = 10;
  start();
  for (int i = 0; i < 40; ++i) send("greedy");
  ASSERT_TRUE(wait_for_begun(10));
  send("other", "127.0.0.2");
  wait_until_taken_in();
  EXPECT_EQ(begun(), 10u);
  answer_all();
  expect_answers();
  const auto other = std::find(order_.begin(), order_.end(), "/40");
  ASSERT_NE(other, order_.end());
  EXPECT_LE(other - order_.begin(), 12);
}

TEST_F(HttpLaterTest, TheirBodiesAreBounded) {
  options_.unanswered_bytes_max = 1'000'000;
  start();
  for (int i = 0; i < 4; ++i) send(std::string(400'000, 'x'));
  ASSERT_TRUE(wait_for_begun(2));
  wait_until_taken_in();
  EXPECT_EQ(begun(), 2u);
  answer_all();
  expect_answers();
  // One that is longer than all may be alone is handled alone.
  EXPECT_EQ(test::call(clients_[0], {"POST", "/", std::string(1'100'000, 'x')}).status, 200);
}

TEST_F(HttpLaterTest, AnExceptionIsAnErrorOfThatRequestOnly) {
  start();
  EXPECT_EQ(test::call(server_->port(), {"POST", "/", "throw"}).status, 500);
  EXPECT_EQ(test::call(server_->port(), {"POST", "/", "answer and throw"}).body, "answered");
  answer_all();
  EXPECT_EQ(test::call(server_->port(), {"POST", "/", "x"}).body, "/x");
}

TEST_F(HttpLaterTest, ARequestThatNobodyWillAnswerIs503) {
  start();
  EXPECT_EQ(test::call(server_->port(), {"POST", "/", "drop"}).status, 503);
  send("body");
  ASSERT_TRUE(wait_for_begun(1));
  {
    std::lock_guard lock(mutex_);
    unanswered_.clear();
  }
  EXPECT_EQ(clients_[0].receive().status, 503);
}

TEST_F(HttpLaterTest, OnlyTheFirstAnswerCounts) {
  start();
  send("body");
  ASSERT_TRUE(wait_for_begun(1));
  Respond respond = unanswered_[0].respond;
  answer_all();
  respond(text("again"));
  EXPECT_EQ(clients_[0].receive().body, "/0body");
  EXPECT_EQ(test::call(clients_[0], {"POST", "/", "x"}).body, "/x");
}

TEST_F(HttpLaterTest, AClientThatLeavesTakesNobodyAlong) {
  start();
  for (int i = 0; i < 4; ++i) send("body");
  ASSERT_TRUE(wait_for_begun(4));
  clients_[2].reset();
  answer_all();
  for (const std::size_t i : {0, 1, 3}) EXPECT_EQ(clients_[i].receive().status, 200);
}

TEST_F(HttpLaterTest, StopWaitsForWhatIsToBeAnswered) {
  options_.unanswered_max = 2;
  start();
  for (int i = 0; i < 5; ++i) send("body");
  ASSERT_TRUE(wait_for_begun(2));
  wait_until_taken_in();
  std::atomic<bool> stopped{false};
  std::thread stopping([&] {
    server_->stop(0ms);
    stopped = true;
  });
  for (Client& client : clients_) EXPECT_TRUE(client.closed_by_server());
  EXPECT_FALSE(stopped);
  EXPECT_EQ(begun(), 2u);
  answer_all();
  stopping.join();
  EXPECT_EQ(server_->connections(), 0u);
}

// What is admitted while the server stops is dropped before the network is: connections hold on
// to it. And answers come from a thread that the server does not know.
TEST(HttpLaterStopTest, StopsWhileRequestsArriveAndAreAnswered) {
  const std::string request = test::text_of({"POST", "/", "body"});
  for (int round = 0; round < 20; ++round) {
    std::mutex mutex;
    std::vector<Respond> unanswered;
    std::atomic<bool> over{false};
    std::thread answering([&] {
      while (!over) {
        std::vector<Respond> all;
        {
          std::lock_guard lock(mutex);
          all.swap(unanswered);
        }
        for (const Respond& respond : all) respond(HttpResponse{});
        std::this_thread::yield();
      }
    });
    HttpServerOptions options;
    options.handler_threads = 2;
    options.admit = [](const HttpRequest&) {
      // Slow, so that some are still to be admitted when the server has stopped its pool. Nothing
      // that is expected depends on how slow: without it a defect is only met less often.
      std::this_thread::sleep_for(1ms);
      return Admission{.response = {}, .body_bytes_max = 1'000, .work = Work::kLater};
    };
    options.handle_later = [&](const HttpRequest&, Respond respond) {
      std::lock_guard lock(mutex);
      unanswered.push_back(std::move(respond));
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
    EXPECT_TRUE(eventually([&] { return answered >= 50; })) << answered;
    server->stop(0ms);
    server.reset();
    over = true;
    answering.join();
    for (std::thread& client : clients) client.join();
  }
}

}  // namespace
}  // namespace rhooks::rest

#include "net/curl_loop.h"

#include <gtest/gtest.h>

#include <ctime>
#include <memory>
#include <string>
#include <thread>

#include "net/easy_handle.h"
#include "testing/closed_port.h"
#include "testing/patience.h"
#include "testing/test_receiver.h"

namespace rhooks::net {
namespace {

using std::chrono::milliseconds;
using testing::TestReceiver;
using testing::TestRequest;
using testing::TestResponse;

class CurlLoopTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto created = CurlLoop::create({});
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(*created);
  }

  CURL* start(const std::string& url) {
    CURL* const easy = loop_->take_handle();
    EXPECT_EQ(set_common_options(easy, {}), CURLE_OK);
    EXPECT_EQ(curl_easy_setopt(easy, CURLOPT_URL, url.c_str()), CURLE_OK);
    EXPECT_EQ(loop_->add(easy), CURLM_OK);
    return easy;
  }

  // Runs until `count` transfers have ended; fails the test where they do not.
  std::vector<EndedTransfer> wait(std::size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + testing::kPatience;
    std::vector<EndedTransfer> all;
    while (all.size() < count && std::chrono::steady_clock::now() < deadline) {
      for (const auto& transfer : loop_->run(milliseconds{200})) all.push_back(transfer);
    }
    EXPECT_EQ(all.size(), count);
    return all;
  }

  static long status_of(CURL* easy) {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
  }

  std::unique_ptr<CurlLoop> loop_;
};

TEST_F(CurlLoopTest, GivesTransfersThatEndedWithWhatIsKnownOfThem) {
  TestReceiver receiver([](const TestRequest& request) {
    return TestResponse::with_status(request.target == "/teapot" ? 418 : 204);
  });
  CURL* const good = start(receiver.url("/good"));
  CURL* const teapot = start(receiver.url("/teapot"));
  for (const auto& [easy, code] : wait(2)) {
    EXPECT_EQ(code, CURLE_OK);
    EXPECT_EQ(status_of(easy), easy == teapot ? 418 : 204);
    EXPECT_TRUE(easy == teapot || easy == good);
    loop_->give_handle_back(easy);
  }
}

TEST_F(CurlLoopTest, ReportsFailuresAsLibcurlNamesThem) {
  const testing::ClosedPort nobody;
  start(nobody.url());
  const auto ended = wait(1);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].code, CURLE_COULDNT_CONNECT);
  loop_->give_handle_back(ended[0].easy);
}

TEST_F(CurlLoopTest, KeepsConnectionsAndReusesHandles) {
  TestReceiver receiver;
  for (int i = 0; i < 5; ++i) {
    CURL* const easy = start(receiver.url("/"));
    ASSERT_EQ(wait(1).size(), 1u);
    loop_->give_handle_back(easy);
    EXPECT_EQ(loop_->take_handle(), easy);
    loop_->give_handle_back(easy);
  }
  EXPECT_EQ(receiver.connections(), 1u);
}

// An idle connection stays with epoll. Whatever comes on it must not keep the loop awake.
TEST_F(CurlLoopTest, SleepsWhileAnIdleConnectionIsClosedByItsOtherEnd) {
  auto receiver = std::make_unique<TestReceiver>();
  CURL* const easy = start(receiver->url("/"));
  ASSERT_EQ(wait(1).size(), 1u);
  loop_->give_handle_back(easy);
  receiver.reset();  // closes the connection

  const std::clock_t before = std::clock();
  EXPECT_TRUE(loop_->run(milliseconds{1'000}).empty());
  const double used = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_LT(used, 0.1);

  TestReceiver other;
  CURL* const next = start(other.url("/"));
  const auto ended = wait(1);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].code, CURLE_OK);
  loop_->give_handle_back(next);
}

// Descriptors are closed and their numbers used again: each must be waited for anew.
TEST_F(CurlLoopTest, WaitsForConnectionsThatGetTheNumbersOfClosedOnes) {
  for (int round = 0; round < 20; ++round) {
    TestReceiver receiver([](const TestRequest& request) {
      auto response = TestResponse::with_status(200);
      if (request.target == "/last") response.headers = {{"Connection", "close"}};
      return response;
    });
    for (const char* path : {"/a", "/b", "/last"}) {
      CURL* const easy = start(receiver.url(path));
      const auto ended = wait(1);
      ASSERT_EQ(ended.size(), 1u) << "round " << round << path;
      EXPECT_EQ(ended[0].code, CURLE_OK);
      loop_->give_handle_back(easy);
    }
  }
}

TEST_F(CurlLoopTest, FollowsNoRedirectAndNoProxyOfTheEnvironment) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  TestReceiver receiver([](const TestRequest&) {
    auto response = TestResponse::with_status(302);
    response.headers = {{"Location", "/elsewhere"}};
    return response;
  });
  CURL* const easy = start(receiver.url("/"));
  ASSERT_EQ(wait(1).size(), 1u);
  EXPECT_EQ(status_of(easy), 302);
  loop_->give_handle_back(easy);
  EXPECT_EQ(receiver.request_count(), 1u);
  ::unsetenv("http_proxy");
}

TEST_F(CurlLoopTest, IsWokenByAnotherThread) {
  std::thread other([this] { loop_->wake(); });
  // Would wait for an hour.
  EXPECT_TRUE(loop_->run(std::chrono::hours{1}).empty());
  other.join();
  loop_->wake();  // before the wait: not lost
  EXPECT_TRUE(loop_->run(std::chrono::hours{1}).empty());
}

TEST_F(CurlLoopTest, DropsATransferThatIsUnderWay) {
  TestReceiver receiver([](const TestRequest&) {
    TestResponse response;
    response.hold = true;
    return response;
  });
  CURL* const easy = start(receiver.url("/"));
  const auto deadline = std::chrono::steady_clock::now() + testing::kPatience;
  while (receiver.held() == 0 && std::chrono::steady_clock::now() < deadline) {
    EXPECT_TRUE(loop_->run(milliseconds{5}).empty());
  }
  EXPECT_EQ(receiver.held(), 1u);
  loop_->remove(easy);
  loop_->give_handle_back(easy);
  EXPECT_TRUE(loop_->run(milliseconds{0}).empty());
  EXPECT_TRUE(receiver.wait_open_connections_at_most(0));
}

TEST(EasyOptionsTest, AreCheckedAndBounded) {
  const auto missing = checked({.ca_file = "/no/such/file.pem"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(missing.error().field, "caFile");
  EXPECT_NE(missing.error().message.find("/no/such/file.pem"), std::string::npos);

  const auto none = checked({milliseconds{0}, std::chrono::hours{10'000}, {}});
  ASSERT_TRUE(none);
  EXPECT_EQ(none->connect_timeout, milliseconds{1});
  EXPECT_EQ(none->request_timeout, std::chrono::hours{24});
}

}  // namespace
}  // namespace rhooks::net

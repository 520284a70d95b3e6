#include "aws/http_fetch.h"

#include <gtest/gtest.h>

#include <atomic>

#include "testing/patience.h"
#include "testing/test_receiver.h"

namespace rhooks::aws {
namespace {

using testing::TestReceiver;
using testing::TestRequest;
using testing::TestResponse;

FetchRequest request_to(const TestReceiver& receiver) {
  FetchRequest request;
  request.url = receiver.url("/path");
  request.timeout = testing::kPatience;
  return request;
}

TEST(HttpFetchTest, SendsTheRequestAndGivesTheAnswer) {
  TestReceiver receiver([](const TestRequest&) { return TestResponse::with_status(404, "no"); });
  FetchRequest request = request_to(receiver);
  request.method = "PUT";
  request.headers = {{"X-One", "1"}};
  request.body = "text";
  const auto answer = fetch(request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(answer->body, "no");
  ASSERT_EQ(receiver.request_count(), 1u) << "a refusal is not repeated";
  const TestRequest seen = receiver.requests()[0];
  EXPECT_EQ(seen.method, "PUT");
  EXPECT_EQ(seen.target, "/path");
  EXPECT_EQ(seen.header("x-one"), "1");
  EXPECT_EQ(seen.body, "text");
}

TEST(HttpFetchTest, RepeatsWhatMayPass) {
  std::atomic<int> count{0};
  TestReceiver receiver([&](const TestRequest&) {
    switch (++count) {
      case 1:
        return TestResponse::with_status(503);
      case 2:
        return TestResponse::with_fault(TestResponse::Fault::kCloseBeforeResponse);
      case 3:
        return TestResponse::with_status(429);
      default:
        return TestResponse::with_status(200, "done");
    }
  });
  FetchRequest request = request_to(receiver);
  request.tries_max = 4;
  const auto answer = fetch(request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "done");

  count = 0;
  request.tries_max = 2;
  const auto given_up = fetch(request);
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(count, 2);
}

TEST(HttpFetchTest, FollowsNoRedirect) {
  TestReceiver elsewhere;
  TestReceiver receiver([&](const TestRequest&) {
    TestResponse response = TestResponse::with_status(302);
    response.headers = {{"Location", elsewhere.url("/secret")}};
    return response;
  });
  const auto answer = fetch(request_to(receiver));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(elsewhere.request_count(), 0u);
}

TEST(HttpFetchTest, BoundsAnswersAndTime) {
  TestReceiver endless([](const TestRequest&) {
    return TestResponse::with_fault(TestResponse::Fault::kEndlessBody, "x");
  });
  FetchRequest request = request_to(endless);
  request.tries_max = 1;
  const auto long_answer = fetch(request);
  ASSERT_FALSE(long_answer);
  EXPECT_NE(long_answer.error().message.find("longer than 64 KiB"), std::string::npos)
      << long_answer.error().message;

  TestReceiver silent([](const TestRequest&) {
    TestResponse response;
    response.hold = true;
    return response;
  });
  request = request_to(silent);
  request.tries_max = 1;
  request.timeout = std::chrono::milliseconds{100};
  EXPECT_FALSE(fetch(request));
}

TEST(HttpFetchTest, KnowsHttpOnly) {
  FetchRequest request;
  request.url = "file:///etc/hostname";
  request.tries_max = 1;
  EXPECT_FALSE(fetch(request));
}

}  // namespace
}  // namespace rhooks::aws

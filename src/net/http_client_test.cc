#include "net/http_client.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "testing/closed_port.h"
#include "testing/patience.h"
#include "testing/test_receiver.h"

namespace rhooks::net {
namespace {

using std::chrono::milliseconds;
using testing::TestReceiver;
using testing::TestRequest;
using testing::TestResponse;
using At = HttpFailure::At;

HttpClientOptions small_answers() {
  return {.answer_bytes_max = 64 * 1024};
}

// What comes of a call that must fail.
HttpFailure failure_of(const HttpCall& call, const HttpClientOptions& options = small_answers()) {
  HttpClient client(options);
  auto outcome = client.call(call);
  if (!outcome) return std::move(outcome.error());
  ADD_FAILURE() << call.url << " answered " << outcome->status;
  return {};
}

HttpFailure failure_by(const TestResponse& response) {
  TestReceiver receiver([&](const TestRequest&) { return response; });
  return failure_of({.url = receiver.url("/secret")});
}

TEST(HttpClientTest, GivesTheAnswerAndFollowsNoRedirect) {
  TestReceiver receiver([](const TestRequest&) {
    auto response = TestResponse::with_status(302, "elsewhere");
    response.headers = {{"Content-Type", "text/plain"}, {"Location", "/there"}};
    return response;
  });
  HttpClient client(small_answers());
  const auto answer = client.call({.method = "POST",
                                   .url = receiver.url("/a/../b"),
                                   .headers = {{"X-One", "  1"}, {"X-None", ""}},
                                   .body = "text"});
  ASSERT_TRUE(answer) << answer.error().why;
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(answer->content_type, "text/plain");
  EXPECT_EQ(answer->body, "elsewhere");
  EXPECT_EQ(answer->location, receiver.url("/there"));
  ASSERT_EQ(receiver.request_count(), 1u);
  const TestRequest seen = receiver.requests()[0];
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/a/../b");
  EXPECT_EQ(seen.header("x-one"), "1");
  EXPECT_TRUE(seen.has_header("x-none"));
  EXPECT_EQ(seen.header("user-agent"), "rhooks");
  EXPECT_FALSE(seen.has_header("expect"));
  EXPECT_EQ(seen.body, "text");
}

TEST(HttpClientTest, APostWithoutABodyIsOne) {
  TestReceiver receiver;
  HttpClient client(small_answers());
  ASSERT_TRUE(client.call({.method = "POST", .url = receiver.url()}));
  ASSERT_EQ(receiver.request_count(), 1u);
  EXPECT_EQ(receiver.requests()[0].header("content-length"), "0");
}

TEST(HttpClientTest, ABrokenConnectionHasNothingDoneTwice) {
  int count = 0;
  TestReceiver receiver([&](const TestRequest&) {
    return ++count % 2 == 0 ? TestResponse::with_fault(TestResponse::Fault::kCloseBeforeResponse)
                            : TestResponse::with_status(200);
  });
  HttpClient client(small_answers());
  EXPECT_TRUE(client.call({.url = receiver.url()}));
  const auto lost = client.call({.method = "PUT", .url = receiver.url(), .body = "x"});
  ASSERT_FALSE(lost);
  EXPECT_TRUE(lost.error().sent);
  EXPECT_EQ(receiver.request_count(), 2u);
  // What changes nothing is asked again.
  EXPECT_TRUE(client.call({.url = receiver.url()}));
  EXPECT_TRUE(client.call({.url = receiver.url()}));
  EXPECT_EQ(receiver.request_count(), 5u);
}

TEST(HttpClientTest, KnowsThatNothingWasSent) {
  const testing::ClosedPort nobody;
  const auto refused = failure_of({.url = nobody.url("/secret")});
  EXPECT_EQ(refused.at, At::kConnect);
  EXPECT_FALSE(refused.sent);
  EXPECT_NE(refused.why.find("connection refused"), std::string::npos) << refused.why;
  EXPECT_EQ(refused.why.find("secret"), std::string::npos) << refused.why;

  // RFC 6761, section 6.4.
  const auto unknown = failure_of({.url = "http://name.invalid/"});
  EXPECT_FALSE(unknown.sent);
  // Where nobody answers for names, the time may be up first.
  if (unknown.why.find("timed out") == std::string::npos) {
    EXPECT_EQ(unknown.at, At::kLookup);
  }

  TestReceiver::Options with_tls;
  with_tls.tls = true;
  TestReceiver tls(with_tls);
  const auto untrusted = failure_of({.url = tls.url()});
  EXPECT_EQ(untrusted.at, At::kTls);
  EXPECT_FALSE(untrusted.sent);
  EXPECT_EQ(tls.request_count(), 0u);

  TestReceiver receiver;
  const auto split = failure_of({.url = receiver.url(), .headers = {{"X", "1\r\nY: 2"}}});
  EXPECT_FALSE(split.sent);
  EXPECT_NE(split.why.find("the header X"), std::string::npos) << split.why;
  EXPECT_EQ(receiver.request_count(), 0u);

  EXPECT_FALSE(failure_of({.url = "file:///etc/hostname"}).sent);
}

TEST(HttpClientTest, KnowsThatNothingWasSentWhereTlsDoesNotBegin) {
  // The system accepts connections to a listening socket; here nobody takes them from it.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(listener, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&name), size), 0);
  ASSERT_EQ(::listen(listener, 16), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&name), &size), 0);
  auto options = small_answers();
  options.connect_timeout = milliseconds{150};
  const auto silent = failure_of(
      {.method = "POST", .url = "https://127.0.0.1:" + std::to_string(ntohs(name.sin_port))},
      options);
  ::close(listener);
  EXPECT_FALSE(silent.sent);
  EXPECT_NE(silent.why.find("timed out after 150 ms (no TLS connection)"), std::string::npos)
      << silent.why;
}

TEST(HttpClientTest, KnowsThatTheRequestMayHaveBeenCarriedOut) {
  TestResponse not_http;
  not_http.raw = "hello\r\n";
  TestResponse cut_headers;
  cut_headers.raw = "HTTP/1.1 200 OK\r\nx: 1\r\n";
  struct Case {
    TestResponse response;
    const char* why;
  };
  for (const auto& [response, why] : std::vector<Case>{
           {TestResponse::with_fault(TestResponse::Fault::kCloseBeforeResponse),
            "closed the connection without a response"},
           {TestResponse::with_fault(TestResponse::Fault::kCloseMidBody), "status 200 had arrived"},
           {cut_headers, "closed the connection within the headers of its response"},
           {not_http, "did not answer in HTTP"},
       }) {
    const auto failure = failure_by(response);
    EXPECT_TRUE(failure.sent) << why;
    EXPECT_EQ(failure.at, At::kOther) << why;
    EXPECT_NE(failure.why.find(why), std::string::npos) << failure.why;
    EXPECT_EQ(failure.why.find("secret"), std::string::npos) << failure.why;
  }

  TestReceiver silent([](const TestRequest&) {
    TestResponse response;
    response.hold = true;
    return response;
  });
  HttpFailure late;
  EXPECT_TRUE(testing::with_more_time(milliseconds{100}, [&](milliseconds limit) {
    late = failure_of({.url = silent.url(), .timeout = limit});
    return late.why == "timed out after " + std::to_string(limit.count()) + " ms (no response)";
  })) << late.why;
  EXPECT_TRUE(late.sent);
}

TEST(HttpClientTest, BoundsAnswers) {
  const auto endless = failure_by(TestResponse::with_fault(TestResponse::Fault::kEndlessBody, "x"));
  EXPECT_EQ(endless.at, At::kAnswerTooLong);
  EXPECT_TRUE(endless.sent);
  EXPECT_EQ(endless.why, "its answer is longer than 64 KiB");
}

}  // namespace
}  // namespace rhooks::net

// Bodies as they go out and as they come back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "delivery/curl_sender_fixture.h"
#include "model/limits.h"
#include "testing/test_receiver.h"

namespace rhooks::delivery {
namespace {

using rhooks::testing::TestReceiver;
using rhooks::testing::TestRequest;
using rhooks::testing::TestResponse;

TEST(CurlSenderBodiesTest, SendsAnEmptyBodyWithItsLength) {
  TestReceiver receiver;
  CurlSenderFixture fixture;
  for (const auto method : {Method::kPost, Method::kPut, Method::kPatch}) {
    ASSERT_TRUE(fixture.send(fixture.request(method, receiver.url())).ok());
  }
  for (const auto& seen : receiver.requests()) {
    EXPECT_EQ(seen.header("content-length"), "0") << seen.method;
    EXPECT_FALSE(seen.has_header("content-type")) << seen.method;
  }
}

TEST(CurlSenderBodiesTest, SendsBinaryAndLargeBodies) {
  TestReceiver receiver;
  CurlSenderFixture fixture;
  std::string body(model::kBodyBytesMax, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 % 256);
  ASSERT_TRUE(fixture.send(fixture.request(Method::kPost, receiver.url(), body)).ok());
  const auto seen = receiver.requests();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_TRUE(seen[0].body == body);
  EXPECT_FALSE(seen[0].has_header("expect"));
}

TEST(CurlSenderBodiesTest, SecretHeadersAreSentAndNotTold) {
  TestReceiver receiver;
  CurlSenderFixture fixture;
  auto http = fixture.request(Method::kPost, receiver.url(), "b",
                              {{"Authorization", "[redacted]"}, {"x-a", "b"}});
  http.secret_headers = {{"authorization", "Bearer hush"}};
  const auto outcome = fixture.send(std::move(http));
  ASSERT_TRUE(outcome.ok()) << outcome.error;
  const auto seen = receiver.requests().at(0);
  EXPECT_EQ(seen.header("authorization"), "Bearer hush");
  EXPECT_EQ(seen.header("x-a"), "b");
  EXPECT_EQ(outcome.sent.headers,
            (std::vector<Header>{{"Authorization", "[redacted]"}, {"x-a", "b"}}));
}

TEST(CurlSenderBodiesTest, ReadsChunkedBodiesAndDropsTrailers) {
  TestReceiver receiver([](const TestRequest&) {
    TestResponse response;
    response.raw =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n2\r\nde\r\n0\r\nx-trailer: 1\r\n\r\n";
    return response;
  });
  CurlSenderFixture fixture;
  const auto outcome = fixture.get(receiver.url());
  ASSERT_TRUE(outcome.ok()) << outcome.error;
  EXPECT_EQ(outcome.response->body, "abcde");
  EXPECT_EQ(outcome.response->headers.size(), 1u);
}

TEST(CurlSenderBodiesTest, StoresCompressedAnswersDecoded) {
  // {"ok":true}, made by gzip(1).
  const std::string coded(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\xca\xcf\x56\xb2\x2a\x29\x2a\x4d\xad"
      "\x05\x00\x90\x5f\xd4\xa7\x0b\x00\x00\x00",
      31);
  TestReceiver receiver([&](const TestRequest& request) {
    auto response = TestResponse::with_status(request.target == "/failed" ? 500 : 200, coded);
    if (request.target == "/lie") response.body = "plain";
    if (request.target == "/short") response.body.resize(20);
    response.headers = {{"Content-Encoding", request.target == "/unknown" ? "rot13" : "gzip"}};
    return response;
  });
  CurlSenderFixture fixture;
  // Whether the task asked for it or not.
  for (const std::vector<Header>& headers :
       {std::vector<Header>{{"Accept-Encoding", "gzip"}}, std::vector<Header>{}}) {
    const auto outcome = fixture.send(fixture.request(Method::kPost, receiver.url(), "x", headers));
    ASSERT_TRUE(outcome.ok()) << outcome.error;
    EXPECT_EQ(outcome.response->body, R"({"ok":true})");
    EXPECT_FALSE(outcome.response->body_truncated);
    EXPECT_THAT(outcome.response->headers, ::testing::Contains(Header{"Content-Encoding", "gzip"}));
  }
  EXPECT_EQ(receiver.requests()[0].header("accept-encoding"), "gzip");
  EXPECT_FALSE(receiver.requests()[1].has_header("accept-encoding"));
  EXPECT_EQ(fixture.get(receiver.url("/failed")).response->body, R"({"ok":true})");

  // A receiver that codes badly has received the webhook all the same.
  const auto lie = fixture.get(receiver.url("/lie"));
  ASSERT_TRUE(lie.ok()) << lie.error;
  EXPECT_EQ(lie.response->body, "plain");
  const auto unknown = fixture.get(receiver.url("/unknown"));
  ASSERT_TRUE(unknown.ok()) << unknown.error;
  EXPECT_EQ(unknown.response->body, coded);
  const auto cut = fixture.get(receiver.url("/short"));
  ASSERT_TRUE(cut.ok()) << cut.error;
  EXPECT_TRUE(cut.response->body_truncated);
  EXPECT_EQ(receiver.connections(), 1u) << "all were read to their ends";
}

}  // namespace
}  // namespace rhooks::delivery

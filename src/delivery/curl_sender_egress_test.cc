// What the sender refuses to send, and what it says of that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "delivery/curl_sender_fixture.h"
#include "egress/policy.h"

namespace rhooks::delivery {
namespace {

using rhooks::testing::TestReceiver;
using ::testing::HasSubstr;

CurlSenderOptions with_policy(const egress::PolicyOptions& options) {
  auto policy = egress::Policy::create(options);
  EXPECT_TRUE(policy) << policy.error().message;
  CurlSenderOptions sender = CurlSenderFixture::patient();
  sender.egress = std::make_shared<const egress::Policy>(std::move(*policy));
  return sender;
}

HttpResult send_to(CurlSenderFixture& fixture, std::string url) {
  fixture.start(CurlSenderFixture::request(Method::kGet, std::move(url)));
  return std::move(fixture.wait(1)[0]);
}

// Each of them libcurl would connect to.
TEST(CurlSenderEgressTest, EverySpellingOfLoopbackIsRefused) {
  TestReceiver receiver;
  const std::string port = std::to_string(receiver.port());
  CurlSenderFixture open;
  CurlSenderFixture closed(with_policy({.mode = "public"}));
  for (const std::string host :
       {"127.0.0.1", "127.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "0", "0.0.0.0",
        "%31%32%37.0.0.1", "localhost", "LOCALHOST", "foo.localhost", "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]"}) {
    const std::string url = "http://" + host + ":" + port + "/";
    receiver.clear_requests();
    EXPECT_TRUE(send_to(open, url).outcome.ok())
        << host << ": it is no spelling, so this is no test";
    EXPECT_EQ(receiver.requests().size(), 1u);
    const HttpResult result = send_to(closed, url);
    ASSERT_TRUE(result.refused) << host << result.outcome.error;
    EXPECT_EQ(result.refused->why, "loopback") << host;
    EXPECT_FALSE(result.outcome.response);
    EXPECT_THAT(result.outcome.error, HasSubstr("is not allowed by the egress policy")) << host;
    EXPECT_EQ(result.outcome.sent.url, url);
    EXPECT_EQ(receiver.requests().size(), 1u) << host;
  }
}

TEST(CurlSenderEgressTest, WhatIsAllowedIsSent) {
  TestReceiver receiver;
  const std::string port = std::to_string(receiver.port());
  CurlSenderFixture fixture(with_policy({.mode = "public", .allow = {"127.0.0.0/8:" + port}}));
  const HttpResult result = send_to(fixture, receiver.url());
  EXPECT_TRUE(result.outcome.ok()) << result.outcome.error;
  EXPECT_FALSE(result.refused);
  TestReceiver other;
  EXPECT_TRUE(send_to(fixture, other.url()).refused);
  EXPECT_EQ(other.connections(), 0u);
}

TEST(CurlSenderEgressTest, SchemePortAndDeniedNamesAreRefusedWithoutALookUp) {
  CurlSenderFixture tls(with_policy({.https_only = true}));
  EXPECT_EQ(send_to(tls, "http://nobody.invalid/").refused.value_or(Refused{}).why, "scheme");
  CurlSenderFixture ports(with_policy({.ports = {"443"}}));
  EXPECT_EQ(send_to(ports, "http://nobody.invalid/").refused.value_or(Refused{}).why, "port");
  CurlSenderFixture names(with_policy({.deny = {"*.invalid"}}));
  const HttpResult denied = send_to(names, "http://nobody.invalid/");
  EXPECT_EQ(denied.refused.value_or(Refused{}).why, "denied");
  EXPECT_THAT(denied.outcome.error, HasSubstr("the address of nobody.invalid is not allowed"));
}

}  // namespace
}  // namespace rhooks::delivery

// What the sender refuses to send, and what it says of that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "delivery/curl_sender_fixture.h"
#include "egress/policy.h"
#include "net/own_listeners.h"
#include "testing/closed_port.h"

namespace rhooks::delivery {
namespace {

using rhooks::testing::TestReceiver;
using rhooks::testing::TestRequest;
using rhooks::testing::TestResponse;
using ::testing::HasSubstr;
using ::testing::Not;

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

CurlSenderOptions by_proxy(const std::string& url) {
  CurlSenderOptions options = with_policy({.mode = "public"});
  options.proxy = {.url = url, .user = "hooks", .password = "hush"};
  return options;
}

// A receiver is its own proxy: it answers what comes through the tunnel that it was asked for.
struct ProxyAndReceiver {
  explicit ProxyAndReceiver(int proxy_status, int status = 200)
      : receiver([=](const TestRequest& request) {
          return TestResponse::with_status(request.method == "CONNECT" ? proxy_status : status);
        }),
        fixture(by_proxy(receiver.url(""))) {}

  HttpResult get(const std::string& url) { return send_to(fixture, url); }

  TestReceiver receiver;
  CurlSenderFixture fixture;
};

TEST(CurlSenderEgressTest, ByWayOfAProxyNamesAreItsBusiness) {
  ProxyAndReceiver proxy(200);
  for (int i = 0; i < 2; ++i) {
    const HttpResult result = proxy.get("http://nobody.invalid/x");
    EXPECT_TRUE(result.outcome.ok()) << result.outcome.error;
  }
  const auto seen = proxy.receiver.requests();
  ASSERT_EQ(seen.size(), 3u) << "the tunnel is kept";
  EXPECT_EQ(seen[0].method, "CONNECT");
  EXPECT_EQ(seen[0].target, "nobody.invalid:80");
  EXPECT_EQ(seen[0].header("proxy-authorization"), "Basic aG9va3M6aHVzaA==");
  EXPECT_EQ(seen[1].target, "/x");
  EXPECT_FALSE(seen[1].has_header("proxy-authorization"));
  EXPECT_EQ(seen[2].target, "/x");
}

TEST(CurlSenderEgressTest, ByWayOfAProxyAddressesInUrlsAreJudgedStill) {
  ProxyAndReceiver proxy(200);
  for (const char* url :
       {"http://10.0.0.1/", "http://localhost/", "http://[::1]/", "http://2130706433/"}) {
    EXPECT_TRUE(proxy.get(url).refused) << url;
  }
  EXPECT_EQ(proxy.receiver.connections(), 0u);
  EXPECT_TRUE(proxy.get("http://8.8.8.8/").outcome.ok());
}

// The proxy may be on this machine.
TEST(CurlSenderEgressTest, ByWayOfAProxyNothingIsSentToWhatThisProcessListensOn) {
  static TestReceiver own;  // its port is its own for as long as it counts as a listener
  net::add_own_listener("127.0.0.1", own.port());
  TestReceiver proxy;
  CurlSenderOptions options = with_policy({});
  options.proxy = {.url = proxy.url("")};
  CurlSenderFixture fixture(options);
  const std::string port = std::to_string(own.port());
  for (const std::string host : {"127.0.0.1", "127.1", "localhost", "0.0.0.0"}) {
    const HttpResult result = send_to(fixture, "http://" + host + ":" + port + "/v1/namespaces");
    EXPECT_EQ(result.refused.value_or(Refused{}).why, "own_listener") << host;
    EXPECT_THAT(result.outcome.error, HasSubstr("leads to the scheduler itself")) << host;
  }
  EXPECT_EQ(proxy.connections(), 0u);
}

TEST(CurlSenderEgressTest, WhatAProxySaysIsNoAnswerOfTheReceiver) {
  ProxyAndReceiver forbids(403);
  HttpResult result = forbids.get("http://nobody.invalid/");
  EXPECT_EQ(result.refused.value_or(Refused{}).why, "proxy") << result.outcome.error;
  EXPECT_FALSE(result.outcome.response);
  EXPECT_THAT(result.outcome.error,
              HasSubstr("the proxy makes no connection to nobody.invalid:80"));

  ProxyAndReceiver asks(407);
  result = asks.get("http://nobody.invalid/");
  EXPECT_TRUE(result.no_way_out) << result.outcome.error;
  EXPECT_FALSE(result.refused);
  EXPECT_THAT(result.outcome.error, HasSubstr("does not take its user or password"));
  EXPECT_THAT(result.outcome.error, Not(HasSubstr("hush")));

  ProxyAndReceiver finds_nobody(502);
  result = finds_nobody.get("http://nobody.invalid/");
  EXPECT_FALSE(result.no_way_out || result.refused) << result.outcome.error;
  EXPECT_FALSE(result.outcome.response);

  // What a receiver says is its own.
  ProxyAndReceiver lets_through(200, 407);
  result = lets_through.get("http://nobody.invalid/");
  EXPECT_FALSE(result.no_way_out || result.refused);
  ASSERT_TRUE(result.outcome.response) << result.outcome.error;
  EXPECT_EQ(result.outcome.response->status, 407);
}

TEST(CurlSenderEgressTest, AReceiverThatDoesNotAnswerThroughATunnelIsNoFaultOfTheProxy) {
  TestReceiver receiver([](const TestRequest& request) {
    TestResponse response;
    response.hold = request.target == "/hang";
    return response;
  });
  CurlSenderOptions options = by_proxy(receiver.url(""));
  options.request_timeout = std::chrono::milliseconds{500};
  CurlSenderFixture fixture(options);
  send_to(fixture, "http://nobody.invalid/");  // so that there is a tunnel to be kept
  for (int i = 0; i < 2; ++i) {
    const HttpResult result = send_to(fixture, "http://nobody.invalid/hang");
    EXPECT_FALSE(result.outcome.response);
    // On a busy machine the tunnel may not have been there in time, and then nothing arrived.
    EXPECT_FALSE(receiver.held() > 0 && result.no_way_out) << result.outcome.error;
  }
}

TEST(CurlSenderEgressTest, AProxyThatIsAwayIsNoFaultOfTheReceiver) {
  for (const char* scheme : {"http://", "socks5h://"}) {
    const rhooks::testing::ClosedPort nobody;
    CurlSenderFixture fixture(
        by_proxy(std::string(scheme) + "127.0.0.1:" + std::to_string(nobody.port())));
    const HttpResult result = send_to(fixture, "https://nobody.invalid/");
    EXPECT_TRUE(result.no_way_out) << result.outcome.error;
    EXPECT_THAT(result.outcome.error, HasSubstr("could not connect to the egress proxy: "));
  }
}

}  // namespace
}  // namespace rhooks::delivery

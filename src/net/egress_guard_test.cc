// How a loop keeps to a policy: by the address that libcurl is about to connect to, whatever its
// name led to before, and by that of a connection that is kept.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "egress/policy.h"
#include "net/curl_loop.h"
#include "net/own_listeners.h"
#include "testing/closed_port.h"
#include "testing/patience.h"
#include "testing/test_name_server.h"
#include "testing/test_receiver.h"

namespace rhooks::net {
namespace {

using std::chrono::milliseconds;
using testing::TestNameServer;
using testing::TestReceiver;
using testing::TestRequest;
using testing::TestResponse;

constexpr const char* kAllowed = "127.0.0.1";
constexpr const char* kRefused = "127.0.0.2";

class EgressGuardTest : public ::testing::Test {
 protected:
  struct Ended {
    CURLcode code = CURLE_OK;
    CutOff cut_off = CutOff::kNot;
    std::string why;
    std::string address;
  };

  void SetUp() override { make_loop({.mode = "public", .allow = {kAllowed}}); }

  void make_loop(const egress::PolicyOptions& options) {
    auto policy = egress::Policy::create(options);
    ASSERT_TRUE(policy) << policy.error().message;
    // Each answer is asked for anew.
    auto created =
        CurlLoop::create({.names = {.servers = names_.endpoint(),
                                    .timeout = testing::kPatience,
                                    .fresh_for = milliseconds{0}},
                          .egress = std::make_shared<const egress::Policy>(std::move(*policy))});
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(*created);
  }

  void lead_to(std::vector<std::string> addresses) {
    const std::lock_guard lock(mutex_);
    addresses_ = std::move(addresses);
  }

  Ended get(const std::string& host, bool fresh = true, std::string proxy = {}) {
    return get_url("http://" + host + ":" + std::to_string(receiver_.port()) + "/", fresh,
                   std::move(proxy));
  }
  Ended get_url(const std::string& url, bool fresh = true, std::string proxy = {}) {
    const EasyOptions limits{.connect_timeout = testing::kPatience, .proxy = std::move(proxy)};
    return run(url, fresh, limits, [&](CURL* easy) { return loop_->add(easy, url, limits); });
  }
  // Without a look-up, during which a connection that is dead would be found.
  Ended get_at(const std::string& host_port_address, const std::string& url) {
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> addresses(
        curl_slist_append(nullptr, host_port_address.c_str()), &curl_slist_free_all);
    return run(url, false, {.connect_timeout = testing::kPatience}, [&](CURL* easy) {
      EXPECT_EQ(curl_easy_setopt(easy, CURLOPT_RESOLVE, addresses.get()), CURLE_OK);
      return loop_->add(easy);
    });
  }
  Ended run(const std::string& url, bool fresh, const EasyOptions& limits,
            const std::function<CURLMcode(CURL*)>& add) {
    CURL* const easy = loop_->take_handle();
    EXPECT_EQ(set_common_options(easy, limits), CURLE_OK);
    EXPECT_EQ(curl_easy_setopt(easy, CURLOPT_URL, url.c_str()), CURLE_OK);
    EXPECT_EQ(curl_easy_setopt(easy, CURLOPT_NOBODY, 1L), CURLE_OK);
    EXPECT_EQ(curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L), CURLE_OK);
    EXPECT_EQ(add(easy), CURLM_OK);
    const auto deadline = std::chrono::steady_clock::now() + testing::kPatience;
    Ended ended{.code = CURLE_FAILED_INIT};
    while (std::chrono::steady_clock::now() < deadline) {
      const auto all = loop_->run(milliseconds{200});
      if (all.empty()) continue;
      const NotAllowed& not_allowed = CurlLoop::not_allowed(easy);
      ended = {all[0].code, CurlLoop::cut_off(easy), std::string(not_allowed.why),
               egress::to_text(not_allowed.address)};
      break;
    }
    loop_->give_handle_back(easy);
    return ended;
  }

  std::size_t requests_to(const std::string& address) const {
    std::size_t count = 0;
    for (const auto& request : receiver_.requests()) {
      count += request.header("host").starts_with(address) ? 1 : 0;
    }
    return count;
  }

  TestReceiver receiver_{TestReceiver::Options{.all_of_loopback = true}};
  std::mutex mutex_;
  std::vector<std::string> addresses_{kAllowed};
  TestNameServer names_{[this](const std::string&) {
    const std::lock_guard lock(mutex_);
    return TestNameServer::addresses(addresses_);
  }};
  std::unique_ptr<CurlLoop> loop_;
};

TEST_F(EgressGuardTest, AnAddressThatIsNotAllowedIsNotConnectedTo) {
  EXPECT_EQ(get(kAllowed).code, CURLE_OK);
  const Ended ended = get(kRefused);
  EXPECT_EQ(ended.code, CURLE_COULDNT_CONNECT);
  EXPECT_EQ(ended.cut_off, CutOff::kNotAllowed);
  EXPECT_EQ(ended.why, "loopback");
  EXPECT_EQ(ended.address, kRefused);
  EXPECT_EQ(receiver_.connections(), 1u);
}

// "DNS rebinding": what counts is the address that is connected to.
TEST_F(EgressGuardTest, ANameThatLeadsElsewhereByNowIsJudgedAnew) {
  for (int round = 0; round < 3; ++round) {
    lead_to({kAllowed});
    EXPECT_EQ(get("api.test").code, CURLE_OK);
    lead_to({kRefused});
    const Ended ended = get("api.test");
    EXPECT_EQ(ended.cut_off, CutOff::kNotAllowed);
    EXPECT_EQ(ended.address, kRefused);
  }
  EXPECT_EQ(receiver_.request_count(), 3u);
  EXPECT_EQ(receiver_.connections(), 3u);
}

TEST_F(EgressGuardTest, OfSeveralAddressesTheAllowedOneIsTaken) {
  for (const auto& addresses : {std::vector<std::string>{kRefused, kAllowed},
                                std::vector<std::string>{kAllowed, kRefused}}) {
    lead_to(addresses);
    const Ended ended = get("both.test");
    EXPECT_EQ(ended.code, CURLE_OK);
    EXPECT_EQ(ended.cut_off, CutOff::kNot);
  }
  EXPECT_EQ(receiver_.connections(), 2u);
}

TEST_F(EgressGuardTest, WhereAnAllowedAddressFailsThatIsTheReason) {
  const testing::ClosedPort nobody;
  for (const auto& addresses : {std::vector<std::string>{kRefused, kAllowed},
                                std::vector<std::string>{kAllowed, kRefused}}) {
    lead_to(addresses);
    const Ended ended = get_url("http://both.test:" + std::to_string(nobody.port()) + "/");
    EXPECT_EQ(ended.code, CURLE_COULDNT_CONNECT);
    EXPECT_EQ(ended.cut_off, CutOff::kNot);
  }
}

TEST_F(EgressGuardTest, AnAllowedNameMayLeadAnywhere) {
  make_loop({.mode = "public", .allow = {"*.test"}});
  lead_to({kRefused});
  EXPECT_EQ(get("api.test").code, CURLE_OK);
  EXPECT_EQ(get("api.other").cut_off, CutOff::kNotAllowed);
}

TEST_F(EgressGuardTest, AKeptConnectionIsJudgedBeforeEachRequest) {
  static TestReceiver receiver;  // its port is its own for as long as it counts as a listener
  EXPECT_EQ(get_url(receiver.url(), false).code, CURLE_OK);
  EXPECT_EQ(get_url(receiver.url(), false).code, CURLE_OK);
  ASSERT_EQ(receiver.connections(), 1u);
  add_own_listener("127.0.0.1", receiver.port());
  const Ended ended = get_url(receiver.url(), false);
  EXPECT_EQ(ended.code, CURLE_ABORTED_BY_CALLBACK);
  EXPECT_EQ(ended.cut_off, CutOff::kNotAllowed);
  EXPECT_EQ(ended.why, "own_listener");
  EXPECT_EQ(receiver.request_count(), 2u);
}

TEST_F(EgressGuardTest, WhatTakesThePlaceOfADeadConnectionIsJudgedByItself) {
  static TestReceiver receiver([](const TestRequest&) {
    TestResponse response;
    response.late = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
    return response;
  });
  add_own_listener(kRefused, receiver.port());
  const std::string there = "api.test:" + std::to_string(receiver.port());
  const std::string url = "http://" + there + "/";
  EXPECT_EQ(get_at(there + ":" + kAllowed, url).code, CURLE_OK);
  EXPECT_EQ(receiver.write_late(), 1u);
  const Ended ended = get_at(there + ":" + kRefused, url);
  EXPECT_EQ(ended.cut_off, CutOff::kNotAllowed) << curl_easy_strerror(ended.code);
  EXPECT_EQ(ended.why, "own_listener");
  EXPECT_EQ(receiver.request_count(), 1u);
}

// Then it is a receiver that does not answer, whatever else its name leads to.
TEST_F(EgressGuardTest, OwnListenersAmongOtherAddressesAreNotTheReason) {
  static TestReceiver own;
  add_own_listener(kAllowed, own.port());
  make_loop({});
  const std::string url = "http://both.test:" + std::to_string(own.port()) + "/";
  for (const auto& addresses : {std::vector<std::string>{kRefused, kAllowed},
                                std::vector<std::string>{kAllowed, kRefused}}) {
    lead_to(addresses);  // nobody listens on the other one
    const Ended ended = get_url(url);
    EXPECT_EQ(ended.code, CURLE_COULDNT_CONNECT);
    EXPECT_EQ(ended.cut_off, CutOff::kNot);
  }
  lead_to({kAllowed});
  EXPECT_EQ(get_url(url).why, "own_listener");
  EXPECT_EQ(own.connections(), 0u);
}

TEST_F(EgressGuardTest, TheAddressOfAProxyIsNotJudged) {
  make_loop({.mode = "public"});
  const Ended ended = get(kRefused, true, receiver_.url("", "127.0.0.1"));
  EXPECT_EQ(ended.cut_off, CutOff::kNot);
  ASSERT_EQ(receiver_.request_count(), 2u) << "it answers what goes through its tunnel itself";
  EXPECT_EQ(receiver_.requests()[0].method, "CONNECT");
  EXPECT_EQ(receiver_.requests()[1].method, "HEAD");
  EXPECT_EQ(requests_to(kRefused), 2u);
}

TEST_F(EgressGuardTest, WithoutAPolicyNothingIsJudged) {
  auto created = CurlLoop::create({});
  ASSERT_TRUE(created);
  loop_ = std::move(*created);
  EXPECT_EQ(get(kRefused).code, CURLE_OK);
}

}  // namespace
}  // namespace rhooks::net

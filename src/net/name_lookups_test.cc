// How the loop finds the addresses of names: one look-up for all who wait, and nobody held up by a
// name server that does not answer for another name.
#include "net/name_lookups.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "net/curl_loop.h"
#include "testing/patience.h"
#include "testing/slowdown.h"
#include "testing/test_name_server.h"
#include "testing/test_receiver.h"

namespace rhooks::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::TestNameServer;
using testing::TestReceiver;

std::size_t threads_of_this_process() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

class NameLookupsTest : public ::testing::Test {
 protected:
  // Asked once, however late a busy machine answers.
  void SetUp() override { make_loop({.timeout = testing::kPatience}); }

  void make_loop(NameLookups::Options options) {
    options.servers = names_.endpoint();
    auto created = CurlLoop::create({.names = options});
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(*created);
  }

  std::string url(const std::string& host) const {
    return "http://" + host + ":" + std::to_string(receiver_.port()) + "/";
  }
  CURL* start(const std::string& host, milliseconds connect_timeout = testing::kPatience) {
    const EasyOptions limits{.connect_timeout = connect_timeout};
    CURL* const easy = loop_->take_handle();
    EXPECT_EQ(set_common_options(easy, limits), CURLE_OK);
    EXPECT_EQ(curl_easy_setopt(easy, CURLOPT_URL, url(host).c_str()), CURLE_OK);
    EXPECT_EQ(curl_easy_setopt(easy, CURLOPT_NOBODY, 1L), CURLE_OK);
    // A connection that is kept needs no address.
    EXPECT_EQ(curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L), CURLE_OK);
    EXPECT_EQ(loop_->add(easy, url(host), limits), CURLM_OK);
    return easy;
  }
  // Runs until `count` transfers or more have ended; fails the test where they do not.
  std::vector<EndedTransfer> wait(std::size_t count) {
    const auto deadline = steady_clock::now() + testing::kPatience;
    std::vector<EndedTransfer> all;
    while (all.size() < count && steady_clock::now() < deadline) {
      for (const auto& one : loop_->run(milliseconds{200})) {
        all.push_back(one);
        loop_->give_handle_back(one.easy);
      }
    }
    EXPECT_GE(all.size(), count);
    return all;
  }
  CURLcode get(const std::string& host, milliseconds connect_timeout = testing::kPatience) {
    start(host, connect_timeout);
    const auto ended = wait(1);
    return ended.empty() ? CURLE_FAILED_INIT : ended[0].code;
  }

  TestReceiver receiver_;
  std::atomic<bool> silent_{false};
  std::atomic<bool> gone_{false};
  std::atomic<bool> moved_{false};  // to an address where nobody listens
  TestNameServer names_{[this](const std::string& name) {
    if (silent_ || name.ends_with(".dead")) return TestNameServer::silence();
    if (name.ends_with(".test") && !gone_) {
      return TestNameServer::addresses({moved_ ? "127.0.0.77" : "127.0.0.1"});
    }
    return TestNameServer::no_such_name();
  }};
  std::unique_ptr<CurlLoop> loop_;
};

TEST_F(NameLookupsTest, ANameIsLookedUpOnceForAllWhoWaitForIt) {
  for (int i = 0; i < 20; ++i) start(i % 2 ? "API.test" : "api.test");
  for (const auto& one : wait(20)) EXPECT_EQ(one.code, CURLE_OK);
  EXPECT_EQ(get("api.test"), CURLE_OK);
  EXPECT_EQ(names_.asked("api.test"), 1u);
  EXPECT_EQ(receiver_.request_count(), 21u);
  EXPECT_EQ(receiver_.requests()[0].header("host").substr(0, 8), "api.test");
}

TEST_F(NameLookupsTest, ANameThatDoesNotExist) {
  EXPECT_EQ(get("nobody.example"), CURLE_COULDNT_RESOLVE_HOST);
  EXPECT_EQ(get("nobody.example"), CURLE_COULDNT_RESOLVE_HOST);
  EXPECT_EQ(names_.asked("nobody.example"), 2u);
}

TEST_F(NameLookupsTest, NamesThatNobodyAnswersForTakeNoThreadsAndHoldNobodyUp) {
  constexpr std::size_t kDead = 500;
  const std::size_t threads = threads_of_this_process();
  for (std::size_t i = 0; i < kDead; ++i) {
    start("host" + std::to_string(i) + ".dead", milliseconds{1'000});
  }
  const auto from = steady_clock::now();
  testing::Slowdown slowdown;
  const CURL* const live = start("api.test");
  std::size_t dead = 0;
  bool answered = false;
  while (!answered && steady_clock::now() - from < testing::kPatience) {
    // Where this thread is held up, some of the others have had their second by now.
    for (const auto& one : wait(1)) {
      answered = answered || one.easy == live;
      dead += one.easy != live;
      EXPECT_EQ(one.code, one.easy == live ? CURLE_OK : CURLE_OPERATION_TIMEDOUT);
    }
  }
  EXPECT_TRUE(answered);
  // One after the other they would take more than eight minutes, by ten threads almost one.
  EXPECT_LT(steady_clock::now() - from, slowdown.stop() * std::chrono::seconds{20});
  EXPECT_LE(threads_of_this_process(), threads);
  for (const auto& one : wait(kDead - dead)) EXPECT_EQ(one.code, CURLE_OPERATION_TIMEDOUT);
}

TEST_F(NameLookupsTest, TheWaitCountsForTheTimeOut) {
  testing::Slowdown slowdown;
  const auto from = steady_clock::now();
  EXPECT_EQ(get("one.dead", milliseconds{150}), CURLE_OPERATION_TIMEDOUT);
  const auto took = steady_clock::now() - from;
  EXPECT_GE(took, milliseconds{150});
  EXPECT_LT(took, slowdown.stop() * milliseconds{2'000});
}

TEST_F(NameLookupsTest, WhoGaveUpIsNotBegunLater) {
  EXPECT_TRUE(testing::with_more_time(milliseconds{200}, [&](milliseconds limit) {
    make_loop({.timeout = limit});
    silent_ = true;
    CURL* const dropped = start("api.test");
    EXPECT_TRUE(loop_->run(milliseconds{50}).empty());
    loop_->remove(dropped);
    loop_->give_handle_back(dropped);
    silent_ = false;
    return get("api.test") == CURLE_OK;
  }));
  EXPECT_EQ(receiver_.request_count(), 1u);
}

TEST_F(NameLookupsTest, WhatWasFoundIsLookedUpAnewWhileItIsUsed) {
  make_loop({.fresh_for = milliseconds{50}});
  EXPECT_EQ(get("api.test"), CURLE_OK);
  EXPECT_TRUE(testing::eventually([&] {
    EXPECT_EQ(get("api.test"), CURLE_OK);
    loop_->run(milliseconds{20});
    return names_.asked("api.test") >= 3;
  }));
}

TEST_F(NameLookupsTest, WhatWasFoundIsUsedWhereNobodyAnswersAnyMore) {
  make_loop({.fresh_for = milliseconds{1}});
  EXPECT_EQ(get("api.test"), CURLE_OK);
  silent_ = true;
  // It is waited for no longer than c-ares tries.
  EXPECT_EQ(get("api.test"), CURLE_OK);
}

TEST_F(NameLookupsTest, WhatWasTakenAwayIsNotUsed) {
  make_loop({.fresh_for = milliseconds{1}});
  EXPECT_EQ(get("api.test"), CURLE_OK);
  gone_ = true;
  loop_->run(milliseconds{5});
  EXPECT_EQ(get("api.test"), CURLE_COULDNT_RESOLVE_HOST);
}

TEST_F(NameLookupsTest, WhatIsTooOldIsNotUsed) {
  make_loop({.fresh_for = milliseconds{1}, .stale_for = milliseconds{0}});
  EXPECT_EQ(get("api.test"), CURLE_OK);
  moved_ = true;
  loop_->run(milliseconds{5});
  EXPECT_EQ(get("api.test"), CURLE_COULDNT_CONNECT);
}

}  // namespace
}  // namespace rhooks::net

#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "delivery/curl_sender.h"
#include "testing/patience.h"
#include "testing/test_receiver.h"

namespace rhooks::delivery {

// What the tests of the sender share: a sender, and ways to make requests and wait for them.
struct CurlSenderFixture {
  // For receivers that do answer, be the machine as busy as it may.
  static CurlSenderOptions patient() {
    CurlSenderOptions options;
    options.connect_timeout = options.request_timeout = testing::kPatience;
    return options;
  }
  explicit CurlSenderFixture(CurlSenderOptions options = patient()) {
    auto created = CurlSender::create(options, clock);
    EXPECT_TRUE(created) << created.error().message;
    sender = std::move(*created);
  }

  static HttpRequest request(Method method, std::string url, std::string body = {},
                             std::vector<Header> headers = {}) {
    HttpRequest http;
    http.request = {method, std::move(url), std::move(headers), {}};
    http.has_body = method == Method::kPost || method == Method::kPut || method == Method::kPatch;
    http.wire_body = std::move(body);
    return http;
  }

  void start(HttpRequest http, std::uint64_t slot_id = 0) {
    http.slot_id = slot_id;
    sender->start(std::move(http));
  }

  // Polls until `count` results are there; fails the test where they do not come.
  std::vector<HttpResult> wait(std::size_t count = 1) {
    const auto deadline = std::chrono::steady_clock::now() + testing::kPatience;
    std::vector<HttpResult> results;
    while (results.size() < count && std::chrono::steady_clock::now() < deadline) {
      for (auto& result : sender->poll(std::chrono::milliseconds{200})) {
        results.push_back(std::move(result));
      }
    }
    EXPECT_EQ(results.size(), count);
    results.resize(count);
    return results;
  }

  model::AttemptOutcome send(HttpRequest http) {
    start(std::move(http));
    return wait(1)[0].outcome;
  }
  model::AttemptOutcome get(std::string url) { return send(request(Method::kGet, std::move(url))); }

  SystemClock clock;
  std::unique_ptr<CurlSender> sender;
};

}  // namespace rhooks::delivery

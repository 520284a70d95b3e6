#pragma once

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "store/dynamo/attributes.h"
#include "store/dynamo/client.h"
#include "testing/manual_clock.h"
#include "testing/patience.h"
#include "testing/test_receiver.h"

namespace rhooks::store::dynamo {

// Credentials that a test hands out and that counts what happens to them.
class ScriptedCredentials final : public aws::CredentialsSource {
 public:
  Result<aws::Credentials> get(TimePoint now) override {
    const std::lock_guard lock(mutex_);
    asked_at_ = now;
    if (!error_.empty()) return fail(ErrorCode::kUnavailable, error_);
    aws::Credentials credentials;
    credentials.access_key_id = "AKID" + std::to_string(generation_);
    credentials.secret_access_key = "do-not-show-secret";
    credentials.session_token = "do-not-show-token";
    return credentials;
  }

  void refused(const aws::Credentials& credentials) override {
    const std::lock_guard lock(mutex_);
    refused_.push_back(credentials.access_key_id);
    if (credentials.access_key_id == "AKID" + std::to_string(generation_)) ++generation_;
  }

  void fail_with(std::string error) {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
  }
  std::vector<std::string> all_refused() const {
    const std::lock_guard lock(mutex_);
    return refused_;
  }
  TimePoint asked_at() const {
    const std::lock_guard lock(mutex_);
    return asked_at_;
  }

 private:
  mutable std::mutex mutex_;
  std::string error_;
  int generation_ = 1;
  std::vector<std::string> refused_;
  TimePoint asked_at_{};
};

// A client and, in place of the service, a receiver that answers as the test says: first what
// was queued, then by the default.
class ClientFixture : public ::testing::Test {
 protected:
  using TestRequest = rhooks::testing::TestRequest;
  using TestResponse = rhooks::testing::TestResponse;
  using Fault = TestResponse::Fault;

  ClientFixture() : receiver_([this](const TestRequest& request) { return answer(request); }) {}

  // Back-offs of next to nothing: what counts is their order, not their length.
  ClientOptions options() {
    ClientOptions options;
    options.endpoint = receiver_.url("");
    options.region = "us-east-1";
    options.connect_timeout = options.request_timeout = testing::kPatience;
    options.backoff_base = options.throttle_base = std::chrono::milliseconds{1};
    return options;
  }
  void make_client() { make_client(options()); }
  void make_client(const ClientOptions& options) {
    auto created = Client::create(options, credentials_, metrics_, clock_, random_);
    ASSERT_TRUE(created) << created.error().message;
    client_ = std::move(*created);
  }

  static Call call(Operation operation, std::string id = "a") {
    boost::json::object body;
    body["TableName"] = "tasks";
    body["Key"] = boost::json::object{{"id", text_value(id)}};
    return {operation, std::move(body)};
  }

  static TestResponse error(int status, const std::string& type, const std::string& more = "") {
    return TestResponse::with_status(
        status, "{\"__type\":\"com.amazonaws.dynamodb.v20120810#" + type + "\"" + more + "}");
  }
  static TestResponse ok(std::string body = "{}") {
    return TestResponse::with_status(200, std::move(body));
  }

  // Set up before the client is used.
  void then(TestResponse response) {
    const std::lock_guard lock(mutex_);
    queued_.push_back(std::move(response));
  }
  void always(std::function<TestResponse(const TestRequest&)> handler) {
    const std::lock_guard lock(mutex_);
    default_ = std::move(handler);
  }
  void always(TestResponse response) {
    always([response = std::move(response)](const TestRequest&) { return response; });
  }

  Result<Reply> do_one(Operation operation) { return client_->call(call(operation)); }

  // The value of a series whose name and labels hold all of these.
  double metric(const std::string& name, const std::vector<std::string>& labels = {}) const {
    double total = 0;
    std::istringstream text(metrics_.expose());
    for (std::string line; std::getline(text, line);) {
      bool fits = line.starts_with(name + "{") || line.starts_with(name + " ");
      for (const auto& label : labels) fits = fits && line.find(label) != std::string::npos;
      if (fits) total += std::stod(line.substr(line.rfind(' ')));
    }
    return total;
  }

  static void expect_mentions(const std::string& text, const std::vector<std::string>& parts) {
    for (const auto& part : parts)
      EXPECT_NE(text.find(part), std::string::npos) << part << ": " << text;
    EXPECT_EQ(text.find("do-not-show"), std::string::npos) << text;
  }

  Metrics metrics_;
  testing::ManualClock clock_;
  Random random_{1};
  ScriptedCredentials credentials_;

 private:
  TestResponse answer(const TestRequest& request) {
    const std::lock_guard lock(mutex_);
    if (queued_.empty()) return default_(request);
    TestResponse response = std::move(queued_.front());
    queued_.pop_front();
    return response;
  }

  std::mutex mutex_;
  std::deque<TestResponse> queued_;
  std::function<TestResponse(const TestRequest&)> default_ = [](const TestRequest&) {
    return ok();
  };

 protected:
  testing::TestReceiver receiver_;
  std::unique_ptr<Client> client_;  // first to go
};

}  // namespace rhooks::store::dynamo

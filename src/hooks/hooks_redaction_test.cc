// Credentials in headers: sent, and never shown.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rhooks/hooks.h>

#include <algorithm>

#include "codec/public_json.h"
#include "hooks/change_endpoint.h"
#include "hooks/test_hooks.h"
#include "model/redaction.h"
#include "testing/captured_log.h"

namespace rhooks {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kCanary = "canary-4c1d9e07";

std::string value_of(const std::vector<Header>& headers, const std::string& name) {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const Header& header) { return header.name == name; });
  return found == headers.end() ? "" : found->value;
}

void expect_redacted(const std::vector<Header>& headers, const std::string& name) {
  EXPECT_TRUE(model::is_placeholder(value_of(headers, name))) << value_of(headers, name);
}

class HooksRedactionTest : public ::testing::Test {
 protected:
  static NewTask with_credentials(const std::string& id) {
    NewTask task = TestHooks::post(id);
    task.request.headers = {{"authorization", kCanary}, {"cookie", kCanary}, {"x-team", "billing"}};
    return task;
  }
  static Endpoint acme() {
    Endpoint endpoint;
    endpoint.ns = "ns";
    endpoint.name = "acme";
    endpoint.url = "http://127.0.0.1:9/in";
    endpoint.headers = {{"authorization", kCanary}, {"x-shop", "7"}};
    return endpoint;
  }
  void answer_with_a_cookie() {
    test_.sender->set_script([](const delivery::HttpRequest&) {
      Reply reply = Reply::status(500);
      reply.response->headers = {{"set-cookie", kCanary}, {"x-seen", "1"}};
      return reply;
    });
  }
  std::vector<Header> sent() { return test_.sender->started().back().request.headers; }
  static void expect_nothing_in(const std::string& text) {
    EXPECT_THAT(text, Not(HasSubstr(kCanary)));
  }

  TestHooks test_;
  Hooks& hooks_ = *test_.hooks;
};

TEST_F(HooksRedactionTest, ATaskIsSentWithThemAndShownWithout) {
  const auto made = hooks_.register_task(with_credentials("a"));
  ASSERT_TRUE(made) << made.error().message;
  expect_redacted(made->task.request.headers, "authorization");
  EXPECT_EQ(value_of(made->task.request.headers, "cookie"),
            value_of(made->task.request.headers, "authorization"));
  EXPECT_EQ(value_of(made->task.request.headers, "x-team"), "billing");
  ASSERT_TRUE(hooks_.trigger());
  EXPECT_EQ(value_of(sent(), "authorization"), kCanary);
  EXPECT_EQ(value_of(sent(), "cookie"), kCanary);
}

TEST_F(HooksRedactionTest, NoAnswerHasThem) {
  testing::CapturedLog log;
  answer_with_a_cookie();
  std::string all = codec::to_json(hooks_.register_task(with_credentials("a"))->task);
  all += codec::to_json(*hooks_.register_many({with_credentials("b")}));
  ASSERT_TRUE(hooks_.trigger());
  all += codec::to_json(hooks_.get({"ns", "a"}).value());
  all += codec::to_json(hooks_.fetch({.filter = {.ns = "ns"}}).value());
  all += codec::to_json(hooks_.fetch_logs({.ns = "ns"}).value());
  all += codec::to_json(hooks_.suspend({"ns", "a"}).value());
  all += codec::to_json(hooks_.unsuspend({"ns", "a"}).value());
  all += codec::to_json(hooks_.trigger(TaskKey{"ns", "a"}).value());
  all += codec::to_json(hooks_.cancel({"ns", "a"}).value());
  all += codec::to_json(hooks_.remove({"ns", "a"}).value());
  all += codec::to_json(hooks_.put_endpoint(acme())->endpoint);
  all += codec::to_json(hooks_.endpoint("ns", "acme").value());
  all += codec::to_json(hooks_.endpoints({"ns", "", 100, ""}).value());
  all += codec::to_json(hooks_.pause_endpoint("ns", "acme").value());
  all += codec::to_json(hooks_.resume_endpoint("ns", "acme").value());
  Request request = with_credentials("t").request;
  request.url.clear();
  all += codec::to_json(hooks_.test_endpoint("ns", "acme", request).value());
  all += codec::to_json(hooks_.remove_endpoint("ns", "acme").value());
  all += hooks_.metrics();
  expect_nothing_in(all);
  EXPECT_THAT(all, HasSubstr("x-seen"));
  expect_nothing_in(log.text());
}

TEST_F(HooksRedactionTest, WhatIsStoredOfAnAttemptHasNone) {
  answer_with_a_cookie();
  ASSERT_TRUE(hooks_.register_task(with_credentials("a")));
  ASSERT_TRUE(hooks_.trigger());
  const auto logs = hooks_.fetch_logs({.ns = "ns"});
  ASSERT_EQ(logs->items.size(), 1u);
  const Log& log = logs->items[0];
  const Task task = hooks_.get({"ns", "a"}).value();
  expect_redacted(log.response->headers, "set-cookie");
  EXPECT_EQ(value_of(log.response->headers, "x-seen"), "1");
  // One value reads the same everywhere.
  EXPECT_EQ(value_of(log.request.headers, "authorization"),
            value_of(task.request.headers, "authorization"));
  EXPECT_EQ(value_of(task.execution.last_response_headers, "set-cookie"),
            value_of(task.request.headers, "authorization"));
}

TEST_F(HooksRedactionTest, APlaceholderRegistersNothing) {
  const Task shown = hooks_.register_task(with_credentials("a"))->task;
  NewTask again = TestHooks::post("b");
  again.request.headers = shown.request.headers;
  const auto refused = hooks_.register_task(again);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().field, "headers");
  Endpoint endpoint = acme();
  endpoint.headers = shown.request.headers;
  EXPECT_EQ(hooks_.put_endpoint(endpoint).error().field, "headers");
}

TEST_F(HooksRedactionTest, ARepeatOfARegistrationIsOneStill) {
  NewTask task = with_credentials("");
  task.idempotency_key = "once";
  const auto first = hooks_.register_task(task);
  const auto second = hooks_.register_task(task);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_FALSE(second->created);
  EXPECT_EQ(second->task, first->task);
  expect_redacted(second->task.request.headers, "authorization");
}

TEST_F(HooksRedactionTest, AnEndpointThatWasShownCanBePut) {
  ASSERT_TRUE(hooks_.put_endpoint(acme()));
  const auto changed = change_endpoint(hooks_, "ns", "acme", {}, [](Endpoint endpoint) {
    endpoint.description = "the warehouse";
    endpoint.url = "http://127.0.0.1:9/elsewhere";
    return Result<Endpoint>(std::move(endpoint));
  });
  ASSERT_TRUE(changed) << changed.error().message;
  expect_redacted(changed->headers, "authorization");
  NewTask task = TestHooks::post("a");
  task.request.url = "/x";
  task.endpoint = "acme";
  ASSERT_TRUE(hooks_.register_task(task));
  ASSERT_TRUE(hooks_.trigger());
  EXPECT_EQ(value_of(sent(), "authorization"), kCanary);
}

TEST_F(HooksRedactionTest, ItsValuesAreNotLedToAnotherReceiver) {
  ASSERT_TRUE(hooks_.put_endpoint(acme()));
  Endpoint moved = hooks_.endpoint("ns", "acme").value();
  moved.url = "http://127.0.0.1:10/in";
  const auto refused = hooks_.put_endpoint(moved);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().field, "headers");
  expect_nothing_in(refused.error().message);
}

}  // namespace
}  // namespace rhooks

#include "model/callback.h"

#include <gtest/gtest.h>

#include <set>

#include "json/text.h"
#include "model/limits.h"
#include "model/test_support.h"
#include "model/webhook_id.h"

namespace rhooks::model {
namespace {

using namespace std::chrono_literals;

// A task whose ends are told to "audit".
Task told_task() {
  Task task = active_task();
  task.callback = "audit";
  return task;
}

// What follows from one attempt of the task.
std::vector<TaskRecord> after_attempt_of(const Task& task, const AttemptOutcome& outcome,
                                         const Endpoint* endpoint = nullptr) {
  const auto awaited = awaited_of(task, endpoint);
  if (!awaited) return {};
  const TimePoint now = outcome.ended_at();
  return follow_ups(*awaited, apply_outcome(task, outcome, now, OutcomePolicy{}, 0.5), outcome,
                    now);
}

// The task that tells; fails the test where there is not one.
Task teller(const Task& task, const AttemptOutcome& outcome, const Endpoint* endpoint = nullptr) {
  const auto found = after_attempt_of(task, outcome, endpoint);
  EXPECT_EQ(found.size(), 1u);
  return found.empty() ? Task{} : found.front().task;
}

TEST(CallbackTest, NobodyIsToldWhereNobodyAsked) {
  Endpoint silent;
  EXPECT_FALSE(awaited_of(active_task(), nullptr));
  EXPECT_FALSE(awaited_of(active_task(), &silent));
}

TEST(CallbackTest, TheEndOfAnExecutionBecomesATask) {
  Task task = told_task();
  task.endpoint = "acme";
  task.flow_key = "customer 42";
  task.retry_limit = 0;
  const auto found = after_attempt_of(task, answered(503, kT0 + 5ms));
  ASSERT_EQ(found.size(), 1u);
  Task expected;
  expected.key = {"ns", found.front().task.key.id};
  expected.endpoint = "audit";
  expected.flow_key = "customer 42";
  expected.request.method = Method::kPost;
  expected.request.body = Body::json(
      R"({"type":"task.failed","timestamp":"2030-01-01T00:00:00.005Z","data":{"namespace":"ns",)"
      R"("id":"id","webhookId":")" +
      webhook_id(task) +
      R"(","endpoint":"acme","flowKey":"customer 42","attempts":1,)"
      R"("scheduledDate":"2030-01-01T00:00:00.000Z","status":"FAILED",)"
      R"("failureReason":"exhausted","error":"HTTP 503 Service Unavailable",)"
      R"("response":{"status":503,"body":"answer 503"}}})");
  expected.origin = "id";
  expected.scheduled_date = expected.created_at = expected.updated_at = kT0 + 5ms;
  EXPECT_EQ(found.front().task, expected);
  EXPECT_TRUE(check_json(found.front().task.request.body.data()));
  EXPECT_EQ(expected.key.id.size(), 35u);
  EXPECT_TRUE(expected.key.id.starts_with("cb_")) << expected.key.id;
}

TEST(CallbackTest, ASuccessSaysLess) {
  const std::string body = teller(told_task(), answered(200)).request.body.data();
  EXPECT_NE(body.find(R"("type":"task.succeeded")"), body.npos) << body;
  EXPECT_NE(body.find(R"("status":"DONE","response":{"status":200,)"), body.npos) << body;
  for (const char* absent : {"failureReason", "error", "endpoint", "flowKey", "bodyTruncated"}) {
    EXPECT_EQ(body.find(absent), body.npos) << body;
  }
}

TEST(CallbackTest, WhatIsNotAnsweredHasNoResponse) {
  Task task = told_task();
  task.retry_limit = 0;
  const std::string body = teller(task, unanswered("connection refused")).request.body.data();
  EXPECT_NE(body.find(R"("error":"connection refused"}})"), body.npos) << body;
}

TEST(CallbackTest, ARetryIsNoEnd) {
  Task task = told_task();
  task.retry_limit = 1;
  EXPECT_TRUE(after_attempt_of(task, answered(500)).empty());
  task.attempt = 1;
  const std::string body = teller(task, answered(500)).request.body.data();
  EXPECT_NE(body.find(R"("attempts":2)"), body.npos) << body;
}

TEST(CallbackTest, OnlyTheEndsThatWereAskedFor) {
  Task task = told_task();
  task.retry_limit = 0;
  task.callback_on = {"task.failed"};
  EXPECT_TRUE(after_attempt_of(task, answered(200)).empty());
  EXPECT_EQ(after_attempt_of(task, answered(500)).size(), 1u);
  task.callback_on = {"task.succeeded"};
  EXPECT_EQ(after_attempt_of(task, answered(200)).size(), 1u);
  EXPECT_TRUE(after_attempt_of(task, answered(500)).empty());
}

TEST(CallbackTest, TheNearestSaysWhoAndOfWhat) {
  Endpoint endpoint;
  endpoint.callback = "all";
  endpoint.callback_on = {"task.failed"};
  Task task = active_task();
  EXPECT_TRUE(after_attempt_of(task, answered(200), &endpoint).empty());
  task.retry_limit = 0;
  EXPECT_EQ(teller(task, answered(500), &endpoint).endpoint, "all");
  task.callback = "audit";
  EXPECT_EQ(teller(task, answered(200), &endpoint).endpoint, "audit") << "of both ends, then";
}

TEST(CallbackTest, WhatTellsIsNotToldOf) {
  Endpoint endpoint;
  endpoint.callback = "all";
  Task task = told_task();
  task.origin = "id";
  EXPECT_FALSE(awaited_of(task, &endpoint));
}

TEST(CallbackTest, EachEndHasAnIdOfItsOwn) {
  Task series = told_task();
  series.retry_limit = 0;
  series.repeat = Repeat{1, 0, RepeatUnit::kMinutes};
  std::set<std::string> ids;
  ids.insert(teller(series, answered(200)).key.id);
  EXPECT_EQ(teller(series, answered(200, kT0 + 3s)).key.id, *ids.begin())
      << "the same end, by another attempt";
  ids.insert(teller(series, answered(500)).key.id);
  Task next = series;
  next.scheduled_date += 1min;
  ids.insert(teller(next, answered(200)).key.id);
  Task extra = series;
  extra.extra_date = kT0;
  ids.insert(teller(extra, answered(200)).key.id);
  Task other = series;
  other.key.id = "other";
  ids.insert(teller(other, answered(200)).key.id);
  EXPECT_EQ(ids.size(), 5u);
  const std::string body = teller(series, answered(200)).request.body.data();
  EXPECT_NE(body.find(R"("status":"ACTIVE")"), body.npos) << "it goes on: " << body;
}

TEST(CallbackTest, AnotherLifeOfATaskHasEndsOfItsOwn) {
  const Task task = told_task();
  Task anew = task;
  anew.created_at = anew.updated_at = kT0 + 1ms;  // deleted and registered again, for the same date
  EXPECT_EQ(webhook_id(anew), webhook_id(task));
  EXPECT_NE(teller(anew, answered(200)).key, teller(task, answered(200)).key);
}

TEST(CallbackTest, AnyAnswerFits) {
  for (const std::string piece : {"\x01", "\xff", "\xe2\x82\xac", "\"", "x"}) {
    AttemptOutcome outcome = answered(200);
    std::string& answer = outcome.response->body;
    while (answer.size() < kResponseBodyBytesMax) answer += piece;
    const std::string body = teller(told_task(), outcome).request.body.data();
    EXPECT_LE(body.size(), kBodyBytesMax);
    EXPECT_TRUE(check_json(body)) << piece;
    // Of an item of DynamoDB, too, in which it stands beside the task of which it tells.
    const std::size_t begin = body.find(R"("body":")") + 8;
    const std::size_t end = body.rfind(R"(","bodyTruncated":true}}})");
    ASSERT_NE(end, body.npos) << body.substr(body.size() - 100);
    EXPECT_LE(end - begin, kCallbackResponseBytesMax) << piece;
    EXPECT_GT(end - begin, kCallbackResponseBytesMax - 6) << piece;
  }
}

// An endpoint of whose state "ops" is told.
Endpoint told_endpoint(std::vector<std::string> on = {"endpoint.opened", "endpoint.closed"}) {
  Endpoint endpoint;
  endpoint.ns = "ns";
  endpoint.name = "acme";
  endpoint.callback = "ops";
  endpoint.callback_on = std::move(on);
  return endpoint;
}

Breaker open_breaker() {
  Breaker breaker;
  breaker.failures = 5;
  breaker.open_until = kT0 + 5s;
  return breaker;
}

TEST(CallbackTest, AnEndpointThatDoesNotAnswerBecomesATask) {
  EXPECT_EQ(event_of(open_breaker()), "endpoint.opened");
  const auto found = follow_up(told_endpoint(), open_breaker(), unanswered("refused", kT0 + 5ms));
  ASSERT_TRUE(found);
  Task expected;
  expected.key = {"ns", found->task.key.id};
  expected.endpoint = "ops";
  expected.request.method = Method::kPost;
  expected.request.body =
      Body::json(R"({"type":"endpoint.opened","timestamp":"2030-01-01T00:00:00.005Z","data":{)"
                 R"("namespace":"ns","endpoint":"acme","failures":5,"error":"refused",)"
                 R"("until":"2030-01-01T00:00:05.000Z"}})");
  expected.origin = "acme";
  expected.scheduled_date = expected.created_at = expected.updated_at = kT0 + 5ms;
  EXPECT_EQ(found->task, expected);
  EXPECT_EQ(expected.key.id.size(), 35u);
  EXPECT_TRUE(expected.key.id.starts_with("ev_")) << expected.key.id;
  EXPECT_FALSE(awaited_of(found->task, nullptr)) << "nobody is told of its end";
}

TEST(CallbackTest, SoDoesOneThatAnswersAgain) {
  EXPECT_EQ(event_of(Breaker()), "endpoint.closed");
  const auto found = follow_up(told_endpoint(), Breaker(), answered(200));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->task.request.body.data(),
            R"({"type":"endpoint.closed","timestamp":"2030-01-01T00:00:00.000Z","data":{)"
            R"("namespace":"ns","endpoint":"acme"}})");
}

TEST(CallbackTest, OfAnEndpointIsToldWhatWasAskedFor) {
  const AttemptOutcome failed = answered(500);
  for (const std::vector<std::string>& on :
       {std::vector<std::string>(), {"task.failed"}, {"endpoint.closed"}}) {
    EXPECT_FALSE(follow_up(told_endpoint(on), open_breaker(), failed));
  }
  EXPECT_TRUE(follow_up(told_endpoint({"endpoint.opened"}), open_breaker(), failed));
  // Ends are not asked for then.
  Task task = active_task();
  task.retry_limit = 0;
  const Endpoint endpoint = told_endpoint();
  EXPECT_TRUE(after_attempt_of(task, failed, &endpoint).empty());
}

TEST(CallbackTest, AnEndpointIsToldOfOnceInAMinute) {
  const auto id = [](const Endpoint& endpoint, const Breaker& breaker, TimePoint at) {
    const auto found = follow_up(endpoint, breaker, answered(503, at));
    return found ? found->task.key.id : std::string();
  };
  const Endpoint acme = told_endpoint();
  const std::string opened = id(acme, open_breaker(), kT0);
  EXPECT_EQ(id(acme, open_breaker(), kT0 + 59'999ms), opened);
  Endpoint other = told_endpoint();
  other.name = "other";
  const std::set<std::string> ids{opened, id(acme, open_breaker(), kT0 + 1min),
                                  id(acme, Breaker(), kT0), id(other, open_breaker(), kT0)};
  EXPECT_EQ(ids.size(), 4u);
}

}  // namespace
}  // namespace rhooks::model

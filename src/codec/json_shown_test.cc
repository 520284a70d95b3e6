// Tasks, logs and pages as they are shown and read back.

#include <gtest/gtest.h>

#include <random>

#include "base/text.h"
#include "codec/public_json.h"
#include "codec/test_records.h"
#include "json/text.h"
#include "testing/test_seed.h"

namespace rhooks::codec {
namespace {

constexpr TimePoint kTime{std::chrono::milliseconds{1'769'862'896'789}};

Task small_task() {
  Task task;
  task.key = {"my-app", "t1"};
  task.request.method = Method::kPost;
  task.request.url = "https://example.com/";
  task.scheduled_date = kTime;
  task.created_at = kTime;
  task.updated_at = kTime;
  return task;
}

Log small_log() {
  Log log;
  log.id = "l1";
  log.task = {"my-app", "t1"};
  log.retry_limit = 3;
  log.request.url = "https://example.com/";
  log.error = "connection refused";
  log.scheduled_date = kTime;
  log.due_date = kTime;
  log.started_at = kTime;
  log.duration = std::chrono::milliseconds{12};
  log.created_at = kTime;
  return log;
}

TEST(TaskJsonTest, ANewTask) {
  EXPECT_EQ(
      to_json(small_task()),
      R"({"namespace":"my-app","id":"t1","url":"https://example.com/","method":"POST",)"
      R"("request":{"method":"POST","url":"https://example.com/","headers":{}},)"
      R"("scheduledDate":"2026-01-31T12:34:56.789Z","retryLimit":3,"status":"ACTIVE",)"
      R"("errors":{"count":0,"consecutive":0},)"
      R"("execution":{"count":0,"failed":0,"successful":0,"skipped":0,"extra":0},"attempt":0,)"
      R"("__createdAt":"2026-01-31T12:34:56.789Z","__updatedAt":"2026-01-31T12:34:56.789Z"})");
}

TEST(TaskJsonTest, TheRetryLimitIsShownGivenOrNot) {
  Task task = small_task();
  task.retry_limit = 3;
  EXPECT_EQ(to_json(task), to_json(small_task()));
  EXPECT_EQ(parse_task(to_json(task)).value(), small_task());
  task.retry_limit = 0;
  EXPECT_NE(to_json(task).find(R"("retryLimit":0,)"), std::string::npos) << to_json(task);
  EXPECT_EQ(parse_task(to_json(task)).value(), task);
}

TEST(TaskJsonTest, EveryField) {
  Task task = small_task();
  task.key.id = "p#1";
  task.id_prefix = "p";
  task.description = "what for";
  task.request.headers = {{"x-a", "1"}, {"x-b", "2"}, {"x-a", "3"}};
  task.request.body = Body::json(R"({ "n": 1.50 })");
  task.repeat = Repeat{2, 0, RepeatUnit::kDays};
  task.timeout = std::chrono::milliseconds{90'500};
  task.deliver_before = kTime + std::chrono::hours{2};
  task.callback = "audit";
  task.callback_on = {"task.succeeded", "task.failed"};
  task.origin = "order-17";
  task.status = Status::kProcessing;
  task.failure_reason = "exhausted";
  task.errors = {4, 1, kTime, kTime + std::chrono::hours{1}, "status 500"};
  task.extra_date = kTime - std::chrono::hours{1};
  task.execution = {6, 4, 2, 1, 3, kTime, kTime, kTime, 500, {{"server", "s"}}, "oops"};
  task.attempt = 2;
  task.next_attempt_date = kTime;
  task.in_order = true;
  EXPECT_EQ(
      to_json(task),
      R"({"namespace":"my-app","id":"p#1","idPrefix":"p","description":"what for",)"
      R"("url":"https://example.com/",)"
      R"("method":"POST","request":{"method":"POST","url":"https://example.com/",)"
      R"("headers":{"x-a":["1","3"],"x-b":"2"},"body":{ "n": 1.50 }},)"
      R"("scheduledDate":"2026-01-31T12:34:56.789Z","extraDate":"2026-01-31T11:34:56.789Z",)"
      R"("repeat":{"interval":2,"max":0,"unit":"days"},"retryLimit":3,"timeout":"1m30s500ms",)"
      R"("deliverBefore":"2026-01-31T14:34:56.789Z",)"
      R"("callback":"audit","callbackOn":["task.succeeded","task.failed"],"origin":"order-17",)"
      R"("status":"PROCESSING","failureReason":"exhausted","errors":{"count":4,"consecutive":1,)"
      R"("firstErrorDate":"2026-01-31T12:34:56.789Z",)"
      R"("lastErrorDate":"2026-01-31T13:34:56.789Z","lastError":"status 500"},)"
      R"("execution":{"count":6,"failed":4,"successful":2,"skipped":1,"extra":3,)"
      R"("firstExecutionDate":"2026-01-31T12:34:56.789Z",)"
      R"("firstScheduledDate":"2026-01-31T12:34:56.789Z",)"
      R"("lastExecutionDate":"2026-01-31T12:34:56.789Z","lastResponseBody":"oops",)"
      R"("lastResponseHeaders":{"server":"s"},"lastResponseStatus":500},"attempt":2,)"
      R"("nextAttemptDate":"2026-01-31T12:34:56.789Z","inOrder":true,)"
      R"("__createdAt":"2026-01-31T12:34:56.789Z","__updatedAt":"2026-01-31T12:34:56.789Z"})");
}

TEST(TaskJsonTest, ThatItIsPausedIsShown) {
  Task task = small_task();
  task.max_errors = 0;
  task.pause_on_failure = true;
  task.note = "paused";
  EXPECT_NE(to_json(task).find(R"("maxErrors":0,"pauseOnFailure":true,)"), std::string::npos)
      << to_json(task);
  EXPECT_NE(to_json(task).find(R"("note":"paused",)"), std::string::npos) << to_json(task);
  EXPECT_EQ(parse_task(to_json(task)), task);
}

TEST(TaskJsonTest, WhatWasSkippedBeforeIsShown) {
  Task task = small_task();
  task.skipped_before = Skipped{kTime, 3, 2};
  EXPECT_NE(to_json(task).find(
                R"("skippedBefore":{"first":"2026-01-31T12:34:56.789Z","late":3,"overlap":2},)"
                R"("attempt":)"),
            std::string::npos)
      << to_json(task);
  EXPECT_EQ(parse_task(to_json(task)), task);
}

TEST(TaskJsonTest, WhatHoldsItIsShownAndNotTaken) {
  Task task = small_task();
  task.held = Held{"paused", std::nullopt};
  EXPECT_NE(to_json(task).find(R"("status":"ACTIVE","held":{"by":"paused"},"errors":)"),
            std::string::npos)
      << to_json(task);
  EXPECT_EQ(parse_task(to_json(task)), task);
  task.held->until = kTime;
  EXPECT_NE(to_json(task).find(R"("held":{"by":"paused","until":"2026-01-31T12:34:56.789Z"},)"),
            std::string::npos)
      << to_json(task);
  EXPECT_EQ(parse_task(to_json(task)), task);
  const auto given = parse_new_task(R"({"url":"http://a/","held":{"by":"paused"}})", "ns");
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().field, "held");
}

TEST(TaskJsonTest, TasksComeBackAsTheyWere) {
  TestRecords random(testing::test_seed());
  random.utf8_only = true;
  TaskPage page;
  for (int i = 0; i < 2000; ++i) {
    Task task = random.record().task;
    if (random.below(4) == 0) task.status = Status::kProcessing;
    const std::string json = to_json(task);
    const auto value = check_body_json(json);
    ASSERT_TRUE(value) << json;
    ASSERT_EQ(value->raw(), json);
    const auto back = parse_task(json);
    ASSERT_TRUE(back) << json << ": " << back.error().message;
    ASSERT_EQ(*back, task) << json;
    page.items.push_back(std::move(task));
  }
  page.last_evaluated_key = "key";
  const auto back = parse_task_page(to_json(page));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->items, page.items);
  EXPECT_EQ(back->last_evaluated_key, "key");
}

// Receivers answer any bytes; what is shown is valid JSON all the same.
TEST(TaskJsonTest, AnyBytesGiveValidJson) {
  TestRecords random(testing::test_seed());
  for (int i = 0; i < 1000; ++i) {
    const Task task = random.record().task;
    const auto back = parse_task(to_json(task));
    ASSERT_TRUE(back) << back.error().message;
    ASSERT_EQ(back->execution.last_response_body, task.execution.last_response_body);
    const Log log = random.log();
    const auto logs = parse_log_page(to_json(LogPage{{log}, ""}));
    ASSERT_TRUE(logs) << logs.error().message;
    ASSERT_EQ(logs->items.front().error, to_utf8(log.error));
    const auto& response = logs->items.front().response;
    ASSERT_EQ(response.value_or(Response{}).body, log.response.value_or(Response{}).body);
  }
  Task task = small_task();
  task.execution.last_response_status = 200;
  task.execution.last_response_headers = {{"\xff", "\xfe"}, {"\xfd", "é"}};
  task.execution.last_response_body = "a\xff\xe2\x82";
  const std::string json = to_json(task);
  EXPECT_NE(json.find(R"("lastResponseBody":"Yf/igg==","lastResponseBodyEncoding":"base64",)"),
            std::string::npos)
      << json;
  // Two names that are shown alike are one member.
  EXPECT_NE(json.find(R"("lastResponseHeaders":{"�":["�","é"]})"), std::string::npos) << json;
}

TEST(TaskJsonTest, AnEmptyResponseIsShown) {
  Task task = small_task();
  task.execution.last_response_status = 204;
  const std::string json = to_json(task);
  EXPECT_NE(json.find(R"("lastResponseBody":"","lastResponseHeaders":{},"lastResponseStatus":204)"),
            std::string::npos);
}

TEST(TaskJsonTest, ABodyThatIsNoJsonIsShownAsText) {
  Task task = small_task();
  task.request.body = Body::json("{\"a\":");
  EXPECT_NE(to_json(task).find(R"("body":"{\"a\":")"), std::string::npos);
  EXPECT_TRUE(compact_json(to_json(task)));
}

TEST(TaskPageJsonTest, CountAndKey) {
  EXPECT_EQ(to_json(TaskPage{}), R"({"items":[],"count":0})");
  EXPECT_EQ(to_json(LogPage{{}, "k"}), R"({"items":[],"count":0,"lastEvaluatedKey":"k"})");
  const std::string json = to_json(TaskPage{{small_task(), small_task()}, "k"});
  EXPECT_TRUE(json.ends_with(R"(],"count":2,"lastEvaluatedKey":"k"})"));
}

TEST(LogJsonTest, AFailureWithoutResponse) {
  EXPECT_EQ(to_json(small_log()),
            R"({"id":"l1","namespace":"my-app","taskId":"t1","attempt":1,"retryLimit":3,)"
            R"("request":{"method":"GET","url":"https://example.com/","headers":{}},)"
            R"("error":"connection refused","status":"FAIL",)"
            R"("scheduledDate":"2026-01-31T12:34:56.789Z",)"
            R"("dueDate":"2026-01-31T12:34:56.789Z",)"
            R"("startedAt":"2026-01-31T12:34:56.789Z","durationMs":12,)"
            R"("__createdAt":"2026-01-31T12:34:56.789Z"})");
}

TEST(LogJsonTest, ADurationIsToTheMicrosecond) {
  const std::pair<std::int64_t, const char*> cases[] = {
      {0, "0"},       {1, "0.001"},      {412, "0.412"}, {400, "0.4"},
      {12'000, "12"}, {12'030, "12.03"}, {-5, "0"},      {3'600'000'001, "3600000.001"}};
  for (const auto& [micros, shown] : cases) {
    Log log = small_log();
    log.duration = std::chrono::microseconds{micros};
    const std::string json = to_json(log);
    EXPECT_NE(json.find("\"durationMs\":" + std::string(shown) + ","), std::string::npos) << json;
    const auto back = parse_log_page(to_json(LogPage{{log}, ""}));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->items.front().duration.count(), std::max<std::int64_t>(micros, 0));
  }
  for (const char* wrong : {"-1", "1e300", "1e999", "\"12\""}) {
    std::string json = to_json(LogPage{{small_log()}, ""});
    json.replace(json.find(":12,"), 4, ":" + std::string(wrong) + ",");
    const auto back = parse_log_page(json);
    ASSERT_FALSE(back) << wrong;
    EXPECT_NE(back.error().message.find("durationMs"), std::string::npos) << back.error().message;
  }
}

TEST(LogJsonTest, AResponse) {
  Log log = small_log();
  log.response = Response{503, {{"retry-after", "1"}}, "busy", true};
  log.error = "status 503";
  log.expires_at = kTime;
  EXPECT_EQ(to_json(log),
            R"({"id":"l1","namespace":"my-app","taskId":"t1","attempt":1,"retryLimit":3,)"
            R"("request":{"method":"GET","url":"https://example.com/","headers":{}},)"
            R"("response":{"status":503,"ok":false,"headers":{"retry-after":"1"},"body":"busy",)"
            R"("bodyTruncated":true},"error":"status 503","status":"FAIL",)"
            R"("scheduledDate":"2026-01-31T12:34:56.789Z",)"
            R"("dueDate":"2026-01-31T12:34:56.789Z",)"
            R"("startedAt":"2026-01-31T12:34:56.789Z","durationMs":12,"ttl":1769862897,)"
            R"("__createdAt":"2026-01-31T12:34:56.789Z"})");
  log.response = Response{200, {}, "", false};
  log.error.clear();
  log.status = LogStatus::kSuccess;
  const std::string json = to_json(log);
  EXPECT_NE(
      json.find(R"("response":{"status":200,"ok":true,"headers":{},"body":""},"status":"SUCCESS")"),
      std::string::npos)
      << json;
}

TEST(LogJsonTest, ABodyThatIsNoTextIsShownAsBase64) {
  Log log = small_log();
  log.response = Response{200, {}, std::string("\x1f\x8b\0", 3), false};
  const std::string json = to_json(log);
  EXPECT_NE(json.find(R"("body":"H4sA","bodyEncoding":"base64"})"), std::string::npos) << json;
  EXPECT_EQ(parse_log(json), log);
  log.response->body = "H4sA";
  EXPECT_EQ(to_json(log).find("bodyEncoding"), std::string::npos);
  EXPECT_EQ(parse_log(to_json(log)), log);
}

TEST(LogJsonTest, ATextThatWasCutWithinACharacterIsText) {
  const auto is_text = [](const std::string& end, std::size_t size) {
    Log log = small_log();
    log.response = Response{200, {}, std::string(size - end.size(), 'a') + end, true};
    return to_json(log).find("bodyEncoding") == std::string::npos;
  };
  constexpr std::size_t kMost = 64 * 1024;
  for (const char* part : {"\xc3", "\xe2\x82", "\xe2", "\xf0\x9f\x98"}) {
    EXPECT_TRUE(is_text(part, kMost)) << part;
    EXPECT_FALSE(is_text(part, kMost - 1)) << part;  // it was not cut
  }
  for (const char* other : {"\xff", "\x82", "\xc3\xc3", "\xff\xe2\x82"}) {
    EXPECT_FALSE(is_text(other, kMost)) << other;
  }
}

TEST(LogJsonTest, AnEncodingThatIsNotKnownIsRefused) {
  const auto field = [](const std::string& response) {
    std::string json = to_json(small_log());
    json.insert(1, R"("response":{"status":200,)" + response + "},");
    const auto log = parse_log(json);
    return log ? "(taken)" : log.error().field;
  };
  EXPECT_EQ(field(R"("body":"H4sA","bodyEncoding":"base64")"), "(taken)");
  EXPECT_EQ(field(R"("body":"H4sA","bodyEncoding":"hex")"), "response.bodyEncoding");
  EXPECT_EQ(field(R"("body":"H4s","bodyEncoding":"base64")"), "response.body");
}

TEST(LogJsonTest, OneComesBackAsItWas) {
  EXPECT_EQ(parse_log(to_json(small_log())), small_log());
  EXPECT_FALSE(parse_log("{}"));
}

TEST(LogJsonTest, LogsComeBackAsTheyWere) {
  TestRecords random(testing::test_seed());
  random.utf8_only = true;
  LogPage page;
  for (int i = 0; i < 2000; ++i) {
    Log log = random.log();
    // Seconds are shown, rounded up.
    if (log.expires_at) log.expires_at = std::chrono::ceil<std::chrono::seconds>(*log.expires_at);
    page.items.push_back(std::move(log));
  }
  page.last_evaluated_key = "k";
  const auto back = parse_log_page(to_json(page));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->items, page.items);
  EXPECT_EQ(back->last_evaluated_key, "k");
}

TEST(ServerAnswersTest, FieldsOfNewerServersArePassedOver) {
  std::string json = to_json(small_task());
  json.insert(1, R"("future":{"a":[1,2]},"repeat":null,"idPrefix":null,)");
  const auto task = parse_task(json);
  ASSERT_TRUE(task) << task.error().message;
  EXPECT_EQ(*task, small_task());
}

TEST(ServerAnswersTest, ATaskOfAnEndpointShowsWhatItSaysItself) {
  Task task = small_task();
  task.endpoint = "acme";
  task.request.url.clear();
  task.retry_limit.reset();
  std::string json = to_json(task);
  EXPECT_NE(json.find(R"("endpoint":"acme")"), std::string::npos) << json;
  EXPECT_EQ(json.find("url"), std::string::npos) << json;
  EXPECT_EQ(json.find("retryLimit"), std::string::npos) << json;
  EXPECT_EQ(parse_task(json), task);

  task.flow_key = "customer 42";
  task.request.url = "/orders";
  task.retry_limit = 3;
  json = to_json(task);
  EXPECT_NE(json.find(R"("endpoint":"acme","flowKey":"customer 42","url":"/orders")"),
            std::string::npos)
      << json;
  EXPECT_NE(json.find(R"("retryLimit":3)"), std::string::npos) << json;
  EXPECT_EQ(parse_task(json), task);
}

TEST(ServerAnswersTest, WhatIsMissingOrWrongIsNamed) {
  const std::string json = to_json(small_task());
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string changed = json;
    changed.replace(changed.find(from), from.size(), to);
    return parse_task(changed);
  };
  const struct {
    const char* from;
    const char* to;
    const char* field;
  } kCases[] = {
      {R"("namespace":"my-app",)", "", "namespace"},
      {R"("id":"t1",)", "", "id"},
      {R"("id":"t1",)", R"("id":1,)", "id"},
      {R"("request":{)", R"("other":{)", "request"},
      {R"({"method":"POST",)", "{", "request.method"},
      {R"("ACTIVE")", R"("WAITING")", "status"},
      {R"("scheduledDate":"2026)", R"("scheduledDate":"x2026)", "scheduledDate"},
      {R"("retryLimit":3)", R"("retryLimit":3000000000)", "retryLimit"},
      {R"("skipped":0)", R"("skipped":"0")", "execution.skipped"},
      {R"("consecutive":0)", R"("consecutive":0.5)", "errors.consecutive"},
  };
  for (const auto& c : kCases) {
    const auto task = replaced(c.from, c.to);
    ASSERT_FALSE(task) << c.to;
    EXPECT_EQ(task.error().code, ErrorCode::kInternal);
    EXPECT_EQ(task.error().field, c.field);
    EXPECT_NE(task.error().message.find("server's answer"), std::string::npos);
  }
  const auto page = parse_task_page(R"({"items":[{"namespace":"a"}]})");
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().field, "items[0].id");
  std::string log = to_json(LogPage{{small_log()}, ""});
  log.insert(log.find("\"__createdAt\""), "\"ttl\":99999999999999,");
  const auto logs = parse_log_page(log);
  ASSERT_FALSE(logs);
  EXPECT_EQ(logs.error().field, "items[0].ttl");
  for (const char* text : {"", "<html>", "[]", "null"}) {
    EXPECT_FALSE(parse_task(text));
    EXPECT_FALSE(parse_task_page(text));
    EXPECT_FALSE(parse_log_page(text));
  }
}

TEST(ServerAnswersTest, DamagedPagesAreBorne) {
  const std::string tasks = to_json(TaskPage{{TestRecords(5).record().task}, "k"});
  const std::string logs = to_json(LogPage{{TestRecords(5).log()}, "k"});
  for (const std::string& json : {tasks, logs}) {
    for (std::size_t size = 0; size < json.size(); ++size) {
      ASSERT_FALSE(parse_task_page(json.substr(0, size)));
      ASSERT_FALSE(parse_log_page(json.substr(0, size)));
    }
    for (std::size_t bit = 0; bit < json.size() * 8; ++bit) {
      std::string damaged = json;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      if (const auto page = parse_task_page(damaged)) {
        ASSERT_TRUE(parse_task_page(to_json(*page)));
      }
      if (const auto page = parse_log_page(damaged)) {
        ASSERT_TRUE(parse_log_page(to_json(*page)));
      }
    }
  }
}

}  // namespace
}  // namespace rhooks::codec

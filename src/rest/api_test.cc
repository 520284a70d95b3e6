#include "rest/api.h"

#include <gmock/gmock.h>

#include <future>
#include <thread>

#include "rest/routes.h"
#include "rest/test_api.h"
#include "testing/captured_log.h"
#include "testing/patience.h"

namespace rhooks::rest::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

TEST_F(ApiTest, RegistersAndGets) {
  const Reply created =
      post("/v1/namespaces/ns/tasks", R"({"url":"http://127.0.0.1:9/x","id":"a b#c/d"})");
  EXPECT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(created.header("content-type"), "application/json");
  EXPECT_EQ(created.header("location"), "/v1/namespaces/ns/tasks/a%20b%23c%2Fd");
  const Reply got = get(created.header("location"));
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, created.body);
  EXPECT_EQ(json_of(got).at("status").as_string(), "ACTIVE");
  expect_problem(get("/v1/namespaces/ns/tasks/missing"), 404);
}

TEST_F(ApiTest, RefusesWrongTasksNamingTheField) {
  const std::string path = "/v1/namespaces/ns/tasks";
  expect_problem(post(path), 400);
  expect_problem(post(path, "{"), 400);
  expect_problem(post(path, "[]"), 400);
  expect_problem(post(path, "{}"), 400, "url");
  expect_problem(post(path, R"({"url":"ftp://x/"})"), 400, "url");
  expect_problem(post(path, R"({"url":"http://x/","retrylimit":1})"), 400, "retrylimit");
  expect_problem(post(path, R"({"url":"http://x/","namespace":"other"})"), 400, "namespace");
  expect_problem(post(path, R"({"url":"http://x/","repeat":{"interval":0}})"), 400,
                 "repeat.interval");
  expect_problem(
      post("/v1/namespaces/" + std::string(257, 'n') + "/tasks", R"({"url":"http://x/"})"), 400,
      "namespace");
  expect_problem(post(path, R"({"url":"http://x/","body":")" + std::string(300'000, 'x') + "\"}"),
                 400, "body");
  expect_problem(post(path, std::string(kTaskBodyBytesMax + 1, ' ')), 413);
}

TEST_F(ApiTest, AnIdTwiceIsAConflict) {
  add("one");
  expect_problem(post("/v1/namespaces/ns/tasks", R"({"url":"http://127.0.0.1:9/x","id":"one"})"),
                 409, "id");
}

TEST_F(ApiTest, IdempotencyKeyFindsTheFirstTask) {
  const Call call{"POST",
                  "/v1/namespaces/ns/tasks",
                  R"({"url":"http://127.0.0.1:9/x"})",
                  {{"Idempotency-Key", "key 1"}}};
  const Reply first = send(call);
  EXPECT_EQ(first.status, 201);
  const Reply second = send(call);
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.body, first.body);
  Call other = call;
  other.body = R"({"url":"http://127.0.0.1:9/other"})";
  expect_problem(send(other), 409, "Idempotency-Key");
  other.headers = {{"Idempotency-Key", std::string(300, 'x')}};
  expect_problem(send(other), 400, "Idempotency-Key");
  other.headers = {{"Idempotency-Key", ""}};
  expect_problem(send(other), 400, "Idempotency-Key");
  other.headers = {{"Idempotency-Key", "key 2"}};
  other.body = R"({"url":"http://127.0.0.1:9/x","id":"mine"})";
  expect_problem(send(other), 400, "Idempotency-Key");
}

TEST_F(ApiTest, RegistrationsAnsweredLaterGetEachTheirOwnAnswer) {
  add("taken");
  struct One {
    std::string ns, body, key;
    int status;
  };
  const std::string plain = R"({"url":"http://127.0.0.1:9/x"})";
  const std::vector<One> all = {
      {"ns", plain, "", 201},
      {"ns", "{", "", 400},
      {"ns", plain, "key", 201},
      {"ns", R"({"url":"http://127.0.0.1:9/x","id":"taken"})", "", 409},
      {"ns", plain, "key", 200},
      {"ns", R"({"url":"http://127.0.0.1:9/other"})", "key", 409},
      {"other", R"({"url":"http://127.0.0.1:9/x","id":"taken"})", "", 201},
      {"ns", R"({"url":"http://127.0.0.1:9/x","retryLimit":-1})", "", 400},
  };
  std::vector<HttpRequest> requests;
  for (const One& one : all) {
    HttpRequest request;
    request.method = "POST";
    request.target = "/v1/namespaces/" + one.ns + "/tasks";
    request.headers = {{"Host", "localhost"}};
    if (!one.key.empty()) request.headers.push_back({"Idempotency-Key", one.key});
    ASSERT_TRUE(parse_target(request));
    const Admission admission = api_->admit(request);
    EXPECT_EQ(admission.work, Work::kLater);
    request.route = admission.route;
    request.body = one.body;
    requests.push_back(std::move(request));
  }
  std::vector<HttpResponse> responses;
  for (const HttpRequest& request : requests) {
    std::promise<HttpResponse> answered;
    api_->handle_later(
        request, [&answered](HttpResponse response) { answered.set_value(std::move(response)); });
    responses.push_back(answered.get_future().get());
  }
  const auto reports = reported();
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(responses[i].status, all[i].status) << i << ": " << responses[i].body;
    EXPECT_EQ(reports[1 + i], Reported("/v1/namespaces/{ns}/tasks", "POST", all[i].status));
  }
  EXPECT_EQ(responses[2].body, responses[4].body);
  EXPECT_EQ(get("/v1/namespaces/other/tasks/taken").body, responses[6].body);
  EXPECT_EQ(json_of(get("/v1/namespaces/ns/tasks")).at("count").as_int64(), 3);
}

TEST_F(ApiTest, TheRouteOfTheAdmissionIsWhatHandles) {
  add("a");
  HttpRequest request;
  request.method = "GET";
  request.target = "/v1/namespaces/ns/tasks/a";
  request.headers = {{"Host", "localhost"}};
  ASSERT_TRUE(parse_target(request));
  request.route = api_->admit(request).route;
  ASSERT_NE(request.route, nullptr);
  EXPECT_EQ(request.route->operation_id, "getTask");
  request.method = "PURGE";  // no route has it: looked up once more, none would be found
  EXPECT_EQ(api_->handle(request).body, get(request.target).body);
}

TEST_F(ApiTest, RegistersManyWithAResultForEach) {
  add("taken");
  const Reply reply = post("/v1/tasks/batch", R"({"items":[
      {"namespace":"ns","id":"x","url":"http://127.0.0.1:9/"},
      {"namespace":"ns","url":7},
      {"namespace":"ns","id":"taken","url":"http://127.0.0.1:9/"},
      {"namespace":"other","url":"http://127.0.0.1:9/"},
      {"namespace":"ns"}]})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto body = json_of(reply);
  const auto& items = body.at("items").as_array();
  ASSERT_EQ(items.size(), 5u);
  EXPECT_EQ(items[0].at("status").as_int64(), 201);
  EXPECT_EQ(items[0].at("task").at("id").as_string(), "x");
  EXPECT_EQ(items[1].at("status").as_int64(), 400);
  EXPECT_EQ(items[1].at("error").at("field").as_string(), "items[1].url");
  EXPECT_EQ(items[2].at("status").as_int64(), 409);
  EXPECT_EQ(items[3].at("status").as_int64(), 201);
  EXPECT_EQ(items[4].at("status").as_int64(), 400);
  EXPECT_EQ(items[4].at("error").at("field").as_string(), "url");
  expect_problem(post("/v1/tasks/batch", R"({"items":1})"), 400, "items");
  expect_problem(post("/v1/tasks/batch"), 400);
}

TEST_F(ApiTest, TakesAWholeBatch) {
  std::string body = R"({"items":[)";
  for (int i = 0; i < 1000; ++i) {
    body += std::string(i ? "," : "") +
            R"({"namespace":"ns","method":"POST","url":"http://127.0.0.1:9/","body":")" +
            std::string(5'000, 'x') + "\"}";
  }
  const Reply reply = post("/v1/tasks/batch", body + "]}");
  ASSERT_EQ(reply.status, 200) << reply.body.substr(0, 200);
  const auto results = json_of(reply);
  ASSERT_EQ(results.at("items").as_array().size(), 1000u);
  for (const auto& item : results.at("items").as_array()) {
    ASSERT_EQ(item.at("status").as_int64(), 201) << item;
  }
  EXPECT_EQ(json_of(get("/v1/namespaces/ns/tasks?limit=1000")).at("count").as_int64(), 1000);
}

TEST_F(ApiTest, FetchesPagesInOrder) {
  for (int i = 0; i < 5; ++i) {
    add("t" + std::to_string(i),
        R"(,"scheduledDate":"2030-01-01T00:00:0)" + std::to_string(4 - i) + "Z\"");
  }
  std::string ids;
  std::string key;
  int pages = 0;
  do {
    const auto page = json_of(get("/v1/namespaces/ns/tasks?limit=2&startKey=" + key));
    for (const auto& item : page.at("items").as_array()) {
      ids += std::string(item.at("id").as_string()) + " ";
    }
    key = page.contains("lastEvaluatedKey") ? std::string(page.at("lastEvaluatedKey").as_string())
                                            : std::string();
    ASSERT_LT(++pages, 10);
  } while (!key.empty());
  EXPECT_EQ(ids, "t4 t3 t2 t1 t0 ");
  const auto count = [&](const std::string& query) {
    return json_of(get("/v1/namespaces/ns/tasks?" + query)).at("count").as_int64();
  };
  EXPECT_EQ(count("desc=true&status=ACTIVE"), 5);
  EXPECT_EQ(count("status=done"), 0);
  EXPECT_EQ(count("id=t1"), 1);
  EXPECT_EQ(count("from=2030-01-01T00:00:01Z&to=2030-01-01T00:00:02Z"), 2);
  // An offset's plus, encoded or not.
  EXPECT_EQ(count("from=2030-01-01T02:00:03%2B02:00"), 2);
  EXPECT_EQ(count("from=2030-01-01T02:00:03+02:00"), 2);
}

TEST_F(ApiTest, RefusesWrongQueriesNamingTheParameter) {
  for (const std::string base : {"/v1/namespaces/ns/tasks?", "/v1/namespaces/ns/logs?"}) {
    for (const char* wrong :
         {"limit=0",   "limit=1001",        "limit=ten",      "limit=1.5",
          "limit=-1",  "limit=99999999999", "from=yesterday", "from=2030-01-01",
          "to=1",      "status=LOST",       "desc=maybe",     "startKey=tampered",
          "color=red", "Limit=1",           "limit=",         "from=",
          "to=",       "status=",           "desc=",          "desc"}) {
      SCOPED_TRACE(base + wrong);
      const std::string text = wrong;
      expect_problem(get(base + text), 400, text.substr(0, text.find('=')));
    }
    expect_problem(get(base + "limit=1&limit=2"), 400, "limit");
    const std::string one = base.find("logs") == std::string::npos ? "id" : "taskId";
    expect_problem(get(base + one + "="), 400, one);
    expect_problem(get(base + "from=2030-01-02T00:00:00Z&to=2030-01-01T00:00:00Z"), 400, "from");
  }
  // A key of another query.
  add("a");
  add("b");
  const auto page = json_of(get("/v1/namespaces/ns/tasks?limit=1"));
  const std::string key(page.at("lastEvaluatedKey").as_string());
  expect_problem(get("/v1/namespaces/ns/tasks?desc=true&startKey=" + key), 400, "startKey");
  expect_problem(get("/v1/namespaces/other/tasks?startKey=" + key), 400, "startKey");
  // Where no parameter is taken.
  expect_problem(get("/v1/namespaces/ns/tasks/a?verbose=1"), 400, "verbose");
  expect_problem(send({"DELETE", "/v1/namespaces/ns?id=a"}), 400, "id");
}

TEST_F(ApiTest, DeletesReturningTheTask) {
  add("gone");
  const Reply reply = send({"DELETE", "/v1/namespaces/ns/tasks/gone"});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(json_of(reply).at("id").as_string(), "gone");
  expect_problem(send({"DELETE", "/v1/namespaces/ns/tasks/gone"}), 404);
  expect_problem(get("/v1/namespaces/ns/tasks/gone"), 404);
}

TEST_F(ApiTest, ATaskMayBeCalledDelete) {
  add("delete");
  add("suspend");
  EXPECT_EQ(get("/v1/namespaces/ns/tasks/delete").status, 200);
  EXPECT_EQ(post("/v1/namespaces/ns/tasks/delete/suspend").status, 200);
  EXPECT_EQ(send({"DELETE", "/v1/namespaces/ns/tasks/delete"}).status, 200);
  EXPECT_EQ(json_of(post("/v1/namespaces/ns/tasks/delete")).at("count").as_int64(), 1);
}

TEST_F(ApiTest, SuspendsUnsuspendsAndRunsNow) {
  add("t", R"(,"scheduledDate":"2090-01-01T00:00:00Z")");
  const std::string task = "/v1/namespaces/ns/tasks/t";
  EXPECT_EQ(json_of(post(task + "/suspend")).at("status").as_string(), "SUSPENDED");
  expect_problem(post(task + "/suspend"), 409);
  expect_problem(post(task + "/trigger"), 409);
  EXPECT_EQ(json_of(post(task + "/unsuspend", "{}")).at("status").as_string(), "ACTIVE");
  expect_problem(post(task + "/unsuspend"), 409);
  EXPECT_EQ(json_of(post("/v1/trigger")).at("processed").as_int64(), 0);
  EXPECT_TRUE(json_of(post(task + "/trigger")).contains("nextAttemptDate"));
  EXPECT_EQ(json_of(post("/v1/trigger")).at("processed").as_int64(), 1);
  EXPECT_EQ(json_of(get(task)).at("status").as_string(), "DONE");
  for (const char* verb : {"/suspend", "/unsuspend", "/trigger", "/cancel"}) {
    expect_problem(post("/v1/namespaces/ns/tasks/none" + std::string(verb)), 404);
  }
  expect_problem(post(task + "/suspend", R"({"force":true})"), 400);
}

TEST_F(ApiTest, Cancels) {
  const std::string tasks = "/v1/namespaces/ns/tasks";
  for (const char* id : {"a1", "a2", "t"}) add(id, R"(,"scheduledDate":"2090-01-01T00:00:00Z")");
  const auto cancelled = json_of(post(tasks + "/t/cancel"));
  EXPECT_EQ(cancelled.at("status").as_string(), "FAILED");
  EXPECT_EQ(cancelled.at("failureReason").as_string(), "cancelled");
  expect_problem(post(tasks + "/t/cancel"), 409);
  EXPECT_EQ(json_of(post(tasks + "/cancel", R"({"id":"a"})")).at("count").as_int64(), 2);
  expect_problem(post(tasks + "/cancel", R"({"status":"FAILED"})"), 400, "status");
}

TEST_F(ApiTest, ActsOnManyByFilter) {
  for (const char* id : {"a1", "a2", "a3", "b1"}) add(id);
  const std::string tasks = "/v1/namespaces/ns/tasks";
  const auto suspended = json_of(post(tasks + "/suspend", R"({"id":"a","chunkLimit":2})"));
  EXPECT_EQ(suspended.at("count").as_int64(), 2);
  EXPECT_TRUE(suspended.at("more").as_bool());
  EXPECT_EQ(suspended.at("items").as_array()[0].at("namespace").as_string(), "ns");
  EXPECT_EQ(json_of(post(tasks + "/delete", R"({"status":"SUSPENDED"})")).at("count").as_int64(),
            2);
  EXPECT_EQ(json_of(get(tasks)).at("count").as_int64(), 2);
  expect_problem(post(tasks + "/delete", R"({"chunkLimit":0})"), 400, "chunkLimit");
  expect_problem(post(tasks + "/delete", R"({"name":"a"})"), 400, "name");
  expect_problem(post(tasks + "/suspend", R"({"status":"DONE"})"), 400, "status");
  const Reply cleared = send({"DELETE", "/v1/namespaces/ns"});
  EXPECT_EQ(cleared.status, 200);
  EXPECT_EQ(cleared.body, R"({"count":2})");
}

TEST_F(ApiTest, ActsOnManyFromAKeyOn) {
  for (const char* id : {"a1", "a2", "a3"}) add(id);
  const std::string tasks = "/v1/namespaces/ns/tasks";
  const auto first = json_of(post(tasks + "/suspend", R"({"id":"a","chunkLimit":2})"));
  EXPECT_TRUE(first.at("more").as_bool());
  const std::string key(first.at("lastEvaluatedKey").as_string());
  const auto from_key = [&](const std::string& filter) {
    return "{" + filter + R"("startKey":")" + key + "\"}";
  };
  expect_problem(post(tasks + "/suspend", from_key(R"("id":"b",)")), 400, "startKey");
  expect_problem(post(tasks + "/suspend", from_key("")), 400, "startKey");
  expect_problem(post(tasks + "/delete", from_key(R"("id":"a",)")), 400, "startKey");
  expect_problem(post(tasks + "/suspend", R"({"id":"a","startKey":null})"), 400, "startKey");
  const auto second = json_of(post(tasks + "/suspend", from_key(R"("id":"a",)")));
  EXPECT_EQ(second.at("count").as_int64(), 1);
  EXPECT_EQ(second.at("items").as_array()[0].at("id").as_string(), "a3");
  EXPECT_FALSE(second.at("more").as_bool());
  EXPECT_FALSE(second.contains("lastEvaluatedKey"));
  // An empty one is that of the first call, so that clients can loop.
  EXPECT_EQ(json_of(post(tasks + "/delete", R"({"id":"a","startKey":""})")).at("count").as_int64(),
            3);
}

TEST_F(ApiTest, TriggersAndShowsLogs) {
  add("good");
  add("later", R"(,"scheduledDate":"2090-01-01T00:00:00Z")");
  const auto dry = json_of(post("/v1/trigger/dryrun"));
  EXPECT_EQ(dry.at("count").as_int64(), 1);
  EXPECT_FALSE(dry.at("more").as_bool());
  EXPECT_EQ(dry.at("items").as_array()[0].at("id").as_string(), "good");
  const Reply triggered = post("/v1/trigger");
  EXPECT_EQ(triggered.body, R"({"processed":1,"errors":0})");
  const auto logs = json_of(get("/v1/namespaces/ns/logs?taskId=good&status=SUCCESS&desc=true"));
  ASSERT_EQ(logs.at("count").as_int64(), 1);
  EXPECT_EQ(logs.at("items").as_array()[0].at("taskId").as_string(), "good");
  EXPECT_EQ(json_of(get("/v1/namespaces/ns/logs?status=FAIL")).at("count").as_int64(), 0);
}

TEST_F(ApiTest, TellsHowItIs) {
  EXPECT_EQ(get("/healthz").body, R"({"status":"ok"})");
  EXPECT_EQ(get("/readyz").body, R"({"status":"ready"})");
  const Reply metrics = get("/metrics");
  EXPECT_THAT(metrics.header("content-type"), HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(metrics.body, HasSubstr("# TYPE "));
  store_->fail_always("*", {.error = {ErrorCode::kUnavailable, "no space is left on the disk", {}},
                            .after_applying = false,
                            .keys = {}});
  EXPECT_EQ(get("/healthz").status, 200);
  const Reply unready = get("/readyz");
  expect_problem(unready, 503);
  EXPECT_THAT(unready.body, HasSubstr("no space is left on the disk"));
  const Reply refused = post("/v1/namespaces/ns/tasks", R"({"url":"http://127.0.0.1:9/"})");
  expect_problem(refused, 503);
  EXPECT_EQ(refused.header("retry-after"), "1");
}

TEST_F(ApiTest, AsksTheStoreWhetherItIsReadyNowAndThenOnly) {
  ready_for_ = std::chrono::hours{1};
  start();
  EXPECT_EQ(get("/readyz").status, 200);
  store_->fail_always(
      "check", {.error = {ErrorCode::kUnavailable, "no", {}}, .after_applying = false, .keys = {}});
  // It would say otherwise.
  for (int i = 0; i < 10; ++i) EXPECT_EQ(get("/readyz").status, 200);
  start();
  expect_problem(get("/readyz"), 503);
}

TEST_F(ApiTest, SaysWhyItIsNotReadyToThoseWhoMayCall) {
  store_->fail_always("check", {.error = {ErrorCode::kUnavailable, "no space in /data", {}},
                                .after_applying = false,
                                .keys = {}});
  const auto says_why = [](const Reply& reply) {
    expect_problem(reply, 503);
    EXPECT_EQ(reply.header("retry-after"), "1");
    return reply.body.find("/data") != std::string::npos;
  };
  EXPECT_TRUE(says_why(get("/readyz")));
  EXPECT_FALSE(says_why(send({"GET", "/readyz", {}, {{"Origin", "https://evil.example"}}})));
  start("s3cret");
  EXPECT_FALSE(says_why(get("/readyz")));
  EXPECT_FALSE(says_why(send({"GET", "/readyz", {}, {{"Authorization", "Bearer other"}}})));
  EXPECT_TRUE(says_why(send({"GET", "/readyz", {}, {{"Authorization", "Bearer s3cret"}}})));
}

TEST_F(ApiTest, KnowsItsPathsAndMethods) {
  expect_problem(get("/"), 404);
  expect_problem(get("/v1/namespaces/ns/tasks/"), 400, "id");
  expect_problem(get("/v1/namespaces/ns/"), 404);
  expect_problem(get("/v1/namespaces//tasks"), 400, "namespace");
  expect_problem(get("/v2/trigger"), 404);
  const Reply wrong = send({"PUT", "/v1/namespaces/ns/tasks/x"});
  expect_problem(wrong, 405);
  EXPECT_EQ(wrong.header("allow"), "GET, HEAD, DELETE, OPTIONS");
  const Reply options = send({"OPTIONS", "/v1/namespaces/ns/tasks"});
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("allow"), "POST, GET, HEAD, OPTIONS");
  EXPECT_EQ(send({"OPTIONS", "*"}).status, 204);
  // The id "delete" has routes by both patterns.
  EXPECT_EQ(send({"PATCH", "/v1/namespaces/ns/tasks/delete"}).header("allow"),
            "GET, HEAD, DELETE, POST, OPTIONS");
  add("h");
  const Reply head = send({"HEAD", "/v1/namespaces/ns/tasks/h"});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"),
            std::to_string(get("/v1/namespaces/ns/tasks/h").body.size()));
  EXPECT_EQ(send({"HEAD", "/v1/namespaces/ns/tasks/none"}).status, 404);
}

TEST_F(ApiTest, WantsJson) {
  const auto with_type = [&](const std::string& type) {
    return send({"POST",
                 "/v1/namespaces/ns/tasks",
                 R"({"url":"http://127.0.0.1:9/"})",
                 {{"Content-Type", type}}});
  };
  EXPECT_EQ(with_type("application/json").status, 201);
  EXPECT_EQ(with_type("Application/JSON; charset=utf-8").status, 201);
  EXPECT_EQ(with_type("application/vnd.hooks+json").status, 201);
  expect_problem(with_type("text/plain"), 415, "Content-Type");
  expect_problem(with_type("application/x-www-form-urlencoded"), 415, "Content-Type");
  expect_problem(send({"POST", "/v1/namespaces/ns/tasks", "x", {{"Content-Encoding", "gzip"}}}),
                 415, "Content-Encoding");
}

TEST_F(ApiTest, AsksForTheKey) {
  start("s3cret");
  const std::string path = "/v1/namespaces/ns/tasks";
  for (const char* value :
       {"", "s3cret", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3crets", "Basic s3cret"}) {
    SCOPED_TRACE(value);
    const Reply reply = send({"GET", path, {}, {{"Authorization", value}}});
    expect_problem(reply, 401, "Authorization");
    EXPECT_EQ(reply.header("www-authenticate"), "Bearer");
  }
  for (const char* target : {"/metrics", "/openapi.json", "/nothing", "/v1/namespaces/ns/logs"}) {
    expect_problem(get(target), 401, "Authorization");
  }
  expect_problem(post("/v1/trigger"), 401, "Authorization");
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_EQ(get("/readyz").status, 200);
  EXPECT_EQ(send({"GET", path, {}, {{"Authorization", "Bearer s3cret"}}}).status, 200);
  EXPECT_EQ(send({"GET", path, {}, {{"authorization", "bearer s3cret"}}}).status, 200);
  // Refused before a long body is sent.
  Client client(server_->port());
  client.send("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(client.receive().status, 401);
  // With a key any Host will do.
  Client named(server_->port());
  named.send("GET " + path +
             " HTTP/1.1\r\nHost: hooks.example\r\nAuthorization: Bearer s3cret\r\n\r\n");
  EXPECT_EQ(named.receive().status, 200);
}

TEST_F(ApiTest, OfTwoKeysNoneCounts) {
  start("s3cret");
  const std::string path = "/v1/namespaces/ns/tasks";
  const std::pair<std::string, std::string> right{"Authorization", "Bearer s3cret"};
  const std::pair<std::string, std::string> wrong{"authorization", "Bearer other"};
  EXPECT_EQ(send({"GET", path, {}, {right}}).status, 200);
  expect_problem(send({"GET", path, {}, {right, wrong}}), 401, "Authorization");
  expect_problem(send({"GET", path, {}, {wrong, right}}), 401, "Authorization");
}

TEST_F(ApiTest, WrongKeysAreLoggedOnceASecond) {
  start("s3cret");
  testing::CapturedLog log;
  const auto from = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) {
    expect_problem(send({"GET", "/v1/trigger", {}, {{"Authorization", "Bearer guess"}}}), 401,
                   "Authorization");
  }
  const auto took = std::chrono::steady_clock::now() - from;
  const std::string text = log.text();
  const std::string line = "were refused";
  EXPECT_NE(text.find(line), std::string::npos);
  EXPECT_NE(text.find("127.0.0.1:"), std::string::npos) << text;
  EXPECT_EQ(text.find("guess"), std::string::npos) << text;
  std::size_t lines = 0;
  for (auto at = text.find(line); at != std::string::npos; at = text.find(line, at + 1)) ++lines;
  EXPECT_LE(lines, 1u + static_cast<std::size_t>(took / 1s)) << text;
}

TEST_F(ApiTest, NoBrowserIsToTakeAnAnswerForAPage) {
  for (const char* target : {"/healthz", "/nothing", "/v1/namespaces/ns/tasks"}) {
    EXPECT_EQ(get(target).header("x-content-type-options"), "nosniff") << target;
  }
}

// RFC 9112, section 3.2.2: of an absolute target the host is in the target.
TEST_F(ApiTest, TheHostOfAnAbsoluteTargetCounts) {
  const auto ask = [&](const std::string& target, const std::string& host) {
    Client client(server_->port());
    client.send("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    return client.receive();
  };
  const std::string path = "/v1/namespaces/ns/tasks";
  EXPECT_EQ(ask("http://127.0.0.1:80" + path, "127.0.0.1").status, 200);
  EXPECT_EQ(ask("http://localhost" + path, "evil.example").status, 200);
  expect_problem(ask("http://evil.example" + path, "127.0.0.1"), 421, "Host");
  expect_problem(ask("HTTPS://evil.example" + path, "127.0.0.1"), 421, "Host");
  expect_problem(ask("http://" + path, "127.0.0.1"), 400);
}

TEST_F(ApiTest, WithoutAKeyPagesOfOtherSitesAreRefused) {
  const auto with_host = [&](const std::string& host) {
    Client client(server_->port());
    client.send("GET /v1/namespaces/ns/tasks HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    return client.receive();
  };
  for (const char* host :
       {"localhost", "LOCALHOST:8090", "127.0.0.1:1", "127.8.9.1", "[::1]:8090", "app.localhost"}) {
    EXPECT_EQ(with_host(host).status, 200) << host;
  }
  for (const char* host : {"evil.example", "evil.example:8090", "localhost.evil.example",
                           "127.0.0.1.evil.example", "192.168.1.5", "[::2]", ""}) {
    expect_problem(with_host(host), 421, "Host");
  }
  const auto with_origin = [&](const std::string& origin) {
    return send({"POST", "/v1/trigger", {}, {{"Origin", origin}}});
  };
  EXPECT_EQ(with_origin("http://localhost:3000").status, 200);
  expect_problem(with_origin("https://evil.example"), 403, "Origin");
  expect_problem(with_origin("null"), 403, "Origin");
  expect_problem(with_origin("http://[::1]evil.example"), 403, "Origin");
  expect_problem(with_origin("file://localhost"), 403, "Origin");
}

TEST_F(ApiTest, ReportsEachRequestOnce) {
  get("/v1/namespaces/ns/tasks/x");
  get("/healthz");
  get("/no/such/path");
  send({"BREW", "/healthz"});
  Client client(server_->port());
  client.send("rubbish\r\n\r\n");
  client.receive();
  EXPECT_THAT(reported(),
              ::testing::ElementsAre(
                  Reported("/v1/namespaces/{ns}/tasks/{id}", "GET", 404),
                  Reported("/healthz", "GET", 200), Reported("(none)", "GET", 404),
                  Reported("(none)", "other", 405), Reported("(refused)", "other", 400)));
}

TEST_F(ApiTest, AnUnknownOutcomeIsToldApart) {
  store_->fail_next("put", {.error = {ErrorCode::kUnknownOutcome, "the answer was lost", {}},
                            .after_applying = true,
                            .keys = {}});
  const Reply reply =
      post("/v1/namespaces/ns/tasks", R"({"url":"http://127.0.0.1:9/","id":"maybe"})");
  expect_problem(reply, 503);
  EXPECT_EQ(json_of(reply).at("code").as_string(), "unknown_outcome");
  EXPECT_EQ(get("/v1/namespaces/ns/tasks/maybe").status, 200);
}

TEST_F(ApiTest, OnlySoManyTriggersRunAtOnce) {
  test_.sender->set_script([](const delivery::HttpRequest&) { return rhooks::Reply::hold(); });
  add("held");
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) {
    clients.emplace_back(server_->port());
    ASSERT_TRUE(clients.back().send(text_of({"POST", "/v1/trigger"})));
  }
  EXPECT_TRUE(testing::eventually([&] { return reported().size() >= 2; }));
  EXPECT_THAT(reported(), Contains(Reported("/v1/trigger", "POST", 503)));
  // The others hold no thread that these need.
  EXPECT_EQ(get("/v1/namespaces/ns/tasks/held").status, 200);
  ASSERT_TRUE(test_.sender->wait_started(1));
  test_.sender->release_all(rhooks::Reply::status(200));
  int done = 0;
  for (Client& client : clients) done += client.receive().status == 200;
  EXPECT_EQ(done, 4);
}

TEST_F(ApiTest, StopLetsATriggerEnd) {
  test_.sender->set_script([](const delivery::HttpRequest&) { return rhooks::Reply::hold(); });
  add("held");
  Client client(server_->port());
  ASSERT_TRUE(client.send(text_of({"POST", "/v1/trigger"})));
  ASSERT_TRUE(test_.sender->wait_started(1));
  std::thread stopper([&] { server_->stop(10min); });
  test_.sender->release_all(rhooks::Reply::status(200));
  const Reply reply = client.receive();
  EXPECT_EQ(reply.body, R"({"processed":1,"errors":0})");
  client.close();
  stopper.join();
  EXPECT_EQ(test_.hooks->get({"ns", "held"})->status, Status::kDone);
}

TEST_F(ApiTest, RegistersFromManyClientsAtOnce) {
  constexpr int kClients = 200;
  std::vector<std::thread> threads;
  std::atomic<int> created{0};
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([&, i] {
      Client client(server_->port());
      for (int j = 0; j < 5; ++j) {
        const Reply reply = call(client, {"POST", "/v1/namespaces/ns/tasks",
                                          R"({"url":"http://127.0.0.1:9/","id":")" +
                                              std::to_string(i) + "." + std::to_string(j) + "\"}"});
        created += reply.status == 201;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(created.load(), kClients * 5);
  EXPECT_EQ(json_of(get("/v1/namespaces/ns/tasks?limit=1000")).at("count").as_int64(), 1000);
}

}  // namespace
}  // namespace rhooks::rest::test

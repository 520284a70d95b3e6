// Endpoints over REST.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "rest/routes.h"
#include "rest/test_api.h"

namespace rhooks::rest::test {
namespace {

constexpr const char* kAcme = "/v1/namespaces/ns/endpoints/acme";
constexpr const char* kLeastEndpoint = R"({"url":"http://127.0.0.1:9/in"})";

std::string revision_of(const Reply& reply) {
  const std::string etag = reply.header("etag");
  EXPECT_EQ(etag.size(), 38u) << etag;
  return etag.size() == 38u ? etag.substr(1, 36) : "";
}

TEST_F(ApiTest, AnEndpointIsMadeReplacedAndShown) {
  const std::string given = R"({"url":"http://127.0.0.1:9/in?a=1","headers":{"X-Shop":"7"},)"
                            R"("timeout":"90s","retryLimit":10,"description":"the warehouse",)"
                            R"("concurrency":1,"rate":"100/m","burst":5,"ordered":true})";
  const Reply made = send({"PUT", kAcme, given});
  EXPECT_EQ(made.status, 201) << made.body;
  const auto shown = json_of(made);
  EXPECT_EQ(shown.at("namespace").as_string(), "ns");
  EXPECT_EQ(shown.at("name").as_string(), "acme");
  EXPECT_EQ(shown.at("url").as_string(), "http://127.0.0.1:9/in?a=1");
  EXPECT_EQ(shown.at("timeout").as_string(), "1m30s");
  EXPECT_EQ(shown.at("retryLimit").as_int64(), 10);
  EXPECT_EQ(shown.at("concurrency").as_int64(), 1);
  EXPECT_TRUE(shown.at("ordered").as_bool());
  EXPECT_EQ(shown.at("rate").as_string(), "100/1m");
  EXPECT_EQ(shown.at("burst").as_int64(), 5);
  EXPECT_EQ(std::string(shown.at("revision").as_string()), revision_of(made));
  EXPECT_EQ(shown.at("__createdAt"), shown.at("__updatedAt"));

  const Reply got = get(kAcme);
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, made.body);
  EXPECT_EQ(got.header("etag"), made.header("etag"));
  EXPECT_EQ(send({"HEAD", kAcme}).header("etag"), made.header("etag"));

  // What was shown can be put, and says the same but for its revision.
  const Reply again = send({"PUT", kAcme, got.body});
  EXPECT_EQ(again.status, 200) << again.body;
  EXPECT_NE(again.header("etag"), made.header("etag"));
  EXPECT_EQ(json_of(again).at("headers"), shown.at("headers"));

  const Reply least = send({"PUT", kAcme, kLeastEndpoint});
  EXPECT_EQ(least.status, 200);
  for (const char* gone : {"headers", "timeout", "retryLimit", "description", "concurrency", "rate",
                           "burst", "ordered"}) {
    EXPECT_FALSE(json_of(least).contains(gone)) << gone;
  }
}

TEST_F(ApiTest, WrongEndpointsAreRefusedNamingTheField) {
  const auto put = [&](const std::string& body) { return send({"PUT", kAcme, body}); };
  expect_problem(put("{}"), 400, "url");
  expect_problem(put("[]"), 400);
  expect_problem(put(R"({"url":"ftp://a/"})"), 400, "url");
  expect_problem(put(R"({"url":"http://a/#b"})"), 400, "url");
  expect_problem(put(R"({"url":"http://a/","timeOut":"1s"})"), 400, "timeOut");
  expect_problem(put(R"({"url":"http://a/","timeout":"1"})"), 400, "timeout");
  expect_problem(put(R"({"url":"http://a/","timeout":"25h"})"), 400, "timeout");
  expect_problem(put(R"({"url":"http://a/","retryLimit":101})"), 400, "retryLimit");
  expect_problem(put(R"({"url":"http://a/","concurrency":0})"), 400, "concurrency");
  for (const char* rate : {"0/1s", "1/0s", "1/8d", "1e3/s", " 1/s", "1/2m"}) {
    expect_problem(put(R"({"url":"http://a/","rate":")" + std::string(rate) + "\"}"), 400, "rate");
  }
  expect_problem(put(R"({"url":"http://a/","burst":2})"), 400, "burst");
  expect_problem(put(R"({"url":"http://a/","ordered":1})"), 400, "ordered");
  expect_problem(put(R"({"url":"http://a/","ordered":true,"concurrency":2})"), 400, "ordered");
  expect_problem(put(R"({"url":"http://a/","rate":"1/m","burst":2})"), 400, "burst");
  expect_problem(put(R"({"url":"http://a/","headers":{"content-type":"a/b"}})"), 400, "headers");
  expect_problem(put(R"({"url":"http://a/","callback":"b","callbackOn":["endpoint.paused"]})"), 400,
                 "callbackOn[0]");
  const Reply own =
      put(R"({"url":"http://a/","callback":"acme","callbackOn":["endpoint.opened"]})");
  expect_problem(own, 400, "callbackOn[0]");
  EXPECT_THAT(own.body, ::testing::HasSubstr("cannot go to the endpoint that it is about"));
  expect_problem(put(R"({"url":"http://a/","name":"other"})"), 400, "name");
  expect_problem(put(std::string(kSmallBodyBytesMax + 1, ' ')), 413);
  expect_problem(send({"PUT", "/v1/namespaces/ns/endpoints/a%20b", kLeastEndpoint}), 400, "name");
  expect_problem(send({"PUT", "/v1/namespaces/ns/endpoints/..", kLeastEndpoint}), 400, "name");
  expect_problem(get("/v1/namespaces/ns/endpoints/a%2Fb"), 400, "name");
  expect_problem(get(kAcme), 404);
  const Reply other = send({"POST", kAcme, kLeastEndpoint});
  expect_problem(other, 405);
  EXPECT_EQ(other.header("allow"), "PUT, PATCH, GET, HEAD, DELETE, OPTIONS");
}

TEST_F(ApiTest, APatchChangesWhatItNames) {
  const Reply made = send({"PUT", kAcme,
                           R"({"url":"http://127.0.0.1:9/in","timeout":"15s","retryLimit":3,)"
                           R"("headers":{"X-Shop":"7","X-Old":"1"}})"});
  const Reply patched = send({"PATCH",
                              kAcme,
                              R"({"timeout":null,"retryLimit":0,"headers":{"x-old":null,"a":"b"}})",
                              {{"Content-Type", "application/merge-patch+json"}}});
  EXPECT_EQ(patched.status, 200) << patched.body;
  const auto shown = json_of(patched);
  EXPECT_FALSE(shown.contains("timeout"));
  EXPECT_EQ(shown.at("retryLimit").as_int64(), 0);
  EXPECT_EQ(boost::json::serialize(shown.at("headers")), R"({"X-Shop":"7","a":"b"})");
  EXPECT_EQ(shown.at("url").as_string(), "http://127.0.0.1:9/in");
  EXPECT_EQ(shown.at("__createdAt"), json_of(made).at("__createdAt"));
  EXPECT_NE(patched.header("etag"), made.header("etag"));
  EXPECT_EQ(get(kAcme).body, patched.body);
  expect_problem(send({"PATCH", kAcme, R"({"url":null})"}), 400, "url");
  expect_problem(send({"PATCH", kAcme, R"({"later":1})"}), 400, "later");
  expect_problem(send({"PATCH", kAcme}), 400);
  EXPECT_EQ(get(kAcme).body, patched.body);
}

TEST_F(ApiTest, AnEndpointInUseIsDeletedByForceOnly) {
  EXPECT_EQ(send({"PUT", kAcme, kLeastEndpoint}).status, 201);
  const std::string tasks = "/v1/namespaces/ns/tasks";
  EXPECT_EQ(post(tasks, R"({"endpoint":"acme","id":"a"})").status, 201);
  EXPECT_EQ(post(tasks, R"({"url":"http://127.0.0.1:9/","id":"b"})").status, 201);
  expect_problem(post(tasks, R"({"endpoint":"other","id":"c"})"), 404, "endpoint");
  const auto found = json_of(get(tasks + "?endpoint=acme"));
  ASSERT_EQ(found.at("count").as_int64(), 1);
  EXPECT_EQ(found.at("items").at(0).at("id").as_string(), "a");
  expect_problem(get(tasks + "?endpoint="), 400, "endpoint");
  expect_problem(post(tasks + "/delete", R"({"endpoint":null})"), 400, "endpoint");
  expect_problem(send({"DELETE", kAcme}), 409);
  EXPECT_EQ(send({"DELETE", kAcme + std::string("?force=true")}).status, 200);
}

TEST_F(ApiTest, IfMatchNamesTheRevisionThatAChangeIsFor) {
  const auto with = [](const char* method, const std::string& match, const std::string& body = {}) {
    return Call{method, kAcme, body, {{"If-Match", match}}};
  };
  const std::string first = revision_of(send({"PUT", kAcme, kLeastEndpoint}));
  // As the header is written, and as `revision` has it.
  const std::string second = revision_of(send(with("PUT", '"' + first + '"', kLeastEndpoint)));
  const std::string third = revision_of(send(with("PATCH", second, R"({"retryLimit":1})")));
  for (const std::string& old : {first, second}) {
    expect_problem(send(with("PUT", old, kLeastEndpoint)), 412, "If-Match");
    expect_problem(send(with("PATCH", old, "{}")), 412, "If-Match");
    expect_problem(send(with("DELETE", old)), 412, "If-Match");
  }
  for (const char* wrong : {"*", "W/\"x\"", "\"\"", "7"}) {
    expect_problem(send(with("PUT", wrong, kLeastEndpoint)), 400, "If-Match");
    expect_problem(send(with("PATCH", wrong, "{}")), 400, "If-Match");
    expect_problem(send(with("DELETE", wrong)), 400, "If-Match");
  }
  const Reply gone = send(with("DELETE", third));
  EXPECT_EQ(gone.status, 200) << gone.body;
  EXPECT_EQ(std::string(json_of(gone).at("revision").as_string()), third);
  expect_problem(send(with("PUT", third, kLeastEndpoint)), 412, "If-Match");
  // As they are without it.
  expect_problem(send(with("PATCH", third, "{}")), 404);
  expect_problem(send(with("DELETE", third)), 404);
  expect_problem(send({"DELETE", kAcme}), 404);
}

TEST_F(ApiTest, IfNoneMatchReplacesNothing) {
  const auto with = [](const char* method, const std::string& match) {
    return Call{method, kAcme, kLeastEndpoint, {{"If-None-Match", match}}};
  };
  const Reply made = send(with("PUT", "*"));
  EXPECT_EQ(made.status, 201) << made.body;
  const Reply again = send(with("PUT", "*"));
  expect_problem(again, 412, "If-None-Match");
  EXPECT_THAT(again.body, ::testing::HasSubstr("\"code\":\"conflict\""));
  EXPECT_EQ(revision_of(get(kAcme)), revision_of(made));
  expect_problem(send(with("PUT", '"' + revision_of(made) + '"')), 400, "If-None-Match");
  expect_problem(send(with("PATCH", "*")), 400, "If-None-Match");
  Call without_body = with("DELETE", "*");
  without_body.body.clear();
  expect_problem(send(without_body), 400, "If-None-Match");
  Call both = with("PUT", "*");
  both.headers.emplace_back("If-Match", revision_of(made));
  expect_problem(send(both), 400, "If-None-Match");
}

TEST_F(ApiTest, AnEndpointIsPausedAndResumed) {
  const auto act = [&](const char* verb) { return post(kAcme + std::string("/") + verb); };
  expect_problem(act("pause"), 404);
  expect_problem(act("resume"), 404);
  const Reply made = send({"PUT", kAcme, kLeastEndpoint});
  EXPECT_FALSE(json_of(made).contains("paused"));
  const Reply paused = act("pause");
  EXPECT_EQ(paused.status, 200) << paused.body;
  EXPECT_TRUE(json_of(paused).at("paused").as_bool());
  EXPECT_NE(paused.header("etag"), made.header("etag"));
  EXPECT_EQ(std::string(json_of(paused).at("revision").as_string()), revision_of(paused));
  EXPECT_EQ(get(kAcme).body, paused.body);
  EXPECT_EQ(act("pause").body, paused.body);

  // What was shown can be put; what it says of a pause is passed over.
  const Reply put_again = send({"PUT", kAcme, kLeastEndpoint});
  EXPECT_TRUE(json_of(put_again).at("paused").as_bool());
  // A patch says what is to change, and it would not.
  const Reply patched = send({"PATCH", kAcme, R"({"paused":false})"});
  expect_problem(patched, 400, "paused");
  EXPECT_THAT(patched.body, ::testing::HasSubstr("POST to its .../pause or .../resume instead"));
  EXPECT_TRUE(json_of(get("/v1/namespaces/ns/endpoints")).at("items").at(0).at("paused").as_bool());

  const Reply resumed = act("resume");
  EXPECT_EQ(resumed.status, 200) << resumed.body;
  EXPECT_FALSE(json_of(resumed).contains("paused"));
  EXPECT_EQ(act("resume").body, resumed.body);
  expect_problem(post("/v1/namespaces/ns/endpoints/a%20b/pause"), 400, "name");
  expect_problem(send({"GET", kAcme + std::string("/pause")}), 405);
}

TEST_F(ApiTest, ATaskOfAPausedEndpointSaysWhatHoldsIt) {
  EXPECT_EQ(send({"PUT", kAcme, kLeastEndpoint}).status, 201);
  EXPECT_EQ(post(kAcme + std::string("/pause")).status, 200);
  const std::string tasks = "/v1/namespaces/ns/tasks";
  const auto made = json_of(post(tasks, R"({"endpoint":"acme","id":"a"})"));
  EXPECT_EQ(boost::json::serialize(made.at("held")), R"({"by":"paused"})");
  EXPECT_EQ(json_of(get(tasks + "/a")).at("held"), made.at("held"));
  EXPECT_EQ(json_of(get(tasks)).at("items").at(0).at("held"), made.at("held"));
  expect_problem(post(tasks, R"({"endpoint":"acme","held":{"by":"paused"}})"), 400, "held");
  EXPECT_EQ(post(kAcme + std::string("/resume")).status, 200);
  EXPECT_FALSE(json_of(get(tasks + "/a")).contains("held"));
}

TEST_F(ApiTest, ATestMakesOneRequest) {
  const auto test = [&](const std::string& body) {
    return post(kAcme + std::string("/test"), body);
  };
  expect_problem(test("{}"), 404);
  EXPECT_EQ(send({"PUT", kAcme, kLeastEndpoint}).status, 201);
  for (const char* body : {"", "{}"}) {
    const Reply tested = test(body);
    EXPECT_EQ(tested.status, 200) << tested.body;
    const auto log = json_of(tested);
    EXPECT_EQ(log.at("taskId").as_string(), "test");
    EXPECT_EQ(log.at("status").as_string(), "SUCCESS");
    const auto& request = log.at("request").as_object();
    EXPECT_EQ(request.at("method").as_string(), "POST");
    EXPECT_EQ(request.at("url").as_string(), "http://127.0.0.1:9/in");
    EXPECT_EQ(boost::json::serialize(request.at("body")), R"({"test":true})");
  }
  const auto log =
      json_of(test(R"({"method":"PUT","url":"/ping?a=1","headers":{"X-A":"1"},"body":null})"));
  const auto& request = log.at("request").as_object();
  EXPECT_EQ(request.at("method").as_string(), "PUT");
  EXPECT_EQ(request.at("url").as_string(), "http://127.0.0.1:9/in/ping?a=1");
  EXPECT_EQ(request.at("headers").at("X-A").as_string(), "1");
  EXPECT_FALSE(request.contains("body"));

  test_.test_script = [](const delivery::HttpRequest&) {
    return rhooks::Reply::failure("connection refused");
  };
  const Reply failed = test("{}");
  EXPECT_EQ(failed.status, 200) << failed.body;
  EXPECT_EQ(json_of(failed).at("status").as_string(), "FAIL");
  EXPECT_EQ(json_of(failed).at("error").as_string(), "connection refused");
  EXPECT_EQ(json_of(get("/v1/namespaces/ns/logs")).at("count").as_int64(), 0);

  expect_problem(test(R"({"url":"https://elsewhere.example/"})"), 400, "url");
  expect_problem(test(R"({"later":1})"), 400, "later");
  expect_problem(test(R"({"method":"FETCH"})"), 400, "method");
  expect_problem(test(R"({"headers":{"host":"a"}})"), 400, "headers");
  expect_problem(test(R"({"method":"GET","body":"text"})"), 400, "body");
  expect_problem(test("[]"), 400);
}

TEST_F(ApiTest, OnlySoManyTestsRunAtOnce) {
  EXPECT_EQ(send({"PUT", kAcme, kLeastEndpoint}).status, 201);
  std::promise<void> answer;
  test_.test_script = [answers = answer.get_future().share()](const delivery::HttpRequest&) {
    answers.wait();
    return rhooks::Reply::status(200);
  };
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) {
    clients.emplace_back(server_->port());
    EXPECT_TRUE(clients.back().send(text_of({"POST", kAcme + std::string("/test")})));
  }
  EXPECT_TRUE(testing::eventually([&] { return reported().size() >= 2; }));
  EXPECT_THAT(reported(), ::testing::Contains(
                              Reported("/v1/namespaces/{ns}/endpoints/{name}/test", "POST", 503)));
  // The others hold no thread that this needs.
  EXPECT_EQ(get(kAcme).status, 200);
  answer.set_value();
  int done = 0;
  for (Client& client : clients) {
    const Reply reply = client.receive();
    done += reply.status == 200;
    if (reply.status == 503) {
      EXPECT_EQ(json_of(reply).at("detail").as_string(),
                "4 tests are running already; try again later");
      EXPECT_EQ(json_of(reply).at("code").as_string(), "overloaded");
    }
  }
  EXPECT_EQ(done, 4);
}

TEST_F(ApiTest, EndpointsAreListedByName) {
  for (const char* name : {"b", "a1", "a2"}) {
    EXPECT_EQ(
        send({"PUT", std::string("/v1/namespaces/ns/endpoints/") + name, kLeastEndpoint}).status,
        201);
  }
  const auto page = json_of(get("/v1/namespaces/ns/endpoints?limit=2"));
  EXPECT_EQ(page.at("count").as_int64(), 2);
  const auto& items = page.at("items").as_array();
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].at("name").as_string(), "a1");
  EXPECT_EQ(items[1].at("name").as_string(), "a2");
  const auto rest = json_of(get("/v1/namespaces/ns/endpoints?limit=2&startKey=" +
                                std::string(page.at("lastEvaluatedKey").as_string())));
  EXPECT_EQ(rest.at("count").as_int64(), 1);
  EXPECT_FALSE(rest.contains("lastEvaluatedKey"));
  EXPECT_EQ(json_of(get("/v1/namespaces/ns/endpoints?prefix=a")).at("count").as_int64(), 2);
  EXPECT_EQ(json_of(get("/v1/namespaces/other/endpoints")).at("count").as_int64(), 0);
  expect_problem(get("/v1/namespaces/ns/endpoints?desc=true"), 400, "desc");
}

TEST_F(ApiTest, AnEndpointOfAStoreThatFailsIsNotLost) {
  store_->fail_next("put_document");
  expect_problem(send({"PUT", kAcme, kLeastEndpoint}), 503);
  EXPECT_EQ(send({"PUT", kAcme, kLeastEndpoint}).status, 201);
  store_->fail_next("get_document");
  expect_problem(send({"PATCH", kAcme, "{}"}), 503);
}

}  // namespace
}  // namespace rhooks::rest::test

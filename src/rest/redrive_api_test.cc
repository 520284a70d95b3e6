// Redrives over REST.

#include <gtest/gtest.h>

#include "rest/test_api.h"
#include "testing/patience.h"

namespace rhooks::rest::test {
namespace {

constexpr const char* kRedrive = "/v1/namespaces/ns/redrive";
constexpr const char* kTasksOfNs = "/v1/namespaces/ns/tasks";

TEST_F(ApiTest, ARedriveIsStartedShownAndCancelled) {
  test_.sender->set_script([](const auto&) { return rhooks::Reply::status(503); });
  for (const char* id : {"a", "b"}) add(id, R"(,"retryLimit":0)");
  EXPECT_EQ(post("/v1/trigger").status, 200);
  expect_problem(get(kRedrive), 404);
  expect_problem(send({"DELETE", kRedrive}), 404);

  // Under way for as long as the clock stands.
  const Reply started = post(kRedrive, R"({"reason":"exhausted","lastStatus":503,"rate":"1/1h"})");
  EXPECT_EQ(started.status, 201) << started.body;
  EXPECT_EQ(started.header("location"), kRedrive);
  const auto shown = json_of(started);
  EXPECT_EQ(shown.at("namespace").as_string(), "ns");
  EXPECT_EQ(shown.at("reason").as_string(), "exhausted");
  EXPECT_EQ(shown.at("rate").as_string(), "1/1h");
  EXPECT_EQ(shown.at("state").as_string(), "RUNNING");
  EXPECT_FALSE(shown.contains("endedAt"));
  expect_problem(post(kRedrive), 409);
  EXPECT_TRUE(testing::eventually([&] {
    return json_of(get(std::string(kTasksOfNs) + "?status=ACTIVE")).at("count").as_int64() == 1;
  }));
  EXPECT_EQ(json_of(get(kRedrive)).at("state").as_string(), "RUNNING");
  const Reply cancelled = send({"DELETE", kRedrive});
  EXPECT_EQ(cancelled.status, 200);
  EXPECT_EQ(json_of(cancelled).at("state").as_string(), "CANCELLED");
  EXPECT_TRUE(
      testing::eventually([&] { return json_of(get(kRedrive)).at("redriven").as_int64() == 1; }));
  EXPECT_EQ(send({"DELETE", kRedrive}).status, 200);
}

TEST_F(ApiTest, WrongRedrivesAreRefusedNamingTheField) {
  expect_problem(post(kRedrive, R"({"rate":"1"})"), 400, "rate");
  expect_problem(post(kRedrive, R"({"rate":"10001/1s"})"), 400, "rate");
  expect_problem(post(kRedrive, R"({"reason":"tired"})"), 400, "reason");
  expect_problem(post(kRedrive, R"({"reason":null})"), 400, "reason");
  expect_problem(post(kRedrive, R"({"lastStatus":99})"), 400, "lastStatus");
  expect_problem(post(kRedrive, R"({"max":-1})"), 400, "max");
  expect_problem(post(kRedrive, R"({"state":"DONE"})"), 400, "state");
  expect_problem(post(kRedrive, R"({"namespace":"other"})"), 400, "namespace");
  expect_problem(get(std::string(kRedrive) + "?desc=true"), 400, "desc");
  expect_problem(get(kRedrive), 404);
}

TEST_F(ApiTest, TasksAreFoundByHowTheyFailed) {
  test_.sender->set_script([](const auto&) { return rhooks::Reply::status(503); });
  add("a", R"(,"retryLimit":0)");
  EXPECT_EQ(post("/v1/trigger").status, 200);
  add("b");
  const auto found = [&](const std::string& query) {
    return json_of(get(std::string(kTasksOfNs) + query)).at("count").as_int64();
  };
  EXPECT_EQ(found("?reason=exhausted"), 1);
  EXPECT_EQ(found("?reason=gone"), 0);
  EXPECT_EQ(found("?lastStatus=503"), 1);
  EXPECT_EQ(found("?lastStatus=500"), 0);
  for (const char* wrong : {"?lastStatus=600", "?lastStatus=x", "?lastStatus="}) {
    expect_problem(get(std::string(kTasksOfNs) + wrong), 400, "lastStatus");
  }
  expect_problem(get(std::string(kTasksOfNs) + "?reason=tired"), 400, "reason");
  expect_problem(post(std::string(kTasksOfNs) + "/delete", R"({"lastStatus":5})"), 400,
                 "lastStatus");
  const Reply deleted = post(std::string(kTasksOfNs) + "/delete", R"({"reason":"exhausted"})");
  EXPECT_EQ(json_of(deleted).at("count").as_int64(), 1);
}

}  // namespace
}  // namespace rhooks::rest::test

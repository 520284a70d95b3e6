// Secrets over REST.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rest/test_api.h"

namespace rhooks::rest::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kToken = "/v1/namespaces/ns/secrets/token";

TEST_F(ApiTest, ASecretIsMadeReplacedAndShownWithoutItsValue) {
  const Reply made =
      send({"PUT", kToken, R"({"type":"token","value":"hush-1","description":"of acme"})"});
  EXPECT_EQ(made.status, 201) << made.body;
  const auto shown = json_of(made);
  EXPECT_EQ(shown.at("namespace").as_string(), "ns");
  EXPECT_EQ(shown.at("name").as_string(), "token");
  EXPECT_EQ(shown.at("type").as_string(), "token");
  EXPECT_EQ(shown.at("description").as_string(), "of acme");
  EXPECT_EQ(made.header("etag"), '"' + std::string(shown.at("revision").as_string()) + '"');
  const Reply replaced = send({"PUT", kToken, R"({"type":"token","value":"hush-2"})"});
  EXPECT_EQ(replaced.status, 200);
  const Reply rotated = post(std::string(kToken) + "/rotate", R"({"value":"hush-3"})");
  EXPECT_EQ(rotated.status, 200) << rotated.body;
  const Reply got = get(kToken);
  EXPECT_EQ(got.body, rotated.body);
  const Reply page = get("/v1/namespaces/ns/secrets?prefix=tok");
  EXPECT_EQ(json_of(page).at("items").as_array().size(), 1u);
  const Reply removed = send({"DELETE", kToken});
  EXPECT_EQ(removed.status, 200);
  expect_problem(get(kToken), 404);
  for (const Reply* reply : {&made, &replaced, &rotated, &got, &page, &removed}) {
    EXPECT_THAT(reply->body, Not(HasSubstr("hush"))) << "an answer has the value";
    EXPECT_FALSE(json_of(*reply).contains("value"));
  }
}

TEST_F(ApiTest, WrongSecretsAreRefusedWithoutQuotingThem) {
  const auto put = [&](const std::string& body) {
    const Reply reply = send({"PUT", kToken, body});
    EXPECT_THAT(reply.body, Not(HasSubstr("hush")));
    return reply;
  };
  expect_problem(put(R"({"type":"token"})"), 400, "value");
  expect_problem(put(R"({"value":"hush"})"), 400, "type");
  expect_problem(put(R"({"type":"hmac","value":"hush"})"), 400, "value");
  expect_problem(put(R"({"type":"token","value":"hush hush"})"), 400, "value");
  expect_problem(put(R"({"type":"basic","value":"hush"})"), 400, "value");
  expect_problem(put(R"({"type":"token","value":"hush"})"
                     " hush"),
                 400);
  expect_problem(
      send({"PUT", "/v1/namespaces/ns/secrets/a%2Fb", R"({"type":"token","value":"x"})"}), 400,
      "name");
  expect_problem(post(std::string(kToken) + "/rotate", R"({"value":"hush","overlap":"99d"})"), 400,
                 "overlap");
}

TEST_F(ApiTest, IfMatchMakesARotationSafeToRepeat) {
  const Reply made =
      send({"PUT", kToken, R"({"type":"hmac","value":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})"});
  const Call rotate{"POST",
                    std::string(kToken) + "/rotate",
                    R"({"value":"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX","overlap":"1h"})",
                    {{"If-Match", made.header("etag")}}};
  const Reply rotated = send(rotate);
  EXPECT_EQ(rotated.status, 200) << rotated.body;
  EXPECT_TRUE(json_of(rotated).contains("previousUntil"));
  expect_problem(send(rotate), 412, "If-Match");
  expect_problem(send({"DELETE", kToken, {}, {{"If-Match", made.header("etag")}}}), 412,
                 "If-Match");
  expect_problem(send({"DELETE", kToken, {}, {{"If-Match", "x"}}}), 400, "If-Match");
  EXPECT_EQ(send({"DELETE", kToken, {}, {{"If-Match", rotated.header("etag")}}}).status, 200);
}

TEST_F(ApiTest, ASecretIsMadeOnlyWhereThereIsNone) {
  const Call make{"PUT", kToken, R"({"type":"token","value":"hush"})", {{"If-None-Match", "*"}}};
  EXPECT_EQ(send(make).status, 201);
  expect_problem(send(make), 412, "If-None-Match");
}

TEST_F(ApiTest, ASecretThatIsMissingIsNoPreconditionOfItsEndpoint) {
  const std::string path = "/v1/namespaces/ns/endpoints/acme";
  const Reply made = send({"PUT", path, R"({"url":"http://127.0.0.1:9/x"})"});
  ASSERT_EQ(made.status, 201) << made.body;
  expect_problem(send({"PUT",
                       path,
                       R"({"url":"http://127.0.0.1:9/x","signing":"none"})",
                       {{"If-Match", made.header("etag")}}}),
                 404, "signing");
}

}  // namespace
}  // namespace rhooks::rest::test

// API keys over REST: how they are made, shown, changed and revoked. What they open:
// access_test.cc.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rest/test_api.h"

namespace rhooks::rest::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kKeys = "/v1/admin/keys";
constexpr const char* kConfigured = "the-key-that-is-configured";

class ApiKeyApiTest : public ApiTest {
 protected:
  void SetUp() override { start(kConfigured); }

  Reply admin(Call call) {
    call.headers.emplace_back("Authorization", std::string("Bearer ") + kConfigured);
    return send(call);
  }
  boost::json::object created(const std::string& body) {
    const Reply reply = admin({"POST", kKeys, body});
    EXPECT_EQ(reply.status, 201) << reply.body;
    return json_of(reply);
  }
  static std::string text(const boost::json::object& object, const char* name) {
    return std::string(object.at(name).as_string());
  }
};

TEST_F(ApiKeyApiTest, OneIsMadeShownChangedAndRevoked) {
  const Reply made = admin({"POST", kKeys,
                            R"({"role":"write","namespaces":["shop","shop-*"],)"
                            R"("expiresAt":"2999-01-31T12:00:00Z","description":"of the shop"})"});
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.header("cache-control"), "no-store");
  const auto key = json_of(made);
  const std::string secret = text(key, "key").substr(17);
  EXPECT_THAT(text(key, "key"), StartsWith("rhk_" + text(key, "id") + "_"));
  EXPECT_EQ(made.header("etag"), '"' + text(key, "revision") + '"');

  const std::string path = std::string(kKeys) + "/" + text(key, "id");
  const Reply got = admin({"GET", path});
  ASSERT_EQ(got.status, 200) << got.body;
  EXPECT_EQ(text(json_of(got), "expiresAt"), "2999-01-31T12:00:00.000Z");
  const Reply changed = admin({"PATCH", path, R"({"role":"read","expiresAt":null})"});
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(text(json_of(changed), "role"), "read");
  EXPECT_EQ(text(json_of(changed), "description"), "of the shop");
  EXPECT_FALSE(json_of(changed).contains("expiresAt"));
  EXPECT_EQ(json_of(changed).at("namespaces").as_array().size(), 2u);
  const Reply page = admin({"GET", std::string(kKeys) + "?limit=10"});
  EXPECT_EQ(json_of(page).at("count").as_int64(), 1);
  const Reply revoked = admin({"DELETE", path});
  EXPECT_EQ(revoked.body, changed.body);
  expect_problem(admin({"GET", path}), 404);
  expect_problem(admin({"DELETE", path}), 404);
  for (const Reply* reply : {&got, &changed, &page, &revoked}) {
    EXPECT_THAT(reply->body, Not(HasSubstr(secret))) << "it is told again";
    EXPECT_THAT(reply->body, Not(HasSubstr("hash")));
  }
}

TEST_F(ApiKeyApiTest, IfMatchHoldsForWhatWasRead) {
  const Reply made = admin({"POST", kKeys, R"({"role":"read","namespaces":["a"]})"});
  const std::string path = std::string(kKeys) + "/" + text(json_of(made), "id");
  const std::vector<std::pair<std::string, std::string>> read = {{"If-Match", made.header("etag")}};
  EXPECT_EQ(admin({"PATCH", path, R"({"role":"write"})", read}).status, 200);
  expect_problem(admin({"PATCH", path, R"({"role":"admin"})", read}), 412, "If-Match");
  expect_problem(admin({"DELETE", path, {}, read}), 412, "If-Match");
  EXPECT_EQ(text(json_of(admin({"GET", path})), "role"), "write");
}

TEST_F(ApiKeyApiTest, WrongOnesAreRefused) {
  expect_problem(admin({"POST", kKeys, R"({"namespaces":["a"]})"}), 400, "role");
  expect_problem(admin({"POST", kKeys, R"({"role":"read"})"}), 400, "namespaces");
  expect_problem(admin({"POST", kKeys, R"({"role":"read","namespaces":[""]})"}), 400,
                 "namespaces[0]");
  expect_problem(admin({"POST", kKeys,
                        R"({"role":"read","namespaces":["a"],"expiresAt":"2001-01-01T00:00Z"})"}),
                 400, "expiresAt");
  const std::string path =
      std::string(kKeys) + "/" + text(created(R"({"role":"read","namespaces":["a"]})"), "id");
  expect_problem(admin({"PATCH", path, R"({"role":null})"}), 400, "role");
  expect_problem(admin({"PATCH", path, R"({"id":"aaaaaaaaaaaa"})"}), 400, "id");
  expect_problem(admin({"PATCH", path, R"({"namespaces":[]})"}), 400, "namespaces");
  expect_problem(admin({"GET", std::string(kKeys) + "/x"}), 400, "id");
}

}  // namespace
}  // namespace rhooks::rest::test

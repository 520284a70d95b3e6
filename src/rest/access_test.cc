// Who may call what: every route, by every role, for its own and for other namespaces.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "rest/test_api.h"
#include "testing/captured_log.h"

namespace rhooks::rest::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kOwner = "the-key-that-is-configured";

// Where a route has to be allowed, and from which role on. A route that is added has to be added
// here as well: by somebody who thought of who may call it.
struct Expected {
  Where where;
  Role role;
};

const std::map<std::string, Expected>& expected() {
  using enum Where;
  using enum Role;
  static const std::map<std::string, Expected> kExpected = {
      {"health", {kPublic, kRead}},
      {"ready", {kPublic, kRead}},
      {"openapi", {kAnywhere, kRead}},
      {"previewSchedule", {kAnywhere, kRead}},
      {"metrics", {kInAllNamespaces, kRead}},
      {"describeStore", {kInAllNamespaces, kRead}},
      {"trigger", {kInAllNamespaces, kWrite}},
      {"createApiKey", {kInAllNamespaces, kAdmin}},
      {"getApiKey", {kInAllNamespaces, kAdmin}},
      {"patchApiKey", {kInAllNamespaces, kAdmin}},
      {"revokeApiKey", {kInAllNamespaces, kAdmin}},
      {"fetchApiKeys", {kInAllNamespaces, kAdmin}},
      {"fetchNamespaces", {kInEachNamespace, kRead}},
      {"triggerDryrun", {kInEachNamespace, kRead}},
      {"registerTasks", {kInEachNamespace, kWrite}},
      {"getTask", {kInNamespace, kRead}},
      {"fetchTasks", {kInNamespace, kRead}},
      {"previewTask", {kInNamespace, kRead}},
      {"fetchLogs", {kInNamespace, kRead}},
      {"getEndpoint", {kInNamespace, kRead}},
      {"fetchEndpoints", {kInNamespace, kRead}},
      {"getSecret", {kInNamespace, kRead}},
      {"fetchSecrets", {kInNamespace, kRead}},
      {"getRedrive", {kInNamespace, kRead}},
      {"registerTask", {kInNamespace, kWrite}},
      {"backfillTask", {kInNamespace, kWrite}},
      {"deleteTask", {kInNamespace, kWrite}},
      {"suspendTask", {kInNamespace, kWrite}},
      {"unsuspendTask", {kInNamespace, kWrite}},
      {"cancelTask", {kInNamespace, kWrite}},
      {"triggerTask", {kInNamespace, kWrite}},
      {"deleteTasks", {kInNamespace, kWrite}},
      {"suspendTasks", {kInNamespace, kWrite}},
      {"unsuspendTasks", {kInNamespace, kWrite}},
      {"cancelTasks", {kInNamespace, kWrite}},
      {"clearNamespace", {kInNamespace, kAdmin}},
      {"putEndpoint", {kInNamespace, kAdmin}},
      {"patchEndpoint", {kInNamespace, kAdmin}},
      {"deleteEndpoint", {kInNamespace, kAdmin}},
      {"pauseEndpoint", {kInNamespace, kAdmin}},
      {"resumeEndpoint", {kInNamespace, kAdmin}},
      {"testEndpoint", {kInNamespace, kAdmin}},
      {"putSecret", {kInNamespace, kAdmin}},
      {"rotateSecret", {kInNamespace, kAdmin}},
      {"deleteSecret", {kInNamespace, kAdmin}},
      {"startRedrive", {kInNamespace, kAdmin}},
      {"cancelRedrive", {kInNamespace, kAdmin}},
  };
  return kExpected;
}

class AccessControlTest : public ApiTest {
 protected:
  void SetUp() override {
    start(kOwner);
    // What "b" has, whose ids those of "a" may know.
    for (const char* ns : {"a", "b"}) {
      const std::string path = std::string("/v1/namespaces/") + ns;
      made(by(kOwner, {"PUT", path + "/endpoints/one", R"({"url":"http://127.0.0.1:9/x"})"}));
      made(by(kOwner, {"PUT", path + "/secrets/one", R"({"type":"token","value":"hush"})"}));
      made(by(kOwner, {"POST", path + "/tasks", R"({"url":"http://127.0.0.1:9/x","id":"one"})"}));
    }
  }

  static void made(const Reply& reply) { ASSERT_EQ(reply.status, 201) << reply.body; }

  Reply by(const std::string& key, Call call) {
    call.headers.emplace_back("Authorization", "Bearer " + key);
    return send(call);
  }
  CreatedApiKey create(Role role, std::vector<std::string> namespaces) {
    return hooks_->create_api_key({.role = role, .namespaces = std::move(namespaces)}).value();
  }
  std::string key(Role role, std::vector<std::string> namespaces) {
    return create(role, std::move(namespaces)).key;
  }

  // A call of this route in a namespace; what it does not need to be allowed is left out.
  static Call call_of(const Route& route, const std::string& ns) {
    std::string target;
    for (const Route::Segment& segment : route.segments) {
      target += '/';
      target += !segment.parameter        ? segment.text
                : segment.text == "ns"    ? ns
                : segment.text == "keyId" ? "aaaaaaaaaaaa"
                                          : "one";
    }
    return {route.method, target, route.body ? "[]" : ""};
  }
  static std::string code_of(const Reply& reply) {
    const auto problem = json_of(reply);
    return problem.contains("code") ? std::string(problem.at("code").as_string()) : "";
  }
};

TEST_F(AccessControlTest, EveryRouteSaysWhoMayCallIt) {
  std::size_t found = 0;
  for (const Route& route : api_->router().routes()) {
    const auto row = expected().find(route.operation_id);
    ASSERT_NE(row, expected().end()) << route.operation_id << ": who may call it?";
    EXPECT_EQ(route.access->where, row->second.where) << route.operation_id;
    EXPECT_EQ(route.access->role, row->second.role) << route.operation_id;
    ++found;
  }
  EXPECT_EQ(found, expected().size());
}

// The matrix. Bodies are no calls, so what is allowed comes to 400 at most, and changes little.
TEST_F(AccessControlTest, EveryRouteByEveryRoleAndNamespace) {
  const std::map<std::string, std::vector<std::string>> scopes = {
      {"its own", {"a"}}, {"that begin so", {"x", "a*"}}, {"others", {"b", "aa*"}}, {"all", {"*"}}};
  for (const Role role : {Role::kRead, Role::kWrite, Role::kAdmin}) {
    for (const auto& [words, namespaces] : scopes) {
      const std::string sent = key(role, namespaces);
      for (const Route& route : api_->router().routes()) {
        SCOPED_TRACE(route.operation_id + " by " + to_string(role) + " of " + words);
        const Expected& row = expected().at(route.operation_id);
        const Reply reply = by(sent, call_of(route, "a"));
        if (row.where == Where::kInNamespace && words == "others") {
          EXPECT_EQ(reply.status, 404) << reply.body;
          EXPECT_EQ(code_of(reply), "not_found");
          EXPECT_THAT(reply.body, HasSubstr("there is no namespace 'a'"));
        } else if (role < row.role || (row.where == Where::kInAllNamespaces && words != "all")) {
          EXPECT_EQ(reply.status, 403) << reply.body;
          EXPECT_EQ(code_of(reply), "forbidden");
        } else {
          EXPECT_NE(reply.status, 401) << reply.body;
          EXPECT_NE(reply.status, 403) << reply.body;
          EXPECT_THAT(reply.body, Not(HasSubstr("there is no namespace")));
        }
      }
    }
  }
}

// Whatever a role may do in its own namespace: of another one it learns nothing, and changes
// nothing there.
TEST_F(AccessControlTest, IdsOfAnotherNamespaceAreAsAbsent) {
  const std::string sent = key(Role::kAdmin, {"a"});
  for (const Route& route : api_->router().routes()) {
    if (route.access->where != Where::kInNamespace) continue;
    SCOPED_TRACE(route.operation_id);
    const Reply there = by(sent, call_of(route, "b"));
    const Reply nowhere = by(sent, call_of(route, "c"));
    EXPECT_EQ(there.status, 404) << there.body;
    std::string like_there = nowhere.body;
    for (auto at = like_there.find("'c'"); at != like_there.npos; at = like_there.find("'c'")) {
      like_there.replace(at, 3, "'b'");
    }
    EXPECT_EQ(there.body, like_there) << "it tells whether the namespace is there";
  }
  const std::string b = "/v1/namespaces/b";
  EXPECT_EQ(by(kOwner, {"GET", b + "/tasks/one"}).status, 200);
  EXPECT_EQ(by(kOwner, {"GET", b + "/endpoints/one"}).status, 200);
  EXPECT_EQ(by(kOwner, {"GET", b + "/secrets/one"}).status, 200);
}

TEST_F(AccessControlTest, AdminsOfANamespaceSetItUp) {
  const std::string sent = key(Role::kAdmin, {"shop-*"});
  const std::string path = "/v1/namespaces/shop-1";
  made(by(sent, {"PUT", path + "/secrets/acme", R"({"type":"token","value":"hush"})"}));
  made(by(sent,
          {"PUT", path + "/endpoints/acme", R"({"url":"http://127.0.0.1:9/x","auth":"acme"})"}));
  made(by(sent, {"POST", path + "/tasks", R"({"endpoint":"acme","id":"1"})"}));
  EXPECT_EQ(by(sent, {"DELETE", path}).status, 200);
}

TEST_F(AccessControlTest, ABatchIsLookedAtItemByItem) {
  const Reply reply = by(key(Role::kWrite, {"a"}),
                         {"POST", "/v1/tasks/batch",
                          R"({"items":[{"namespace":"b","url":"http://127.0.0.1:9/x","id":"two"},
                       {"namespace":"a","url":"http://127.0.0.1:9/x","id":"two"},
                       {"namespace":"b","url":"http://127.0.0.1:9/x","id":"one"}]})"});
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto items = json_of(reply).at("items").as_array();
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[0].at("status").as_int64(), 404);
  EXPECT_EQ(items[1].at("status").as_int64(), 201);
  EXPECT_EQ(items[2].at("status").as_int64(), 404) << "it tells which ids there are";
  EXPECT_EQ(by(kOwner, {"GET", "/v1/namespaces/b/tasks/two"}).status, 404);
}

TEST_F(AccessControlTest, ListsAreCutToWhatAKeyIsFor) {
  for (const char* ns : {"a1", "a2", "ab", "c", "z"}) {
    made(by(kOwner, {"POST", std::string("/v1/namespaces/") + ns + "/tasks",
                     R"({"url":"http://127.0.0.1:9/x"})"}));
  }
  const std::string sent = key(Role::kRead, {"z", "a*", "b-is-not-this"});
  std::vector<std::string> seen;
  std::string more;
  do {
    const Reply reply = by(sent, {"GET", "/v1/namespaces?limit=2" + more});
    ASSERT_EQ(reply.status, 200) << reply.body;
    const auto page = json_of(reply);
    for (const auto& item : page.at("items").as_array()) {
      seen.emplace_back(item.at("namespace").as_string());
    }
    more = page.contains("lastEvaluatedKey")
               ? "&startKey=" + std::string(page.at("lastEvaluatedKey").as_string())
               : "";
  } while (!more.empty());
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "a1", "a2", "ab", "z"}));
  const auto page = json_of(by(sent, {"GET", "/v1/namespaces?prefix=b"}));
  EXPECT_EQ(page.at("count").as_int64(), 0);
  EXPECT_FALSE(page.contains("lastEvaluatedKey")) << "it tells what is there";

  const auto due = json_of(by(sent, {"POST", "/v1/trigger/dryrun"}));
  EXPECT_EQ(due.at("count").as_int64(), 5);
  for (const auto& item : due.at("items").as_array()) {
    EXPECT_NE(item.at("namespace").as_string(), "b");
    EXPECT_NE(item.at("namespace").as_string(), "c");
  }
}

TEST_F(AccessControlTest, AKeyThatOpensNothingIs401) {
  const CreatedApiKey good = create(Role::kRead, {"a"});
  const std::string path = "/v1/namespaces/a/tasks";
  EXPECT_EQ(by(good.key, {"GET", path}).status, 200);
  std::string wrong = good.key;
  wrong[30] = wrong[30] == 'A' ? 'B' : 'A';
  for (const std::string& other : {wrong, good.id, std::string("rhk_"), good.key + "=",
                                   "rhk_aaaaaaaaaaaa_" + good.key.substr(17)}) {
    const Reply reply = by(other, {"GET", path});
    expect_problem(reply, 401, "Authorization");
    EXPECT_EQ(reply.header("www-authenticate"), "Bearer");
    EXPECT_THAT(reply.body, Not(HasSubstr(good.key.substr(17))));
  }
  expect_problem(by(wrong, {"GET", "/nothing"}), 401, "Authorization");
  expect_problem(by(good.key, {"GET", "/nothing"}), 404);
  ASSERT_TRUE(hooks_->revoke_api_key(good.id));
  expect_problem(by(good.key, {"GET", path}), 401, "Authorization");
  EXPECT_EQ(by(kOwner, {"GET", path}).status, 200);
}

TEST_F(AccessControlTest, AKeyEndsOnItsTime) {
  ApiKeySpec spec{.role = Role::kRead, .namespaces = {"a"}};
  spec.expires_at = test_.clock->now() + 1h;
  const auto made = hooks_->create_api_key(spec);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(by(made->key, {"GET", "/v1/namespaces/a/tasks"}).status, 200);
  test_.clock->advance(1h);
  const Reply reply = by(made->key, {"GET", "/v1/namespaces/a/tasks"});
  expect_problem(reply, 401, "Authorization");
  EXPECT_THAT(reply.body, HasSubstr("expired"));
}

TEST_F(AccessControlTest, WhoCallsFasterThanTheKeyAllowsIsToldUntilWhen) {
  const auto slow = hooks_->create_api_key(
      {.role = Role::kRead, .namespaces = {"a"}, .rate = Rate{1, std::chrono::seconds{60}}});
  ASSERT_TRUE(slow) << slow.error().message;
  const Call call{"GET", "/v1/namespaces/a/tasks"};
  EXPECT_EQ(by(slow->key, {"GET", "/v1/namespaces/b/tasks"}).status, 404) << "it does not count";
  EXPECT_EQ(by(slow->key, call).status, 200);
  const Reply early = by(slow->key, call);
  expect_problem(early, 429);
  EXPECT_EQ(code_of(early), "overloaded");
  const int wait = std::stoi(early.header("retry-after"));
  EXPECT_GE(wait, 1);
  EXPECT_LE(wait, 60);
  EXPECT_EQ(by(key(Role::kRead, {"a"}), call).status, 200);
  EXPECT_EQ(by(kOwner, call).status, 200);
}

TEST_F(AccessControlTest, AChangeHoldsForTheNextCall) {
  const CreatedApiKey made = create(Role::kRead, {"a"});
  const Call registration{"POST", "/v1/namespaces/a/tasks", R"({"url":"http://127.0.0.1:9/x"})"};
  EXPECT_EQ(by(made.key, registration).status, 403);
  EXPECT_EQ(by(kOwner, {"PATCH", "/v1/admin/keys/" + made.id, R"({"role":"write"})"}).status, 200);
  EXPECT_EQ(by(made.key, registration).status, 201);
  EXPECT_EQ(by(kOwner, {"PATCH", "/v1/admin/keys/" + made.id, R"({"namespaces":["b"]})"}).status,
            200);
  EXPECT_EQ(by(made.key, registration).status, 404);
}

TEST_F(AccessControlTest, WithoutAConfiguredKeyTheFirstOneClosesTheServer) {
  start();
  const std::string path = "/v1/namespaces/a/tasks";
  EXPECT_EQ(get(path).status, 200);
  // Not one that nobody could make others with.
  for (const char* body :
       {R"({"role":"write","namespaces":["*"]})", R"({"role":"admin","namespaces":["a"]})",
        R"({"role":"admin","namespaces":["*"],"expiresAt":"2999-01-01T00:00:00Z"})"}) {
    expect_problem(post("/v1/admin/keys", body), 409, "role");
  }
  EXPECT_EQ(get(path).status, 200);
  const auto first = json_of(post("/v1/admin/keys", R"({"role":"admin","namespaces":["*"]})"));
  const std::string admin(first.at("key").as_string());
  expect_problem(get(path), 401, "Authorization");
  EXPECT_EQ(by(admin, {"GET", path}).status, 200);
  EXPECT_EQ(by(admin, {"POST", "/v1/admin/keys", R"({"role":"read","namespaces":["a"]})"}).status,
            201);
  // With a key any Host will do.
  Client named(server_->port());
  named.send("GET " + path + " HTTP/1.1\r\nHost: hooks.example\r\nAuthorization: Bearer " + admin +
             "\r\n\r\n");
  EXPECT_EQ(named.receive().status, 200);
}

TEST_F(AccessControlTest, WhereOthersReachItItIsClosedWithoutKeysToo) {
  start({}, true);
  const std::string path = "/v1/namespaces/a/tasks";
  expect_problem(get(path), 401, "Authorization");
  const CreatedApiKey admin = create(Role::kAdmin, {"*"});
  EXPECT_EQ(by(admin.key, {"GET", path}).status, 200);
  ASSERT_TRUE(hooks_->revoke_api_key(admin.id));
  expect_problem(by(admin.key, {"GET", path}), 401, "Authorization");
  expect_problem(get(path), 401, "Authorization");
}

TEST_F(AccessControlTest, ReasonsAndMetricsAreForKeysOfAllNamespaces) {
  const std::string some = key(Role::kAdmin, {"a"});
  const std::string all = key(Role::kRead, {"*"});
  EXPECT_EQ(by(some, {"GET", "/metrics"}).status, 403);
  EXPECT_EQ(by(all, {"GET", "/metrics"}).status, 200);
  EXPECT_EQ(by(some, {"GET", "/openapi.json"}).status, 200);
  store_->fail_always("*", {.error = {ErrorCode::kUnavailable, "no space in /data", {}}});
  EXPECT_THAT(by(all, {"GET", "/readyz"}).body, HasSubstr("/data"));
  EXPECT_THAT(by(some, {"GET", "/readyz"}).body, Not(HasSubstr("/data")));
  EXPECT_EQ(by(some, {"GET", "/readyz"}).status, 503);
}

TEST_F(AccessControlTest, WhatIsRefusedIsCountedAndLoggedOnceASecond) {
  const std::string reader = key(Role::kRead, {"a"});
  testing::CapturedLog log;
  const auto from = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(by(reader, {"DELETE", "/v1/namespaces/a"}).status, 403);
  }
  const auto took = std::chrono::steady_clock::now() - from;
  const std::string text = log.text();
  const std::string line = "do not allow";
  EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(text, Not(HasSubstr(reader.substr(17))));
  std::size_t lines = 0;
  for (auto at = text.find(line); at != std::string::npos; at = text.find(line, at + 1)) ++lines;
  EXPECT_LE(lines, 1u + static_cast<std::size_t>(took / 1s)) << text;
  int counted = 0;
  for (const Reported& one : reported()) {
    if (one == Reported{"/v1/namespaces/{ns}", "DELETE", 403}) ++counted;
  }
  EXPECT_EQ(counted, 20);
}

}  // namespace
}  // namespace rhooks::rest::test

#include "rest/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rest/access.h"

namespace rhooks::rest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

Route route(const std::string& method, const std::string& pattern, const std::string& id) {
  return {.method = method,
          .pattern = pattern,
          .operation_id = id,
          .tag = "test",
          .summary = "A route.",
          .description = "",
          .parameters = {},
          .body = {},
          .responses = {{200, "Fine.", "Text"}},
          .access =
              Access{pattern.find("{ns}") == pattern.npos ? Where::kAnywhere : Where::kInNamespace},
          .handler = [](const HttpRequest&, const PathParameters&) { return HttpResponse{}; }};
}

HttpRequest request(const std::string& method, const std::string& target) {
  HttpRequest r;
  r.method = method;
  r.target = target;
  const auto parsed = parse_target(r);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return r;
}

TEST(ParseTargetTest, SplitsBeforeItDecodes) {
  EXPECT_THAT(request("GET", "/").path, IsEmpty());
  EXPECT_THAT(request("GET", "*").path, IsEmpty());
  EXPECT_THAT(request("GET", "/a").path, ElementsAre("a"));
  EXPECT_THAT(request("GET", "/a/").path, ElementsAre("a", ""));
  EXPECT_THAT(request("GET", "//a").path, ElementsAre("", "a"));
  EXPECT_THAT(request("GET", "/a%2Fb/%23+%25/%E2%82%AC").path, ElementsAre("a/b", "#+%", "€"));
  EXPECT_THAT(request("GET", "/a/../b").path, ElementsAre("a", "..", "b"));
  EXPECT_THAT(request("GET", "http://host:80/a?b=c").path, ElementsAre("a"));
  EXPECT_THAT(request("GET", "HTTPS://host").path, IsEmpty());
  EXPECT_THAT(request("GET", "/?a=1&b=&c&&d=x%26y+z&a=2").query,
              ElementsAre(Pair("a", "1"), Pair("b", ""), Pair("c", ""), Pair("d", "x&y z"),
                          Pair("a", "2")));
  EXPECT_THAT(request("GET", "/?a=b=c").query, ElementsAre(Pair("a", "b=c")));
}

TEST(ParseTargetTest, RefusesWhatItCanNotDecode) {
  for (const char* target : {"", "a", "/%", "/%4", "/%4g", "/a?b=%zz", "/a?%=1", "/a#b"}) {
    HttpRequest r;
    r.target = target;
    EXPECT_FALSE(parse_target(r)) << target;
  }
}

TEST(RouterTest, PrefersLiterals) {
  Router router;
  router.add(route("GET", "/tasks/{id}", "byId"));
  router.add(route("POST", "/tasks/{id}", "change"));
  router.add(route("POST", "/tasks/delete", "bulk"));
  EXPECT_EQ(router.match(request("POST", "/tasks/delete")).route->operation_id, "bulk");
  EXPECT_EQ(router.match(request("POST", "/tasks/other")).route->operation_id, "change");
  EXPECT_EQ(router.match(request("GET", "/tasks/delete")).route->operation_id, "byId");
  EXPECT_EQ(router.match(request("HEAD", "/tasks/delete")).route->operation_id, "byId");
  const auto none = router.match(request("PUT", "/tasks/delete"));
  EXPECT_EQ(none.route, nullptr);
  EXPECT_TRUE(none.path_known);
  EXPECT_THAT(none.allowed, ElementsAre("GET", "HEAD", "POST", "OPTIONS"));
  EXPECT_FALSE(router.match(request("GET", "/tasks")).path_known);
  EXPECT_FALSE(router.match(request("GET", "/tasks/a/b")).path_known);
}

TEST(RouterTest, GivesDecodedParameters) {
  Router router;
  router.add(route("GET", "/ns/{ns}/tasks/{id}", "get"));
  const HttpRequest r = request("GET", "/ns/a%2Fb/tasks/x%23y");
  const auto match = router.match(r);
  ASSERT_NE(match.route, nullptr);
  const PathParameters parameters(*match.route, r);
  EXPECT_EQ(parameters.get("ns"), "a/b");
  EXPECT_EQ(parameters.get("id"), "x#y");
}

TEST(RouterDeathTest, RefusesARouteWithoutDocumentation) {
  Router router;
  Route undocumented = route("GET", "/a", "a");
  undocumented.summary.clear();
  EXPECT_DEATH(router.add(undocumented), "check failed");
  Route unanswered = route("GET", "/a", "a");
  unanswered.responses.clear();
  EXPECT_DEATH(router.add(unanswered), "check failed");
  Route open = route("GET", "/a", "a");
  open.access.reset();
  EXPECT_DEATH(router.add(open), "check failed") << "nobody said who may call it";
  open = route("GET", "/{ns}", "a");
  open.access = Access{Where::kAnywhere};
  EXPECT_DEATH(router.add(open), "check failed") << "its namespace is not looked at";
  open = route("GET", "/a", "a");
  open.access = Access{Where::kInEachNamespace};
  EXPECT_DEATH(router.add(open), "check failed") << "its handler does not know the caller";
  router.add(route("GET", "/a", "a"));
  EXPECT_DEATH(router.add(route("GET", "/a", "b")), "check failed");
}

TEST(AccessTest, ReadsListenAddresses) {
  const auto parsed = [](const char* text) {
    const auto listen = parse_listen(text);
    return listen ? listen->address + " " + std::to_string(listen->port) : listen.error().message;
  };
  EXPECT_EQ(parsed("127.0.0.1:8090"), "127.0.0.1 8090");
  EXPECT_EQ(parsed("LocalHost:0"), "localhost 0");
  EXPECT_EQ(parsed("[::1]:65535"), "::1 65535");
  EXPECT_EQ(parsed("0.0.0.0:80"), "0.0.0.0 80");
  for (const char* wrong :
       {"", "8090", ":8090", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
        "127.0.0.1:-1", "::1:8090", "[127.0.0.1]:80", "example.com:80", "[::1]"}) {
    const auto listen = parse_listen(wrong);
    ASSERT_FALSE(listen) << wrong;
    EXPECT_EQ(listen.error().field, "listen");
    EXPECT_THAT(listen.error().message, HasSubstr("127.0.0.1:8090"));
  }
}

TEST(AccessTest, OtherMachinesNeedAKey) {
  for (const char* loopback : {"127.0.0.1", "127.9.9.9", "::1", "localhost"}) {
    EXPECT_TRUE(validate_listen(loopback, false)) << loopback;
  }
  for (const char* open : {"0.0.0.0", "::", "192.168.1.1", "10.0.0.1"}) {
    const auto refused = validate_listen(open, false);
    ASSERT_FALSE(refused) << open;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.error().message, HasSubstr("RHOOKS_API_KEY"));
    EXPECT_TRUE(validate_listen(open, true));
  }
}

TEST(AccessTest, KeysAreLongAndFitAHeader) {
  EXPECT_TRUE(validate_api_key(""));
  EXPECT_TRUE(validate_api_key("s3cret-/+=s3cret"));
  for (const char* bad : {"short key", "s3cret-/+=s3cre",
                          "rhk_aaaaaaaaaaaa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                          "two words in a key", "line\nbreak in a key"}) {
    const auto refused = validate_api_key(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().field, "api_key");
    EXPECT_EQ(refused.error().message.find(bad), std::string::npos) << refused.error().message;
  }
}

TEST(AccessTest, NamesOfThisMachineAreReadToTheirEnd) {
  for (const char* ours : {"localhost", "LOCALHOST:8090", "127.0.0.1", "127.8.9.1:1", "[::1]",
                           "[::1]:8090", "app.localhost", "my_app.localhost:80", "localhost:"}) {
    EXPECT_TRUE(names_this_machine(ours)) << ours;
  }
  for (const char* other :
       {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::1]evil.example",
        "[::1]:80evil", "[::1", "[127.0.0.1]", "[localhost]", "::1", "localhost:80.evil.example",
        "localhost:80@evil.example", "evil.example/.localhost", "evil.example#.localhost",
        "me@app.localhost", "evil.example\\.localhost", "192.168.1.5", "[::2]", ".localhost"}) {
    EXPECT_FALSE(names_this_machine(other)) << other;
  }
}

}  // namespace
}  // namespace rhooks::rest

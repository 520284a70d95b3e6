// `rhooks key` on both sides: straight on a store, and through a server of the test's own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands_fixture.h"

namespace rhooks::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class KeyCommandsTest : public CommandsTest {
 protected:
  TestRun key(std::vector<std::string> args) {
    args.insert(args.begin(), "key");
    return run(std::move(args));
  }
  // The output, where it must succeed.
  std::string done(std::vector<std::string> args) {
    const TestRun result = key(std::move(args));
    EXPECT_EQ(result.exit_code, kExitDone) << result.err;
    return result.out;
  }
  // What it says of a line that it refuses.
  std::string refused(std::vector<std::string> args) {
    const TestRun result = key(std::move(args));
    EXPECT_EQ(result.exit_code, kExitUsage) << result.out;
    return result.err;
  }
};

INSTANTIATE_TEST_SUITE_P(Sides, KeyCommandsTest, ::testing::Bool(), side_name);

TEST_P(KeyCommandsTest, CreatePrintsTheKeyAlone) {
  const TestRun made =
      key({"create", "--role", "write", "-n", "shop", "-n", "shop-*", "--description",
           "of the shop", "--expires", "30d", "--rate", "100/1m"});
  ASSERT_EQ(made.exit_code, kExitDone) << made.err;
  ASSERT_THAT(made.out, StartsWith("rhk_"));
  ASSERT_EQ(made.out.size(), 61u) << "a key and a line end: " << made.out;
  const std::string id = made.out.substr(4, 12);
  EXPECT_THAT(made.err, HasSubstr("made key " + id));
  EXPECT_THAT(made.err, Not(HasSubstr(made.out.substr(17, 20))));

  const ApiKey shown = codec::parse_api_key(done({"show", id, "--json"})).value();
  EXPECT_EQ(shown.role, Role::kWrite);
  EXPECT_EQ(shown.namespaces, (std::vector<std::string>{"shop", "shop-*"}));
  EXPECT_EQ(shown.description, "of the shop");
  ASSERT_TRUE(shown.expires_at);
  const std::string card = done({"show", id});
  EXPECT_THAT(card, HasSubstr("shop, shop-*"));
  EXPECT_THAT(card, HasSubstr("expires"));
  EXPECT_THAT(card, HasSubstr("100/1m"));
  EXPECT_THAT(done({"list"}), HasSubstr(id));
  EXPECT_EQ(done({"revoke", id}), "revoked " + id + "\n");
  EXPECT_EQ(key({"show", id}).exit_code, kExitFailed);
  EXPECT_EQ(key({"revoke", id}).exit_code, kExitFailed);
  EXPECT_THAT(key({"list"}).err, HasSubstr("no key matches"));
}

TEST_P(KeyCommandsTest, JsonHasAllOfIt) {
  const auto made =
      codec::parse_created_api_key(done({"create", "--role", "read", "-n", "*", "--json"}));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->key.substr(4, 12), made->id);
  const auto line = codec::parse_api_key(done({"list", "--all", "--json"}));
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(*line, static_cast<const ApiKey&>(*made));
  EXPECT_EQ(codec::parse_api_key(done({"revoke", made->id, "--json"})).value(), *line);
}

TEST_P(KeyCommandsTest, WhatCannotBeMeantIsRefused) {
  EXPECT_THAT(refused({"create", "-n", "shop"}), HasSubstr("--role is missing"));
  EXPECT_THAT(refused({"create", "--role", "read"}), HasSubstr("--namespace is missing"));
  EXPECT_THAT(refused({"create", "x", "--role", "read", "-n", "shop"}), HasSubstr("takes no id"));
  EXPECT_THAT(refused({"create", "--role", "root", "-n", "shop"}), HasSubstr("--role"));
  EXPECT_THAT(refused({"create", "--role", "read", "-n", "shop", "--expires", "soon"}),
              HasSubstr("--expires"));
  EXPECT_THAT(refused({"show"}), HasSubstr("the id is missing"));
  EXPECT_THAT(refused({"list", "--role", "read"}), HasSubstr("belongs to create"));
  EXPECT_THAT(refused({"make"}), HasSubstr("there is no `rhooks key make`"));
  EXPECT_THAT(key({"create", "--role", "read", "-n", "shop", "--expires", "2001-01-01T00:00Z"}).err,
              HasSubstr("is past"));
}

}  // namespace
}  // namespace rhooks::cli

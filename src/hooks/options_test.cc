// What Hooks::open() says to options that are wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hooks/hooks_parts.h"

namespace rhooks {
namespace {

using ::testing::HasSubstr;

TEST(OptionsTest, TheDefaultsAreValid) {
  EXPECT_TRUE(validate(Options{}));
}

TEST(OptionsTest, OptionsOfDynamoAreRefusedWithAnotherStore) {
  const auto expect_refused = [](const char* name, const auto& set) {
    Options options;
    set(options);
    const auto valid = validate(options);
    ASSERT_FALSE(valid) << name;
    EXPECT_EQ(valid.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(valid.error().field, name);
    EXPECT_THAT(valid.error().message, HasSubstr(name));
  };
  expect_refused("access_key_id", [](Options& o) { o.access_key_id = "x"; });
  expect_refused("secret_access_key", [](Options& o) { o.secret_access_key = "x"; });
  expect_refused("session_token", [](Options& o) { o.session_token = "x"; });
  expect_refused("profile", [](Options& o) { o.profile = "x"; });
  expect_refused("region", [](Options& o) { o.region = "x"; });
  expect_refused("endpoint", [](Options& o) { o.endpoint = "x"; });
  expect_refused("tasks_table_name", [](Options& o) { o.tasks_table_name = "x"; });
  expect_refused("logs_table_name", [](Options& o) { o.logs_table_name = "x"; });
  expect_refused("create_table", [](Options& o) { o.create_table = true; });
}

TEST(OptionsTest, WhatIsWrongOfEgressIsNamed) {
  const auto field_of = [](const auto& set) {
    Options options;
    set(options);
    const auto valid = validate(options);
    return valid ? "(valid)" : valid.error().field;
  };
  EXPECT_EQ(field_of([](Options& o) { o.egress = "auto"; }), "egress");
  EXPECT_EQ(field_of([](Options& o) { o.egress_allow = {"10.0.0.1/8"}; }), "egress_allow");
  EXPECT_EQ(field_of([](Options& o) { o.egress_deny = {"*"}; }), "egress_deny");
  EXPECT_EQ(field_of([](Options& o) { o.egress_ports = {"0"}; }), "egress_ports");
  EXPECT_EQ(field_of([](Options& o) { o.egress_nat64 = {"::/0"}; }), "egress_nat64");
  EXPECT_EQ(field_of([](Options& o) { o.egress_proxy = "proxy"; }), "egress_proxy");
  EXPECT_EQ(field_of([](Options& o) { o.egress_proxy_password = "x"; }), "egress_proxy_password");
  EXPECT_EQ(field_of([](Options& o) {
              o.egress = "public";
              o.egress_allow = {"10.0.0.0/8"};
              o.egress_proxy = "socks5://u@proxy:1080";
              o.egress_proxy_password = "x";
            }),
            "(valid)");
}

TEST(OptionsTest, OptionsAndTheUrlOfDynamoAreOneSetting) {
  Options options;
  options.store = "dynamodb:?tasks=my-tasks&create=true";
  options.region = "eu-west-1";
  options.endpoint = "http://127.0.0.1:8000";
  options.access_key_id = "AKID";
  options.secret_access_key = "hush";
  options.session_token = "token";
  options.profile = "night";
  options.tasks_table_name = "my-tasks";
  options.logs_table_name = "my-logs";
  options.create_table = true;
  const auto valid = validate(options);
  EXPECT_TRUE(valid) << valid.error().message;

  // Each reaches the check: wrong, it is named.
  const auto field_of = [&](const auto& set) {
    Options wrong = options;
    set(wrong);
    const auto refused = validate(wrong);
    return refused ? "(valid)" : refused.error().field;
  };
  EXPECT_EQ(field_of([](Options& o) { o.tasks_table_name = "other"; }), "tasks_table_name");
  EXPECT_EQ(field_of([](Options& o) { o.logs_table_name = "!"; }), "logs_table_name");
  EXPECT_EQ(field_of([](Options& o) { o.region = "!"; }), "region");
  EXPECT_EQ(field_of([](Options& o) { o.endpoint = "!"; }), "endpoint");
  EXPECT_EQ(field_of([](Options& o) { o.access_key_id = ""; }), "access_key_id");
  EXPECT_EQ(field_of([](Options& o) { o.secret_access_key = ""; }), "secret_access_key");
  EXPECT_EQ(field_of([](Options& o) { o.access_key_id = o.secret_access_key = ""; }),
            "session_token");
  EXPECT_EQ(field_of([](Options& o) { o.store = "dynamodb:?profile=day"; }), "profile");
  EXPECT_EQ(field_of([](Options& o) { o.store = "dynamodb:?create=false"; }), "create_table");
}

TEST(OptionsTest, AStoreUrlCanBeCheckedAlone) {
  EXPECT_TRUE(validate_store("rocksdb:data"));
  EXPECT_TRUE(validate_store("dynamodb:?region=eu-west-1"));
  EXPECT_EQ(validate_store("dynamodb:?colour=blue").error().field, "store");
  EXPECT_EQ(validate_store("redis:").error().field, "store");
}

// Its own error, and not that of an option beside it, which would quote it.
TEST(OptionsTest, AUrlOfNoStoreIsNotShownInFull) {
  Options options;
  options.store = "dynamo:?secret_access_key=hush";
  options.region = "eu-west-1";
  const auto valid = validate(options);
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().field, "store");
  EXPECT_EQ(valid.error().message.find("hush"), std::string::npos) << valid.error().message;
}

}  // namespace
}  // namespace rhooks

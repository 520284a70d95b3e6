#include <gtest/gtest.h>

#include "base/iso8601.h"
#include "codec/public_json.h"

namespace rhooks::codec {
namespace {

ApiKeySpec spec() {
  return {.role = Role::kWrite,
          .namespaces = {"shop", "test-*"},
          .expires_at = parse_time("2030-01-31T12:00:00Z").value(),
          .rate = Rate{100, std::chrono::minutes{1}},
          .description = "the shop's server"};
}

std::string field_of(const Result<ApiKeySpec>& refused) {
  return refused ? "none" : refused.error().field;
}

TEST(JsonApiKeysTest, WhatIsAskedForIsReadBack) {
  for (const ApiKeySpec& key : {spec(), ApiKeySpec{.role = Role::kRead, .namespaces = {"*"}}}) {
    const auto sent = to_json(key);
    ASSERT_TRUE(sent);
    const auto read = parse_new_api_key(*sent);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, key);
  }
}

TEST(JsonApiKeysTest, WrongOnesAreRefusedByTheirField) {
  EXPECT_EQ(field_of(parse_new_api_key(R"({"namespaces":["a"]})")), "role");
  EXPECT_EQ(field_of(parse_new_api_key(R"({"role":"read"})")), "namespaces");
  EXPECT_EQ(field_of(parse_new_api_key(R"({"role":"root","namespaces":["a"]})")), "role");
  EXPECT_EQ(field_of(parse_new_api_key(R"({"role":"read","namespaces":"a"})")), "namespaces");
  EXPECT_EQ(field_of(parse_new_api_key(R"({"role":"read","namespaces":["a"],"key":"x"})")), "key");
  EXPECT_EQ(field_of(parse_new_api_key(R"({"role":"read","namespaces":["a"],"expiresAt":"no"})")),
            "expiresAt");
}

TEST(JsonApiKeysTest, AChangeLeavesWhatItLeavesOut) {
  const auto role = parse_api_key_changes(R"({"role":"admin"})", spec());
  ASSERT_TRUE(role) << role.error().message;
  ApiKeySpec admin = spec();
  admin.role = Role::kAdmin;
  EXPECT_EQ(*role, admin);
  const auto open =
      parse_api_key_changes(R"({"expiresAt":null,"rate":null,"description":null})", spec());
  ASSERT_TRUE(open) << open.error().message;
  EXPECT_FALSE(open->expires_at);
  EXPECT_FALSE(open->rate);
  EXPECT_EQ(open->description, "");
  EXPECT_EQ(open->namespaces, spec().namespaces);
  // No role is none to fall back to.
  EXPECT_EQ(field_of(parse_api_key_changes(R"({"role":null})", spec())), "role");
  EXPECT_EQ(field_of(parse_api_key_changes(R"({"id":"aaaaaaaaaaaa"})", spec())), "id");
  EXPECT_EQ(field_of(parse_api_key_changes(R"({"revision":"x"})", spec())), "revision");
  EXPECT_EQ(field_of(parse_api_key_changes(R"({"key":"x"})", spec())), "key");
}

TEST(JsonApiKeysTest, ChangesMakeAKeyJustThatOne) {
  for (const ApiKeySpec& to : {spec(), ApiKeySpec{.role = Role::kRead, .namespaces = {"*"}}}) {
    for (const ApiKeySpec& from : {spec(), ApiKeySpec{.role = Role::kAdmin, .namespaces = {"x"}}}) {
      const auto changed = parse_api_key_changes(to_changes_json(to).value(), from);
      ASSERT_TRUE(changed) << changed.error().message;
      EXPECT_EQ(*changed, to);
    }
  }
}

TEST(JsonApiKeysTest, WhatIsShownIsReadBackAndHasNoHash) {
  CreatedApiKey created;
  static_cast<ApiKeySpec&>(created) = spec();
  created.id = "k7x2m4qpsz3a";
  created.revision = "0197a1f2-8a3b-7c4d-9e5f-001122334455";
  created.created_at = created.updated_at = parse_time("2027-01-01T00:00:00Z").value();
  created.key = "rhk_k7x2m4qpsz3a_" + std::string(43, 'A');
  const std::string told = to_json(created);
  EXPECT_EQ(parse_created_api_key(told).value(), created);
  EXPECT_EQ(told.find("hash"), told.npos);
  const ApiKey shown = created;
  EXPECT_EQ(parse_api_key(to_json(shown)).value(), shown);
  EXPECT_EQ(to_json(shown).find("rhk_"), std::string::npos);
  const auto page = parse_api_key_page(to_json(ApiKeyPage{{shown}, "next"}));
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->items, std::vector<ApiKey>{shown});
  EXPECT_EQ(page->last_evaluated_key, "next");
}

TEST(JsonApiKeysTest, AnswersOfNewerServersAreRead) {
  const auto key = parse_api_key(
      R"({"id":"aaaaaaaaaaaa","role":"read","namespaces":["*"],"readBodies":true,"revision":"r",
          "__createdAt":"2027-01-01T00:00:00Z","__updatedAt":"2027-01-01T00:00:00Z"})");
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(key->namespaces, std::vector<std::string>{"*"});
}

}  // namespace
}  // namespace rhooks::codec

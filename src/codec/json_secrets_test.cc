// Secrets: as they are put, rotated and shown.

#include <gtest/gtest.h>

#include "codec/public_json.h"
#include "model/secret.h"

namespace rhooks::codec {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kPut{std::chrono::milliseconds{1'769'862'896'789}};

Secret full_secret() {
  Secret secret;
  secret.ns = "shop";
  secret.name = "acme";
  secret.type = SecretType::kEd25519;
  secret.description = "of the warehouse";
  secret.public_key = "whpk_AAAA";
  secret.previous_public_key = "whpk_BBBB";
  secret.previous_until = kPut + 1h;
  secret.rotated_at = kPut;
  secret.revision = "0197a1f2-8a3b-7c4d-9e5f-001122334455";
  secret.created_at = kPut - 1h;
  secret.updated_at = kPut;
  return secret;
}

TEST(SecretJsonTest, IsShownByItsFields) {
  EXPECT_EQ(
      to_json(full_secret()),
      R"({"namespace":"shop","name":"acme","type":"ed25519",)"
      R"("description":"of the warehouse","publicKey":"whpk_AAAA",)"
      R"("previousPublicKey":"whpk_BBBB","previousUntil":"2026-01-31T13:34:56.789Z",)"
      R"("rotatedAt":"2026-01-31T12:34:56.789Z",)"
      R"("revision":"0197a1f2-8a3b-7c4d-9e5f-001122334455",)"
      R"("__createdAt":"2026-01-31T11:34:56.789Z","__updatedAt":"2026-01-31T12:34:56.789Z"})");
  EXPECT_EQ(parse_secret(to_json(full_secret())), full_secret());
  const auto page = parse_secret_page(to_json(SecretPage{{full_secret()}, "more"}));
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->items, std::vector{full_secret()});
  EXPECT_EQ(page->last_evaluated_key, "more");
}

TEST(SecretJsonTest, WhatIsPutIsSentAsItIs) {
  for (const SecretType type :
       {SecretType::kHmac, SecretType::kEd25519, SecretType::kToken, SecretType::kBasic}) {
    NewSecret secret;
    secret.ns = "shop";
    secret.name = "acme";
    secret.type = type;
    secret.description = "d";
    secret.value = "user:p\xc3\xa4ss";
    const auto sent = to_json(secret);
    ASSERT_TRUE(sent);
    EXPECT_EQ(parse_new_secret(*sent, "shop", "acme"), secret);
    EXPECT_EQ(parse_new_secret(*sent, "", ""), secret);
  }
  for (const SecretRotation& rotation :
       {SecretRotation{"v", {}}, SecretRotation{"v", 0ms}, SecretRotation{"v", 36h}}) {
    EXPECT_EQ(parse_secret_rotation(*to_json(rotation)), rotation);
  }
}

TEST(SecretJsonTest, WhatWasShownCanBePutWithAValue) {
  std::string json = to_json(full_secret());
  json.replace(0, 1, R"({"value":"v",)");
  const auto secret = parse_new_secret(json, "shop", "acme");
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(secret->value, "v");
  EXPECT_EQ(secret->description, "of the warehouse");
}

TEST(SecretJsonTest, WhatIsWrongIsNamedWithoutTheValue) {
  const auto field = [](const std::string& json) {
    const auto secret = parse_new_secret(json, "shop", "acme");
    if (secret) return std::string("(taken)");
    EXPECT_EQ(secret.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(secret.error().message.find("hush"), std::string::npos) << secret.error().message;
    return secret.error().field;
  };
  EXPECT_EQ(field("{}"), "type");
  EXPECT_EQ(field(R"({"type":"token"})"), "value");
  EXPECT_EQ(field(R"({"type":"token","value":null})"), "value");
  EXPECT_EQ(field(R"({"type":"token","value":["hush"]})"), "value");
  EXPECT_EQ(field(R"({"type":"oauth2","value":"hush"})"), "type");
  EXPECT_EQ(field(R"({"type":"token","value":"hush","name":"other"})"), "name");
  EXPECT_EQ(field(R"({"type":"token","value":"hush","generate":true})"), "generate");
  EXPECT_EQ(parse_secret_rotation(R"({"value":"hush","overlap":"1"})").error().field, "overlap");
  EXPECT_EQ(parse_secret_rotation(R"({"overlap":"1h"})").error().field, "value");
}

}  // namespace
}  // namespace rhooks::codec

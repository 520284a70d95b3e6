#include "model/secret.h"

#include <gtest/gtest.h>

namespace rhooks::model {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kRotatedAt{std::chrono::milliseconds{1'769'862'896'789}};

StoredSecret secret_with(std::uint8_t id) {
  StoredSecret secret;
  secret.ns = "shop";
  secret.name = "acme";
  secret.id.fill(id);
  secret.sealed = "sealed " + std::to_string(id);
  secret.public_key = "public " + std::to_string(id);
  return secret;
}

TEST(SecretTest, TheValueBeforeStaysForAWhile) {
  StoredSecret secret = secret_with(1);
  ASSERT_TRUE(rotate(secret, secret_with(2), 24h, kRotatedAt));
  EXPECT_EQ(secret.id, secret_with(2).id);
  EXPECT_EQ(secret.sealed, "sealed 2");
  EXPECT_EQ(secret.public_key, "public 2");
  EXPECT_EQ(secret.rotated_at, kRotatedAt);
  EXPECT_EQ(secret.previous_id, secret_with(1).id);
  EXPECT_EQ(secret.previous_sealed, "sealed 1");
  EXPECT_EQ(secret.previous_public_key, "public 1");
  EXPECT_EQ(secret.previous_until, kRotatedAt + 24h);
}

TEST(SecretTest, OneThatStillSignsIsNotDroppedUnasked) {
  StoredSecret secret = secret_with(1);
  ASSERT_TRUE(rotate(secret, secret_with(2), 24h, kRotatedAt));
  const StoredSecret before = secret;
  const auto refused = rotate(secret, secret_with(3), 1h, kRotatedAt + 24h - 1ms);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(secret, before);

  // Asked for, none of those before signs any more.
  StoredSecret at_once = before;
  ASSERT_TRUE(rotate(at_once, secret_with(3), 0ms, kRotatedAt));
  EXPECT_EQ(at_once.sealed, "sealed 3");
  EXPECT_EQ(at_once.previous_until, std::nullopt);
  EXPECT_EQ(at_once.previous_sealed + at_once.previous_public_key, "");
  EXPECT_EQ(at_once.previous_id, Uuid{});

  ASSERT_TRUE(rotate(secret, secret_with(3), 1h, kRotatedAt + 24h));
  EXPECT_EQ(secret.previous_sealed, "sealed 2");
}

TEST(SecretTest, WhatIsWrongIsNamed) {
  const auto field = [](const auto& set) {
    NewSecret secret;
    secret.ns = "shop";
    secret.name = "acme";
    secret.value = "hush";
    set(secret);
    const auto valid = validate(secret);
    return valid ? "(valid)" : valid.error().field;
  };
  EXPECT_EQ(field([](NewSecret&) {}), "(valid)");
  EXPECT_EQ(field([](NewSecret& s) { s.ns.clear(); }), "namespace");
  EXPECT_EQ(field([](NewSecret& s) { s.name = "a/b"; }), "name");
  EXPECT_EQ(field([](NewSecret& s) { s.value = std::string(4097, 'h'); }), "value");
  EXPECT_EQ(field([](NewSecret& s) { s.description = std::string(1025, 'd'); }), "description");
  EXPECT_EQ(validate(SecretRotation{"hush", 31 * 24h}).error().field, "overlap");
  EXPECT_EQ(validate(SecretRotation{"hush", -1ms}).error().field, "overlap");
  EXPECT_TRUE(validate(SecretRotation{"hush", 0ms}));
}

}  // namespace
}  // namespace rhooks::model

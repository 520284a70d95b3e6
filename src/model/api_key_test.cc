#include "model/api_key.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace rhooks::model {
namespace {

constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

class ApiKeyTextTest : public ::testing::Test {
 protected:
  ApiKeyText random_key() {
    std::array<std::uint8_t, kApiKeyIdBytes> id;
    std::array<std::uint8_t, kApiKeyRandomBytes> random;
    for (std::uint8_t& byte : id) byte = static_cast<std::uint8_t>(random_());
    for (std::uint8_t& byte : random) byte = static_cast<std::uint8_t>(random_());
    return make_api_key(id, random);
  }

  std::mt19937 random_{7};
};

TEST_F(ApiKeyTextTest, WhatIsMadeIsReadBack) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const ApiKeyText key = random_key();
    const std::string text = to_text(key);
    ASSERT_EQ(text.size(), 60u);
    ASSERT_TRUE(text.starts_with("rhk_" + key.id + "_")) << text;
    ASSERT_EQ(text.find_first_not_of(std::string(kBase64Url), 17), text.npos) << text;
    ASSERT_TRUE(validate_api_key_id(key.id));
    ASSERT_EQ(parse_api_key_text(text), key) << text;
    ids.insert(key.id);
  }
  EXPECT_EQ(ids.size(), 1000u);
}

TEST_F(ApiKeyTextTest, IsThatOfRfc4648) {
  std::array<std::uint8_t, kApiKeyIdBytes> id{};
  std::array<std::uint8_t, kApiKeyRandomBytes> random;
  random.fill(0xff);
  EXPECT_EQ(to_text(make_api_key(id, random)), "rhk_aaaaaaaaaaaa_" + std::string(42, '_') + "8");
}

// Whatever is changed, left out or added: it is another key, or none.
TEST_F(ApiKeyTextTest, HasOneSpelling) {
  for (int i = 0; i < 100; ++i) {
    const ApiKeyText key = random_key();
    const std::string text = to_text(key);
    for (std::size_t at = 0; at < text.size(); ++at) {
      std::string changed = text;
      changed[at] = static_cast<char>(random_());
      const auto read = parse_api_key_text(changed);
      ASSERT_TRUE(changed == text || read != key) << changed;
      ASSERT_TRUE(!read || to_text(*read) == changed) << changed;
      ASSERT_EQ(parse_api_key_text(text.substr(0, at)), std::nullopt);
    }
    ASSERT_EQ(parse_api_key_text(text + "A"), std::nullopt);
    ASSERT_EQ(parse_api_key_text(text + "="), std::nullopt);
    ASSERT_EQ(parse_api_key_text(" " + text), std::nullopt);
  }
}

TEST_F(ApiKeyTextTest, OtherTextsAreNoKeys) {
  const std::string text = to_text(random_key());
  for (const std::string& other :
       {std::string(), std::string("rhk_"), "RHK_" + text.substr(4),
        text.substr(0, 16) + "-" + text.substr(17), "rhk_aaaaaaaaaaa1_" + std::string(43, 'A'),
        "rhk_AAAAAAAAAAAA_" + std::string(43, 'A'),
        // Bits beyond the 32 bytes, and the alphabet of base64.
        "rhk_aaaaaaaaaaaa_" + std::string(42, 'A') + "B",
        "rhk_aaaaaaaaaaaa_" + std::string(42, '+') + "A",
        "rhk_aaaaaaaaaaaa_" + std::string(42, 'A') + "=", std::string(60, '\0')}) {
    EXPECT_EQ(parse_api_key_text(other), std::nullopt) << other;
  }
  EXPECT_TRUE(parse_api_key_text("rhk_aaaaaaaaaaaa_" + std::string(43, 'A')));
}

TEST(ApiKeyTest, HoldsInWhatItNames) {
  const std::vector<std::string> some{"shop", "test-*"};
  EXPECT_TRUE(holds_in(some, "shop"));
  EXPECT_TRUE(holds_in(some, "test-"));
  EXPECT_TRUE(holds_in(some, "test-7"));
  for (const char* other : {"", "sho", "shops", "Shop", "test", "atest-7", "*"}) {
    EXPECT_FALSE(holds_in(some, other)) << other;
  }
  EXPECT_FALSE(holds_everywhere(some));
  EXPECT_TRUE(holds_in({"x", "*"}, "anything"));
  EXPECT_TRUE(holds_everywhere({"x", "*"}));
  // Also the namespace that has this name.
  EXPECT_TRUE(holds_in({"a*"}, "a*"));
  EXPECT_FALSE(holds_in({"a*b"}, "axb"));
  EXPECT_TRUE(holds_in({"a*b"}, "a*b"));
  EXPECT_FALSE(holds_everywhere({"a*", "**"}));
}

TEST(ApiKeyTest, WrongOnesAreRefusedByTheirField) {
  const ApiKeySpec good{.role = Role::kWrite, .namespaces = {"shop"}};
  ASSERT_TRUE(validate(good));
  const auto field_of = [&](auto change) {
    ApiKeySpec key = good;
    change(key);
    const auto valid = validate(key);
    return valid ? std::string("none") : valid.error().field;
  };
  EXPECT_EQ(field_of([](ApiKeySpec& key) { key.namespaces.clear(); }), "namespaces");
  EXPECT_EQ(field_of([](ApiKeySpec& key) { key.namespaces.assign(65, "a"); }), "namespaces");
  EXPECT_EQ(field_of([](ApiKeySpec& key) { key.namespaces.assign(64, "a"); }), "none");
  EXPECT_EQ(field_of([](ApiKeySpec& key) { key.namespaces.push_back(""); }), "namespaces[1]");
  EXPECT_EQ(field_of([](ApiKeySpec& key) { key.namespaces.push_back("a\nb"); }), "namespaces[1]");
  EXPECT_EQ(field_of([](ApiKeySpec& key) { key.namespaces.push_back(std::string(257, 'a')); }),
            "namespaces[1]");
  EXPECT_EQ(field_of([](ApiKeySpec& key) { key.description.assign(1025, 'a'); }), "description");
  EXPECT_EQ(field_of([](ApiKeySpec& key) { key.expires_at = TimePoint::max(); }), "expiresAt");
  EXPECT_EQ(field_of([](ApiKeySpec& key) { key.rate = Rate{0, std::chrono::seconds{1}}; }), "rate");
}

}  // namespace
}  // namespace rhooks::model

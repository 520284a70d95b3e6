#include "codec/start_key.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "codec/test_records.h"

namespace rhooks::codec {
namespace {

constexpr char kUrlSafe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void expect_no_key(std::string_view text, std::string_view scope) {
  const auto key = decode_start_key(text, scope);
  ASSERT_FALSE(key) << text;
  ASSERT_EQ(key.error().code, ErrorCode::kInvalidArgument);
  ASSERT_EQ(key.error().field, "startKey");
}

TEST(StartKeyTest, KeysComeBackInTheirScope) {
  const std::uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  TestRecords random(seed);
  for (int i = 0; i < 2000; ++i) {
    const StartKey key{random.time(), random.text(60)};
    const std::string scope = random.text(20);
    const std::string text = encode_start_key(key, scope);
    ASSERT_EQ(text.find_first_not_of(kUrlSafe), std::string::npos) << text;
    const auto back = decode_start_key(text, scope);
    ASSERT_TRUE(back) << back.error().message;
    ASSERT_EQ(*back, key);
    expect_no_key(text, scope + "x");
  }
}

TEST(StartKeyTest, TheLongestIdFits) {
  const StartKey key{kTimeMax, std::string(512, 'x')};
  const auto back = decode_start_key(encode_start_key(key, "s"), "s");
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, key);
}

TEST(StartKeyTest, EveryChangedCharacterIsRefused) {
  const std::string text = encode_start_key({from_millis(1'769'862'896'789), "order#1"}, "scope");
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      if (static_cast<char>(byte) == text[i]) continue;
      std::string changed = text;
      changed[i] = static_cast<char>(byte);
      expect_no_key(changed, "scope");
    }
  }
}

TEST(StartKeyTest, CutAndExtendedKeysAreRefused) {
  const std::string text = encode_start_key({from_millis(1'769'862'896'789), "order#1"}, "scope");
  for (std::size_t size = 0; size < text.size(); ++size) {
    expect_no_key(text.substr(0, size), "scope");
  }
  for (const char c : std::string(kUrlSafe) + "= %") expect_no_key(text + c, "scope");
  expect_no_key(text + text, "scope");
  expect_no_key(std::string(1'000'000, 'A'), "scope");
}

TEST(StartKeyTest, OtherPositionsHaveOtherKeys) {
  std::set<std::string> keys;
  for (int i = 0; i < 100; ++i) {
    keys.insert(encode_start_key({from_millis(i), "a"}, "scope"));
    keys.insert(encode_start_key({from_millis(0), std::string(i + 2, 'a')}, "scope"));
  }
  EXPECT_EQ(keys.size(), 200u);
}

}  // namespace
}  // namespace rhooks::codec

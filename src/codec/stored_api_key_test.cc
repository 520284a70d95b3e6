#include <gtest/gtest.h>

#include "base/sha256.h"
#include "codec/stored.h"
#include "codec/test_records.h"

namespace rhooks::codec {
namespace {

TEST(StoredApiKeyTest, IsReadBackAndRefusedWhereItIsDamaged) {
  TestRecords random(11);
  for (int i = 0; i < 200; ++i) {
    const model::StoredApiKey key = random.api_key();
    const model::DocumentKey document{"key", "", key.id};
    const std::string bytes = encode_api_key(key);
    const auto back = decode_api_key(document, bytes);
    ASSERT_TRUE(back) << back.error().message;
    ASSERT_EQ(*back, key) << "key " << i;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto cut = decode_api_key(document, bytes.substr(0, size));
      if (cut) {
        ASSERT_EQ(encode_api_key(*cut), bytes.substr(0, size));
      }
    }
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      if (const auto other = decode_api_key(document, flipped)) {
        ASSERT_EQ(encode_api_key(*other), flipped);
      }
    }
  }
}

// Nothing opens with less than all of it.
TEST(StoredApiKeyTest, NeedsItsHashAndItsNamespaces) {
  TestRecords random(12);
  const model::DocumentKey document{"key", "", "aaaaaaaaaaaa"};
  model::StoredApiKey key = random.api_key();
  key.hash = {};
  EXPECT_EQ(decode_api_key(document, encode_api_key(key)).error().code, ErrorCode::kCorrupt);
  key = random.api_key();
  key.namespaces.clear();
  EXPECT_EQ(decode_api_key(document, encode_api_key(key)).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(decode_api_key(document, "").error().code, ErrorCode::kCorrupt);
}

TEST(StoredApiKeyTest, NumbersStayAsTheyAre) {
  model::StoredApiKey key;
  key.role = Role::kAdmin;
  key.namespaces = {"a", "b"};
  key.expires_at = from_millis(1);
  key.description = "d";
  key.created_at = from_millis(2);
  key.hash.fill(3);
  key.rate = Rate{100, std::chrono::minutes{1}};
  const std::string bytes = encode_api_key(key);
  std::string hash;
  for (int i = 0; i < 32; ++i) hash += "03";
  EXPECT_EQ(to_hex(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()),
            "0802"
            "120161"
            "120162"
            "1802"
            "220164"
            "2804"
            "3220" +
                hash +
                "3a063130302f316d"
                "00");
}

}  // namespace
}  // namespace rhooks::codec

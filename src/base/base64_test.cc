#include "base/base64.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace rhooks {
namespace {

// RFC 4648, section 10.
TEST(Base64Test, AgreesWithTheRfc) {
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
    EXPECT_EQ(base64_bytes(text), bytes.size());
  }
}

TEST(Base64Test, EveryByteComesBack) {
  std::string bytes;
  for (int value = 0; value < 256; ++value) bytes.push_back(static_cast<char>(value));
  for (std::size_t from = 0; from < 4; ++from) {
    EXPECT_EQ(from_base64(to_base64(bytes.substr(from))), bytes.substr(from));
  }
  EXPECT_EQ(to_base64("\xfb\xff\xbf"), "+/+/");
}

TEST(Base64Test, BytesHaveOneSpelling) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v\n", "Zm 9", "Zm9-", "Zm9_",
                           "=", "====", "Z===", "Zg==Zg==", "Zm=v", " Zg="}) {
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace rhooks

#include "base/ascii.h"

#include <gtest/gtest.h>

namespace rhooks {
namespace {

TEST(AsciiTest, OnlyAsciiLettersHaveACase) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool upper = byte >= 'A' && byte <= 'Z';
    EXPECT_EQ(lower_case(c), upper ? static_cast<char>(byte + 32) : c) << byte;
    EXPECT_EQ(is_alphanumeric(c), upper || (byte >= 'a' && byte <= 'z') || is_digit(c)) << byte;
  }
  EXPECT_EQ(lower_case("Content-Type: \xc3\x84"), "content-type: \xc3\x84");
  EXPECT_TRUE(equal_in_any_case("", ""));
  EXPECT_TRUE(equal_in_any_case("ETag", "etag"));
  EXPECT_FALSE(equal_in_any_case("etag", "etags"));
  EXPECT_FALSE(equal_in_any_case("@", "`"));
}

TEST(AsciiTest, TrimsBothEnds) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \r\n"), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("\ra\r", " "), "\ra\r");
}

TEST(AsciiTest, PercentEncodesAllButTheUnreserved) {
  EXPECT_EQ(percent_encoded("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encoded("a b/#?%+*&="), "a%20b%2F%23%3F%25%2B%2A%26%3D");
  EXPECT_EQ(percent_encoded(std::string("\0\xff\xc3\xa9", 4)), "%00%FF%C3%A9");
}

}  // namespace
}  // namespace rhooks

#include "json/space.h"

#include <gtest/gtest.h>

namespace rhooks {
namespace {

TEST(JsonSpaceTest, DropsWhiteSpaceBetweenTokensAndNothingElse) {
  EXPECT_EQ(without_json_space(" { \"b\" : [ 1 , 2.50 ,\t-0 ] ,\r\n \"a\" : \" x  y \" } \n"),
            R"({"b":[1,2.50,-0],"a":" x  y "})");
  EXPECT_EQ(without_json_space(R"({"\" \\" : "\\" , "x":"\" " })"), R"({"\" \\":"\\","x":"\" "})");
  EXPECT_EQ(without_json_space("{}"), "{}");
  EXPECT_EQ(without_json_space(" \n"), "");
  EXPECT_EQ(without_json_space(""), "");
}

// Text that is not JSON does no harm.
TEST(JsonSpaceTest, EndsOnAnyText) {
  EXPECT_EQ(without_json_space("a \"b c"), "a\"b c");
  EXPECT_EQ(without_json_space("a \"b \\"), "a\"b \\");
  EXPECT_EQ(without_json_space("\""), "\"");
}

}  // namespace
}  // namespace rhooks

#include "json/pretty.h"

#include <gtest/gtest.h>

namespace rhooks {
namespace {

TEST(PrettyJsonTest, Indents) {
  EXPECT_EQ(pretty_json(R"({"a":[1,{"b":null}],"c":{},"d":"x,{}:\"y"})"),
            "{\n"
            "  \"a\": [\n"
            "    1,\n"
            "    {\n"
            "      \"b\": null\n"
            "    }\n"
            "  ],\n"
            "  \"c\": {},\n"
            "  \"d\": \"x,{}:\\\"y\"\n"
            "}");
  EXPECT_EQ(pretty_json("[]"), "[]");
  EXPECT_EQ(pretty_json("1e400"), "1e400");
  EXPECT_EQ(pretty_json("no JSON"), "no JSON");
  EXPECT_EQ(pretty_json(" { \"a\" :\n[ 1.50 , \"\\u00e9\" ] } "),
            "{\n  \"a\": [\n    1.50,\n    \"\\u00e9\"\n  ]\n}");
  const std::string twice = R"({"a":1,"a":2})";
  EXPECT_EQ(pretty_json(twice), twice);
  const std::string deep = std::string(65, '[') + std::string(65, ']');
  EXPECT_EQ(pretty_json(deep), deep);
}

}  // namespace
}  // namespace rhooks

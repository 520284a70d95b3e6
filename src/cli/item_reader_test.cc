#include "cli/item_reader.h"

#include <gtest/gtest.h>

#include <sstream>
#include <vector>

namespace rhooks::cli {
namespace {

struct Read {
  std::vector<std::string> items;
  std::string error;
};

Read read_all(const std::string& text) {
  std::istringstream in(text);
  ItemReader reader(in);
  Read read;
  while (true) {
    auto item = reader.next();
    if (!item) {
      read.error = item.error().message;
      return read;
    }
    if (!*item) return read;
    read.items.push_back(**item);
  }
}

using Items = std::vector<std::string>;

TEST(ItemReaderTest, ReadsArraysObjectsAndLines) {
  const Items expected{R"({"a":1})", R"({"b":[2,{"c":"]}"}]})"};
  EXPECT_EQ(read_all(R"([{"a":1},{"b":[2,{"c":"]}"}]}])").items, expected);
  EXPECT_EQ(read_all(R"( [ {"a":1} , {"b":[2,{"c":"]}"}]} ] )").items, expected);
  EXPECT_EQ(read_all(R"({"items":[{"a":1},{"b":[2,{"c":"]}"}]}]})").items, expected);
  EXPECT_EQ(read_all("{ \"items\" : [{\"a\":1},\n{\"b\":[2,{\"c\":\"]}\"}]}] }\n").items, expected);
  EXPECT_EQ(read_all("{\"a\":1}\n{\"b\":[2,{\"c\":\"]}\"}]}\n").items, expected);
  EXPECT_EQ(read_all("\xef\xbb\xbf[{\"a\":1},{\"b\":[2,{\"c\":\"]}\"}]}]").items, expected);
}

TEST(ItemReaderTest, KeepsStringsWithEscapes) {
  EXPECT_EQ(read_all(R"([{"a":"\"]}\\"}])").items, Items{R"({"a":"\"]}\\"})"});
  EXPECT_EQ(read_all(R"({"i":"\"}\\"})").items, Items{R"({"i":"\"}\\"})"});
  EXPECT_EQ(read_all(R"({"itemsX":1})").items, Items{R"({"itemsX":1})"});
}

TEST(ItemReaderTest, Empty) {
  for (const char* text : {"", "  \n", "[]", " [ ] ", R"({"items":[]})"}) {
    const Read read = read_all(text);
    EXPECT_TRUE(read.items.empty()) << text;
    EXPECT_EQ(read.error, "") << text;
  }
}

TEST(ItemReaderTest, ValuesThatAreNoTasksAreLeftToTheParser) {
  EXPECT_EQ(read_all("[1,null,\"x\",[2]]").items, (Items{"1", "null", "\"x\"", "[2]"}));
}

TEST(ItemReaderTest, NamesTheLineOfAnError) {
  EXPECT_EQ(read_all("[{\"a\":1},\n{\"b\":").error,
            "line 2: the file ends in the middle of a task");
  EXPECT_EQ(read_all("[{\"a\":1}\n\n{\"b\":1}]").error,
            "line 3: ',' or ']' is expected after a task");
  EXPECT_EQ(read_all("[{\"a\":1},]").error, "line 1: a task is expected before ']'");
  EXPECT_EQ(read_all("[{\"a\":1}").error, "line 1: ',' or ']' is expected after a task");
  EXPECT_EQ(read_all("[").error, "line 1: the file ends before the array of tasks does");
  EXPECT_EQ(read_all("[{\"a\":1},").error, "line 1: the file ends before the array of tasks does");
  EXPECT_EQ(read_all("[] x").error, "line 1: nothing is expected after the tasks");
  EXPECT_EQ(read_all(R"({"items":[],"more":1})").error,
            "line 1: only \"items\" is expected in the object");
  EXPECT_EQ(read_all(R"({"items":{}})").error, "line 1: \"items\" is expected to be an array");
  EXPECT_EQ(read_all("{\"a").error, "line 1: the file ends in the middle of a task");
}

TEST(ItemReaderTest, BoundsAnItem) {
  const std::string big = "[\"" + std::string(ItemReader::kItemBytesMax, 'x') + "\"]";
  EXPECT_EQ(read_all(big).error, "line 1: a task is longer than 4 MiB");
  const std::string object = "{\"x\":\"" + std::string(ItemReader::kItemBytesMax, 'x') + "\"}";
  EXPECT_EQ(read_all(object).error, "line 1: a task is longer than 4 MiB");
}

// Any cut of a document must end, without a crash and without an item that is not in it.
TEST(ItemReaderTest, EveryPrefixEnds) {
  const std::string text = R"({"items":[{"a":"x\"]"},{"b":[1,2]}]})";
  for (std::size_t size = 0; size < text.size(); ++size) {
    const Read read = read_all(text.substr(0, size));
    EXPECT_LE(read.items.size(), 2U);
    if (size > 0) {
      EXPECT_NE(read.error, "") << text.substr(0, size);
    }
  }
}

}  // namespace
}  // namespace rhooks::cli

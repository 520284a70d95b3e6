#include "hooks/namespace_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "model/api_key.h"

namespace rhooks {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

NamespaceRange only(const std::string& name) {
  return {name, true};
}
NamespaceRange from(const std::string& prefix) {
  return {prefix, false};
}

TEST(NamespaceRangesTest, AreInOrderAndApart) {
  EXPECT_THAT(namespace_ranges({"*"}, ""), ElementsAre(from("")));
  EXPECT_THAT(namespace_ranges({"b", "a", "*"}, ""), ElementsAre(from("")));
  EXPECT_THAT(namespace_ranges({"b*", "a", "ba", "b", "bb*", "a"}, ""),
              ElementsAre(only("a"), from("b")));
  EXPECT_THAT(namespace_ranges({"b", "b*"}, ""), ElementsAre(from("b")));
}

TEST(NamespaceRangesTest, BeginWithThePrefix) {
  EXPECT_THAT(namespace_ranges({"*"}, "ab"), ElementsAre(from("ab")));
  EXPECT_THAT(namespace_ranges({"a*", "abc*", "abd"}, "ab"), ElementsAre(from("ab")));
  EXPECT_THAT(namespace_ranges({"abc*", "abd", "ax", "a"}, "ab"),
              ElementsAre(from("abc"), only("abd")));
  EXPECT_THAT(namespace_ranges({"a"}, "ab"), IsEmpty());
  EXPECT_THAT(namespace_ranges({}, ""), IsEmpty());
}

// Each name that a key reaches is in one range, no other is in any, and those of the ranges that
// are past stand before those that are not.
TEST(NamespaceRangesTest, HaveJustWhatAKeyReaches) {
  std::mt19937 random(5);
  const auto name = [&] {
    std::string text;
    for (auto size = random() % 4; size > 0; --size) text += static_cast<char>('a' + random() % 3);
    return text;
  };
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::string> among;
    for (auto count = 1 + random() % 4; count > 0; --count) {
      among.push_back(name() + (random() % 2 == 0 ? "*" : ""));
    }
    const std::string prefix = random() % 2 == 0 ? "" : name();
    const auto ranges = namespace_ranges(among, prefix);
    for (int n = 0; n < 20; ++n) {
      const std::string one = name();
      const bool reached = model::holds_in(among, one) && one.starts_with(prefix);
      const auto in = std::count_if(ranges.begin(), ranges.end(), [&](const NamespaceRange& range) {
        return range.contains(one);
      });
      ASSERT_EQ(in, reached ? 1 : 0) << one;
      for (const NamespaceRange& range : ranges) {
        const std::string other = name();
        if (range.contains(other) && range.is_past(one)) {
          ASSERT_LE(other, one) << range.prefix;
        }
        if (range.contains(other) && other > one) {
          ASSERT_FALSE(range.is_past(one)) << range.prefix;
        }
      }
    }
  }
}

}  // namespace
}  // namespace rhooks

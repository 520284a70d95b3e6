#include "json/writer.h"

#include <gtest/gtest.h>

#include <string>

namespace rhooks {
namespace {

std::string written(std::string_view text) {
  JsonWriter out;
  out.string(text);
  return out.take();
}

TEST(JsonCutTest, CountsWhatIsWritten) {
  const std::string text = "a\"\\\n\r\t\x01\x7f\xc3\xa9\xe2\x82\xac\xff\xf0\x9f\x98\x80z";
  const std::size_t whole = written(text).size() - 2;
  std::size_t before = 0;
  for (std::size_t max = 0; max <= whole; ++max) {
    const std::string_view cut = json_cut(text, max);
    EXPECT_TRUE(text.starts_with(cut));
    EXPECT_LE(written(cut).size() - 2, max);
    EXPECT_GE(cut.size(), before) << max;
    before = cut.size();
    // It grows where the next character fits.
    if (max > 0 && json_cut(text, max - 1).size() < cut.size()) {
      EXPECT_EQ(written(cut).size() - 2, max);
    }
  }
  EXPECT_EQ(json_cut(text, whole), text);
  EXPECT_EQ(json_cut(text, whole - 1).size(), text.size() - 1);
}

TEST(JsonCutTest, EndsBetweenTwoCharacters) {
  EXPECT_EQ(json_cut("ab", 1), "a");
  EXPECT_EQ(json_cut("a\x01", 6), "a") << "an escape has six bytes";
  EXPECT_EQ(json_cut("a\x01", 7), "a\x01");
  EXPECT_EQ(json_cut("\xe2\x82\xac", 2), "");
  EXPECT_EQ(json_cut("\xff\xff", 3), "\xff") << "three bytes stand for one that is no character's";
  EXPECT_EQ(json_cut("", 0), "");
}

}  // namespace
}  // namespace rhooks

#include "base/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace rhooks {
namespace {

// Writes a code point by the definition of UTF-8, surrogates and what is past the end too.
std::string encode(std::uint32_t point) {
  const auto byte = [](std::uint32_t b) { return static_cast<char>(b); };
  if (point < 0x80) return {byte(point)};
  if (point < 0x800) return {byte(0xc0 | point >> 6), byte(0x80 | (point & 0x3f))};
  if (point < 0x10000) {
    return {byte(0xe0 | point >> 12), byte(0x80 | (point >> 6 & 0x3f)),
            byte(0x80 | (point & 0x3f))};
  }
  return {byte(0xf0 | point >> 18), byte(0x80 | (point >> 12 & 0x3f)),
          byte(0x80 | (point >> 6 & 0x3f)), byte(0x80 | (point & 0x3f))};
}

TEST(Utf8Test, AcceptsEveryCodePointAndNoSurrogate) {
  for (std::uint32_t point = 0; point <= 0x1fffff; ++point) {
    const std::string text = encode(point);
    const bool real = point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
    ASSERT_EQ(utf8_length(text), real ? text.size() : 0) << std::hex << point;
    const bool control = point < 0x20 || (point >= 0x7f && point <= 0x9f);
    ASSERT_EQ(has_control(text), control) << std::hex << point;
  }
}

TEST(Utf8Test, AcceptsExactlyOneTextOfEachOneAndTwoByteForm) {
  int accepted = 0;
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text{static_cast<char>(a), static_cast<char>(b)};
      if (utf8_length(text) == 2) ++accepted;
    }
  }
  EXPECT_EQ(accepted, 0x800 - 0x80);
}

TEST(Utf8Test, SeesAByteThatIsWrongAnywhereInALongText) {
  const std::string ascii(40, 'a');
  EXPECT_TRUE(is_utf8(ascii));
  for (std::size_t at = 0; at <= ascii.size(); ++at) {
    std::string text = ascii;
    EXPECT_TRUE(is_utf8(text.insert(at, "\xc3\xa9"))) << at;
    EXPECT_FALSE(is_utf8(text.erase(at, 1))) << at;
    text = ascii;
    EXPECT_FALSE(is_utf8(text.insert(at, "\xff"))) << at;
  }
}

TEST(Utf8Test, RefusesLongFormsCutTextsAndStrayBytes) {
  for (const char* text :
       {"\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf", "\xf5\x80\x80\x80", "\x80", "\xbf", "\xff", "\xfe", "\xc3", "\xe2\x82",
        "\xf0\x9f\x98", "a\xc3", "\xc3(", "\xe2(\xa1", "\xe2\x82("}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8(std::string_view("a\0b", 3)));
  EXPECT_TRUE(is_utf8("Grüße, 世界 😀"));
}

TEST(Utf8Test, HasControlLooksPastBytesThatAreNoText) {
  EXPECT_TRUE(has_control("\xff\n"));
  EXPECT_FALSE(has_control("\xff"));
  EXPECT_FALSE(has_control("plain ü"));
}

TEST(Utf8CutTest, EndsBetweenCharacters) {
  const std::string text = "aü€😀";  // 1 + 2 + 3 + 4 bytes
  const std::size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (std::size_t max = 0; max < std::size(ends); ++max) {
    EXPECT_EQ(utf8_cut(text, max).size(), ends[max]) << max;
  }
}

TEST(OneLineTest, ReplacesWhatWouldBreakALine) {
  EXPECT_EQ(one_line("plain ü", 100), "plain ü");
  EXPECT_EQ(one_line("a\r\nb\tc\x7f\x1b[0m", 100), "a  b c  [0m");
  EXPECT_EQ(one_line("a\xff\xc3(", 100), "a\xef\xbf\xbd\xef\xbf\xbd(");
  EXPECT_EQ(one_line("\xc2\x9b", 100), " ");
}

TEST(OneLineTest, IsCutBetweenCharacters) {
  for (std::size_t max = 0; max < 40; ++max) {
    const std::string line = one_line("ä€😀\xff\n and so on, ä€😀", max);
    EXPECT_LE(line.size(), max);
    EXPECT_TRUE(is_utf8(line));
    EXPECT_FALSE(has_control(line));
  }
}

TEST(Utf8Test, SaysWhichByteIsWrong) {
  EXPECT_EQ(not_utf8("caf\xc3\xa9, a longer text"), std::nullopt);
  EXPECT_EQ(not_utf8(""), std::nullopt);
  EXPECT_EQ(not_utf8("caf\xe9"), "is not UTF-8 (byte 3 is 0xe9)");
  EXPECT_EQ(not_utf8("\xc3\xa9 and then some\xff"), "is not UTF-8 (byte 16 is 0xff)");
}

TEST(Utf8Test, CodePoints) {
  for (const char32_t point :
       {0x24u, 0x7fu, 0x80u, 0xe9u, 0x7ffu, 0x800u, 0x202eu, 0xffffu, 0x10000u, 0x10ffffu}) {
    const std::string text = encode(point);
    EXPECT_EQ(utf8_code_point(text + "x", utf8_length(text)), point);
  }
}

}  // namespace
}  // namespace rhooks

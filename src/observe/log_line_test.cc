#include "observe/log_line.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "base/utf8.h"

namespace rhooks::log {
namespace {

TEST(TextLineTest, HasLevelMessageAndFields) {
  EXPECT_EQ(text_line(Level::kInfo, "server started", {}), "info  server started");
  EXPECT_EQ(text_line(Level::kWarn, "task set aside", {{"namespace", "a"}, {"id", "b"}}),
            "warn  task set aside namespace=a id=b");
  EXPECT_EQ(text_line(Level::kDebug, "claimed", {{"tasks", std::int64_t{12}}}),
            "debug claimed tasks=12");
  EXPECT_EQ(text_line(Level::kError, "m", {{"n", std::int64_t{-1}}}), "error m n=-1");
}

TEST(TextLineTest, QuotesValuesThatCouldBeMisread) {
  const std::pair<const char*, const char*> cases[] = {
      {"", R"("")"},
      {"plain", "plain"},
      {"rocksdb:/var/lib/x", "rocksdb:/var/lib/x"},
      {"two words", R"("two words")"},
      {"a=b", R"("a=b")"},
      {"say \"hi\"", R"("say \"hi\"")"},
      {"back\\slash", R"("back\\slash")"},
      {"two\nlines\r\tend", R"("two\nlines\r\tend")"},
      {"\x1b[31mred", R"("\u001b[31mred")"},
      {"\x7f", R"("\u007f")"},
      {"\xc2\x9b", R"("\u009b")"},
      {"grün", "grün"},
      {"bad\xff\xc3(", R"("bad\xff\xc3(")"},
  };
  for (const auto& [value, shown] : cases) {
    EXPECT_EQ(text_line(Level::kInfo, "m", {{"k", value}}), std::string("info  m k=") + shown);
  }
}

TEST(TextLineTest, KeepsTheMessageOnItsLine) {
  EXPECT_EQ(text_line(Level::kInfo, "a\nb\x1b", {}), R"(info  a\nb\u001b)");
}

TEST(JsonMembersTest, HaveLevelMessageAndFields) {
  EXPECT_EQ(json_members(Level::kWarn, "task set aside",
                         {{"namespace", "a b"}, {"tasks", std::int64_t{-3}}}),
            R"("level":"warn","msg":"task set aside","namespace":"a b","tasks":-3)");
}

TEST(JsonMembersTest, EscapeEveryByte) {
  EXPECT_EQ(json_members(Level::kInfo, "a\"b", {{"k", "\\ \n\r\t\x01 \xff ü"}}),
            R"("level":"info","msg":"a\"b","k":"\\ \n\r\t\u0001 \ufffd ü")");
}

// Whatever a value holds, the line stays one line of UTF-8 that no terminal obeys, and a
// quote within it never ends it.
TEST(LogLinesTest, ContainAnyPairOfBytes) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string value{static_cast<char>(a), static_cast<char>(b)};
      for (const std::string& line : {text_line(Level::kInfo, "m", {{"k", value}}),
                                      json_members(Level::kInfo, "m", {{"k", value}})}) {
        ASSERT_TRUE(is_utf8(line)) << a << " " << b;
        ASSERT_FALSE(has_control(line)) << a << " " << b;
        int quotes = 0;
        for (std::size_t i = 0; i < line.size(); ++i) {
          if (line[i] == '\\') {
            ++i;
          } else if (line[i] == '"') {
            ++quotes;
          }
        }
        ASSERT_EQ(quotes % 2, 0) << line;
      }
    }
  }
}

TEST(LogLinesTest, CutLongValuesBetweenCharacters) {
  std::string text;
  while (text.size() < 10'000) text += "€";
  const std::string line = text_line(Level::kInfo, "m", {{"k", text}});
  EXPECT_LT(line.size(), 4'200u);
  EXPECT_TRUE(is_utf8(line));
  EXPECT_TRUE(line.ends_with("€…"));
  const std::string bytes(10'000, '\x80');
  const std::string json = json_members(Level::kInfo, "m", {{"k", bytes}});
  EXPECT_LT(json.size(), 6u * 4'096 + 100);
  EXPECT_TRUE(json.ends_with("\\ufffd…\""));
  EXPECT_EQ(text_line(Level::kInfo, "m", {{"k", std::string(4'096, 'a')}}).find("…"),
            std::string::npos);
}

TEST(LogLinesTest, NothingSteersWhatShowsThem) {
  const std::string value = "a\xe2\x80\xae\xe2\x80\xa8\xd8\x9c\xc2\x9b\x7f";
  EXPECT_EQ(text_line(Level::kInfo, "m", {{"k", value}}),
            "info  m k=\"a\\u202e\\u2028\\u061c\\u009b\\u007f\"");
  EXPECT_EQ(json_members(Level::kInfo, "m", {{"k", value}}),
            R"("level":"info","msg":"m","k":"a\u202e\u2028\u061c\u009b\u007f")");
}

}  // namespace
}  // namespace rhooks::log

#include "cli/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace rhooks::cli {
namespace {

std::string render(Table& table) {
  std::ostringstream out;
  table.flush(out);
  return out.str();
}

TEST(TableTest, AlignsColumns) {
  Table table({{"ID"}, {"COUNT", true}, {"TEXT"}}, {});
  table.add({{"a"}, {"5"}, {"first"}});
  table.add({{"long-id"}, {"1000000"}, {""}});
  EXPECT_EQ(render(table),
            "ID         COUNT  TEXT\n"
            "a              5  first\n"
            "long-id  1000000\n");
}

TEST(TableTest, WidthsOfTheFirstPageHoldForTheNext) {
  Table table({{"ID"}, {"TEXT"}}, {});
  table.add({{"abc"}, {"x"}});
  EXPECT_EQ(render(table), "ID   TEXT\nabc  x\n");
  EXPECT_EQ(render(table), "");
  table.add({{"abcdef"}, {"y"}});
  EXPECT_EQ(render(table), "abcdef  y\n");
}

TEST(TableTest, NoHeaderWithoutRows) {
  Table table({{"ID"}}, {});
  EXPECT_EQ(render(table), "");
}

TEST(TableTest, ShrinksTheWidestToTheTerminal) {
  Table table({{"ID", false, true, 8}, {"STATUS"}, {"URL", false, true, 8}}, {40, false});
  table.add({{"0198f2c1-8a53-7d3e"}, {"ACTIVE"}, {"http://127.0.0.1:9000/a/long/path"}});
  const std::string text = render(table);
  EXPECT_EQ(text,
            "ID               STATUS  URL\n"
            "0198f2c1-8a53-…  ACTIVE  http://127.0.0…\n");
}

TEST(TableTest, ColumnsThatDoNotShrinkAreNeverCut) {
  Table table({{"TIME"}, {"ID", false, true, 4}}, {20, false});
  table.add({{"2026-01-31 12:34:56.789Z"}, {"abcdefgh"}});
  EXPECT_EQ(render(table),
            "TIME                      ID\n"
            "2026-01-31 12:34:56.789Z  abc…\n");
}

TEST(TableTest, ColoursDoNotDisturbTheAlignment) {
  Table table({{"STATUS"}, {"N", true}}, {80, true});
  table.add({{"DONE", Colour::kGreen}, {"1"}});
  EXPECT_EQ(render(table),
            "\x1b[1mSTATUS\x1b[0m  \x1b[1mN\x1b[0m\n"
            "\x1b[32mDONE\x1b[0m    1\n");
}

TEST(TableTest, CountsCharactersNotBytes) {
  Table table({{"A"}, {"B"}}, {});
  table.add({{"äöü"}, {"1"}});
  table.add({{"abcd"}, {"2"}});
  EXPECT_EQ(render(table), "A     B\näöü   1\nabcd  2\n");
}

TEST(PrintableTest, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("plain äöü €"), "plain äöü €");
  EXPECT_EQ(printable("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
  EXPECT_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(printable("a\nb\tc\rd", true), "a\nb\tc\\rd");
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");           // no UTF-8
  EXPECT_EQ(printable("\xc0\x80"), "\\xc0\\x80");           // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");                               // C1: another escape
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\xe2\\x80\\xae");  // right-to-left override
  EXPECT_EQ(printable("\xe2\x80\x8f"), "\\xe2\\x80\\x8f");  // right-to-left mark
  EXPECT_EQ(printable("\xd8\x9c"), "\\xd8\\x9c");           // Arabic letter mark
  EXPECT_EQ(printable("\xe2\x80\xa8"), "\\xe2\\x80\\xa8");  // line separator
  EXPECT_EQ(printable("\xe2\x80\x93\xd7\x90"), "\xe2\x80\x93\xd7\x90") << "letters stay";
  EXPECT_EQ(printable("\x7f"), "\\x7f");
}

TEST(FitTest, CutsAtCharacters) {
  EXPECT_EQ(fit("abcdef", 6), "abcdef");
  EXPECT_EQ(fit("abcdef", 4), "abc…");
  EXPECT_EQ(fit("äöüäöü", 3), "äö…");
  EXPECT_EQ(fit("abc", 1), "…");
  EXPECT_EQ(fit("abc", 0), "");
}

}  // namespace
}  // namespace rhooks::cli

#include "store/rocks/cleared_marks.h"

#include <gtest/gtest.h>

namespace rhooks::store::rocks {
namespace {

TEST(ClearedMarksTest, TellWhereToBegin) {
  ClearedMarks marks;
  EXPECT_EQ(marks.begin("ns/"), "ns/");
  marks.put("ns/a");
  EXPECT_EQ(marks.begin("ns/"), "ns/");
  marks.set("ns/", "ns/m");
  EXPECT_EQ(marks.begin("ns/"), "ns/m");
  EXPECT_EQ(marks.begin("other/"), "other/");
  marks.put("ns/x");
  marks.put("other/a");
  EXPECT_EQ(marks.begin("ns/"), "ns/m");
  marks.put("ns/c");
  EXPECT_EQ(marks.begin("ns/"), "ns/c");
  marks.forget("ns/");
  EXPECT_EQ(marks.begin("ns/"), "ns/");
}

TEST(ClearedMarksTest, AreBounded) {
  ClearedMarks marks;
  for (int i = 0; i < 1'000; ++i) marks.set(std::to_string(i), std::to_string(i) + "x");
  EXPECT_EQ(marks.begin("0"), "0");
  EXPECT_EQ(marks.begin("999"), "999x");
}

}  // namespace
}  // namespace rhooks::store::rocks

#include "rest/turns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rhooks::rest {
namespace {

using ::testing::ElementsAre;

std::vector<int> all_of(Turns<std::string, int>& turns) {
  std::vector<int> items;
  while (const int* front = turns.front()) {
    items.push_back(*front);
    EXPECT_EQ(turns.pop(), items.back());
  }
  return items;
}

TEST(TurnsTest, OneIsServedInOrder) {
  Turns<std::string, int> turns;
  EXPECT_EQ(turns.front(), nullptr);
  EXPECT_EQ(turns.pop(), std::nullopt);
  for (int i = 1; i <= 3; ++i) turns.push("a", i);
  EXPECT_EQ(turns.size(), 3u);
  EXPECT_THAT(all_of(turns), ElementsAre(1, 2, 3));
  EXPECT_EQ(turns.size(), 0u);
}

TEST(TurnsTest, OneWithManyHoldsUpNobodyElse) {
  Turns<std::string, int> turns;
  for (int i = 10; i < 14; ++i) turns.push("many", i);
  turns.push("one", 20);
  turns.push("two", 30);
  turns.push("two", 31);
  EXPECT_THAT(all_of(turns), ElementsAre(10, 20, 30, 11, 31, 12, 13));
}

TEST(TurnsTest, WhoComesBackWaitsBehindTheOthers) {
  Turns<std::string, int> turns;
  turns.push("a", 1);
  turns.push("b", 2);
  EXPECT_EQ(turns.pop(), 1);
  turns.push("a", 3);
  EXPECT_THAT(all_of(turns), ElementsAre(2, 3));
}

}  // namespace
}  // namespace rhooks::rest

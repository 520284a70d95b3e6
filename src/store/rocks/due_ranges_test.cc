#include "store/rocks/due_ranges.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace rhooks::store::rocks {
namespace {

// Of several flows.
const Lane kLane{1, 0};
const Lane kOtherLane{2, 0};
const Lane kFlowLane{1, 2};

using Islands = std::map<std::string, std::string>;

std::string numbered(std::size_t n) {
  return std::to_string(10'000 + n);
}

class DueRangesTest : public ::testing::Test {
 protected:
  // As after claims of all up to there, some of which waits.
  void wait_before(const std::string& rest) {
    ranges_.rest = rest;
    ranges_.wait_in(kLane, "0");
  }
  bool covers(const std::string& entry) const {
    if (entry >= ranges_.rest) return true;
    for (const auto& [from, to] : ranges_.islands) {
      if (entry >= from && entry <= to) return true;
    }
    return false;
  }

  DueRanges ranges_;
};

TEST_F(DueRangesTest, AllIsToBeLookedAtAtFirst) {
  EXPECT_TRUE(covers(""));
  ranges_.add_unseen("a", "b");
  EXPECT_EQ(ranges_.rest, "");
  EXPECT_TRUE(ranges_.islands.empty());
  EXPECT_FALSE(ranges_.visit(kLane));
}

TEST_F(DueRangesTest, WhereNothingWaitsTheRestBeginsEarlier) {
  ranges_.rest = "m";
  ranges_.add_unseen("c", "d");
  EXPECT_EQ(ranges_.rest, "c");
  EXPECT_TRUE(ranges_.islands.empty());
}

TEST_F(DueRangesTest, WhereSomethingWaitsIslandsArise) {
  wait_before("m");
  ranges_.add_unseen("c", "d");
  ranges_.add_unseen("f", "f");
  ranges_.add_unseen("n", "o");
  ranges_.add_unseen("c", "e");
  ranges_.add_unseen("c", "c");
  EXPECT_EQ(ranges_.rest, "m");
  EXPECT_EQ(ranges_.islands, (Islands{{"c", "e"}, {"f", "f"}}));
  ranges_.add_unseen("e", "m");
  EXPECT_EQ(ranges_.rest, "e") << "it reaches the rest";
  EXPECT_EQ(ranges_.islands, (Islands{{"c", "e"}}));
}

TEST_F(DueRangesTest, TheLaterHalfOfTooManyIslandsJoinsTheRest) {
  wait_before("z");
  constexpr std::size_t kMax = DueRanges::kIslandsMax;
  for (std::size_t i = 0; i < kMax; ++i) ranges_.add_unseen(numbered(2 * i), numbered(2 * i));
  EXPECT_EQ(ranges_.islands.size(), kMax);
  EXPECT_EQ(ranges_.rest, "z");
  ranges_.add_unseen(numbered(1), numbered(1));
  EXPECT_EQ(ranges_.islands.size(), kMax / 2 + 1);
  EXPECT_EQ(ranges_.rest, numbered(kMax));
  EXPECT_TRUE(covers(numbered(1)));
  EXPECT_FALSE(covers(numbered(3)));
  for (std::size_t i = 0; i < kMax; ++i) EXPECT_TRUE(covers(numbered(2 * i))) << i;
}

TEST_F(DueRangesTest, OneTooManyMayJoinTheRestItself) {
  wait_before("z");
  constexpr std::size_t kMax = DueRanges::kIslandsMax;
  for (std::size_t i = 0; i < kMax; ++i) ranges_.add_unseen(numbered(i), numbered(i));
  ranges_.add_unseen(numbered(kMax), numbered(kMax));
  EXPECT_EQ(ranges_.islands.size(), kMax / 2);
  EXPECT_TRUE(covers(numbered(kMax)));
}

TEST_F(DueRangesTest, ALaneIsFromTheFirstToTheLastThatWaits) {
  for (const char* const entry : {"f", "c", "k", "d"}) ranges_.wait_in(kLane, entry);
  ranges_.wait_in(kOtherLane, "x");
  EXPECT_EQ(ranges_.lanes.at(kLane).from, "c");
  EXPECT_EQ(ranges_.lanes.at(kLane).to, "k");
  EXPECT_EQ(ranges_.lanes.at(kOtherLane).from, "x");
  EXPECT_EQ(ranges_.lanes.at(kOtherLane).to, "x");
}

TEST_F(DueRangesTest, ALaneIsLookedIntoFromItsBeginningAndOnceAtATime) {
  ranges_.wait_in(kLane, "c");
  ranges_.wait_in(kLane, "k");
  EXPECT_TRUE(ranges_.visit(kLane));
  EXPECT_EQ(ranges_.lanes.at(kLane).visit->at, "c");
  ranges_.lanes.at(kLane).visit = DueRanges::Visit{"h", false};
  EXPECT_TRUE(ranges_.visit(kLane));
  EXPECT_EQ(ranges_.lanes.at(kLane).visit->at, "c");
  EXPECT_TRUE(ranges_.lanes.at(kLane).visit->solid);
  EXPECT_EQ(ranges_.visits.size(), 1U);
  EXPECT_FALSE(ranges_.visit(kOtherLane));
}

TEST_F(DueRangesTest, WhatComesToWaitWhereALaneWasLookedThroughIsMetAllTheSame) {
  ranges_.wait_in(kLane, "c");
  ranges_.wait_in(kLane, "k");
  EXPECT_TRUE(ranges_.visit(kLane));
  ranges_.lanes.at(kLane).visit->at = "h";
  ranges_.wait_in(kLane, "i");
  EXPECT_EQ(ranges_.lanes.at(kLane).visit->at, "h");
  ranges_.wait_in(kLane, "e");
  EXPECT_EQ(ranges_.lanes.at(kLane).visit->at, "e");
  ranges_.wait_in(kLane, "a");
  EXPECT_EQ(ranges_.lanes.at(kLane).visit->at, "a");
  EXPECT_EQ(ranges_.lanes.at(kLane).from, "a");
}

TEST_F(DueRangesTest, TheFirstOfAFlowAreKeptOneByOneInWhateverOrderTheyCome) {
  constexpr std::size_t kMax = DueRanges::kEntriesOfLaneMax;
  for (std::size_t i = 0; i <= kMax; ++i) ranges_.wait_in(kFlowLane, numbered(2 * i));
  const DueRanges::Range& range = ranges_.lanes.at(kFlowLane);
  EXPECT_EQ(range.from, numbered(2 * kMax));
  ranges_.wait_in(kFlowLane, numbered(3));
  EXPECT_EQ(range.entries.size(), kMax);
  EXPECT_TRUE(range.entries.contains(numbered(3)));
  EXPECT_EQ(range.from, numbered(2 * kMax - 2)) << "the last of them goes";
  ranges_.wait_in(kFlowLane, numbered(2 * kMax - 3));
  EXPECT_EQ(range.from, numbered(2 * kMax - 3));
  EXPECT_EQ(range.to, numbered(2 * kMax));
  EXPECT_LT(*range.entries.rbegin(), range.from);
  ranges_.forget_lanes();
  EXPECT_EQ(ranges_.rest, "") << "it was never looked at";
}

TEST_F(DueRangesTest, SomethingBeforeAnEntryMayBeUnseen) {
  wait_before("m");
  EXPECT_FALSE(ranges_.unseen_before("c"));
  EXPECT_FALSE(ranges_.unseen_before("m"));
  EXPECT_TRUE(ranges_.unseen_before("n"));
  ranges_.add_unseen("c", "d");
  EXPECT_FALSE(ranges_.unseen_before("c"));
  EXPECT_TRUE(ranges_.unseen_before("d"));
}

TEST_F(DueRangesTest, AllOfALaneMayWaitInAnother) {
  ranges_.wait_in(kLane, "c");
  ranges_.wait_in(kLane, "k");
  ranges_.wait_in(kOtherLane, "e");
  EXPECT_TRUE(ranges_.visit(kOtherLane));
  ranges_.move(kLane, kOtherLane);
  EXPECT_FALSE(ranges_.lanes.contains(kLane));
  EXPECT_EQ(ranges_.lanes.at(kOtherLane).from, "c");
  EXPECT_EQ(ranges_.lanes.at(kOtherLane).to, "k");
  EXPECT_EQ(ranges_.lanes.at(kOtherLane).visit->at, "c");
  ranges_.move(kLane, kOtherLane);
  EXPECT_EQ(ranges_.lanes.size(), 1U);
  ranges_.move(kOtherLane, kLane);
  EXPECT_EQ(ranges_.lanes.at(kLane).from, "c");
}

TEST_F(DueRangesTest, WhatWaitedInLanesThatAreForgottenIsOfTheRest) {
  ranges_.rest = "m";
  ranges_.wait_in(kLane, "f");
  ranges_.wait_in(kLane, "h");
  ranges_.wait_in(kOtherLane, "d");
  ranges_.add_unseen("e", "e");
  EXPECT_TRUE(ranges_.visit(kLane));
  ranges_.forget_lanes();
  EXPECT_EQ(ranges_.rest, "d");
  EXPECT_TRUE(ranges_.islands.empty());
  EXPECT_TRUE(ranges_.lanes.empty());
  EXPECT_TRUE(ranges_.visits.empty());
}

TEST_F(DueRangesTest, IslandsOfForgottenLanesAreOfTheRest) {
  ranges_.rest = "m";
  ranges_.wait_in(kLane, "f");
  ranges_.add_unseen("c", "d");
  ranges_.add_unseen("b", "b");
  ranges_.forget_lanes();
  EXPECT_EQ(ranges_.rest, "b");
  EXPECT_TRUE(ranges_.islands.empty());
}

TEST_F(DueRangesTest, TheFirstThatWaitInALaneOfAFlowAreKnownOneByOne) {
  constexpr std::size_t kMax = DueRanges::kEntriesOfLaneMax;
  for (std::size_t i = 0; i < kMax + 3; ++i) ranges_.wait_in(kFlowLane, numbered(2 * i));
  DueRanges::Range& lane = ranges_.lanes.at(kFlowLane);
  EXPECT_EQ(lane.entries.size(), kMax);
  EXPECT_EQ(lane.from, numbered(2 * kMax));
  EXPECT_EQ(lane.to, numbered(2 * kMax + 4));
  EXPECT_EQ(lane.first(), numbered(0));

  ranges_.drop_first(lane);
  EXPECT_EQ(lane.first(), numbered(2));
  ranges_.wait_in(kFlowLane, numbered(2 * kMax + 6));  // behind the others
  EXPECT_EQ(lane.to, numbered(2 * kMax + 6));
  ranges_.wait_in(kFlowLane, numbered(1));
  ranges_.wait_in(kFlowLane, numbered(1));
  EXPECT_EQ(lane.entries.size(), kMax);
  EXPECT_EQ(lane.first(), numbered(1));
  ranges_.wait_in(kFlowLane, numbered(0));  // the last of them makes room
  EXPECT_EQ(lane.entries.size(), kMax);
  EXPECT_EQ(lane.from, numbered(2 * kMax - 2));
  EXPECT_EQ(lane.first(), numbered(0));

  ranges_.rest = "z";
  ranges_.forget_lanes();
  EXPECT_EQ(ranges_.rest, numbered(0));
}

TEST_F(DueRangesTest, EntriesOfALaneMayWaitInAnother) {
  for (const char* const entry : {"f", "c"}) ranges_.wait_in(kFlowLane, entry);
  ranges_.wait_in(kLane, "e");
  ranges_.move(kFlowLane, kLane);
  EXPECT_EQ(ranges_.lanes.at(kLane).from, "c");
  EXPECT_EQ(ranges_.lanes.at(kLane).to, "f");
  EXPECT_TRUE(ranges_.lanes.at(kLane).entries.empty());
}

TEST_F(DueRangesTest, LookingAtAllKeepsWhatWaits) {
  wait_before("m");
  ranges_.add_unseen("c", "d");
  ranges_.look_at_all();
  EXPECT_TRUE(covers(""));
  EXPECT_TRUE(ranges_.islands.empty());
  EXPECT_TRUE(ranges_.visit(kLane));
}

}  // namespace
}  // namespace rhooks::store::rocks

#include "store/rocks/index_heads.h"

#include <gtest/gtest.h>

namespace rhooks::store::rocks {
namespace {

TEST(IndexHeadsTest, APrefixBeginsWithItselfUntilMoreIsKnown) {
  IndexHeads heads;
  EXPECT_EQ(heads.begin(heads.look(), "a:"), "a:");
  heads.found(heads.look(), "a:", "a:5");
  EXPECT_EQ(heads.begin(heads.look(), "a:"), "a:5");
  EXPECT_EQ(heads.begin(heads.look(), "b:"), "b:");
}

TEST(IndexHeadsTest, WhatIsAddedBeforeTheBeginningBecomesTheBeginning) {
  IndexHeads heads;
  for (const char* prefix : {"a:", "b:", "c:"}) {
    heads.found(heads.look(), prefix, std::string(prefix) + "5");
  }
  {
    IndexHeads::Adding adding(heads);
    EXPECT_TRUE(adding.any());
    for (const char* key : {"b:7", "b:3", "b:4", "d:1", "a"}) adding.add(key);
  }
  EXPECT_EQ(heads.begin(heads.look(), "a:"), "a:5");
  EXPECT_EQ(heads.begin(heads.look(), "b:"), "b:3");
  EXPECT_EQ(heads.begin(heads.look(), "c:"), "c:5");
}

TEST(IndexHeadsTest, NothingIsNotedOfALookBesideAWriter) {
  IndexHeads heads;
  {
    IndexHeads::Adding adding(heads);  // its entry may be seen by the snapshot, or not
    EXPECT_FALSE(adding.any());
    heads.found(heads.look(), "a:", "a:5");
    EXPECT_EQ(heads.begin(heads.look(), "a:"), "a:");
  }
  const auto before = heads.look();
  IndexHeads::Adding(heads).add("a:3");
  heads.found(before, "a:", "a:5");
  EXPECT_EQ(heads.begin(heads.look(), "a:"), "a:");
  heads.found(heads.look(), "a:", "a:3");
  EXPECT_EQ(heads.begin(heads.look(), "a:"), "a:3");
}

TEST(IndexHeadsTest, ForgetsAllAndWhatWasLookedAtBefore) {
  IndexHeads heads;
  heads.found(heads.look(), "a:", "a:5");
  const auto before = heads.look();
  heads.forget();
  EXPECT_EQ(heads.begin(heads.look(), "a:"), "a:");
  heads.found(before, "a:", "a:5");
  EXPECT_EQ(heads.begin(heads.look(), "a:"), "a:");
}

// The other one's snapshot may be later, and lack what a delivery took away since the look.
TEST(IndexHeadsTest, WhatOthersFoundSinceTheLookSaysNothing) {
  IndexHeads heads;
  heads.found(heads.look(), "a:", "a:1");
  const auto look = heads.look();
  EXPECT_EQ(heads.begin(look, "a:"), "a:1");
  heads.found(heads.look(), "a:", "a:5");
  EXPECT_EQ(heads.begin(look, "a:"), "a:");
  EXPECT_EQ(heads.begin(heads.look(), "a:"), "a:5");
}

TEST(IndexHeadsTest, IsBounded) {
  IndexHeads heads;
  for (int i = 0; i < 1'100; ++i) {
    const std::string prefix = std::to_string(10'000 + i) + ":";
    heads.found(heads.look(), prefix, prefix + "5");
  }
  EXPECT_EQ(heads.begin(heads.look(), "10000:"), "10000:");
  EXPECT_EQ(heads.begin(heads.look(), "11099:"), "11099:5");
}

}  // namespace
}  // namespace rhooks::store::rocks

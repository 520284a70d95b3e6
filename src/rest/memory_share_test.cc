#include "rest/memory_share.h"

#include <gtest/gtest.h>

#include <deque>

namespace rhooks::rest {
namespace {

constexpr std::size_t kMax = 16u << 20;
constexpr std::size_t kLittle = MemoryPool::kLittleBytes;

class MemoryShareTest : public ::testing::Test {
 protected:
  MemoryShareTest() { pool_.max = kMax; }

  MemoryPool pool_;
  std::atomic<std::size_t> one_{0};
  std::atomic<std::size_t> other_{0};
};

TEST_F(MemoryShareTest, OnePeerGetsHalf) {
  MemoryShare first(pool_, one_);
  MemoryShare second(pool_, one_);
  EXPECT_TRUE(first.resize(kMax / 2 - kLittle));
  EXPECT_FALSE(second.fits(kLittle + 1));
  EXPECT_FALSE(second.resize(kLittle + 1));
  EXPECT_TRUE(second.fits(kLittle));
  EXPECT_TRUE(second.resize(kLittle));
  EXPECT_EQ(one_, kMax / 2);
  MemoryShare others(pool_, other_);
  EXPECT_TRUE(others.resize(1u << 20));
  first.release();
  EXPECT_EQ(one_, kLittle);
  EXPECT_EQ(pool_.used, (1u << 20) + kLittle);
  EXPECT_TRUE(second.resize(kMax / 4));
}

TEST_F(MemoryShareTest, ThoseOfAPeerWhoHoldLittleGetAQuarterMore) {
  MemoryShare large(pool_, one_);
  ASSERT_TRUE(large.resize(kMax / 2));
  std::deque<MemoryShare> little;
  for (std::size_t held = 0; held < kMax / 4; held += kLittle) {
    EXPECT_TRUE(little.emplace_back(pool_, one_).resize(kLittle)) << held;
  }
  EXPECT_FALSE(little.emplace_back(pool_, one_).resize(1));
  MemoryShare others(pool_, other_);
  EXPECT_TRUE(others.resize(kLittle));
}

TEST_F(MemoryShareTest, TheLastEighthIsForThoseWhoHoldLittle) {
  MemoryShare large(pool_, one_);
  MemoryShare more(pool_, other_);
  ASSERT_TRUE(large.resize(kMax / 2));
  EXPECT_FALSE(more.fits(kMax / 2));
  EXPECT_FALSE(more.resize(kMax / 2 - kMax / 8 + 1));
  EXPECT_TRUE(more.resize(kMax / 2 - kMax / 8));
  EXPECT_FALSE(more.resize(kMax / 2 - kMax / 8 + 1));
  std::atomic<std::size_t> third{0};
  MemoryShare little(pool_, third);
  EXPECT_TRUE(little.fits(kLittle));
  EXPECT_FALSE(little.fits(kLittle + 1));
  EXPECT_TRUE(little.resize(kLittle));
}

TEST_F(MemoryShareTest, WhatIsThereCountsThoughItDoesNotFit) {
  {
    MemoryShare told(pool_, one_);
    told.hold(2 * kMax);
    EXPECT_EQ(pool_.used, 2 * kMax);
    MemoryShare others(pool_, other_);
    EXPECT_FALSE(others.fits(1));
    EXPECT_FALSE(others.resize(1));
    told.hold(kMax / 4);
    EXPECT_TRUE(others.resize(1));
  }
  EXPECT_EQ(pool_.used, 0u);
  EXPECT_EQ(one_, 0u);
  EXPECT_EQ(other_, 0u);
}

}  // namespace
}  // namespace rhooks::rest

#include "engine/triggers.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace rhooks::engine {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kNow{1'000s};

class TriggersTest : public ::testing::Test {
 protected:
  Slots::Number acquire() { return slots.acquire(0, {1, 1}); }

  Slots slots{4};
  Triggers triggers;
};

TEST_F(TriggersTest, WithoutOneNothingIsWanted) {
  EXPECT_TRUE(triggers.empty());
  const auto want = triggers.wanted(kNow);
  EXPECT_FALSE(want.due_by);
  EXPECT_FALSE(want.unclaimed);
}

TEST_F(TriggersTest, OneIsDoneWhenNothingWasThereToClaim) {
  const auto one = triggers.begin(kNow);
  const auto want = triggers.wanted(kNow + 1s);
  EXPECT_EQ(want.due_by, kNow);
  EXPECT_TRUE(want.unclaimed);
  EXPECT_FALSE(triggers.returned(slots));
  EXPECT_TRUE(triggers.claimed(want.through, kTimeMax, slots));
  EXPECT_TRUE(triggers.done(one));
  EXPECT_FALSE(triggers.wanted(kNow).due_by);
  const auto result = triggers.end(one);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->processed, 0);
  EXPECT_TRUE(triggers.empty());
}

TEST_F(TriggersTest, OneWaitsForTheSlotsThatWereTakenUntilAllWasClaimed) {
  const auto one = triggers.begin(kNow);
  const auto first = acquire();
  const auto second = acquire();
  EXPECT_FALSE(triggers.claimed(one, kTimeMax, slots));
  EXPECT_FALSE(triggers.wanted(kNow).unclaimed);
  const auto later = acquire();
  slots.release(second, FlowEnding::kQuick);
  EXPECT_FALSE(triggers.returned(slots));
  slots.release(first, FlowEnding::kQuick);
  EXPECT_TRUE(triggers.returned(slots));
  EXPECT_TRUE(triggers.done(one));
  EXPECT_FALSE(triggers.returned(slots));  // no news
  slots.release(later, FlowEnding::kQuick);
}

TEST_F(TriggersTest, AClaimThatBeganBeforeOneWasCalledDoesNotCountForIt) {
  const auto before = triggers.begin(kNow);
  const auto want = triggers.wanted(kNow);
  const auto after = triggers.begin(kNow);
  EXPECT_TRUE(triggers.claimed(want.through, kTimeMax, slots));
  EXPECT_TRUE(triggers.done(before));
  EXPECT_FALSE(triggers.done(after));
}

TEST_F(TriggersTest, OneIsDoneWhereOnlyWhatIsDueLaterIsUnclaimed) {
  const auto early = triggers.begin(kNow);
  const auto late = triggers.begin(kNow + 2s);
  EXPECT_FALSE(triggers.claimed(late, kNow, slots));  // due at that moment, and not claimed
  EXPECT_TRUE(triggers.claimed(late, kNow + 1s, slots));
  EXPECT_TRUE(triggers.done(early));
  EXPECT_FALSE(triggers.done(late));
  EXPECT_EQ(triggers.wanted(kNow + 3s).due_by, kNow + 2s);
}

TEST_F(TriggersTest, WithTheClockSetBackNothingIsWantedBeforeItsTime) {
  triggers.begin(kNow);
  EXPECT_EQ(triggers.wanted(kNow - 1s).due_by, kNow - 1s);
}

TEST_F(TriggersTest, OutcomesOfWhatWasDueAreCounted) {
  const auto one = triggers.begin(kNow);
  triggers.recorded(kNow, true);
  triggers.recorded(kNow - 1s, false);
  triggers.recorded(kNow + 1ms, false);  // a retry, for example
  EXPECT_EQ(triggers.so_far(one).processed, 2);
  EXPECT_EQ(triggers.so_far(one).errors, 1);
}

TEST_F(TriggersTest, AnErrorEndsThoseThatAreNotDone) {
  const auto done = triggers.begin(kNow);
  ASSERT_TRUE(triggers.claimed(done, kTimeMax, slots));
  const auto open = triggers.begin(kNow);
  triggers.fail_all({ErrorCode::kUnavailable, "no", {}});
  EXPECT_TRUE(triggers.done(open));
  EXPECT_TRUE(triggers.end(done));
  const auto result = triggers.end(open);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "no");
}

}  // namespace
}  // namespace rhooks::engine

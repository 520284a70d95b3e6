#include "engine/flow_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "testing/test_seed.h"

namespace rhooks::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAny = 100'000;

Flow flow_to(std::uint64_t receiver, std::uint64_t ns = 1) {
  return {ns, receiver};
}

Flow flow_of_endpoint(std::uint64_t endpoint, std::uint64_t receiver, std::uint64_t ns = 1) {
  return {ns, receiver, endpoint};
}

// These are paused, all of one namespace, and no others.
void pause_only(FlowTable& table, const std::vector<std::uint64_t>& endpoints) {
  std::vector<model::LimitsOf> limits;
  for (const std::uint64_t endpoint : endpoints) limits.push_back({1, endpoint, {.paused = true}});
  table.set_endpoints(limits);
}

class FlowTableTest : public ::testing::Test {
 protected:
  // Begins attempts of the flow until it is refused, and so waits, or there are so many.
  std::size_t begin(const Flow& flow, std::size_t most = kAny) {
    std::size_t begun = 0;
    while (begun < most && !table_.refuse(flow)) {
      table_.claimed(flow);
      ++begun;
    }
    table_.claim_ended();
    return begun;
  }
  // Of so many receivers, from `first` on.
  std::size_t begin_each(std::uint64_t first, std::size_t receivers, std::size_t most = kAny) {
    std::size_t begun = 0;
    for (std::size_t i = 0; i < receivers; ++i) begun += begin(flow_to(first + i), most);
    return begun;
  }
  void end(const Flow& flow, FlowEnding ending, std::size_t count = 1) {
    for (std::size_t i = 0; i < count; ++i) table_.done(flow, ending);
  }
  void end_each(std::uint64_t first, std::size_t receivers, FlowEnding ending) {
    for (std::size_t i = 0; i < receivers; ++i) end(flow_to(first + i), ending);
  }
  void attempt(const Flow& flow, FlowEnding ending) {
    ASSERT_EQ(begin(flow, 1), 1u);
    end(flow, ending);
  }
  void attempt_each(std::uint64_t first, std::size_t receivers, FlowEnding ending) {
    for (std::size_t i = 0; i < receivers; ++i) attempt(flow_to(first + i), ending);
  }
  // Has answered so often that its window is no limit.
  void make_quick(const Flow& flow) {
    for (std::size_t i = 0; i < kSlots; ++i) attempt(flow, FlowEnding::kQuick);
  }
  void expect_refused(const Flow& flow, const Lane& lane, bool closed = true) {
    EXPECT_FALSE(table_.passes(flow));
    const auto refusal = table_.refuse(flow);
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->lane, lane);
    EXPECT_EQ(refusal->others != store::FlowGate::Refusal::kOthersMayPass, closed);
  }
  void expect_waits(const Flow& flow) { expect_refused(flow, Lane::of(flow)); }
  void expect_none_open() {
    EXPECT_FALSE(table_.next_open());
    EXPECT_FALSE(table_.any_open());
  }
  void expect_open(const std::vector<Lane>& lanes) {
    for (const Lane& lane : lanes) {
      EXPECT_TRUE(table_.any_open());
      EXPECT_EQ(table_.next_open(), lane);
    }
    expect_none_open();
  }
  static Lane lane_to(std::uint64_t receiver) { return Lane::of(flow_to(receiver)); }

  static constexpr std::size_t kSlots = 64;
  static constexpr std::size_t kFailing = 16, kUntried = 32, kSlow = 48;  // and those before
  static constexpr std::size_t kFloor = 2, kBeyondWindows = 8;
  static constexpr std::size_t kLastEighth = 56, kLastSixteenth = 60;  // from there on
  static constexpr Lane kShared{1, 0};
  FlowTable table_{kSlots};
};

TEST_F(FlowTableTest, AnAttemptEndsQuicklyOrIsAnsweredOrIsNot) {
  model::AttemptOutcome outcome;
  outcome.duration = 999ms;
  EXPECT_EQ(ending_of(outcome), FlowEnding::kQuick);
  outcome.duration = 1s;
  EXPECT_EQ(ending_of(outcome), FlowEnding::kNoAnswer);
  outcome.response = Response{500, {}, "", false};
  EXPECT_EQ(ending_of(outcome), FlowEnding::kSlow);
}

TEST_F(FlowTableTest, ThoseThatWereNotTriedHaveAHalf) {
  EXPECT_EQ(begin_each(1, 40), kUntried);
  expect_refused(flow_to(17), kShared);
  expect_waits(flow_to(1));
}

TEST_F(FlowTableTest, ThoseThatDoNotAnswerHaveAQuarterOneEach) {
  attempt_each(1, 20, FlowEnding::kNoAnswer);
  EXPECT_EQ(begin_each(1, 20), kFailing);
  expect_waits(flow_to(20));
  EXPECT_EQ(begin_each(100, 40), kUntried - kFailing);  // of a half together
}

TEST_F(FlowTableTest, ThoseThatAnswerSlowlyHaveThreeQuarters) {
  attempt_each(1, 40, FlowEnding::kSlow);
  EXPECT_EQ(begin_each(1, 40), kSlow);
  expect_waits(flow_to(40));
  EXPECT_EQ(begin_each(100, 40), kLastEighth - kSlow);  // what those leave of it
}

TEST_F(FlowTableTest, ThoseThatAnswerQuicklyHaveAllButTwoEachOfTheLastEighth) {
  for (const std::uint64_t receiver : {1, 2, 3}) make_quick(flow_to(receiver));
  EXPECT_EQ(begin(flow_to(1)), kLastEighth);
  expect_waits(flow_to(1));
  EXPECT_EQ(begin(flow_to(2)), 2u);
  expect_waits(flow_to(2));
  EXPECT_EQ(begin(flow_to(3)), 2u);
  EXPECT_FALSE(table_.passes(flow_to(100)));
  expect_refused(flow_to(100), kShared);
}

// However busy those are that answer quickly.
TEST_F(FlowTableTest, EachOtherKindHasAThirtySecondInAnyCase) {
  attempt_each(11, 3, FlowEnding::kNoAnswer);
  attempt_each(21, 3, FlowEnding::kSlow);
  make_quick(flow_to(1, 2));
  EXPECT_EQ(begin(flow_to(1, 2)), kLastEighth);
  EXPECT_EQ(begin_each(11, 3, 1), kFloor);
  EXPECT_EQ(begin_each(21, 3, 1), kFloor);
  EXPECT_EQ(begin_each(31, 3, 1), kFloor);
  expect_waits(flow_to(13));
  expect_waits(flow_to(23));
  expect_refused(flow_to(33), kShared);
  end(flow_to(11), FlowEnding::kNoAnswer);
  expect_open({lane_to(13)});
  end(flow_to(31), FlowEnding::kNoAnswer);
  expect_open({kShared});
}

// The last sixteenth is for namespaces that have less than an equal share.
TEST_F(FlowTableTest, ANamespaceHasNotMoreThanItsShareOfTheLastSixteenth) {
  attempt_each(1, 31, FlowEnding::kQuick);
  for (const std::uint64_t ns : {2, 3}) attempt(flow_to(1, ns), FlowEnding::kQuick);
  EXPECT_EQ(begin_each(1, 30, 2), kLastSixteenth);
  expect_refused(flow_to(31), Lane{1, 0});
  EXPECT_EQ(begin(flow_to(1, 2)), 2u);
  EXPECT_EQ(begin(flow_to(1, 3)), 1u);  // of the last ones each has its first only

  end_each(1, 3, FlowEnding::kQuick);
  expect_none_open();
  end(flow_to(4), FlowEnding::kQuick);
  expect_open({Lane{1, 0}, Lane{3, 0}});
  EXPECT_EQ(begin(flow_to(31)), 1u);
  expect_refused(flow_to(31), Lane{1, 0});
}

TEST_F(FlowTableTest, AWindowGrowsByAnswersAndIsHalvedWithoutOne) {
  const Flow flow = flow_to(1);
  EXPECT_EQ(begin(flow), 2u);
  expect_waits(flow);
  end(flow, FlowEnding::kQuick, 2);
  EXPECT_EQ(begin(flow), 4u);
  end(flow, FlowEnding::kSlow, 4);
  EXPECT_EQ(begin(flow), 8u);
  end(flow, FlowEnding::kNoAnswer);  // 4
  end(flow, FlowEnding::kNotMade, 4);
  EXPECT_EQ(begin(flow), 1u);
  end(flow, FlowEnding::kNoAnswer);  // 2
  end(flow, FlowEnding::kNoAnswer);  // 1: it fails
  end(flow, FlowEnding::kNotMade, 2);
  attempt(flow_to(2), FlowEnding::kNoAnswer);
  EXPECT_EQ(begin(flow_to(2)), kBeyondWindows);  // while there are no others of its kind
  EXPECT_EQ(begin(flow), 1u);
  end(flow, FlowEnding::kNoAnswer);
  EXPECT_EQ(begin(flow), 1u);
  end(flow, FlowEnding::kQuick);
  EXPECT_EQ(begin(flow), 2u);
}

TEST_F(FlowTableTest, OneThatIsNotAnsweredAtFirstFails) {
  EXPECT_EQ(begin(flow_to(1)), 2u);
  end(flow_to(1), FlowEnding::kNoAnswer);
  attempt_each(2, kFailing - 1, FlowEnding::kNoAnswer);
  EXPECT_EQ(begin_each(2, kFailing - 1), kFailing - 1);
  end(flow_to(1), FlowEnding::kNoAnswer);
  EXPECT_EQ(begin(flow_to(1)), 1u);  // of the quarter
}

TEST_F(FlowTableTest, OneThatAnswersAgainIsOneOfTheQuarterNoMore) {
  attempt_each(1, kFailing + 1, FlowEnding::kNoAnswer);
  EXPECT_EQ(begin_each(1, kFailing, 1), kFailing);
  expect_waits(flow_to(kFailing + 1));
  end(flow_to(1), FlowEnding::kSlow);
  EXPECT_EQ(begin(flow_to(1)), 2u);
  expect_open({lane_to(kFailing + 1)});
}

TEST_F(FlowTableTest, PlacesOfAClaimAreFreeAgainWhereNothingWasClaimed) {
  const auto fill = [&] {
    std::size_t given = 0;
    for (std::uint64_t receiver = 1; receiver <= kUntried; ++receiver) {
      for (int i = 0; i < 3; ++i) given += table_.refuse(flow_to(receiver)) ? 0 : 1;
    }
    return given;
  };
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(fill(), kUntried);
    expect_refused(flow_to(100), kShared);
    table_.claim_ended();
  }
  table_.empty_all();
  EXPECT_EQ(begin_each(1, kUntried), kUntried);
}

TEST_F(FlowTableTest, OnlyWhatWasClaimedKeepsItsPlace) {
  EXPECT_FALSE(table_.refuse(flow_to(1)));
  EXPECT_FALSE(table_.refuse(flow_to(1)));
  table_.claimed(flow_to(1));
  EXPECT_FALSE(table_.passes(flow_to(1)));
  expect_waits(flow_to(1));
  expect_none_open();
  table_.claim_ended();
  expect_open({lane_to(1)});
  EXPECT_EQ(begin(flow_to(1)), 1u);
}

TEST_F(FlowTableTest, AnAttemptMayEndBeforeItsClaimDoes) {
  EXPECT_FALSE(table_.refuse(flow_to(1)));
  EXPECT_FALSE(table_.refuse(flow_to(1)));
  table_.claimed(flow_to(1));
  table_.claimed(flow_to(1));
  end(flow_to(1), FlowEnding::kQuick, 2);
  table_.claim_ended();
  EXPECT_EQ(begin(flow_to(1)), 4u);
}

// By a store that asks no gate.
TEST_F(FlowTableTest, WhatWasClaimedWithoutAskingCountsAsWell) {
  for (int i = 0; i < 3; ++i) table_.claimed(flow_to(1));
  table_.claim_ended();
  expect_waits(flow_to(1));
  end(flow_to(1), FlowEnding::kNotMade);
  expect_none_open();
  end(flow_to(1), FlowEnding::kNotMade);
  expect_open({lane_to(1)});
}

TEST_F(FlowTableTest, AFlowThatWaitsForItsWindowIsOpenedOnceByAnEnd) {
  EXPECT_EQ(begin(flow_to(1)), 2u);
  expect_waits(flow_to(1));
  expect_waits(flow_to(1));
  expect_none_open();
  end(flow_to(1), FlowEnding::kQuick);
  expect_open({lane_to(1)});
  end(flow_to(1), FlowEnding::kQuick);
  expect_none_open();  // it is open, until it is refused again

  EXPECT_EQ(begin(flow_to(1)), 4u);
  expect_waits(flow_to(1));
  end(flow_to(1), FlowEnding::kQuick);
  expect_open({lane_to(1)});
}

TEST_F(FlowTableTest, ThoseThatFailTakeTurns) {
  attempt_each(1, kFailing + 3, FlowEnding::kNoAnswer);
  EXPECT_EQ(begin_each(1, kFailing, 1), kFailing);
  expect_waits(flow_to(17));
  expect_waits(flow_to(18));
  expect_waits(flow_to(19));
  expect_waits(flow_to(1));  // for its own
  expect_none_open();

  end(flow_to(1), FlowEnding::kNoAnswer);
  expect_open({lane_to(17), lane_to(18), lane_to(19), lane_to(1)});
  EXPECT_EQ(begin(flow_to(17)), 1u);
  for (const std::uint64_t receiver : {18, 19, 1}) expect_waits(flow_to(receiver));
  expect_none_open();

  expect_waits(flow_to(2));
  end(flow_to(2), FlowEnding::kNotMade);
  expect_open({lane_to(18), lane_to(19), lane_to(1), lane_to(2)});
}

// One that is slow has three quarters, a hundred that are quick all that is left to namespaces with
// less than an equal share: another namespace finds a place all the same.
TEST_F(FlowTableTest, ThereIsAPlaceForANamespaceThatHasNone) {
  for (std::size_t i = 0; i < kSlots; ++i) attempt(flow_to(1, 2), FlowEnding::kSlow);
  attempt_each(1, 100, FlowEnding::kQuick);
  attempt(flow_to(1, 3), FlowEnding::kQuick);
  EXPECT_EQ(begin(flow_to(1, 2)), kSlow);
  EXPECT_EQ(begin_each(1, 100), kSlots - kSlow - kFloor);
  expect_refused(flow_to(100), kShared);
  EXPECT_EQ(begin(flow_to(1, 3)), 1u);
  EXPECT_EQ(begin(flow_to(1, 4), 1), 1u);  // nor was it tried
}

TEST_F(FlowTableTest, ThoseThatAreSlowTakeTurns) {
  for (std::size_t i = 0; i < kSlots; ++i) attempt(flow_to(1), FlowEnding::kSlow);
  attempt(flow_to(2), FlowEnding::kSlow);
  EXPECT_EQ(begin(flow_to(1), kSlow), kSlow);
  expect_waits(flow_to(2));
  expect_waits(flow_to(1));
  end(flow_to(1), FlowEnding::kSlow);
  expect_open({lane_to(2), lane_to(1)});
  EXPECT_EQ(begin(flow_to(2)), 1u);
}

TEST_F(FlowTableTest, ThoseThatAreQuickTakeTurnsButForTheirPartOfTheLastEighth) {
  make_quick(flow_to(1));
  make_quick(flow_to(2));
  EXPECT_EQ(begin(flow_to(1)), kLastEighth);
  expect_waits(flow_to(1));
  EXPECT_EQ(begin(flow_to(2)), 2u);
  expect_waits(flow_to(2));
  end(flow_to(2), FlowEnding::kQuick);
  expect_open({lane_to(2)});
  EXPECT_EQ(begin(flow_to(2)), 1u);
  expect_waits(flow_to(2));

  end(flow_to(1), FlowEnding::kQuick, 2);
  expect_none_open();
  end(flow_to(1), FlowEnding::kQuick);
  expect_open({lane_to(1), lane_to(2)});
}

TEST_F(FlowTableTest, TheUnknownAreOpenedWhereThereIsRoom) {
  EXPECT_EQ(begin_each(1, 16, 2), kUntried);
  expect_refused(flow_to(17), kShared);
  expect_none_open();
  end(flow_to(1), FlowEnding::kNotMade);
  expect_open({kShared});
  EXPECT_EQ(begin(flow_to(17)), 1u);
  expect_refused(flow_to(18), kShared);
  expect_none_open();
}

// One that became known may have tasks among them, also where none of the others may pass.
TEST_F(FlowTableTest, TheUnknownAreLookedThroughAfterOneBecameKnown) {
  EXPECT_EQ(begin_each(1, 16, 2), kUntried);
  expect_refused(flow_to(17), kShared);
  end(flow_to(1), FlowEnding::kNotMade);
  expect_open({kShared});
  EXPECT_EQ(begin(flow_to(17), 1), 1u);
  expect_refused(flow_to(18), kShared);
  end(flow_to(17), FlowEnding::kQuick);
  EXPECT_EQ(begin(flow_to(19), 1), 1u);  // takes the place of an untried one

  expect_open({kShared});
  expect_refused(flow_to(18), kShared, false);
  EXPECT_EQ(begin(flow_to(17)), 3u);
  expect_waits(flow_to(17));
  end(flow_to(2), FlowEnding::kSlow);  // while they are looked through
  EXPECT_EQ(begin(flow_to(20), 2), 2u);
  expect_none_open();
  table_.looked_through(kShared);
  expect_open({kShared});
  table_.looked_through(kShared);
  expect_none_open();
  expect_refused(flow_to(18), kShared);
}

TEST_F(FlowTableTest, WhatWasEmptiedIsNotOpened) {
  EXPECT_EQ(begin_each(1, 16, 2), kUntried);
  expect_waits(flow_to(1));
  expect_refused(flow_to(17), kShared);
  table_.emptied(lane_to(1));
  table_.emptied(kShared);
  end(flow_to(1), FlowEnding::kQuick);
  expect_none_open();
  expect_waits(flow_to(2));
  end(flow_to(2), FlowEnding::kQuick);
  expect_open({lane_to(2)});
}

TEST_F(FlowTableTest, WhatAllIsAskedForIsOpenedByNothing) {
  attempt_each(1, 31, FlowEnding::kQuick);
  attempt_each(101, 17, FlowEnding::kNoAnswer);
  EXPECT_EQ(begin_each(101, 16, 1), kFailing);
  expect_waits(flow_to(117));
  EXPECT_EQ(begin_each(1, 22, 2), kLastSixteenth - kFailing);
  expect_refused(flow_to(31), Lane{1, 0});
  EXPECT_EQ(begin(flow_to(1, 2)), kFloor);
  expect_refused(flow_to(2, 2), Lane{2, 0});
  table_.empty_all();
  expect_none_open();
  end_each(1, 22, FlowEnding::kQuick);
  end_each(101, 16, FlowEnding::kNoAnswer);
  expect_none_open();
  end_each(1, 22, FlowEnding::kQuick);
  end(flow_to(1, 2), FlowEnding::kQuick, kFloor);
  EXPECT_EQ(begin_each(1001, 40), kUntried);  // all places are free
}

// As with a store that asks for everything each time.
TEST_F(FlowTableTest, NothingStaysOpenForTheUnknownThatWait) {
  EXPECT_EQ(begin_each(1, 16, 2), kUntried);
  expect_refused(flow_to(17), kShared);
  end(flow_to(1), FlowEnding::kQuick, 2);
  EXPECT_TRUE(table_.any_open());
  table_.empty_all();
  EXPECT_EQ(begin(flow_to(17)), 2u);
  expect_refused(flow_to(18), kShared);
  EXPECT_FALSE(table_.any_open());
}

TEST_F(FlowTableTest, FlowsBeyondTheLanesWaitAmongTheUnknown) {
  constexpr std::uint64_t kFirst = 1'000;
  const Flow beyond = flow_to(kFirst + FlowTable::kLanesMax);
  attempt_each(1, kFailing, FlowEnding::kNoAnswer);
  EXPECT_EQ(begin_each(1, kFailing, 1), kFailing);
  for (std::uint64_t i = 0; i < FlowTable::kLanesMax; ++i) {
    attempt(flow_to(kFirst + i), FlowEnding::kNoAnswer);
    expect_waits(flow_to(kFirst + i));
  }
  expect_none_open();
  attempt(beyond, FlowEnding::kNoAnswer);
  EXPECT_EQ(begin_each(101, 8, 2), kUntried - kFailing);
  expect_refused(beyond, kShared, false);
  expect_none_open();

  // Whichever attempt ends, its flow may be among them.
  end(flow_to(1), FlowEnding::kNoAnswer);
  EXPECT_EQ(begin(flow_to(1)), 1u);
  expect_open({kShared});
  expect_refused(beyond, kShared, false);
  table_.looked_through(kShared);
  expect_none_open();
  table_.emptied(lane_to(kFirst));
  expect_waits(beyond);  // there is a lane for it
}

TEST_F(FlowTableTest, WhatIsKnownOfFlowsAtRestIsForgottenBeyondSoMany) {
  attempt_each(1, FlowTable::kKnownMax, FlowEnding::kNoAnswer);
  attempt(flow_to(1), FlowEnding::kNoAnswer);
  attempt(flow_to(FlowTable::kKnownMax + 1), FlowEnding::kNoAnswer);
  EXPECT_EQ(begin(flow_to(1)), kBeyondWindows);  // it fails, and was used lately
  EXPECT_EQ(begin(flow_to(3)), 1u);
  EXPECT_EQ(begin(flow_to(2)), 2u);  // as one that was not tried yet
}

TEST_F(FlowTableTest, AFlowThatWaitsIsNotForgotten) {
  attempt_each(1, kFailing + 1, FlowEnding::kNoAnswer);
  EXPECT_EQ(begin_each(1, kFailing, 1), kFailing);
  expect_waits(flow_to(kFailing + 1));
  attempt_each(101, FlowTable::kKnownMax + 1, FlowEnding::kNoAnswer);
  end(flow_to(1), FlowEnding::kNoAnswer);
  expect_open({lane_to(kFailing + 1)});
  EXPECT_EQ(begin(flow_to(kFailing + 1)), 1u);
}

class EndpointsOfFlowsTest : public FlowTableTest {
 protected:
  static constexpr Lane kEndpoint{1, 7, true};
  void expect_held(const Flow& flow) { expect_refused(flow, kEndpoint); }
};

TEST_F(EndpointsOfFlowsTest, WhatIsForAPausedOneWaitsInOneLaneHoweverManyItsFlows) {
  pause_only(table_, {7});
  for (std::uint64_t key = 1; key <= 1'000'000; ++key) {
    const auto refusal = table_.refuse(flow_of_endpoint(7, key));
    ASSERT_TRUE(refusal && refusal->lane == kEndpoint);
    ASSERT_EQ(refusal->others, store::FlowGate::Refusal::kClosed);
  }
  expect_none_open();
  EXPECT_EQ(begin(flow_of_endpoint(8, 1), 1), 1u);
  EXPECT_EQ(begin(flow_of_endpoint(7, 1, 2), 1), 1u) << "of another namespace";
  EXPECT_EQ(begin(flow_to(2)), 2u);
  expect_waits(flow_to(2));
  pause_only(table_, {});
  expect_open({kEndpoint});
}

TEST_F(EndpointsOfFlowsTest, OneThatIsResumedOrRemovedIsOpenedOnce) {
  const Flow flow = flow_of_endpoint(7, 1);
  pause_only(table_, {7, 8});
  EXPECT_TRUE(table_.closed(kEndpoint));
  EXPECT_FALSE(table_.closed(Lane::of(flow)));
  EXPECT_FALSE(table_.meets_endpoints());
  expect_held(flow);
  expect_held(flow_of_endpoint(7, 2));
  EXPECT_TRUE(table_.meets_endpoints());
  ASSERT_TRUE(table_.held(flow, {}));
  EXPECT_EQ(table_.held(flow, {})->by, "paused");
  EXPECT_FALSE(table_.held(flow, {})->until);
  EXPECT_FALSE(table_.untried(kEndpoint, {}));
  pause_only(table_, {7, 8, 9});
  expect_none_open();

  pause_only(table_, {8});
  EXPECT_FALSE(table_.closed(kEndpoint));
  EXPECT_FALSE(table_.held(flow, {}));
  EXPECT_TRUE(table_.passes(flow));
  expect_open({kEndpoint});
  EXPECT_EQ(begin(flow, 1), 1u);
  pause_only(table_, {});
  expect_none_open();
  EXPECT_TRUE(table_.meets_endpoints()) << "something may be left in it";
  table_.emptied(kEndpoint);
  EXPECT_FALSE(table_.meets_endpoints());
}

TEST_F(EndpointsOfFlowsTest, OneMayBePausedAgainAtAnyTime) {
  const Flow flow = flow_of_endpoint(7, 1);
  pause_only(table_, {7});
  expect_held(flow);
  pause_only(table_, {});
  pause_only(table_, {7});
  expect_none_open();
  pause_only(table_, {});
  expect_open({kEndpoint});
  pause_only(table_, {7});
  expect_none_open();
  expect_held(flow);  // while it is looked into
  expect_none_open();
  pause_only(table_, {});
  expect_open({kEndpoint});
  pause_only(table_, {7});
  table_.emptied(kEndpoint);
  pause_only(table_, {});
  expect_none_open();
}

TEST_F(EndpointsOfFlowsTest, OfWhichNothingIsKnownHoldTheirTasksAsWell) {
  const Flow flow = flow_of_endpoint(7, 1);
  expect_held(flow);
  EXPECT_FALSE(table_.closed(kEndpoint)) << "it ends by itself";
  EXPECT_EQ(table_.held(flow, {})->by, "endpoint");
  EXPECT_FALSE(table_.untried(kEndpoint, {})) << "it may answer";
  EXPECT_EQ(begin(flow_to(1), 1), 1u);
  expect_none_open();
  pause_only(table_, {});
  expect_open({kEndpoint});
}

// It is opened by its own attempts, and waits from then on as the others do.
TEST_F(EndpointsOfFlowsTest, AFlowThatWaitsForItsWindowIsHeldOnceItIsOpen) {
  const Flow flow = flow_of_endpoint(7, 1);
  pause_only(table_, {});
  EXPECT_EQ(begin(flow), 2u);
  expect_waits(flow);
  pause_only(table_, {7});
  end(flow, FlowEnding::kQuick);
  expect_open({Lane::of(flow)});
  expect_held(flow);
  table_.emptied(Lane::of(flow));
  end(flow, FlowEnding::kQuick);
  expect_none_open();
  pause_only(table_, {});
  expect_open({kEndpoint});
  EXPECT_EQ(begin(flow), 4u);
}

TEST_F(EndpointsOfFlowsTest, WhatAllIsAskedForIsNotOpenedByAResume) {
  pause_only(table_, {7});
  expect_held(flow_of_endpoint(7, 1));
  table_.empty_all();
  EXPECT_FALSE(table_.meets_endpoints());
  pause_only(table_, {});
  expect_none_open();
}

TEST(FewSlotsTest, DoNotPassPausedEndpoints) {
  FlowTable table(4);
  const Flow flow = flow_of_endpoint(7, 1);
  pause_only(table, {7});
  EXPECT_FALSE(table.passes(flow));
  const auto refusal = table.refuse(flow);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->lane, Lane::of_endpoint_of(flow));
  EXPECT_FALSE(table.refuse(flow_to(1)));
  pause_only(table, {});
  EXPECT_TRUE(table.any_open());
  EXPECT_EQ(table.next_open(), Lane::of_endpoint_of(flow));
  EXPECT_FALSE(table.refuse(flow));
}

TEST(FewSlotsTest, AreNotSharedOut) {
  FlowTable table(FlowTable::kSlotsMin - 1);
  const Flow flow = flow_to(1);
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < FlowTable::kSlotsMin - 1; ++i) {
      EXPECT_TRUE(table.passes(flow));
      EXPECT_FALSE(table.refuse(flow));
      table.claimed(flow);
    }
    table.claim_ended();
    EXPECT_TRUE(table.passes(flow));
    for (std::size_t i = 0; i < FlowTable::kSlotsMin - 1; ++i) {
      table.done(flow, FlowEnding::kNoAnswer);
    }
    EXPECT_FALSE(table.any_open());
  }
}

// As the header tells it: of each flow how it answered, and of all how many are under way.
class Budgets {
 public:
  explicit Budgets(std::size_t slots) : slots_(slots) {}

  std::size_t under_way() const { return all_; }
  std::size_t under_way_of(const Flow& flow) const { return of(flow).under_way; }

  // One more passes only where all of these say so.
  bool may_begin(const Flow& flow) const {
    const Known known = of(flow);
    return !window_full(known) && has_room(known) && ns_of(flow) < share();
  }
  // It may be refused where one of these says so.
  bool may_be_refused(const Flow& flow) const {
    const Known known = of(flow);
    return window_full(known) || !has_room(known) ||
           (all_ >= slots_ - std::max<std::size_t>(slots_ / 16, 1) && ns_of(flow) > 0);
  }
  void begin(const Flow& flow) {
    Known& known = flows_[flow.ns][flow.receiver];
    known.endpoint = flow.endpoint;
    ++known.under_way;
    ++all_;
  }
  // An endpoint answers again.
  void begin_anew(const Lane& endpoint) {
    for (auto& [receiver, known] : flows_[endpoint.ns]) {
      if (known.endpoint == endpoint.receiver) known.window = 2;
    }
  }
  void end(const Flow& flow, FlowEnding ending) {
    Known& known = flows_[flow.ns][flow.receiver];
    --known.under_way;
    --all_;
    switch (ending) {
      case FlowEnding::kQuick:
      case FlowEnding::kSlow:
        known.window = std::min(known.window + 1, slots_);
        known.trust = ending == FlowEnding::kQuick ? 3 : 2;
        break;
      case FlowEnding::kNoAnswer:
        known.window = std::max<std::size_t>(known.window / 2, 1);
        if (known.window == 1) known.trust = 0;
        break;
      case FlowEnding::kNotMade:
        break;
    }
  }

 private:
  struct Known {
    std::size_t trust = 1;  // failing, untried, slow, quick
    std::size_t window = 2;
    std::size_t under_way = 0;
    std::uint64_t endpoint = 0;
  };

  Known of(const Flow& flow) const {
    const auto ns = flows_.find(flow.ns);
    if (ns == flows_.end()) return {};
    const auto found = ns->second.find(flow.receiver);
    return found == ns->second.end() ? Known() : found->second;
  }
  std::size_t ns_of(const Flow& flow) const {
    const auto ns = flows_.find(flow.ns);
    return ns == flows_.end() ? 0 : sum(ns->second);
  }
  static std::size_t sum(const std::map<std::uint64_t, Known>& flows) {
    std::size_t sum = 0;
    for (const auto& [receiver, known] : flows) sum += known.under_way;
    return sum;
  }
  std::size_t of_trust(std::size_t from, std::size_t to) const {
    std::size_t under_way = 0;
    for (const auto& [ns, flows] : flows_) {
      for (const auto& [receiver, known] : flows) {
        if (known.trust >= from && known.trust <= to) under_way += known.under_way;
      }
    }
    return under_way;
  }
  bool window_full(const Known& asks) const {
    return asks.under_way >= asks.window && (asks.trust > 0 || of_trust(0, 0) >= slots_ / 8);
  }
  bool has_room(const Known& asks) const {
    const std::size_t floor = std::max<std::size_t>(slots_ / 32, 1);
    if (asks.trust < 3 && of_trust(asks.trust, asks.trust) < floor) return true;
    if (all_ >= slots_ - slots_ / 8)
      return asks.trust == 3 && asks.under_way < std::max<std::size_t>(2, floor);
    const std::array<std::size_t, 4> most{slots_ / 4, slots_ / 2, slots_ / 4 * 3, slots_};
    return of_trust(0, asks.trust) < most[asks.trust];
  }
  // Of a namespace in the last sixteenth: it may have none or less than this.
  std::size_t share() const {
    if (all_ < slots_ - std::max<std::size_t>(slots_ / 16, 1)) return slots_;
    if (all_ >= slots_ - std::max<std::size_t>(slots_ / 32, 1)) return 1;
    std::size_t users = 0;
    for (const auto& [ns, flows] : flows_) users += sum(flows) > 0 ? 1 : 0;
    return std::max<std::size_t>(slots_ / (users + 1), 1);
  }

  const std::size_t slots_;
  std::map<std::uint64_t, std::map<std::uint64_t, Known>> flows_;  // by namespace, receiver
  std::size_t all_ = 0;
};

// A store of tasks that are all due, which keeps those that wait by lanes, and a worker that ends
// attempts in any order. It asserts on its way that the table does as it says.
class TinyWorker {
 public:
  TinyWorker(std::size_t slots, std::mt19937_64& random)
      : slots_(slots), random_(random), table_(slots), budgets_(slots) {
    table_.at(now_);
    tell_endpoints();
  }

  // Endpoints have limits from now on, each its own.
  void draw_limits() {
    for (std::uint64_t i = 0; i < 2 * kNamespaces; ++i) {
      model::Limits limits;
      if (one_in(2)) limits.concurrency = 1 + below(3);
      if (one_in(3)) limits.ordered = true;
      if (one_in(2)) limits.rate = model::Gcra::of({20, 1s}, static_cast<int>(1 + below(5)));
      limits_[nth_endpoint(i)] = limits;
    }
    tell_endpoints();
  }

  // Endpoints fail most attempts from now on, and time passes.
  void make_silent() { silent_ = true; }

  void add(const Flow& flow) { unseen_.push_back(flow); }
  bool at_rest() const { return under_way_.empty() && unseen_.empty() && lanes_.empty(); }

  void pause_or_resume_one() {
    const Lane endpoint{1 + below(kNamespaces), kEndpoint + below(2), true};
    if (paused_.erase(endpoint) == 0) {
      paused_.insert(endpoint);
    } else {
      breakers_[endpoint].close();
    }
    tell_endpoints();
  }
  void resume_all() {
    for (const Lane& endpoint : paused_) breakers_[endpoint].close();
    paused_.clear();
    tell_endpoints();
  }

  void claim() {
    limit_ = slots_ - under_way_.size();
    if (limit_ > 1) limit_ = 1 + below(limit_);
    if (limit_ == 0) return;
    pass(silent_ ? 4s : 40ms);
    const bool may_wait =
        silent_ || std::any_of(limits_.begin(), limits_.end(),
                               [](const auto& of) { return of.second.rate.has_value(); });
    const bool must_pass = under_way_.empty() && !at_rest() && paused_.empty() && !may_wait;
    taken_.clear();
    fetch_open();
    if (one_in(2)) look_at_unseen();
    for (std::size_t left = visits_.size(); left > 0 && !full(); --left) look_into_next();
    look_at_unseen();
    if (must_pass) {
      EXPECT_FALSE(taken_.empty()) << unseen_.size() << " unseen, " << lanes_.size() << " lanes";
    }
    keep_taken();
  }

  // Some attempts end; each receiver has a way of its own of answering.
  void end_some() {
    for (std::size_t left = below(4); left > 0 && !under_way_.empty(); --left) {
      std::swap(under_way_[below(under_way_.size())], under_way_.back());
      const auto [flow, began] = under_way_.back();
      under_way_.pop_back();
      const FlowEnding ending = ending_for(flow);
      if (ending != FlowEnding::kNotMade) tell_breaker(flow, began);
      table_.done(flow, ending);
      budgets_.end(flow, ending);
      if (ending == FlowEnding::kNotMade) unseen_.push_back(flow);
    }
  }

  void expect_all_is_free() {
    ASSERT_EQ(budgets_.under_way(), 0u);
    while (const auto lane = next_open()) table_.emptied(*lane);
    EXPECT_FALSE(table_.any_open());
    if (slots_ < FlowTable::kSlotsMin) return;
    std::size_t given = 0;
    for (std::uint64_t receiver = 1'000; !table_.refuse({7, receiver}); ++receiver) ++given;
    EXPECT_EQ(given, slots_ / 2);
  }

  static constexpr TimePoint kBegan{1h};
  static constexpr std::size_t kNamespaces = 3;
  static constexpr std::uint64_t kEndpoint = 1'000;  // the first of two of each namespace

 private:
  using Tasks = std::deque<Flow>;

  static Lane nth_endpoint(std::uint64_t i) { return {1 + i / 2, kEndpoint + i % 2, true}; }
  void tell_endpoints() {
    auto limits = limits_;
    for (std::uint64_t i = 0; i < 2 * kNamespaces; ++i) limits.try_emplace(nth_endpoint(i));
    for (const Lane& one : paused_) limits[one].paused = true;
    std::vector<model::LimitsOf> all;
    for (const auto& [endpoint, of] : limits) all.push_back({endpoint.ns, endpoint.receiver, of});
    table_.set_endpoints(all);
  }

  void tell_breaker(const Flow& flow, TimePoint began) {
    if (!silent_ || flow.endpoint == 0) return;
    model::AttemptOutcome outcome;
    outcome.started_at = began;
    outcome.duration = now_ - began;
    if (one_in(2)) outcome.response = Response{one_in(3) ? 500 : 200, {}, "", false};
    model::Breaker& breaker = breakers_[Lane::of_endpoint_of(flow)];
    const bool counts = model::learn(breaker, Task{}, outcome, {}, now_, 0.5);
    const FlowTable::Learnt learnt = table_.attempted(flow, Task{}, outcome, {}, now_, 0.5);
    EXPECT_EQ(learnt.counts, counts);
    if (learnt.closed) budgets_.begin_anew(Lane::of_endpoint_of(flow));
  }
  bool is_held(const Flow& flow) const {
    const Lane endpoint = Lane::of_endpoint_of(flow);
    if (flow.endpoint == 0) return false;
    if (paused_.contains(endpoint)) return true;
    const auto found = breakers_.find(endpoint);
    if (found == breakers_.end() || !found->second.open()) return false;
    const auto is_of = [&](const Flow& one) {
      return one.endpoint != 0 && Lane::of_endpoint_of(one) == endpoint;
    };
    return now_ < *found->second.open_until || std::any_of(taken_.begin(), taken_.end(), is_of) ||
           std::any_of(under_way_.begin(), under_way_.end(),
                       [&](const auto& one) { return is_of(one.first); });
  }

  // By what it was told and has begun itself.
  bool is_limited(const Flow& flow) const {
    const auto found = limits_.find(Lane::of_endpoint_of(flow));
    if (flow.endpoint == 0 || found == limits_.end()) return false;
    const model::Limits& limits = found->second;
    if (limits.ordered && budgets_.under_way_of(flow) > 0) return true;
    if (limits.concurrency > 0 && budgets_.under_way_of(flow) >= limits.concurrency) return true;
    if (!limits.rate) return false;
    const auto given = std::count(taken_.begin(), taken_.end(), flow);
    return limits.rate->allowed(tat_of(flow, *limits.rate), now_) <= given;
  }
  model::Gcra::Time tat_of(const Flow& flow, const model::Gcra& rate) const {
    const auto found = tats_.find(flow);
    return found == tats_.end() ? rate.latest(kBegan) : found->second;
  }
  void begin(const Flow& flow) {
    table_.claimed(flow);
    under_way_.emplace_back(flow, now_);
    const auto limits = limits_.find(Lane::of_endpoint_of(flow));
    if (flow.endpoint == 0 || limits == limits_.end() || !limits->second.rate) return;
    const model::Gcra& rate = *limits->second.rate;
    tats_[flow] = rate.after(tat_of(flow, rate), now_);
  }
  void pass(std::chrono::milliseconds most) {
    now_ += std::chrono::milliseconds{below(static_cast<std::size_t>(most.count()) + 1)};
    table_.at(now_);
  }

  std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  bool full() const { return taken_.size() >= limit_; }

  FlowEnding ending_for(const Flow& flow) {
    if (one_in(10)) return FlowEnding::kNotMade;
    switch (flow.receiver % 4) {
      case 0:
        return FlowEnding::kNoAnswer;
      case 1:
        return FlowEnding::kSlow;
      case 2:
        return FlowEnding::kQuick;
      default:
        return static_cast<FlowEnding>(below(4));
    }
  }

  std::optional<Lane> next_open() {
    const bool any = table_.any_open();
    const auto lane = table_.next_open();
    EXPECT_TRUE(any || !lane);
    return lane;
  }
  void fetch_open() {
    while (const auto lane = next_open()) {
      if (!lanes_.contains(*lane)) {
        table_.emptied(*lane);
      } else if (std::find(visits_.begin(), visits_.end(), *lane) == visits_.end()) {
        visits_.push_back(*lane);
      }
    }
  }

  std::optional<store::FlowGate::Refusal> refuse(const Flow& flow) {
    const bool passes = table_.passes(flow);
    const auto refusal = table_.refuse(flow);
    EXPECT_EQ(passes, !refusal);
    EXPECT_TRUE(!refusal || refusal->lane.may_hold(flow));
    const bool held = is_held(flow);
    EXPECT_EQ(held, refusal && refusal->lane.of_endpoint);
    if (held) return refusal;
    if (is_limited(flow)) {
      EXPECT_TRUE(refusal && refusal->lane == Lane::of(flow));
      return refusal;
    }
    EXPECT_TRUE(!refusal || !table_.in_order(flow) || refusal->lane == Lane::of(flow));
    if (slots_ < FlowTable::kSlotsMin) {
      EXPECT_FALSE(refusal);
    } else if (refusal) {
      EXPECT_TRUE(budgets_.may_be_refused(flow));
    } else {
      EXPECT_TRUE(budgets_.may_begin(flow));
    }
    if (!refusal) {
      budgets_.begin(flow);
      taken_.push_back(flow);
    }
    return refusal;
  }
  // It queues up behind those of its flow that wait.
  bool waits_already(const Flow& flow, const Lane* met_in) {
    const auto queue = store::queue_of(flow, lanes_, met_in);
    if (queue) lanes_.at(*queue).push_back(flow);
    return queue.has_value();
  }

  void look_at_unseen() {
    while (!unseen_.empty() && !full()) {
      const Flow flow = unseen_.front();
      unseen_.pop_front();
      if (waits_already(flow, nullptr)) continue;
      if (const auto refusal = refuse(flow)) lanes_[refusal->lane].push_back(flow);
    }
  }

  // One that is not looked through stays open.
  void look_into_next() {
    const Lane lane = visits_.front();
    visits_.pop_front();
    const auto found = lanes_.find(lane);
    if (found == lanes_.end()) return table_.emptied(lane);
    Tasks tasks = std::move(found->second);
    lanes_.erase(found);
    Tasks stay;
    bool closed = false;
    while (!tasks.empty() && !full() && !closed) {
      const Flow flow = tasks.front();
      tasks.pop_front();
      if (waits_already(flow, &lane)) continue;
      const auto refusal = refuse(flow);
      if (!refusal) continue;
      if (refusal->lane == lane) {
        stay.push_back(flow);
        closed = refusal->others != store::FlowGate::Refusal::kOthersMayPass;
        continue;
      }
      Tasks& other = lanes_[refusal->lane];
      other.push_back(flow);
      if (!lane.is_of_flow()) continue;
      other.insert(other.end(), tasks.begin(), tasks.end());  // all of it waits there
      return table_.emptied(lane);
    }
    const bool through = tasks.empty();
    stay.insert(stay.end(), tasks.begin(), tasks.end());
    if (!stay.empty()) lanes_[lane] = std::move(stay);
    if (closed) return;
    if (!through) {
      visits_.push_back(lane);
    } else if (lanes_.contains(lane)) {
      table_.looked_through(lane);
    } else {
      table_.emptied(lane);
    }
  }

  // Some are lost on their way out of the store, and sometimes all are: they are due again.
  void keep_taken() {
    const bool all_lost = one_in(20);
    pass(10ms);
    for (const Flow& flow : taken_) {
      if (all_lost || one_in(30)) {
        budgets_.end(flow, FlowEnding::kNotMade);
        unseen_.push_back(flow);
      } else {
        begin(flow);
      }
    }
    table_.claim_ended();
  }

  const std::size_t slots_;
  std::mt19937_64& random_;
  TimePoint now_ = kBegan;
  FlowTable table_;
  Budgets budgets_;
  Tasks unseen_;
  std::unordered_map<Lane, Tasks, store::HashOfLane> lanes_;
  std::deque<Lane> visits_;
  std::unordered_set<Lane, store::HashOfLane> paused_;                 // endpoints
  std::unordered_map<Lane, model::Limits, store::HashOfLane> limits_;  // of those
  std::unordered_map<Flow, model::Gcra::Time, model::HashOfFlow> tats_;
  bool silent_ = false;
  std::unordered_map<Lane, model::Breaker, store::HashOfLane> breakers_;
  std::vector<std::pair<Flow, TimePoint>> under_way_;  // since when
  // Of the claim under way.
  std::size_t limit_ = 0;
  std::vector<Flow> taken_;
};

void run_tiny_worker(TinyWorker& worker, std::mt19937_64& random) {
  std::size_t to_come = 1'500;
  for (std::size_t step = 0; to_come > 0 || !worker.at_rest(); ++step) {
    ASSERT_LT(step, 100'000u) << "something waits for ever";
    ASSERT_FALSE(::testing::Test::HasFailure()) << "at step " << step;
    for (std::size_t more = std::min<std::size_t>(to_come, random() % 6); more > 0; --more) {
      const std::uint64_t receiver = 1 + random() % 24;
      const std::uint64_t endpoint = receiver > 16 ? TinyWorker::kEndpoint + receiver % 2 : 0;
      worker.add({1 + random() % TinyWorker::kNamespaces, receiver, endpoint});
      --to_come;
    }
    if (to_come == 0) worker.resume_all();
    if (to_come > 0 && random() % 8 == 0) worker.pause_or_resume_one();
    worker.claim();
    worker.end_some();
  }
  worker.expect_all_is_free();
}

TEST(FlowTableModelTest, TheLimitsHoldAndEverythingThatWaitsHasItsTurn) {
  std::mt19937_64 random(testing::test_seed());
  for (const std::size_t slots : {1, 4, 7, 8, 9, 12, 16, 21, 40, 64, 100}) {
    for (const int kind : {0, 1, 2, 3}) {
      const bool limits = kind % 2 == 1;
      const bool silent = kind >= 2;
      SCOPED_TRACE(std::to_string(slots) + " slots" + (limits ? ", limits" : "") +
                   (silent ? ", breakers" : ""));
      TinyWorker worker(slots, random);
      if (limits) worker.draw_limits();
      if (silent) worker.make_silent();
      run_tiny_worker(worker, random);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace rhooks::engine

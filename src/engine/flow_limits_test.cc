// What the endpoints of flows say, but for pauses, which are in flow_table_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "engine/flow_table.h"
#include "observe/metrics.h"

namespace rhooks::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kLimited = 7;  // an endpoint

Flow limited_flow(std::uint64_t key = 1) {
  return {1, 100 + key, kLimited};
}

class FlowLimitsTest : public ::testing::Test {
 protected:
  explicit FlowLimitsTest(std::size_t slots = 64) : table_(slots) {}

  void set(const model::Limits& limits) {
    const model::LimitsOf of{1, kLimited, limits};
    table_.set_endpoints({&of, 1});
  }
  static model::Limits at_once(std::size_t concurrency) {
    model::Limits limits;
    limits.concurrency = concurrency;
    return limits;
  }
  static model::Limits in_order() {
    model::Limits limits;
    limits.ordered = true;
    return limits;
  }
  static model::Limits as_fast_as(Rate rate, std::optional<int> burst = std::nullopt) {
    model::Limits limits;
    limits.rate = model::Gcra::of(rate, burst);
    return limits;
  }
  // The worker began an hour ago.
  void begin_long_ago() {
    at(kNoon - 1h);
    at(kNoon);
  }
  void at(TimePoint now) {
    now_ = now;
    table_.at(now);
  }
  void advance(std::chrono::milliseconds by) { at(now_ + by); }
  // Begins attempts until one is refused, which waits, or there are so many.
  std::size_t begin(const Flow& flow, std::size_t most = 100) {
    std::size_t begun = 0;
    while (begun < most && !table_.refuse(flow)) {
      table_.claimed(flow);
      ++begun;
    }
    table_.claim_ended();
    return begun;
  }
  void end(const Flow& flow, FlowEnding ending = FlowEnding::kQuick) { table_.done(flow, ending); }
  void attempt(const Flow& flow, std::size_t times = 1) {
    for (; times > 0; --times) {
      ASSERT_EQ(begin(flow, 1), 1u);
      end(flow);
    }
  }
  void expect_waits(const Flow& flow, const char* by) {
    EXPECT_FALSE(table_.passes(flow));
    const auto refusal = table_.refuse(flow);
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->lane, Lane::of(flow));
    EXPECT_EQ(refusal->others, store::FlowGate::Refusal::kClosed);
    EXPECT_EQ(held_by(flow), by);
  }
  std::string held_by(const Flow& flow) const {
    const auto held = table_.held(flow, now_);
    return held ? held->by : "";
  }
  void expect_asked_for_anew(const model::Limits& limits, bool anew) {
    const std::uint64_t before = table_.id();
    set(limits);
    EXPECT_EQ(table_.id() != before, anew);
  }
  void expect_none_open() {
    EXPECT_FALSE(table_.any_open());
    EXPECT_FALSE(table_.next_open());
  }
  void expect_open(const Flow& flow) {
    EXPECT_TRUE(table_.any_open());
    EXPECT_EQ(table_.next_open(), Lane::of(flow));
    expect_none_open();
  }

  static constexpr TimePoint kNoon{std::chrono::hours{500'000}};
  TimePoint now_ = kNoon;
  FlowTable table_;
};

class FewSlotsLimitsTest : public FlowLimitsTest {
 protected:
  FewSlotsLimitsTest() : FlowLimitsTest(FlowTable::kSlotsMin - 1) {}
};

TEST(HeldByTest, EachIsCountedUnderItsName) {
  Metrics metrics;
  for (std::size_t by = 1; by < FlowTable::kHeldBy.size(); ++by) {
    const auto name = FlowTable::kHeldBy[by];
    metrics.held(name, by);
    EXPECT_THAT(metrics.expose(),
                ::testing::HasSubstr("rhooks_held_total{by=\"" + std::string(name) + "\"} " +
                                     std::to_string(by) + "\n"));
  }
}

TEST_F(FlowLimitsTest, NoMoreAreUnderWayThanItsConcurrency) {
  set(at_once(3));
  attempt(limited_flow(), 20);
  EXPECT_EQ(begin(limited_flow()), 3u);
  expect_waits(limited_flow(), "concurrency");
  expect_none_open();
  EXPECT_FALSE(table_.closed(Lane::of(limited_flow()))) << "an end of its own opens it";

  end(limited_flow(), FlowEnding::kNoAnswer);
  expect_open(limited_flow());
  EXPECT_EQ(held_by(limited_flow()), "");
  EXPECT_EQ(begin(limited_flow()), 1u);
  expect_none_open();
}

TEST_F(FlowLimitsTest, OneIsEnoughForAConcurrencyOfOne) {
  set(at_once(1));
  EXPECT_EQ(begin(limited_flow()), 1u) << "one that was not tried has a lane of its own, too";
  expect_waits(limited_flow(), "concurrency");
  EXPECT_TRUE(table_.meets_endpoints()) << "others may allow more";
  end(limited_flow(), FlowEnding::kNotMade);
  expect_open(limited_flow());
  EXPECT_EQ(begin(limited_flow()), 1u);
}

TEST_F(FlowLimitsTest, EachFlowHasItsOwn) {
  set(at_once(2));
  EXPECT_EQ(begin(limited_flow(1)), 2u);
  EXPECT_EQ(begin(limited_flow(2)), 2u);
  EXPECT_EQ(begin({2, 101, kLimited}, 1), 1u) << "of another namespace";
  EXPECT_EQ(begin({1, 5}, 1), 1u);
}

// Windows and parts of the slots hold for them as for others.
TEST_F(FlowLimitsTest, AConcurrencyBeyondItsWindowIsNoPromise) {
  set(at_once(50));
  EXPECT_EQ(begin(limited_flow()), FlowTable::kWindow);
  EXPECT_EQ(held_by(limited_flow()), "");
  end(limited_flow());
  expect_open(limited_flow());
}

TEST_F(FlowLimitsTest, PlacesOfAClaimCountUntilItIsOver) {
  set(at_once(2));
  EXPECT_FALSE(table_.refuse(limited_flow()));
  EXPECT_FALSE(table_.refuse(limited_flow()));
  EXPECT_TRUE(table_.refuse(limited_flow()));
  table_.claimed(limited_flow());
  EXPECT_TRUE(table_.claim_ended()) << "the second one was lost";
  expect_open(limited_flow());
  EXPECT_EQ(begin(limited_flow()), 1u);
}

TEST_F(FlowLimitsTest, AChangeHoldsForWhatBeginsNext) {
  set(at_once(1));
  EXPECT_EQ(begin(limited_flow()), 1u);
  expect_waits(limited_flow(), "concurrency");
  set(at_once(1));
  expect_none_open();
  set(at_once(2));
  expect_open(limited_flow());
  EXPECT_EQ(begin(limited_flow()), 1u);
  set(at_once(1));
  end(limited_flow());
  EXPECT_FALSE(table_.next_open());
  EXPECT_EQ(held_by(limited_flow()), "concurrency");
  table_.set_endpoints({});
  expect_open(limited_flow());
  EXPECT_EQ(held_by(limited_flow()), "");
}

TEST_F(FlowLimitsTest, APauseGoesBeforeIt) {
  model::Limits limits = at_once(1);
  set(limits);
  EXPECT_EQ(begin(limited_flow()), 1u);
  expect_waits(limited_flow(), "concurrency");
  limits.paused = true;
  set(limits);
  EXPECT_EQ(held_by(limited_flow()), "paused");
  end(limited_flow());
  expect_open(limited_flow());
  const auto refusal = table_.refuse(limited_flow());
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->lane, Lane::of_endpoint_of(limited_flow()));
}

TEST_F(FlowLimitsTest, OfOneThatLacksASecretNothingBegins) {
  const Lane endpoint = Lane::of_endpoint_of(limited_flow());
  model::Limits limits;
  limits.without_secret = true;
  set(limits);
  EXPECT_FALSE(table_.passes(limited_flow()));
  EXPECT_EQ(held_by(limited_flow()), "secret");
  const auto held = table_.untried(endpoint, {});
  ASSERT_TRUE(held);
  EXPECT_EQ(held->by, "secret");
  EXPECT_TRUE(table_.closed(endpoint));
  const auto refusal = table_.refuse(limited_flow());
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->lane, endpoint);
  EXPECT_EQ(table_.take_held().of(FlowTable::HeldBy::kSecret), 1u);
  limits.without_secret = false;
  set(limits);
  EXPECT_EQ(held_by(limited_flow()), "");
  EXPECT_FALSE(table_.untried(endpoint, {}));
  EXPECT_EQ(table_.next_open(), endpoint);
}

TEST_F(FlowLimitsTest, OfOneThatCannotBeReadNothingBegins) {
  const Lane endpoint = Lane::of_endpoint_of(limited_flow());
  model::Limits limits;
  limits.unknown = true;
  set(limits);
  EXPECT_FALSE(table_.passes(limited_flow()));
  const auto refusal = table_.refuse(limited_flow());
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->lane, endpoint);
  EXPECT_EQ(held_by(limited_flow()), "endpoint");
  EXPECT_TRUE(table_.closed(endpoint)) << "nothing opens it but a change";
  expect_none_open();
  set(at_once(1));
  EXPECT_EQ(table_.next_open(), endpoint);
  EXPECT_EQ(held_by(limited_flow()), "");
}

TEST_F(FlowLimitsTest, EachHasALaneHoweverManyThereAre) {
  set(at_once(1));
  for (std::uint64_t key = 1; key <= 2; ++key) EXPECT_EQ(begin(limited_flow(key)), 1u);
  const std::uint64_t most = FlowTable::kLanesMax + 10;
  for (std::uint64_t key = 3; key < most; ++key) {
    table_.claimed(limited_flow(key));
    const auto refusal = table_.refuse(limited_flow(key));
    ASSERT_TRUE(refusal);
    ASSERT_EQ(refusal->lane, Lane::of(limited_flow(key)));
  }
  end(limited_flow(most - 1));
  EXPECT_EQ(table_.next_open(), Lane::of(limited_flow(most - 1)));
}

TEST_F(FlowLimitsTest, TheirLanesTakeNoneOfOthers) {
  at(kNoon);
  set(as_fast_as({60, 1min}, 1));
  for (std::uint64_t key = 1; key <= FlowTable::kLanesMax; ++key) {
    ASSERT_TRUE(table_.refuse(limited_flow(key)));
  }
  const Flow other{1, 5};
  EXPECT_EQ(begin(other), FlowTable::kWindow);
  const auto refusal = table_.refuse(other);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->lane, Lane::of(other));
}

TEST_F(FlowLimitsTest, TellsHowOftenSomethingCameToWait) {
  set(at_once(1));
  begin(limited_flow(1));
  begin(limited_flow(1));
  begin(limited_flow(2));
  auto held = table_.take_held();
  EXPECT_EQ(held.of(FlowTable::HeldBy::kConcurrency), 2u)
      << "what waits already is not counted again";
  EXPECT_EQ(held.of(FlowTable::HeldBy::kPaused), 0u);
  model::Limits paused;
  paused.paused = true;
  set(paused);
  begin(limited_flow(3));
  begin(limited_flow(4));
  held = table_.take_held();
  EXPECT_EQ(held.of(FlowTable::HeldBy::kConcurrency), 0u);
  EXPECT_EQ(held.of(FlowTable::HeldBy::kPaused), 1u) << "an endpoint waits once";
}

TEST_F(FlowLimitsTest, ItGoesByWhatItWasTold) {
  EXPECT_FALSE(table_.goes_by(limited_flow(), {})) << "nothing is known yet";
  table_.set_endpoints({});
  EXPECT_TRUE(table_.goes_by(limited_flow(), {}));
  EXPECT_FALSE(table_.goes_by(limited_flow(), at_once(1)));
  set(at_once(1));
  EXPECT_TRUE(table_.goes_by(limited_flow(), at_once(1)));
  EXPECT_FALSE(table_.goes_by(limited_flow(), {}));
  model::Limits paused = at_once(1);
  paused.paused = true;
  EXPECT_TRUE(table_.goes_by(limited_flow(), paused)) << "that is another question";
}

TEST_F(FlowLimitsTest, ARateLetsThroughABurstAndThenOneEachInterval) {
  begin_long_ago();
  set(as_fast_as({60, 1min}, 2));
  attempt(limited_flow(), 2);
  EXPECT_FALSE(table_.opens_at());
  EXPECT_EQ(begin(limited_flow()), 0u);
  expect_waits(limited_flow(), "rate");
  EXPECT_EQ(table_.held(limited_flow(), now_)->until, now_ + 1s);
  EXPECT_EQ(table_.opens_at(), now_ + 1s);
  EXPECT_TRUE(table_.closed(Lane::of(limited_flow()))) << "no end of an attempt opens it";
  EXPECT_TRUE(table_.meets_endpoints());
  expect_none_open();

  advance(999ms);
  expect_none_open();
  advance(1ms);
  EXPECT_FALSE(table_.closed(Lane::of(limited_flow())));
  EXPECT_EQ(held_by(limited_flow()), "");
  expect_open(limited_flow());
  EXPECT_FALSE(table_.opens_at());
  EXPECT_EQ(begin(limited_flow()), 1u);
  EXPECT_EQ(table_.opens_at(), now_ + 1s);
  table_.emptied(Lane::of(limited_flow()));
  advance(1h);
  EXPECT_FALSE(table_.next_open());
  EXPECT_FALSE(table_.any_open());
  EXPECT_FALSE(table_.meets_endpoints());
  EXPECT_EQ(begin(limited_flow()), 2u);
}

TEST_F(FlowLimitsTest, EachFlowIsAsFastAsTheRate) {
  begin_long_ago();
  set(as_fast_as({60, 1min}, 1));
  EXPECT_EQ(begin(limited_flow(1)), 1u);
  advance(500ms);
  EXPECT_EQ(begin(limited_flow(2)), 1u);
  EXPECT_EQ(begin({1, 5}, 2), 2u) << "one without an endpoint";
  EXPECT_EQ(table_.opens_at(), now_ + 500ms);
  advance(500ms);
  expect_open(limited_flow(1));
  EXPECT_EQ(table_.opens_at(), now_ + 500ms);
}

TEST_F(FlowLimitsTest, WhatBeganBeforeTheWorkerCounts) {
  at(kNoon);
  set(as_fast_as({60, 1min}, 3));
  EXPECT_EQ(begin(limited_flow()), 0u);
  EXPECT_EQ(table_.opens_at(), kNoon + 1s);
  advance(1s);
  expect_open(limited_flow());
  EXPECT_EQ(begin(limited_flow()), 1u);
  end(limited_flow());
  advance(2s);
  EXPECT_EQ(begin(limited_flow()), 2u) << "it earns its burst";
  advance(1h);
  EXPECT_EQ(begin(limited_flow(2)), FlowTable::kWindow) << "also one that was not met so far";
}

// A claim may take as long as it likes: what it got begins when it is over.
TEST_F(FlowLimitsTest, ATokenIsTakenWhenTheClaimIsOver) {
  begin_long_ago();
  set(as_fast_as({60, 1min}, 2));
  EXPECT_FALSE(table_.refuse(limited_flow()));
  EXPECT_FALSE(table_.refuse(limited_flow()));
  EXPECT_TRUE(table_.refuse(limited_flow()));
  EXPECT_EQ(table_.opens_at(), now_ + 1s);
  advance(30s);
  table_.claimed(limited_flow());
  table_.claimed(limited_flow());
  table_.claim_ended();
  EXPECT_FALSE(table_.next_open()) << "it had its time, and has to wait longer";
  EXPECT_EQ(table_.opens_at(), now_ + 1s);
  EXPECT_EQ(held_by(limited_flow()), "rate");
}

TEST_F(FlowLimitsTest, ALostClaimTakesNone) {
  begin_long_ago();
  set(as_fast_as({60, 1min}, 2));
  EXPECT_FALSE(table_.refuse(limited_flow()));
  EXPECT_FALSE(table_.refuse(limited_flow()));
  EXPECT_TRUE(table_.refuse(limited_flow()));
  table_.claimed(limited_flow());
  EXPECT_TRUE(table_.claim_ended());
  expect_open(limited_flow());
  EXPECT_EQ(begin(limited_flow()), 1u);
  expect_waits(limited_flow(), "rate");
}

TEST_F(FlowLimitsTest, WhatBeginsNoAttemptTakesNone) {
  begin_long_ago();
  set(as_fast_as({60, 1min}, 1));
  EXPECT_FALSE(table_.refuse(limited_flow()));
  EXPECT_TRUE(table_.refuse(limited_flow()));
  table_.claimed(limited_flow(), false);
  EXPECT_FALSE(table_.claim_ended());
  table_.done(limited_flow(), FlowEnding::kNotMade, false);
  expect_open(limited_flow());
  EXPECT_EQ(begin(limited_flow()), 1u);
}

TEST_F(FlowLimitsTest, ConcurrencyIsAskedForBeforeTheRate) {
  begin_long_ago();
  model::Limits limits = as_fast_as({60, 1min}, 1);
  limits.concurrency = 1;
  set(limits);
  EXPECT_EQ(begin(limited_flow()), 1u);
  expect_waits(limited_flow(), "concurrency");
  EXPECT_FALSE(table_.closed(Lane::of(limited_flow())));
  EXPECT_FALSE(table_.opens_at());
  end(limited_flow());
  EXPECT_FALSE(table_.next_open()) << "its rate is asked for then";
  EXPECT_EQ(held_by(limited_flow()), "rate");
  EXPECT_EQ(table_.opens_at(), now_ + 1s);
  advance(1s);
  expect_open(limited_flow());
}

TEST_F(FlowLimitsTest, AnotherRateHoldsAtOnce) {
  begin_long_ago();
  set(as_fast_as({1, 1min}, 1));
  EXPECT_EQ(begin(limited_flow()), 1u);
  EXPECT_EQ(table_.opens_at(), now_ + 1min);
  set(as_fast_as({10, 10s}, 2));
  EXPECT_FALSE(table_.next_open());
  EXPECT_EQ(table_.opens_at(), now_ + 1s) << "as after a burst, and not longer";
  table_.set_endpoints({});
  EXPECT_FALSE(table_.opens_at());
  expect_open(limited_flow());
}

TEST_F(FlowLimitsTest, WithItsClockSetBackAWorkerIsNotFaster) {
  begin_long_ago();
  set(as_fast_as({60, 1min}, 1));
  EXPECT_EQ(begin(limited_flow()), 1u);
  advance(-30min);
  EXPECT_FALSE(table_.next_open());
  EXPECT_EQ(table_.opens_at(), now_ + 1s);
  advance(1s);
  expect_open(limited_flow());
  EXPECT_EQ(begin(limited_flow()), 1u);
  EXPECT_EQ(begin(limited_flow(2)), 1u) << "it has been working for long";
}

TEST_F(FlowLimitsTest, WhatAllIsAskedForWaitsForNoTime) {
  begin_long_ago();
  set(as_fast_as({60, 1min}, 1));
  EXPECT_EQ(begin(limited_flow()), 1u);
  EXPECT_TRUE(table_.opens_at());
  table_.empty_all();
  EXPECT_FALSE(table_.opens_at());
  expect_waits(limited_flow(), "rate");
  EXPECT_EQ(table_.opens_at(), now_ + 1s);
}

TEST_F(FlowLimitsTest, OfAnOrderedFlowOneIsUnderWay) {
  EXPECT_FALSE(table_.in_order(limited_flow())) << "nothing is known of its endpoint";
  set(in_order());
  EXPECT_TRUE(table_.in_order(limited_flow()));
  EXPECT_FALSE(table_.in_order({2, 101, kLimited})) << "of another namespace";
  EXPECT_FALSE(table_.in_order({1, 5}));
  attempt(limited_flow(), 5);
  EXPECT_EQ(begin(limited_flow()), 1u);
  expect_waits(limited_flow(), "order");
  EXPECT_EQ(begin(limited_flow(2)), 1u) << "each flow by itself";
  EXPECT_FALSE(table_.closed(Lane::of(limited_flow()))) << "an end of its own opens it";
  EXPECT_FALSE(table_.opens_at());
  expect_none_open();
  end(limited_flow(), FlowEnding::kNotMade);
  expect_open(limited_flow());
  EXPECT_EQ(begin(limited_flow()), 1u);
}

TEST_F(FlowLimitsTest, AFlowIsHeldUntilItsFirstTaskIsReady) {
  at(kNoon);
  set(in_order());
  EXPECT_EQ(begin(limited_flow(), 1), 1u);
  table_.hold(limited_flow(), kNoon + 10s);
  end(limited_flow(), FlowEnding::kNotMade);
  expect_waits(limited_flow(), "retry");
  EXPECT_EQ(table_.held(limited_flow(), now_)->until, kNoon + 10s);
  EXPECT_EQ(table_.opens_at(), kNoon + 10s);
  EXPECT_TRUE(table_.closed(Lane::of(limited_flow())));
  EXPECT_EQ(begin(limited_flow(2)), 1u);
  advance(10s - 1ms);
  expect_none_open();
  advance(1ms);
  expect_open(limited_flow());
  EXPECT_EQ(held_by(limited_flow()), "");
  EXPECT_EQ(begin(limited_flow()), 1u);
}

TEST_F(FlowLimitsTest, WhatHoldsAFlowIsLookedAtAgain) {
  at(kNoon);
  set(in_order());
  table_.hold(limited_flow(), kNoon + 24h);
  expect_waits(limited_flow(), "retry");
  EXPECT_EQ(table_.held(limited_flow(), now_)->until, kNoon + 24h);
  EXPECT_EQ(table_.opens_at(), kNoon + FlowTable::kHoldMax) << "others may have changed it";
  EXPECT_TRUE(table_.look_again(limited_flow()));
  expect_open(limited_flow());
  EXPECT_FALSE(table_.look_again(limited_flow()));
  EXPECT_FALSE(table_.look_again(limited_flow(2)));
  EXPECT_EQ(begin(limited_flow()), 1u);
  table_.hold(limited_flow(2), kNoon + 24h);
  expect_waits(limited_flow(2), "retry");
  advance(FlowTable::kHoldMax);
  expect_open(limited_flow(2));
}

// Its first task may be another one by then.
TEST_F(FlowLimitsTest, WhatIsLookedAtAgainDuringAClaimIsNotHeldByIt) {
  at(kNoon);
  set(in_order());
  for (const bool all : {false, true}) {
    table_.claim_begins();
    EXPECT_FALSE(table_.refuse(limited_flow()));
    EXPECT_FALSE(all ? table_.look_again_in(1) : table_.look_again(limited_flow()));
    at(now_);  // of what was let through
    table_.hold(limited_flow(), kNoon + 24h);
    table_.claimed(limited_flow(), false);
    table_.claim_ended();
    table_.done(limited_flow(), FlowEnding::kNotMade, false);
    EXPECT_EQ(held_by(limited_flow()), "");
  }
  table_.claim_begins();
  table_.look_again(limited_flow(2));
  table_.look_again_in(2);
  table_.hold(limited_flow(), kNoon + 24h);
  EXPECT_EQ(held_by(limited_flow()), "retry") << "others were";
  table_.claim_ended();
}

TEST_F(FlowLimitsTest, AllOfANamespaceAreLookedAtAgain) {
  at(kNoon);
  set(in_order());
  for (std::uint64_t key = 1; key <= 2; ++key) {
    table_.hold(limited_flow(key), kNoon + 24h);
    expect_waits(limited_flow(key), "retry");
  }
  EXPECT_FALSE(table_.look_again_in(2));
  expect_none_open();
  EXPECT_TRUE(table_.look_again_in(1));
  EXPECT_FALSE(table_.look_again_in(1));
  EXPECT_TRUE(table_.next_open());
  EXPECT_TRUE(table_.next_open());
  for (std::uint64_t key = 1; key <= 2; ++key) EXPECT_EQ(begin(limited_flow(key)), 1u);
}

TEST_F(FlowLimitsTest, WithItsClockSetBackAWorkerHoldsNoFlowForLong) {
  at(kNoon);
  set(in_order());
  table_.hold(limited_flow(), kNoon + 10s);
  expect_waits(limited_flow(), "retry");
  advance(-1h);
  EXPECT_FALSE(table_.next_open());
  EXPECT_EQ(table_.opens_at(), now_ + FlowTable::kHoldMax);
  advance(FlowTable::kHoldMax);
  expect_open(limited_flow());
}

TEST_F(FlowLimitsTest, AFlowThatIsNotOrderedAnyMoreIsNotHeld) {
  at(kNoon);
  set(in_order());
  table_.hold(limited_flow(), kNoon + 10s);
  expect_waits(limited_flow(), "retry");
  set({});
  expect_open(limited_flow());
  // Nor once it is again: the first task may have left its place meanwhile.
  set(in_order());
  EXPECT_EQ(held_by(limited_flow()), "");
  EXPECT_EQ(begin(limited_flow()), 1u);
}

TEST_F(FlowLimitsTest, WhatIsToKeepItsOrderFromNowOnIsAskedForAnew) {
  const std::uint64_t id = table_.id();
  set(at_once(1));
  EXPECT_EQ(begin(limited_flow()), 1u);
  expect_waits(limited_flow(), "concurrency");
  EXPECT_EQ(table_.id(), id);
  set(in_order());
  EXPECT_NE(table_.id(), id);
  const std::uint64_t ordered = table_.id();
  model::Limits paused = in_order();
  paused.paused = true;
  for (const model::Limits& limits : {paused, in_order(), at_once(1), model::Limits{}}) {
    set(limits);
    EXPECT_EQ(table_.id(), ordered);
  }
  set(in_order());
  EXPECT_NE(table_.id(), ordered);
}

// All lanes of all would be for nothing.
TEST_F(FlowLimitsTest, NothingIsAskedForAnewWhereNothingWaits) {
  const std::uint64_t id = table_.id();
  table_.set_endpoints({});
  EXPECT_EQ(begin({1, 5}), FlowTable::kWindow);
  EXPECT_EQ(begin({1, 6, 8}), FlowTable::kWindow);
  EXPECT_TRUE(table_.refuse({1, 5}));
  EXPECT_TRUE(table_.refuse({1, 6, 8})) << "of another endpoint";
  attempt(limited_flow());
  set(in_order());
  EXPECT_EQ(table_.id(), id);
  model::Limits unknown;
  unknown.unknown = true;
  expect_asked_for_anew(unknown, false);
  EXPECT_TRUE(table_.in_order(limited_flow()));
  EXPECT_TRUE(table_.refuse(limited_flow()));
  expect_asked_for_anew(in_order(), false);
  table_.emptied(Lane::of_endpoint_of(limited_flow()));
}

TEST_F(FlowLimitsTest, WhatMayWaitAmongOthersIsAskedForAnew) {
  model::Limits paused;
  paused.paused = true;
  set(paused);
  EXPECT_TRUE(table_.refuse(limited_flow()));
  expect_asked_for_anew(in_order(), true);
  table_.emptied(Lane::of_endpoint_of(limited_flow()));
  expect_asked_for_anew({}, false);
  for (std::uint64_t receiver = 1; receiver <= 32; ++receiver) {
    ASSERT_EQ(begin({2, receiver}, 1), 1u);
  }
  EXPECT_EQ(table_.refuse(limited_flow())->lane, (Lane{1, 0}));
  expect_asked_for_anew(in_order(), true);
}

// In one that it shared a later task could pass an earlier one.
TEST_F(FlowLimitsTest, AnOrderedFlowThatWasNotTriedHasALaneOfItsOwn) {
  set(in_order());
  for (std::uint64_t receiver = 1; receiver <= 32; ++receiver) {
    ASSERT_EQ(begin({2, receiver}, 1), 1u);
  }
  EXPECT_EQ(table_.refuse({1, 5})->lane, (Lane{1, 0}));
  table_.emptied({1, 0});
  expect_waits(limited_flow(), "");
  expect_none_open();
  end({2, 1});
  expect_open(limited_flow());
  EXPECT_EQ(begin(limited_flow()), 1u);
}

TEST_F(FlowLimitsTest, AnOrderedFlowWaitsForAPlaceOfItsNamespaceInItsOwnLane) {
  set(in_order());
  const Flow other{1, 31};
  attempt(limited_flow());
  attempt(other);
  for (std::uint64_t receiver = 1; receiver <= 30; ++receiver) {
    attempt({1, receiver});
    ASSERT_EQ(begin({1, receiver}, 2), 2u);
  }
  EXPECT_EQ(table_.refuse(other)->lane, (Lane{1, 0}));
  table_.emptied({1, 0});
  expect_waits(limited_flow(), "");
  expect_none_open();
  end({1, 1});
  expect_open(limited_flow());
  EXPECT_EQ(begin(limited_flow()), 1u);
}

// However many others have: those of another namespace need not end for it.
TEST_F(FlowLimitsTest, AnEndOfItsNamespaceMakesAPlaceForAnOrderedFlow) {
  set(in_order());
  const Flow own{1, 9};
  const Flow other{3, 9};
  for (const Flow& flow : {own, other, limited_flow()}) attempt(flow);
  for (std::uint64_t receiver = 1; receiver <= 30; ++receiver) {
    attempt({2, receiver});
    ASSERT_EQ(begin({2, receiver}, 2), 2u);
  }
  ASSERT_EQ(begin(own, 1), 1u);
  ASSERT_EQ(begin(other, 1), 1u);
  expect_waits(limited_flow(), "");
  expect_none_open();
  end(own);
  expect_open(limited_flow());
  EXPECT_EQ(begin(limited_flow()), 1u);
}

TEST_F(FewSlotsLimitsTest, OrderHoldsWhereNothingIsSharedOut) {
  set(in_order());
  EXPECT_EQ(begin(limited_flow()), 1u);
  expect_waits(limited_flow(), "order");
  EXPECT_EQ(begin({1, 5}, 3), 3u);
  end(limited_flow(), FlowEnding::kNoAnswer);
  expect_open(limited_flow());
}

// The worker of another process, or none, has this flow.
TEST_F(FlowLimitsTest, WhoClaimsNothingKnowsOfNoRateThatHolds) {
  set(as_fast_as({60, 1min}, 1));
  EXPECT_FALSE(table_.held(limited_flow(), kNoon));
}

TEST_F(FewSlotsLimitsTest, RatesHoldWhereNothingIsSharedOut) {
  begin_long_ago();
  set(as_fast_as({60, 1min}, 3));
  EXPECT_EQ(begin(limited_flow()), 3u);
  for (int i = 0; i < 3; ++i) end(limited_flow(), FlowEnding::kNoAnswer);
  EXPECT_FALSE(table_.next_open());
  advance(1s);
  expect_open(limited_flow());
  EXPECT_EQ(begin(limited_flow()), 1u);
}

TEST_F(FewSlotsLimitsTest, LimitsHoldWhereNothingIsSharedOut) {
  set(at_once(2));
  EXPECT_EQ(begin(limited_flow()), 2u);
  expect_waits(limited_flow(), "concurrency");
  EXPECT_EQ(begin({1, 5}, 3), 3u);
  end(limited_flow(), FlowEnding::kNoAnswer);
  expect_open(limited_flow());
  EXPECT_EQ(begin(limited_flow()), 1u);
  table_.set_endpoints({});
  end(limited_flow(), FlowEnding::kNoAnswer);
  EXPECT_EQ(begin(limited_flow(), 3), 3u) << "however it answers";
}

}  // namespace
}  // namespace rhooks::engine

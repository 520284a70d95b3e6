// Endpoints that do not answer, or ask to wait. How a breaker opens and closes, and what an answer
// asks for, is in model/breaker_test.cc.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "engine/flow_table.h"

namespace rhooks::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSilent = 7;  // an endpoint

Flow flow_with_key(std::uint64_t key = 1) {
  return {1, 100 + key, kSilent};
}

class FlowBreakerTest : public ::testing::Test {
 protected:
  explicit FlowBreakerTest(std::size_t slots = 64) : table_(slots) {
    set({});
    at(kNoon);
  }

  void at(TimePoint now) {
    now_ = now;
    table_.at(now);
  }
  void advance(std::chrono::milliseconds by) { at(now_ + by); }
  void set(const model::Limits& limits) {
    limits_ = limits;
    const model::LimitsOf of{1, kSilent, limits};
    table_.set_endpoints({&of, 1});
  }
  // Begins an attempt, if one may begin; if not, it waits.
  bool begin(const Flow& flow) {
    const bool passes = table_.passes(flow);
    const auto refusal = table_.refuse(flow);
    EXPECT_EQ(passes, !refusal);
    if (!refusal) table_.claimed(flow);
    table_.claim_ended();
    return !refusal;
  }
  // Ends one that began at that time.
  FlowTable::Learnt end(const Flow& flow, bool answered, std::optional<TimePoint> began = {},
                        int status = 0) {
    model::AttemptOutcome outcome;
    outcome.started_at = began.value_or(now_);
    outcome.duration = now_ - outcome.started_at;
    if (answered) status = 200;
    if (status != 0) outcome.response = Response{status, {}, "", false};
    const auto learnt = table_.attempted(flow, Task{}, outcome, {}, now_, 0.5);
    table_.done(flow, FlowEnding::kQuick);
    return learnt;
  }
  // Ends one that began at that time, before the clock was set back.
  void end_of_old_time(const Flow& flow, TimePoint began) {
    model::AttemptOutcome outcome;
    outcome.started_at = began;
    table_.attempted(flow, Task{}, outcome, {}, now_, 0.5);
    table_.done(flow, FlowEnding::kQuick);
  }
  // The receiver answers one that is under way with a Retry-After.
  bool ask(const Flow& flow, std::chrono::milliseconds wait, int status = 429) {
    model::AttemptOutcome outcome;
    outcome.started_at = now_;
    outcome.response = Response{status, {}, "", false};
    outcome.retry_after = wait;
    return table_.answered(flow, limits_, outcome, now_);
  }
  // The same of one that begins, and ends.
  void attempt_asks(std::chrono::milliseconds wait) {
    EXPECT_TRUE(begin(flow_with_key()));
    ask(flow_with_key(), wait);
    table_.done(flow_with_key(), FlowEnding::kQuick);
  }
  std::optional<Held> held() const { return table_.held(flow_with_key(), now_); }
  FlowTable::Learnt attempt(bool answered) {
    EXPECT_TRUE(begin(flow_with_key()));
    return end(flow_with_key(), answered);
  }
  // For 5 s.
  void open() {
    for (int i = 0; i < 4; ++i) EXPECT_FALSE(attempt(false).opened);
    EXPECT_TRUE(attempt(false).opened);
  }
  std::string held_by() const {
    const auto held = table_.held(flow_with_key(), now_);
    return held ? held->by : "";
  }
  void expect_none_open() {
    EXPECT_FALSE(table_.next_open());
    EXPECT_FALSE(table_.any_open());
  }
  void expect_open() {
    EXPECT_TRUE(table_.any_open());
    EXPECT_EQ(table_.next_open(), kLane);
    expect_none_open();
  }

  static constexpr TimePoint kNoon{std::chrono::hours{500'000}};
  static constexpr Lane kLane{1, kSilent, true};
  TimePoint now_ = kNoon;
  model::Limits limits_;
  FlowTable table_;
};

class FewSlotsBreakerTest : public FlowBreakerTest {
 protected:
  FewSlotsBreakerTest() : FlowBreakerTest(FlowTable::kSlotsMin - 1) {}
};

TEST_F(FlowBreakerTest, AfterFiveFailuresAllOfItWaits) {
  open();
  EXPECT_EQ(table_.open_breakers(), 0u) << "nothing waits";
  for (std::uint64_t key = 1; key <= 3; ++key) {
    const auto refusal = table_.refuse(flow_with_key(key));
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->lane, kLane);
    EXPECT_EQ(refusal->others, store::FlowGate::Refusal::kClosed);
    EXPECT_EQ(table_.held(flow_with_key(key), now_), (Held{"breaker", now_ + 5s}));
  }
  EXPECT_EQ(table_.open_breakers(), 1u);
  EXPECT_EQ(table_.untried(kLane, now_), (Held{"breaker", now_ + 5s}));
  EXPECT_TRUE(table_.closed(kLane)) << "no end of an attempt opens it";
  EXPECT_EQ(table_.opens_at(), now_ + 5s);
  EXPECT_EQ(table_.take_held().of(FlowTable::HeldBy::kBreaker), 1u) << "an endpoint waits once";
  EXPECT_TRUE(table_.meets_endpoints());
  expect_none_open();

  EXPECT_TRUE(begin({1, 5, 8})) << "another endpoint";
  EXPECT_TRUE(begin({2, 101, kSilent})) << "one of another namespace";
  EXPECT_TRUE(begin({1, 5})) << "none";
  EXPECT_FALSE(table_.untried(Lane{1, 8, true}, now_));
}

TEST_F(FlowBreakerTest, WhatItAnswersIsTold) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(begin(flow_with_key()));
    end(flow_with_key(), false, now_, 503);
  }
  const Held held{"breaker", now_ + 5s, 503};
  EXPECT_EQ(table_.held(flow_with_key(), now_), held);
  EXPECT_EQ(table_.untried(kLane, now_), held);
  advance(5s);
  EXPECT_EQ(table_.untried(kLane, now_), (Held{"breaker", std::nullopt, 503}));
  EXPECT_TRUE(begin(flow_with_key()));
  end(flow_with_key(), false);
  EXPECT_EQ(table_.held(flow_with_key(), now_), (Held{"breaker", now_ + 10s}));
}

TEST_F(FlowBreakerTest, ThenOneAtATimeTriesIt) {
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  advance(4'999ms);
  expect_none_open();
  advance(1ms);
  EXPECT_FALSE(table_.closed(kLane));
  EXPECT_EQ(held_by(), "");
  EXPECT_EQ(table_.untried(kLane, now_), (Held{"breaker", std::nullopt}));
  expect_open();
  EXPECT_TRUE(begin(flow_with_key(1)));
  EXPECT_FALSE(begin(flow_with_key(1)));
  EXPECT_EQ(table_.untried(kLane, now_), (Held{"breaker", std::nullopt}));
  EXPECT_FALSE(begin(flow_with_key(2)));
  EXPECT_EQ(table_.held(flow_with_key(), now_), (Held{"breaker", std::nullopt}));
  EXPECT_FALSE(table_.closed(kLane)) << "an end opens it";
  EXPECT_FALSE(table_.opens_at());
  expect_none_open();

  advance(30s);
  EXPECT_FALSE(end(flow_with_key(1), false, now_ - 30s).counts);
  EXPECT_FALSE(table_.next_open());
  EXPECT_EQ(table_.opens_at(), now_ + 10s);
  EXPECT_EQ(table_.held(flow_with_key(), now_), (Held{"breaker", now_ + 10s}));
  EXPECT_TRUE(table_.closed(kLane));
  advance(10s);
  expect_open();
  EXPECT_TRUE(begin(flow_with_key(2)));
  EXPECT_FALSE(begin(flow_with_key(1)));
}

TEST_F(FlowBreakerTest, AnAnswerLetsAllOfItPass) {
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  advance(5s);
  expect_open();
  EXPECT_TRUE(begin(flow_with_key()));
  EXPECT_FALSE(begin(flow_with_key(2)));
  const auto learnt = end(flow_with_key(), true);
  EXPECT_TRUE(learnt.closed);
  EXPECT_TRUE(learnt.counts);
  expect_open();
  EXPECT_EQ(table_.open_breakers(), 0u);
  EXPECT_EQ(held_by(), "");
  EXPECT_FALSE(table_.untried(kLane, now_));
  for (std::uint64_t key = 2; key <= 5; ++key) EXPECT_TRUE(begin(flow_with_key(key)));
}

TEST_F(FlowBreakerTest, WhoeverIsBackIsNotMetWithAllAtOnce) {
  for (std::uint64_t key = 1; key <= 2; ++key) {
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(begin(flow_with_key(key)));
      end(flow_with_key(key), true);
    }
  }
  open();
  advance(5s);
  attempt(true);
  std::size_t begun = 0;
  while (begin(flow_with_key(1))) ++begun;
  EXPECT_EQ(begun, FlowTable::kWindow + 1);
  begun = 0;
  while (begin(flow_with_key(2))) ++begun;
  EXPECT_EQ(begun, FlowTable::kWindow) << "nor with all of its other flows";
}

// They were deleted, or cancelled: nobody tries it.
TEST_F(FlowBreakerTest, OneOfWhichNothingWaitsIsNotCounted) {
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  EXPECT_EQ(table_.open_breakers(), 1u);
  advance(5s);
  expect_open();
  EXPECT_TRUE(begin(flow_with_key()));
  table_.emptied(kLane);
  EXPECT_EQ(table_.open_breakers(), 1u) << "one tries it";
  end(flow_with_key(), false);
  EXPECT_EQ(table_.open_breakers(), 0u);
  advance(1h);
  EXPECT_EQ(table_.untried(kLane, now_), (Held{"breaker", std::nullopt})) << "it did not answer";
}

TEST_F(FlowBreakerTest, WhatWasUnderWayEndsBeforeItIsTried) {
  for (std::uint64_t key = 2; key <= 3; ++key) EXPECT_TRUE(begin(flow_with_key(key)));
  const TimePoint began = now_;
  advance(1s);
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  advance(1min);
  EXPECT_FALSE(table_.next_open()) << "its time has come";
  EXPECT_EQ(table_.held(flow_with_key(), now_), (Held{"breaker", std::nullopt}));
  EXPECT_FALSE(end(flow_with_key(2), false, began).counts);
  EXPECT_FALSE(table_.next_open());
  EXPECT_FALSE(end(flow_with_key(3), false, began).counts);
  expect_open();
  EXPECT_TRUE(begin(flow_with_key()));

  // An answer is one, whoever had it.
  EXPECT_FALSE(begin(flow_with_key(2)));
  EXPECT_TRUE(end(flow_with_key(), true).closed);
  expect_open();
}

TEST_F(FlowBreakerTest, AProbeThatIsNotMadeMakesRoomForAnother) {
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  advance(5s);
  expect_open();
  EXPECT_TRUE(begin(flow_with_key()));
  EXPECT_FALSE(begin(flow_with_key(2)));
  table_.done(flow_with_key(), FlowEnding::kNotMade);  // cut off, or given back
  expect_open();
  EXPECT_FALSE(table_.refuse(flow_with_key(2)));
  EXPECT_TRUE(table_.refuse(flow_with_key()));
  EXPECT_TRUE(table_.claim_ended()) << "the claim was lost";
  expect_open();
  EXPECT_TRUE(begin(flow_with_key()));
}

TEST_F(FlowBreakerTest, WhatDoesNotBeginDoesNotTryIt) {
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  advance(5s);
  expect_open();
  EXPECT_FALSE(table_.refuse(flow_with_key(1)));
  EXPECT_TRUE(table_.refuse(flow_with_key(2)));
  table_.claimed(flow_with_key(1), false);
  EXPECT_TRUE(table_.claim_ended()) << "who claims goes on";
  expect_open();
  EXPECT_TRUE(begin(flow_with_key(2)));
  EXPECT_FALSE(begin(flow_with_key(3)));
  table_.done(flow_with_key(1), FlowEnding::kNotMade, false);
  expect_none_open();
  EXPECT_FALSE(table_.passes(flow_with_key(3))) << "one is trying it";
  EXPECT_FALSE(end(flow_with_key(2), false).counts);
  EXPECT_FALSE(table_.next_open());
  EXPECT_EQ(table_.opens_at(), now_ + 10s);
}

TEST_F(FlowBreakerTest, WhatDoesNotBeginWhileItAnswersEndsNoClaim) {
  EXPECT_FALSE(table_.refuse(flow_with_key()));
  table_.claimed(flow_with_key(), false);
  EXPECT_FALSE(table_.claim_ended());
  table_.done(flow_with_key(), FlowEnding::kNotMade, false);
}

// It was not to be read while it did not answer.
TEST_F(FlowBreakerTest, OneThatBecomesKnownIsTriedInItsTime) {
  model::Limits unknown;
  unknown.unknown = true;
  open();
  set(unknown);
  EXPECT_FALSE(begin(flow_with_key()));
  EXPECT_FALSE(table_.opens_at());
  set({});
  EXPECT_FALSE(table_.next_open());
  EXPECT_EQ(table_.opens_at(), now_ + 5s);
  advance(5s);
  expect_open();
}

TEST_F(FlowBreakerTest, OneThatIsResumedIsTriedAtOnce) {
  model::Limits paused;
  paused.paused = true;
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  set(paused);
  EXPECT_EQ(held_by(), "paused");
  expect_none_open();
  EXPECT_EQ(table_.open_breakers(), 1u);
  set({});
  EXPECT_EQ(table_.open_breakers(), 0u);
  expect_open();
  open();
  EXPECT_EQ(table_.held(flow_with_key(), now_)->until, now_ + 5s) << "it is as new";
}

TEST_F(FlowBreakerTest, AnotherAddressIsTriedAtOnce) {
  model::Limits limits;
  limits.address = 1;
  set(limits);
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  limits.concurrency = 50;
  set(limits);
  EXPECT_EQ(held_by(), "breaker") << "it is where it was";
  limits.address = 2;
  set(limits);
  EXPECT_EQ(table_.open_breakers(), 0u);
  expect_open();
  for (std::uint64_t key = 1; key <= 5; ++key) EXPECT_TRUE(begin(flow_with_key(key)));
}

// Its tasks fail, as nothing is sent.
TEST_F(FlowBreakerTest, OneThatIsGoneHoldsNothing) {
  for (std::uint64_t key = 2; key <= 6; ++key) EXPECT_TRUE(begin(flow_with_key(key)));
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  table_.set_endpoints({});
  expect_open();
  for (std::uint64_t key = 2; key <= 6; ++key) end(flow_with_key(key), false);
  EXPECT_EQ(held_by(), "") << "whatever those come to that were under way";
  for (std::uint64_t key = 1; key <= 5; ++key) EXPECT_TRUE(begin(flow_with_key(key)));
}

TEST_F(FlowBreakerTest, TellsHowOftenEndpointsTurned) {
  const auto expect_turned = [&](std::size_t opened, std::size_t closed) {
    const FlowTable::Turned turned = table_.take_turned();
    EXPECT_EQ(turned.opened, opened);
    EXPECT_EQ(turned.closed, closed);
  };
  attempt(true);
  expect_turned(0, 0);
  open();
  expect_turned(1, 0);
  advance(5s);
  attempt(false);
  expect_turned(0, 0);
  advance(10s);
  attempt(true);
  expect_turned(0, 1);
  open();
  model::Limits moved;
  moved.address = 1;
  set(moved);
  set({});
  expect_turned(1, 1);
}

TEST_F(FlowBreakerTest, OneThatIsPutAgainIsAsNew) {
  open();
  table_.set_endpoints({});
  set({});
  EXPECT_EQ(held_by(), "");
  open();
  EXPECT_EQ(table_.held(flow_with_key(), now_)->until, now_ + 5s);
}

// As where another process puts it: it is read with its first task.
TEST_F(FlowBreakerTest, WhatIsKnownOfOneThatBecomesKnownStays) {
  table_.set_endpoints({});
  for (int i = 0; i < 4; ++i) attempt(false);
  set({});
  EXPECT_TRUE(attempt(false).opened);
}

TEST_F(FlowBreakerTest, WithoutABreakerNothingWaits) {
  model::Limits limits;
  limits.without_breaker = true;
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  set(limits);
  EXPECT_EQ(table_.open_breakers(), 0u);
  expect_open();
  for (int i = 0; i < 20; ++i) {
    const auto learnt = attempt(false);
    EXPECT_TRUE(learnt.counts);
    EXPECT_FALSE(learnt.opened);
  }
  EXPECT_EQ(held_by(), "");
}

TEST_F(FlowBreakerTest, ItIsAskedForBeforeTheLimitsOfItsFlows) {
  model::Limits limits;
  limits.concurrency = 1;
  limits.rate = model::Gcra::of({60, 1min}, 20);
  advance(1h);
  set(limits);
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  EXPECT_EQ(held_by(), "breaker");
  advance(5s);
  expect_open();
  EXPECT_TRUE(begin(flow_with_key()));
  EXPECT_FALSE(begin(flow_with_key()));
  EXPECT_EQ(held_by(), "breaker");
  end(flow_with_key(), true);
  expect_open();
  EXPECT_TRUE(begin(flow_with_key()));
  EXPECT_EQ(held_by(), "concurrency");
}

TEST_F(FlowBreakerTest, WithItsClockSetBackItIsTriedNoLater) {
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  advance(2s);
  advance(-1h);
  EXPECT_FALSE(table_.next_open());
  EXPECT_EQ(table_.opens_at(), now_ + 3s);
  EXPECT_EQ(table_.held(flow_with_key(), now_)->until, now_ + 3s);
  advance(3s);
  expect_open();
}

TEST_F(FlowBreakerTest, WhatEndsAfterItsClockWasSetBackHoldsItForNoLonger) {
  for (std::uint64_t key = 1; key <= 5; ++key) EXPECT_TRUE(begin(flow_with_key(key)));
  const TimePoint began = now_;
  advance(-1h);
  for (std::uint64_t key = 1; key <= 5; ++key) end_of_old_time(flow_with_key(key), began);
  EXPECT_EQ(table_.held(flow_with_key(), now_)->until, now_ + 5s);
}

// Nor where its end is told of before the next claim tells of the clock.
TEST_F(FlowBreakerTest, WhatEndsBeforeItIsToldOfTheClockCountsAsOfBefore) {
  for (std::uint64_t key = 1; key <= 5; ++key) EXPECT_TRUE(begin(flow_with_key(key)));
  const TimePoint began = now_;
  now_ -= 1h;
  for (std::uint64_t key = 1; key <= 5; ++key) end_of_old_time(flow_with_key(key), began);
  table_.at(now_);
  EXPECT_EQ(table_.held(flow_with_key(), now_)->until, now_ + 5s);
}

TEST_F(FlowBreakerTest, WhereNothingWaitsItOpensForNobody) {
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  table_.emptied(kLane);
  EXPECT_FALSE(table_.opens_at());
  EXPECT_FALSE(table_.meets_endpoints());
  EXPECT_FALSE(begin(flow_with_key()));
  EXPECT_EQ(table_.opens_at(), now_ + 5s);
  table_.empty_all();
  EXPECT_FALSE(table_.opens_at());
  EXPECT_FALSE(begin(flow_with_key()));
  EXPECT_EQ(table_.opens_at(), now_ + 5s);
}

TEST_F(FlowBreakerTest, WhatDoesNotAnswerIsKnownHoweverManyAnswer) {
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  for (std::uint64_t other = 10; other < FlowTable::kKnownMax + 1'000; ++other) {
    const Flow flow{1, 1'000'000 + other, other};
    ASSERT_TRUE(begin(flow));
    end(flow, true);
  }
  EXPECT_EQ(table_.open_breakers(), 1u);
  EXPECT_EQ(held_by(), "breaker");
  // Once its time is over it may be forgotten: five failures more, and it is known again.
  advance(1h);
  for (std::uint64_t other = 10; other < 2 * FlowTable::kKnownMax + 1'000; ++other) {
    const Flow flow{2, 1'000'000 + other, other};
    ASSERT_TRUE(begin(flow));
    end(flow, true);
  }
  EXPECT_EQ(table_.open_breakers(), 0u);
  open();
}

TEST_F(FlowBreakerTest, WhatItsReceiverAsksForHoldsAllOfIt) {
  EXPECT_TRUE(begin(flow_with_key()));
  EXPECT_FALSE(table_.asked_to_wait(flow_with_key(2), now_));
  EXPECT_TRUE(ask(flow_with_key(), 30s));
  EXPECT_EQ(table_.asked_to_wait(flow_with_key(2), now_), now_ + 30s)
      << "as it may be claimed already";
  EXPECT_EQ(table_.asking_to_wait(), 0u) << "nothing waits";
  for (std::uint64_t key = 1; key <= 3; ++key) {
    const auto refusal = table_.refuse(flow_with_key(key));
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->lane, kLane);
    EXPECT_EQ(refusal->others, store::FlowGate::Refusal::kClosed);
    EXPECT_EQ(table_.held(flow_with_key(key), now_), (Held{"retry-after", now_ + 30s}));
  }
  EXPECT_EQ(table_.asking_to_wait(), 1u);
  EXPECT_EQ(table_.open_breakers(), 0u);
  EXPECT_EQ(table_.untried(kLane, now_), (Held{"retry-after", now_ + 30s}));
  EXPECT_TRUE(table_.closed(kLane)) << "no end of an attempt opens it";
  EXPECT_EQ(table_.opens_at(), now_ + 30s);
  const auto counts = table_.take_held();
  EXPECT_EQ(counts.of(FlowTable::HeldBy::kRetryAfter), 1u) << "an endpoint waits once";
  EXPECT_EQ(counts.of(FlowTable::HeldBy::kBreaker), 0u);
  table_.done(flow_with_key(), FlowEnding::kQuick);
  expect_none_open();

  EXPECT_TRUE(begin({1, 5, 8})) << "another endpoint";
  EXPECT_TRUE(begin({2, 101, kSilent})) << "one of another namespace";
  EXPECT_TRUE(begin({1, 5})) << "none";
  EXPECT_FALSE(table_.asked_to_wait({1, 5, 8}, now_));
  EXPECT_FALSE(table_.asked_to_wait({1, 5}, now_));

  advance(29'999ms);
  expect_none_open();
  advance(1ms);
  EXPECT_EQ(table_.asking_to_wait(), 0u);
  EXPECT_FALSE(table_.asked_to_wait(flow_with_key(2), now_));
  EXPECT_FALSE(table_.untried(kLane, now_));
  expect_open();
  for (std::uint64_t key = 1; key <= 3; ++key) EXPECT_TRUE(begin(flow_with_key(key)));
}

TEST_F(FlowBreakerTest, TheLatestTimeForWhichItAskedHolds) {
  for (std::uint64_t key = 1; key <= 3; ++key) EXPECT_TRUE(begin(flow_with_key(key)));
  const TimePoint asked = now_;
  EXPECT_TRUE(ask(flow_with_key(1), 30s));
  advance(1s);
  EXPECT_FALSE(ask(flow_with_key(2), 10s)) << "it asks already";
  EXPECT_EQ(held(), (Held{"retry-after", asked + 30s})) << "no answer makes it shorter";
  end(flow_with_key(1), false);
  end(flow_with_key(2), true);
  EXPECT_EQ(held(), (Held{"retry-after", asked + 30s})) << "nor does a success";
  EXPECT_FALSE(begin(flow_with_key(1)));
  EXPECT_FALSE(ask(flow_with_key(3), 60s));
  EXPECT_EQ(held(), (Held{"retry-after", now_ + 60s}));
  advance(29s);
  EXPECT_FALSE(table_.next_open());
  EXPECT_EQ(table_.opens_at(), asked + 61s);
  advance(31s);
  expect_open();
  EXPECT_TRUE(begin(flow_with_key(1)));
  EXPECT_TRUE(ask(flow_with_key(1), 1s)) << "it asks anew";
}

TEST_F(FlowBreakerTest, AskedForMoreThanAnHourItWaitsForOne) {
  attempt_asks(20h);
  EXPECT_EQ(held(), (Held{"retry-after", now_ + 1h}));
}

TEST_F(FlowBreakerTest, OnlyWhatAsksForItHoldsAllOfIt) {
  EXPECT_TRUE(begin(flow_with_key()));
  EXPECT_FALSE(ask(flow_with_key(), 30s, 500));
  EXPECT_EQ(held(), std::nullopt);
  EXPECT_TRUE(ask(flow_with_key(), 30s, 503));
  EXPECT_EQ(held(), (Held{"retry-after", now_ + 30s}));
}

TEST_F(FlowBreakerTest, OneThatIsResumedDoesNotWaitForWhatItsReceiverAskedFor) {
  model::Limits paused;
  paused.paused = true;
  const TimePoint until = now_ + 30s;
  attempt_asks(30s);
  EXPECT_FALSE(begin(flow_with_key()));
  set(paused);
  EXPECT_EQ(held(), (Held{"paused", std::nullopt}));
  advance(1s);
  EXPECT_EQ(table_.asked_to_wait(flow_with_key(), now_), until) << "nor is what was claimed sent";
  set({});
  expect_open();
  EXPECT_EQ(held_by(), "");
  EXPECT_FALSE(table_.asked_to_wait(flow_with_key(), now_));
  EXPECT_TRUE(begin(flow_with_key()));
}

TEST_F(FlowBreakerTest, AnotherAddressAskedForNothing) {
  model::Limits limits;
  limits.address = 1;
  set(limits);
  EXPECT_TRUE(begin(flow_with_key(2)));
  attempt_asks(30s);
  EXPECT_FALSE(begin(flow_with_key()));
  limits.concurrency = 50;
  set(limits);
  EXPECT_EQ(held_by(), "retry-after") << "it is where it was";
  const model::Limits before = limits;
  limits.address = 2;
  set(limits);
  EXPECT_EQ(held_by(), "");
  expect_open();
  limits_ = before;
  EXPECT_FALSE(ask(flow_with_key(2), 30s)) << "it answers where it is no more";
  EXPECT_EQ(held_by(), "");
}

TEST_F(FlowBreakerTest, OneThatIsGoneAsksForNothing) {
  attempt_asks(30s);
  EXPECT_FALSE(begin(flow_with_key()));
  table_.set_endpoints({});
  expect_open();
  EXPECT_EQ(held_by(), "");
  EXPECT_FALSE(table_.asked_to_wait(flow_with_key(), now_));
  EXPECT_TRUE(begin(flow_with_key())) << "it fails, as nothing is sent";
  set({});
  EXPECT_EQ(held_by(), "") << "it is as new";
}

TEST_F(FlowBreakerTest, WhatOneThatIsGoneAskedForDoesNotHoldWhatIsPutInItsPlace) {
  model::Limits limits;
  limits.address = 1;
  set(limits);
  EXPECT_TRUE(begin(flow_with_key()));
  table_.set_endpoints({});
  EXPECT_TRUE(ask(flow_with_key(), 1h)) << "what is claimed by then goes to the same receiver";
  limits.address = 2;
  set(limits);
  EXPECT_EQ(held_by(), "");
  EXPECT_FALSE(table_.asked_to_wait(flow_with_key(), now_));
  EXPECT_TRUE(begin(flow_with_key(2)));
}

// As where another process put it: it was read with its first task.
TEST_F(FlowBreakerTest, WhatIsAskedForOfOneThatBecomesKnownStays) {
  table_.set_endpoints({});
  EXPECT_TRUE(begin(flow_with_key()));
  EXPECT_TRUE(ask(flow_with_key(), 30s));
  EXPECT_TRUE(begin(flow_with_key(2))) << "of one that is not there nothing waits";
  EXPECT_EQ(table_.asked_to_wait(flow_with_key(2), now_), now_ + 30s) << "it is not sent";
  set({});
  EXPECT_EQ(held(), (Held{"retry-after", now_ + 30s}));
}

TEST_F(FlowBreakerTest, WithoutABreakerItsReceiverIsHeardAllTheSame) {
  model::Limits limits;
  limits.without_breaker = true;
  set(limits);
  attempt_asks(30s);
  EXPECT_FALSE(begin(flow_with_key()));
  EXPECT_EQ(held(), (Held{"retry-after", now_ + 30s}));
}

TEST_F(FlowBreakerTest, OfBothTheOneThatEndsLaterIsTold) {
  EXPECT_TRUE(begin(flow_with_key(2)));
  const TimePoint began = now_;
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  EXPECT_TRUE(ask(flow_with_key(2), 3s));
  EXPECT_EQ(held(), (Held{"breaker", began + 5s}));
  EXPECT_TRUE(table_.asked_to_wait(flow_with_key(), now_)) << "that holds what was claimed";
  EXPECT_FALSE(ask(flow_with_key(2), 20s));
  EXPECT_EQ(held(), (Held{"retry-after", began + 20s}));
  EXPECT_EQ(table_.untried(kLane, now_), held());
  advance(5s);
  EXPECT_FALSE(table_.next_open());
  EXPECT_EQ(table_.opens_at(), began + 20s) << "nor is it tried";
  advance(15s);
  EXPECT_FALSE(table_.next_open());
  EXPECT_EQ(held(), (Held{"breaker", std::nullopt})) << "one is under way";
  end(flow_with_key(2), false, began);
  expect_open();
  EXPECT_TRUE(begin(flow_with_key()));
  EXPECT_FALSE(begin(flow_with_key(3))) << "and then one at a time tries it";

  // An answer closes the breaker, and ends nothing else.
  EXPECT_TRUE(ask(flow_with_key(), 30s));
  end(flow_with_key(), true);
  EXPECT_EQ(held(), (Held{"retry-after", now_ + 30s}));
  expect_none_open();
}

TEST_F(FlowBreakerTest, AfterThatItsLimitsHold) {
  model::Limits limits;
  limits.rate = model::Gcra::of({60, 1min}, 3);
  advance(1h);
  set(limits);
  attempt_asks(10min);
  EXPECT_FALSE(begin(flow_with_key()));
  advance(10min);
  expect_open();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(begin(flow_with_key()));
    end(flow_with_key(), true);
  }
  EXPECT_FALSE(begin(flow_with_key()));
  EXPECT_EQ(held_by(), "rate");

  limits.rate.reset();
  limits.concurrency = 2;
  set(limits);
  attempt_asks(10min);
  advance(10min);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(begin(flow_with_key()));
  EXPECT_FALSE(begin(flow_with_key()));
  EXPECT_EQ(held_by(), "concurrency");
}

TEST_F(FlowBreakerTest, WhoAskedToWaitIsNotMetWithAllAtOnce) {
  for (std::uint64_t key = 1; key <= 2; ++key) {
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(begin(flow_with_key(key)));
      end(flow_with_key(key), true);
    }
  }
  attempt_asks(30s);
  advance(30s);
  for (std::uint64_t key = 1; key <= 2; ++key) {
    std::size_t begun = 0;
    while (begin(flow_with_key(key))) ++begun;
    EXPECT_EQ(begun, FlowTable::kWindow) << key;
  }
}

TEST_F(FlowBreakerTest, WithItsClockSetBackItWaitsForNoLonger) {
  attempt_asks(30s);
  EXPECT_FALSE(begin(flow_with_key()));
  advance(2s);
  advance(-1h);
  EXPECT_FALSE(table_.next_open());
  EXPECT_EQ(table_.opens_at(), now_ + 28s);
  EXPECT_EQ(held(), (Held{"retry-after", now_ + 28s}));
  advance(28s);
  expect_open();
}

// Nor for less, where it is asked before the next claim tells of the clock.
TEST_F(FlowBreakerTest, AskedBeforeItIsToldOfTheClockItWaitsAsLong) {
  EXPECT_TRUE(begin(flow_with_key()));
  now_ -= 1h;
  EXPECT_TRUE(ask(flow_with_key(), 30s));
  EXPECT_TRUE(table_.asked_to_wait(flow_with_key(), now_));
  table_.at(now_);
  EXPECT_EQ(held(), (Held{"retry-after", now_ + 30s}));
}

TEST_F(FlowBreakerTest, WhatIsAskedForIsKnownHoweverManyAnswer) {
  attempt_asks(1h);
  for (std::uint64_t other = 10; other < FlowTable::kKnownMax + 1'000; ++other) {
    const Flow flow{1, 1'000'000 + other, other};
    ASSERT_TRUE(begin(flow));
    end(flow, true);
  }
  EXPECT_EQ(held_by(), "retry-after");
}

TEST_F(FewSlotsBreakerTest, WhatIsAskedForHoldsWhereNothingIsSharedOut) {
  attempt_asks(30s);
  EXPECT_FALSE(begin(flow_with_key(2)));
  advance(30s);
  expect_open();
  EXPECT_TRUE(begin(flow_with_key(2)));
}

TEST_F(FewSlotsBreakerTest, HoldsWhereNothingIsSharedOut) {
  open();
  EXPECT_FALSE(begin(flow_with_key()));
  advance(5s);
  expect_open();
  EXPECT_TRUE(begin(flow_with_key()));
  EXPECT_FALSE(begin(flow_with_key(2)));
  end(flow_with_key(), true);
  expect_open();
  EXPECT_TRUE(begin(flow_with_key(2)));
}

}  // namespace
}  // namespace rhooks::engine

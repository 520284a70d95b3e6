#include "model/breaker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "model/test_support.h"

namespace rhooks::model {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class BreakerTest : public ::testing::Test {
 protected:
  // The end of an attempt of a task that has retries left.
  bool tell(const AttemptOutcome& outcome, double jitter = 0.5) {
    return learn(breaker_, active_task(), outcome, {}, outcome.ended_at(), jitter);
  }
  // The same, after the clock was set back.
  bool tell_at(const AttemptOutcome& outcome, TimePoint now) {
    return learn(breaker_, active_task(), outcome, {}, now, 0.5);
  }
  // The last one of its occurrence; the one before it began at `before`.
  bool tell_last(const AttemptOutcome& outcome, TimePoint before, int retry_limit = 3) {
    Task task = active_task();
    task.attempt = retry_limit;
    if (retry_limit > 0) task.execution.last_execution_date = before;
    return learn(breaker_, task, outcome, {.retry_limit = retry_limit}, outcome.ended_at(), 0.5);
  }
  void open_at(TimePoint t) {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(tell(unanswered("refused", t)));
    ASSERT_EQ(breaker_.open_until, t + seconds{5});
  }

  Breaker breaker_;
};

TEST_F(BreakerTest, OpensWithTheFifthFailureInARow) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(tell(unanswered("refused")));
  EXPECT_TRUE(tell(answered(404))) << "that is an answer";
  for (const int status : {500, 503, 599, 429}) EXPECT_TRUE(tell(answered(status)));
  EXPECT_FALSE(breaker_.open());
  EXPECT_TRUE(tell(answered(500)));
  EXPECT_EQ(breaker_.open_until, kT0 + seconds{5});
}

TEST_F(BreakerTest, KnowsWhatOpenedIt) {
  open_at(kT0);
  EXPECT_EQ(breaker_.status, 0) << "nothing came back";
  tell(answered(503, kT0 + seconds{1}));
  EXPECT_EQ(breaker_.status, 0) << "it began before";
  tell(answered(503, kT0 + seconds{5}));
  EXPECT_EQ(breaker_.status, 503);
  tell(answered(200, kT0 + seconds{6}));
  EXPECT_EQ(breaker_.status, 0);
}

// Which answers close it, and which do not count for the task that has them.
TEST_F(BreakerTest, AnswersAreOfThreeKinds) {
  for (const int status : {200, 204, 301, 400, 401, 404, 408, 410, 422, 499}) {
    open_at(kT0);
    EXPECT_TRUE(tell(answered(status))) << status;
    EXPECT_FALSE(breaker_.open()) << status;
    EXPECT_EQ(breaker_.openings, 0);
  }
  open_at(kT0);
  for (const int status : {500, 501, 505, 599}) {
    EXPECT_TRUE(tell(answered(status))) << status;
    EXPECT_TRUE(breaker_.open()) << status;
  }
  for (const int status : {429, 502, 503, 504}) {
    EXPECT_FALSE(tell(answered(status))) << status;
    EXPECT_TRUE(breaker_.open()) << status;
  }
  EXPECT_FALSE(tell(unanswered("timed out")));
}

TEST_F(BreakerTest, EachOpeningIsLongerThanTheOneBefore) {
  open_at(kT0);
  for (const seconds wait : {seconds{10}, seconds{20}, seconds{40}, seconds{80}, seconds{160},
                             seconds{320}, seconds{600}, seconds{600}}) {
    const TimePoint probe = *breaker_.open_until;
    EXPECT_FALSE(tell(unanswered("refused", probe)));
    EXPECT_EQ(breaker_.open_until, probe + wait);
  }
  const TimePoint probe = *breaker_.open_until;
  EXPECT_TRUE(tell(answered(500, probe))) << "it counts, and was no success";
  EXPECT_EQ(breaker_.open_until, probe + minutes{10});
  tell(answered(200, probe));
  open_at(probe + seconds{1});
}

TEST_F(BreakerTest, AnOpeningVariesByAFifth) {
  for (int i = 0; i < 5; ++i) tell(unanswered("refused"), 0);
  EXPECT_EQ(breaker_.open_until, kT0 + seconds{4});
  tell(unanswered("refused", kT0 + seconds{4}), 0.9999999);
  EXPECT_GT(breaker_.open_until, kT0 + seconds{4} + milliseconds{11'990});
  EXPECT_LE(breaker_.open_until, kT0 + seconds{4} + seconds{12});
}

TEST_F(BreakerTest, LastsForWhatTheReceiverAskedForUpToAnHour) {
  AttemptOutcome busy = answered(503);
  busy.retry_after = minutes{30};
  for (int i = 0; i < 5; ++i) tell(busy);
  EXPECT_EQ(breaker_.open_until, kT0 + minutes{30});
  busy.started_at = *breaker_.open_until;
  busy.retry_after = hours{20};
  tell(busy);
  EXPECT_EQ(breaker_.open_until, kT0 + minutes{30} + hours{1});
  busy.started_at = *breaker_.open_until;
  busy.retry_after = milliseconds{1};
  tell(busy);
  EXPECT_EQ(breaker_.open_until, busy.started_at + seconds{20});
}

TEST_F(BreakerTest, WhoSaysWhenToComeIsThere) {
  AttemptOutcome later = answered(429);
  later.retry_after = seconds{7};
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(tell(later));
  EXPECT_FALSE(breaker_.open());
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(tell(answered(500)));
  EXPECT_TRUE(tell(later));
  EXPECT_FALSE(breaker_.open());
  EXPECT_TRUE(tell(unanswered("refused")));
  EXPECT_TRUE(breaker_.open()) << "it was no answer either";
  later.started_at = *breaker_.open_until;
  EXPECT_FALSE(tell(later)) << "nor is it one while its tasks wait";
  EXPECT_EQ(breaker_.open_until, later.started_at + seconds{10});
  breaker_ = {};
  EXPECT_FALSE(tell_last(later, kT0)) << "nobody is given up for it";
  EXPECT_EQ(breaker_.open_until, later.started_at + seconds{7});
}

TEST_F(BreakerTest, WhatBeganBeforeItsTimeMakesItNoLonger) {
  open_at(kT0);
  const Breaker before = breaker_;
  for (int i = 0; i < 10; ++i) {
    AttemptOutcome late = unanswered("timed out", kT0 - seconds{25});
    late.duration = seconds{30};
    EXPECT_FALSE(tell(late)) << "it does not count either";
  }
  EXPECT_EQ(breaker_, before);
  AttemptOutcome well = answered(200, kT0 - seconds{25});
  well.duration = seconds{26};
  EXPECT_TRUE(tell(well));
  EXPECT_FALSE(breaker_.open()) << "and an answer is an answer";
  EXPECT_EQ(breaker_.answered_at, kT0 + seconds{1});
}

TEST_F(BreakerTest, NoTaskIsGivenUpWhileNobodyIsAnswered) {
  EXPECT_FALSE(tell_last(unanswered("refused"), kT0 - seconds{9})) << "nothing is known";
  EXPECT_TRUE(breaker_.open());
  EXPECT_EQ(breaker_.open_until, kT0 + seconds{5});
  breaker_ = {};
  // Somebody was answered, but not since then.
  tell(answered(200, kT0 - seconds{10}));
  EXPECT_FALSE(tell_last(unanswered("refused"), kT0 - seconds{9}));
  EXPECT_TRUE(breaker_.open());
}

TEST_F(BreakerTest, ATaskIsGivenUpWhereOthersAreAnswered) {
  tell(answered(200, kT0 - seconds{9}));
  EXPECT_TRUE(tell_last(unanswered("timed out"), kT0 - seconds{9}));
  EXPECT_FALSE(breaker_.open());
  // An answer is one, whatever it says.
  breaker_ = {};
  tell(answered(500, kT0 - seconds{1}));
  EXPECT_TRUE(tell_last(unanswered("timed out"), kT0 - seconds{9}));
  EXPECT_TRUE(tell_last(answered(500), kT0 - seconds{9})) << "nor is its own one nothing";
}

TEST_F(BreakerTest, WhoWantsNoSecondRequestGetsNone) {
  EXPECT_TRUE(tell_last(unanswered("refused"), kT0, 0));
  breaker_ = {};
  open_at(kT0);
  EXPECT_TRUE(tell_last(unanswered("refused", kT0 + seconds{5}), kT0, 0));
  EXPECT_EQ(breaker_.open_until, kT0 + seconds{15});
  const StatusSet refusals{{503, 503}};
  const AttemptRules rules{.retry_limit = 3, .stop_on = refusals};
  EXPECT_TRUE(learn(breaker_, active_task(), answered(503), rules, kT0, 0.5));
  EXPECT_FALSE(learn(breaker_, active_task(), answered(502), rules, kT0, 0.5));
  EXPECT_FALSE(learn(breaker_, active_task(), unanswered("refused"), rules, kT0, 0.5));
}

// What began and ended in the time before lies in the future.
TEST_F(BreakerTest, NoTimeIsLaterThanTheClockThatWasSetBack) {
  const TimePoint old = kT0 + hours{1};
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(tell_at(unanswered("refused", old), kT0));
  EXPECT_EQ(breaker_.open_until, kT0 + seconds{5});
  EXPECT_FALSE(tell_at(unanswered("refused", old), kT0 + seconds{1}));
  EXPECT_EQ(breaker_.open_until, kT0 + seconds{5}) << "it is no probe";
  EXPECT_TRUE(tell_at(answered(500, old), kT0 + seconds{2}));
  EXPECT_EQ(breaker_.answered_at, kT0 + seconds{2});
  breaker_.close();
  EXPECT_FALSE(tell_last(unanswered("refused", kT0 + seconds{9}), kT0 + seconds{3}))
      << "since the attempt before nobody was answered";
}

TEST(AskedUntilTest, OnlyA429OrA503AsksForIt) {
  for (const int status : {429, 503}) {
    AttemptOutcome busy = answered(status);
    busy.duration = milliseconds{1'500};
    EXPECT_FALSE(asked_until(busy, kT0 + seconds{2})) << status;
    busy.retry_after = seconds{7};
    EXPECT_EQ(asked_until(busy, kT0 + seconds{2}), kT0 + milliseconds{8'500}) << status;
  }
  for (const int status : {200, 301, 400, 500, 502, 504}) {
    AttemptOutcome other = answered(status);
    other.retry_after = seconds{7};
    EXPECT_FALSE(asked_until(other, kT0)) << status;
  }
  AttemptOutcome none = unanswered("refused");
  none.retry_after = seconds{7};
  EXPECT_FALSE(asked_until(none, kT0));
}

TEST(AskedUntilTest, IsAnHourAtMost) {
  AttemptOutcome busy = answered(429);
  busy.retry_after = hours{1};
  EXPECT_EQ(asked_until(busy, kT0), kT0 + hours{1});
  busy.retry_after = hours{1} + milliseconds{1};
  EXPECT_EQ(asked_until(busy, kT0), kT0 + hours{1});
  busy.retry_after = milliseconds{1};
  EXPECT_EQ(asked_until(busy, kT0), kT0 + milliseconds{1});
}

TEST(AskedUntilTest, CountsFromNoLaterThanTheClockThatWasSetBack) {
  AttemptOutcome busy = answered(503, kT0 + hours{1});
  busy.retry_after = seconds{7};
  EXPECT_EQ(asked_until(busy, kT0), kT0 + seconds{7});
}

TEST_F(BreakerTest, ClosedByHandItKnowsOnlyWhenSomebodyWasAnswered) {
  tell(answered(200, kT0 - seconds{1}));
  open_at(kT0);
  breaker_.close();
  EXPECT_EQ(breaker_, (Breaker{0, 0, std::nullopt, kT0 - seconds{1}}));
}

// Each attempt ends at once, and begins when it may.
TEST(BreakerPropertyTest, ItIsOpenAfterFiveFailuresAndUntilAnAnswer) {
  std::mt19937_64 engine{7};
  for (int round = 0; round < 200; ++round) {
    Breaker breaker;
    std::size_t failed = 0;  // since the last answer that closes
    bool open = false;
    TimePoint now = kT0;
    for (int i = 0; i < 60; ++i) {
      now += milliseconds{engine() % 5'000};
      if (breaker.open_until) now = std::max(now, *breaker.open_until);
      const int kind = static_cast<int>(engine() % 8);
      const AttemptOutcome outcome = kind == 0  ? answered(200, now)
                                     : kind < 4 ? answered(500, now)
                                                : unanswered("refused", now);
      const bool counts = learn(breaker, active_task(), outcome, {}, now, 0.5);
      EXPECT_EQ(counts, !(open && kind >= 4));
      failed = kind == 0 ? 0 : failed + 1;
      open = failed >= 5;
      ASSERT_EQ(breaker.open(), open);
      EXPECT_TRUE(!open || breaker.open_until > now);
      EXPECT_TRUE(kind >= 4 || breaker.answered_at == now);
    }
  }
}

}  // namespace
}  // namespace rhooks::model

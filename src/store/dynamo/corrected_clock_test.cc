#include "store/dynamo/corrected_clock.h"

#include <gtest/gtest.h>

#include "testing/manual_clock.h"

namespace rhooks::store::dynamo {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using testing::ManualClock;

class CorrectedClockTest : public ::testing::Test {
 protected:
  // Time passes.
  void pass(milliseconds time) {
    machine_->advance(time);
    boot_ += time;
  }
  // The clock is set.
  void step(milliseconds by) { machine_->advance(by); }
  Clock::Micros machine() const { return machine_->now_micros(); }
  Clock::Micros now() const { return clock_.now_micros(); }

  const std::shared_ptr<ManualClock> machine_ = std::make_shared<ManualClock>();
  milliseconds learnt_{0};
  SteadyTime boot_ = 100s;
  const CorrectedClock clock_{machine_, [this] { return learnt_; }, [this] { return boot_; }};
};

TEST_F(CorrectedClockTest, IsTheMachinesAndWhatWasLearnt) {
  EXPECT_EQ(now(), machine());
  pass(8h);
  EXPECT_EQ(now(), machine());
  learnt_ = -10min;
  EXPECT_EQ(now(), machine() - 10min);
  pass(1s);
  EXPECT_EQ(now(), machine() - 10min);
}

// A worker on DynamoDB whose clock was set forward claimed what was not due, and what it had
// under way a second time, before the answer to that very request told that the clock was off.
TEST_F(CorrectedClockTest, AStepIsNoTimeThatHasPassed) {
  for (const milliseconds by : {milliseconds{1h}, milliseconds{-1h}, milliseconds{5s}}) {
    const auto before = now();
    step(by);
    EXPECT_EQ(now(), before);
    pass(20s);
    EXPECT_EQ(now(), before + 20s);
    // An answer tells how it is.
    learnt_ -= by;
    EXPECT_EQ(now(), before + 20s);
    pass(1s);
    EXPECT_EQ(now(), before + 21s);
  }
}

TEST_F(CorrectedClockTest, AStepToTheRightTimeIsTakenOnceAnAnswerSaysSo) {
  learnt_ = 1h;
  const auto before = now();
  step(1h);
  EXPECT_EQ(now(), before);
  learnt_ = 0ms;
  EXPECT_EQ(now(), machine());
  EXPECT_EQ(now(), before);
}

// Nobody asked for the time between that answer and the step.
TEST_F(CorrectedClockTest, AnAnswerOfBeforeTheStepDoesNotExplainIt) {
  const auto before = now();
  step(10s);
  EXPECT_EQ(now(), before);
  learnt_ = -10s;
  step(1h);
  EXPECT_EQ(now(), before);
  learnt_ -= 1h;
  EXPECT_EQ(now(), before);
}

TEST_F(CorrectedClockTest, SeveralStepsBeforeAnAnswer) {
  const auto before = now();
  step(1h);
  pass(1s);
  EXPECT_EQ(now(), before + 1s);
  step(-2h);
  pass(1s);
  EXPECT_EQ(now(), before + 2s);
  step(1h);
  pass(1s);
  EXPECT_EQ(now(), before + 3s);
}

TEST_F(CorrectedClockTest, WithoutAnswersTheMachineIsRightAfterAMinute) {
  step(1h);
  const auto before = now();
  EXPECT_EQ(before, machine() - 1h);
  pass(59s);
  EXPECT_EQ(now(), before + 59s);
  pass(1s);
  EXPECT_EQ(now(), machine());
  // And the next step is doubted anew.
  step(-1h);
  EXPECT_EQ(now(), machine() + 1h);
}

TEST_F(CorrectedClockTest, SmallStepsAreGoneBy) {
  for (int i = 0; i < 10; ++i) {
    step(4'900ms);
    EXPECT_EQ(now(), machine());
  }
}

}  // namespace
}  // namespace rhooks::store::dynamo

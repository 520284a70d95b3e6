// Redrives through the library, on a memory store that fails as told and a clock by hand.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rhooks/hooks.h>

#include "hooks/test_hooks.h"
#include "store/redrives.h"
#include "testing/faulty_store.h"
#include "testing/patience.h"

namespace rhooks {
namespace {

using testing::eventually;
using ::testing::HasSubstr;

class RedrivesTest : public ::testing::Test {
 protected:
  // Tasks whose only attempt was answered with 503.
  void fail_tasks(int count) {
    test_.sender->set_script([](const auto&) { return Reply::status(503); });
    std::vector<NewTask> tasks;
    for (int i = 0; i < count; ++i) {
      tasks.push_back(TestHooks::post("t" + std::to_string(1000 + i)));
      tasks.back().retry_limit = 0;
    }
    ASSERT_TRUE(hooks_.register_many(tasks));
    ASSERT_TRUE(hooks_.trigger());
    ASSERT_EQ(count_of(Status::kFailed), static_cast<std::size_t>(count));
    test_.sender->set_script({});
  }
  std::size_t count_of(Status status) {
    FetchQuery query;
    query.filter.ns = "ns";
    query.filter.status = status;
    query.limit = 1000;
    return hooks_.fetch(query)->items.size();
  }
  static Redrive of_namespace() {
    Redrive redrive;
    redrive.ns = "ns";
    return redrive;
  }
  // At that rate it is under way for as long as the clock stands.
  static Redrive slow_one() {
    Redrive redrive = of_namespace();
    redrive.rate = {1, 1h};
    return redrive;
  }
  bool reaches(RedriveState state, std::int64_t redriven) {
    return eventually([&] {
      const auto redrive = hooks_.redrive("ns");
      return redrive && redrive->state == state && redrive->redriven == redriven;
    });
  }
  static testing::StoreFault lost_answer() {
    return {.error = {ErrorCode::kUnknownOutcome, "lost", {}}, .after_applying = true};
  }

  store::MemoryStore memory_{1};
  testing::FaultyStore* store_ = new testing::FaultyStore(memory_);  // test_ owns it
  TestHooks test_{{}, std::unique_ptr<store::Store>(store_)};
  Hooks& hooks_ = *test_.hooks;
};

TEST_F(RedrivesTest, OneIsCarriedOutByTheProcessThatWasAsked) {
  fail_tasks(3);
  Redrive given = of_namespace();
  given.redriven = 7;
  given.state = RedriveState::kDone;
  const auto started = hooks_.start_redrive(given);
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_EQ(started->state, RedriveState::kRunning);
  EXPECT_EQ(started->redriven, 0);
  EXPECT_EQ(started->started_at, test_.clock->now());
  ASSERT_TRUE(eventually([&] { return count_of(Status::kActive) == 3; }));
  // The end is found out when the next step is due.
  test_.clock->advance(1s);
  ASSERT_TRUE(hooks_.start());
  ASSERT_TRUE(eventually([&] { return count_of(Status::kDone) == 3; }));
  EXPECT_TRUE(reaches(RedriveState::kDone, 3));
  EXPECT_EQ(hooks_.redrive("ns")->ended_at, test_.clock->now());
  EXPECT_TRUE(hooks_.start_redrive(of_namespace()));
  hooks_.stop();
}

TEST_F(RedrivesTest, WhatIsWrongIsRefused) {
  Redrive redrive = of_namespace();
  redrive.rate = {1, 1ms};
  EXPECT_EQ(hooks_.start_redrive(redrive).error().field, "rate");
  EXPECT_EQ(hooks_.start_redrive({}).error().field, "namespace");
  EXPECT_EQ(hooks_.redrive("").error().field, "namespace");
  EXPECT_EQ(hooks_.cancel_redrive("").error().field, "namespace");
  for (const auto& none : {hooks_.redrive("ns"), hooks_.cancel_redrive("ns")}) {
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
    EXPECT_EQ(none.error().message, "there has been no redrive in namespace 'ns'");
  }
}

TEST_F(RedrivesTest, ANamespaceHasOneAtATime) {
  fail_tasks(3);
  ASSERT_TRUE(hooks_.start_redrive(slow_one()));
  const auto second = hooks_.start_redrive(of_namespace());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_THAT(second.error().message,
              HasSubstr("a redrive of namespace 'ns' is under way since 2030-01-01T00:00:00.000Z"));
  Redrive other = of_namespace();
  other.ns = "other";
  EXPECT_TRUE(hooks_.start_redrive(other));
  ASSERT_TRUE(eventually([&] { return count_of(Status::kActive) == 1; }));

  const auto cancelled = hooks_.cancel_redrive("ns");
  ASSERT_TRUE(cancelled) << cancelled.error().message;
  EXPECT_EQ(cancelled->state, RedriveState::kCancelled);
  EXPECT_EQ(cancelled->ended_at, test_.clock->now());
  EXPECT_TRUE(reaches(RedriveState::kCancelled, 1));
  EXPECT_EQ(hooks_.cancel_redrive("ns")->state, RedriveState::kCancelled);
  EXPECT_TRUE(hooks_.start_redrive(of_namespace()));
  EXPECT_TRUE(eventually([&] { return count_of(Status::kActive) == 3; }));
}

TEST_F(RedrivesTest, AStartWhoseAnswerIsLostIsFoundAgain) {
  fail_tasks(1);
  store_->fail_next("put_document", lost_answer());
  const auto started = hooks_.start_redrive(slow_one());
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_TRUE(eventually([&] { return count_of(Status::kActive) == 1; }));
  store_->fail_next("put_document", lost_answer());
  EXPECT_TRUE(hooks_.cancel_redrive("ns"));
  EXPECT_TRUE(reaches(RedriveState::kCancelled, 1));
}

TEST_F(RedrivesTest, AStoreThatFailsIsSaid) {
  store_->fail_next("get_document");
  EXPECT_EQ(hooks_.start_redrive(of_namespace()).error().code, ErrorCode::kUnavailable);
  store_->fail_next("put_document");
  EXPECT_EQ(hooks_.start_redrive(of_namespace()).error().code, ErrorCode::kUnavailable);
  store_->fail_next("get_document");
  EXPECT_EQ(hooks_.redrive("ns").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(hooks_.redrive("ns").error().code, ErrorCode::kNotFound);
}

// Another process, on the same store.
TEST_F(RedrivesTest, AWorkerGoesOnWithWhatAnotherHasLeft) {
  fail_tasks(2);
  ASSERT_TRUE(hooks_.start_redrive(slow_one()));
  ASSERT_TRUE(eventually([&] { return count_of(Status::kActive) == 1; }));
  hooks_.stop();
  test_.clock->advance(1h);
  TestHooks next({}, std::make_unique<testing::FaultyStore>(memory_));
  next.clock->set(test_.clock->now());
  EXPECT_EQ(next.hooks->redrive("ns")->state, RedriveState::kRunning);
  EXPECT_TRUE(eventually([&] { return count_of(Status::kActive) == 2; }))
      << "who is asked for it goes on with it";
  next.hooks->stop();

  test_.clock->advance(1h);
  ASSERT_TRUE(hooks_.start());
  EXPECT_TRUE(eventually([&] { return count_of(Status::kDone) == 2; }));
  EXPECT_TRUE(reaches(RedriveState::kDone, 2));
}

TEST_F(RedrivesTest, TheyAreNoTasks) {
  ASSERT_TRUE(hooks_.start_redrive(of_namespace()));
  EXPECT_TRUE(hooks_.namespaces({})->items.empty());
  EXPECT_EQ(hooks_.clear("ns"), 0);
  EXPECT_TRUE(hooks_.redrive("ns"));
}

TEST_F(RedrivesTest, OneThatCannotBeReadIsReplaced) {
  ASSERT_TRUE(memory_.put_document({store::redrive_key("ns"), "{", "newer"}, store::Nothing{},
                                   test_.clock->now()));
  EXPECT_EQ(hooks_.redrive("ns").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(hooks_.cancel_redrive("ns").error().code, ErrorCode::kCorrupt);
  ASSERT_TRUE(hooks_.start_redrive(of_namespace()));
  EXPECT_TRUE(reaches(RedriveState::kDone, 0));
  EXPECT_EQ(memory_.get_document(store::redrive_key("ns"))->newer_fields, "newer");

  test_.clock->advance(1s);
  store_->fail_next("get_document", {.error = {ErrorCode::kCorrupt, "damaged", {}}, .keys = {}});
  ASSERT_TRUE(hooks_.start_redrive(of_namespace()));
  EXPECT_TRUE(reaches(RedriveState::kDone, 0));
  EXPECT_EQ(hooks_.redrive("ns")->started_at, test_.clock->now());
}

}  // namespace
}  // namespace rhooks

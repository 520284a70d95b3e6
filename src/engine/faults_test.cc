// What the engine does while its store refuses, before and after applying.
#include <gtest/gtest.h>

#include <atomic>

#include "engine/runner.h"
#include "engine/test_rig.h"
#include "testing/faulty_store.h"

namespace rhooks::engine {
namespace {

using testing::FaultyStore;
using testing::StoreFault;

const StoreFault kAnswerLost{.error = {ErrorCode::kUnknownOutcome, "the answer was lost", {}},
                             .after_applying = true};

struct FaultyRig {
  explicit FaultyRig(RunnerOptions options = Rig::options_for(4))
      : runner(faulty, sender, metrics, clock, random, std::move(options)) {}

  SystemClock clock;  // retries wait on it, some milliseconds
  store::MemoryStore memory{1};
  FaultyStore faulty{memory};
  ScriptedSender sender{clock};
  Metrics metrics;
  Random random{1};
  Runner runner;
};

TEST(EngineFaultsTest, ACommitThatWasRefusedIsTriedAgainAndTheAttemptIsNotRepeated) {
  FaultyRig rig;
  rig.faulty.fail_next("commit", {}, 3);
  put(rig.memory, {record("a", rig.clock.now()), record("b", rig.clock.now())});
  const auto result = rig.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 2);
  EXPECT_EQ(rig.sender.started_count(), 2u);
  EXPECT_EQ(rig.memory.get({"ns", "a"}, rig.clock.now())->status, Status::kDone);
}

TEST(EngineFaultsTest, ACommitWhoseAnswerWasLostIsRecordedOnce) {
  FaultyRig rig;
  rig.faulty.fail_next("commit", kAnswerLost, 2);
  auto recurring = record("a", rig.clock.now());
  recurring.task.repeat = Repeat{1, 0, RepeatUnit::kDays};
  put(rig.memory, {recurring});
  const auto result = rig.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 1);
  EXPECT_EQ(rig.sender.started_count(), 1u);
  EXPECT_EQ(rig.memory.get({"ns", "a"}, rig.clock.now())->execution.count, 1);
  EXPECT_EQ(logs_of(rig.memory, "a", rig.clock.now()).size(), 1u);
}

// Attempts whose outcome cannot be stored would be made again and again.
TEST(EngineFaultsTest, NothingIsClaimedWhileOutcomesCanNotBeStored) {
  FaultyRig rig;
  rig.faulty.fail_always("commit");
  std::vector<model::TaskRecord> records;
  for (std::size_t i = 0; i < 100; ++i)
    records.push_back(record(numbered("t", i), rig.clock.now()));
  put(rig.memory, records);
  rig.runner.start();
  ASSERT_TRUE(eventually([&] { return rig.faulty.calls("commit") >= 5; }));
  EXPECT_LE(rig.sender.started_count(), 4u);  // the slots

  rig.faulty.heal();
  ASSERT_TRUE(rig.runner.trigger({}));
  EXPECT_EQ(rig.sender.started_count(), 100u);  // none twice
  rig.runner.stop();
}

TEST(EngineFaultsTest, AClaimThatFailsIsTriedAgain) {
  FaultyRig rig;
  rig.faulty.fail_next("claim_due", {}, 2);
  put(rig.memory, {record("a", rig.clock.now())});
  const auto result = rig.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 1);
}

// Registrations must not make the claimer ask a store in trouble more often.
TEST(EngineFaultsTest, NewTasksDoNotCutTheWaitAfterAClaimThatFailedShort) {
  FaultyRig rig;
  rig.faulty.fail_always("claim_due");
  const auto before = std::chrono::steady_clock::now();
  rig.runner.start();
  ASSERT_TRUE(eventually([&] {
    rig.runner.notify(rig.clock.now());
    return rig.faulty.calls("claim_due") >= 3;
  }));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 300ms);  // 100 ms, and 200 ms
}

TEST(EngineFaultsTest, TriggerTellsThatTheStoreCanNotBeUsed) {
  FaultyRig rig;
  rig.faulty.fail_always("*");
  put(rig.memory, {record("a", rig.clock.now())});
  const auto result = rig.runner.trigger({});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(rig.sender.started_count(), 0u);
}

TEST(EngineFaultsTest, AStopGivesUpWhatCanNotBeStoredAndTheNextStartTriesAgain) {
  auto options = Rig::options_for(2);
  options.drain_timeout = 0ms;
  options.store_timeout = 50ms;
  FaultyRig rig(options);
  rig.faulty.fail_always("commit");
  put(rig.memory, {record("a", rig.clock.now())});
  rig.runner.start();
  ASSERT_TRUE(rig.sender.wait_started(1));
  rig.runner.stop();
  EXPECT_EQ(rig.memory.get({"ns", "a"}, rig.clock.now())->status, Status::kActive);

  rig.faulty.heal();
  put(rig.memory, {record("b", rig.clock.now())});
  const auto result = rig.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 2);  // a again, since its outcome was never stored
  EXPECT_EQ(rig.memory.get({"ns", "a"}, rig.clock.now())->status, Status::kDone);
}

}  // namespace
}  // namespace rhooks::engine

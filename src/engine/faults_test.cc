// What the engine does while its store refuses, before and after applying.
#include <gtest/gtest.h>

#include <atomic>

#include "engine/engine_fixture.h"
#include "engine/runner.h"
#include "testing/faulty_store.h"

namespace rhooks::engine {
namespace {

using testing::FaultyStore;
using testing::StoreFault;

const StoreFault kAnswerLost{.error = {ErrorCode::kUnknownOutcome, "the answer was lost", {}},
                             .after_applying = true};

struct FaultyFixture {
  explicit FaultyFixture(RunnerOptions options = Fixture::options_for(4))
      : runner(faulty, endpoints, secrets, sender, metrics, clock, random, std::move(options)) {}

  SystemClock clock;  // retries wait on it, some milliseconds
  store::MemoryStore memory{1};
  FaultyStore faulty{memory};
  store::Endpoints endpoints{faulty};
  secrets::Secrets secrets{faulty, std::nullopt};
  ScriptedSender sender{clock};
  Metrics metrics;
  Random random{1};
  Runner runner;
};

TEST(EngineFaultsTest, ACommitThatWasRefusedIsTriedAgainAndTheAttemptIsNotRepeated) {
  FaultyFixture fixture;
  fixture.faulty.fail_next("commit", {}, 3);
  put(fixture.memory, {record("a", fixture.clock.now()), record("b", fixture.clock.now())});
  const auto result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 2);
  EXPECT_EQ(fixture.sender.started_count(), 2u);
  EXPECT_EQ(fixture.memory.get({"ns", "a"}, fixture.clock.now())->status, Status::kDone);
}

TEST(EngineFaultsTest, ACommitWhoseAnswerWasLostIsRecordedOnce) {
  FaultyFixture fixture;
  fixture.faulty.fail_next("commit", kAnswerLost, 2);
  auto recurring = record("a", fixture.clock.now());
  recurring.task.repeat = Repeat{1, 0, RepeatUnit::kDays};
  put(fixture.memory, {recurring});
  const auto result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 1);
  EXPECT_EQ(fixture.sender.started_count(), 1u);
  EXPECT_EQ(fixture.memory.get({"ns", "a"}, fixture.clock.now())->execution.count, 1);
  EXPECT_EQ(logs_of(fixture.memory, "a", fixture.clock.now()).size(), 1u);
}

// Attempts whose outcome cannot be stored would be made again and again.
TEST(EngineFaultsTest, NothingIsClaimedWhileOutcomesCanNotBeStored) {
  FaultyFixture fixture;
  fixture.faulty.fail_always("commit");
  std::vector<model::TaskRecord> records;
  for (std::size_t i = 0; i < 100; ++i)
    records.push_back(record(numbered("t", i), fixture.clock.now()));
  put(fixture.memory, records);
  fixture.runner.start();
  ASSERT_TRUE(eventually([&] { return fixture.faulty.calls("commit") >= 5; }));
  EXPECT_LE(fixture.sender.started_count(), 4u);  // the slots

  fixture.faulty.heal();
  ASSERT_TRUE(fixture.runner.trigger({}));
  EXPECT_EQ(fixture.sender.started_count(), 100u);  // none twice
  fixture.runner.stop();
}

TEST(EngineFaultsTest, AClaimThatFailsIsTriedAgain) {
  FaultyFixture fixture;
  fixture.faulty.fail_next("claim_due", {}, 2);
  put(fixture.memory, {record("a", fixture.clock.now())});
  const auto result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 1);
}

// Registrations must not make the claimer ask a store in trouble more often.
TEST(EngineFaultsTest, NewTasksDoNotCutTheWaitAfterAClaimThatFailedShort) {
  FaultyFixture fixture;
  fixture.faulty.fail_always("claim_due");
  const auto before = std::chrono::steady_clock::now();
  fixture.runner.start();
  ASSERT_TRUE(eventually([&] {
    fixture.runner.notify(fixture.clock.now());
    return fixture.faulty.calls("claim_due") >= 3;
  }));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 300ms);  // 100 ms, and 200 ms
}

TEST(EngineFaultsTest, TriggerTellsThatTheStoreCanNotBeUsed) {
  FaultyFixture fixture;
  fixture.faulty.fail_always("*");
  put(fixture.memory, {record("a", fixture.clock.now())});
  const auto result = fixture.runner.trigger({});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(fixture.sender.started_count(), 0u);
}

// As where a policy permits the rest.
TEST(EngineFaultsTest, TriggerTellsThatEndpointsCanNotBeRead) {
  FaultyFixture fixture;
  fixture.faulty.fail_always("list_documents",
                             {.error = {ErrorCode::kUnavailable, "permit it", {}}});
  store_endpoint(fixture.memory, "acme", R"({"url":"http://127.0.0.1:9/"})");
  const TimePoint now = fixture.clock.now();
  put(fixture.memory, {record("a", now), to_endpoint("b", now, "acme")});
  auto result = fixture.runner.trigger({});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(result.error().message, "endpoints cannot be read: permit it");
  EXPECT_EQ(fixture.memory.get({"ns", "a"}, now)->status, Status::kDone) << "others go on";
  const auto waits = fixture.memory.get({"ns", "b"}, now);
  ASSERT_TRUE(waits);
  EXPECT_EQ(waits->status, Status::kActive);
  EXPECT_EQ(waits->attempt, 0);
  const auto held = fixture.runner.held(*waits);
  ASSERT_TRUE(held);
  EXPECT_EQ(held->by, "endpoint");

  put(fixture.memory, {record("c", now)});
  fixture.faulty.heal();
  result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 2);
}

TEST(EngineFaultsTest, AStopGivesUpWhatCanNotBeStoredAndTheNextStartTriesAgain) {
  auto options = Fixture::options_for(2);
  options.drain_timeout = 0ms;
  options.store_timeout = 50ms;
  FaultyFixture fixture(options);
  fixture.faulty.fail_always("commit");
  put(fixture.memory, {record("a", fixture.clock.now())});
  fixture.runner.start();
  ASSERT_TRUE(fixture.sender.wait_started(1));
  fixture.runner.stop();
  EXPECT_EQ(fixture.memory.get({"ns", "a"}, fixture.clock.now())->status, Status::kActive);

  fixture.faulty.heal();
  put(fixture.memory, {record("b", fixture.clock.now())});
  const auto result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 2);  // a again, since its outcome was never stored
  EXPECT_EQ(fixture.memory.get({"ns", "a"}, fixture.clock.now())->status, Status::kDone);
}

}  // namespace
}  // namespace rhooks::engine

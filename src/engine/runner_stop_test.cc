// How a runner ends, and what it does while its store refuses.
#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <vector>

#include "engine/engine_fixture.h"
#include "engine/runner.h"
#include "testing/faulty_store.h"

namespace rhooks::engine {
namespace {

// Returns once a stop() is under way, where attempts are held: a trigger that came before it
// is ended by it, and one that comes after is refused.
void wait_for_stop(Fixture& fixture) {
  const auto result = fixture.runner.trigger({});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
}

TEST(RunnerStopTest, StopWaitsForAttemptsInFlightAndStoresThem) {
  Fixture fixture(2, [](const auto&) { return Reply::hold(); });
  put(fixture.memory, {record("a", fixture.clock.now()), record("b", fixture.clock.now()),
                       record("c", fixture.clock.now())});
  fixture.runner.start();
  ASSERT_TRUE(fixture.sender.wait_started(2));
  std::atomic<bool> stopped{false};
  std::thread stop([&] {
    fixture.runner.stop();
    stopped = true;
  });
  wait_for_stop(fixture);
  EXPECT_FALSE(stopped);
  EXPECT_EQ(fixture.sender.release_all(Reply::status(200)), 2u);
  stop.join();
  EXPECT_EQ(fixture.task("a").status, Status::kDone);
  EXPECT_EQ(fixture.task("b").status, Status::kDone);
  EXPECT_EQ(fixture.task("c").status, Status::kActive);  // nothing was claimed any more
  EXPECT_EQ(fixture.sender.started_count(), 2u);
}

TEST(RunnerStopTest, AWorkerClaimsItsShareAndLeavesItWhenItStops) {
  store::MemoryStore memory{1};
  testing::FaultyStore faulty(memory);
  Fixture fixture(Fixture::options_for(2), {}, &faulty);
  fixture.runner.start();
  ASSERT_TRUE(eventually([&] { return faulty.calls("claim_due of a share") > 0; }));
  EXPECT_EQ(faulty.calls("resign"), 0);
  fixture.runner.stop();
  EXPECT_EQ(faulty.calls("resign"), 1);
  EXPECT_EQ(faulty.calls("finished"), 1);
}

TEST(RunnerStopTest, ItsShareIsLeftBeforeWhatIsInFlightEnds) {
  store::MemoryStore memory{1};
  testing::FaultyStore faulty(memory);
  Fixture fixture(
      Fixture::options_for(1), [](const auto&) { return Reply::hold(); }, &faulty);
  put(memory, {record("a", fixture.clock.now())});
  fixture.runner.start();
  ASSERT_TRUE(fixture.sender.wait_started(1));
  std::thread stop([&] { fixture.runner.stop(); });
  EXPECT_TRUE(eventually([&] { return faulty.calls("resign") == 1; }));
  EXPECT_EQ(faulty.calls("finished"), 0);
  EXPECT_EQ(fixture.sender.release_all(Reply::status(200)), 1u);
  stop.join();
  EXPECT_EQ(faulty.calls("finished"), 1);
  EXPECT_EQ(memory.get({"ns", "a"}, fixture.clock.now())->status, Status::kDone);
  EXPECT_EQ(faulty.calls("resign"), 1);
}

TEST(RunnerStopTest, ATriggerClaimsFromAllAndTakesNoShare) {
  store::MemoryStore memory{1};
  testing::FaultyStore faulty(memory);
  Fixture fixture(Fixture::options_for(2), {}, &faulty);
  put(memory, {record("a", fixture.clock.now()), record("b", fixture.clock.now())});
  ASSERT_EQ(fixture.runner.trigger({})->processed, 2);
  EXPECT_GT(faulty.calls("claim_due"), 0);
  EXPECT_EQ(faulty.calls("claim_due of a share"), 0);
}

TEST(RunnerStopTest, PastTheDeadlineAttemptsAreCutOffAndDueAgain) {
  auto options = Fixture::options_for(2);
  options.drain_timeout = 0ms;
  Fixture fixture(options, [](const auto&) { return Reply::hold(); });
  put(fixture.memory, {record("a", fixture.clock.now())});
  fixture.runner.start();
  ASSERT_TRUE(fixture.sender.wait_started(1));
  fixture.runner.stop();
  const Task task = fixture.task("a");
  EXPECT_EQ(task.status, Status::kActive);
  EXPECT_EQ(task.attempt, 0);  // it does not use up a retry
  const auto logs = logs_of(fixture.memory, "a", fixture.clock.now());
  ASSERT_EQ(logs.size(), 1u);  // but it was made, so it is logged
  EXPECT_EQ(logs[0].status, LogStatus::kFail);
  EXPECT_NE(logs[0].error.find("cut off by a stop"), std::string::npos);

  fixture.sender.set_script({});
  ASSERT_EQ(fixture.runner.trigger({})->processed, 1);
  EXPECT_EQ(fixture.task("a").status, Status::kDone);
}

TEST(RunnerStopTest, StopNowEndsADrainUnderWay) {
  auto options = Fixture::options_for(2);
  options.drain_timeout = 1h;
  Fixture fixture(options, [](const auto&) { return Reply::hold(); });
  put(fixture.memory, {record("a", fixture.clock.now())});
  fixture.runner.start();
  ASSERT_TRUE(fixture.sender.wait_started(1));
  std::thread stop([&] { fixture.runner.stop(); });
  wait_for_stop(fixture);
  fixture.runner.stop_now();
  stop.join();
  EXPECT_EQ(fixture.task("a").status, Status::kActive);
}

TEST(RunnerStopTest, StopEndsATriggerWithAnError) {
  auto options = Fixture::options_for(2);
  options.drain_timeout = 0ms;
  Fixture fixture(options, [](const auto&) { return Reply::hold(); });
  put(fixture.memory, {record("a", fixture.clock.now())});
  std::thread trigger([&] {
    const auto result = fixture.runner.trigger({});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  });
  ASSERT_TRUE(fixture.sender.wait_started(1));
  fixture.runner.stop();
  trigger.join();
}

TEST(RunnerStopTest, StartAndStopCanBeRepeated) {
  Fixture fixture;
  for (int i = 0; i < 5; ++i) {
    const std::string id = numbered("t", static_cast<std::size_t>(i));
    put(fixture.memory, {record(id, fixture.clock.now())});
    fixture.runner.start();
    fixture.runner.start();
    ASSERT_TRUE(fixture.reaches(id, Status::kDone));
    fixture.runner.stop();
    fixture.runner.stop();
  }
}

TEST(RunnerStopTest, StartsStopsAndTriggersMeet) {
  Fixture fixture(2);
  std::vector<std::thread> threads;
  const auto repeat = [&](const std::function<void()>& call) {
    threads.emplace_back([call] {
      for (int i = 0; i < 20; ++i) call();
    });
  };
  repeat([&] { fixture.runner.start(); });
  repeat([&] { fixture.runner.stop(); });
  repeat([&] { fixture.runner.stop_now(); });
  for (int i = 0; i < 2; ++i) {
    repeat([&] {
      const auto result = fixture.runner.trigger({});
      EXPECT_TRUE(result || result.error().code == ErrorCode::kUnavailable);
    });
  }
  for (std::thread& thread : threads) thread.join();

  fixture.runner.stop();
  put(fixture.memory, {record("a", fixture.clock.now())});
  const auto result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 1);
  EXPECT_EQ(fixture.task("a").status, Status::kDone);
}

}  // namespace
}  // namespace rhooks::engine

// How a runner ends, and what it does while its store refuses.
#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <vector>

#include "engine/runner.h"
#include "engine/test_rig.h"
#include "testing/faulty_store.h"

namespace rhooks::engine {
namespace {

// Returns once a stop() is under way, where attempts are held: a trigger that came before it
// is ended by it, and one that comes after is refused.
void wait_for_stop(Rig& rig) {
  const auto result = rig.runner.trigger({});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
}

TEST(RunnerStopTest, StopWaitsForAttemptsInFlightAndStoresThem) {
  Rig rig(2, [](const auto&) { return Reply::hold(); });
  put(rig.memory,
      {record("a", rig.clock.now()), record("b", rig.clock.now()), record("c", rig.clock.now())});
  rig.runner.start();
  ASSERT_TRUE(rig.sender.wait_started(2));
  std::atomic<bool> stopped{false};
  std::thread stop([&] {
    rig.runner.stop();
    stopped = true;
  });
  wait_for_stop(rig);
  EXPECT_FALSE(stopped);
  EXPECT_EQ(rig.sender.release_all(Reply::status(200)), 2u);
  stop.join();
  EXPECT_EQ(rig.task("a").status, Status::kDone);
  EXPECT_EQ(rig.task("b").status, Status::kDone);
  EXPECT_EQ(rig.task("c").status, Status::kActive);  // nothing was claimed any more
  EXPECT_EQ(rig.sender.started_count(), 2u);
}

TEST(RunnerStopTest, AWorkerClaimsItsShareAndLeavesItWhenItStops) {
  store::MemoryStore memory{1};
  testing::FaultyStore faulty(memory);
  Rig rig(Rig::options_for(2), {}, &faulty);
  rig.runner.start();
  ASSERT_TRUE(eventually([&] { return faulty.calls("claim_due of a share") > 0; }));
  EXPECT_EQ(faulty.calls("leave"), 0);
  rig.runner.stop();
  EXPECT_EQ(faulty.calls("leave"), 1);
  EXPECT_EQ(faulty.calls("finished"), 1);
}

TEST(RunnerStopTest, ItsShareIsLeftBeforeWhatIsInFlightEnds) {
  store::MemoryStore memory{1};
  testing::FaultyStore faulty(memory);
  Rig rig(
      Rig::options_for(1), [](const auto&) { return Reply::hold(); }, &faulty);
  put(memory, {record("a", rig.clock.now())});
  rig.runner.start();
  ASSERT_TRUE(rig.sender.wait_started(1));
  std::thread stop([&] { rig.runner.stop(); });
  EXPECT_TRUE(eventually([&] { return faulty.calls("leave") == 1; }));
  EXPECT_EQ(faulty.calls("finished"), 0);
  EXPECT_EQ(rig.sender.release_all(Reply::status(200)), 1u);
  stop.join();
  EXPECT_EQ(faulty.calls("finished"), 1);
  EXPECT_EQ(memory.get({"ns", "a"}, rig.clock.now())->status, Status::kDone);
  EXPECT_EQ(faulty.calls("leave"), 1);
}

TEST(RunnerStopTest, ATriggerClaimsFromAllAndTakesNoShare) {
  store::MemoryStore memory{1};
  testing::FaultyStore faulty(memory);
  Rig rig(Rig::options_for(2), {}, &faulty);
  put(memory, {record("a", rig.clock.now()), record("b", rig.clock.now())});
  ASSERT_EQ(rig.runner.trigger({})->processed, 2);
  EXPECT_GT(faulty.calls("claim_due"), 0);
  EXPECT_EQ(faulty.calls("claim_due of a share"), 0);
}

TEST(RunnerStopTest, PastTheDeadlineAttemptsAreCutOffAndDueAgain) {
  auto options = Rig::options_for(2);
  options.drain_timeout = 0ms;
  Rig rig(options, [](const auto&) { return Reply::hold(); });
  put(rig.memory, {record("a", rig.clock.now())});
  rig.runner.start();
  ASSERT_TRUE(rig.sender.wait_started(1));
  rig.runner.stop();
  const Task task = rig.task("a");
  EXPECT_EQ(task.status, Status::kActive);
  EXPECT_EQ(task.attempt, 0);  // it does not use up a retry
  const auto logs = logs_of(rig.memory, "a", rig.clock.now());
  ASSERT_EQ(logs.size(), 1u);  // but it was made, so it is logged
  EXPECT_EQ(logs[0].status, LogStatus::kFail);
  EXPECT_NE(logs[0].error.find("cut off by a stop"), std::string::npos);

  rig.sender.set_script({});
  ASSERT_EQ(rig.runner.trigger({})->processed, 1);
  EXPECT_EQ(rig.task("a").status, Status::kDone);
}

TEST(RunnerStopTest, StopNowEndsADrainUnderWay) {
  auto options = Rig::options_for(2);
  options.drain_timeout = 1h;
  Rig rig(options, [](const auto&) { return Reply::hold(); });
  put(rig.memory, {record("a", rig.clock.now())});
  rig.runner.start();
  ASSERT_TRUE(rig.sender.wait_started(1));
  std::thread stop([&] { rig.runner.stop(); });
  wait_for_stop(rig);
  rig.runner.stop_now();
  stop.join();
  EXPECT_EQ(rig.task("a").status, Status::kActive);
}

TEST(RunnerStopTest, StopEndsATriggerWithAnError) {
  auto options = Rig::options_for(2);
  options.drain_timeout = 0ms;
  Rig rig(options, [](const auto&) { return Reply::hold(); });
  put(rig.memory, {record("a", rig.clock.now())});
  std::thread trigger([&] {
    const auto result = rig.runner.trigger({});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  });
  ASSERT_TRUE(rig.sender.wait_started(1));
  rig.runner.stop();
  trigger.join();
}

TEST(RunnerStopTest, StartAndStopCanBeRepeated) {
  Rig rig;
  for (int i = 0; i < 5; ++i) {
    const std::string id = numbered("t", static_cast<std::size_t>(i));
    put(rig.memory, {record(id, rig.clock.now())});
    rig.runner.start();
    rig.runner.start();
    ASSERT_TRUE(rig.reaches(id, Status::kDone));
    rig.runner.stop();
    rig.runner.stop();
  }
}

TEST(RunnerStopTest, StartsStopsAndTriggersMeet) {
  Rig rig(2);
  std::vector<std::thread> threads;
  const auto repeat = [&](const std::function<void()>& call) {
    threads.emplace_back([call] {
      for (int i = 0; i < 20; ++i) call();
    });
  };
  repeat([&] { rig.runner.start(); });
  repeat([&] { rig.runner.stop(); });
  repeat([&] { rig.runner.stop_now(); });
  for (int i = 0; i < 2; ++i) {
    repeat([&] {
      const auto result = rig.runner.trigger({});
      EXPECT_TRUE(result || result.error().code == ErrorCode::kUnavailable);
    });
  }
  for (std::thread& thread : threads) thread.join();

  rig.runner.stop();
  put(rig.memory, {record("a", rig.clock.now())});
  const auto result = rig.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 1);
  EXPECT_EQ(rig.task("a").status, Status::kDone);
}

}  // namespace
}  // namespace rhooks::engine

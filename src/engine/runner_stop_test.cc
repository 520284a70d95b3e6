// How a runner ends, and what it does while its store refuses.
#include <gtest/gtest.h>

#include <thread>

#include "engine/runner.h"
#include "engine/test_rig.h"

namespace rhooks::engine {
namespace {

TEST(RunnerStopTest, StopWaitsForAttemptsInFlightAndStoresThem) {
  Rig rig(2, [](const auto&) { return Reply::hold(); });
  put(rig.memory,
      {record("a", rig.clock.now()), record("b", rig.clock.now()), record("c", rig.clock.now())});
  rig.runner.start();
  ASSERT_TRUE(rig.sender.wait_started(2));
  std::thread stop([&] { rig.runner.stop(); });
  // Only the attempts that are made keep it: end them, again and again until it is through.
  std::atomic<bool> stopped{false};
  std::thread helper([&] {
    while (!stopped) {
      rig.sender.release_all(Reply::status(200));
      std::this_thread::sleep_for(1ms);
    }
  });
  stop.join();
  stopped = true;
  helper.join();
  const auto logs_a = logs_of(rig.memory, "a", rig.clock.now());
  EXPECT_EQ(logs_a.size(), 1u);
  EXPECT_EQ(rig.task("a").status, Status::kDone);
  EXPECT_EQ(rig.task("b").status, Status::kDone);
  // Nothing stays leased.
  for (const char* id : {"a", "b", "c"}) EXPECT_NE(rig.task(id).status, Status::kProcessing);
}

TEST(RunnerStopTest, PastTheDeadlineAttemptsAreCutOffAndDueAgain) {
  auto options = Rig::options_for(2);
  options.drain_timeout = 0ms;
  Rig rig(options, [](const auto&) { return Reply::hold(); });
  put(rig.memory, {record("a", rig.clock.now())});
  rig.runner.start();
  ASSERT_TRUE(rig.sender.wait_started(1));
  rig.runner.stop();
  EXPECT_EQ(rig.task("a").status, Status::kActive);
  EXPECT_TRUE(logs_of(rig.memory, "a", rig.clock.now()).empty());

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

}  // namespace
}  // namespace rhooks::engine

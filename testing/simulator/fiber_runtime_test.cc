#include "testing/simulator/fiber_runtime.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/runner.h"
#include "engine/waker.h"
#include "store/memory/memory_store.h"
#include "testing/faulty_store.h"
#include "testing/simulator/faulty_link.h"
#include "testing/simulator/network.h"

namespace rhooks::simulator {
namespace {

using namespace std::chrono_literals;

constexpr Owner kServer = 100;

class FiberRuntimeTest : public ::testing::Test {
 protected:
  void run(Duration time = 1h) {
    const Moment until = timeline.now() + time;
    while (timeline.step(until)) {
    }
  }
  void spawn(std::function<void()> body) { timeline.spawn(kServer, std::move(body)); }

  Timeline timeline{1};
  SimulatedClock clock{timeline};
  FiberRuntime runtime{timeline, kServer};
};

TEST_F(FiberRuntimeTest, AConditionWakesAllWhoWaitForIt) {
  const auto condition = runtime.condition();
  Mutex mutex;
  bool ready = false;
  int woken = 0;
  for (int i = 0; i < 3; ++i) {
    spawn([&] {
      MutexLock lock(mutex);
      while (!ready) condition->wait(lock);
      ++woken;
    });
  }
  spawn([&] {
    timeline.sleep(1s);
    {
      const MutexLock lock(mutex);
      ready = true;
    }
    condition->notify_all();
  });
  run(1s);
  EXPECT_EQ(woken, 3);
}

TEST_F(FiberRuntimeTest, AWakerSleepsUntilItIsTold) {
  engine::Waker waker(runtime, clock);
  const Moment start = timeline.now();
  std::vector<Duration> woke;
  spawn([&] {
    const auto wait = [&](Duration most) {
      waker.wait(most);
      woke.push_back(timeline.now() - start);
    };
    wait(1min);
    wait(1min);
    wait(500ms);
    waker.notify();
    wait(1min);
  });
  spawn([&] {
    timeline.sleep(1s);
    waker.notify();
    timeline.sleep(1s);
    waker.notify_at(clock.now() + 3s);
  });
  run();
  EXPECT_EQ(woke, (std::vector<Duration>{1s, 5s, 5'500ms, 5'500ms}));
}

TEST_F(FiberRuntimeTest, AThreadIsJoinedBeforeAndAfterItsEnd) {
  std::vector<std::string> seen;
  spawn([&] {
    const auto quick = runtime.spawn("quick", [&] { seen.push_back("quick"); });
    const auto slow = runtime.spawn("slow", [&] {
      timeline.sleep(1s);
      seen.push_back("slow");
    });
    slow->join();
    quick->join();
    seen.push_back("joined");
  });
  run();
  EXPECT_EQ(seen, (std::vector<std::string>{"quick", "slow", "joined"}));
}

TEST_F(FiberRuntimeTest, ACrashFreesTheMutexAndEndsThoseWhoWaitAndJoin) {
  const auto condition = runtime.condition();
  Mutex mutex;
  std::unique_ptr<engine::Thread> thread;
  bool passed = false;
  spawn([&] {
    thread = runtime.spawn("waits", [&] {
      MutexLock lock(mutex);
      while (true) condition->wait(lock);
    });
    thread->join();
    passed = true;
  });
  run(1s);
  timeline.crash(kServer);
  EXPECT_EQ(timeline.alive(kServer), 0u);
  EXPECT_FALSE(passed);
  ASSERT_TRUE(mutex.try_lock());
  mutex.unlock();
  condition->notify_all();  // nobody is there
  EXPECT_TRUE(runtime.gone());
}

class RunnerOnFibersTest : public FiberRuntimeTest {
 protected:
  // Before what its processes use.
  ~RunnerOnFibersTest() override { timeline.crash(kServer); }

  InvariantChecker checker{timeline, 3};
  HttpFaults http;
  StoreFaults faults{.latency_max = Duration{0}};
  store::MemoryStore memory{1};
  FaultyLink link{memory, timeline, faults, checker};
  rhooks::testing::FaultyStore store{link};
  Metrics metrics;
  Random random{1};
  SimulatedSender sender{timeline, clock, checker, http, {}};
  store::Endpoints endpoints{store};
  secrets::Secrets secrets{store, std::nullopt};
  engine::Runner runner{store, endpoints, secrets, sender, metrics, clock, random, {}, runtime};
};

// As the claimer waits for 5 s and the committer for one.
TEST_F(RunnerOnFibersTest, AStopCutsAllSleepShort) {
  std::optional<Duration> took;
  store.fail_always("claim_due");
  spawn([&] {
    runner.start();
    timeline.sleep(23'456ms);
    const Moment before = timeline.now();
    runner.stop();
    took = timeline.now() - before;
  });
  run();
  ASSERT_TRUE(took);
  EXPECT_LE(*took, 50ms);
  EXPECT_TRUE(runner.idle());
}

// In the midst of a claim, while a trigger waits for it and a stop for both.
TEST_F(RunnerOnFibersTest, ACrashLeavesARunnerThatCanBeDestroyed) {
  faults.stalled = 1;
  faults.stall_max = 1h;
  bool came_back = false;
  spawn([&] { runner.start(); });
  spawn([&] {
    (void)runner.trigger({});
    timeline.sleep(1h);  // it was ended by the stop
  });
  spawn([&] {
    timeline.sleep(1ms);
    runner.stop();
    came_back = true;
  });
  run(2ms);
  EXPECT_EQ(timeline.alive(kServer), 5u);  // the three loops, and the latter two
  timeline.crash(kServer);
  EXPECT_EQ(timeline.alive(kServer), 0u);
  EXPECT_FALSE(came_back);
}

}  // namespace
}  // namespace rhooks::simulator

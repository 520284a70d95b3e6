#include "testing/simulator/timeline.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

namespace rhooks::simulator {
namespace {

using namespace std::chrono_literals;

struct World {
  explicit World(std::uint64_t seed = 1) : timeline(seed) {}
  void run(Duration time = 1h) {
    const Moment until = timeline.now() + time;
    while (timeline.step(until)) {
    }
  }
  Timeline timeline;
  std::vector<std::string> seen;
};

TEST(TimelineTest, ProcessesTakeTurnsInTheOrderOfTheirTimes) {
  World w;
  const Moment start = w.timeline.now();
  w.timeline.spawn(1, [&] {
    w.seen.push_back("a0");
    w.timeline.sleep(10ms);
    w.seen.push_back("a10");
    w.timeline.sleep(10ms);
    w.seen.push_back("a20");
  });
  w.timeline.spawn(2, [&] {
    w.seen.push_back("b0");
    w.timeline.sleep(15ms);
    w.seen.push_back("b15");
  });
  w.run(20ms);
  EXPECT_EQ(w.seen, (std::vector<std::string>{"a0", "b0", "a10", "b15", "a20"}));
  EXPECT_EQ(w.timeline.now(), start + 20ms);
}

TEST(TimelineTest, ASignalWakesWhoWaitsAndIsKeptForWhoWillWait) {
  World w;
  Signal signal;
  const Moment start = w.timeline.now();
  w.timeline.spawn(1, [&] {
    EXPECT_TRUE(w.timeline.wait(signal, start + 1min));
    EXPECT_EQ(w.timeline.now(), start + 5ms);
    w.timeline.sleep(10ms);
    EXPECT_TRUE(w.timeline.wait(signal, start + 1min));
    EXPECT_EQ(w.timeline.now(), start + 15ms);
    EXPECT_FALSE(w.timeline.wait(signal, start + 20ms));
    EXPECT_EQ(w.timeline.now(), start + 20ms);
    w.seen.push_back("done");
  });
  w.timeline.spawn(2, [&] {
    w.timeline.sleep(5ms);
    signal.ring();
    w.timeline.sleep(5ms);
    signal.ring();
  });
  w.run();
  EXPECT_EQ(w.seen, std::vector<std::string>{"done"});
}

TEST(TimelineTest, ACrashUnwindsAllProcessesOfItsOwnerAtOnce) {
  World w;
  struct Unwound {
    World& world;
    std::string name;
    ~Unwound() { world.seen.push_back(name); }
  };
  for (const char* name : {"a", "b"}) {
    w.timeline.spawn(1, [&w, name] {
      Unwound unwound{w, name};
      w.timeline.sleep(1h);
      w.seen.push_back("never");
    });
  }
  w.timeline.spawn(2, [&] {
    w.timeline.sleep(1ms);
    w.timeline.crash(1);
    w.seen.push_back("after");
    EXPECT_EQ(w.timeline.alive(1), 0u);
    EXPECT_EQ(w.timeline.alive(2), 1u);
    w.timeline.crash(2);
    w.seen.push_back("never");
  });
  w.run();
  EXPECT_EQ(w.seen, (std::vector<std::string>{"a", "b", "after"}));
}

TEST(TimelineTest, ASeedTellsAllThatHappens) {
  const auto fingerprint = [](std::uint64_t seed) {
    World w(seed);
    for (int i = 0; i < 5; ++i) {
      w.timeline.spawn(i, [&w, i] {
        for (int n = 0; n < 20; ++n) {
          w.timeline.sleep(w.timeline.dice().between(1ms, 50ms));
          w.timeline.note("process " + std::to_string(i));
        }
      });
    }
    w.run();
    return w.timeline.fingerprint();
  };
  EXPECT_EQ(fingerprint(1), fingerprint(1));
  EXPECT_NE(fingerprint(1), fingerprint(2));
}

TEST(TimelineTest, AClockDriftsAndJumpsByItself) {
  World w;
  SimulatedClock clock(w.timeline, 2s, 100);
  const Moment start = w.timeline.now();
  EXPECT_EQ(clock.now_micros(), start + 2s);
  w.run(10s);
  EXPECT_EQ(clock.now_micros(), start + 12s + 1ms);
  clock.jump(-5s);
  EXPECT_EQ(clock.now_micros(), start + 7s + 1ms);
  clock.heal();
  EXPECT_EQ(clock.now_micros(), w.timeline.now());
}

TEST(TimelineTest, TwoThatWakeEachOtherForEverAreAViolation) {
  World w;
  Signal ping;
  Signal pong;
  const Moment start = w.timeline.now();
  const auto answer = [&](Signal& mine, Signal& other) {
    while (w.timeline.wait(mine, start + 1h)) other.ring();
  };
  // Many steps before that moment are nothing to object to.
  w.timeline.spawn(1, [&] {
    for (int i = 0; i < 1'000; ++i) w.timeline.sleep(1ms);
    w.timeline.spawn(7, [&] { answer(ping, pong); });
    w.timeline.spawn(7, [&] { answer(pong, ping); });
    ping.ring();
  });
  w.run();
  ASSERT_TRUE(w.timeline.violated());
  EXPECT_NE(w.timeline.violated()->find("time stands still"), std::string::npos);
  EXPECT_NE(w.timeline.violated()->find("owner 7"), std::string::npos);
  EXPECT_EQ(w.timeline.now(), start + 1s);
  EXPECT_FALSE(w.timeline.step(start + 1h));
}

TEST(TimelineTest, ManyStepsAreNoViolationWhereTimePasses) {
  World w;
  w.timeline.spawn(1, [&] {
    for (int i = 0; i < 150'000; ++i) w.timeline.sleep(1us);
    w.seen.push_back("done");
  });
  w.run();
  EXPECT_FALSE(w.timeline.violated());
  EXPECT_EQ(w.seen, std::vector<std::string>{"done"});
}

// Uses as much of the stack below `top`. (The address of a variable would not do: AddressSanitizer
// may keep variables elsewhere.)
[[gnu::noinline]] int go_down(const char* top, std::ptrdiff_t bytes) {
  volatile int more = 1;
  if (top - static_cast<const char*>(__builtin_frame_address(0)) > bytes) return 0;
  return go_down(top, bytes) + more;
}

TEST(FiberDeathTest, AStackThatOverflowsEndsTheProcessInsteadOfAnothersStack) {
  const auto overflow_by = [](std::ptrdiff_t bytes) {
    Fiber fiber([bytes] {
      go_down(static_cast<const char*>(__builtin_frame_address(0)), (256 << 10) + bytes);
    });
    // The system puts its stack just below the first one's.
    Fiber other([] {});
    fiber.resume();
    std::_Exit(0);
  };
  EXPECT_EXIT(overflow_by(-(64 << 10)), ::testing::ExitedWithCode(0), "");
  EXPECT_DEATH(overflow_by(32 << 10), "");
}

}  // namespace
}  // namespace rhooks::simulator

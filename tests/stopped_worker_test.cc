// A server is stopped (SIGSTOP), as by a debugger, a hypervisor or a machine that swaps, under a
// mixed load, and goes on later: for shorter and longer than an attempt may take, and on DynamoDB
// for so long that others take over what it had in flight, or even than its leases last. What a
// single such pause comes to in detail is the matter of dynamo_workers_test.
#include <gtest/gtest.h>

#include <thread>

#include "tests/crash_fixture.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;

TEST(StoppedWorkerSoakTest, TheOnlyOne) {
  Soak soak("stopped worker rocksdb");
  while (soak.more()) {
    std::mt19937_64 random(soak.seed());
    CrashFixture fixture("rocksdb", soak.seed(), 1, 150);
    fixture.load.start();
    constexpr std::size_t kStops = 6;
    for (std::size_t i = 0; i < kStops; ++i) {
      std::this_thread::sleep_for(draw_ms(random, 50, 1'000));
      fixture.workers[0]->pause();
      // One of them outlasts every attempt that is under way.
      std::this_thread::sleep_for(i == 2 ? CrashFixture::kRequestTimeout + 500ms
                                         : draw_ms(random, 1, 600));
      fixture.workers[0]->resume();
    }
    // Attempts that timed out have failed, and are logged: nothing was cut off.
    fixture.finish(soak, kStops, 0);
  }
}

TEST(StoppedWorkerSoakTest, OneOfTwoForLongerThanItIsTakenToLive) {
  Soak soak("stopped worker dynamodb");
  while (soak.more()) {
    std::mt19937_64 random(soak.seed());
    CrashFixture fixture("dynamodb", soak.seed(), 2, 60);
    fixture.load.start();
    std::this_thread::sleep_for(draw_ms(random, 2'000, 4'000));
    CrashWorker& worker = *fixture.workers[random() % 2];
    worker.pause();
    // Others call it dead after 9 to 12 s.
    std::this_thread::sleep_for(std::uniform_int_distribution<int>(0, 1)(random) == 0
                                    ? draw_ms(random, 8'000, 20'000)
                                    : CrashFixture::kStoredLease + draw_ms(random, 0, 3'000));
    worker.resume();
    std::this_thread::sleep_for(draw_ms(random, 500, 2'000));
    fixture.finish(soak, 1, 1);
  }
}

}  // namespace
}  // namespace rhooks::testing

// kill -9 of the real server at random moments under a mixed load, again and again, on each store:
// see CrashLoad for what the load is and CrashChecker for what has to hold.
#include <gtest/gtest.h>

#include <thread>

#include "tests/crash_fixture.h"

namespace rhooks::testing {
namespace {

class CrashSoakTest : public ::testing::TestWithParam<std::string> {};

TEST_P(CrashSoakTest, KilledAtRandomUnderLoad) {
  const bool shared = GetParam() == "dynamodb";
  const std::size_t kills = shared ? 5 : 8;
  Soak soak("crash " + GetParam());
  while (soak.more()) {
    std::mt19937_64 random(soak.seed());
    const std::size_t processes = shared ? 1 + random() % 3 : 1;
    CrashFixture fixture(GetParam(), soak.seed(), processes, shared ? 60 : 150);
    fixture.load.start();
    std::size_t killed = 0;
    while (killed < kills) {
      std::this_thread::sleep_for(draw_ms(random, 50, 1'500));
      CrashWorker& worker = *fixture.workers[random() % fixture.workers.size()];
      worker.kill();
      ++killed;
      // Some end again while they start.
      if (random() % 4 == 0) {
        worker.launch();
        std::this_thread::sleep_for(draw_ms(random, 0, 800));
        worker.kill();
        ++killed;
      }
      if (shared) std::this_thread::sleep_for(draw_ms(random, 0, 500));
      worker.start();
    }
    fixture.finish(soak, killed, killed);
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, CrashSoakTest, ::testing::ValuesIn(store_kinds()),
                         [](const auto& kind) { return kind.param; });

}  // namespace
}  // namespace rhooks::testing

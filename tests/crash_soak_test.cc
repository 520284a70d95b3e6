// kill -9 of the real server at random moments under a mixed load, again and again, on each store:
// see CrashLoad for what the load is and CrashVerdict for what has to hold.
#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <random>
#include <thread>

#include "testing/fake_clock.h"
#include "testing/soak.h"
#include "tests/crash_load.h"
#include "tests/crash_verdict.h"
#include "tests/crash_worker.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::size_t kConcurrency = 24;
constexpr auto kRequestTimeout = 3s;
// See docs/semantics.md, "The promise".
constexpr auto kStoredLease = kRequestTimeout + 30s;

milliseconds draw(std::mt19937_64& random, int from_ms, int to_ms) {
  return milliseconds{std::uniform_int_distribution<int>(from_ms, to_ms)(random)};
}

class CrashSoak : public ::testing::TestWithParam<std::string> {};

TEST_P(CrashSoak, KilledAtRandomUnderLoad) {
  const bool shared = GetParam() == "dynamodb";
  const std::size_t kills = shared ? 5 : 8;
  Soak soak("crash " + GetParam());
  while (soak.more()) {
    std::mt19937_64 random(soak.seed());
    const TempDir dir;
    FakeClock clock;
    TestStore store = make_test_store(GetParam(), dir);
    store.environment = clock.environment(store.environment);
    std::vector<std::unique_ptr<CrashWorker>> workers;
    const std::size_t processes = shared ? 2 + soak.seed() % 2 : 1;
    for (std::size_t i = 0; i < processes; ++i) {
      workers.push_back(std::make_unique<CrashWorker>(
          store, std::vector<std::string>{"--concurrency", std::to_string(kConcurrency),
                                          "--request-timeout", "3s", "--backoff-max", "300ms"}));
      workers.back()->start();
    }

    CrashLoad load({.seed = soak.seed(),
                    .per_second = shared ? 60u : 150u,
                    .request_timeout = kRequestTimeout,
                    .now = [&] { return clock.now(); },
                    .servers =
                        [&] {
                          std::vector<std::string> urls;
                          for (const auto& worker : workers) urls.push_back(worker->url());
                          return urls;
                        }});
    load.start();
    std::size_t killed = 0;
    while (killed < kills) {
      std::this_thread::sleep_for(draw(random, 50, 1'500));
      CrashWorker& worker = *workers[random() % workers.size()];
      worker.kill();
      ++killed;
      // Some end again while they start.
      if (random() % 4 == 0) {
        worker.launch();
        std::this_thread::sleep_for(draw(random, 0, 800));
        worker.kill();
        ++killed;
      }
      if (shared) std::this_thread::sleep_for(draw(random, 0, 500));
      worker.start();
    }
    load.stop();
    // What a killed worker had leased is due again when the leases end. Once nothing else is left,
    // and nothing under way, the clock goes there at once.
    const std::size_t stuck = load.drain(120s, [&] {
      if (shared) clock.step(kStoredLease + 1s);
    });
    const Verdict verdict =
        judge(load, {.cut_off_max = killed * kConcurrency,
                     .log_with_outcome = !shared,
                     .servers_time = [&](Clock::Micros at) { return clock.latest_at(at, 5s); }});
    std::cout << GetParam() << ", " << processes << " processes: " << verdict.summary()
              << ", stuck " << stuck << "\n";
    soak.count().crashes += killed;
    soak.count().repeats += verdict.repeats;
    soak.count().lost += verdict.lost;
    soak.count().stuck += stuck;
    EXPECT_EQ(stuck, 0u);
    EXPECT_EQ(verdict.lost, 0u);
    EXPECT_GT(verdict.acknowledged, 0u);
    EXPECT_TRUE(verdict.wrong.empty()) << verdict.first_wrong();
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, CrashSoak, ::testing::ValuesIn(store_kinds()),
                         [](const auto& kind) { return kind.param; });

}  // namespace
}  // namespace rhooks::testing

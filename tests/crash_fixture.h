#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "store/dynamo/corrected_clock.h"
#include "testing/fake_clock.h"
#include "testing/patience.h"
#include "testing/slowdown.h"
#include "testing/soak.h"
#include "testing/temp_dir.h"
#include "tests/crash_checker.h"
#include "tests/crash_load.h"
#include "tests/crash_worker.h"
#include "tests/test_store.h"

namespace rhooks::testing {

inline std::chrono::milliseconds draw_ms(std::mt19937_64& random, int from, int to) {
  return std::chrono::milliseconds{std::uniform_int_distribution<int>(from, to)(random)};
}

// One round of a soak: a new store, servers on it that go by one clock, and a load.
struct CrashFixture {
  static constexpr std::size_t kConcurrency = 24;
  static constexpr std::chrono::seconds kRequestTimeout{3};
  // On DynamoDB, where they outlive their worker: see docs/semantics.md, "The promise".
  static constexpr std::chrono::seconds kStoredLease = kRequestTimeout + std::chrono::seconds{30};

  enum class Time { kSteady, kSteps };  // whether the test sets the clock

  CrashFixture(const std::string& kind, std::uint64_t seed, std::size_t processes,
               std::size_t per_second, Time time_is = Time::kSteady)
      : shared(kind == "dynamodb"),
        time(time_is),
        load({.seed = seed,
              .per_second = per_second,
              .request_timeout = kRequestTimeout,
              .now = [this] { return servers_now(); },
              .servers = [this] { return urls(); },
              .far_ahead = time_is == Time::kSteps && !shared}) {
    TestStore store = make_test_store(kind, dir);
    store.environment = clock.environment(store.environment);
    for (std::size_t i = 0; i < processes; ++i) {
      workers.push_back(std::make_unique<CrashWorker>(
          store, std::vector<std::string>{"--concurrency", std::to_string(kConcurrency),
                                          "--request-timeout", "3s", "--backoff-max", "300ms"}));
      workers.back()->start();
    }
  }

  // Those on shared tables go by the service's time, which nobody sets.
  Clock::Micros servers_now() const { return shared ? SystemClock().now_micros() : clock.now(); }
  // The latest that it was when a request arrived.
  Clock::Micros servers_latest(Clock::Micros at) const {
    if (!shared) return clock.latest_at(at, by_slowdown(std::chrono::milliseconds{1'500}));
    // A clock that is off by less is not told from one that is right.
    return time == Time::kSteps ? at + store::dynamo::CorrectedClock::kStepMin : at;
  }

  // What may take so long on a machine that has nothing else to do, by how busy this one was until
  // the first call, and the longest that it stood still.
  std::chrono::milliseconds by_slowdown(std::chrono::milliseconds alone) const {
    return std::chrono::ceil<std::chrono::milliseconds>(slowdown.stop() * alone) +
           slowdown.longest_stall();
  }

  std::vector<std::string> urls() const {
    std::vector<std::string> urls;
    for (const auto& worker : workers) urls.push_back(worker->url());
    return urls;
  }

  // Once all servers are back: waits for the end of all tasks, and says what became of them.
  // `crashes`: how many there were; `cut_off`: those of them that can have cut attempts off.
  void finish(Soak& soak, std::size_t crashes, std::size_t cut_off) {
    load.stop();
    const std::size_t stuck = load.drain(2 * kPatience);
    const Verdict verdict = check_history(
        load.history(), {.cut_off_max = cut_off * kConcurrency,
                         .log_with_outcome = !shared,
                         .servers_time = [this](Clock::Micros at) { return servers_latest(at); },
                         .crossing_max = by_slowdown(CheckOptions{}.crossing_max),
                         .clock_was_steady = time == Time::kSteady});
    std::cout << workers.size() << (shared ? " on DynamoDB: " : " on RocksDB: ") << crashes
              << " crashes, " << verdict.summary() << ", stuck " << stuck << std::endl;
    soak.count().crashes += crashes;
    soak.count().repeats += verdict.repeats;
    soak.count().lost += verdict.lost;
    soak.count().stuck += stuck;
    EXPECT_EQ(stuck, 0u);
    EXPECT_EQ(verdict.lost, 0u);
    EXPECT_GT(verdict.acknowledged, 0u);
    EXPECT_TRUE(verdict.wrong.empty()) << verdict.first_wrong() << workers[0]->errors();
    for (const auto& worker : workers) EXPECT_TRUE(worker->running()) << worker->errors();
  }

  const bool shared;
  const Time time;
  const TempDir dir;
  FakeClock clock;
  mutable Slowdown slowdown;
  std::vector<std::unique_ptr<CrashWorker>> workers;
  CrashLoad load;
};

}  // namespace rhooks::testing

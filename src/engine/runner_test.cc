// The runner's threads, on a clock by hand and a sender by script.
#include "engine/runner.h"

#include <gtest/gtest.h>

#include <thread>

#include "engine/engine_fixture.h"
#include "testing/slowdown.h"

namespace rhooks::engine {
namespace {

TEST(RunnerTest, TriggerDeliversAllThatIsDueWhateverTheNumber) {
  Fixture fixture(7);
  std::vector<model::TaskRecord> records;
  for (std::size_t i = 0; i < 5'000; ++i) {
    records.push_back(record(numbered("t", i), fixture.clock.now() - 1s));
  }
  records.push_back(record("later", fixture.clock.now() + 1ms));
  put(fixture.memory, records);

  const auto result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 5'000);
  EXPECT_EQ(result->errors, 0);
  EXPECT_LE(fixture.sender.max_in_flight(), 7u);
  EXPECT_EQ(fixture.sender.started_count(), 5'000u);
  EXPECT_EQ(fixture.task("later").status, Status::kActive);
}

TEST(RunnerTest, TriggerCountsFailedAttemptsAndLeavesRetriesForTheirTime) {
  Fixture fixture(4, [](const delivery::HttpRequest& request) {
    return request.request.url.ends_with("/bad") ? Reply::status(500) : Reply::status(204);
  });
  put(fixture.memory, {record("good", fixture.clock.now()),
                       record("bad", fixture.clock.now(), "http://127.0.0.1:9/bad")});
  const auto result = fixture.runner.trigger({});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->processed, 2);
  EXPECT_EQ(result->errors, 1);
  const Task bad = fixture.task("bad");
  EXPECT_EQ(bad.status, Status::kActive);
  EXPECT_EQ(bad.attempt, 1);
  ASSERT_TRUE(bad.next_attempt_date);
  EXPECT_GE(*bad.next_attempt_date, fixture.clock.now());
}

TEST(RunnerTest, TriggerOfNothingReturnsAtOnceAndCanBeRepeated) {
  Fixture fixture;
  for (int i = 0; i < 3; ++i) {
    const auto result = fixture.runner.trigger({});
    ASSERT_TRUE(result);
    EXPECT_EQ(result->processed, 0);
  }
}

TEST(RunnerTest, TriggersAtTheSameTimeShareTheWork) {
  Fixture fixture(3);
  std::vector<model::TaskRecord> records;
  for (std::size_t i = 0; i < 500; ++i) {
    records.push_back(record(numbered("t", i), fixture.clock.now()));
  }
  put(fixture.memory, records);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { EXPECT_TRUE(fixture.runner.trigger({})); });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(fixture.sender.started_count(), 500u);
  EXPECT_LE(fixture.sender.max_in_flight(), 3u);
}

// Calls trigger() on a thread of its own, and returns once it has begun.
class TriggerThread {
 public:
  explicit TriggerThread(Runner& runner)
      : thread_([this, &runner] {
          result_ = runner.trigger([this](const TriggerResult&) { begun_ = true; });
          ended_ = true;
        }) {
    EXPECT_TRUE(eventually([this] { return begun_ || ended_; }));
  }
  ~TriggerThread() {
    if (thread_.joinable()) thread_.join();
  }

  bool ended() const { return ended_; }
  Result<TriggerResult> join() {
    thread_.join();
    return result_;
  }

 private:
  std::atomic<bool> begun_{false};
  std::atomic<bool> ended_{false};
  Result<TriggerResult> result_;
  std::thread thread_;
};

TEST(RunnerTest, TriggerWithARunningWorkerWaitsForThatWorker) {
  Fixture fixture(2, [](const auto&) { return Reply::hold(); });
  fixture.runner.start();
  put(fixture.memory, {record("a", fixture.clock.now())});
  fixture.runner.notify(fixture.clock.now());
  ASSERT_TRUE(fixture.sender.wait_started(1));

  TriggerThread trigger(fixture.runner);
  EXPECT_FALSE(trigger.ended());
  fixture.sender.release_all(Reply::status(200));
  const auto result = trigger.join();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->processed, 1);
  EXPECT_EQ(fixture.sender.started_count(), 1u);
}

// A worker that never catches up would otherwise keep a trigger for ever.
TEST(RunnerTest, TasksDueAfterTheTriggerDoNotHoldItUp) {
  Fixture fixture(1, [](const auto&) { return Reply::hold(); });
  fixture.runner.start();
  put(fixture.memory, {record("a", fixture.clock.now())});
  fixture.runner.notify(fixture.clock.now());
  ASSERT_TRUE(fixture.sender.wait_started(1));
  put(fixture.memory,
      {record("b", fixture.clock.now() + 1ms), record("c", fixture.clock.now() + 2ms)});

  TriggerThread trigger(fixture.runner);
  fixture.advance(10ms);  // b and c are due, and wait for a's slot
  fixture.sender.release_all(Reply::status(200));
  const bool ended = eventually([&] { return trigger.ended(); });  // with b held
  if (!ended) {
    fixture.sender.set_script({});
    fixture.sender.release_all(Reply::status(200));
  }
  ASSERT_TRUE(ended);
  const auto result = trigger.join();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->processed, 1);
  ASSERT_TRUE(fixture.sender.wait_started(2));
  EXPECT_EQ(fixture.task("b").status, Status::kProcessing);
  fixture.sender.set_script({});
  fixture.sender.release_all(Reply::status(200));
  EXPECT_TRUE(fixture.reaches("c", Status::kDone));
}

TEST(RunnerTest, WithTheClockSetBackATriggerRunsNothingBeforeItsTime) {
  Fixture fixture(1, [](const auto&) { return Reply::hold(); });
  put(fixture.memory, {record("a", fixture.clock.now())});
  TriggerThread trigger(fixture.runner);
  ASSERT_TRUE(fixture.sender.wait_started(1));
  fixture.clock.set(fixture.clock.now() - 1h);
  put(fixture.memory, {record("b", fixture.clock.now() + 30min)});
  fixture.sender.release_all(Reply::status(200));
  const auto result = trigger.join();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->processed, 1);
  EXPECT_EQ(fixture.sender.started_count(), 1u);
}

TEST(RunnerTest, AnExceptionOfTheProgressCallbackLeavesTheRunnerUsable) {
  Fixture fixture(1, [](const auto&) { return Reply::hold(); });
  put(fixture.memory, {record("a", fixture.clock.now())});
  const auto thrower = [&](const TriggerResult&) {
    fixture.sender.release_all(Reply::status(200));
    throw std::runtime_error("no");
  };
  EXPECT_THROW((void)fixture.runner.trigger(thrower), std::runtime_error);
  fixture.sender.set_script({});
  put(fixture.memory, {record("b", fixture.clock.now())});
  ASSERT_TRUE(fixture.runner.trigger({}));
  EXPECT_EQ(fixture.task("b").status, Status::kDone);
}

TEST(RunnerTest, ConcurrencyIsReachedAndNeverExceeded) {
  Fixture fixture(5, [](const auto&) { return Reply::hold(); });
  std::vector<model::TaskRecord> records;
  for (std::size_t i = 0; i < 50; ++i) {
    records.push_back(record(numbered("t", i), fixture.clock.now()));
  }
  put(fixture.memory, records);
  fixture.runner.start();
  for (std::size_t done = 0; done < 50; done += 5) {
    ASSERT_TRUE(fixture.sender.wait_started(done + 5));
    EXPECT_EQ(fixture.sender.started_count(), done + 5);
    EXPECT_EQ(fixture.sender.release_all(Reply::status(200)), 5u);
  }
  EXPECT_TRUE(fixture.reaches(numbered("t", 49), Status::kDone));
  EXPECT_EQ(fixture.sender.max_in_flight(), 5u);
}

TEST(RunnerTest, ATaskFiresAtItsTimeAndNotBefore) {
  Fixture fixture;
  fixture.runner.start();
  put(fixture.memory, {record("a", fixture.clock.now() + 100ms)});
  fixture.runner.notify(fixture.clock.now() + 100ms);
  fixture.advance(99ms);
  ASSERT_TRUE(fixture.runner.trigger({}));  // everything due by now is through
  EXPECT_EQ(fixture.sender.started_count(), 0u);
  fixture.advance(1ms);
  ASSERT_TRUE(fixture.sender.wait_started(1));
  EXPECT_TRUE(fixture.reaches("a", Status::kDone));
}

// On the system's clock, since the point is to wake at the right moment: no sleeping, the
// claimer's waker does it. Benchmarks measure how right.
TEST(RunnerTest, TheAlarmWakesForATaskOfTheNearFuture) {
  SystemClock clock;
  store::MemoryStore memory;
  ScriptedSender sender(clock);
  Metrics metrics;
  Random random;
  RunnerOptions options = Fixture::options_for(4);
  options.poll_interval = 1h;  // so that polling cannot be what finds it
  Runner runner(memory, sender, metrics, clock, random, options);
  runner.start();
  testing::Slowdown slowdown;
  const TimePoint due = clock.now() + 50ms;
  put(memory, {record("a", due)});
  runner.notify(due);
  ASSERT_TRUE(sender.wait_started(1));
  ASSERT_TRUE(eventually([&] { return memory.get({"ns", "a"}, due)->status == Status::kDone; }));
  const auto started = logs_of(memory, "a", due).front().started_at;
  EXPECT_GE(started, due);
  EXPECT_LT(started - due, slowdown.stop() * 1s);
}

TEST(RunnerTest, ARetryWaitsForItsStoredTimeAndRetryAfterIsAFloor) {
  Fixture fixture(1, [](const auto&) {
    Reply reply = Reply::status(429);
    reply.retry_after = 90s;
    return reply;
  });
  auto task = record("a", fixture.clock.now());
  put(fixture.memory, {task});
  ASSERT_TRUE(fixture.runner.trigger({}));
  const TimePoint next = *fixture.task("a").next_attempt_date;
  EXPECT_GE(next, fixture.clock.now() + 90s);
  EXPECT_LT(next, fixture.clock.now() + 91s);

  // A restart keeps it: another runner on the same store.
  fixture.sender.set_script({});
  Runner second(fixture.memory, fixture.sender, fixture.metrics, fixture.clock, fixture.random,
                Fixture::options_for(1));
  fixture.clock.set(next - 1ms);
  ASSERT_TRUE(second.trigger({}));
  EXPECT_EQ(fixture.sender.started_count(), 1u);
  fixture.clock.set(next);
  ASSERT_TRUE(second.trigger({}));
  EXPECT_EQ(fixture.sender.started_count(), 2u);
  EXPECT_EQ(fixture.task("a").status, Status::kDone);
  EXPECT_EQ(logs_of(fixture.memory, "a", fixture.clock.now()).size(), 2u);
}

TEST(RunnerTest, ARecurringTaskKeepsItsNominalTimes) {
  Fixture fixture;
  auto task = record("a", fixture.clock.now());
  task.task.repeat = Repeat{1, 5, RepeatUnit::kSeconds};
  const TimePoint first = fixture.clock.now();
  put(fixture.memory, {task});
  fixture.runner.start();
  for (std::size_t i = 0; i < 5; ++i) {
    ASSERT_TRUE(fixture.sender.wait_started(i + 1));
    ASSERT_TRUE(eventually(
        [&] { return fixture.task("a").execution.count == static_cast<std::int64_t>(i) + 1; }));
    fixture.advance(1s);
  }
  EXPECT_TRUE(fixture.reaches("a", Status::kDone));
  const auto logs = logs_of(fixture.memory, "a", fixture.clock.now());
  ASSERT_EQ(logs.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(logs[i].scheduled_date, first + i * 1s);
  }
}

// While a worker is behind, how far is measured every quarter of a second, whatever the clock
// of the tasks does meanwhile.
TEST(RunnerTest, TheLagIsMeasuredOnAfterTheClockWasSetBack) {
  Fixture fixture(1, [](const auto&) { return Reply::hold(); });
  put(fixture.memory, {record("a", fixture.clock.now()), record("b", fixture.clock.now())});
  fixture.advance(10s);
  const auto shows = [&](const char* lag) {
    return fixture.metrics.expose().find(std::string("\nrhooks_due_lag_seconds ") + lag + "\n") !=
           std::string::npos;
  };
  fixture.runner.start();
  EXPECT_TRUE(eventually([&] { return shows("10"); }));
  fixture.advance(-1h);
  EXPECT_TRUE(eventually([&] { return shows("0"); }));
  fixture.sender.release_all(Reply::status(200));
  fixture.sender.set_script({});
  fixture.runner.stop_now();
}

TEST(RunnerTest, TaskDeletedDuringItsAttemptIsLoggedAndStaysAway) {
  Fixture fixture(1, [](const auto&) { return Reply::hold(); });
  put(fixture.memory, {record("a", fixture.clock.now())});
  fixture.runner.start();
  ASSERT_TRUE(fixture.sender.wait_started(1));
  const TaskKey key{"ns", "a"};
  ASSERT_TRUE(fixture.memory.remove({&key, 1}, fixture.clock.now()).front());
  fixture.sender.release_all(Reply::status(200));
  EXPECT_TRUE(
      eventually([&] { return logs_of(fixture.memory, "a", fixture.clock.now()).size() == 1; }));
  fixture.runner.stop();
  EXPECT_FALSE(fixture.memory.get(key, fixture.clock.now()));
}

}  // namespace
}  // namespace rhooks::engine

// The runner's threads, on a clock by hand and a sender by script.
#include "engine/runner.h"

#include <gtest/gtest.h>

#include <thread>

#include "engine/test_rig.h"

namespace rhooks::engine {
namespace {

TEST(RunnerTest, TriggerDeliversAllThatIsDueWhateverTheNumber) {
  Rig rig(7);
  std::vector<model::TaskRecord> records;
  for (std::size_t i = 0; i < 5'000; ++i) {
    records.push_back(record(numbered("t", i), rig.clock.now() - 1s));
  }
  records.push_back(record("later", rig.clock.now() + 1ms));
  put(rig.memory, records);

  const auto result = rig.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 5'000);
  EXPECT_EQ(result->errors, 0);
  EXPECT_LE(rig.sender.max_in_flight(), 7u);
  EXPECT_EQ(rig.sender.started_count(), 5'000u);
  EXPECT_EQ(rig.task("later").status, Status::kActive);
}

TEST(RunnerTest, TriggerCountsFailedAttemptsAndLeavesRetriesForTheirTime) {
  Rig rig(4, [](const delivery::HttpRequest& request) {
    return request.request.url.ends_with("/bad") ? Reply::status(500) : Reply::status(204);
  });
  put(rig.memory,
      {record("good", rig.clock.now()), record("bad", rig.clock.now(), "http://127.0.0.1:9/bad")});
  const auto result = rig.runner.trigger({});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->processed, 2);
  EXPECT_EQ(result->errors, 1);
  const Task bad = rig.task("bad");
  EXPECT_EQ(bad.status, Status::kActive);
  EXPECT_EQ(bad.attempt, 1);
  ASSERT_TRUE(bad.next_attempt_date);
  EXPECT_GE(*bad.next_attempt_date, rig.clock.now());
}

TEST(RunnerTest, TriggerOfNothingReturnsAtOnceAndCanBeRepeated) {
  Rig rig;
  for (int i = 0; i < 3; ++i) {
    const auto result = rig.runner.trigger({});
    ASSERT_TRUE(result);
    EXPECT_EQ(result->processed, 0);
  }
}

TEST(RunnerTest, TriggersAtTheSameTimeShareTheWork) {
  Rig rig(3);
  std::vector<model::TaskRecord> records;
  for (std::size_t i = 0; i < 500; ++i) {
    records.push_back(record(numbered("t", i), rig.clock.now()));
  }
  put(rig.memory, records);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { EXPECT_TRUE(rig.runner.trigger({})); });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(rig.sender.started_count(), 500u);
  EXPECT_LE(rig.sender.max_in_flight(), 3u);
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
  Rig rig(2, [](const auto&) { return Reply::hold(); });
  rig.runner.start();
  put(rig.memory, {record("a", rig.clock.now())});
  rig.runner.notify(rig.clock.now());
  ASSERT_TRUE(rig.sender.wait_started(1));

  TriggerThread trigger(rig.runner);
  EXPECT_FALSE(trigger.ended());
  rig.sender.release_all(Reply::status(200));
  const auto result = trigger.join();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->processed, 1);
  EXPECT_EQ(rig.sender.started_count(), 1u);
}

// A worker that never catches up would otherwise keep a trigger for ever.
TEST(RunnerTest, TasksDueAfterTheTriggerDoNotHoldItUp) {
  Rig rig(1, [](const auto&) { return Reply::hold(); });
  rig.runner.start();
  put(rig.memory, {record("a", rig.clock.now())});
  rig.runner.notify(rig.clock.now());
  ASSERT_TRUE(rig.sender.wait_started(1));
  put(rig.memory, {record("b", rig.clock.now() + 1ms), record("c", rig.clock.now() + 2ms)});

  TriggerThread trigger(rig.runner);
  rig.advance(10ms);  // b and c are due, and wait for a's slot
  rig.sender.release_all(Reply::status(200));
  const bool ended = eventually([&] { return trigger.ended(); });  // with b held
  if (!ended) {
    rig.sender.set_script({});
    rig.sender.release_all(Reply::status(200));
  }
  ASSERT_TRUE(ended);
  const auto result = trigger.join();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->processed, 1);
  ASSERT_TRUE(rig.sender.wait_started(2));
  EXPECT_EQ(rig.task("b").status, Status::kProcessing);
  rig.sender.set_script({});
  rig.sender.release_all(Reply::status(200));
  EXPECT_TRUE(rig.reaches("c", Status::kDone));
}

TEST(RunnerTest, WithTheClockSetBackATriggerRunsNothingBeforeItsTime) {
  Rig rig(1, [](const auto&) { return Reply::hold(); });
  put(rig.memory, {record("a", rig.clock.now())});
  TriggerThread trigger(rig.runner);
  ASSERT_TRUE(rig.sender.wait_started(1));
  rig.clock.set(rig.clock.now() - 1h);
  put(rig.memory, {record("b", rig.clock.now() + 30min)});
  rig.sender.release_all(Reply::status(200));
  const auto result = trigger.join();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->processed, 1);
  EXPECT_EQ(rig.sender.started_count(), 1u);
}

TEST(RunnerTest, AnExceptionOfTheProgressCallbackLeavesTheRunnerUsable) {
  Rig rig(1, [](const auto&) { return Reply::hold(); });
  put(rig.memory, {record("a", rig.clock.now())});
  const auto thrower = [&](const TriggerResult&) {
    rig.sender.release_all(Reply::status(200));
    throw std::runtime_error("no");
  };
  EXPECT_THROW((void)rig.runner.trigger(thrower), std::runtime_error);
  rig.sender.set_script({});
  put(rig.memory, {record("b", rig.clock.now())});
  ASSERT_TRUE(rig.runner.trigger({}));
  EXPECT_EQ(rig.task("b").status, Status::kDone);
}

TEST(RunnerTest, ConcurrencyIsReachedAndNeverExceeded) {
  Rig rig(5, [](const auto&) { return Reply::hold(); });
  std::vector<model::TaskRecord> records;
  for (std::size_t i = 0; i < 50; ++i) {
    records.push_back(record(numbered("t", i), rig.clock.now()));
  }
  put(rig.memory, records);
  rig.runner.start();
  for (std::size_t done = 0; done < 50; done += 5) {
    ASSERT_TRUE(rig.sender.wait_started(done + 5));
    EXPECT_EQ(rig.sender.started_count(), done + 5);
    EXPECT_EQ(rig.sender.release_all(Reply::status(200)), 5u);
  }
  EXPECT_TRUE(rig.reaches(numbered("t", 49), Status::kDone));
  EXPECT_EQ(rig.sender.max_in_flight(), 5u);
}

TEST(RunnerTest, ATaskFiresAtItsTimeAndNotBefore) {
  Rig rig;
  rig.runner.start();
  put(rig.memory, {record("a", rig.clock.now() + 100ms)});
  rig.runner.notify(rig.clock.now() + 100ms);
  rig.advance(99ms);
  ASSERT_TRUE(rig.runner.trigger({}));  // everything due by now is through
  EXPECT_EQ(rig.sender.started_count(), 0u);
  rig.advance(1ms);
  ASSERT_TRUE(rig.sender.wait_started(1));
  EXPECT_TRUE(rig.reaches("a", Status::kDone));
}

// On the system's clock, since the point is to wake at the right moment: no sleeping, the
// claimer's waker does it. The bound is wide for busy machines; benchmarks measure it.
TEST(RunnerTest, TheAlarmWakesForATaskOfTheNearFuture) {
  SystemClock clock;
  store::MemoryStore memory;
  ScriptedSender sender(clock);
  Metrics metrics;
  Random random;
  RunnerOptions options = Rig::options_for(4);
  options.poll_interval = 1h;  // so that polling cannot be what finds it
  Runner runner(memory, sender, metrics, clock, random, options);
  runner.start();
  const TimePoint due = clock.now() + 50ms;
  put(memory, {record("a", due)});
  runner.notify(due);
  ASSERT_TRUE(sender.wait_started(1, 10s));
  ASSERT_TRUE(eventually([&] { return memory.get({"ns", "a"}, due)->status == Status::kDone; }));
  const auto started = logs_of(memory, "a", due).front().started_at;
  EXPECT_GE(started, due);
  EXPECT_LT(started, due + 1s);
}

TEST(RunnerTest, ARetryWaitsForItsStoredTimeAndRetryAfterIsAFloor) {
  Rig rig(1, [](const auto&) {
    Reply reply = Reply::status(429);
    reply.retry_after = 90s;
    return reply;
  });
  auto task = record("a", rig.clock.now());
  put(rig.memory, {task});
  ASSERT_TRUE(rig.runner.trigger({}));
  const TimePoint next = *rig.task("a").next_attempt_date;
  EXPECT_GE(next, rig.clock.now() + 90s);
  EXPECT_LT(next, rig.clock.now() + 91s);

  // A restart keeps it: another runner on the same store.
  rig.sender.set_script({});
  Runner second(rig.memory, rig.sender, rig.metrics, rig.clock, rig.random, Rig::options_for(1));
  rig.clock.set(next - 1ms);
  ASSERT_TRUE(second.trigger({}));
  EXPECT_EQ(rig.sender.started_count(), 1u);
  rig.clock.set(next);
  ASSERT_TRUE(second.trigger({}));
  EXPECT_EQ(rig.sender.started_count(), 2u);
  EXPECT_EQ(rig.task("a").status, Status::kDone);
  EXPECT_EQ(logs_of(rig.memory, "a", rig.clock.now()).size(), 2u);
}

TEST(RunnerTest, ARecurringTaskKeepsItsNominalTimes) {
  Rig rig;
  auto task = record("a", rig.clock.now());
  task.task.repeat = Repeat{1, 5, RepeatUnit::kSeconds};
  const TimePoint first = rig.clock.now();
  put(rig.memory, {task});
  rig.runner.start();
  for (std::size_t i = 0; i < 5; ++i) {
    ASSERT_TRUE(rig.sender.wait_started(i + 1));
    ASSERT_TRUE(eventually(
        [&] { return rig.task("a").execution.count == static_cast<std::int64_t>(i) + 1; }));
    rig.advance(1s);
  }
  EXPECT_TRUE(rig.reaches("a", Status::kDone));
  const auto logs = logs_of(rig.memory, "a", rig.clock.now());
  ASSERT_EQ(logs.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(logs[i].scheduled_date, first + i * 1s);
  }
}

// While a worker is behind, how far is measured every quarter of a second, whatever the clock
// of the tasks does meanwhile.
TEST(RunnerTest, TheLagIsMeasuredOnAfterTheClockWasSetBack) {
  Rig rig(1, [](const auto&) { return Reply::hold(); });
  put(rig.memory, {record("a", rig.clock.now()), record("b", rig.clock.now())});
  rig.advance(10s);
  const auto shows = [&](const char* lag) {
    return rig.metrics.expose().find(std::string("\nrhooks_due_lag_seconds ") + lag + "\n") !=
           std::string::npos;
  };
  rig.runner.start();
  EXPECT_TRUE(eventually([&] { return shows("10"); }));
  rig.advance(-1h);
  EXPECT_TRUE(eventually([&] { return shows("0"); }, 10s));
  rig.sender.release_all(Reply::status(200));
  rig.sender.set_script({});
  rig.runner.stop_now();
}

TEST(RunnerTest, TaskDeletedDuringItsAttemptIsLoggedAndStaysAway) {
  Rig rig(1, [](const auto&) { return Reply::hold(); });
  put(rig.memory, {record("a", rig.clock.now())});
  rig.runner.start();
  ASSERT_TRUE(rig.sender.wait_started(1));
  const TaskKey key{"ns", "a"};
  ASSERT_TRUE(rig.memory.remove({&key, 1}, rig.clock.now()).front());
  rig.sender.release_all(Reply::status(200));
  EXPECT_TRUE(eventually([&] { return logs_of(rig.memory, "a", rig.clock.now()).size() == 1; }));
  rig.runner.stop();
  EXPECT_FALSE(rig.memory.get(key, rig.clock.now()));
}

}  // namespace
}  // namespace rhooks::engine

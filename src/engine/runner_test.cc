// The runner's threads, on a clock by hand and a sender by script.
#include "engine/runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "engine/engine_fixture.h"
#include "testing/faulty_store.h"
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

constexpr const char* kGoes = R"({"url":"http://127.0.0.1:9/"})";
constexpr const char* kIsPaused = R"({"url":"http://127.0.0.1:9/","paused":true})";

void change_endpoint(Fixture& fixture, const std::string& json) {
  store_endpoint(fixture.memory, "acme", json);
  fixture.endpoints.changed("ns", "acme");
  fixture.runner.endpoints_changed();
}

TEST(RunnerTest, ATriggerLeavesOutWhatIsForAPausedEndpoint) {
  Fixture fixture;
  change_endpoint(fixture, kIsPaused);
  put(fixture.memory,
      {to_endpoint("a", fixture.clock.now(), "acme"), record("b", fixture.clock.now())});
  auto result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 1);
  EXPECT_EQ(fixture.task("a").status, Status::kActive);
  const auto held = fixture.runner.held(fixture.task("a"));
  ASSERT_TRUE(held);
  EXPECT_EQ(held->by, "paused");
  EXPECT_FALSE(held->until);
  EXPECT_FALSE(fixture.runner.held(fixture.task("b")));

  change_endpoint(fixture, kGoes);
  EXPECT_FALSE(fixture.runner.held(fixture.task("a")));
  result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 1);
  EXPECT_EQ(fixture.task("a").status, Status::kDone);
}

TEST(RunnerTest, ATriggerLeavesOutWhatIsForAnEndpointThatCannotBeRead) {
  Fixture fixture;
  change_endpoint(fixture, "{");
  put(fixture.memory,
      {to_endpoint("a", fixture.clock.now(), "acme"), record("b", fixture.clock.now())});
  auto result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 1);
  const auto held = fixture.runner.held(fixture.task("a"));
  ASSERT_TRUE(held);
  EXPECT_EQ(held->by, "endpoint");

  change_endpoint(fixture, kGoes);
  result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 1);
  EXPECT_EQ(fixture.task("a").status, Status::kDone);
}

TEST(RunnerTest, APauseHoldsFromItsReturnOnAndAResumeWakes) {
  auto options = Fixture::options_for(4);
  options.poll_interval = 1h;
  Fixture fixture(options);
  change_endpoint(fixture, kIsPaused);
  const auto add = [&](const model::TaskRecord& task) {
    put(fixture.memory, {task});
    fixture.runner.notify(fixture.clock.now());
  };
  add(to_endpoint("a", fixture.clock.now(), "acme"));
  add(record("b", fixture.clock.now()));
  fixture.runner.start();
  EXPECT_TRUE(fixture.reaches("b", Status::kDone));
  EXPECT_EQ(fixture.task("a").status, Status::kActive);
  change_endpoint(fixture, kGoes);
  EXPECT_TRUE(fixture.reaches("a", Status::kDone));

  change_endpoint(fixture, kIsPaused);
  add(to_endpoint("c", fixture.clock.now(), "acme"));
  add(record("d", fixture.clock.now()));
  EXPECT_TRUE(fixture.reaches("d", Status::kDone));
  EXPECT_EQ(fixture.sender.started_count(), 3u);
  EXPECT_EQ(fixture.task("c").status, Status::kActive);
}

constexpr const char* kOneAtOnce = R"({"url":"http://127.0.0.1:9/","concurrency":1})";
constexpr const char* kOneASecond = R"({"url":"http://127.0.0.1:9/","rate":"1/s"})";

TEST(RunnerTest, ATriggerWaitsForWhatIsBehindAnAttemptOfItsEndpoint) {
  Fixture fixture(4, [](const auto&) { return Reply::hold(); });
  change_endpoint(fixture, kOneAtOnce);
  put(fixture.memory, {to_endpoint("a", fixture.clock.now(), "acme"),
                       to_endpoint("b", fixture.clock.now(), "acme")});
  TriggerThread trigger(fixture.runner);
  ASSERT_TRUE(fixture.sender.wait_started(1));
  EXPECT_FALSE(trigger.ended());
  EXPECT_EQ(fixture.runner.held(fixture.task("b"))->by, "concurrency");
  fixture.sender.set_script({});
  fixture.sender.release_all(Reply::status(200));
  const auto result = trigger.join();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 2);
  EXPECT_EQ(fixture.sender.max_in_flight(), 1u);
}

TEST(RunnerTest, ATriggerLeavesOutWhatWaitsForARate) {
  Fixture fixture;
  change_endpoint(fixture, kOneASecond);
  ASSERT_TRUE(fixture.runner.trigger({}));  // the worker begins
  fixture.clock.advance(1min);
  put(fixture.memory,
      {to_endpoint("a", fixture.clock.now(), "acme"), to_endpoint("b", fixture.clock.now(), "acme"),
       record("c", fixture.clock.now())});
  auto result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 2);
  const auto held = fixture.runner.held(fixture.task("b"));
  ASSERT_TRUE(held);
  EXPECT_EQ(held->by, "rate");
  EXPECT_EQ(held->until, fixture.clock.now() + 1s);
}

TEST(RunnerTest, ATriggerLeavesOutWhatIsForAnEndpointThatDoesNotAnswer) {
  const auto refuse_orders = [](const delivery::HttpRequest& request) {
    return request.request.url.ends_with("/orders") ? Reply::failure("refused")
                                                    : Reply::status(200);
  };
  Fixture fixture(4, refuse_orders);
  change_endpoint(fixture, kGoes);
  constexpr std::size_t kTasks = 20;
  std::vector<model::TaskRecord> records{record("other", fixture.clock.now())};
  for (std::size_t i = 0; i < kTasks; ++i) {
    records.push_back(to_endpoint(numbered("t", i), fixture.clock.now(), "acme"));
  }
  put(fixture.memory, records);
  auto result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_LE(result->errors, 8) << "five, and what was under way with the fifth";
  EXPECT_EQ(fixture.task("other").status, Status::kDone);
  const Task waits = fixture.task(numbered("t", kTasks - 1));
  EXPECT_EQ(waits.attempt, 0);
  const auto held = fixture.runner.held(waits);
  ASSERT_TRUE(held);
  EXPECT_EQ(held->by, "breaker");
  EXPECT_GT(held->until, fixture.clock.now());

  // The first one tries it, and the others are waited for.
  fixture.sender.set_script({});
  fixture.clock.advance(1h);
  result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, static_cast<std::int64_t>(kTasks));
  EXPECT_FALSE(fixture.runner.held(waits));
}

TEST(RunnerTest, ATriggerLeavesOutWhatIsForAnEndpointWhoseReceiverAsksToWait) {
  Fixture fixture(4, [](const delivery::HttpRequest& request) {
    Reply reply = Reply::status(request.request.url.ends_with("/orders") ? 429 : 200);
    if (reply.response->status == 429) reply.retry_after = 90s;
    return reply;
  });
  change_endpoint(fixture, kGoes);
  constexpr std::size_t kTasks = 20;
  std::vector<model::TaskRecord> records{record("other", fixture.clock.now())};
  for (std::size_t i = 0; i < kTasks; ++i) {
    records.push_back(to_endpoint(numbered("t", i), fixture.clock.now(), "acme"));
  }
  put(fixture.memory, records);
  auto result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_LE(result->errors, 4) << "what was under way with the first";
  EXPECT_EQ(fixture.task("other").status, Status::kDone);
  const Task waits = fixture.task(numbered("t", kTasks - 1));
  EXPECT_EQ(waits.attempt, 0);
  EXPECT_EQ(fixture.runner.held(waits), (Held{"retry-after", fixture.clock.now() + 90s}));

  fixture.sender.set_script({});
  fixture.clock.advance(1h);
  result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, static_cast<std::int64_t>(kTasks));
  EXPECT_FALSE(fixture.runner.held(waits));
}

TEST(RunnerTest, WakesAtTheTimeForWhichAReceiverAsked) {
  auto options = Fixture::options_for(1);
  options.poll_interval = 1h;
  Fixture fixture(options, [](const auto&) {
    Reply reply = Reply::status(503);
    reply.retry_after = 1s;
    return reply;
  });
  change_endpoint(fixture, R"({"url":"http://127.0.0.1:9/","retryLimit":0})");
  put(fixture.memory, {to_endpoint("a", fixture.clock.now(), "acme")});
  ASSERT_TRUE(fixture.runner.trigger({}));
  EXPECT_EQ(fixture.task("a").status, Status::kFailed);
  fixture.sender.set_script({});
  put(fixture.memory,
      {to_endpoint("b", fixture.clock.now(), "acme"), record("c", fixture.clock.now() + 1ms)});
  fixture.clock.advance(1ms);
  fixture.runner.start();
  EXPECT_TRUE(fixture.reaches("c", Status::kDone));
  EXPECT_EQ(fixture.task("b").status, Status::kActive);
  fixture.clock.advance(999ms);  // nobody tells it; it sleeps a second of the machine's
  EXPECT_TRUE(fixture.reaches("b", Status::kDone));
  EXPECT_EQ(fixture.sender.started_count(), 3u);
}

TEST(RunnerTest, WakesAtTheTimeOfARate) {
  auto options = Fixture::options_for(4);
  options.poll_interval = 1h;
  Fixture fixture(options);
  change_endpoint(fixture, kOneASecond);
  ASSERT_TRUE(fixture.runner.trigger({}));
  fixture.clock.advance(1min);
  put(fixture.memory, {to_endpoint("a", fixture.clock.now(), "acme"),
                       to_endpoint("b", fixture.clock.now(), "acme")});
  fixture.runner.start();
  EXPECT_TRUE(fixture.reaches("a", Status::kDone));
  EXPECT_EQ(fixture.task("b").status, Status::kActive);
  fixture.clock.advance(1s);  // nobody tells it; it sleeps a second of the machine's
  EXPECT_TRUE(fixture.reaches("b", Status::kDone));
  EXPECT_EQ(fixture.sender.started_count(), 2u);
}

constexpr const char* kInOrder =
    R"({"url":"http://127.0.0.1:9/","ordered":true,"retrySchedule":["1h"]})";

TEST(RunnerTest, AnEditOfTheFirstOfAnOrderedFlowLetsTheNextGo) {
  auto options = Fixture::options_for(4);
  options.poll_interval = 1h;
  int sent = 0;
  Fixture fixture(options, [&](const auto&) { return Reply::status(sent++ == 0 ? 500 : 200); });
  change_endpoint(fixture, kInOrder);
  put(fixture.memory, {to_endpoint("a", fixture.clock.now(), "acme"),
                       to_endpoint("b", fixture.clock.now(), "acme")});
  fixture.runner.start();
  ASSERT_TRUE(eventually([&] {
    const auto held = fixture.runner.held(fixture.task("b"));
    return held && held->by == "retry" && held->until == fixture.task("a").next_attempt_date;
  }));
  const TaskKey first{"ns", "a"};
  const TimePoint now = fixture.clock.now();
  ASSERT_TRUE(eventually([&] {  // it may be leased just now, and be given back
    const auto suspended = fixture.memory.change(
        {&first, 1}, [now](Task task) { return model::suspend(std::move(task), now); }, now);
    if (suspended.front()) fixture.runner.look_again(*suspended.front());
    return suspended.front().has_value();
  }));
  EXPECT_TRUE(fixture.reaches("b", Status::kDone));
  EXPECT_EQ(fixture.sender.started_count(), 2u);
}

TEST(RunnerTest, ATriggerLeavesOutWhatWaitsForARetry) {
  Fixture fixture(4, [](const auto&) { return Reply::status(500); });
  change_endpoint(fixture, kInOrder);
  put(fixture.memory, {to_endpoint("a", fixture.clock.now(), "acme"),
                       to_endpoint("b", fixture.clock.now(), "acme")});
  const auto result = fixture.runner.trigger({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->processed, 1);
  EXPECT_EQ(fixture.task("a").attempt, 1);
  EXPECT_EQ(fixture.task("b").attempt, 0);
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
  store::Endpoints endpoints{memory};
  secrets::Secrets secrets{memory, std::nullopt};
  Runner runner(memory, endpoints, secrets, sender, metrics, clock, random, options);
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

// Of an idle runner, which nobody tells of what its own outcomes made due.
TEST(RunnerTest, TheAlarmWakesForARetryAndForTheNextOccurrence) {
  SystemClock clock;
  store::MemoryStore memory;
  std::atomic<int> attempts{0};
  ScriptedSender sender(clock, [&](const auto&) { return Reply::status(attempts++ ? 200 : 500); });
  Metrics metrics;
  Random random;
  RunnerOptions options = Fixture::options_for(4);
  options.poll_interval = 1h;  // so that polling cannot be what finds it
  store::Endpoints endpoints{memory};
  secrets::Secrets secrets{memory, std::nullopt};
  Runner runner(memory, endpoints, secrets, sender, metrics, clock, random, options);
  auto task = record("a", clock.now());
  task.task.repeat = Repeat{1, 2, RepeatUnit::kSeconds};
  put(memory, {task});
  runner.start();
  EXPECT_TRUE(sender.wait_started(3)) << "fails, is retried, and goes on a second later";
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
  Runner second(fixture.memory, fixture.endpoints, fixture.secrets, fixture.sender, fixture.metrics,
                fixture.clock, fixture.random, Fixture::options_for(1));
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

TEST(RunnerTest, ACallbackIsSentAtOnce) {
  RunnerOptions options = Fixture::options_for(4);
  options.poll_interval = 10min;  // nothing but the outcome wakes the claimer
  Fixture fixture(options);
  store_endpoint(fixture.memory, "audit", R"({"url":"http://127.0.0.1:7/audit"})");
  fixture.runner.start();
  auto told = record("told", fixture.clock.now());
  told.task.callback = "audit";
  put(fixture.memory, {told});
  fixture.runner.notify(fixture.clock.now());
  EXPECT_TRUE(eventually([&] { return fixture.sender.started_count() == 2; }));
  EXPECT_EQ(fixture.sender.started()[1].request.url, "http://127.0.0.1:7/audit");
  fixture.runner.stop();
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

// A worker whose slots are shared out among receivers (FlowTable), some of which hang.
struct SharingFixture : Fixture {
  static constexpr std::size_t kSlots = 16;

  explicit SharingFixture(RunnerOptions options = options_for(kSlots),
                          store::Store* other_store = nullptr)
      : Fixture(std::move(options), script, other_store) {}
  ~SharingFixture() { runner.stop_now(); }  // what hangs is not waited for

  static Reply script(const delivery::HttpRequest& request) {
    return request.request.url.starts_with("http://dead") ? Reply::hold() : Reply::status(200);
  }

  // Tasks for so many receivers, due now: all of the first one first.
  void add(const std::string& prefix, std::size_t receivers, std::size_t tasks_each) {
    std::vector<model::TaskRecord> records;
    for (std::size_t i = 0; i < receivers * tasks_each; ++i) {
      const std::string host = prefix + std::to_string(i / tasks_each);
      records.push_back(record(numbered(prefix, i), clock.now(), "http://" + host + "/"));
      records.back().task.retry_limit = 0;
    }
    put(memory, records);
    runner.notify(clock.now());
  }
  // Of the receiver's tasks, so many were sent.
  std::size_t started_to(const std::string& host) const {
    const auto started = sender.started();
    return static_cast<std::size_t>(
        std::count_if(started.begin(), started.end(), [&](const delivery::HttpRequest& request) {
          return request.request.url == "http://" + host + "/";
        }));
  }
  void expect_all(const std::string& prefix, std::size_t tasks, Status status) {
    for (std::size_t i = 0; i < tasks; ++i) {
      EXPECT_TRUE(reaches(numbered(prefix, i), status)) << prefix << i;
    }
  }
  std::size_t time_out_all() {
    advance(2s);
    return sender.release_all(Reply::failure("timed out"));
  }
};

TEST(RunnerFlowsTest, DeadReceiversWhoseTasksAreDueFirstHoldUpNoOther) {
  SharingFixture fixture;
  fixture.add("dead", 3, 100);
  fixture.advance(1ms);
  fixture.add("well", 1, 50);
  fixture.runner.start();
  fixture.expect_all("well", 50, Status::kDone);
  for (const char* host : {"dead0", "dead1", "dead2"}) EXPECT_EQ(fixture.started_to(host), 2u);
}

// However many: those that answer have their slots.
TEST(RunnerFlowsTest, ManyDeadReceiversHoldUpNoneThatAnswered) {
  SharingFixture fixture;
  fixture.add("well", 1, 1);
  fixture.runner.start();
  fixture.expect_all("well", 1, Status::kDone);
  fixture.add("dead", 50, 3);
  ASSERT_TRUE(fixture.sender.wait_started(1 + SharingFixture::kSlots / 2));
  for (std::size_t i = 0; i < 20; ++i) {
    const std::string id = numbered("more", i);
    put(fixture.memory, {record(id, fixture.clock.now(), "http://well0/")});
    fixture.runner.notify(fixture.clock.now());
    EXPECT_TRUE(fixture.reaches(id, Status::kDone));
  }
  EXPECT_EQ(fixture.sender.in_flight(), SharingFixture::kSlots / 2);
}

TEST(RunnerFlowsTest, TasksOfDeadReceiversGoOnWithinAQuarter) {
  SharingFixture fixture;
  fixture.add("dead", 3, 5);
  fixture.runner.start();
  ASSERT_TRUE(fixture.sender.wait_started(6));
  EXPECT_EQ(fixture.time_out_all(), 6u);
  for (std::size_t sent = 6; sent < 15; sent = fixture.sender.started_count()) {
    ASSERT_TRUE(fixture.sender.wait_started(sent + 1));
    EXPECT_LE(fixture.time_out_all(), SharingFixture::kSlots / 4);
  }
  fixture.expect_all("dead", 15, Status::kFailed);
  EXPECT_EQ(fixture.sender.started_count(), 15u);
}

TEST(RunnerFlowsTest, AReceiverThatAnswersAgainHasMoreAtOnce) {
  SharingFixture fixture;
  fixture.add("dead", 1, 8);
  fixture.runner.start();
  ASSERT_TRUE(fixture.sender.wait_started(2));
  EXPECT_EQ(fixture.time_out_all(), 2u);
  ASSERT_TRUE(fixture.sender.wait_started(4));
  EXPECT_EQ(fixture.sender.release_all(Reply::status(200)), 2u);
  ASSERT_TRUE(fixture.sender.wait_started(7));
  EXPECT_EQ(fixture.sender.release_all(Reply::status(200)), 3u);
  ASSERT_TRUE(fixture.sender.wait_started(8));
  EXPECT_EQ(fixture.sender.release_all(Reply::status(200)), 1u);
  EXPECT_TRUE(fixture.reaches(numbered("dead", 7), Status::kDone));
}

// Five tasks of one receiver, of which three wait for the first two.
void expect_trigger_of_five(SharingFixture& fixture) {
  fixture.add("dead", 1, 5);
  TriggerThread trigger(fixture.runner);
  ASSERT_TRUE(fixture.sender.wait_started(2));
  EXPECT_EQ(fixture.sender.release_all(Reply::status(200)), 2u);
  ASSERT_TRUE(fixture.sender.wait_started(5));
  EXPECT_FALSE(trigger.ended());
  EXPECT_EQ(fixture.sender.release_all(Reply::status(200)), 3u);
  const auto result = trigger.join();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->processed, 5);
  EXPECT_EQ(result->errors, 0);
}

TEST(RunnerFlowsTest, ATriggerWaitsForTasksThatWaitForOthers) {
  SharingFixture fixture;
  expect_trigger_of_five(fixture);
}

TEST(RunnerFlowsTest, ATriggerWaitsForOthersWhereAnEndpointIsPaused) {
  SharingFixture fixture;
  change_endpoint(fixture, kIsPaused);
  put(fixture.memory, {to_endpoint("a", fixture.clock.now(), "acme")});
  expect_trigger_of_five(fixture);
  EXPECT_EQ(fixture.task("a").status, Status::kActive);
}

// Nor is the store asked while all that is due waits: only when an attempt ends, and in the poll
// interval.
TEST(RunnerFlowsTest, NothingIsClaimedWhileAllWaits) {
  store::MemoryStore memory{1};
  testing::FaultyStore faulty(memory);
  auto options = Fixture::options_for(SharingFixture::kSlots);
  options.poll_interval = 1h;
  SharingFixture fixture(options, &faulty);
  std::vector<model::TaskRecord> records;
  for (std::size_t i = 0; i < 100; ++i) {
    records.push_back(record(numbered("t", i), fixture.clock.now(), "http://dead/"));
  }
  put(memory, records);
  fixture.runner.start();
  for (std::size_t sent = 2; sent <= 6; sent += 4) {
    ASSERT_TRUE(fixture.sender.wait_started(sent));
    std::this_thread::sleep_for(100ms);  // the claimer and the committer come to rest
    const int claims = faulty.calls("claim_due");
    const int asked = faulty.calls("next_due");
    for (int i = 0; i < 10; ++i) {
      fixture.clock.advance(10ms);
      std::this_thread::sleep_for(20ms);
    }
    // On a busy machine they may come to rest late; who spins asks each time, ten times and more.
    EXPECT_LT(faulty.calls("claim_due") - claims, 5);
    EXPECT_LT(faulty.calls("next_due") - asked, 5);
    EXPECT_EQ(fixture.sender.started_count(), sent);
    fixture.sender.release_all(Reply::status(200));
  }
}

}  // namespace
}  // namespace rhooks::engine

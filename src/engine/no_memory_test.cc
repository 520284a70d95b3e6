// What there is no memory for fails alone, and nothing that was delivered is forgotten.
#include "testing/no_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/engine_fixture.h"
#include "engine/redriver.h"
#include "schedule/cron.h"
#include "store/redrives.h"

namespace rhooks::engine {
namespace {

using testing::NoMemory;

class EngineNoMemoryTest : public ::testing::Test, protected Stages {
 protected:
  static constexpr std::size_t kLarge = 64 * 1024;
  static constexpr std::size_t kExclusions = 64;

  static model::TaskRecord large(const std::string& id, TimePoint at) {
    model::TaskRecord task = record(id, at);
    task.task.request.body = Body::text(std::string(2 * kLarge, 'x'));
    task.task.retry_limit = 1;
    return task;
  }
  Status status_of(const std::string& id) { return store.get({"ns", id}, clock.now())->status; }

  Committer committer{store, secrets.redaction(), slots, to_commit, metrics, random, {}, {}};
};

TEST_F(EngineNoMemoryTest, ARequestFailsAsAnAttemptAndIsRetried) {
  put(store, {large("large", clock.now()), record("small", clock.now())});
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  {
    const NoMemory none(kLarge);
    dispatcher.step(clock.now(), 0ms);
  }
  committer.step(clock.now_micros());
  EXPECT_EQ(sender.started().size(), 1u);
  EXPECT_EQ(status_of("small"), Status::kDone);
  const auto logs = logs_of(store, "large", clock.now());
  ASSERT_EQ(logs.size(), 1u);
  EXPECT_THAT(logs[0].error, ::testing::HasSubstr("there is no memory left for it"));
  EXPECT_EQ(logs[0].request.url, "http://127.0.0.1:9/hook");
  EXPECT_EQ(status_of("large"), Status::kActive);

  clock.advance(1h);
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  dispatcher.step(clock.now(), 0ms);
  committer.step(clock.now_micros());
  EXPECT_EQ(status_of("large"), Status::kDone);
  EXPECT_EQ(slots.free(), kConcurrency);
}

// It would have no next occurrence, or have used up an attempt.
TEST_F(EngineNoMemoryTest, ATaskWhoseScheduleIsNotReadIsGivenBackUncharged) {
  auto task = record("listed", clock.now());
  task.task.retry_limit = 0;
  task.task.schedule.emplace();
  task.task.schedule->every = "1d";
  task.task.schedule->since = clock.now();
  task.task.schedule->exclude.assign(kExclusions, "--02-29");
  put(store, {task});
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  {
    const NoMemory none(kExclusions * sizeof(schedule::Cron));
    EXPECT_TRUE(dispatcher.step(clock.now(), 0ms));
  }
  committer.step(clock.now_micros());
  EXPECT_TRUE(sender.started().empty());
  EXPECT_TRUE(logs_of(store, "listed", clock.now()).empty());
  EXPECT_EQ(status_of("listed"), Status::kActive);
  EXPECT_EQ(committer.take_due_again(), clock.now() + 1s);
  EXPECT_EQ(slots.free(), kConcurrency);

  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  dispatcher.step(clock.now(), 0ms);
  committer.step(clock.now_micros());
  EXPECT_EQ(sender.started().size(), 1u);
  EXPECT_EQ(store.get({"ns", "listed"}, clock.now())->scheduled_date, clock.now() + 24h);
}

TEST_F(EngineNoMemoryTest, AnOutcomeIsKeptAndStoredLater) {
  put(store, {large("large", clock.now()), record("small", clock.now())});
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  dispatcher.step(clock.now(), 0ms);
  for (int round = 0; round < 3; ++round) {
    const NoMemory none(kLarge);
    committer.step(clock.now_micros());
    clock.advance(1s);
    EXPECT_TRUE(committer.failing());
    EXPECT_FALSE(committer.idle());
  }
  EXPECT_EQ(status_of("small"), Status::kDone);
  EXPECT_EQ(status_of("large"), Status::kProcessing);

  committer.step(clock.now_micros());
  committer.step(clock.now_micros());
  EXPECT_FALSE(committer.failing());
  EXPECT_TRUE(committer.idle());
  EXPECT_EQ(status_of("large"), Status::kDone);
  EXPECT_EQ(logs_of(store, "large", clock.now()).size(), 1u);
  EXPECT_EQ(sender.started().size(), 2u);
  EXPECT_EQ(slots.free(), kConcurrency);
}

// Neither is stored without the other.
TEST_F(EngineNoMemoryTest, AnOutcomeWaitsForMemoryForWhatFollows) {
  auto task = record("told", clock.now());
  task.task.callback = "audit";
  put(store, {task});
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  sender.set_script([](const auto&) {
    return ScriptedSender::Reply::status(
        200, {}, std::string(kLarge / 2, '\x01'));  // six times as much as JSON
  });
  dispatcher.step(clock.now(), 0ms);
  {
    const NoMemory none(kLarge);
    committer.step(clock.now_micros());
  }
  EXPECT_TRUE(committer.failing());
  EXPECT_EQ(status_of("told"), Status::kProcessing);
  clock.advance(1s);
  committer.step(clock.now_micros());
  EXPECT_EQ(status_of("told"), Status::kDone);
  claimer.learn_endpoints(clock.now());
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  const auto next = to_send.take(1);
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].task.origin, "told");
  slots.release(next[0].slot_id, FlowEnding::kNotMade);
}

TEST_F(EngineNoMemoryTest, AnOutcomeThatIsKeptTellsOfItsEndpointOnce) {
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/"})");
  auto task = to_endpoint("large", clock.now(), "acme");
  task.task.request.body = Body::text(std::string(2 * kLarge, 'x'));
  put(store, {task});
  sender.set_script([](const auto&) { return Reply::failure("refused"); });
  claimer.learn_endpoints(clock.now());
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  dispatcher.step(clock.now(), 0ms);
  for (int round = 0; round < 9; ++round) {
    const NoMemory none(kLarge);
    committer.step(clock.now_micros());
    clock.advance(1s);
    EXPECT_TRUE(committer.failing());
  }
  committer.step(clock.now_micros());
  committer.step(clock.now_micros());
  EXPECT_TRUE(committer.idle());
  EXPECT_EQ(sender.started().size(), 1u);
  EXPECT_FALSE(slots.flows().untried(Lane::of_endpoint_of(model::flow_of(task.task)), clock.now()))
      << "that is one failure, not ten";
  EXPECT_EQ(status_of("large"), Status::kActive);
}

TEST_F(EngineNoMemoryTest, AnOutcomeIsGivenUpAtTheStop) {
  put(store, {large("large", clock.now())});
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  dispatcher.step(clock.now(), 0ms);
  {
    const NoMemory none(kLarge);
    committer.step(clock.now_micros());
    committer.abandon();
  }
  EXPECT_TRUE(committer.idle());
  EXPECT_EQ(slots.free(), kConcurrency);
  EXPECT_EQ(status_of("large"), Status::kActive);
}

TEST_F(EngineNoMemoryTest, AStepOfARedriveIsTriedAgain) {
  std::vector<model::TaskRecord> records;
  for (std::size_t i = 0; i < 60; ++i) {
    records.push_back(record(numbered(std::string(500, 'x'), i), clock.now()));
    records.back().task.status = Status::kFailed;
  }
  put(store, records);
  model::StoredRedrive redrive;
  redrive.ns = "ns";
  redrive.rate = {100, 1s};
  redrive.started_at = clock.now();
  ASSERT_TRUE(
      store.put_document(store::redrive_document(redrive, {}), store::Nothing{}, clock.now()));
  Redriver redriver(store, metrics, zones(), 0ms, [](TimePoint) {});
  redriver.look_at("ns");
  {
    const NoMemory none(16 * 1024);
    EXPECT_EQ(redriver.step(clock.now()), 1s);
  }
  while (const auto wait = redriver.step(clock.now())) clock.advance(*wait);
  const auto done = store.get_document(store::redrive_key("ns"));
  ASSERT_TRUE(done);
  EXPECT_EQ(store::redrive_of(*done)->redriven, 60);
}

}  // namespace
}  // namespace rhooks::engine

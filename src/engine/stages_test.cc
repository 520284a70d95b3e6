// The three stages driven by hand: no threads, every step in sight.
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "engine/engine_fixture.h"
#include "model/endpoint.h"
#include "testing/captured_log.h"
#include "testing/faulty_store.h"
#include "testing/forwarding_store.h"

namespace rhooks::engine {
namespace {

class StagesTest : public ::testing::Test, protected Stages {
 protected:
  void make_committer(Committer::Options options = {}) {
    committer.emplace(store, secrets.redaction(), slots, to_commit, metrics, random, options,
                      [this](TimePoint, bool ok) { recorded.push_back(ok); });
  }
  void step_all() {
    ASSERT_TRUE(claimer.learn_endpoints(clock.now()));
    ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
    dispatcher.step(clock.now(), 0ms);
    committer->step(clock.now_micros());
  }

  std::string held_by(const std::string& id) {
    const auto task = store.get({"ns", id}, clock.now());
    const auto held = slots.flows().held(model::flow_of(task.value()), clock.now());
    return held ? held->by : "";
  }

  std::optional<Committer> committer;
  std::vector<bool> recorded;
};

TEST_F(StagesTest, ADueTaskBecomesDoneInOneRound) {
  make_committer();
  put(store, {record("a", clock.now())});
  step_all();
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kDone);
  EXPECT_EQ(logs_of(store, "a", clock.now()).size(), 1u);
  EXPECT_EQ(recorded, std::vector<bool>{true});
  EXPECT_EQ(slots.free(), kConcurrency);
}

TEST_F(StagesTest, ATaskOfThePastIsLateFromItsRegistrationOnOnly) {
  make_committer();
  auto old = record("a", clock.now());
  old.task.scheduled_date = clock.now() - 24h * 365;
  put(store, {old});
  clock.advance(2ms);
  step_all();
  EXPECT_NE(metrics.expose().find("rhooks_lateness_seconds_sum 0.002"), std::string::npos);
}

TEST_F(StagesTest, AFutureTaskIsNotClaimedAndItsTimeIsTold) {
  put(store, {record("a", clock.now() + 1500ms)});
  const auto step = claimer.step(clock.now(), clock.now());
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 0u);
  EXPECT_FALSE(step->more);
  EXPECT_EQ(step->next_due, clock.now() + 1500ms);
}

TEST_F(StagesTest, ClaimsNeverExceedTheFreeSlots) {
  make_committer();
  sender.set_script([](const auto&) { return Reply::hold(); });
  std::vector<model::TaskRecord> records;
  for (std::size_t i = 0; i < 10; ++i) records.push_back(record(numbered("t", i), clock.now()));
  put(store, records);

  auto step = claimer.step(clock.now(), clock.now());
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, kConcurrency);
  EXPECT_TRUE(step->more);
  step = claimer.step(clock.now(), clock.now());
  EXPECT_EQ(step->claimed, 0u);
  EXPECT_TRUE(step->more);

  // A slot is free again when the outcome is stored, not when the response arrives.
  dispatcher.step(clock.now(), 0ms);
  sender.release_all(Reply::status(200));
  dispatcher.step(clock.now(), 0ms);
  EXPECT_EQ(slots.free(), 0u);
  committer->step(clock.now_micros());
  EXPECT_EQ(slots.free(), kConcurrency);
}

TEST(SlotsTest, AreNotFreeWhileTheMemoryIsTaken) {
  const Flow flow{1, 1};
  Slots slots(4, 100);
  const auto first = slots.acquire(60, flow);
  EXPECT_EQ(slots.free(), 3u);
  const auto second = slots.acquire(40, flow);
  EXPECT_EQ(slots.free(), 0u);
  EXPECT_FALSE(slots.returned_through(first));
  slots.release(first, FlowEnding::kQuick);
  EXPECT_EQ(slots.free(), 3u);
  EXPECT_TRUE(slots.returned_through(first));
  EXPECT_FALSE(slots.returned_through(second));
  // A single one may be larger than all that there is.
  slots.release(second, FlowEnding::kQuick);
  const auto large = slots.acquire(1'000, flow);
  EXPECT_EQ(slots.free(), 0u);
  slots.release(large, FlowEnding::kQuick);
  EXPECT_EQ(slots.free(), 4u);
}

// 4,000 attempts of 250 KB at a time took 3.9 GB.
TEST(ClaimerTest, LargeTasksAreClaimedAsMemoryAllows) {
  constexpr std::size_t kBody = 200'000;
  ManualClock clock;
  store::MemoryStore store{1};
  Metrics metrics;
  Slots slots{7, 10 * kBody};
  DeliveryQueue to_send{7};
  store::Endpoints endpoints{store};
  secrets::Secrets secrets{store, std::nullopt};
  Claimer claimer{store, endpoints, secrets, slots, to_send, metrics, clock, 60s};
  const auto put_large = [&](std::size_t from, std::size_t to) {
    std::vector<model::TaskRecord> records;
    for (std::size_t i = from; i < to; ++i) {
      records.push_back(record(numbered("t", i), clock.now()));
      records.back().task.request.body = Body::text(std::string(kBody, 'x'));
    }
    put(store, records);
  };
  const auto claimed = [&] {
    const auto step = claimer.step(clock.now(), clock.now());
    EXPECT_TRUE(step);
    return step ? step->claimed : 0;
  };
  // Each is there four times.
  put_large(0, 3);
  EXPECT_EQ(claimed(), 3u);
  put_large(3, 5);
  EXPECT_EQ(claimed(), 0u);
  EXPECT_TRUE(claimer.step(clock.now(), clock.now())->more);
  slots.release(to_send.take(1).front().slot_id, FlowEnding::kQuick);
  EXPECT_EQ(claimed(), 2u);
  EXPECT_EQ(claimed(), 0u);
}

// As many slots as are shared out.
struct SharedSlots {
  // `max_age`: of what is known of endpoints, as where other processes change them.
  explicit SharedSlots(std::optional<std::chrono::milliseconds> max_age = {})
      : endpoints(store, max_age) {}

  ManualClock clock;
  store::MemoryStore memory{1};
  testing::FaultyStore store{memory};
  Metrics metrics;
  Slots slots{16};
  DeliveryQueue to_send{16};
  store::Endpoints endpoints;
  secrets::Secrets secrets{store, std::nullopt};
  Claimer claimer{store, endpoints, secrets, slots, to_send, metrics, clock, 60s};
};

TEST(ClaimerTest, TellsThatSomethingWaitsForOthersOfItsFlow) {
  SharedSlots shared;
  for (std::size_t i = 0; i < 3; ++i)
    put(shared.memory, {record(numbered("t", i), shared.clock.now())});
  const TimePoint now = shared.clock.now();
  auto step = shared.claimer.step(now, now);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 2u);
  EXPECT_FALSE(step->more);
  EXPECT_TRUE(step->waits);
  EXPECT_EQ(step->next_due, now + 60s);  // the end of a lease: what waits is not a reason to come
  EXPECT_FALSE(shared.slots.flows().any_open());

  shared.slots.release(shared.to_send.take(1).front().slot_id, FlowEnding::kQuick);
  EXPECT_TRUE(shared.slots.flows().any_open());
  step = shared.claimer.step(now, now);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 1u);
  EXPECT_FALSE(step->waits);
}

TEST(ClaimerTest, AClaimWhoseAnswerWasLostTakesNoPlaceOfItsFlow) {
  SharedSlots shared;
  for (std::size_t i = 0; i < 3; ++i)
    put(shared.memory, {record(numbered("t", i), shared.clock.now())});
  shared.store.fail_next("claim_due", {.error = {ErrorCode::kUnknownOutcome, "it was lost", {}},
                                       .after_applying = true});
  const TimePoint now = shared.clock.now();
  EXPECT_FALSE(shared.claimer.step(now, now));
  auto step = shared.claimer.step(now, now);  // those two are leased
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 1u);
  step = shared.claimer.step(now + 60s, now + 60s);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 1u);
  EXPECT_TRUE(step->waits);
}

TEST(CommitterTest, WhatWasNotSentOpensNoWindow) {
  SharedSlots shared;
  ScriptedSender sender{shared.clock};
  EndedQueue to_commit{16};
  Random random{1};
  Dispatcher dispatcher{shared.store, sender,         shared.slots.flows(), shared.to_send,
                        to_commit,    shared.metrics, shared.clock,         zones()};
  secrets::Redaction redaction{shared.store};
  Committer committer{shared.store,   redaction, shared.slots, to_commit,
                      shared.metrics, random,    {},           {}};
  const TimePoint now = shared.clock.now();
  for (std::size_t i = 0; i < 8; ++i) {
    auto late = record(numbered("t", i), now);
    late.task.deliver_before = now;
    put(shared.memory, {late});
  }
  for (int round = 0; round < 3; ++round) {
    const auto step = shared.claimer.step(now, now);
    ASSERT_TRUE(step);
    EXPECT_EQ(step->claimed, 2u);
    dispatcher.step(now, 0ms);
    committer.step(shared.clock.now_micros());
  }
  EXPECT_EQ(sender.started_count(), 0u);
}

TEST_F(StagesTest, ATaskWhoseLeaseRanOutBeforeItWasSentIsNotSent) {
  make_committer();
  put(store, {record("a", clock.now())});
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  clock.advance(60s);  // as after SIGSTOP
  dispatcher.step(clock.now(), 0ms);
  committer->step(clock.now_micros());
  EXPECT_EQ(sender.started_count(), 0u);
  EXPECT_EQ(slots.free(), kConcurrency);
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kActive);
  EXPECT_TRUE(logs_of(store, "a", clock.now()).empty());
}

TEST_F(StagesTest, ATaskWhoseLeaseWouldEndDuringTheAttemptIsGivenBack) {
  make_committer();
  Dispatcher careful(store, sender, slots.flows(), to_send, to_commit, metrics, clock, zones(),
                     30s);
  put(store, {record("a", clock.now())});
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  clock.advance(30s);  // of the lease's 60
  careful.step(clock.now(), 0ms);
  committer->step(clock.now_micros());
  EXPECT_EQ(sender.started_count(), 0u);
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kActive);  // due at once

  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  clock.advance(29s);
  careful.step(clock.now(), 0ms);
  EXPECT_EQ(sender.started_count(), 1u);
}

// Of a worker that could not show that it lives.
class OthersMayTakeAll final : public testing::ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

 private:
  bool do_holds(const model::Lease&) const override { return false; }
};

TEST_F(StagesTest, ATaskThatAnotherWorkerMayHaveIsNotSentAndGivenBack) {
  make_committer();
  const OthersMayTakeAll doubtful(store);
  Dispatcher paused(doubtful, sender, slots.flows(), to_send, to_commit, metrics, clock, zones());
  put(store, {record("a", clock.now())});
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  paused.step(clock.now(), 0ms);
  committer->step(clock.now_micros());
  EXPECT_EQ(sender.started_count(), 0u);
  EXPECT_EQ(slots.free(), kConcurrency);
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kActive);
  EXPECT_TRUE(logs_of(store, "a", clock.now()).empty());
}

TEST_F(StagesTest, TheSlowerOfTwoWorkersCanNotCommit) {
  make_committer();
  put(store, {record("a", clock.now())});
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  sender.set_script([](const auto&) { return Reply::hold(); });
  dispatcher.step(clock.now(), 0ms);
  clock.advance(60s);

  auto other = store.claim_due({clock.now(), clock.now(), 1, 60s});
  ASSERT_TRUE(other);
  ASSERT_EQ(other->claims.size(), 1u);

  sender.release_all(Reply::status(200));
  dispatcher.step(clock.now(), 0ms);
  committer->step(clock.now_micros());
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kProcessing);
  EXPECT_EQ(logs_of(store, "a", clock.now()).size(), 1u);  // the attempt was made
  EXPECT_TRUE(recorded.empty());
  EXPECT_EQ(slots.free(), kConcurrency);
  EXPECT_NE(metrics.expose().find("rhooks_lease_lost_total 1"), std::string::npos);
}

TEST_F(StagesTest, OutcomesLingerForCompanyButNotWhenTheBatchIsFull) {
  make_committer({.policy = {}, .logs_ttl = 0s, .batch_max = 2, .linger = 5ms});
  put(store, {record("a", clock.now()), record("b", clock.now()), record("c", clock.now())});
  sender.set_script([](const delivery::HttpRequest& request) {
    return request.slot_id == 1 ? Reply::status(200) : Reply::hold();
  });
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  dispatcher.step(clock.now(), 0ms);
  EXPECT_EQ(committer->step(clock.now_micros()), std::chrono::microseconds{5ms});
  EXPECT_TRUE(recorded.empty());
  clock.advance(2ms);
  EXPECT_EQ(committer->step(clock.now_micros()), std::chrono::microseconds{3ms});
  EXPECT_TRUE(recorded.empty());

  sender.release_all(Reply::status(200));
  dispatcher.step(clock.now(), 0ms);
  committer->step(clock.now_micros());
  EXPECT_EQ(recorded.size(), 2u);  // a full batch does not wait
  committer->step(clock.now_micros());
  EXPECT_EQ(recorded.size(), 2u);
  clock.advance(5ms);
  committer->step(clock.now_micros());
  EXPECT_EQ(recorded.size(), 3u);
}

// The committer sleeps until it is told.
TEST_F(StagesTest, TheDispatcherTellsWhetherSomethingHasEnded) {
  sender.set_script([](const auto&) { return Reply::hold(); });
  EXPECT_FALSE(dispatcher.step(clock.now(), 0ms));
  EXPECT_FALSE(dispatcher.release_unsent());
  put(store, {record("a", clock.now())});
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  EXPECT_FALSE(dispatcher.step(clock.now(), 0ms));
  sender.release_all(Reply::status(200));
  EXPECT_TRUE(dispatcher.step(clock.now(), 0ms));

  put(store, {record("b", clock.now())});
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  EXPECT_TRUE(dispatcher.release_unsent());

  put(store, {record("c", clock.now())});
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  clock.advance(60s);  // its lease has run out: it is not sent
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(dispatcher.step(clock.now(), 30s));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 30s);
  EXPECT_EQ(sender.started_count(), 1u);
}

TEST_F(StagesTest, LogsCarryTheTtl) {
  make_committer({.policy = {}, .logs_ttl = 10s});
  put(store, {record("a", clock.now())});
  step_all();
  EXPECT_EQ(logs_of(store, "a", clock.now() + 9'999ms).size(), 1u);
  EXPECT_TRUE(logs_of(store, "a", clock.now() + 10s).empty());
}

TEST_F(StagesTest, ATaskOfWhichNoRequestCanBeMadeFailsAtOnce) {
  make_committer();
  auto odd = record("a", clock.now());
  odd.task.request.method = Method::kGet;
  odd.task.request.body = Body::json("[1]");  // no query string can hold it
  put(store, {odd});
  step_all();
  const auto task = store.get({"ns", "a"}, clock.now());
  EXPECT_EQ(task->status, Status::kFailed);
  EXPECT_EQ(task->failure_reason, model::failure::kUnbuildable);
  EXPECT_NE(task->errors.last_error.find("could not be built"), std::string::npos);
  EXPECT_EQ(logs_of(store, "a", clock.now()).size(), 1u);
}

TEST_F(StagesTest, NothingIsSentWhenItIsTooLate) {
  make_committer();
  auto late = record("late", clock.now());
  late.task.deliver_before = clock.now() + 1ms;
  auto in_time = record("in time", clock.now());
  in_time.task.deliver_before = clock.now() + 2ms;
  put(store, {late, in_time});
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  clock.advance(1ms);
  step_all();
  ASSERT_EQ(sender.started_count(), 1u);
  EXPECT_EQ(store.get({"ns", "in time"}, clock.now())->status, Status::kDone);
  const auto task = store.get({"ns", "late"}, clock.now());
  EXPECT_EQ(task->status, Status::kFailed);
  EXPECT_EQ(task->failure_reason, model::failure::kExpired);
  const auto logs = logs_of(store, "late", clock.now());
  ASSERT_EQ(logs.size(), 1u);
  EXPECT_FALSE(logs[0].response);
  EXPECT_EQ(logs[0].error, "not sent: its deliverBefore had come");
}

TEST_F(StagesTest, ATaskGoesToItsEndpointAsItIsAtTheClaim) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/in","retryLimit":1,"timeout":"2s"})");
  put(store, {to_endpoint("a", clock.now(), "acme")});
  sender.set_script([](const auto&) { return Reply::status(500); });
  step_all();
  ASSERT_EQ(sender.started_count(), 1u);
  EXPECT_EQ(sender.started()[0].request.url, "http://127.0.0.1:9/in/orders");
  EXPECT_EQ(sender.started()[0].timeout, 2s);
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kActive);
  EXPECT_EQ(logs_of(store, "a", clock.now()).front().retry_limit, 1);

  // From the next attempt on it is another one.
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:8/","retryLimit":0})");
  endpoints.changed("ns", "acme");
  clock.advance(1h);
  step_all();
  ASSERT_EQ(sender.started_count(), 2u);
  EXPECT_EQ(sender.started()[1].request.url, "http://127.0.0.1:8/orders");
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kFailed);
}

TEST_F(StagesTest, AnEndpointSaysWhenItIsRetried) {
  make_committer();
  store_endpoint(store, "acme",
                 R"({"url":"http://127.0.0.1:9/","retrySchedule":["10s","1h"],"stopOn":"422"})");
  put(store, {to_endpoint("a", clock.now(), "acme")});
  int status = 500;
  sender.set_script([&](const auto&) { return Reply::status(status); });
  step_all();
  auto task = store.get({"ns", "a"}, clock.now());
  ASSERT_TRUE(task->next_attempt_date);
  EXPECT_GE(*task->next_attempt_date, clock.now() + 8s);
  EXPECT_LE(*task->next_attempt_date, clock.now() + 12s);
  clock.advance(12s);
  status = 422;
  step_all();
  task = store.get({"ns", "a"}, clock.now());
  EXPECT_EQ(task->status, Status::kFailed);
  EXPECT_EQ(task->failure_reason, model::failure::kNonRetryable);
}

std::vector<Task> tasks_of(store::Store& store, const std::string& prefix, TimePoint now) {
  store::TaskQuery query;
  query.ns = "ns";
  query.id_prefix = prefix;
  query.now = now;
  const auto page = store.query_tasks(query);
  EXPECT_TRUE(page);
  return page ? page->items : std::vector<Task>();
}

TEST_F(StagesTest, TheEndOfAnExecutionIsTold) {
  make_committer();
  store_endpoint(store, "audit", R"({"url":"http://127.0.0.1:7/audit","callback":"audit"})");
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/","callback":"audit"})");
  auto quiet = to_endpoint("quiet", clock.now(), "acme");
  quiet.task.callback = "audit";
  quiet.task.callback_on = {"task.failed"};
  put(store, {to_endpoint("told", clock.now(), "acme"), quiet, record("other", clock.now())});
  EXPECT_EQ(committer->take_due_again(), std::nullopt);
  step_all();
  EXPECT_EQ(committer->take_due_again(), clock.now());
  EXPECT_EQ(committer->take_due_again(), std::nullopt);
  EXPECT_EQ(sender.started_count(), 3u);
  const auto telling = tasks_of(store, "cb_", clock.now());
  ASSERT_EQ(telling.size(), 1u);
  EXPECT_EQ(telling[0].origin, "told");
  EXPECT_EQ(telling[0].status, Status::kActive);

  // It is delivered as any task is, and nobody is told of that.
  step_all();
  ASSERT_EQ(sender.started_count(), 4u);
  EXPECT_EQ(sender.started()[3].request.url, "http://127.0.0.1:7/audit");
  EXPECT_EQ(sender.started()[3].request.method, Method::kPost);
  EXPECT_EQ(sender.started()[3].wire_body, telling[0].request.body.data());
  EXPECT_EQ(tasks_of(store, "cb_", clock.now()).size(), 1u);
  EXPECT_EQ(committer->take_due_again(), std::nullopt);
  EXPECT_NE(metrics.expose().find("rhooks_callbacks_total 1"), std::string::npos);
}

TEST_F(StagesTest, OnlyTheLastAttemptIsAnEnd) {
  make_committer();
  auto task = record("a", clock.now());
  task.task.callback = "audit";
  task.task.retry_limit = 1;
  put(store, {task});
  sender.set_script([](const auto&) { return Reply::status(500); });
  step_all();
  EXPECT_TRUE(tasks_of(store, "cb_", clock.now()).empty());
  clock.advance(1h);
  step_all();
  const auto telling = tasks_of(store, "cb_", clock.now());
  ASSERT_EQ(telling.size(), 1u);
  EXPECT_EQ(telling[0].endpoint, "audit");
  // There is no such endpoint: that is seen, and can be put right.
  step_all();
  EXPECT_EQ(tasks_of(store, "cb_", clock.now())[0].failure_reason,
            model::failure::kEndpointMissing);
}

TEST_F(StagesTest, WhatWasNotSentIsToldAsFailed) {
  make_committer();
  auto late = record("late", clock.now());
  late.task.deliver_before = clock.now();
  auto lost = to_endpoint("lost", clock.now(), "acme");
  for (auto* one : {&late, &lost}) one->task.callback = "audit";
  put(store, {late, lost});
  step_all();
  const auto telling = tasks_of(store, "cb_", clock.now());
  ASSERT_EQ(telling.size(), 2u);
  for (const Task& one : telling) {
    const std::string& body = one.request.body.data();
    EXPECT_NE(body.find(R"("type":"task.failed")"), body.npos) << body;
    const bool expired = one.origin == "late";
    EXPECT_NE(body.find(expired ? R"("failureReason":"expired")"
                                : R"("failureReason":"endpoint_missing")"),
              body.npos)
        << body;
  }
}

// "acme", of whose state "ops" is told. Its tasks "slow" hang, and the others fail.
class EventsTest : public StagesTest {
 protected:
  EventsTest() {
    make_committer();
    store_endpoint(store, "ops", R"({"url":"http://127.0.0.1:7/ops","callback":"ops"})");
    store_endpoint(store, "acme",
                   R"({"url":"http://127.0.0.1:9/","callback":"ops",)"
                   R"("callbackOn":["endpoint.opened","endpoint.closed"]})");
    sender.set_script([](const delivery::HttpRequest& request) {
      const std::string& url = request.request.url;
      if (url.ends_with("/slow")) return Reply::hold();
      return Reply::status(url.ends_with("/failing") ? 500 : 200);
    });
  }

  void put_task(const std::string& id, const std::string& path) {
    auto task = to_endpoint(id, clock.now(), "acme");
    task.task.request.url = path;
    task.task.retry_limit = 0;
    put(store, {task});
  }
  void fail_tasks(const std::string& prefix, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) put_task(numbered(prefix, i), "/failing");
    for (std::size_t i = 0; i < 2 * count && slots.flows().open_breakers() == 0; ++i) step_all();
  }
  // The tasks that hang are answered so.
  void answer(int status) {
    sender.release_all(Reply::status(status));
    dispatcher.step(clock.now(), 0ms);
    committer->step(clock.now_micros());
  }
  std::vector<std::string> told() const {
    std::vector<std::string> bodies;
    for (const delivery::HttpRequest& request : sender.started()) {
      if (request.request.url.starts_with("http://127.0.0.1:7/")) {
        bodies.push_back(request.wire_body);
      }
    }
    return bodies;
  }
  bool has_series(const std::string& line) const {
    return metrics.expose().find("\n" + line + "\n") != std::string::npos;
  }
};

TEST_F(EventsTest, AnEndpointThatDoesNotAnswerIsToldOf) {
  fail_tasks("a", 4);
  EXPECT_TRUE(tasks_of(store, "ev_", clock.now()).empty());
  put_task("slow", "/slow");
  step_all();
  fail_tasks("b", 1);
  ASSERT_EQ(slots.flows().open_breakers(), 1u);
  const auto opened = tasks_of(store, "ev_", clock.now());
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_EQ(opened[0].endpoint, "ops");
  EXPECT_EQ(opened[0].origin, "acme");
  EXPECT_EQ(committer->take_due_again(), clock.now()) << "it goes out at once";
  step_all();
  ASSERT_EQ(told().size(), 1u);
  EXPECT_TRUE(told()[0].starts_with(R"({"type":"endpoint.opened",)")) << told()[0];

  answer(200);
  EXPECT_EQ(slots.flows().open_breakers(), 0u);
  step_all();
  ASSERT_EQ(told().size(), 2u);
  EXPECT_TRUE(told()[1].starts_with(R"({"type":"endpoint.closed",)")) << told()[1];
  // Nobody is told of what tells, nor of the ends of tasks.
  step_all();
  EXPECT_EQ(told().size(), 2u);
  EXPECT_TRUE(tasks_of(store, "cb_", clock.now()).empty());
  EXPECT_TRUE(has_series("rhooks_callbacks_total 0"));
  EXPECT_TRUE(has_series("rhooks_events_lost_total 0"));
}

TEST_F(EventsTest, OneThatComesAndGoesIsToldOfOnceInAMinute) {
  for (std::size_t i = 0; i < 10; ++i) {
    put_task(numbered("slow", i), "/slow");
    step_all();
    fail_tasks(numbered("a", i), 5);
    ASSERT_EQ(slots.flows().open_breakers(), 1u) << i;
    answer(200);
    ASSERT_EQ(slots.flows().open_breakers(), 0u) << i;
  }
  for (int i = 0; i < 3; ++i) step_all();
  EXPECT_EQ(told().size(), 2u);
  EXPECT_EQ(tasks_of(store, "ev_", clock.now()).size(), 2u);
  clock.advance(1min);
  fail_tasks("b", 5);
  EXPECT_EQ(tasks_of(store, "ev_", clock.now()).size(), 3u);
}

TEST_F(EventsTest, AnOutcomeThatIsNotTakenLosesItsEvent) {
  fail_tasks("a", 4);
  put_task("slow", "/slow");
  step_all();
  const TaskKey key{"ns", "slow"};
  ASSERT_TRUE(store.remove({&key, 1}, clock.now()).front());
  answer(500);
  EXPECT_TRUE(tasks_of(store, "ev_", clock.now()).empty());
  EXPECT_TRUE(has_series("rhooks_events_lost_total 1"));
  EXPECT_EQ(slots.free(), kConcurrency);
}

TEST_F(EventsTest, AnEndIsToldBesideTheEvent) {
  fail_tasks("a", 4);
  auto task = to_endpoint("both", clock.now(), "acme");
  task.task.request.url = "/failing";
  task.task.retry_limit = 0;
  task.task.callback = "ops";
  put(store, {task});
  step_all();
  EXPECT_EQ(tasks_of(store, "ev_", clock.now()).size(), 1u);
  EXPECT_EQ(tasks_of(store, "cb_", clock.now()).size(), 1u);
  EXPECT_TRUE(has_series("rhooks_callbacks_total 1"));
}

TEST_F(StagesTest, ATaskIsNotGivenUpWhileItsEndpointAnswersNobody) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/","retryLimit":1})");
  put(store, {to_endpoint("a", clock.now(), "acme")});
  sender.set_script([](const auto&) { return Reply::failure("refused"); });
  for (int i = 0; i < 3; ++i) {
    step_all();
    const auto task = store.get({"ns", "a"}, clock.now());
    ASSERT_EQ(task->status, Status::kActive);
    EXPECT_EQ(task->attempt, 1) << "the first one counts";
    EXPECT_EQ(held_by("a"), i == 0 ? "" : "breaker");
    EXPECT_TRUE(i == 0 || model::due_at(*task) == clock.now()) << "it waits for no time";
    clock.advance(1h);
  }
  sender.set_script({});
  step_all();
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kDone);
  EXPECT_EQ(held_by("a"), "");
  const auto logs = logs_of(store, "a", clock.now());
  ASSERT_EQ(logs.size(), 4u);
  for (std::size_t i = 0; i < logs.size(); ++i) {
    EXPECT_EQ(logs[i].probe, i == 1 || i == 2) << i;
    EXPECT_EQ(logs[i].attempt, i == 0 ? 1 : 2) << i;
  }
}

// A message on which the receiver hangs does not make every probe.
TEST_F(StagesTest, ProbesAreMadeByTurns) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/"})");
  for (const char* id : {"a", "b", "c"}) put(store, {to_endpoint(id, clock.now(), "acme")});
  sender.set_script([](const auto&) { return Reply::failure("timed out"); });
  while (slots.flows().open_breakers() == 0) {
    step_all();
    clock.advance(10s);
  }
  std::vector<std::string> probes;
  sender.set_script([&](const delivery::HttpRequest& request) {
    for (const Header& header : request.request.headers) {
      if (header.name == "webhook-id") probes.push_back(header.value);
    }
    return Reply::failure("timed out");
  });
  for (int i = 0; i < 6; ++i) {
    clock.advance(1h);
    step_all();
  }
  ASSERT_EQ(probes.size(), 6u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(probes[i], probes[i + 3]);
    EXPECT_NE(probes[i], probes[(i + 1) % 3]);
  }
}

// Nothing may pass it.
TEST_F(StagesTest, OfAnOrderedEndpointTheFirstTaskMakesEachProbe) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/","ordered":true})");
  for (const char* id : {"a", "b"}) put(store, {to_endpoint(id, clock.now(), "acme")});
  sender.set_script([](const auto&) { return Reply::failure("refused"); });
  while (slots.flows().open_breakers() == 0) {
    step_all();
    clock.advance(10s);
  }
  const std::size_t before = sender.started_count();
  for (std::size_t i = 1; i <= 3; ++i) {
    clock.advance(1h);
    step_all();
    EXPECT_EQ(sender.started_count(), before + i);
    EXPECT_TRUE(store.get({"ns", "a"}, clock.now())->in_order);
  }
  EXPECT_FALSE(store.get({"ns", "b"}, clock.now())->execution.last_execution_date);
  EXPECT_EQ(held_by("b"), "breaker");

  clock.advance(1h);
  sender.set_script({});
  step_all();
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kDone);
  EXPECT_EQ(store.get({"ns", "b"}, clock.now())->status, Status::kActive);
  step_all();
  EXPECT_EQ(store.get({"ns", "b"}, clock.now())->status, Status::kDone);
}

TEST_F(StagesTest, WhatWasNotSentTellsNothingOfItsEndpoint) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/"})");
  for (std::size_t i = 0; i < 9; ++i) {
    auto late = to_endpoint(numbered("late", i), clock.now() - 1s, "acme");
    late.task.deliver_before = clock.now();
    put(store, {late});
  }
  for (int i = 0; i < 9; ++i) step_all();
  EXPECT_EQ(sender.started_count(), 0u);
  EXPECT_EQ(slots.flows().open_breakers(), 0u);
  EXPECT_EQ(store.get({"ns", numbered("late", 8)}, clock.now())->status, Status::kFailed);
}

// It is no answer of the receiver, which has not failed, and the task has a bounded number of them.
TEST_F(StagesTest, WhatTheEgressPolicyRefusesIsAnAttemptAndTellsNothingOfItsEndpoint) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/","retryLimit":1})");
  for (std::size_t i = 0; i < 9; ++i) {
    put(store, {to_endpoint(numbered("a", i), clock.now(), "acme")});
  }
  sender.set_script([](const auto&) {
    Reply reply = Reply::failure("the address of acme is not allowed by the egress policy");
    reply.refused = delivery::Refused{"private", "10.0.0.7"};
    return reply;
  });
  testing::CapturedLog log;
  for (int i = 0; i < 60; ++i) {
    step_all();
    clock.advance(10s);
  }
  EXPECT_EQ(slots.flows().open_breakers(), 0u);
  EXPECT_EQ(sender.started_count(), 18u);
  const auto task = store.get({"ns", numbered("a", 8)}, clock.now());
  EXPECT_EQ(task->status, Status::kFailed);
  EXPECT_EQ(task->failure_reason, "exhausted");
  const auto logs = logs_of(store, task->key.id, clock.now());
  ASSERT_EQ(logs.size(), 2u);
  EXPECT_FALSE(logs[0].probe);
  const std::string text = metrics.expose();
  EXPECT_NE(text.find("\nrhooks_attempts_total{result=\"blocked\"} 18\n"), text.npos) << text;
  EXPECT_NE(text.find("rhooks_egress_refused_total{class=\"private\",stage=\"attempt\"} 18\n"),
            text.npos)
      << text;
  EXPECT_NE(log.text().find("10.0.0.7"), std::string::npos) << log.text();
  EXPECT_EQ(logs[0].error.find("10.0.0.7"), std::string::npos);
}

// What the committer tells the slots of a flow that was quick until now: its window shrinks or not.
class RefusedTest : public StagesTest {
 protected:
  // Whether one more may begin while nine are under way.
  bool one_more_after(std::chrono::microseconds duration) {
    Slots many{64};
    Committer commits(store, secrets.redaction(), many, to_commit, metrics, random, {},
                      [](TimePoint, bool) {});
    const Task task = record("a", clock.now()).task;
    const Flow flow = model::flow_of(task);
    for (int i = 0; i < 12; ++i) many.release(many.acquire(1, flow), FlowEnding::kQuick);
    for (int i = 0; i < 9; ++i) many.acquire(1, flow);
    Delivery delivery{.slot_id = many.acquire(1, flow), .lease = {.key = task.key}, .task = task};
    model::AttemptOutcome outcome;
    outcome.started_at = clock.now();
    outcome.duration = duration;
    outcome.error = "the address of a is not allowed by the egress policy";
    to_commit.push({.delivery = std::move(delivery), .outcome = outcome, .sent = false});
    commits.step(clock.now_micros());
    EXPECT_EQ(many.free(), 64u - 9u);
    return many.flows().passes(flow);
  }
};

// A name server that answers late with an address that is not allowed takes a slot for as long.
TEST_F(RefusedTest, OnlyWhatTookLongTakesSlotsFromItsFlow) {
  EXPECT_TRUE(one_more_after(5ms));
  EXPECT_FALSE(one_more_after(9s));
}

TEST_F(StagesTest, WithoutAWayOutNoAttemptCountsForADay) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/","retryLimit":0})");
  put(store, {to_endpoint("a", clock.now(), "acme"), record("b", clock.now())});
  sender.set_script([](const auto&) {
    Reply reply = Reply::failure("could not connect to the egress proxy: connection refused");
    reply.no_way_out = true;
    return reply;
  });
  const TimePoint begun = clock.now();
  while (clock.now() - begun < 24h) {
    step_all();
    const auto task = store.get({"ns", "a"}, clock.now());
    ASSERT_EQ(task->status, Status::kActive);
    EXPECT_EQ(task->attempt, 0);
    clock.advance(1min);
  }
  EXPECT_EQ(slots.flows().open_breakers(), 0u);
  // Of two tasks: 5 s at first, then as long as they are late, then each five minutes.
  EXPECT_LT(sender.started_count(), 2 * 330u);
  EXPECT_GT(sender.started_count(), 2 * 250u);
  EXPECT_TRUE(logs_of(store, "b", clock.now()).empty());
  EXPECT_NE(store.get({"ns", "b"}, clock.now())->errors.last_error.find("egress proxy"),
            std::string::npos);
  clock.advance(5min);
  step_all();
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kFailed) << "it has had no retry";
  EXPECT_EQ(store.get({"ns", "b"}, clock.now())->attempt, 1);
  EXPECT_EQ(logs_of(store, "b", clock.now()).size(), 1u);
}

// However long ago the task was due: retries may take days, or all was down.
TEST_F(StagesTest, AProxyThatIsAwayForAMomentEndsNoTask) {
  make_committer();
  bool away = false;
  sender.set_script([&](const auto&) {
    Reply reply = Reply::failure(away ? "could not connect to the egress proxy" : "timed out");
    reply.no_way_out = away;
    return reply;
  });
  auto old = record("a", clock.now() - 48h);
  old.task.retry_limit = 1;
  put(store, {old});
  for (int i = 0; i < 3; ++i) {
    away = i != 1;
    step_all();
    const auto task = store.get({"ns", "a"}, clock.now());
    EXPECT_EQ(task->status, Status::kActive) << i;
    EXPECT_EQ(task->attempt, i == 0 ? 0 : 1) << i;
    clock.advance(25h);  // the way out was there meanwhile
  }
}

TEST_F(StagesTest, OfAnOrderedEndpointEachTaskWaitsForTheOneBefore) {
  make_committer();
  store_endpoint(store, "acme",
                 R"({"url":"http://127.0.0.1:9/","ordered":true,"retrySchedule":["10s"]})");
  put(store, {to_endpoint("a", clock.now(), "acme"), to_endpoint("b", clock.now(), "acme")});
  int status = 500;
  sender.set_script([&](const auto&) { return Reply::status(status); });
  step_all();
  ASSERT_EQ(sender.started_count(), 1u);
  const Task failed = store.get({"ns", "a"}, clock.now()).value();
  EXPECT_EQ(failed.attempt, 1);
  EXPECT_TRUE(failed.in_order);
  EXPECT_EQ(store.get({"ns", "b"}, clock.now())->attempt, 0);

  step_all();  // it is met, and is not ready
  EXPECT_EQ(sender.started_count(), 1u);
  EXPECT_EQ(slots.free(), kConcurrency);
  EXPECT_EQ(store.get({"ns", "a"}, clock.now()).value(), failed);
  EXPECT_EQ(held_by("b"), "retry");
  const auto step = claimer.step(clock.now(), clock.now());
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 0u);
  EXPECT_EQ(step->next_due, failed.next_attempt_date);

  clock.advance(12s);
  status = 200;
  step_all();
  EXPECT_EQ(sender.started_count(), 2u);
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kDone);
  EXPECT_EQ(store.get({"ns", "b"}, clock.now())->status, Status::kActive);
  step_all();
  EXPECT_EQ(store.get({"ns", "b"}, clock.now())->status, Status::kDone);
}

// Something happens between each claim and what becomes of what it brought.
class StoreWithOthers final : public testing::ForwardingStore {
 public:
  StoreWithOthers(store::Store& inner, std::function<void()> others)
      : ForwardingStore(inner), others_(std::move(others)) {}

 private:
  Result<store::ClaimResult> do_claim_due(const store::ClaimRequest& request) override {
    auto claimed = ForwardingStore::do_claim_due(request);
    others_();
    return claimed;
  }

  std::function<void()> others_;
};

TEST_F(StagesTest, WhatIsDeletedDuringItsClaimHoldsNothing) {
  make_committer();
  auto retry = to_endpoint("a", clock.now(), "acme");
  retry.task.attempt = 1;
  retry.task.next_attempt_date = clock.now() + 1h;
  retry.task.in_order = true;
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/","ordered":true})");
  put(store, {retry, to_endpoint("b", clock.now(), "acme")});
  StoreWithOthers with_others(store, [&] {
    for (const auto& removed : store.remove({&retry.task.key, 1}, clock.now())) {
      if (removed) slots.flows().look_again(model::flow_of(*removed));
    }
  });
  Claimer claims(with_others, endpoints, secrets, slots, to_send, metrics, clock, 60s);
  ASSERT_TRUE(claims.learn_endpoints(clock.now()));
  ASSERT_TRUE(claims.step(clock.now(), clock.now()));
  dispatcher.step(clock.now(), 0ms);
  committer->step(clock.now_micros());
  EXPECT_EQ(held_by("b"), "");
  step_all();
  EXPECT_EQ(store.get({"ns", "b"}, clock.now())->status, Status::kDone);
}

TEST_F(StagesTest, ARetryLeavesItsPlaceWhereItsEndpointIsNotOrderedAnyMore) {
  make_committer();
  auto retry = to_endpoint("a", clock.now(), "acme");
  retry.task.attempt = 1;
  retry.task.next_attempt_date = clock.now() + 10s;
  retry.task.in_order = true;
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/"})");
  put(store, {retry});
  put(store, {to_endpoint("b", clock.now(), "acme"), to_endpoint("c", clock.now(), "acme")});
  Task left = store.get({"ns", "a"}, clock.now()).value();
  step_all();
  EXPECT_EQ(sender.started_count(), 2u) << "nothing waits for it";
  left.in_order = false;
  EXPECT_EQ(store.get({"ns", "a"}, clock.now()).value(), left);
  const auto step = claimer.step(clock.now(), clock.now());
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 0u);
  EXPECT_EQ(step->next_due, clock.now() + 10s);
  EXPECT_EQ(sender.started_count(), 2u) << "it is not made early";
  clock.advance(10s);
  step_all();
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kDone);
}

TEST_F(StagesTest, TasksOfAnEndpointThatIsGoneFailThoughItDidNotAnswer) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/"})");
  for (std::size_t i = 0; i < 9; ++i) {
    put(store, {to_endpoint(numbered("t", i), clock.now(), "acme")});
  }
  sender.set_script([](const auto&) { return Reply::failure("refused"); });
  while (held_by(numbered("t", 8)) != "breaker") step_all();
  const std::size_t sent = sender.started_count();
  clock.advance(1h);
  ASSERT_TRUE(store.remove_document(store::endpoint_key("ns", "acme"), std::nullopt));
  ASSERT_TRUE(endpoints.changed("ns", "acme"));
  for (std::size_t claimed = 0; claimed < 9; claimed += kConcurrency) step_all();
  EXPECT_EQ(sender.started_count(), sent);
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(store.get({"ns", numbered("t", i)}, clock.now())->status, Status::kFailed) << i;
  }
}

// However many there are, they are met one after the other, and not one with each commit.
TEST_F(StagesTest, WhatIsTooLateDoesNotTryItsEndpoint) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/"})");
  for (std::size_t i = 0; i < 6; ++i) {
    put(store, {to_endpoint(numbered("t", i), clock.now(), "acme")});
  }
  sender.set_script([](const auto&) { return Reply::failure("refused"); });
  for (int i = 0; i < 2; ++i) step_all();
  ASSERT_EQ(held_by(numbered("t", 0)), "breaker");
  for (std::size_t i = 0; i < 2; ++i) {
    auto late = to_endpoint(numbered("late", i), clock.now(), "acme");
    late.task.deliver_before = clock.now() + 1s;
    put(store, {late});
  }
  clock.advance(1h);
  const std::size_t sent = sender.started_count();
  for (std::size_t i = 0; i < kConcurrency; ++i) {
    const auto step = claimer.step(clock.now(), clock.now());
    ASSERT_TRUE(step);
    EXPECT_EQ(step->claimed, 1u);
    EXPECT_TRUE(step->more || i == 2) << "the third one tries it";
  }
  dispatcher.step(clock.now(), 0ms);
  committer->step(clock.now_micros());
  EXPECT_EQ(sender.started_count(), sent + 1);
  EXPECT_EQ(store.get({"ns", numbered("late", 1)}, clock.now())->failure_reason,
            model::failure::kExpired);
}

// As a partner is given another address that moved away.
TEST_F(StagesTest, TasksOfAnEndpointThatMovedWaitForNothing) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/"})");
  for (std::size_t i = 0; i < 9; ++i) {
    put(store, {to_endpoint(numbered("t", i), clock.now(), "acme")});
  }
  sender.set_script([](const auto&) { return Reply::failure("refused"); });
  while (held_by(numbered("t", 8)) != "breaker") step_all();
  sender.set_script({});
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:8/"})");
  ASSERT_TRUE(endpoints.changed("ns", "acme"));
  for (int i = 0; i < 2; ++i) step_all();  // there are fewer slots than tasks
  EXPECT_EQ(held_by(numbered("t", 8)), "");
  EXPECT_EQ(store.get({"ns", numbered("t", 8)}, clock.now())->status, Status::kDone);
}

Reply asks_to_wait(int status, std::chrono::milliseconds wait) {
  Reply reply = Reply::status(status);
  reply.retry_after = wait;
  return reply;
}

TEST_F(StagesTest, WhatAReceiverAsksForHoldsAllTasksOfItsEndpoint) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/"})");
  store_endpoint(store, "other", R"({"url":"http://127.0.0.1:9/"})");
  put(store, {to_endpoint("a", clock.now(), "acme")});
  sender.set_script([](const auto&) { return asks_to_wait(429, 30s); });
  step_all();
  ASSERT_EQ(sender.started_count(), 1u);
  const Task answered = store.get({"ns", "a"}, clock.now()).value();
  EXPECT_EQ(answered.attempt, 1) << "it counts, and is retried at its time";
  EXPECT_GE(answered.next_attempt_date, clock.now() + 30s);

  sender.set_script({});
  const TimePoint until = clock.now() + 30s;
  put(store, {to_endpoint("b", clock.now(), "acme"), to_endpoint("c", clock.now(), "other")});
  step_all();
  EXPECT_EQ(sender.started_count(), 2u);
  EXPECT_EQ(store.get({"ns", "c"}, clock.now())->status, Status::kDone);
  EXPECT_EQ(held_by("b"), "retry-after");
  const auto step = claimer.step(clock.now(), clock.now());
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 0u);
  EXPECT_EQ(step->next_due, until) << "who claims comes again by then";
  const std::string shown = metrics.expose();
  EXPECT_NE(shown.find("rhooks_endpoints_asking_to_wait 1\n"), shown.npos);
  EXPECT_EQ(slots.flows().open_breakers(), 0u);

  clock.set(until - 1ms);
  step_all();
  EXPECT_EQ(sender.started_count(), 2u);
  clock.set(until);
  step_all();
  EXPECT_EQ(sender.started_count(), 3u);
  EXPECT_EQ(store.get({"ns", "b"}, clock.now())->status, Status::kDone);
  EXPECT_EQ(held_by("b"), "");
}

TEST_F(StagesTest, WhatWasClaimedBeforeItsReceiverAskedIsGivenBackUncharged) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/"})");
  put(store, {to_endpoint("a", clock.now(), "acme"), to_endpoint("b", clock.now(), "acme")});
  ASSERT_TRUE(claimer.learn_endpoints(clock.now()));
  const auto step = claimer.step(clock.now(), clock.now());
  ASSERT_TRUE(step);
  ASSERT_EQ(step->claimed, 2u);

  const Task task = store.get({"ns", "a"}, clock.now()).value();
  const auto endpoint = endpoints.find("ns", "acme", clock.now());
  ASSERT_TRUE(endpoint);
  model::AttemptOutcome busy;
  busy.started_at = clock.now();
  busy.response = Response{503, {}, "", false};
  busy.retry_after = 30s;
  ASSERT_TRUE(slots.flows().answered(model::flow_of(task), model::limits_of(**endpoint), busy,
                                     clock.now()));
  EXPECT_TRUE(dispatcher.step(clock.now(), 0ms));
  committer->step(clock.now_micros());
  EXPECT_EQ(sender.started_count(), 0u);
  EXPECT_EQ(slots.free(), kConcurrency);
  EXPECT_EQ(committer->take_due_again(), clock.now() + 30s) << "who claims comes again then";
  for (const char* const id : {"a", "b"}) {
    EXPECT_EQ(store.get({"ns", id}, clock.now())->status, Status::kActive);
    EXPECT_EQ(store.get({"ns", id}, clock.now())->attempt, 0);
    EXPECT_TRUE(logs_of(store, id, clock.now()).empty());
    EXPECT_EQ(held_by(id), "retry-after");
  }
  clock.advance(30s);
  step_all();
  EXPECT_EQ(sender.started_count(), 2u);
}

// The committer has not seen it yet.
TEST_F(StagesTest, WhatAReceiverAsksForHoldsFromItsReadingOn) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/"})");
  put(store, {to_endpoint("a", clock.now(), "acme")});
  sender.set_script([](const auto&) { return asks_to_wait(503, 30s); });
  ASSERT_TRUE(claimer.learn_endpoints(clock.now()));
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  dispatcher.step(clock.now(), 0ms);
  put(store, {to_endpoint("b", clock.now(), "acme")});
  const auto step = claimer.step(clock.now(), clock.now());
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 0u);
  EXPECT_EQ(held_by("b"), "retry-after");
}

TEST_F(StagesTest, WhatIsUnderWayWhenAReceiverAsksGoesOn) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/"})");
  put(store, {to_endpoint("a", clock.now(), "acme"), to_endpoint("b", clock.now(), "acme")});
  int sent = 0;
  sender.set_script(
      [&](const auto&) { return sent++ == 0 ? asks_to_wait(429, 30s) : Reply::hold(); });
  step_all();
  EXPECT_EQ(sender.started_count(), 2u);
  sender.release_all(Reply::status(200));
  dispatcher.step(clock.now(), 0ms);
  committer->step(clock.now_micros());
  EXPECT_EQ(recorded, (std::vector<bool>{false, true}));
  put(store, {to_endpoint("c", clock.now(), "acme")});
  step_all();
  EXPECT_EQ(held_by("c"), "retry-after") << "a success does not take it back";
}

TEST_F(StagesTest, AReceiverThatAsksToWaitChangesNoOrder) {
  make_committer();
  store_endpoint(store, "acme",
                 R"({"url":"http://127.0.0.1:9/","ordered":true,"retrySchedule":["1s"]})");
  put(store, {to_endpoint("a", clock.now(), "acme"), to_endpoint("b", clock.now(), "acme")});
  sender.set_script([](const auto&) { return asks_to_wait(503, 30s); });
  step_all();
  sender.set_script({});
  step_all();
  ASSERT_EQ(sender.started_count(), 1u);
  EXPECT_TRUE(store.get({"ns", "a"}, clock.now())->in_order);
  EXPECT_EQ(held_by("b"), "retry-after");
  clock.advance(30s);
  step_all();
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kDone);
  EXPECT_EQ(store.get({"ns", "b"}, clock.now())->status, Status::kActive);
  step_all();
  EXPECT_EQ(store.get({"ns", "b"}, clock.now())->status, Status::kDone);
}

TEST_F(StagesTest, AReceiverThatAsksIsHeardOnlyOfTasksThatNameItsEndpoint) {
  make_committer();
  put(store, {record("a", clock.now())});
  sender.set_script([](const auto&) { return asks_to_wait(429, 30s); });
  step_all();
  sender.set_script({});
  put(store, {record("b", clock.now())});
  step_all();
  EXPECT_EQ(store.get({"ns", "b"}, clock.now())->status, Status::kDone);
}

TEST_F(StagesTest, ATaskWhoseEndpointIsNotThereFailsAtOnce) {
  make_committer();
  auto hourly = to_endpoint("a", clock.now(), "acme");
  hourly.task.repeat = Repeat{1, 0, RepeatUnit::kHours};
  put(store, {hourly});
  step_all();
  EXPECT_EQ(sender.started_count(), 0u);
  const auto task = store.get({"ns", "a"}, clock.now());
  EXPECT_EQ(task->status, Status::kFailed);
  EXPECT_EQ(task->failure_reason, model::failure::kEndpointMissing);
  EXPECT_NE(metrics.expose().find("rhooks_failed_total{reason=\"endpoint_missing\"} 1"),
            std::string::npos);
  EXPECT_NE(task->errors.last_error.find("there is no endpoint 'acme' in namespace 'ns'"),
            std::string::npos)
      << task->errors.last_error;
  EXPECT_EQ(logs_of(store, "a", clock.now()).size(), 1u);
}

TEST_F(StagesTest, WhatIsForAnEndpointThatCannotBeReadWaits) {
  make_committer();
  store_endpoint(store, "acme", "{");
  put(store, {to_endpoint("a", clock.now(), "acme"), record("b", clock.now())});
  step_all();
  EXPECT_EQ(sender.started_count(), 1u) << "others go on";
  const auto task = store.get({"ns", "a"}, clock.now());
  EXPECT_EQ(task->status, Status::kActive);
  EXPECT_EQ(task->attempt, 0);
  EXPECT_TRUE(logs_of(store, "a", clock.now()).empty());
  EXPECT_EQ(held_by("a"), "endpoint");

  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/"})");
  endpoints.changed("ns", "acme");
  step_all();
  EXPECT_EQ(sender.started_count(), 2u);
}

TEST_F(StagesTest, WhatIsForAPausedEndpointIsClaimedOnceItIsResumed) {
  make_committer();
  const auto set = [&](const std::string& json) {
    store_endpoint(store, "acme", json);
    endpoints.changed("ns", "acme");
  };
  set(R"({"url":"http://127.0.0.1:9/","paused":true})");
  put(store, {to_endpoint("a", clock.now(), "acme"), record("b", clock.now())});
  EXPECT_TRUE(claimer.learn_endpoints(clock.now()).value());
  const auto step = claimer.step(clock.now(), clock.now());
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 1u);
  EXPECT_TRUE(step->waits);
  EXPECT_FALSE(step->more);
  EXPECT_EQ(held_by("a"), "paused");
  EXPECT_FALSE(slots.flows().any_open());

  set(R"({"url":"http://127.0.0.1:9/"})");
  EXPECT_TRUE(claimer.apply_endpoints());
  EXPECT_FALSE(claimer.apply_endpoints());
  EXPECT_TRUE(slots.flows().any_open());
  step_all();
  EXPECT_EQ(sender.started_count(), 2u);
}

TEST_F(StagesTest, OfAnEndpointNoMoreAreClaimedThanItsConcurrency) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/","concurrency":1})");
  const auto keyed = [&](const std::string& id, const std::string& key) {
    auto made = to_endpoint(id, clock.now(), "acme");
    made.task.flow_key = key;
    return made;
  };
  put(store, {keyed("a", ""), keyed("b", ""), keyed("c", "key")});
  sender.set_script([](const auto&) { return Reply::hold(); });
  step_all();
  ASSERT_EQ(sender.started_count(), 2u);
  EXPECT_EQ(store.get({"ns", "b"}, clock.now())->status, Status::kActive);
  EXPECT_EQ(held_by("b"), "concurrency");
  EXPECT_NE(metrics.expose().find("rhooks_held_total{by=\"concurrency\"} 1"), std::string::npos);

  sender.release_all(Reply::status(200));
  dispatcher.step(clock.now(), 0ms);
  committer->step(clock.now_micros());
  EXPECT_TRUE(slots.flows().any_open());
  step_all();
  EXPECT_EQ(sender.started_count(), 3u);
}

TEST_F(StagesTest, OfAnEndpointNoMoreAreClaimedThanItsRate) {
  make_committer();
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));  // the worker begins
  clock.advance(1min);
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/","rate":"60/1m","burst":2})");
  EXPECT_TRUE(claimer.learn_endpoints(clock.now()).value());
  for (const char* id : {"a", "b", "c", "d"}) put(store, {to_endpoint(id, clock.now(), "acme")});
  auto step = claimer.step(clock.now(), clock.now());
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 2u);
  EXPECT_FALSE(step->more);
  EXPECT_TRUE(step->waits);
  EXPECT_EQ(step->next_due, clock.now() + 1s) << "the rate is asked for again";
  dispatcher.step(clock.now(), 0ms);
  committer->step(clock.now_micros());
  EXPECT_EQ(sender.started_count(), 2u);
  EXPECT_EQ(held_by("c"), "rate");
  EXPECT_EQ(claimer.step(clock.now(), clock.now())->claimed, 0u);
  clock.advance(1s);
  EXPECT_EQ(held_by("c"), "");
  step_all();
  EXPECT_EQ(sender.started_count(), 3u);
  EXPECT_EQ(store.get({"ns", "d"}, clock.now())->status, Status::kActive);
}

// A process that was frozen, say.
TEST_F(StagesTest, WhatItsRateLetThroughLongAgoIsGivenBack) {
  make_committer();
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  clock.advance(1min);
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/","rate":"60/1m"})");
  EXPECT_TRUE(claimer.learn_endpoints(clock.now()).value());
  put(store, {to_endpoint("a", clock.now(), "acme"), record("b", clock.now())});
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  clock.advance(1001ms);
  dispatcher.step(clock.now(), 0ms);
  committer->step(clock.now_micros());
  EXPECT_EQ(sender.started_count(), 1u) << "others are sent";
  EXPECT_EQ(slots.free(), kConcurrency);
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kActive);
  step_all();
  EXPECT_EQ(sender.started_count(), 2u);
}

// Or where more comes than its rate allows, in the end all is too late once it may begin.
TEST_F(StagesTest, WhatIsTooLateTakesNothingOfItsRate) {
  make_committer();
  ASSERT_TRUE(claimer.step(clock.now(), clock.now()));
  clock.advance(1min);
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/","rate":"60/1m"})");
  EXPECT_TRUE(claimer.learn_endpoints(clock.now()).value());
  auto late = to_endpoint("a", clock.now() - 1s, "acme");
  late.task.deliver_before = clock.now();
  put(store, {late, to_endpoint("b", clock.now(), "acme")});
  step_all();
  EXPECT_EQ(sender.started_count(), 0u);
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kFailed);
  EXPECT_EQ(held_by("b"), "");
  step_all();
  EXPECT_EQ(sender.started_count(), 1u);
}

// One that was put lately, and not by this process.
TEST(ClaimerTest, GivesBackWhatItLetThroughByOtherLimits) {
  SharedSlots shared{5s};
  const TimePoint now = shared.clock.now();
  shared.endpoints.refresh_if_old(now);
  store_endpoint(shared.memory, "acme", R"({"url":"http://127.0.0.1:9/","concurrency":1})");
  put(shared.memory, {to_endpoint("a", now, "acme"), to_endpoint("b", now, "acme")});
  const auto first = shared.claimer.step(now, now);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->claimed, 2u);
  EXPECT_TRUE(shared.claimer.learn_endpoints(now).value()) << "its limits are known by now";
  for (const Delivery& delivery : shared.to_send.take(16)) {
    EXPECT_TRUE(waits_for_endpoint(delivery));
    ASSERT_TRUE(shared.store.release({&delivery.lease, 1}));
    shared.slots.release(delivery.slot_id, FlowEnding::kNotMade);
  }
  const auto second = shared.claimer.step(now, now);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->claimed, 1u);
  EXPECT_FALSE(waits_for_endpoint(shared.to_send.take(16).front()));
}

TEST_F(StagesTest, WhatWaitsForAnEndpointThatIsRemovedFails) {
  make_committer();
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/","paused":true})");
  put(store, {to_endpoint("a", clock.now(), "acme")});
  step_all();
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kActive);
  ASSERT_TRUE(store.remove_document(store::endpoint_key("ns", "acme"), std::nullopt));
  endpoints.changed("ns", "acme");
  step_all();
  EXPECT_EQ(sender.started_count(), 0u);
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kFailed);
}

// Of a claim that had begun before.
TEST_F(StagesTest, WhatWasClaimedWhileItsEndpointWasBeingPausedIsGivenBack) {
  class PausingStore final : public testing::ForwardingStore {
   public:
    explicit PausingStore(store::Store& inner) : ForwardingStore(inner) {}
    std::function<void()> meanwhile;

   private:
    Result<store::ClaimResult> do_claim_due(const store::ClaimRequest& request) override {
      auto result = ForwardingStore::do_claim_due(request);
      if (const auto act = std::exchange(meanwhile, nullptr)) act();
      return result;
    }
  };
  make_committer();
  PausingStore pausing(store);
  Claimer overtaken(pausing, endpoints, secrets, slots, to_send, metrics, clock, 60s);
  store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/"})");
  put(store, {to_endpoint("a", clock.now(), "acme")});
  pausing.meanwhile = [&] {
    store_endpoint(store, "acme", R"({"url":"http://127.0.0.1:9/","paused":true})");
    endpoints.changed("ns", "acme");
  };
  EXPECT_TRUE(overtaken.learn_endpoints(clock.now()).value());
  auto step = overtaken.step(clock.now(), clock.now());
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 1u);
  dispatcher.step(clock.now(), 0ms);
  committer->step(clock.now_micros());
  EXPECT_EQ(sender.started_count(), 0u);
  EXPECT_EQ(slots.free(), kConcurrency);
  EXPECT_EQ(store.get({"ns", "a"}, clock.now())->status, Status::kActive);
  step = overtaken.step(clock.now(), clock.now());
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 0u);
  EXPECT_TRUE(step->waits);
}

TEST(ClaimerTest, ReadsEndpointsOfOthersAgainWhileSomethingWaitsForThem) {
  SharedSlots shared{5s};
  const auto lists = [&] { return shared.store.calls("list_documents"); };
  const auto step = [&] {
    const auto done = shared.claimer.step(shared.clock.now(), shared.clock.now());
    EXPECT_TRUE(done);
    return done.value_or(Claimer::Step{});
  };
  const auto learn = [&] { return shared.claimer.learn_endpoints(shared.clock.now()).value(); };
  store_endpoint(shared.memory, "acme", R"({"url":"http://127.0.0.1:9/","paused":true})");
  put(shared.memory, {record("a", shared.clock.now())});
  EXPECT_EQ(step().claimed, 1u);
  EXPECT_FALSE(learn());
  EXPECT_EQ(lists(), 0) << "it met none";

  put(shared.memory, {to_endpoint("b", shared.clock.now(), "acme")});
  const auto met = step();
  EXPECT_EQ(met.claimed, 0u);
  EXPECT_TRUE(met.waits);
  EXPECT_EQ(lists(), 0) << "a step reads none";
  EXPECT_TRUE(learn());
  EXPECT_EQ(lists(), 1);
  EXPECT_EQ(step().claimed, 0u);
  shared.clock.advance(4s);
  EXPECT_FALSE(learn());
  EXPECT_EQ(lists(), 1);
  store_endpoint(shared.memory, "acme", R"({"url":"http://127.0.0.1:9/"})");
  shared.clock.advance(1s);
  EXPECT_TRUE(learn());
  EXPECT_EQ(step().claimed, 1u);
  EXPECT_EQ(lists(), 2);
  shared.clock.advance(10s);
  step();
  EXPECT_FALSE(learn());
  EXPECT_EQ(lists(), 2) << "nothing waits for them any more";
}

TEST(ClaimerTest, LeavesWhatIsForEndpointsWhileNothingIsKnownOfThem) {
  SharedSlots shared;
  store_endpoint(shared.memory, "acme", R"({"url":"http://127.0.0.1:9/"})");
  put(shared.memory,
      {record("a", shared.clock.now()), to_endpoint("b", shared.clock.now(), "acme")});
  shared.store.fail_always("list_documents");
  EXPECT_FALSE(shared.claimer.learn_endpoints(shared.clock.now()).value()) << "none waits";
  auto step = shared.claimer.step(shared.clock.now(), shared.clock.now());
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 1u) << "others go on";
  EXPECT_TRUE(step->waits);
  const auto learnt = shared.claimer.learn_endpoints(shared.clock.now());
  ASSERT_FALSE(learnt);
  EXPECT_EQ(learnt.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(learnt.error().message, "endpoints cannot be read: scripted failure");
  shared.store.heal();
  shared.clock.advance(1s);
  EXPECT_TRUE(shared.claimer.learn_endpoints(shared.clock.now()).value());
  step = shared.claimer.step(shared.clock.now(), shared.clock.now());
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 1u);
}

// One that was put lately, and not by this process.
TEST(ClaimerTest, GivesBackWhatItCannotReadTheEndpointOf) {
  SharedSlots shared{5s};
  const TimePoint now = shared.clock.now();
  shared.endpoints.refresh_if_old(now);
  store_endpoint(shared.memory, "acme", R"({"url":"http://127.0.0.1:9/"})");
  put(shared.memory, {record("a", now), to_endpoint("b", now, "acme")});
  shared.store.fail_always("get_document");
  EXPECT_EQ(shared.claimer.step(now, now).error().code, ErrorCode::kUnavailable);
  ScriptedSender sender{shared.clock, [](const auto&) { return Reply::hold(); }};
  EndedQueue to_commit{16};
  Dispatcher dispatcher{shared.store, sender,         shared.slots.flows(), shared.to_send,
                        to_commit,    shared.metrics, shared.clock,         zones()};
  EXPECT_TRUE(dispatcher.step(now, 0ms));
  EXPECT_EQ(sender.started_count(), 1u) << "others go on";
  const auto ended = to_commit.take(16);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].delivery.task.key.id, "b");
  EXPECT_FALSE(ended[0].outcome) << "given back";
  shared.store.heal();
  ASSERT_TRUE(shared.store.release({&ended[0].delivery.lease, 1}));
  shared.slots.release(ended[0].delivery.slot_id, FlowEnding::kNotMade);
  EXPECT_EQ(shared.claimer.step(now, now)->claimed, 1u);
  EXPECT_FALSE(dispatcher.step(now, 0ms));
  EXPECT_EQ(sender.started_count(), 2u);
}

// To read one may take as long as the store likes.
TEST(ClaimerTest, HandsOthersOnBeforeItReadsAnEndpoint) {
  class ReadStore final : public testing::ForwardingStore {
   public:
    using ForwardingStore::ForwardingStore;
    std::function<void()> on_read;

   private:
    Result<store::StoredDocument> do_get_document(const store::DocumentKey& key) override {
      if (on_read) on_read();
      return ForwardingStore::do_get_document(key);
    }
    Result<store::DocumentPage> do_list_documents(const store::DocumentQuery& query) override {
      if (on_read) on_read();
      return ForwardingStore::do_list_documents(query);
    }
  };
  SharedSlots shared;
  ReadStore store(shared.memory);
  store::Endpoints endpoints{store, 5s};
  ASSERT_TRUE(endpoints.refresh_if_old(shared.clock.now()));
  int woken = 0;
  secrets::Secrets secrets{store, std::nullopt};
  Claimer claimer{store,          endpoints,    secrets, shared.slots,    shared.to_send,
                  shared.metrics, shared.clock, 60s,     [&] { ++woken; }};
  std::vector<std::string> before;
  store.on_read = [&] {
    EXPECT_EQ(woken, 1);
    for (const Delivery& delivery : shared.to_send.take(16)) {
      before.push_back(delivery.task.key.id);
      shared.slots.release(delivery.slot_id, FlowEnding::kQuick);
    }
  };
  const auto step = [&] {
    const auto done = claimer.step(shared.clock.now(), shared.clock.now());
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->claimed, 2u);
    const auto after = shared.to_send.take(16);
    ASSERT_EQ(after.size(), 1u);
    shared.slots.release(after[0].slot_id, FlowEnding::kQuick);
  };
  store_endpoint(shared.memory, "acme", R"({"url":"http://127.0.0.1:9/"})");
  put(shared.memory,
      {to_endpoint("a", shared.clock.now(), "acme"), record("b", shared.clock.now())});
  step();
  EXPECT_EQ(before, std::vector<std::string>{"b"}) << "one that is not known";

  shared.clock.advance(5s);
  woken = 0;
  before.clear();
  put(shared.memory,
      {to_endpoint("c", shared.clock.now(), "acme"), record("d", shared.clock.now())});
  step();
  EXPECT_EQ(before, std::vector<std::string>{"d"}) << "a list";

  store.on_read = [] { ADD_FAILURE() << "it is known"; };
  put(shared.memory,
      {to_endpoint("e", shared.clock.now(), "acme"), record("f", shared.clock.now())});
  const auto done = claimer.step(shared.clock.now(), shared.clock.now());
  ASSERT_TRUE(done);
  const auto handed_on = shared.to_send.take(16);
  ASSERT_EQ(handed_on.size(), 2u);
  EXPECT_EQ(handed_on[0].task.key.id, "e") << "in the order of the claim";
}

TEST(ClaimerTest, GivesBackWhatIsForAnEndpointThatIsDamaged) {
  SharedSlots shared{5s};
  const TimePoint now = shared.clock.now();
  shared.endpoints.refresh_if_old(now);
  store_endpoint(shared.memory, "acme", "{");
  put(shared.memory, {to_endpoint("a", now, "acme")});
  auto step = shared.claimer.step(now, now);
  ASSERT_TRUE(step) << "it is known from now on";
  EXPECT_EQ(step->claimed, 1u);
  const auto unsent = shared.to_send.take(16);
  ASSERT_EQ(unsent.size(), 1u);
  EXPECT_TRUE(waits_for_endpoint(unsent[0]));
  ASSERT_TRUE(shared.store.release({&unsent[0].lease, 1}));
  shared.slots.release(unsent[0].slot_id, FlowEnding::kNotMade);
  step = shared.claimer.step(now, now);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->claimed, 0u);
  EXPECT_TRUE(step->waits);
}

TEST_F(StagesTest, MissedOccurrencesAreSkippedAndCounted) {
  make_committer();
  auto hourly = record("a", clock.now());
  hourly.task.repeat = Repeat{1, 0, RepeatUnit::kHours};
  const TimePoint first = clock.now();
  put(store, {hourly});
  clock.advance(3h + 20min);
  step_all();
  const auto task = store.get({"ns", "a"}, clock.now());
  EXPECT_EQ(task->execution.skipped, 3);
  EXPECT_EQ(task->execution.count, 1);
  EXPECT_EQ(task->scheduled_date, first + 4h);
  EXPECT_EQ(logs_of(store, "a", clock.now()).front().scheduled_date, first + 3h);
  EXPECT_NE(metrics.expose().find("rhooks_skipped_occurrences_total 3"), std::string::npos);
}

// It takes no slot for longer than an outcome does, and is told to nobody.
TEST_F(StagesTest, WhatIsTooLateIsPassedOverAndStored) {
  make_committer();
  auto hourly = record("a", clock.now());
  hourly.task.schedule.emplace().every = "1h";
  hourly.task.schedule->since = clock.now();
  hourly.task.schedule->missed = Missed::kSkip;
  const TimePoint first = clock.now();
  put(store, {hourly});
  clock.advance(3h + 20min);
  step_all();
  const auto task = store.get({"ns", "a"}, clock.now());
  EXPECT_EQ(task->status, Status::kActive);
  EXPECT_EQ(task->execution.skipped, 4);
  EXPECT_EQ(task->execution.count, 0);
  EXPECT_EQ(task->scheduled_date, first + 4h);
  EXPECT_TRUE(logs_of(store, "a", clock.now()).empty());
  EXPECT_TRUE(recorded.empty());
  EXPECT_EQ(slots.free(), kConcurrency);
  EXPECT_NE(metrics.expose().find("rhooks_skipped_occurrences_total 4"), std::string::npos);
  EXPECT_EQ(committer->take_due_again(), first + 4h) << "the claimer is told when it is due again";
}

}  // namespace
}  // namespace rhooks::engine

// Redrives step by step, on a memory store and a clock by hand; with crashes at every call.
#include "engine/redriver.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "engine/engine_fixture.h"
#include "model/transitions.h"
#include "store/redrives.h"
#include "testing/faulty_store.h"
#include "testing/forwarding_store.h"

namespace rhooks::engine {
namespace {

using model::StoredRedrive;

model::TaskRecord failed_record(const std::string& id, TimePoint at,
                                std::string_view reason = model::failure::kExhausted) {
  model::TaskRecord one = record(id, at);
  one.task.status = Status::kFailed;
  one.task.failure_reason = reason;
  one.task.execution.last_response_status = 503;
  return one;
}

// A machine that crashes at one of its calls, before that takes effect or after.
struct Crash {};
class CrashingStore final : public testing::ForwardingStore {
 public:
  CrashingStore(store::Store& inner, int calls_left, bool after)
      : ForwardingStore(inner), calls_left_(calls_left), after_(after) {}

 private:
  template <typename Call>
  auto crashing(const Call& call) -> decltype(call()) {
    const bool last = --calls_left_ == 0;
    if (last && !after_) throw Crash{};
    auto answer = call();
    if (last) throw Crash{};
    return answer;
  }
  Result<store::TaskPage> do_query_tasks(const store::TaskQuery& query) override {
    return crashing([&] { return ForwardingStore::do_query_tasks(query); });
  }
  std::vector<Result<Task>> do_change(std::span<const TaskKey> keys, const store::Edit& edit,
                                      TimePoint now) override {
    return crashing([&] { return ForwardingStore::do_change(keys, edit, now); });
  }
  Result<store::Revision> do_put_document(const store::Document& document,
                                          const store::Replaces& replaces, TimePoint now) override {
    return crashing([&] { return ForwardingStore::do_put_document(document, replaces, now); });
  }
  Result<store::StoredDocument> do_get_document(const store::DocumentKey& key) override {
    return crashing([&] { return ForwardingStore::do_get_document(key); });
  }
  Result<store::DocumentPage> do_list_documents(const store::DocumentQuery& query) override {
    return crashing([&] { return ForwardingStore::do_list_documents(query); });
  }

  int calls_left_;
  const bool after_;
};

class RedriverTest : public ::testing::Test {
 protected:
  void put_failed(std::size_t count) {
    std::vector<model::TaskRecord> records;
    for (std::size_t i = 0; i < count; ++i) {
      records.push_back(failed_record(numbered("t", i), clock_.now() - 1h));
    }
    put(memory_, records);
  }
  // Stores a redrive that begins now.
  void start(Redrive redrive = {}) {
    StoredRedrive stored;
    static_cast<Redrive&>(stored) = std::move(redrive);
    stored.ns = "ns";
    stored.started_at = clock_.now();
    ASSERT_TRUE(
        memory_.put_document(store::redrive_document(stored, {}), store::Whatever{}, clock_.now()));
  }
  static Redrive at_rate(std::int64_t limit, std::chrono::milliseconds period = 1s) {
    Redrive redrive;
    redrive.rate = {limit, period};
    return redrive;
  }
  StoredRedrive stored() {
    const auto document = memory_.get_document(store::redrive_key("ns"));
    EXPECT_TRUE(document);
    const auto redrive = store::redrive_of(*document);
    EXPECT_TRUE(redrive) << redrive.error().message;
    return redrive.value_or(StoredRedrive{});
  }
  // As Hooks::cancel_redrive() does.
  void cancel() {
    const auto document = memory_.get_document(store::redrive_key("ns"));
    ASSERT_TRUE(document);
    StoredRedrive redrive = stored();
    redrive.state = RedriveState::kCancelled;
    redrive.ended_at = clock_.now();
    ASSERT_TRUE(memory_.put_document(store::redrive_document(redrive, {}), document->revision,
                                     clock_.now()));
  }
  std::set<std::string> ids_of(Status status) {
    store::TaskQuery query;
    query.ns = "ns";
    query.status = status;
    query.limit = 1000;
    query.now = clock_.now();
    std::set<std::string> ids;
    do {
      const auto page = memory_.query_tasks(query);
      for (const Task& task : page->items) ids.insert(task.key.id);
      query.after = page->next;
    } while (query.after);
    return ids;
  }
  std::size_t active() { return ids_of(Status::kActive).size(); }

  std::unique_ptr<Redriver> redriver(store::Store& store,
                                     std::chrono::milliseconds others_have = 0ms) {
    auto made = std::make_unique<Redriver>(store, metrics_, zones(), others_have,
                                           [this](TimePoint at) { due_.push_back(at); });
    made->look_for_all();
    return made;
  }
  // Until nothing is left to do, or a crash.
  void run(Redriver& redriver) {
    while (const auto wait = redriver.step(clock_.now())) clock_.advance(*wait);
  }
  void expect_done(std::int64_t redriven, std::int64_t skipped = 0) {
    const StoredRedrive redrive = stored();
    EXPECT_EQ(redrive.state, RedriveState::kDone);
    EXPECT_EQ(redrive.redriven, redriven);
    EXPECT_EQ(redrive.skipped, skipped);
    EXPECT_EQ(redrive.step, std::nullopt);
    EXPECT_TRUE(redrive.ended_at);
  }

  ManualClock clock_;
  store::MemoryStore memory_{1};
  Metrics metrics_;
  std::vector<TimePoint> due_;
};

TEST_F(RedriverTest, RunsTasksAgainAtItsRate) {
  put_failed(120);
  start();
  const auto one = redriver(memory_);
  EXPECT_EQ(one->step(clock_.now()), 1s);
  EXPECT_EQ(active(), 50u);
  EXPECT_EQ(due_, std::vector{clock_.now() + 1ms});
  EXPECT_EQ(stored().redriven, 0) << "those of the step under way do not count yet";
  clock_.advance(999ms);
  EXPECT_EQ(one->step(clock_.now()), 1ms);
  EXPECT_EQ(active(), 50u);
  clock_.advance(1ms);
  EXPECT_EQ(one->step(clock_.now()), 1s);
  EXPECT_EQ(active(), 100u);
  EXPECT_EQ(stored().redriven, 50);
  clock_.advance(1s);
  EXPECT_EQ(one->step(clock_.now()), 400ms);
  EXPECT_EQ(active(), 120u);
  clock_.advance(400ms);
  EXPECT_EQ(one->step(clock_.now()), std::nullopt);
  expect_done(120);
  EXPECT_NE(metrics_.expose().find("rhooks_redriven_total 120\n"), std::string::npos);
}

TEST_F(RedriverTest, ARateMayBeSlowOrQuick) {
  put_failed(150);
  start(at_rate(1, 1min));
  const auto slow = redriver(memory_);
  EXPECT_EQ(slow->step(clock_.now()), 1min);
  EXPECT_EQ(active(), 1u);
  start(at_rate(10'000));
  const auto quick = redriver(memory_);
  EXPECT_EQ(quick->step(clock_.now()), 10ms);
  EXPECT_EQ(active(), 101u);
  start(at_rate(3, 1s));
  const auto odd = redriver(memory_);
  EXPECT_EQ(odd->step(clock_.now()), 1s);
  EXPECT_EQ(active(), 104u);
}

TEST_F(RedriverTest, TakesWhatMatches) {
  const TimePoint at = clock_.now() - 1h;
  std::vector<model::TaskRecord> records;
  for (const char* id : {"a1", "a2", "a3", "a4", "a5", "a6", "b1"}) {
    records.push_back(failed_record(id, at));
    records.back().task.endpoint = "acme";
  }
  records[1].task.failure_reason = model::failure::kGone;
  records[2].task.endpoint = "other";
  records[3].task.scheduled_date = at - 1ms;
  records[4].task.execution.last_response_status = 500;
  records[5].task.status = Status::kDone;
  put(memory_, records);
  Redrive redrive;
  redrive.id = "a";
  redrive.endpoint = "acme";
  redrive.reason = "exhausted";
  redrive.last_status = 503;
  redrive.from = redrive.to = at;
  start(redrive);
  run(*redriver(memory_));
  EXPECT_EQ(ids_of(Status::kActive), std::set<std::string>{"a1"});
  expect_done(1);
}

TEST_F(RedriverTest, WhatWasCancelledStaysUnlessItIsAskedFor) {
  put(memory_, {failed_record("a", clock_.now()),
                failed_record("b", clock_.now(), model::failure::kCancelled)});
  start();
  run(*redriver(memory_));
  EXPECT_EQ(ids_of(Status::kActive), std::set<std::string>{"a"});
  Redrive redrive;
  redrive.reason = "cancelled";
  start(redrive);
  run(*redriver(memory_));
  EXPECT_EQ(active(), 2u);
}

// However slow it is.
TEST_F(RedriverTest, PassesOverManyAtATime) {
  const TimePoint at = clock_.now() - 1h;
  std::vector<model::TaskRecord> records;
  for (std::size_t i = 0; i < 350; ++i) {
    records.push_back(failed_record(numbered("c", i), at, model::failure::kCancelled));
  }
  for (const char* id : {"x", "y", "z"}) records.push_back(failed_record(id, at));
  put(memory_, records);
  start(at_rate(1, 1min));
  testing::FaultyStore counted(memory_);
  const auto one = redriver(counted);
  for (int steps = 0; steps < 5 && active() == 0; ++steps) one->step(clock_.now());
  EXPECT_EQ(ids_of(Status::kActive), std::set<std::string>{"x"});
  EXPECT_LE(counted.calls("query_tasks"), 8);
  run(*one);
  EXPECT_EQ(active(), 3u);
  expect_done(3);
}

TEST_F(RedriverTest, WhatFailsAgainIsNotRunAgain) {
  put_failed(100);
  start();
  const auto one = redriver(memory_);
  one->step(clock_.now());
  // All of them at once, some at a later place of the order and at the time of their run.
  std::vector<TaskKey> keys;
  for (const std::string& id : ids_of(Status::kActive)) keys.push_back({"ns", id});
  const auto fail_again = [](Task task) -> Result<Task> {
    EXPECT_EQ(task.failure_reason, "");
    task.status = Status::kFailed;
    task.failure_reason = model::failure::kExhausted;
    return task;
  };
  for (const auto& changed : memory_.change(keys, fail_again, clock_.now())) ASSERT_TRUE(changed);
  run(*one);
  EXPECT_EQ(active(), 50u);
  expect_done(100);
}

TEST_F(RedriverTest, TakesSoManyAtMost) {
  put_failed(100);
  Redrive redrive;
  redrive.max = 70;
  start(redrive);
  run(*redriver(memory_));
  EXPECT_EQ(active(), 70u);
  expect_done(70);
}

TEST_F(RedriverTest, WhatIsDeletedJustBeforeIsSkipped) {
  put_failed(60);
  start();
  testing::FaultyStore faulty(memory_);
  faulty.fail_next("change");
  const auto one = redriver(faulty);
  EXPECT_EQ(one->step(clock_.now()), 1s);
  EXPECT_EQ(active(), 0u);
  const std::vector<TaskKey> keys{{"ns", numbered("t", 3)}, {"ns", numbered("t", 4)}};
  for (const auto& removed : memory_.remove(keys, clock_.now())) ASSERT_TRUE(removed);
  // And one that is run by hand meanwhile is run.
  const TaskKey by_hand{"ns", numbered("t", 5)};
  const auto at = clock_.now();
  ASSERT_TRUE(memory_.change(
      {&by_hand, 1}, [at](Task task) { return model::run_now(std::move(task), at); }, at)[0]);
  run(*one);
  EXPECT_EQ(active(), 58u);
  expect_done(58, 2);
}

// Before it and after it took effect.
TEST_F(RedriverTest, ACrashAtAnyCallLosesAndDoublesNothing) {
  int crashes = 0;
  for (const bool after : {false, true}) {
    for (int calls = 1; calls < 100; ++calls) {
      SCOPED_TRACE(std::to_string(calls) + (after ? " after" : " before"));
      ASSERT_EQ(memory_.clear("ns", 1000).value_or(0), crashes == 0 ? 0u : 120u);
      put_failed(120);
      start();
      bool crashed = false;
      {
        CrashingStore crashing(memory_, calls, after);
        const auto first = redriver(crashing);
        try {
          run(*first);
        } catch (const Crash&) {
          crashed = true;
          ++crashes;
        }
      }
      run(*redriver(memory_));
      EXPECT_EQ(active(), 120u);
      expect_done(120);
      if (!crashed) break;
    }
  }
  // A list, a read, three steps of three calls, and the end.
  EXPECT_GE(crashes, 2 * 12);
}

TEST_F(RedriverTest, CrashesAgainAndAgainLoseAndDoubleNothing) {
  put_failed(500);
  start();
  int crashes = 0;
  for (; stored().state == RedriveState::kRunning && crashes < 100; ++crashes) {
    CrashingStore crashing(memory_, 6, crashes % 2 == 0);
    const auto one = redriver(crashing);
    try {
      run(*one);
    } catch (const Crash&) {
    }
  }
  EXPECT_GT(crashes, 5);
  EXPECT_EQ(active(), 500u);
  expect_done(500);
}

TEST_F(RedriverTest, TheRateOutlivesACrash) {
  put_failed(100);
  start();
  redriver(memory_)->step(clock_.now());
  clock_.advance(300ms);
  const auto next = redriver(memory_);
  EXPECT_EQ(next->step(clock_.now()), 700ms);
  EXPECT_EQ(active(), 50u);
  clock_.advance(700ms);
  next->step(clock_.now());
  EXPECT_EQ(active(), 100u);
}

TEST_F(RedriverTest, AClockThatIsSetBackHoldsNothingUp) {
  put_failed(100);
  start();
  const auto one = redriver(memory_);
  one->step(clock_.now());
  clock_.set(clock_.now() - 1h);
  EXPECT_EQ(one->step(clock_.now()), 1s);
  EXPECT_EQ(active(), 100u);
  clock_.set(clock_.now() - 1h);
  EXPECT_EQ(redriver(memory_)->step(clock_.now()), 1s);
}

TEST_F(RedriverTest, LostAnswersAndRefusalsHoldItUpAndDoubleNothing) {
  const testing::StoreFault refused{};
  const testing::StoreFault lost{.error = {ErrorCode::kUnknownOutcome, "lost", {}}, .keys = {}};
  const testing::StoreFault lost_answer{
      .error = {ErrorCode::kUnknownOutcome, "lost", {}}, .after_applying = true, .keys = {}};
  put_failed(120);
  for (const char* method :
       {"list_documents", "get_document", "query_tasks", "put_document", "change"}) {
    for (const testing::StoreFault& fault : {refused, lost, lost_answer}) {
      SCOPED_TRACE(method);
      memory_.clear("ns", 1000).value();
      put_failed(120);
      start();
      testing::FaultyStore faulty(memory_);
      faulty.fail_next(method, fault, 2);
      run(*redriver(faulty));
      EXPECT_EQ(active(), 120u);
      expect_done(120);
    }
  }
}

TEST_F(RedriverTest, TwoOnOneStoreShareItOut) {
  put_failed(300);
  start();
  const auto one = redriver(memory_);
  const auto two = redriver(memory_);
  // Both of them take it to be theirs, so each finds out by the other's writes.
  for (int rounds = 0; rounds < 100 && stored().state == RedriveState::kRunning; ++rounds) {
    one->step(clock_.now());
    two->step(clock_.now());
    clock_.advance(100ms);
  }
  EXPECT_EQ(active(), 300u);
  expect_done(300);
}

TEST_F(RedriverTest, AnotherGoesOnWhereOneDoesNotMove) {
  put_failed(200);
  start();
  testing::FaultyStore seen_by_two(memory_);
  const auto one = redriver(memory_, 30s);
  const auto two = redriver(seen_by_two, 30s);
  EXPECT_EQ(one->step(clock_.now()), 1s);
  EXPECT_EQ(two->step(clock_.now()), 30s);
  clock_.advance(1s);
  EXPECT_EQ(one->step(clock_.now()), 1s);
  EXPECT_EQ(active(), 100u);
  // It has moved on meanwhile.
  clock_.advance(29s);
  EXPECT_EQ(two->step(clock_.now()), 30s);
  EXPECT_EQ(seen_by_two.calls("get_document"), 2);
  EXPECT_EQ(seen_by_two.calls("change"), 0);
  // And then no more.
  clock_.advance(30s);
  while (const auto wait = two->step(clock_.now())) clock_.advance(*wait);
  EXPECT_EQ(active(), 200u);
  expect_done(200);
  EXPECT_EQ(one->step(clock_.now()), 0ms) << "what it would have written is overtaken";
  EXPECT_EQ(one->step(clock_.now()), std::nullopt);
  expect_done(200);
}

TEST_F(RedriverTest, OneThatIsCancelledCountsItsLastStep) {
  put_failed(200);
  start();
  const auto one = redriver(memory_);
  one->step(clock_.now());
  cancel();
  EXPECT_EQ(stored().redriven, 0);
  one->changed("ns");
  EXPECT_EQ(one->step(clock_.now()), std::nullopt);
  EXPECT_EQ(stored().state, RedriveState::kCancelled);
  EXPECT_EQ(stored().redriven, 50);
  EXPECT_EQ(stored().step, std::nullopt);
  EXPECT_EQ(active(), 50u);

  // Also where nobody is told: the next write finds out. And where nobody was there any more.
  start();
  const auto two = redriver(memory_);
  two->step(clock_.now());
  cancel();
  clock_.advance(1s);
  EXPECT_EQ(two->step(clock_.now()), 0ms);
  EXPECT_EQ(two->step(clock_.now()), std::nullopt);
  EXPECT_EQ(stored().redriven, 50);
  start();
  redriver(memory_)->step(clock_.now());
  cancel();
  run(*redriver(memory_, 30s));
  EXPECT_EQ(stored().redriven, 50);
  EXPECT_EQ(active(), 150u);
}

TEST_F(RedriverTest, LongIdsMakeShortSteps) {
  std::vector<model::TaskRecord> records;
  for (std::size_t i = 0; i < 100; ++i) {
    records.push_back(failed_record(numbered(std::string(500, '"'), i), clock_.now()));
  }
  put(memory_, records);
  start(at_rate(10'000));
  const auto one = redriver(memory_);
  one->step(clock_.now());
  EXPECT_GT(active(), 10u);
  EXPECT_LT(active(), 50u);
  run(*one);
  EXPECT_EQ(active(), 100u);
  expect_done(100);
}

TEST_F(RedriverTest, WhatCannotBeReadIsLeftAlone) {
  ASSERT_TRUE(
      memory_.put_document({store::redrive_key("odd"), "{", {}}, store::Nothing{}, clock_.now()));
  put_failed(1);
  start();
  run(*redriver(memory_));
  expect_done(1);
}

TEST_F(RedriverTest, AtRestItAsksForNothing) {
  testing::FaultyStore counted(memory_);
  const auto one = redriver(counted);
  EXPECT_EQ(one->step(clock_.now()), std::nullopt);
  EXPECT_EQ(counted.calls("list_documents"), 1);
  clock_.advance(1h);
  EXPECT_EQ(one->step(clock_.now()), std::nullopt);
  EXPECT_EQ(counted.calls("list_documents"), 1);
  one->look_at("ns");
  EXPECT_EQ(one->step(clock_.now()), std::nullopt);
  EXPECT_EQ(counted.calls("get_document"), 1);
  EXPECT_EQ(one->step(clock_.now()), std::nullopt);
  EXPECT_EQ(counted.calls("get_document"), 1);
}

}  // namespace
}  // namespace rhooks::engine

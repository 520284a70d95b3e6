// Sharing on the emulator: the real table, stepped by hand and with threads. What can happen
// between workers is tested in simulated time: member_test.cc.

#include "store/dynamo/coordinator.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "store/dynamo/attributes.h"
#include "store/dynamo/client_fixture.h"
#include "store/dynamo/dynalite_fixture.h"
#include "testing/captured_log.h"
#include "testing/patience.h"

namespace rhooks::store::dynamo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::eventually;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int kShards = 16;

class CoordinatorTest : public DynaliteFixture {
 protected:
  void SetUp() override {
    auto options = creating();
    options.shards = kShards;
    const auto ready = prepare_tables(*client_, tables_, options);
    ASSERT_TRUE(ready) << ready.error().message;
  }

  std::unique_ptr<Coordinator> make_coordinator(CoordinatorOptions options) {
    return std::make_unique<Coordinator>(dynamo_membership_table(*client_, tables_.tasks), kShards,
                                         random_, machine_, std::move(options));
  }
  // Stepped by the test, on its clock.
  std::unique_ptr<Coordinator> make_stepped() {
    CoordinatorOptions options;
    options.start_thread = nullptr;
    options.steady = [this] { return now_; };
    options.on_change = [this] { ++changes_; };
    auto coordinator = make_coordinator(options);
    coordinator->join();
    return coordinator;
  }
  // A tick of each, three seconds after the last.
  void tick(std::initializer_list<Coordinator*> coordinators) {
    now_ += seconds(3);
    for (Coordinator* coordinator : coordinators) {
      const auto step = coordinator->tick();
      ASSERT_TRUE(step);
      EXPECT_FALSE(step->error) << step->error->message;
    }
  }
  static std::vector<int> all() {
    std::vector<int> numbers(kShards);
    for (int i = 0; i < kShards; ++i) numbers[static_cast<std::size_t>(i)] = i;
    return numbers;
  }
  static std::vector<int> together(std::initializer_list<Coordinator*> coordinators) {
    std::multiset<int> numbers;
    for (Coordinator* coordinator : coordinators) {
      for (const int shard : coordinator->owned()) numbers.insert(shard);
    }
    return {numbers.begin(), numbers.end()};
  }

  testing::ManualClock machine_;  // which would else show how slow the test is
  SteadyTime now_ = seconds(1'000);
  std::atomic<int> changes_ = 0;
};

TEST_F(CoordinatorTest, OneOwnsAllAfterItsFirstTick) {
  const auto coordinator = make_stepped();
  EXPECT_THAT(coordinator->owned(), IsEmpty());
  tick({coordinator.get()});
  EXPECT_EQ(coordinator->owned(), all());
  EXPECT_EQ(changes_, 1);
  tick({coordinator.get()});
  EXPECT_EQ(coordinator->owned(), all());
  EXPECT_EQ(changes_, 1);
}

TEST_F(CoordinatorTest, ThreeShareAndTakeOverFromOneThatStops) {
  const auto a = make_stepped();
  const auto b = make_stepped();
  const auto c = make_stepped();
  for (int i = 0; i < 3; ++i) tick({a.get(), b.get(), c.get()});
  EXPECT_EQ(together({a.get(), b.get(), c.get()}), all());
  for (Coordinator* coordinator : {a.get(), b.get(), c.get()}) {
    EXPECT_GE(coordinator->owned().size(), 5u);
    EXPECT_LE(coordinator->owned().size(), 6u);
  }

  // It was seen alive by its last tick; so its shards stay its own for nine seconds.
  const auto its = c->owned();
  tick({a.get(), b.get()});
  tick({a.get(), b.get()});
  EXPECT_EQ(c->owned(), its);
  tick({a.get(), b.get()});
  EXPECT_THAT(c->owned(), IsEmpty());
  tick({a.get(), b.get()});
  EXPECT_EQ(together({a.get(), b.get()}), all());

  // It comes back, late: it owns nothing until the others have made room.
  tick({c.get()});
  EXPECT_THAT(c->owned(), IsEmpty());
  for (int i = 0; i < 3; ++i) tick({a.get(), b.get(), c.get()});
  EXPECT_EQ(together({a.get(), b.get(), c.get()}), all());
  EXPECT_GE(c->owned().size(), 5u);
}

TEST_F(CoordinatorTest, WhoLeavesIsGone) {
  const auto a = make_stepped();
  const auto b = make_stepped();
  for (int i = 0; i < 3; ++i) tick({a.get(), b.get()});
  const int before = changes_;
  const Uuid life = a->life();
  a->leave();
  EXPECT_EQ(changes_, before + 1);
  EXPECT_FALSE(a->joined());
  EXPECT_THAT(a->owned(), IsEmpty());
  a->leave();
  EXPECT_EQ(changes_, before + 1);
  // It has no share any more, but lives while it has attempts under way.
  EXPECT_EQ(a->life(), Uuid{});
  for (int i = 0; i < 5; ++i) tick({a.get(), b.get()});
  EXPECT_EQ(b->owned(), all());
  EXPECT_FALSE(b->dead(life));
  EXPECT_EQ(b->view()->workers.size(), 2u);

  a->finish();
  a->finish();
  EXPECT_FALSE(a->tick());
  const auto view = b->view();
  ASSERT_TRUE(view) << view.error().message;
  ASSERT_THAT(view->workers, SizeIs(1));
  EXPECT_TRUE(view->workers[0].self);
  tick({b.get()});
  EXPECT_EQ(b->owned(), all());

  a->join();
  for (int i = 0; i < 3; ++i) tick({a.get(), b.get()});
  EXPECT_THAT(a->owned(), SizeIs(8));
  EXPECT_THAT(b->owned(), SizeIs(8));
}

TEST_F(CoordinatorTest, WhoFinishesAndLeavesALeaseIsCalledDead) {
  const auto a = make_stepped();
  const auto b = make_stepped();
  for (int i = 0; i < 3; ++i) tick({a.get(), b.get()});
  const Uuid life = a->life();
  a->note_left_lease();
  a->leave();
  a->finish();
  EXPECT_FALSE(a->tick());
  EXPECT_FALSE(b->dead(life));
  for (int i = 0; i < 5; ++i) tick({b.get()});
  EXPECT_TRUE(b->dead(life));
  EXPECT_EQ(b->owned(), all());
  // That was the one before.
  a->join();
  tick({a.get(), b.get()});
  const Uuid next = a->life();
  a->leave();
  a->finish();
  for (int i = 0; i < 5; ++i) tick({b.get()});
  EXPECT_FALSE(b->dead(next));
  EXPECT_EQ(b->view()->workers.size(), 2u);
}

TEST_F(CoordinatorTest, ShowsWhoHoldsWhat) {
  const auto a = make_stepped();
  const auto b = make_stepped();
  for (int i = 0; i < 3; ++i) tick({a.get(), b.get()});
  tick({a.get()});  // sees the other's last heartbeat
  tick({a.get()});
  const auto view = a->view();
  ASSERT_TRUE(view) << view.error().message;
  ASSERT_THAT(view->workers, SizeIs(2));
  EXPECT_NE(view->workers[0].self, view->workers[1].self);
  const auto& other = view->workers[view->workers[0].self ? 1 : 0];
  EXPECT_EQ(other.since_last_heartbeat, seconds(3));
  EXPECT_EQ(other.item.pid, ::getpid());
  EXPECT_FALSE(other.item.host.empty());
  ASSERT_THAT(view->shards, SizeIs(kShards));
  int others = 0;
  for (const ShardItem& shard : view->shards) others += shard.owner == other.item.id ? 1 : 0;
  EXPECT_EQ(others, 8);

  const auto sections = describe_membership(*view);
  ASSERT_THAT(sections, SizeIs(2));
  EXPECT_THAT(sections[0].rows, SizeIs(2));
  EXPECT_THAT(sections[1].rows, SizeIs(kShards));
  for (const auto& section : sections) {
    EXPECT_THAT(section.rows, Each(SizeIs(section.columns.size())));
  }

  // One that takes no part knows no ages.
  CoordinatorOptions options;
  options.start_thread = nullptr;
  const auto outside = make_coordinator(options)->view();
  ASSERT_TRUE(outside) << outside.error().message;
  ASSERT_THAT(outside->workers, SizeIs(2));
  for (const auto& worker : outside->workers) {
    EXPECT_FALSE(worker.self);
    EXPECT_FALSE(worker.since_last_heartbeat);
  }
}

TEST_F(CoordinatorTest, TakingAndGivingUpNeedWhatWasSeen) {
  const auto table = dynamo_membership_table(*client_, tables_.tasks);
  const auto take = [&](const std::string& me, const ShardItem& seen) {
    const auto results = table->take(me, std::vector{seen});
    EXPECT_THAT(results, SizeIs(1));
    return results.at(0).value();
  };
  const auto give_up = [&](const ShardItem& seen) {
    return table->give_up(std::vector{seen}).at(0).value();
  };
  EXPECT_FALSE(take("a", {3, "", 1})) << "it was never taken";
  EXPECT_TRUE(take("a", {3, "", 0}));
  EXPECT_FALSE(take("b", {3, "", 0}));
  EXPECT_FALSE(take("b", {3, "", 1}));
  EXPECT_FALSE(take("b", {3, "c", 1}));
  EXPECT_TRUE(take("b", {3, "a", 1}));
  EXPECT_FALSE(give_up({3, "a", 1}));
  EXPECT_FALSE(give_up({3, "b", 1}));
  EXPECT_TRUE(give_up({3, "b", 2}));
  EXPECT_FALSE(give_up({3, "b", 2}));
  EXPECT_FALSE(take("a", {3, "b", 2}));
  EXPECT_TRUE(take("a", {3, "", 2}));
  const auto snapshot = table->read();
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_THAT(snapshot->shards, ElementsAre(ShardItem{3, "a", 3}));
}

TEST_F(CoordinatorTest, OnlyTheDeadAreDeleted) {
  const auto table = dynamo_membership_table(*client_, tables_.tasks);
  ASSERT_TRUE(table->write_heartbeat({.id = "a", .heartbeat = 1}));
  ASSERT_TRUE(table->write_heartbeat({.id = "b", .heartbeat = 1}));
  ASSERT_TRUE(table->write_heartbeat({.id = "b", .heartbeat = 2}));
  ASSERT_TRUE(table->remove(std::vector<WorkerItem>{
      {.id = "a", .heartbeat = 1}, {.id = "b", .heartbeat = 1}, {.id = "none", .heartbeat = 1}}));
  const auto snapshot = table->read();
  ASSERT_TRUE(snapshot);
  ASSERT_THAT(snapshot->workers, SizeIs(1));
  EXPECT_EQ(snapshot->workers[0].id, "b");
  EXPECT_EQ(snapshot->workers[0].heartbeat, 2);
}

TEST_F(CoordinatorTest, WhoFinishesDeletesItsItemThoughItsLastBeatWasLost) {
  const auto table = dynamo_membership_table(*client_, tables_.tasks);
  ASSERT_TRUE(table->write_heartbeat({.id = "a", .heartbeat = 1}));
  ASSERT_TRUE(table->write_heartbeat({.id = "b", .heartbeat = 3}));
  ASSERT_TRUE(table->finish({.id = "a", .heartbeat = 2}));
  ASSERT_TRUE(table->finish({.id = "b", .heartbeat = 2})) << "it is not its latest";
  ASSERT_TRUE(table->finish({.id = "none", .heartbeat = 1}));
  const auto snapshot = table->read();
  ASSERT_TRUE(snapshot);
  ASSERT_THAT(snapshot->workers, SizeIs(1));
  EXPECT_EQ(snapshot->workers[0].id, "b");
}

// Who sees it must see it for a day to delete it, and may itself be restarted every day.
TEST_F(CoordinatorTest, TheServiceDeletesItemsOfTheDeadIfNobodyDoes) {
  const auto coordinator = make_stepped();
  tick({coordinator.get()});
  const auto id = coordinator->view()->workers.at(0).item.id;
  const auto reply =
      call(Operation::kGetItem,
           {{"TableName", tables_.tasks},
            {"ConsistentRead", true},
            {"Key", {{"ns", text_value(kControl)}, {"id", text_value("worker#" + id)}}}});
  ASSERT_TRUE(reply && reply->ok());
  const auto ttl = number_of(reply->body.at("Item").as_object(), "ttl");
  ASSERT_TRUE(ttl);
  EXPECT_EQ(seconds(*ttl) - machine_.now().time_since_epoch(), std::chrono::hours(50));
}

// A heartbeat that was on its way for long would make a worker look as it looked before.
TEST_F(CoordinatorTest, AnOlderBeatChangesNothing) {
  const auto table = dynamo_membership_table(*client_, tables_.tasks);
  const Uuid first{1}, second{2};
  ASSERT_TRUE(table->write_heartbeat({.id = "a", .heartbeat = 1, .life = first}));
  ASSERT_TRUE(table->write_heartbeat({.id = "a", .heartbeat = 2, .life = second}));
  ASSERT_TRUE(table->write_heartbeat({.id = "a", .heartbeat = 1, .life = first}));
  ASSERT_TRUE(table->write_heartbeat({.id = "a", .heartbeat = 2, .life = second})) << "sent again";
  const auto snapshot = table->read();
  ASSERT_TRUE(snapshot);
  ASSERT_THAT(snapshot->workers, SizeIs(1));
  EXPECT_EQ(snapshot->workers[0].heartbeat, 2);
  EXPECT_EQ(snapshot->workers[0].life, second);
}

TEST_F(CoordinatorTest, TellsOfADeathThatChangesNoShare) {
  const Uuid life{7};
  const auto table = dynamo_membership_table(*client_, tables_.tasks);
  ASSERT_TRUE(table->write_heartbeat({.id = "idle", .heartbeat = 1'000, .life = life}));
  const auto coordinator = make_stepped();
  for (int i = 0; i < 3; ++i) tick({coordinator.get()});
  EXPECT_EQ(changes_, 1);
  EXPECT_FALSE(coordinator->dead(life));
  tick({coordinator.get()});
  EXPECT_TRUE(coordinator->dead(life));
  EXPECT_EQ(changes_, 2);
  tick({coordinator.get()});
  EXPECT_EQ(changes_, 2);
  // One that cannot show that it lives calls nobody dead.
  EXPECT_NE(coordinator->life(), Uuid{});
  now_ += seconds(9);
  EXPECT_EQ(coordinator->life(), Uuid{});
  EXPECT_FALSE(coordinator->dead(life));
}

TEST_F(CoordinatorTest, APauseThatOnlyTheWallClockSawEndsALife) {
  const auto coordinator = make_stepped();
  tick({coordinator.get()});
  const Uuid before = coordinator->life();
  EXPECT_NE(before, Uuid{});
  machine_.advance(seconds(3));
  tick({coordinator.get()});
  EXPECT_EQ(coordinator->life(), before);
  machine_.advance(seconds(20));
  tick({coordinator.get()});
  EXPECT_EQ(coordinator->life(), Uuid{});
  EXPECT_THAT(coordinator->owned(), IsEmpty());
  tick({coordinator.get()});
  EXPECT_NE(coordinator->life(), Uuid{});
  EXPECT_NE(coordinator->life(), before);
  EXPECT_EQ(coordinator->owned(), all());
}

// What is not understood is passed over: newer versions may keep more there.
TEST_F(CoordinatorTest, OtherControlItemsDoNoHarm) {
  for (const char* id : {"shard#x", "shard#", "shard#1x", "worker", "other#1"}) {
    call_ok(Operation::kPutItem,
            {{"TableName", tables_.tasks},
             {"Item", {{"ns", text_value(kControl)}, {"id", text_value(id)}}}});
  }
  const auto coordinator = make_stepped();
  tick({coordinator.get()});
  EXPECT_EQ(coordinator->owned(), all());
}

TEST_F(CoordinatorTest, ThreadsOfTheirOwnShareToo) {
  CoordinatorOptions options;
  options.tick = milliseconds(100);
  options.failure_timeout = seconds(2);
  options.join_timeout = seconds(60);
  options.on_change = [this] { ++changes_; };
  const auto a = make_coordinator(options);
  a->join();
  EXPECT_EQ(a->owned(), all()) << "join() waits for the first tick";
  a->join();
  EXPECT_GE(changes_, 1);

  const auto b = make_coordinator(options);
  auto c = make_coordinator(options);
  b->join();
  c->join();
  const auto fair = [](const Coordinator& coordinator) {
    return coordinator.owned().size() >= 5 && coordinator.owned().size() <= 6;
  };
  EXPECT_TRUE(eventually([&] { return fair(*a) && fair(*b) && fair(*c); }));
  a->leave();
  c.reset();
  EXPECT_TRUE(eventually([&] { return b->owned() == all(); }));
}

TEST_F(CoordinatorTest, AThreadThatCannotBeHadEndsNothingElse) {
  std::atomic<bool> none = true;
  CoordinatorOptions options;
  options.start_thread = [&](std::function<void()> body) {
    if (none)
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    return std::thread(std::move(body));
  };
  options.join_timeout = seconds(60);
  const auto coordinator = make_coordinator(options);
  EXPECT_THROW(coordinator->join(), std::system_error);
  EXPECT_FALSE(coordinator->joined()) << "the next claim joins";
  none = false;
  coordinator->join();
  EXPECT_EQ(coordinator->owned(), all());

  none = true;
  testing::CapturedLog log;
  coordinator->leave();
  EXPECT_THAT(log.text(), HasSubstr("cannot show that it lives"));
  EXPECT_FALSE(coordinator->joined());
  EXPECT_EQ(coordinator->view()->workers.size(), 1u);
  coordinator->finish();
  EXPECT_THAT(coordinator->view()->workers, IsEmpty());
}

class CoordinatorOutageTest : public ClientFixture {};

TEST_F(CoordinatorOutageTest, IsLoggedOnceAndSurvived) {
  auto options = this->options();
  options.tries_max = 1;
  make_client(options);
  SteadyTime now = seconds(10);
  CoordinatorOptions coordinator_options;
  coordinator_options.start_thread = nullptr;
  coordinator_options.steady = [&] { return now; };
  Coordinator coordinator(dynamo_membership_table(*client_, "tasks"), 2, random_, clock_,
                          coordinator_options);
  coordinator.join();
  always(error(500, "InternalServerError"));

  testing::CapturedLog log;
  for (int i = 0; i < 5; ++i) {
    const auto step = coordinator.tick();
    ASSERT_TRUE(step && step->error);
    EXPECT_GT(step->again_at, now) << "no storm";
    now += seconds(3);
  }
  const std::string logged = log.text();
  const std::string sentence = "sharing work with other workers fails";
  EXPECT_NE(logged.find(sentence), std::string::npos) << logged;
  EXPECT_EQ(logged.find(sentence), logged.rfind(sentence)) << logged;
  EXPECT_THAT(coordinator.owned(), IsEmpty());

  always(ok());
  ASSERT_FALSE(coordinator.tick()->error);
  EXPECT_THAT(coordinator.owned(), ElementsAre(0, 1));

  always(error(500, "InternalServerError"));
  now += milliseconds(8'999);
  EXPECT_TRUE(coordinator.tick()->error);
  EXPECT_THAT(coordinator.owned(), ElementsAre(0, 1));
  now += milliseconds(1);
  EXPECT_THAT(coordinator.owned(), IsEmpty());
  const auto requests = receiver_.requests().size();
  coordinator.leave();
  EXPECT_EQ(receiver_.requests().size(), requests) << "it is taken for dead without it";
}

TEST_F(CoordinatorOutageTest, AMissingTableIsAnErrorThatSaysSo) {
  make_client();
  always(error(400, "ResourceNotFoundException"));
  CoordinatorOptions coordinator_options;
  coordinator_options.start_thread = nullptr;
  Coordinator coordinator(dynamo_membership_table(*client_, "tasks"), 2, random_, clock_,
                          coordinator_options);
  EXPECT_FALSE(coordinator.tick()) << "before join()";
  coordinator.join();
  const auto step = coordinator.tick();
  ASSERT_TRUE(step && step->error);
  EXPECT_EQ(step->error->code, ErrorCode::kUnavailable);
  EXPECT_THAT(step->error->message, HasSubstr("is the tasks table still there?"));
  EXPECT_FALSE(coordinator.view());
}

TEST_F(CoordinatorOutageTest, ReadsAllPages) {
  make_client();
  then(ok(R"({"Items":[{"id":{"S":"shard#07"},"owner":{"S":"w"},"epoch":{"N":"4"}}],
              "LastEvaluatedKey":{"ns":{"S":"x"},"id":{"S":"shard#07"}}})"));
  then(ok(R"({"Items":[{"id":{"S":"worker#w"},"beat":{"N":"9"},"host":{"S":"h"},
                        "pid":{"N":"3"},"since":{"N":"1000"}}]})"));
  const auto snapshot = dynamo_membership_table(*client_, "tasks")->read();
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_THAT(snapshot->shards, ElementsAre(ShardItem{7, "w", 4}));
  ASSERT_THAT(snapshot->workers, SizeIs(1));
  EXPECT_EQ(snapshot->workers[0].heartbeat, 9);
  EXPECT_EQ(snapshot->workers[0].since_ms, 1000);
  const auto requests = receiver_.requests();
  ASSERT_THAT(requests, SizeIs(2));
  for (const auto& request : requests) {
    EXPECT_THAT(request.body, HasSubstr(R"("ConsistentRead":true)"));
  }
  EXPECT_THAT(requests[0].body, Not(HasSubstr("ExclusiveStartKey")));
  EXPECT_THAT(requests[1].body, HasSubstr(R"("ExclusiveStartKey":{"ns":{"S":"x"})"));
}

}  // namespace
}  // namespace rhooks::store::dynamo

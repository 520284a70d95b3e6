// Sharing on the emulator: the real table, stepped by hand and with threads. What can happen
// between workers is tested in simulated time: shard_member_test.cc.

#include "store/dynamo/shard_share.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "store/dynamo/attributes.h"
#include "store/dynamo/client_rig.h"
#include "store/dynamo/dynalite_rig.h"
#include "testing/captured_log.h"

namespace rhooks::store::dynamo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int kShards = 16;

class ShardShareTest : public DynaliteRig {
 protected:
  void SetUp() override {
    auto options = creating();
    options.shards = kShards;
    const auto ready = prepare_tables(*client_, tables_, options);
    ASSERT_TRUE(ready) << ready.error().message;
  }

  std::unique_ptr<ShardShare> make_share(ShareOptions options) {
    return std::make_unique<ShardShare>(dynamo_share_table(*client_, tables_.tasks), kShards,
                                        random_, machine_, std::move(options));
  }
  // Stepped by the test, on its clock.
  std::unique_ptr<ShardShare> make_stepped() {
    ShareOptions options;
    options.start_thread = nullptr;
    options.steady = [this] { return now_; };
    options.on_change = [this] { ++changes_; };
    auto share = make_share(options);
    share->join();
    return share;
  }
  // A tick of each, three seconds after the last.
  void tick(std::initializer_list<ShardShare*> shares) {
    now_ += seconds(3);
    for (ShardShare* share : shares) {
      const auto step = share->tick();
      ASSERT_TRUE(step);
      EXPECT_FALSE(step->error) << step->error->message;
    }
  }
  static std::vector<int> all() {
    std::vector<int> numbers(kShards);
    for (int i = 0; i < kShards; ++i) numbers[static_cast<std::size_t>(i)] = i;
    return numbers;
  }
  static std::vector<int> together(std::initializer_list<ShardShare*> shares) {
    std::multiset<int> numbers;
    for (ShardShare* share : shares) {
      for (const int shard : share->owned()) numbers.insert(shard);
    }
    return {numbers.begin(), numbers.end()};
  }

  testing::ManualClock machine_;  // which would else show how slow the test is
  SteadyTime now_ = seconds(1'000);
  std::atomic<int> changes_ = 0;
};

TEST_F(ShardShareTest, OneOwnsAllAfterItsFirstTick) {
  const auto share = make_stepped();
  EXPECT_THAT(share->owned(), IsEmpty());
  tick({share.get()});
  EXPECT_EQ(share->owned(), all());
  EXPECT_EQ(changes_, 1);
  tick({share.get()});
  EXPECT_EQ(share->owned(), all());
  EXPECT_EQ(changes_, 1);
}

TEST_F(ShardShareTest, ThreeShareAndTakeOverFromOneThatStops) {
  const auto a = make_stepped();
  const auto b = make_stepped();
  const auto c = make_stepped();
  for (int i = 0; i < 3; ++i) tick({a.get(), b.get(), c.get()});
  EXPECT_EQ(together({a.get(), b.get(), c.get()}), all());
  for (ShardShare* share : {a.get(), b.get(), c.get()}) {
    EXPECT_GE(share->owned().size(), 5u);
    EXPECT_LE(share->owned().size(), 6u);
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

TEST_F(ShardShareTest, WhoLeavesIsGone) {
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

TEST_F(ShardShareTest, WhoFinishesAndLeavesALeaseIsCalledDead) {
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

TEST_F(ShardShareTest, ShowsWhoHoldsWhat) {
  const auto a = make_stepped();
  const auto b = make_stepped();
  for (int i = 0; i < 3; ++i) tick({a.get(), b.get()});
  tick({a.get()});  // sees the other's last beat
  tick({a.get()});
  const auto view = a->view();
  ASSERT_TRUE(view) << view.error().message;
  ASSERT_THAT(view->workers, SizeIs(2));
  EXPECT_NE(view->workers[0].self, view->workers[1].self);
  const auto& other = view->workers[view->workers[0].self ? 1 : 0];
  EXPECT_EQ(other.silence, seconds(3));
  EXPECT_EQ(other.item.pid, ::getpid());
  EXPECT_FALSE(other.item.host.empty());
  ASSERT_THAT(view->shards, SizeIs(kShards));
  int others = 0;
  for (const ShardItem& shard : view->shards) others += shard.owner == other.item.id ? 1 : 0;
  EXPECT_EQ(others, 8);

  const auto sections = describe_share(*view);
  ASSERT_THAT(sections, SizeIs(2));
  EXPECT_THAT(sections[0].rows, SizeIs(2));
  EXPECT_THAT(sections[1].rows, SizeIs(kShards));
  for (const auto& section : sections) {
    EXPECT_THAT(section.rows, Each(SizeIs(section.columns.size())));
  }

  // One that takes no part knows no ages.
  ShareOptions options;
  options.start_thread = nullptr;
  const auto outside = make_share(options)->view();
  ASSERT_TRUE(outside) << outside.error().message;
  ASSERT_THAT(outside->workers, SizeIs(2));
  for (const auto& worker : outside->workers) {
    EXPECT_FALSE(worker.self);
    EXPECT_FALSE(worker.silence);
  }
}

TEST_F(ShardShareTest, TakingAndGivingUpNeedWhatWasSeen) {
  const auto table = dynamo_share_table(*client_, tables_.tasks);
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

TEST_F(ShardShareTest, OnlyTheDeadAreDeleted) {
  const auto table = dynamo_share_table(*client_, tables_.tasks);
  ASSERT_TRUE(table->beat({.id = "a", .beat = 1}));
  ASSERT_TRUE(table->beat({.id = "b", .beat = 1}));
  ASSERT_TRUE(table->beat({.id = "b", .beat = 2}));
  ASSERT_TRUE(table->remove(std::vector<WorkerItem>{
      {.id = "a", .beat = 1}, {.id = "b", .beat = 1}, {.id = "none", .beat = 1}}));
  const auto snapshot = table->read();
  ASSERT_TRUE(snapshot);
  ASSERT_THAT(snapshot->workers, SizeIs(1));
  EXPECT_EQ(snapshot->workers[0].id, "b");
  EXPECT_EQ(snapshot->workers[0].beat, 2);
}

TEST_F(ShardShareTest, WhoFinishesDeletesItsItemThoughItsLastBeatWasLost) {
  const auto table = dynamo_share_table(*client_, tables_.tasks);
  ASSERT_TRUE(table->beat({.id = "a", .beat = 1}));
  ASSERT_TRUE(table->beat({.id = "b", .beat = 3}));
  ASSERT_TRUE(table->finish({.id = "a", .beat = 2}));
  ASSERT_TRUE(table->finish({.id = "b", .beat = 2})) << "it is not its latest";
  ASSERT_TRUE(table->finish({.id = "none", .beat = 1}));
  const auto snapshot = table->read();
  ASSERT_TRUE(snapshot);
  ASSERT_THAT(snapshot->workers, SizeIs(1));
  EXPECT_EQ(snapshot->workers[0].id, "b");
}

// Who sees it must see it for a day to delete it, and may itself be restarted every day.
TEST_F(ShardShareTest, TheServiceDeletesItemsOfTheDeadIfNobodyDoes) {
  const auto share = make_stepped();
  tick({share.get()});
  const auto id = share->view()->workers.at(0).item.id;
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

// A beat that was on its way for long would make a worker look as it looked before.
TEST_F(ShardShareTest, AnOlderBeatChangesNothing) {
  const auto table = dynamo_share_table(*client_, tables_.tasks);
  const Uuid first{1}, second{2};
  ASSERT_TRUE(table->beat({.id = "a", .beat = 1, .life = first}));
  ASSERT_TRUE(table->beat({.id = "a", .beat = 2, .life = second}));
  ASSERT_TRUE(table->beat({.id = "a", .beat = 1, .life = first}));
  ASSERT_TRUE(table->beat({.id = "a", .beat = 2, .life = second})) << "sent again";
  const auto snapshot = table->read();
  ASSERT_TRUE(snapshot);
  ASSERT_THAT(snapshot->workers, SizeIs(1));
  EXPECT_EQ(snapshot->workers[0].beat, 2);
  EXPECT_EQ(snapshot->workers[0].life, second);
}

TEST_F(ShardShareTest, TellsOfADeathThatChangesNoShare) {
  const Uuid life{7};
  const auto table = dynamo_share_table(*client_, tables_.tasks);
  ASSERT_TRUE(table->beat({.id = "idle", .beat = 1'000, .life = life}));
  const auto share = make_stepped();
  for (int i = 0; i < 3; ++i) tick({share.get()});
  EXPECT_EQ(changes_, 1);
  EXPECT_FALSE(share->dead(life));
  tick({share.get()});
  EXPECT_TRUE(share->dead(life));
  EXPECT_EQ(changes_, 2);
  tick({share.get()});
  EXPECT_EQ(changes_, 2);
  // One that cannot show that it lives calls nobody dead.
  EXPECT_NE(share->life(), Uuid{});
  now_ += seconds(9);
  EXPECT_EQ(share->life(), Uuid{});
  EXPECT_FALSE(share->dead(life));
}

TEST_F(ShardShareTest, APauseThatOnlyTheWallClockSawEndsALife) {
  const auto share = make_stepped();
  tick({share.get()});
  const Uuid before = share->life();
  EXPECT_NE(before, Uuid{});
  machine_.advance(seconds(3));
  tick({share.get()});
  EXPECT_EQ(share->life(), before);
  machine_.advance(seconds(20));
  tick({share.get()});
  EXPECT_EQ(share->life(), Uuid{});
  EXPECT_THAT(share->owned(), IsEmpty());
  tick({share.get()});
  EXPECT_NE(share->life(), Uuid{});
  EXPECT_NE(share->life(), before);
  EXPECT_EQ(share->owned(), all());
}

// What is not understood is passed over: newer versions may keep more there.
TEST_F(ShardShareTest, OtherControlItemsDoNoHarm) {
  for (const char* id : {"shard#x", "shard#", "shard#1x", "worker", "other#1"}) {
    call_ok(Operation::kPutItem,
            {{"TableName", tables_.tasks},
             {"Item", {{"ns", text_value(kControl)}, {"id", text_value(id)}}}});
  }
  const auto share = make_stepped();
  tick({share.get()});
  EXPECT_EQ(share->owned(), all());
}

template <typename Condition>
bool comes_true(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return true;
}

TEST_F(ShardShareTest, ThreadsOfTheirOwnShareToo) {
  ShareOptions options;
  options.tick = milliseconds(100);
  options.dead_after = seconds(2);
  options.join_timeout = seconds(60);
  options.on_change = [this] { ++changes_; };
  const auto a = make_share(options);
  a->join();
  EXPECT_EQ(a->owned(), all()) << "join() waits for the first tick";
  a->join();
  EXPECT_GE(changes_, 1);

  const auto b = make_share(options);
  auto c = make_share(options);
  b->join();
  c->join();
  const auto fair = [](const ShardShare& share) {
    return share.owned().size() >= 5 && share.owned().size() <= 6;
  };
  EXPECT_TRUE(comes_true([&] { return fair(*a) && fair(*b) && fair(*c); }));
  a->leave();
  c.reset();
  EXPECT_TRUE(comes_true([&] { return b->owned() == all(); }));
}

TEST_F(ShardShareTest, AThreadThatCannotBeHadEndsNothingElse) {
  std::atomic<bool> none = true;
  ShareOptions options;
  options.start_thread = [&](std::function<void()> body) {
    if (none)
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    return std::thread(std::move(body));
  };
  options.join_timeout = seconds(60);
  const auto share = make_share(options);
  EXPECT_THROW(share->join(), std::system_error);
  EXPECT_FALSE(share->joined()) << "the next claim joins";
  none = false;
  share->join();
  EXPECT_EQ(share->owned(), all());

  none = true;
  testing::CapturedLog log;
  share->leave();
  EXPECT_THAT(log.text(), HasSubstr("cannot show that it lives"));
  EXPECT_FALSE(share->joined());
  EXPECT_EQ(share->view()->workers.size(), 1u);
  share->finish();
  EXPECT_THAT(share->view()->workers, IsEmpty());
}

class ShareOutageTest : public ClientRig {};

TEST_F(ShareOutageTest, IsLoggedOnceAndSurvived) {
  auto options = this->options();
  options.tries_max = 1;
  make_client(options);
  SteadyTime now = seconds(10);
  ShareOptions share_options;
  share_options.start_thread = nullptr;
  share_options.steady = [&] { return now; };
  ShardShare share(dynamo_share_table(*client_, "tasks"), 2, random_, clock_, share_options);
  share.join();
  always(error(500, "InternalServerError"));

  testing::CapturedLog log;
  for (int i = 0; i < 5; ++i) {
    const auto step = share.tick();
    ASSERT_TRUE(step && step->error);
    EXPECT_GT(step->again_at, now) << "no storm";
    now += seconds(3);
  }
  const std::string logged = log.text();
  const std::string sentence = "sharing work with other workers fails";
  EXPECT_NE(logged.find(sentence), std::string::npos) << logged;
  EXPECT_EQ(logged.find(sentence), logged.rfind(sentence)) << logged;
  EXPECT_THAT(share.owned(), IsEmpty());

  always(ok());
  ASSERT_FALSE(share.tick()->error);
  EXPECT_THAT(share.owned(), ElementsAre(0, 1));

  always(error(500, "InternalServerError"));
  now += milliseconds(8'999);
  EXPECT_TRUE(share.tick()->error);
  EXPECT_THAT(share.owned(), ElementsAre(0, 1));
  now += milliseconds(1);
  EXPECT_THAT(share.owned(), IsEmpty());
  const auto requests = receiver_.requests().size();
  share.leave();
  EXPECT_EQ(receiver_.requests().size(), requests) << "it is taken for dead without it";
}

TEST_F(ShareOutageTest, AMissingTableIsAnErrorThatSaysSo) {
  make_client();
  always(error(400, "ResourceNotFoundException"));
  ShareOptions share_options;
  share_options.start_thread = nullptr;
  ShardShare share(dynamo_share_table(*client_, "tasks"), 2, random_, clock_, share_options);
  EXPECT_FALSE(share.tick()) << "before join()";
  share.join();
  const auto step = share.tick();
  ASSERT_TRUE(step && step->error);
  EXPECT_EQ(step->error->code, ErrorCode::kUnavailable);
  EXPECT_THAT(step->error->message, HasSubstr("is the tasks table still there?"));
  EXPECT_FALSE(share.view());
}

TEST_F(ShareOutageTest, ReadsAllPages) {
  make_client();
  then(ok(R"({"Items":[{"id":{"S":"shard#07"},"owner":{"S":"w"},"epoch":{"N":"4"}}],
              "LastEvaluatedKey":{"ns":{"S":"x"},"id":{"S":"shard#07"}}})"));
  then(ok(R"({"Items":[{"id":{"S":"worker#w"},"beat":{"N":"9"},"host":{"S":"h"},
                        "pid":{"N":"3"},"since":{"N":"1000"}}]})"));
  const auto snapshot = dynamo_share_table(*client_, "tasks")->read();
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_THAT(snapshot->shards, ElementsAre(ShardItem{7, "w", 4}));
  ASSERT_THAT(snapshot->workers, SizeIs(1));
  EXPECT_EQ(snapshot->workers[0].beat, 9);
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

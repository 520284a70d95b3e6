#include "testing/simulator/dynamo_backend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/uuid.h"
#include "observe/logging.h"
#include "testing/soak.h"
#include "testing/store_contract.h"

namespace rhooks::simulator {
namespace {

using namespace std::chrono_literals;
using store::Claim;
using store::Commit;
using store::CommitOutcome;

// Keeps who may commit what, and counts what it was told.
class LeaseObserver final : public StoreObserver {
 public:
  explicit LeaseObserver(Timeline& timeline) : timeline_(timeline) {}

  void put(const Task& task) override {
    ++told["put"];
    leases_.erase(task.key);
  }
  void claimed(const model::Lease& lease, const Task& task, TimePoint now) override {
    ++told["claimed"];
    const auto current = leases_.find(lease.key);
    if (current != leases_.end() && current->second.until > now) wrong("claimed twice", lease.key);
    if (task.status != Status::kActive) wrong("claimed while not ACTIVE", lease.key);
    leases_[lease.key] = lease;
  }
  void released(const model::Lease& lease) override {
    ++told["released"];
    end(lease.key, lease.token, "released");
  }
  void committed(const TaskKey& key, const model::LeaseToken& token, const Task&) override {
    ++told["committed"];
    end(key, token, "committed");
    if (!logs_.contains(to_string(token))) wrong("committed before its log", key);
  }
  void logged(const Log& log) override {
    ++told["logged"];
    logs_.insert(log.id);
  }
  void edited(const Task& after) override {
    ++told["edited"];
    leases_.erase(after.key);
  }
  void removed(const TaskKey& key) override {
    ++told["removed"];
    leases_.erase(key);
  }
  void ended_early(const model::Lease& lease) override {
    ++told["ended early"];
    end(lease.key, lease.token, "taken over");
  }
  void leases_ended() override { FAIL(); }

  std::map<std::string, int> told;

 private:
  void end(const TaskKey& key, const model::LeaseToken& token, const char* how) {
    const auto current = leases_.find(key);
    if (current == leases_.end() || current->second.token != token) {
      return wrong(std::string(how) + " under another lease", key);
    }
    leases_.erase(current);
  }
  void wrong(const std::string& what, const TaskKey& key) {
    timeline_.violation(what + ": " + key.id);
  }

  Timeline& timeline_;
  std::map<TaskKey, model::Lease> leases_;
  std::set<std::string> logs_;
};

struct World {
  explicit World(std::uint64_t seed)
      : timeline(seed), observer(timeline), backend(timeline, faults, observer) {
    log::configure(log::Level::kError, log::Format::kText);  // of shares that change
  }
  void run(Duration time) {
    const Moment until = timeline.now() + time;
    while (timeline.step(until)) {
    }
  }
  TimePoint now() const { return clock.now(); }
  // As one process, to its end.
  template <typename Body>
  void as_process(const Body& body) {
    timeline.spawn(1, [&] {
      auto opened = backend.open(clock);
      ASSERT_TRUE(opened);
      body(**opened);
    });
    run(30min);
    ASSERT_EQ(timeline.alive(1), 0u);
  }

  Timeline timeline;
  StoreFaults faults;
  LeaseObserver observer;
  SimulatedClock clock{timeline};
  DynamoBackend backend;
};

model::TaskRecord record(const std::string& id, TimePoint at) {
  return testing::make_record("ns", id, at);
}

TEST(DynamoBackendTest, TellsTheObserverWhatBecameOfEachTask) {
  World w(1);
  w.as_process([&](store::Store& store) {
    const auto a = record("a", w.now());
    const auto b = record("b", w.now());
    auto large = record("large", w.now());
    large.task.request.body = Body::text(std::string(5'000, 'x'));
    ASSERT_TRUE(store.put(std::vector{a, b, large}).at(2));
    EXPECT_EQ(w.observer.told["put"], 3);
    w.timeline.sleep(5s);  // until the index shows them to other processes, and more
    const TimePoint now = w.now();
    auto claimed = store.claim_due({.now = now, .due_by = now, .limit = 10});
    ASSERT_TRUE(claimed);
    ASSERT_EQ(claimed->claims.size(), 3u);
    EXPECT_EQ(w.observer.told["claimed"], 3);
    ASSERT_TRUE(store.release(std::vector{claimed->claims[0].lease}));
    EXPECT_EQ(w.observer.told["released"], 1);
    ASSERT_TRUE(store.commit(std::vector{testing::retried(claimed->claims[1], now, now + 1h)})[0]);
    EXPECT_EQ(w.observer.told["committed"], 1);
    EXPECT_EQ(w.observer.told["logged"], 1);
    // The same once more is no news.
    EXPECT_EQ(store.commit(std::vector{testing::retried(claimed->claims[1], now, now + 1h)})[0],
              CommitOutcome::kApplied);
    EXPECT_EQ(w.observer.told["committed"], 1);
    EXPECT_EQ(w.observer.told["logged"], 1);
    const TaskKey edited = claimed->claims[0].lease.key;
    ASSERT_TRUE(store.change(std::vector{edited}, testing::suspend_edit, now)[0]);
    EXPECT_EQ(w.observer.told["edited"], 1);
    ASSERT_TRUE(store.remove(std::vector{edited}, now)[0]);
    EXPECT_EQ(w.observer.told["removed"], 1);
    EXPECT_EQ(w.observer.told["committed"], 1);
  });
  EXPECT_FALSE(w.timeline.violated()) << *w.timeline.violated();
}

TEST(DynamoBackendTest, IndexesShowWritesLater) {
  World w(2);
  int late = 0;
  w.as_process([&](store::Store& store) {
    for (int i = 0; i < 20; ++i) {
      const std::string id = std::to_string(i);
      ASSERT_TRUE(store.put(std::vector{record(id, w.now())})[0]);
      const auto query = store::TaskQuery{.ns = "ns", .limit = 100, .now = w.now()};
      const auto page = store.query_tasks(query);
      ASSERT_TRUE(page);
      if (page->items.size() < static_cast<std::size_t>(i + 1)) ++late;
      EXPECT_EQ(w.backend.inspect().query_tasks(query)->items.size(),
                static_cast<std::size_t>(i + 1));
    }
    w.timeline.sleep(5s);
    EXPECT_EQ(store.query_tasks({.ns = "ns", .limit = 100, .now = w.now()})->items.size(), 20u);
  });
  EXPECT_GT(late, 5);
}

TEST(DynamoBackendTest, ALostAnswerIsUnknownOrFoundOutByTheNextTry) {
  World w(3);
  int unknown = 0, created = 0;
  w.as_process([&](store::Store& store) {
    w.faults.lost_answer = 0.6;
    for (int i = 0; i < 60; ++i) {
      const auto result = store.put(std::vector{record(std::to_string(i), w.now())})[0];
      if (result) {
        EXPECT_TRUE(result->created);
        ++created;
      } else if (result.error().code == ErrorCode::kUnknownOutcome) {
        ++unknown;
      }
    }
  });
  EXPECT_GT(created, 10);
  EXPECT_GT(unknown, 5);
  // Some of the unknown ones are there, and some are not.
  EXPECT_GT(w.observer.told["put"], created);
  EXPECT_LT(w.observer.told["put"], created + unknown);
}

TEST(DynamoBackendTest, ACrashedProcessMayStillWriteLater) {
  World w(4);
  const auto late = [&] {
    return std::count_if(
        w.timeline.notes().begin(), w.timeline.notes().end(),
        [](const std::string& note) { return note.find(" late ") != std::string::npos; });
  };
  std::vector<Claim> claims;
  w.as_process([&](store::Store& store) {
    std::vector<model::TaskRecord> records;
    for (int i = 0; i < 20; ++i) records.push_back(record(std::to_string(i), w.now()));
    (void)store.put(records);
    auto claimed = store.claim_due({.now = w.now(), .due_by = w.now(), .limit = 20});
    ASSERT_TRUE(claimed);
    claims = std::move(claimed->claims);
  });
  ASSERT_EQ(claims.size(), 20u);
  w.faults.stalled = 0.01;
  for (const Claim& claim : claims) {
    w.timeline.spawn(1, [&] {
      auto store = w.backend.open(w.clock);
      (void)(*store)->release(std::vector{claim.lease});
    });
    w.run(Duration{1});
    w.timeline.crash(1);
    w.run(5min);
  }
  EXPECT_GT(late(), 3);
  EXPECT_GT(w.observer.told["released"], 3);
  EXPECT_LT(w.observer.told["released"], 17);
}

// A worker with attempts in flight, and another one that came later, shares its shards and attempts
// what it can.
class TwoWorkers {
 public:
  static constexpr std::size_t kInFlight = 12;
  static constexpr Owner kFirst = 1, kSecond = 2, kThird = 3;

  explicit TwoWorkers(std::uint64_t seed, store::Scope scope = store::Scope::kAssigned) : w(seed) {
    w.timeline.spawn(kFirst, [this, scope] { have_in_flight(scope); });
    w.run(Duration{10s} + w.timeline.dice().between(0us, 3s));
    EXPECT_EQ(claims.size(), kInFlight);
    w.timeline.spawn(kSecond, [this] { take_over(); });
    w.run(20s);
    EXPECT_TRUE(taken.empty()) << "its worker lives";
  }
  ~TwoWorkers() {
    EXPECT_FALSE(w.timeline.violated()) << *w.timeline.violated();
    w.timeline.crash(kFirst);
    w.timeline.crash(kSecond);
    w.timeline.crash(kThird);
  }
  TwoWorkers(const TwoWorkers&) = delete;

  // The outcomes that the first one is told from now on.
  void commit(Duration time) {
    commits_ = true;
    w.run(time);
  }
  // One more comes, and from now on the others claim from all shards, as a trigger does.
  void let_others_race() {
    others_claim_ = store::Scope::kAll;
    w.timeline.spawn(kThird, [this] { take_over(); });
  }
  void leave(Duration time) {
    leaves_ = true;
    w.run(time);
  }
  bool holds() const { return first_->holds(claims.at(0).lease); }
  std::size_t outcomes(CommitOutcome which) const {
    return static_cast<std::size_t>(std::count(outcomes_.begin(), outcomes_.end(), which));
  }

  World w;
  std::vector<Claim> claims;         // of the first
  std::multiset<std::string> taken;  // by the others

 private:
  void have_in_flight(store::Scope scope) {
    auto opened = w.backend.open(w.clock);
    first_ = opened->get();
    std::vector<model::TaskRecord> records;
    for (std::size_t i = 0; i < kInFlight; ++i) {
      records.push_back(record(std::to_string(i), w.now()));
    }
    for (const auto& put : first_->put(records)) ASSERT_TRUE(put);
    claims = claim(*first_, scope);
    while (!commits_ && !leaves_) w.timeline.sleep(100ms);
    if (leaves_) first_->resign();
    while (!commits_) w.timeline.sleep(100ms);
    std::vector<Commit> commits;
    for (const Claim& one : claims) commits.push_back(testing::done(one, w.now()));
    for (const auto& outcome : first_->commit(commits)) outcomes_.push_back(outcome.value());
    while (true) w.timeline.sleep(1s);
  }

  void take_over() {
    auto opened = w.backend.open(w.clock);
    while (true) {
      for (const auto scope : {store::Scope::kAssigned, others_claim_}) {
        // All at the same moments.
        w.timeline.sleep(500ms - w.timeline.now().time_since_epoch() % 500ms);
        for (const Claim& one : claim(**opened, scope)) taken.insert(one.lease.key.id);
      }
    }
  }

  std::vector<Claim> claim(store::Store& store, store::Scope scope) {
    auto claimed = store.claim_due({.now = w.now(),
                                    .due_by = w.now(),
                                    .limit = 100,
                                    .lease_for = w.backend.lease_for(),
                                    .scope = scope});
    EXPECT_TRUE(claimed);
    return claimed ? std::move(claimed->claims) : std::vector<Claim>();
  }

  store::Store* first_ = nullptr;
  bool commits_ = false;
  bool leaves_ = false;
  store::Scope others_claim_ = store::Scope::kAssigned;
  std::vector<CommitOutcome> outcomes_;
};

TEST(DynamoBackendTest, WhatACrashedWorkerHadInFlightIsTakenWithin15Seconds) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    TwoWorkers workers(seed);
    workers.w.timeline.crash(TwoWorkers::kFirst);
    workers.w.run(15s);
    EXPECT_EQ(workers.taken.size(), TwoWorkers::kInFlight) << "seed " << seed;
    EXPECT_EQ(workers.w.observer.told["ended early"], static_cast<int>(TwoWorkers::kInFlight));
  }
}

// Both are shown the token of the dead one; the first that claims under it ends it.
TEST(DynamoBackendTest, WhatTwoWorkersTakeOverAtOnceIsTakenOnce) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    TwoWorkers workers(seed);
    workers.let_others_race();
    workers.w.run(20s);
    EXPECT_TRUE(workers.taken.empty());
    workers.w.timeline.crash(TwoWorkers::kFirst);
    workers.w.run(15s);
    EXPECT_EQ(workers.taken.size(), TwoWorkers::kInFlight) << "seed " << seed;
  }
}

TEST(DynamoBackendTest, OutcomesOfAWorkerThatWasPausedForLongAreRefused) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    TwoWorkers workers(seed);
    EXPECT_TRUE(workers.holds());
    workers.w.timeline.freeze(TwoWorkers::kFirst, workers.w.timeline.now() + 20s);
    workers.w.run(15s);
    EXPECT_EQ(workers.taken.size(), TwoWorkers::kInFlight) << "seed " << seed;
    EXPECT_FALSE(workers.holds());
    workers.commit(10s);
    EXPECT_FALSE(workers.holds()) << "it shows that it lives, in another life";
    EXPECT_EQ(workers.outcomes(CommitOutcome::kLeaseLost), TwoWorkers::kInFlight);
    EXPECT_EQ(workers.w.observer.told["committed"], 0);
  }
}

TEST(DynamoBackendTest, WhatAWorkerThatWasPausedForShortHasInFlightStaysItsOwn) {
  TwoWorkers workers(1);
  workers.w.timeline.freeze(TwoWorkers::kFirst, workers.w.timeline.now() + 5s);
  workers.w.run(15s);
  EXPECT_TRUE(workers.taken.empty());
  EXPECT_TRUE(workers.holds());
  workers.commit(1s);
  EXPECT_EQ(workers.outcomes(CommitOutcome::kApplied), TwoWorkers::kInFlight);
}

// As at a stop: attempts go on when the shards are others' already.
TEST(DynamoBackendTest, WhatAWorkerThatLeftHasInFlightStaysItsOwn) {
  TwoWorkers workers(1);
  workers.leave(20s);
  EXPECT_TRUE(workers.taken.empty());
  EXPECT_FALSE(workers.holds()) << "it begins nothing any more";
  workers.commit(1s);
  EXPECT_EQ(workers.outcomes(CommitOutcome::kApplied), TwoWorkers::kInFlight);
}

TEST(DynamoBackendTest, WhatAWorkerHadInFlightThatIsKilledAfterItLeftIsTakenWithin15Seconds) {
  TwoWorkers workers(1);
  workers.leave(1s);
  workers.w.timeline.crash(TwoWorkers::kFirst);
  workers.w.run(15s);
  EXPECT_EQ(workers.taken.size(), TwoWorkers::kInFlight);
}

// As of a trigger from the command line, of which no worker knows.
TEST(DynamoBackendTest, LeasesOfNoWorkerLastUntilTheirEnd) {
  TwoWorkers workers(1, store::Scope::kAll);
  EXPECT_EQ(workers.claims.at(0).lease.life, Uuid{});
  workers.w.timeline.crash(TwoWorkers::kFirst);
  workers.w.run(20s);
  EXPECT_TRUE(workers.taken.empty());
  workers.w.run(30s);
  EXPECT_EQ(workers.taken.size(), TwoWorkers::kInFlight);
  EXPECT_EQ(workers.w.observer.told["ended early"], 0);
}

// Workers that claim, commit and crash, and a user, all by one seed.
class Traffic {
 public:
  explicit Traffic(std::uint64_t seed) : w_(seed) {
    Dice& dice = w_.timeline.dice();
    const auto often = [&](double most) {
      return dice.chance(0.3) ? 0 : most * dice.random().unit();
    };
    w_.faults = {.refused = often(0.3),
                 .lost_answer = often(0.3),
                 .partial = often(0.5),
                 .stalled = often(0.1)};
    for (Owner owner = 10; owner < 13; ++owner) start(owner);
    w_.timeline.spawn(1, [this] { use(); });
  }

  void run() {
    for (int i = 0; i < 10; ++i) {
      w_.run(Duration{10s} + w_.timeline.dice().between(0us, 5s));
      const Owner owner = 10 + static_cast<Owner>(w_.timeline.dice().below(3));
      w_.timeline.crash(owner);
      ++crashes;
      start(owner);
    }
    w_.faults = {};
    for (int i = 0; i < 60 && unfinished(); ++i) w_.run(10s);
    EXPECT_EQ(w_.timeline.alive(1), 0u);
    stopping_ = true;
    w_.run(1min);
    for (Owner owner = 10; owner < 13; ++owner) EXPECT_EQ(w_.timeline.alive(owner), 0u);
    check();
  }

  std::uint64_t fingerprint() const { return w_.timeline.fingerprint(); }
  int crashes = 0;
  std::size_t committed() { return static_cast<std::size_t>(w_.observer.told["committed"]); }

 private:
  void start(Owner owner) {
    w_.timeline.spawn(owner, [this] { work(); });
  }

  void work() {
    auto opened = w_.backend.open(w_.clock);
    store::Store& store = **opened;
    while (!stopping_) {
      const TimePoint now = w_.now();
      auto claimed = store.claim_due({.now = now,
                                      .due_by = now,
                                      .limit = 5,
                                      .lease_for = w_.backend.lease_for(),
                                      .scope = store::Scope::kAssigned});
      if (!claimed || claimed->claims.empty()) {
        w_.timeline.sleep(500ms);
        continue;
      }
      // Now and then longer than the lease is.
      Dice& dice = w_.timeline.dice();
      w_.timeline.sleep(dice.chance(0.1) ? dice.between(0us, 90s) : dice.between(0us, 1s));
      std::vector<Commit> commits;
      for (const Claim& claim : claimed->claims) {
        if (dice.chance(0.2)) {
          (void)store.release(std::vector{claim.lease});
        } else if (dice.chance(0.3)) {
          commits.push_back(testing::retried(claim, w_.now(), w_.now() + 3s));
        } else {
          commits.push_back(testing::done(claim, w_.now()));
        }
      }
      for (int tries = 0; !commits.empty() && tries < 10; ++tries) {
        const auto results = store.commit(commits);
        std::vector<Commit> again;
        for (std::size_t i = 0; i < commits.size(); ++i) {
          if (!results[i]) again.push_back(commits[i]);
        }
        commits = std::move(again);
      }
    }
    store.resign();
    store.finished();
  }

  void use() {
    auto opened = w_.backend.open(w_.clock);
    Dice& dice = w_.timeline.dice();
    for (int i = 0; i < 40; ++i) {
      w_.timeline.sleep(dice.between(0us, 2s));
      auto task = record("t" + std::to_string(i), w_.now() + 1s);
      if (dice.chance(0.2)) task.task.request.body = Body::text(std::string(2'000, 'x'));
      if ((*opened)->put(std::vector{task})[0]) acknowledged_.insert(task.task.key);
      const TaskKey other{"ns", "t" + std::to_string(dice.below(static_cast<std::size_t>(i + 1)))};
      if (dice.chance(0.2)) {
        acknowledged_.erase(other);
        (void)(*opened)->remove(std::vector{other}, w_.now());
      } else if (dice.chance(0.2)) {
        const auto edit = [](Task t) -> Result<Task> {
          if (t.status != Status::kActive) return fail(ErrorCode::kConflict, "not ACTIVE");
          t.request.url += "?edited";
          return t;
        };
        (void)(*opened)->change(std::vector{other}, edit, w_.now());
      }
    }
  }

  bool unfinished() {
    const auto page = w_.backend.inspect().query_tasks(
        {.ns = "ns", .status = Status::kActive, .limit = 1, .now = w_.now()});
    return w_.timeline.alive(1) > 0 || !page || !page->items.empty() || leased();
  }
  bool leased() {
    const auto page = w_.backend.inspect().query_tasks(
        {.ns = "ns", .status = Status::kProcessing, .limit = 1, .now = w_.now()});
    return !page || !page->items.empty();
  }

  void check() {
    EXPECT_FALSE(w_.timeline.violated()) << *w_.timeline.violated();
    const auto page = w_.backend.inspect().query_tasks({.ns = "ns", .limit = 100, .now = w_.now()});
    ASSERT_TRUE(page);
    for (const Task& task : page->items) {
      EXPECT_EQ(task.status, Status::kDone) << task.key.id;
      acknowledged_.erase(task.key);
    }
    EXPECT_TRUE(acknowledged_.empty()) << acknowledged_.begin()->id << " is lost";
  }

  World w_;
  bool stopping_ = false;
  std::set<TaskKey> acknowledged_;
};

TEST(DynamoBackendTest, TasksComeToTheirEndUnderFaultsAndCrashes) {
  testing::Soak soak("simulated dynamodb", 10);
  while (soak.more()) {
    Traffic traffic(soak.seed());
    traffic.run();
    soak.count().crashes += static_cast<std::uint64_t>(traffic.crashes);
    EXPECT_GT(traffic.committed(), 10u);
  }
}

TEST(DynamoBackendTest, TheSeedTellsAllThatHappens) {
  const auto fingerprint = [](std::uint64_t seed) {
    Traffic traffic(seed);
    traffic.run();
    return traffic.fingerprint();
  };
  const std::uint64_t first = fingerprint(7);
  EXPECT_EQ(fingerprint(7), first);
  EXPECT_NE(fingerprint(8), first);
}

}  // namespace
}  // namespace rhooks::simulator

#include "testing/simulator/rocks_backend.h"

#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <map>
#include <set>

#include "base/uuid.h"

namespace rhooks::simulator {
namespace {

using namespace store;

constexpr TimePoint kStart{std::chrono::days{21'915}};
constexpr TimePoint kEnd{std::chrono::days{30'000}};

// What the observer heard, also as notes of the timeline: so its fingerprint stands for it.
class NotedObserver final : public StoreObserver {
 public:
  explicit NotedObserver(Timeline& timeline) : timeline_(timeline) {}

  void put(const Task& task) override { set("put", task); }
  void claimed(const model::Lease& lease, const Task&, TimePoint) override {
    note("claimed", lease.key, to_string(lease.token));
  }
  void released(const model::Lease& lease) override { note("released", lease.key, ""); }
  void committed(const TaskKey&, const model::LeaseToken& token, const Task& after) override {
    set("committed " + to_string(token), after);
  }
  void logged(const Log& log) override {
    logs.insert(log.id);
    note("logged", log.task, log.id);
  }
  void edited(const Task& after) override { set("edited", after); }
  void removed(const TaskKey& key) override {
    tasks.erase(key);
    note("removed", key, "");
  }
  void leases_ended() override { timeline_.note("leases ended"); }

  std::map<TaskKey, Task> tasks;
  std::set<std::string> logs;

 private:
  void set(const std::string& how, const Task& task) {
    tasks[task.key] = task;
    note(how, task.key, to_string(task.status));
  }
  void note(const std::string& what, const TaskKey& key, const std::string& more) {
    timeline_.note(what + " " + key.ns + "/" + key.id + " " + more);
  }

  Timeline& timeline_;
};

// A process that does this and that with the store.
class User {
 public:
  User(Timeline& timeline, RocksBackend& backend, const Clock& clock)
      : timeline_(timeline), backend_(backend), clock_(clock) {}

  void live() {
    auto opened = backend_.open(clock_);
    if (!opened) return;
    const auto store = std::move(*opened);
    for (const std::size_t calls = dice().below(120); calls_ < calls; ++calls_) {
      call(*store);
      timeline_.sleep(dice().between(Duration{0}, Duration{3'000}));
    }
    calls_ = 0;
  }

 private:
  Dice& dice() { return timeline_.dice(); }
  TaskKey key() { return {dice().chance(0.5) ? "a" : "b", std::to_string(dice().below(30))}; }

  void call(Store& store) {
    const TimePoint now = clock_.now();
    const std::set<TaskKey> drawn{key(), key(), key()};
    const std::vector<TaskKey> keys(drawn.begin(), drawn.end());
    switch (dice().below(8)) {
      case 0:
        (void)store.remove(keys, now);
        break;
      case 1:
        if (dice().chance(0.1)) (void)store.clear("a", 2);
        break;
      case 2:
      case 3:
        (void)store.change(
            keys,
            [](Task task) -> Result<Task> {
              if (task.status == Status::kProcessing) {
                return fail(ErrorCode::kConflict, "it is leased");
              }
              task.status =
                  task.status == Status::kSuspended ? Status::kActive : Status::kSuspended;
              return task;
            },
            now);
        break;
      case 4:
      case 5:
        work(store, now);
        break;
      default:
        put(store, keys);
    }
  }

  void put(Store& store, const std::vector<TaskKey>& keys) {
    std::vector<TaskRecord> records(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      records[i].task.key = keys[i];
      records[i].task.request.url = "http://localhost/" + std::string(dice().below(600), 'x');
      records[i].task.scheduled_date = kStart;
    }
    (void)store.put(records);
  }

  void work(Store& store, TimePoint now) {
    const auto claimed = store.claim_due({.now = now, .due_by = now, .limit = 3});
    if (!claimed) return;
    std::vector<Commit> commits;
    for (const Claim& claim : claimed->claims) {
      Commit commit{claim.lease, claim.task, Log{}};
      commit.task.status = Status::kDone;
      commit.log->id = to_string(claim.lease.token);
      commit.log->task = claim.task.key;
      commit.log->started_at = now;
      commits.push_back(std::move(commit));
    }
    (void)store.commit(commits);
  }

  Timeline& timeline_;
  RocksBackend& backend_;
  const Clock& clock_;
  std::size_t calls_ = 0;
};

struct Outcome {
  std::uint64_t fingerprint = 0;
  std::uint64_t broken_off = 0;
};

Outcome simulate(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Timeline timeline(seed);
  StoreFaults faults{.refused = 0.05, .lost_answer = 0.05, .partial = 0.1, .stalled = 0.02};
  NotedObserver heard(timeline);
  const SimulatedClock clock(timeline);
  RocksBackend backend(timeline, faults, heard);
  for (int life = 0; life < 6; ++life) {
    User user(timeline, backend, clock);
    timeline.spawn(1, [&] { user.live(); });
    if (timeline.dice().chance(0.8)) {
      const Moment until = timeline.now() + timeline.dice().between(Duration{0}, Duration{500'000});
      while (timeline.step(until)) {
      }
    } else {
      while (timeline.alive(1) > 0) timeline.step(timeline.now() + std::chrono::hours{1});
    }
    timeline.crash(1);
    if (timeline.dice().chance(0.5)) backend.lose_power();
  }
  // At last what it holds is compared with what was told.
  faults = {};
  timeline.spawn(1, [&] {
    auto store = backend.open(clock);
    if (!store) return;
    for (const std::string ns : {"a", "b"}) {
      TaskQuery query;
      query.ns = ns;
      query.id_prefix = "";
      query.now = kEnd;
      const auto page = backend.inspect().query_tasks(query);
      if (!page) {
        ADD_FAILURE() << page.error().message;
        continue;
      }
      for (const Task& task : page->items) {
        EXPECT_EQ(heard.tasks.at(task.key), task) << task.key.id;
        heard.tasks.erase(task.key);
      }
    }
    EXPECT_TRUE(heard.tasks.empty());
  });
  while (timeline.step(timeline.now() + std::chrono::hours{1})) {
  }
  EXPECT_EQ(timeline.violated(), std::nullopt) << timeline.violated().value_or("");
  return {timeline.fingerprint(), backend.broken_off()};
}

TEST(RocksBackendTest, ASeedTellsAllThatHappens) {
  std::uint64_t broken_off = 0;
  std::set<std::uint64_t> fingerprints;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const Outcome first = simulate(seed);
    const Outcome again = simulate(seed);
    EXPECT_EQ(first.fingerprint, again.fingerprint) << "seed " << seed;
    fingerprints.insert(first.fingerprint);
    broken_off += first.broken_off;
    if (HasFailure()) break;
  }
  EXPECT_EQ(fingerprints.size(), 8u);
  EXPECT_GT(broken_off, 3u);
}

// Whether a commit that a crash broke off had come to be.
bool commit_survives(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Timeline timeline(seed);
  const StoreFaults faults;
  NotedObserver heard(timeline);
  const SimulatedClock clock(timeline);
  RocksBackend backend(timeline, faults, heard);
  const TaskKey key{"a", "1"};
  bool commits = false;
  timeline.spawn(1, [&] {
    const auto store = backend.open(clock).value();
    std::vector<TaskRecord> records(1);
    records[0].task.key = key;
    records[0].task.request.url = "http://localhost/";
    records[0].task.scheduled_date = kStart;
    ASSERT_TRUE(store->put(records).at(0));
    const TimePoint now = clock.now();
    const auto claimed = store->claim_due({.now = now, .due_by = now, .limit = 1}).value();
    const Claim& claim = claimed.claims.at(0);
    Commit commit{claim.lease, claim.task, Log{}};
    commit.task.status = Status::kDone;
    commit.task.expires_at = kEnd;
    commit.log->id = "log";
    commit.log->task = key;
    commit.log->started_at = now;
    commits = true;
    (void)store->commit({&commit, 1});
    timeline.sleep(std::chrono::hours{1});
  });
  while (!commits && timeline.step(timeline.now() + std::chrono::hours{1})) {
  }
  timeline.crash(1);
  timeline.spawn(2, [&] { EXPECT_TRUE(backend.open(clock)); });
  while (timeline.step(timeline.now() + std::chrono::hours{1})) {
  }
  EXPECT_EQ(timeline.violated(), std::nullopt) << timeline.violated().value_or("");
  const auto task = heard.tasks.find(key);
  return task != heard.tasks.end() && task->second.status == Status::kDone;
}

TEST(RocksBackendTest, ATaskThatEndsAndExpiresIsSeenAfterACrash) {
  int survived = 0;
  for (std::uint64_t seed = 1; seed <= 20 && !HasFailure(); ++seed) {
    survived += commit_survives(seed) ? 1 : 0;
  }
  EXPECT_GT(survived, 0);
  EXPECT_LT(survived, 20);
}

TEST(RocksBackendTest, OneProcessAtATimeHasItOpen) {
  Timeline timeline(1);
  const StoreFaults faults;
  NotedObserver heard(timeline);
  const SimulatedClock clock(timeline);
  RocksBackend backend(timeline, faults, heard);
  timeline.spawn(1, [&] {
    auto store = backend.open(clock);
    EXPECT_TRUE(store);
    timeline.sleep(std::chrono::seconds{5});
  });
  timeline.spawn(2, [&] {
    timeline.sleep(std::chrono::seconds{1});
    const auto second = backend.open(clock);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
    timeline.sleep(std::chrono::seconds{5});
    EXPECT_TRUE(backend.open(clock));
  });
  while (timeline.step(timeline.now() + std::chrono::hours{1})) {
  }
  EXPECT_EQ(timeline.violated(), std::nullopt);
}

// Simulations open it thousands of times.
TEST(RocksBackendTest, ItOpensQuickly) {
  Timeline timeline(1);
  const StoreFaults faults;
  NotedObserver heard(timeline);
  const SimulatedClock clock(timeline);
  RocksBackend backend(timeline, faults, heard);
  constexpr int kOpenings = 20;
  const auto began = std::chrono::steady_clock::now();
  timeline.spawn(1, [&] {
    for (int i = 0; i < kOpenings; ++i) {
      auto store = backend.open(clock);
      ASSERT_TRUE(store);
      TaskRecord record;
      record.task.key = {"ns", std::to_string(i)};
      EXPECT_TRUE((*store)->put(std::span(&record, 1)).at(0));
    }
  });
  while (timeline.step(timeline.now() + std::chrono::hours{1})) {
  }
  const auto took = std::chrono::steady_clock::now() - began;
  std::cout << "an opening takes "
            << std::chrono::duration_cast<std::chrono::microseconds>(took).count() / kOpenings
            << " us\n";
}

}  // namespace
}  // namespace rhooks::simulator

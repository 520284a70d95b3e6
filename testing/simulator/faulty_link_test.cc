#include "testing/simulator/faulty_link.h"

#include <gtest/gtest.h>

#include <map>

#include "store/memory/memory_store.h"

namespace rhooks::simulator {
namespace {

using namespace store;

constexpr TimePoint kT0{std::chrono::days{21'915}};

TaskRecord record(const std::string& id) {
  TaskRecord record;
  record.task.key = {"ns", id};
  record.task.request.url = "http://localhost/";
  record.task.scheduled_date = kT0;
  return record;
}

Commit done(const Claim& claim) {
  Commit commit{claim.lease, claim.task, Log{}};
  commit.task.status = Status::kDone;
  commit.log->id = "log-" + claim.task.key.id;
  commit.log->task = claim.task.key;
  commit.log->started_at = kT0;
  return commit;
}

// The store as the observer heard of it.
class Heard final : public StoreObserver {
 public:
  void put(const Task& task) override { tasks.emplace(task.key, task); }
  void claimed(const model::Lease& lease, const Task&, TimePoint) override {
    leases[lease.key] = lease.token;
  }
  void released(const model::Lease& lease) override { leases.erase(lease.key); }
  void committed(const TaskKey& key, const model::LeaseToken& token, const Task& after) override {
    EXPECT_EQ(leases[key], token);
    EXPECT_TRUE(logs.contains("log-" + key.id)) << "the log is told first";
    tasks[key] = after;
    ++commits;
  }
  void logged(const Log& log) override { logs.insert(log.id); }
  void edited(const Task& after) override { tasks[after.key] = after; }
  void removed(const TaskKey& key) override { tasks.erase(key); }
  void leases_ended() override { leases.clear(); }

  std::map<TaskKey, Task> tasks;
  std::map<TaskKey, model::LeaseToken> leases;
  std::set<std::string> logs;
  int commits = 0;
};

class FaultyLinkTest : public ::testing::Test {
 protected:
  // As a process.
  void run(const std::function<void()>& body) {
    timeline_.spawn(1, body);
    while (timeline_.step(timeline_.now() + std::chrono::hours{1})) {
    }
  }
  std::vector<Result<PutResult>> put(const std::vector<std::string>& names) {
    std::vector<TaskRecord> records;
    for (const std::string& id : names) records.push_back(record(id));
    return link_.put(records);
  }
  bool stored(const std::string& id) { return inner_.get({"ns", id}, kT0).has_value(); }

  Timeline timeline_{7};
  MemoryStore inner_{7};
  StoreFaults faults_;
  Heard heard_;
  FaultyLink link_{inner_, timeline_, faults_, heard_};
};

TEST_F(FaultyLinkTest, CallsTakeTimeAndAreTold) {
  run([&] {
    ASSERT_TRUE(put({"a", "b"}).at(1));
    const auto claimed = link_.claim_due({.now = kT0, .due_by = kT0, .limit = 9});
    ASSERT_TRUE(claimed);
    ASSERT_EQ(claimed->claims.size(), 2u);
    EXPECT_EQ(heard_.leases.size(), 2u);
    const Commit commit = done(claimed->claims[0]);
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(*link_.commit(std::span(&commit, 1)).at(0), CommitOutcome::kApplied);
    }
    EXPECT_EQ(heard_.commits, 1);
    ASSERT_TRUE(link_.release(std::vector{claimed->claims[1].lease}));
    EXPECT_EQ(heard_.leases.size(), 1u);
    EXPECT_TRUE(link_.next_due(kT0, Scope::kAll));
  });
  EXPECT_GT(timeline_.steps(), 10u);
}

TEST_F(FaultyLinkTest, WhatIsRefusedIsNotApplied) {
  faults_.refused = 1;
  run([&] {
    EXPECT_EQ(put({"a"}).at(0).error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(link_.get({"ns", "a"}, kT0).error().code, ErrorCode::kUnavailable);
  });
  EXPECT_FALSE(stored("a"));
  EXPECT_TRUE(heard_.tasks.empty());

  FaultyLink local(inner_, timeline_, faults_, heard_, {.local = true});
  run([&] {
    EXPECT_FALSE(local.claim_due({.now = kT0, .due_by = kT0, .limit = 1}));
    EXPECT_TRUE(local.release({}));
  });
}

TEST_F(FaultyLinkTest, ALostAnswerIsOfWhatWasApplied) {
  faults_.lost_answer = 1;
  run([&] {
    EXPECT_EQ(put({"a", "b"}).at(0).error().code, ErrorCode::kUnknownOutcome);
    EXPECT_EQ(link_.get({"ns", "a"}, kT0).error().code, ErrorCode::kUnavailable);
    const ClaimRequest request{.now = kT0, .due_by = kT0, .limit = 1};
    EXPECT_EQ(link_.claim_due(request).error().code, ErrorCode::kUnknownOutcome);
    EXPECT_EQ(heard_.leases.size(), 1u);
  });
  EXPECT_TRUE(stored("a"));
  EXPECT_EQ(heard_.tasks.size(), 2u);

  FaultyLink local(inner_, timeline_, faults_, heard_, {.local = true});
  run([&] { EXPECT_TRUE(local.claim_due({.now = kT0, .due_by = kT0, .limit = 1})); });
}

TEST_F(FaultyLinkTest, OfAPartialBatchEachItemIsAnsweredTruly) {
  faults_.partial = 1;
  std::map<std::string, int> seen;
  run([&] {
    for (int round = 0; round < 50; ++round) {
      std::vector<std::string> names;
      for (int i = 0; i < 8; ++i) names.push_back(std::to_string(round * 8 + i));
      const auto results = put(names);
      for (std::size_t i = 0; i < names.size(); ++i) {
        const bool there = stored(names[i]);
        if (results[i]) {
          EXPECT_TRUE(there && results[i]->created);
          ++seen["applied"];
        } else if (results[i].error().code == ErrorCode::kUnavailable) {
          EXPECT_FALSE(there);
          ++seen["refused"];
        } else {
          EXPECT_EQ(results[i].error().code, ErrorCode::kUnknownOutcome);
          ++seen[there ? "unknown, applied" : "unknown, not applied"];
        }
        EXPECT_EQ(heard_.tasks.contains({"ns", names[i]}), there);
      }
    }
  });
  EXPECT_EQ(seen.size(), 4u);
}

// Two portions of one batch, and another process in between.
TEST_F(FaultyLinkTest, OthersActInTheMiddleOfABatch) {
  bool met = false;
  for (int round = 0; round < 200 && !met; ++round) {
    const std::string id = std::to_string(round);
    faults_.partial = 1;
    bool ended = false;
    timeline_.spawn(1, [&, id] {
      (void)put({id + "a", id + "b", id + "c", id + "d"});
      ended = true;
    });
    std::size_t before = heard_.tasks.size();
    int portions = 0;
    while (!ended && timeline_.step(timeline_.now() + std::chrono::hours{1})) {
      if (heard_.tasks.size() > before) ++portions;
      before = heard_.tasks.size();
    }
    met = portions == 2;
  }
  EXPECT_TRUE(met);
}

TEST_F(FaultyLinkTest, ACrashEndsTheCallWhereItWaits) {
  int interrupted = 0;
  {
    FaultyLink link(inner_, timeline_, faults_, heard_,
                    {.interrupted = [&](const Interrupted& call) {
                      ++interrupted;
                      EXPECT_EQ(call.keys, (std::vector<TaskKey>{{"ns", "a"}}));
                      call.apply(inner_);
                    }});
    bool went_on = false;
    timeline_.spawn(1, [&] {
      struct OnUnwind {
        FaultyLink& link;
        ~OnUnwind() { EXPECT_FALSE(link.get({"ns", "a"}, kT0)) << "at once"; }
      } on_unwind{link};
      const auto a = record("a");
      (void)link.put(std::span(&a, 1));
      went_on = true;
    });
    timeline_.step(timeline_.now());
    EXPECT_FALSE(stored("a"));
    timeline_.crash(1);
    EXPECT_FALSE(went_on);
    EXPECT_EQ(timeline_.alive(1), 0u);
  }
  EXPECT_EQ(interrupted, 1);
  EXPECT_TRUE(stored("a"));
  EXPECT_TRUE(heard_.tasks.empty());
}

TEST_F(FaultyLinkTest, WhatAClearDeletesIsTold) {
  run([&] {
    (void)put({"a", "b", "c"});
    EXPECT_EQ(*link_.clear("ns", 2), 2u);
    EXPECT_EQ(heard_.tasks.size(), 1u);
    EXPECT_TRUE(stored(heard_.tasks.begin()->first.id));
  });
}

TEST_F(FaultyLinkTest, OutsideOfAProcessACallFailsAtOnce) {
  EXPECT_EQ(put({"a"}).at(0).error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(link_.check());
  EXPECT_FALSE(stored("a"));
}

}  // namespace
}  // namespace rhooks::simulator

// The contract under many threads.

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "testing/patience.h"
#include "testing/store_contract.h"

namespace rhooks::testing {

using namespace store;
using std::chrono::milliseconds;
using std::chrono::seconds;

void link_store_contract_races() {}

namespace {

// Runs `work(i)` on `count` threads at once and waits for all.
void in_parallel(int count, const std::function<void(int)>& work) {
  std::atomic<int> waiting{count};
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      for (--waiting; waiting > 0;) std::this_thread::yield();
      work(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

TEST_P(StoreRacesTest, ConcurrentClaimsNeverHandATaskOutTwice) {
  const int tasks = subject().remote() ? 75 : 400;
  for (int i = 0; i < tasks; ++i) put("ns", std::to_string(i), kT0 + milliseconds{i % 7});
  std::mutex mutex;
  std::multiset<std::string> claimed;
  in_parallel(4, [&](int) {
    for (;;) {
      const auto result = store().claim_due({.now = kT0 + seconds{1},
                                             .due_by = kT0 + seconds{1},
                                             .limit = 7,
                                             .lease_for = seconds{60}});
      ASSERT_TRUE(result) << result.error().message;
      if (result->claims.empty() && !result->more) return;
      std::lock_guard lock(mutex);
      for (const Claim& c : result->claims) claimed.insert(c.lease.key.id);
    }
  });
  EXPECT_EQ(claimed.size(), static_cast<std::size_t>(tasks));
  for (int i = 0; i < tasks; ++i) EXPECT_EQ(claimed.count(std::to_string(i)), 1u);
}

TEST_P(StoreRacesTest, ConcurrentPutsOfOneKeyCreateItOnce) {
  for (int round = 0; round < (subject().remote() ? 5 : 20); ++round) {
    std::atomic<int> created{0};
    in_parallel(4, [&](int i) {
      std::vector<model::TaskRecord> batch;
      for (int k = 0; k < 5; ++k) {
        // Each thread names the keys in another order, so that locks could dead-lock.
        batch.push_back(
            make_record("ns" + std::to_string(round), std::to_string((k * (i + 1) + i) % 5), kT0));
        batch.back().fingerprint = {static_cast<std::uint8_t>(i)};
      }
      for (const auto& result : store().put(batch)) {
        ASSERT_TRUE(result) << result.error().message;
        if (result->created) ++created;
      }
    });
    EXPECT_EQ(created, 5);
  }
}

TEST_P(StoreRacesTest, AfterAnAcknowledgedSuspendNoClaimHandsTheTaskOut) {
  const int tasks = subject().remote() ? 60 : 150;
  std::vector<std::atomic<bool>> suspended(static_cast<std::size_t>(tasks));
  for (int i = 0; i < tasks; ++i) put("ns", std::to_string(i));
  std::atomic<int> claimed{0};
  std::atomic<int> refused{0};
  std::atomic<int> suspending{2};
  // Neither side runs through while the other has not begun: each half of the suspends waits
  // for a claim that was made after the half before it.
  const auto await_claims = [&](int more_than) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (claimed <= more_than && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    EXPECT_GT(claimed, more_than) << "nothing was claimed while tasks were suspended";
  };
  in_parallel(4, [&](int thread) {
    if (thread < 2) {
      await_claims(0);
      for (int i = thread; i < tasks; i += 2) {
        if (i / 2 == tasks / 4) await_claims(claimed);
        const auto result = change({"ns", std::to_string(i)}, suspend_edit, kT0);
        if (result) {
          suspended[static_cast<std::size_t>(i)] = true;
        } else {
          ASSERT_EQ(result.error().code, ErrorCode::kConflict);
          ++refused;
        }
      }
      --suspending;
      return;
    }
    // Claims and gives back, so that every task is claimed again and again.
    while (suspending > 0) {
      std::vector<bool> before(suspended.begin(), suspended.end());
      const auto result =
          store().claim_due({.now = kT0, .due_by = kT0, .limit = 9, .lease_for = seconds{60}});
      ASSERT_TRUE(result);
      std::vector<Lease> leases;
      for (const Claim& c : result->claims) {
        EXPECT_FALSE(before[static_cast<std::size_t>(std::stoi(c.lease.key.id))])
            << "claimed after suspend was acknowledged: " << c.lease.key.id;
        EXPECT_EQ(c.task.status, Status::kActive);
        leases.push_back(c.lease);
        ++claimed;
      }
      // While a lease is held nobody suspends its task, not even one who had begun before.
      for (const Lease& lease : leases) {
        const auto held = store().get(lease.key, kT0);
        ASSERT_TRUE(held);
        EXPECT_EQ(held->status, Status::kProcessing) << lease.key.id;
      }
      ASSERT_TRUE(store().release(leases));
    }
  });
  // Every task is either suspended or still due: none was lost on the way.
  EXPECT_GT(claimed, 0);
  EXPECT_LT(refused, tasks);
  int left = 0;
  for (const auto& flag : suspended) left += flag ? 0 : 1;
  EXPECT_EQ(left, refused);
  EXPECT_EQ(claim(kT0, 1000).size(), static_cast<std::size_t>(left));
}

TEST_P(StoreRacesTest, AClearThatAnswersZeroLeftNothingThoughAnotherClearsToo) {
  const std::size_t tasks = subject().remote() ? 250 : 5'000;
  constexpr std::size_t kBatch = 250;
  std::vector<model::TaskRecord> batch;
  for (std::size_t i = 0; i < tasks; ++i) {
    batch.push_back(make_record("ns", std::to_string(10'000 + i), kT0));
    if (batch.size() < kBatch) continue;
    for (const auto& result : store().put(batch)) ASSERT_TRUE(result) << result.error().message;
    batch.clear();
  }
  TaskQuery query;
  query.ns = "ns";
  query.now = kT0;
  std::atomic<std::size_t> removed{0};
  in_parallel(2, [&](int) {
    for (std::size_t calls = 0;; ++calls) {
      ASSERT_LE(calls, tasks);
      const auto count = store().clear("ns", 100);
      ASSERT_TRUE(count) << count.error().message;
      removed += *count;
      if (*count > 0) continue;
      EXPECT_EQ(all_tasks(store(), query).size(), 0u);
      return;
    }
  });
  EXPECT_EQ(removed, tasks);
}

TEST_P(StoreRacesTest, WorkersDrainEverythingWhileTasksAreRegisteredAndDeleted) {
  const int tasks = subject().remote() ? 80 : 300;
  std::mutex mutex;
  std::map<std::string, int> applied;
  std::set<std::string> removed;
  std::atomic<int> producers{2};
  in_parallel(4, [&](int thread) {
    if (thread < 2) {
      for (int i = thread; i < tasks; i += 2) {
        put("ns", std::to_string(i), kT0 + milliseconds{(i * 37) % 100});
        if (i % 10 == 0 && remove({"ns", std::to_string(i)})) {
          std::lock_guard lock(mutex);
          removed.insert(std::to_string(i));
        }
      }
      --producers;
      return;
    }
    for (;;) {
      const bool last = producers == 0;
      const auto result = store().claim_due({.now = kT0 + seconds{1},
                                             .due_by = kT0 + seconds{1},
                                             .limit = 16,
                                             .lease_for = seconds{60}});
      ASSERT_TRUE(result);
      if (result->claims.empty() && !result->more && last) return;
      std::vector<Commit> commits;
      for (const Claim& c : result->claims) commits.push_back(done(c, kT0 + seconds{1}));
      const auto results = store().commit(commits);
      for (std::size_t i = 0; i < commits.size(); ++i) {
        ASSERT_TRUE(results[i]);
        std::lock_guard lock(mutex);
        if (*results[i] == CommitOutcome::kApplied) ++applied[commits[i].lease.key.id];
      }
    }
  });
  for (int i = 0; i < tasks; ++i) {
    const std::string id = std::to_string(i);
    EXPECT_LE(applied[id], 1) << id;
    EXPECT_TRUE(applied[id] == 1 || removed.contains(id)) << id;
  }
  EXPECT_EQ(*store().next_due(kT0 + seconds{1}), std::nullopt);
}

TEST_P(StoreRacesTest, OneOfThoseWhoWriteADocumentReplacesEachRevision) {
  const Document counter{{"counter", "ns", "name"}, "0", {}};
  const int each = subject().remote() ? 8 : 40;
  ASSERT_TRUE(store().put_document(counter, Nothing{}, kT0));
  std::mutex mutex;
  std::set<Revision> replaced;
  std::atomic<int> written{0};
  in_parallel(4, [&](int thread) {
    for (int i = 0; i < each; ++i) {
      auto read = store().get_document(counter.key);
      ASSERT_TRUE(read) << read.error().message;
      read->data = std::to_string(std::stoi(read->data) + 1);
      const auto put = store().put_document(*read, read->revision, kT0);
      if (!put) {
        ASSERT_EQ(put.error().code, ErrorCode::kConflict) << put.error().message;
        continue;
      }
      ++written;
      std::lock_guard lock(mutex);
      EXPECT_TRUE(replaced.insert(read->revision).second) << "by thread " << thread;
    }
  });
  EXPECT_GT(written, 0);
  EXPECT_EQ(store().get_document(counter.key)->data, std::to_string(written));
}

TEST_P(StoreRacesTest, OneOfThoseWhoMakeOrRemoveADocumentDoes) {
  const Document made{{"kind", "ns", "name"}, "data", {}};
  for (int round = 0; round < (subject().remote() ? 3 : 20); ++round) {
    std::atomic<int> created{0};
    in_parallel(4, [&](int) {
      const auto put = store().put_document(made, Nothing{}, kT0);
      if (put) ++created;
      if (!put) {
        EXPECT_EQ(put.error().code, ErrorCode::kConflict) << put.error().message;
      }
    });
    EXPECT_EQ(created, 1);
    std::atomic<int> removed{0};
    in_parallel(4, [&](int) {
      const auto gone = store().remove_document(made.key, {});
      if (gone) ++removed;
      if (!gone) {
        EXPECT_EQ(gone.error().code, ErrorCode::kNotFound) << gone.error().message;
      }
    });
    EXPECT_EQ(removed, 1);
  }
}

}  // namespace rhooks::testing

// Where there is no memory for a part of a claim, nothing is forgotten.
#include "testing/no_memory.h"

#include <gtest/gtest.h>

#include "store/dynamo/test_tables.h"
#include "store/rocks/test_raw.h"
#include "testing/store_contract.h"
#include "testing/temp_dir.h"

namespace rhooks::testing {
namespace {

using namespace store;

TEST(RocksNoMemoryTest, WhatHasExpiredIsDeletedByALaterClaim) {
  constexpr int kTasks = 1'000;
  const TimePoint end = kT0 + std::chrono::seconds{10};
  TempDir dir;
  const std::string path = dir.sub("store");
  auto store = open_ok(path);
  std::vector<model::TaskRecord> records;
  for (int i = 0; i < kTasks; ++i) records.push_back(make_record("ns", std::to_string(i), kT0));
  for (const auto& result : store->put(records)) ASSERT_TRUE(result);
  const auto claimed = store->claim_due({.now = kT0, .due_by = kT0, .limit = kTasks});
  ASSERT_TRUE(claimed);
  ASSERT_EQ(claimed->claims.size(), std::size_t{kTasks});
  std::vector<Commit> commits;
  for (const Claim& one : claimed->claims) {
    commits.push_back(done(one, kT0));
    commits.back().task.expires_at = end;
  }
  for (const auto& result : store->commit(commits)) ASSERT_TRUE(result);

  {
    // Less than the list of so many tasks takes.
    const NoMemory none(20'000);
    const auto none_claimed = store->claim_due({.now = end, .due_by = end, .limit = 1});
    ASSERT_FALSE(none_claimed);
    EXPECT_EQ(none_claimed.error().code, ErrorCode::kUnknownOutcome);
  }
  const TimePoint later = end + std::chrono::seconds{10};
  EXPECT_TRUE(store->claim_due({.now = later, .due_by = later, .limit = 1}));
  store.reset();
  Raw raw(path);
  for (const char* family : {"tasks", "specs", "due", "ends", "by_date"}) {
    EXPECT_TRUE(raw.all(family).empty()) << family;
  }
}

TEST(RocksNoMemoryTest, WhatWaitsAndWhatWasClaimedIsClaimedLater) {
  constexpr std::size_t kTasks = 100;
  TempDir dir;
  auto store = open_ok(dir.sub("store"));
  std::vector<model::TaskRecord> records{make_record("waits", "id", kT0)};
  for (std::size_t i = 0; i < kTasks; ++i) {
    records.push_back(make_record("ns", std::to_string(i), kT0 + std::chrono::milliseconds{1}));
  }
  for (const auto& result : store->put(records)) ASSERT_TRUE(result);
  CountingGate gate;
  gate.allow_of("waits", 0);
  const TimePoint now = kT0 + std::chrono::seconds{1};
  const ClaimRequest request{.now = now, .due_by = now, .limit = 2 * kTasks, .gate = &gate};
  {
    // Less than the list of so many leases takes.
    const NoMemory none(10'000);
    EXPECT_FALSE(store->claim_due(request));
  }
  gate.handed_out({});
  const auto claimed = store->claim_due(request);
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->claims.size(), kTasks);
  EXPECT_TRUE(claimed->waits);
  gate.allow_all();
  gate.open_all();
  EXPECT_EQ(store->claim_due(request)->claims.size(), 1U);
}

TEST(DynamoNoMemoryTest, WhatWasPickedForAClaimIsClaimedLater) {
  constexpr std::size_t kTasks = 60;
  TestTables tables(dynalite_endpoint(), 1);
  auto store = tables.open();
  std::vector<model::TaskRecord> records;
  for (std::size_t i = 0; i < kTasks; ++i) {
    records.push_back(make_record("ns", std::to_string(i), kT0));
  }
  for (const auto& result : store->put(records)) ASSERT_TRUE(result);
  ClaimRequest request{.now = kT0,
                       .due_by = kT0,
                       .limit = kTasks,
                       .lease_for = std::chrono::seconds{1},
                       .scope = Scope::kAll};
  std::size_t failed = 0;
  for (std::size_t from = 1'000; from < 40'000; from += from / 4) {
    const NoMemory none(from);
    if (!store->claim_due(request)) ++failed;
    request.now += std::chrono::seconds{1};  // leases of it are over
  }
  EXPECT_GT(failed, 5U);
  const auto claimed = store->claim_due(request);
  ASSERT_TRUE(claimed) << claimed.error().message;
  EXPECT_EQ(claimed->claims.size(), kTasks);
}

}  // namespace
}  // namespace rhooks::testing

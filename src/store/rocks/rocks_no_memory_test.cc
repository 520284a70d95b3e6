// Where there is no memory for a part of a claim, nothing is forgotten.
#include <gtest/gtest.h>

#include "store/rocks/test_raw.h"
#include "testing/no_memory.h"
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

}  // namespace
}  // namespace rhooks::testing

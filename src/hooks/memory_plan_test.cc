#include "hooks/memory_plan.h"

#include <gtest/gtest.h>

namespace rhooks {
namespace {

constexpr std::size_t kMiB = 1u << 20;

std::size_t sum_of(const MemoryPlan& plan) {
  return plan.attempts + plan.requests + plan.responses +
         plan.connections * MemoryPlan::kConnectionBytes + plan.store.write_buffer_bytes +
         plan.store.cache_bytes + plan.store.claim_bytes;
}

TEST(MemoryPlanTest, OfTheDefaultIsWhatTheDocumentsSay) {
  const MemoryPlan plan(Options{}.memory_max);
  EXPECT_EQ(plan.attempts, 512 * kMiB);
  EXPECT_EQ(plan.requests, 256 * kMiB);
  EXPECT_EQ(plan.responses, 256 * kMiB);
  EXPECT_EQ(plan.batch_body, 16 * kMiB);
  EXPECT_GE(plan.connections, 10'000u);
  EXPECT_EQ(plan.tls_connections, 2'184u);
  EXPECT_EQ(plan.store.page_bytes, 8 * kMiB);
  EXPECT_EQ(plan.store.claim_bytes, 16 * kMiB);
  EXPECT_EQ(plan.store.write_buffer_bytes, 64 * kMiB);
  EXPECT_EQ(plan.store.cache_bytes, 64 * kMiB);
}

TEST(MemoryPlanTest, FollowsTheLimit) {
  for (const std::size_t max : {256 * kMiB, 512 * kMiB, 1'024 * kMiB, 64 * 1'024 * kMiB}) {
    const MemoryPlan plan(max);
    EXPECT_LE(sum_of(plan), max);
    EXPECT_GE(plan.connections, 1'000u);
    EXPECT_GE(plan.tls_connections, 250u);
    EXPECT_LE(plan.tls_connections * MemoryPlan::kTlsConnectionBytes, max / 8);
    EXPECT_GE(plan.batch_body, 4 * kMiB);
    EXPECT_GE(plan.store.page_bytes, 2 * kMiB);
    // A batch fits into what one address may send.
    EXPECT_LE(plan.batch_body, plan.requests / 2);
  }
  EXPECT_EQ(MemoryPlan(512 * kMiB).requests, 64 * kMiB);
}

}  // namespace
}  // namespace rhooks

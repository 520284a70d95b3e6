#include "cli/metrics_text.h"

#include <gtest/gtest.h>

#include "observe/metrics.h"

namespace rhooks::cli {
namespace {

TEST(MetricsTextTest, ReadsWhatTheServerExposes) {
  Metrics metrics;
  using std::chrono::microseconds;
  for (int i = 0; i < 7; ++i) {
    metrics.attempt(Metrics::Attempt::kSuccess, microseconds{1}, microseconds{1});
  }
  metrics.attempt(Metrics::Attempt::kHttpStatus, microseconds{1}, microseconds{1});
  metrics.attempt(Metrics::Attempt::kNoResponse, microseconds{1}, microseconds{1});
  metrics.attempt(Metrics::Attempt::kCancelled, microseconds{1}, microseconds{1});
  const auto read = attempts_in(metrics.expose());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->processed, 9);
  EXPECT_EQ(read->errors, 2);
}

TEST(MetricsTextTest, NothingThere) {
  EXPECT_FALSE(attempts_in(""));
  EXPECT_FALSE(attempts_in("# HELP x\nother_total 5\n"));
  EXPECT_FALSE(attempts_in("rhooks_attempts_total{result=\"success\""));
}

}  // namespace
}  // namespace rhooks::cli

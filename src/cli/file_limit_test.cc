#include "cli/file_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace rhooks::cli {
namespace {

TEST(FileLimitTest, TheSoftLimitIsRaisedToTheHardOne) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_GT(before.rlim_max, 256u);
  const rlimit low{256, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_file_limit(), before.rlim_max);
  rlimit after{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(FileLimitTest, EveryAttemptCounts) {
  EXPECT_GT(files_needed(10'000), files_needed(25));
  EXPECT_GT(files_needed(25), 25u);
}

TEST(FileLimitTest, ClientsLeaveFilesToTheStoreAndTheAttempts) {
  EXPECT_EQ(connections_for(1'048'576, 25), 10'000u);
  EXPECT_EQ(connections_for(20'000, 10'000), 9'600u);
  EXPECT_EQ(connections_for(1'024, 25), 524u);  // a hundred to receivers
  EXPECT_EQ(connections_for(1'024, 10'000), 256u);
  EXPECT_GE(connections_for(0, 25), 1u);
}

}  // namespace
}  // namespace rhooks::cli

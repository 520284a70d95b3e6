// kill -9 in the midst of writing: a second process of this very binary writes and says what
// was acknowledged; it is killed; everything it said must be there.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "store/rocks/test_raw.h"
#include "testing/store_contract.h"
#include "testing/temp_dir.h"

extern char** environ;

namespace rhooks::testing {
namespace {

using namespace store;

constexpr const char* kDirVariable = "RHOOKS_CRASH_TEST_DIR";

// The victim: not a test by itself. Writes until it is killed.
TEST(RocksCrashTest, DISABLED_Victim) {
  const char* dir = std::getenv(kDirVariable);
  ASSERT_NE(dir, nullptr) << "only run by KilledInTheMidstOfWriting";
  auto store = open_ok(dir);
  const auto work = [&](const std::string& ns) {
    for (int i = 0;; ++i) {
      const auto record = make_record(ns, std::to_string(i), kT0);
      if (!store->put(std::span(&record, 1)).at(0)) std::abort();
      std::printf("\nput %s %d\n", ns.c_str(), i);
      std::fflush(stdout);
      if (i % 2 == 1) continue;
      const auto claimed = store->claim_due({.now = kT0, .due_by = kT0, .limit = 1});
      if (!claimed || claimed->claims.empty()) continue;
      const Commit commit = done(claimed->claims[0], kT0);
      const auto committed = store->commit(std::span(&commit, 1)).at(0);
      if (!committed || *committed != CommitOutcome::kApplied) std::abort();
      std::printf("\ndone %s %s\n", commit.lease.key.ns.c_str(), commit.lease.key.id.c_str());
      std::fflush(stdout);
    }
  };
  std::thread other(work, "b");
  work("a");
}

TEST(RocksCrashTest, KilledInTheMidstOfWriting) {
  TempDir dir;
  const std::string path = dir.sub("store");
  int pipe_fds[2];
  ASSERT_EQ(::pipe2(pipe_fds, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
  std::vector<std::string> arguments{"/proc/self/exe", "--gtest_also_run_disabled_tests",
                                     "--gtest_filter=RocksCrashTest.DISABLED_Victim"};
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ASSERT_EQ(::setenv(kDirVariable, path.c_str(), 1), 0);
  // It runs its one case whatever share of all of them is this process's.
  ::unsetenv("GTEST_TOTAL_SHARDS");
  ::unsetenv("GTEST_SHARD_INDEX");
  pid_t pid = 0;
  const int spawned =
      ::posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe_fds[1]);
  ::unsetenv(kDirVariable);
  ASSERT_EQ(spawned, 0);

  std::vector<TaskKey> put;
  std::vector<TaskKey> finished;
  std::FILE* output = ::fdopen(pipe_fds[0], "r");
  ASSERT_NE(output, nullptr);
  char line[256];
  bool killed = false;
  // What it had said before it died is read to the end.
  while (std::fgets(line, sizeof line, output) != nullptr) {
    char ns[16];
    char id[32];
    if (std::sscanf(line, "put %15s %31s", ns, id) == 2) put.push_back({ns, id});
    if (std::sscanf(line, "done %15s %31s", ns, id) == 2) finished.push_back({ns, id});
    if (!killed && put.size() >= 300) {
      ASSERT_EQ(::kill(pid, SIGKILL), 0);
      killed = true;
    }
  }
  std::fclose(output);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "status " << status;
  ASSERT_GE(put.size(), 300u);
  ASSERT_FALSE(finished.empty());

  auto store = open_ok(path);
  for (const TaskKey& key : put) EXPECT_TRUE(store->get(key, kT0)) << key.ns << " " << key.id;
  for (const TaskKey& key : finished) {
    EXPECT_EQ(store->get(key, kT0)->status, Status::kDone);
    LogQuery query;
    query.ns = key.ns;
    query.task_id = key.id;
    query.now = kT0;
    EXPECT_EQ(all_logs(*store, query).size(), 1u);
  }
  // No lease outlives the process: all that is not done is due.
  std::size_t claimed = 0;
  for (;;) {
    const auto result = store->claim_due({.now = kT0, .due_by = kT0, .limit = 100});
    ASSERT_TRUE(result);
    EXPECT_TRUE(result->set_aside.empty());
    claimed += result->claims.size();
    if (!result->more) break;
  }
  EXPECT_GE(claimed + finished.size() + 2, put.size());
}

}  // namespace
}  // namespace rhooks::testing

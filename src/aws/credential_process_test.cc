#include "aws/credential_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <string>

#include "testing/patience.h"
#include "testing/temp_dir.h"

namespace rhooks::aws {
namespace {

using std::chrono::milliseconds;

std::string message_of(const Result<std::string>& result) {
  return result ? "no error; output: " + *result : result.error().message;
}

bool has_zombies() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

TEST(CredentialProcessTest, GivesTheStandardOutput) {
  EXPECT_EQ(run_command("printf 'a b'; printf oops >&2; printf c").value(), "a bc");
  EXPECT_EQ(run_command("cat").value(), "") << "there is nothing to read";
  const std::string large(60'000, 'x');
  EXPECT_EQ(run_command("printf '%60000s' '' | tr ' ' x").value(), large);
  EXPECT_FALSE(has_zombies());
}

TEST(CredentialProcessTest, ToldByItsExitStatus) {
  const auto failed = run_command("echo SECRET >&2; echo SECRET; exit 3");
  EXPECT_EQ(message_of(failed), "failed with exit status 3; run it by hand to see why");
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(message_of(run_command("/no/such/program-of-rhooks")),
            "failed with exit status 127; run it by hand to see why");
  EXPECT_EQ(message_of(run_command("kill -9 $$")), "was ended by signal 9");
  EXPECT_FALSE(has_zombies());
}

// Whether the process is dead. Until init has reaped it, a grandchild of ours is a zombie.
bool ends(pid_t pid) {
  return testing::eventually([&] {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string id, name, state;
    stat >> id >> name >> state;
    return state.empty() || state == "Z" || state == "X";
  });
}

TEST(CredentialProcessTest, IsKilledWhenTheTimeIsOver) {
  testing::TempDir dir;
  const std::string pids = dir.sub("pids");
  for (const std::string& command :
       {"sleep 1000 & echo $! > " + pids + "; echo $$ >> " + pids + "; wait",
        // It closes its output and stays.
        "sleep 1000 >/dev/null & echo $! > " + pids + "; echo $$ >> " + pids +
            "; exec >/dev/null; wait"}) {
    SCOPED_TRACE(command);
    // By then it has to have begun.
    EXPECT_TRUE(testing::with_more_time(milliseconds{300}, [&](milliseconds limit) {
      const auto tenths = limit.count() / 100;
      EXPECT_EQ(message_of(run_command(command, {.time = limit})),
                "did not end within " + std::to_string(tenths / 10) + "." +
                    std::to_string(tenths % 10) + " s");
      EXPECT_FALSE(has_zombies());
      std::ifstream file(pids);
      int count = 0;
      for (pid_t pid = 0; file >> pid; ++count) EXPECT_TRUE(ends(pid)) << pid;
      return count == 2;
    }));
  }
}

TEST(CredentialProcessTest, IsKilledWhenItWritesTooMuch) {
  EXPECT_EQ(message_of(run_command("yes", {.output_bytes = 1000})), "wrote more than 1000 bytes");
  EXPECT_FALSE(has_zombies());
}

TEST(CredentialProcessTest, HasItsOwnSignals) {
  // A program that ignores SIGPIPE must not make the shell's tools ignore it.
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);
  const auto output = run_command("(yes; echo $? >&2) | head -n 1");
  ::sigaction(SIGPIPE, &before, nullptr);
  EXPECT_EQ(output.value(), "y\n");
}

}  // namespace
}  // namespace rhooks::aws

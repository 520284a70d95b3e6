// `rhooks redrive` on both sides: straight on a store, and through a server of the test's own.

#include <gtest/gtest.h>

#include <algorithm>

#include "cli/commands_fixture.h"
#include "testing/test_receiver.h"

namespace rhooks::cli {
namespace {

class RedriveCommandTest : public CommandsTest {
 protected:
  // Tasks of which each attempt was answered with 503.
  void fail_tasks(int count) {
    const testing::TestReceiver receiver(
        [](const testing::TestRequest&) { return testing::TestResponse::with_status(503); });
    std::string items = "[";
    for (int i = 0; i < count; ++i) {
      items += std::string(i == 0 ? "" : ",") + R"({"id":"t-)" + std::to_string(i) +
               R"(","retryLimit":0,"url":")" + receiver.url("/in") + "\"}";
    }
    out({"register", "-n", "app", "--file", "-"}, items + "]");
    out({"trigger"});
  }
  // What it says of a line that it refuses.
  std::string refused(std::vector<std::string> args) {
    args.insert(args.begin(), {"redrive", "-n", "app"});
    const TestRun result = run(std::move(args));
    EXPECT_EQ(result.exit_code, kExitUsage) << result.out;
    return result.err;
  }
  void expect_in(const std::string& part, const std::string& text) {
    EXPECT_NE(text.find(part), std::string::npos) << "\"" << part << "\" is not in\n" << text;
  }
};

INSTANTIATE_TEST_SUITE_P(Sides, RedriveCommandTest, ::testing::Bool(), side_name);

TEST_P(RedriveCommandTest, RunsFailedTasksAgainAndWaits) {
  fail_tasks(12);
  out({"cancel", "-n", "app", "--id",
       codec::parse_task(
           out({"register", "-n", "app", "--url", "http://127.0.0.1:9/", "--at", "+1h", "--json"}))
           .value()
           .key.id});
  EXPECT_EQ(out({"redrive", "-n", "app", "--reason", "exhausted", "--dry-run"}),
            "would redrive 12 FAILED tasks of app, exhausted\n");
  EXPECT_EQ(out({"redrive", "-n", "app", "--dry-run", "--max", "5", "--json"}),
            "{\"count\":5,\"more\":false}\n");
  EXPECT_EQ(out({"redrive", "-n", "app", "--dry-run", "--json"}), "{\"count\":12,\"more\":false}\n")
      << "what was cancelled stays";
  EXPECT_EQ(
      out({"redrive", "-n", "app", "--last-status", "503", "--rate", "1000/s", "--wait", "--yes"}),
      "redriven 12 tasks\n");
  const std::string all = out({"fetch", "-n", "app", "--status", "ACTIVE", "--all", "--json"});
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 12) << all;
  const std::string card = out({"redrive", "-n", "app", "--show"});
  for (const char* line : {"state           DONE\n", "rate            1000/1s\n",
                           "redriven        12\n", "last response   503\n"}) {
    expect_in(line, card);
  }
  const auto shown = codec::parse_redrive(out({"redrive", "-n", "app", "--show", "--json"}));
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(shown->redriven, 12);
  EXPECT_EQ(shown->last_status, 503);
}

TEST_P(RedriveCommandTest, AsksAndCanBeCancelled) {
  fail_tasks(3);
  const TestRun unasked = run({"redrive", "-n", "app"});
  EXPECT_EQ(unasked.exit_code, kExitUsage);
  expect_in("--yes", unasked.err);
  TestIo test("y\n");
  test.io.in_is_terminal = true;
  test.io.environment = environment();
  const TestRun yes = test.run({"redrive", "-n", "app", "--rate", "1/1h", "--max", "2"});
  EXPECT_EQ(yes.exit_code, kExitDone) << yes.err;
  expect_in("Redrive 2 FAILED tasks of app? [y/N] ", yes.err);
  EXPECT_EQ(yes.out, "started at 1/1h; `rhooks redrive -n app --show` shows how far it is\n");
  EXPECT_EQ(yes.err.find("rhooks serve") == std::string::npos, GetParam()) << yes.err;
  const TestRun second = run({"redrive", "-n", "app", "--yes"});
  EXPECT_EQ(second.exit_code, kExitFailed);
  expect_in("is under way since", second.err);
  expect_in("state           CANCELLED\n", out({"redrive", "-n", "app", "--cancel"}));
}

TEST_P(RedriveCommandTest, OneThatIsThereCanBeWaitedFor) {
  fail_tasks(3);
  out({"redrive", "-n", "app", "--rate", "1/3s", "--max", "2", "--yes"});
  EXPECT_EQ(out({"redrive", "-n", "app", "--show", "--wait"}), "redriven 2 tasks\n");
  expect_in("state           DONE\n", out({"redrive", "-n", "app", "--show", "--wait"}));
}

TEST_P(RedriveCommandTest, SaysWhatIsWrong) {
  expect_in("--rate: must be a number and a time", refused({"--rate", "50", "--yes"}));
  expect_in("rate: must be at most 10,000 a second", refused({"--rate", "20000/s", "--yes"}));
  expect_in("--max: must be a whole number from 0 to ", refused({"--max", "-1", "--yes"}));
  expect_in("reason: must be one of exhausted, gone", refused({"--reason", "tired", "--yes"}));
  expect_in("--show and --cancel exclude each other", refused({"--show", "--cancel"}));
  expect_in("--cancel waits for nothing", refused({"--cancel", "--wait"}));
  expect_in(
      "--endpoint belongs to a redrive that is started, and --show is about one that is there",
      refused({"--show", "--endpoint", "acme"}));
  out({"register", "-n", "app", "--url", "http://127.0.0.1:9/", "--at", "+1h"});
  expect_in("no namespace ap\n  near: app", run({"redrive", "-n", "ap", "--yes"}).err);
  const TestRun none = run({"redrive", "-n", "app", "--show"});
  EXPECT_EQ(none.exit_code, kExitFailed);
  expect_in("there has been no redrive in namespace 'app'", none.err);
  EXPECT_EQ(run({"redrive", "-n", "app", "--dry-run"}).err, "no task matches\n");
}

}  // namespace
}  // namespace rhooks::cli

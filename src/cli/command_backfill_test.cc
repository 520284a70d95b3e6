// `rhooks backfill` on both sides: straight on a store, and through a server of the test's own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands_fixture.h"

namespace rhooks::cli {
namespace {

using ::testing::HasSubstr;

class BackfillCommandTest : public CommandsTest {
 protected:
  TestRun backfill(std::vector<std::string> args) {
    args.insert(args.begin(), {"backfill", "report", "-n", "app", "--from", "2020-01-01T00:00Z",
                               "--to", "2020-01-02T00:00Z"});
    return run(std::move(args));
  }
  void register_series() {
    out({"register", "-n", "app", "--id", "report", "--url", "http://127.0.0.1:9/", "--cron",
         "0 */6 * * *"});
  }
};

TEST_P(BackfillCommandTest, CountsAsksAndRegisters) {
  register_series();
  EXPECT_EQ(backfill({"--dry-run"}).out, "would backfill 5 occurrences of report\n");
  EXPECT_EQ(backfill({"--dry-run", "--json"}).out, "{\"count\":5,\"more\":false}\n");
  const TestRun unasked = backfill({});
  EXPECT_EQ(unasked.exit_code, kExitUsage);
  EXPECT_THAT(unasked.err, HasSubstr("--yes"));

  TestIo no("n\n");
  no.io.in_is_terminal = true;
  no.io.environment = environment();
  const std::vector<std::string> six = {"backfill", "report",           "-n",
                                        "app",      "--from",           "2020-01-01T06:00Z",
                                        "--to",     "2020-01-01T06:00Z"};
  const TestRun refused = no.run(six);
  EXPECT_EQ(refused.exit_code, kExitFailed);
  EXPECT_THAT(refused.err, HasSubstr("Backfill 1 occurrence of report? [y/N]"));

  TestIo yes("y\n");
  yes.io.in_is_terminal = true;
  yes.io.environment = environment();
  EXPECT_EQ(yes.run(six).out, "registered 1 task\n");
  EXPECT_EQ(task("report@2020-01-01T06:00:00.000Z").request.url, "http://127.0.0.1:9/");
  EXPECT_EQ(backfill({"--yes"}).out, "registered 4 tasks; 1 was there\n");
  const TestRun json = backfill({"--yes", "--json"});
  EXPECT_EQ(codec::parse_backfill_result(json.out)->items.size(), 5u);
}

TEST_P(BackfillCommandTest, MoreThanACallTakesIsCountedAndRegistered) {
  out({"register", "-n", "app", "--id", "report", "--url", "http://127.0.0.1:9/", "--cron",
       "* * * * *"});
  EXPECT_EQ(backfill({"--dry-run"}).out, "would backfill 1,441 occurrences of report\n");
  EXPECT_EQ(backfill({"--yes"}).out, "registered 1,441 tasks\n");
}

TEST_P(BackfillCommandTest, SaysWhatIsWrong) {
  register_series();
  EXPECT_EQ(run({"backfill", "report", "-n", "app"}).exit_code, kExitUsage);
  EXPECT_EQ(run({"backfill", "report", "-n", "app", "--from", "soon"}).exit_code, kExitUsage);
  const TestRun future =
      run({"backfill", "report", "-n", "app", "--from", "-1h", "--to", "+1h", "--yes"});
  EXPECT_EQ(future.exit_code, kExitFailed);
  EXPECT_THAT(future.err, HasSubstr("to: must not be in the future"));
  const TestRun none = run({"backfill", "none", "-n", "app", "--from", "-1h", "--dry-run"});
  EXPECT_EQ(none.exit_code, kExitFailed);
  const TestRun empty = run({"backfill", "report", "-n", "app", "--from", "2020-01-01T01:00Z",
                             "--to", "2020-01-01T02:00Z", "--yes"});
  EXPECT_EQ(empty.out, "registered 0 tasks\n");
  EXPECT_THAT(run({"backfill", "report", "-n", "app", "--from", "2020-01-01T01:00Z", "--to",
                   "2020-01-01T02:00Z", "--dry-run"})
                  .err,
              HasSubstr("has no occurrence then"));
}

INSTANTIATE_TEST_SUITE_P(Sides, BackfillCommandTest, ::testing::Bool(), side_name);

}  // namespace
}  // namespace rhooks::cli

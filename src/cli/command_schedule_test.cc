// `rhooks schedule preview`, and `rhooks register` with a schedule.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/iso8601.h"
#include "cli/commands_fixture.h"
#include "testing/zone_files.h"

namespace rhooks::cli {
namespace {

using std::chrono::minutes;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Without a server and without a store.
class SchedulePreviewTest : public ::testing::Test {
 protected:
  TestRun run(std::vector<std::string> args) {
    args.insert(args.begin(), {"schedule", "preview"});
    TestIo test;
    test.io.environment = {{"RHOOKS_SERVER", "http://127.0.0.1:9"}};
    test.io.now = [] { return parse_time("2030-03-29T12:00Z").value(); };
    test.io.out_is_terminal = terminal_;
    return test.run(args);
  }
  std::string out(std::vector<std::string> args) {
    const TestRun result = run(std::move(args));
    EXPECT_EQ(result.exit_code, kExitDone) << result.err;
    return result.out;
  }
  void expect_usage(std::vector<std::string> args, const std::string& part) {
    const TestRun result = run(std::move(args));
    EXPECT_EQ(result.exit_code, kExitUsage) << result.out;
    EXPECT_THAT(result.err, HasSubstr(part));
    EXPECT_EQ(result.out, "");
  }

  bool terminal_ = false;
};

TEST_F(SchedulePreviewTest, ShowsWordsAndTimes) {
  const TestRun shown =
      run({"--cron", "30 2 * * *", "--timezone", "Europe/Berlin", "--count", "3"});
  EXPECT_EQ(shown.exit_code, kExitDone);
  EXPECT_EQ(shown.out,
            "at 02:30, every day (Europe/Berlin)\n"
            "LOCAL TIME                      UTC                       NOTE\n"
            "Sat 2030-03-30 02:30:00 +01:00  2030-03-30 01:30:00.000Z\n"
            "Sun 2030-03-31 03:00:00 +02:00  2030-03-31 01:00:00.000Z  the clocks leave out the "
            "time that is meant\n"
            "Mon 2030-04-01 02:30:00 +02:00  2030-04-01 00:30:00.000Z\n");
  EXPECT_THAT(shown.err, HasSubstr("note: On 2030-03-31 the clocks go from 02:00 to 03:00"));
  EXPECT_THAT(shown.err, HasSubstr("there are more: --count N"));
}

TEST_F(SchedulePreviewTest, ShowsHowFarItIsAtATerminal) {
  terminal_ = true;
  const std::string shown = out({"--every", "90m", "--count", "2"});
  EXPECT_THAT(shown, HasSubstr("in 90 min"));
  terminal_ = false;
  EXPECT_THAT(out({"--every", "90m"}), Not(HasSubstr("in 90 min")));
}

TEST_F(SchedulePreviewTest, ShowsJson) {
  const auto preview = codec::parse_preview(
      out({"--cron", "0 9 * * MON-FRI", "--tz", "+02:00", "--json", "--count", "2"}));
  ASSERT_TRUE(preview) << preview.error().message;
  EXPECT_EQ(preview->description, "at 09:00, Monday to Friday (+02:00)");
  ASSERT_EQ(preview->occurrences.size(), 2u);
  EXPECT_EQ(preview->occurrences[0].local, "2030-04-01T09:00:00+02:00");
  EXPECT_TRUE(preview->more);
}

// Of the zones that the schedule has, here those of a directory.
TEST_F(SchedulePreviewTest, ALocalTimeIsOfAnyZoneThatAScheduleMayHave) {
  const rhooks::testing::ZoneFiles files("Zone Test/Two 2:00 - TWO\n");
  for (const std::vector<std::string>& zone :
       {std::vector<std::string>{"--tz", "+02:00"},
        std::vector<std::string>{"--tz", "Test/Two", "--zone-dir", files.directory()}}) {
    for (std::vector<std::string> args :
         {std::vector<std::string>{"--cron", "0 9 * * *", "--from", "2030-01-01 00:00", "--count",
                                   "1"},
          std::vector<std::string>{"--at", "2030-04-01 09:00"}}) {
      args.insert(args.end(), zone.begin(), zone.end());
      EXPECT_THAT(out(args), HasSubstr(" 07:00:00.000Z")) << args[0];
    }
  }
}

TEST_F(SchedulePreviewTest, TakesWhatRegisterTakes) {
  const auto line = [&](std::vector<std::string> args) {
    const std::string shown = out(std::move(args));
    return shown.substr(0, shown.find('\n'));
  };
  EXPECT_EQ(line({"--at", "2030-04-01T09:00:00Z"}), "once, at 2030-04-01 09:00 (UTC)");
  EXPECT_EQ(line({"--in", "5m", "--every", "10m", "--max", "3"}),
            "every 10 minutes from Fri 2030-03-29 12:05 (UTC), 3 times");
  EXPECT_EQ(line({"--every", "2w", "--at", "2030-04-05 17:00", "--tz", "America/New_York"}),
            "every 2 weeks from Fri 2030-04-05 17:00 (America/New_York)");
  EXPECT_EQ(line({"--every", "1mo", "--in", "1h"}), "every month from Fri 2030-03-29 13:00 (UTC)");
  EXPECT_EQ(line({"--at", "2030-04-01T09:00:00Z", "--at", "+1d"}),
            "at 2030-03-30 12:00 and 2030-04-01 09:00 (UTC)");
  EXPECT_EQ(line({"--cron", "0 9 * * *", "--cron", "0 12 * * SUN", "--max", "7", "--end", "30d"}),
            "at 09:00, every day; and at 12:00, on Sunday (UTC), until 2030-04-28 12:00, 7 times");
  EXPECT_EQ(line({"--cron", "0 9 * * *", "--exclude", "12-25", "--exclude", "2030-08-01/2030-08-14",
                  "--jitter", "10m"}),
            "at 09:00, every day (UTC), but not on 12-25 of each year and 2030-08-01 to "
            "2030-08-14 + up to 10m");
}

TEST_F(SchedulePreviewTest, FromMayBePast) {
  EXPECT_THAT(out({"--cron", "30 2 * * *", "--tz", "Europe/Berlin", "--from", "2025-10-26 00:00",
                   "--count", "1"}),
              HasSubstr("Sun 2025-10-26 02:30:00 +02:00  2025-10-26 00:30:00.000Z  the clocks show "
                        "it twice\n"));
}

TEST_F(SchedulePreviewTest, RefusesWhatCanNotBeMeant) {
  expect_usage({}, "nothing says when");
  expect_usage({"--count", "5"}, "nothing says when");
  expect_usage({"t", "--cron", "0 9 * * *"}, "an id and what says when exclude each other");
  expect_usage({"t"}, "--namespace is missing");
  expect_usage({"--cron", "0 25 * * *"}, "schedule.cron: ");
  expect_usage({"--cron", "0 9 * * *", "--timezone", "Europe/Berln"}, "Europe/Berlin");
  expect_usage({"--cron", "0 9 * * *", "--count", "1001"},
               "--count: must be a whole number from 1 to 1000, not \"1001\"");
  expect_usage({"--cron", "0 9 * * *", "--from", "soon"}, "--from: ");
  const TestRun other = run_line({"schedule", "show"});
  EXPECT_EQ(other.exit_code, kExitUsage);
  EXPECT_THAT(other.err, HasSubstr("there is `rhooks schedule preview`"));
}

TEST_F(SchedulePreviewTest, RefusesMixturesAndSaysWhatToTypeInstead) {
  expect_usage({"--cron", "0 9 * * *", "--at", "+5m"}, "--start says from when on");
  expect_usage({"--cron", "0 9 * * *", "--in", "5m"}, "--cron and --in exclude each other");
  expect_usage({"--cron", "0 9 * * *", "--every", "5m"}, "register a task for each");
  expect_usage({"--cron", "0 9 * * *", "--repeat-interval", "5"}, "write --every 10m");
  expect_usage({"--every", "2w", "--tz", "UTC", "--at", "+5m", "--start", "+6m"},
               "--start and --at both say");
  expect_usage({"--every", "2w", "--at", "+5m", "--at", "+6m"}, "--every takes one --at");
  expect_usage({"--end", "+30d"}, "--end is part of a schedule");
  expect_usage({"--jitter", "5m"}, "--jitter is part of a schedule");
  expect_usage({"--missed", "all"}, "--missed is part of a schedule");
  expect_usage({"--cron", "0 9 * * *", "--missed", "some"}, "--missed: ");
  expect_usage({"--cron", "0 9 * * *", "--grace", "soon"}, "--grace: ");
  expect_usage({"--cron", "0 9 * * *", "--overlap", "cut"}, "--overlap: ");
  expect_usage({"--cron", "0 9 * * *", "--jitter", "soon"}, "--jitter: ");
  expect_usage({"--cron", "0 9 * * *", "--start", "2030-04-01 09:00"}, "add its --timezone");
  expect_usage({"--timezone", "UTC"}, "--timezone says where a local time is");
}

class ScheduledCommandsTest : public CommandsTest {};

INSTANTIATE_TEST_SUITE_P(Sides, ScheduledCommandsTest, ::testing::Bool(), side_name);

TEST_P(ScheduledCommandsTest, RegisterPreviewAndGet) {
  const std::string made = out({"register",
                                "-n",
                                "app",
                                "--id",
                                "report",
                                "--url",
                                "http://127.0.0.1:9/",
                                "--cron",
                                "0 9 * * MON-FRI",
                                "--timezone",
                                "Europe/Berlin",
                                "--start",
                                "2100-01-01 00:00",
                                "--end",
                                "2100-12-31 23:59",
                                "--max",
                                "20",
                                "--exclude",
                                "12-25",
                                "--jitter",
                                "10m",
                                "--missed",
                                "skip",
                                "--grace",
                                "1h",
                                "--overlap",
                                "cutRetries",
                                "--max-errors",
                                "7",
                                "--pause-on-failure"});
  EXPECT_THAT(made, StartsWith("registered report, ACTIVE, scheduled 2100-01-01 08:00:00.000Z, at "
                               "09:00, Monday to Friday (Europe/Berlin)"));
  const Task got = task("report");
  ASSERT_TRUE(got.schedule);
  EXPECT_EQ(got.schedule->cron, std::vector<std::string>{"0 9 * * MON-FRI"});
  EXPECT_EQ(got.schedule->timezone, "Europe/Berlin");
  EXPECT_EQ(got.schedule->start, "2100-01-01 00:00");
  EXPECT_EQ(got.schedule->end, "2100-12-31 23:59");
  EXPECT_EQ(got.schedule->max, 20);
  EXPECT_EQ(got.schedule->exclude, std::vector<std::string>{"--12-25"});
  EXPECT_EQ(got.schedule->jitter, minutes{10});
  EXPECT_EQ(got.schedule->missed, Missed::kSkip);
  EXPECT_EQ(got.schedule->grace, minutes{60});
  EXPECT_EQ(got.schedule->overlap, Overlap::kCutRetries);
  EXPECT_EQ(got.max_errors, 7);
  EXPECT_TRUE(got.pause_on_failure);
  EXPECT_FALSE(got.repeat);

  const std::string shown = out({"schedule", "preview", "report", "-n", "app", "--count", "2"});
  EXPECT_THAT(shown, HasSubstr("Fri 2100-01-01 09:00:00 +01:00"));
  EXPECT_THAT(shown, HasSubstr("Mon 2100-01-04 09:00:00 +01:00"));
  EXPECT_THAT(shown, HasSubstr("DUE"));
  const auto json = codec::parse_preview(
      out({"schedule", "preview", "report", "-n", "app", "--count", "2", "--json"}));
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(json->remaining, 20);
  EXPECT_EQ(json->occurrences[0].at, got.scheduled_date);
  EXPECT_EQ(json->occurrences[0].due, got.next_attempt_date.value_or(got.scheduled_date));
  EXPECT_THAT(out({"get", "-n", "app", "--id", "report"}),
              HasSubstr("in words        at 09:00, Monday to Friday (Europe/Berlin)"));

  const TestRun none = run({"schedule", "preview", "none", "-n", "app"});
  EXPECT_EQ(none.exit_code, kExitFailed);
  EXPECT_THAT(none.err, HasSubstr("none"));
}

TEST_P(ScheduledCommandsTest, PreviewOfATaskWithoutASchedule) {
  out({"register", "-n", "app", "--id", "t", "--url", "http://127.0.0.1:9/", "--at",
       "2100-01-01T00:00Z", "--every", "1h", "--max", "2"});
  const std::string shown = out({"schedule", "preview", "t", "-n", "app"});
  EXPECT_THAT(shown, StartsWith("every hour from Fri 2100-01-01 00:00 (UTC), 2 times\n"));
  EXPECT_THAT(shown, HasSubstr("Fri 2100-01-01 01:00:00 +00:00"));
  out({"cancel", "-n", "app", "--id", "t"});
  const TestRun ended = run({"schedule", "preview", "t", "-n", "app"});
  EXPECT_EQ(ended.exit_code, kExitDone);
  EXPECT_THAT(ended.err, HasSubstr("nothing is left"));
}

TEST_P(ScheduledCommandsTest, AServerThatIsNamedWorksItOut) {
  if (!GetParam()) return;
  const std::string line = out({"schedule", "preview", "--cron", "0 9 * * *", "--server",
                                environment().at("RHOOKS_SERVER"), "--count", "1"});
  EXPECT_THAT(line, StartsWith("at 09:00, every day (UTC)\n"));
  const TestRun wrong = run({"schedule", "preview", "--cron", "0 25 * * *", "--server",
                             environment().at("RHOOKS_SERVER")});
  EXPECT_EQ(wrong.exit_code, kExitFailed);
  EXPECT_THAT(wrong.err, HasSubstr("schedule.cron"));
}

TEST_P(ScheduledCommandsTest, AWaitForAScheduleWithoutAnEndIsRefused) {
  const TestRun forever = run(
      {"register", "-n", "app", "--url", "http://127.0.0.1:9/", "--cron", "0 9 * * *", "--wait"});
  EXPECT_EQ(forever.exit_code, kExitUsage);
  if (GetParam()) {
    EXPECT_THAT(forever.err, HasSubstr("for ever"));
  }
}

}  // namespace
}  // namespace rhooks::cli

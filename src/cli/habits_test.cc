// What people type because other tools take it.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/iso8601.h"
#include "cli/test_io.h"
#include "codec/public_json.h"
#include "testing/temp_dir.h"

namespace rhooks::cli {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kTypedAt{1'700'000'000s};

class HabitsTest : public ::testing::Test {
 protected:
  TestRun run(const std::vector<std::string>& args, Environment environment = {}) {
    environment["RHOOKS_STORE"] = "rocksdb:" + dir_.sub("store");
    TestIo test;
    test.io.environment = std::move(environment);
    test.io.now = [] { return kTypedAt; };
    return test.run(args);
  }
  // The task that `register` makes of these arguments.
  Task registered(std::vector<std::string> args) {
    args.insert(args.begin(), {"register", "-n", "app", "--json"});
    const TestRun done = run(args);
    EXPECT_EQ(done.exit_code, kExitDone) << done.err;
    return codec::parse_task(done.out).value_or(Task{});
  }
  // What it says where it refuses them.
  std::string refused(std::vector<std::string> args) {
    args.insert(args.begin(), {"register", "-n", "app"});
    const TestRun done = run(args);
    EXPECT_EQ(done.exit_code, kExitUsage) << done.out;
    return done.err;
  }

  testing::TempDir dir_;
};

constexpr const char* kUrl = "http://127.0.0.1:9/hook";

TEST_F(HabitsTest, TheUrlStandsByItself) {
  EXPECT_EQ(registered({kUrl}).request.url, kUrl);
  EXPECT_EQ(registered({"--at", "+1h", kUrl, "--max", "2", "--every", "5m"}).request.url, kUrl);
  EXPECT_NE(refused({kUrl, "http://other/"}).find("\"http://other/\" was not expected"),
            std::string::npos);
  const std::string twice = refused({kUrl, "--url", "http://other/"});
  EXPECT_NE(twice.find("--url is given 2 times\n  give it once"), std::string::npos) << twice;
}

TEST_F(HabitsTest, TheIdStandsByItself) {
  registered({kUrl, "--id", "x"});
  EXPECT_EQ(run({"logs", "x", "-n", "app"}).err, "no log matches\n");
  for (const char* command : {"get", "suspend", "unsuspend", "delete"}) {
    EXPECT_EQ(run({command, "-n", "app", "x"}).exit_code, kExitDone) << command;
  }
}

TEST_F(HabitsTest, HeadersOfAFileStandInNoProcessList) {
  const std::string file = dir_.sub("headers");
  std::ofstream(file) << "X-Order: 4711\r\n\nX-Empty:\n";
  EXPECT_EQ(registered({"-H", "X-Team: billing", "-H", "@" + file, kUrl}).request.headers,
            (std::vector<Header>{{"X-Team", "billing"}, {"X-Order", "4711"}, {"X-Empty", ""}}));
  std::ofstream(file) << "X-Good: 1\nBearer hush\n";
  const std::string bad = refused({"-H", "@" + file, kUrl});
  EXPECT_NE(bad.find("line 2 of " + file + " is no header"), std::string::npos) << bad;
  EXPECT_EQ(bad.find("hush"), std::string::npos) << bad;
  const std::string missing = refused({"-H", "@" + dir_.sub("none"), kUrl});
  EXPECT_NE(missing.find("cannot be read"), std::string::npos) << missing;
}

TEST_F(HabitsTest, TheFlagsOfCurl) {
  const Task task = registered({"-X", "PUT", "-H", "X-Team: billing", "-H", "X-Empty:", "-d",
                                R"({"a":1})", "--at", "+1h", kUrl});
  EXPECT_EQ(task.request.method, Method::kPut);
  EXPECT_EQ(task.request.headers, (std::vector<Header>{{"X-Team", "billing"}, {"X-Empty", ""}}));
  EXPECT_EQ(task.request.body, Body::json(R"({"a":1})"));
  EXPECT_EQ(registered({"--request", "DELETE", kUrl}).request.method, Method::kDelete);
  EXPECT_EQ(registered({"-XDELETE", kUrl}).request.method, Method::kDelete);
  // As curl has it: a body is sent by POST, unless -X says otherwise.
  const std::string file = dir_.sub("body.txt");
  std::ofstream(file) << "two\nlines\n";
  const Task posted = registered({kUrl, "--data", "@" + file});
  EXPECT_EQ(posted.request.method, Method::kPost);
  EXPECT_EQ(posted.request.body, Body::text("two\nlines\n"));
  EXPECT_EQ(registered({kUrl, "-X", "GET"}).request.method, Method::kGet);

  for (const char* flag : {"-d", "--data", "-X", "--request"}) {
    EXPECT_NE(refused({kUrl, flag, "PUT", flag, "POST"}).find(" is given 2 times"),
              std::string::npos)
        << flag;
  }
  EXPECT_NE(refused({kUrl, "--data="}).find("an empty body is written --data ''"),
            std::string::npos);
  EXPECT_NE(refused({kUrl, "-X", "BREW"}).find("--method: "), std::string::npos);
  EXPECT_NE(refused({"--file", "x", "-X", "PUT"}).find("--method and --file"), std::string::npos);
  EXPECT_NE(refused({"--file", "x", "-d", "x"}).find("--body and --file"), std::string::npos);
}

TEST_F(HabitsTest, TimesFromNowOn) {
  for (const std::vector<std::string>& when :
       std::vector<std::vector<std::string>>{{"--in", "5m"}, {"--in", "+5m"}, {"--at", "5m"}}) {
    EXPECT_EQ(registered({kUrl, when[0], when[1]}).scheduled_date, kTypedAt + 5min) << when[1];
  }
  EXPECT_EQ(registered({kUrl, "--at", "1w"}).scheduled_date, kTypedAt + 168h);
  EXPECT_EQ(registered({kUrl, "--every", "1w"}).repeat, (Repeat{7, 0, RepeatUnit::kDays}));
  const auto expect = [&](const std::vector<std::string>& args, const char* part) {
    std::vector<std::string> line{kUrl};
    line.insert(line.end(), args.begin(), args.end());
    const std::string message = refused(line);
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect({"--in", "5m", "--at", "5m"}, "--at and --in exclude each other");
  expect({"--in", "-5m"}, "--in: \"-5m\" is no length of time");
  expect({"--in", "now"}, "a moment is given by --at");
  expect({"--in", "36500d", "--at", "now"}, "exclude");
  EXPECT_NE(refused({"--in", "5m", "--file", "x"}).find("--in and --file"), std::string::npos);
}

TEST_F(HabitsTest, ALocalTime) {
  const TestRun line = run({"register", "-n", "app", "--id", "x", kUrl, "--at", "2030-01-31 12:00",
                            "--tz", "Europe/Berlin"});
  EXPECT_EQ(line.out,
            "registered x, ACTIVE, scheduled 2030-01-31 11:00:00.000Z (2030-01-31 12:00 in "
            "Europe/Berlin)\n")
      << line.err;
  const TestRun of_environment =
      run({"register", "-n", "app", "--id", "y", kUrl, "--at", "2030-07-31 12:00"},
          {{"TZ", "Europe/Berlin"}});
  EXPECT_NE(of_environment.out.find("2030-07-31 10:00:00.000Z (2030-07-31 12:00 in Europe/Berlin)"),
            std::string::npos)
      << of_environment.out << of_environment.err;
  const std::string gap = refused({kUrl, "--at", "2030-03-31 02:30", "--tz", "Europe/Berlin"});
  EXPECT_TRUE(gap.starts_with("rhooks: --at: \"2030-03-31 02:30\" does not exist")) << gap;
  EXPECT_NE(gap.find("\n  write 2030-03-31T01:30:00+01:00 or "), std::string::npos) << gap;
  EXPECT_NE(refused({kUrl, "--tz", "Europe/Berlin"}).find("add it, as in --at"), std::string::npos);
  EXPECT_NE(refused({kUrl, "--at", "+5m", "--tz", "UTC"}).find("needs no zone"), std::string::npos);
  EXPECT_NE(refused({"--file", "x", "--tz", "UTC"}).find("--timezone and --file"),
            std::string::npos);
}

TEST_F(HabitsTest, AWaitThatCanNotEndIsRefusedBeforeAnythingIsRegistered) {
  const auto expect = [&](std::vector<std::string> args, const char* part) {
    args.insert(args.begin(), {"register", "-n", "app", kUrl, "--server", "http://127.0.0.1:9"});
    const TestRun done = run(args);
    EXPECT_EQ(done.exit_code, kExitUsage) << args.back();
    EXPECT_NE(done.err.find(part), std::string::npos) << done.err;
  };
  EXPECT_NE(refused({kUrl, "--wait"}).find("--wait needs a worker"), std::string::npos);
  EXPECT_EQ(run({"fetch", "-n", "app"}).exit_code, kExitFailed);  // not even a store was made
  expect({"--wait", "--every", "5m"}, "add --max");
  expect({"--wait", "--in", "1d"}, "a longer --wait-max, as in --wait-max 1d");
  expect({"--wait", "--wait-max", "soon"}, "--wait-max: \"soon\"");
  expect({"--wait-max", "5m"}, "add --wait");
  EXPECT_NE(refused({"--file", "x", "--wait"}).find("--wait and --file"), std::string::npos);
}

TEST_F(HabitsTest, ATimeoutIsALengthOfTime) {
  EXPECT_NE(refused({kUrl, "--timeout", "20"}).find("--timeout: \"20\" is no length of time"),
            std::string::npos);
  EXPECT_NE(refused({kUrl, "--timeout", ""}).find("the value of --timeout is empty"),
            std::string::npos);
  EXPECT_NE(refused({"--file", "x", "--timeout", "20s"}).find("--timeout and --file"),
            std::string::npos);
}

TEST_F(HabitsTest, WhatIsToBeDeliveredBeforeATime) {
  EXPECT_NE(refused({kUrl, "--deliver-before", "soon"}).find("--deliver-before: "),
            std::string::npos);
  EXPECT_NE(refused({"--file", "x", "--deliver-before", "+1h"}).find("--deliver-before and --file"),
            std::string::npos);
  registered({kUrl, "--id", "timely", "--at", "+1h", "--deliver-before", "+2h"});
  const TestRun shown = run({"get", "-n", "app", "--id", "timely"});
  EXPECT_NE(shown.out.find("deliver before  "), std::string::npos) << shown.out;
}

TEST_F(HabitsTest, WhoIsToldOfTheEnd) {
  EXPECT_NE(
      refused({"--file", "x", "--callback-on", "task.failed"}).find("--callback-on and --file"),
      std::string::npos);
  const TestRun unknown = run(
      {"register", "-n", "app", kUrl, "--callback", "ops", "--callback-on", "task.failed,failed"});
  EXPECT_NE(unknown.err.find("callbackOn[1]: must be"), std::string::npos) << unknown.err;
  registered(
      {"--callback-on", "task.failed", kUrl, "--callback", "ops", "--id", "told", "--at", "+1h"});
  const TestRun shown = run({"get", "-n", "app", "--id", "told"});
  EXPECT_NE(shown.out.find("callback        ops\ncallback on     task.failed\n"), std::string::npos)
      << shown.out;
  const TestRun json = run({"get", "-n", "app", "--id", "told", "--json"});
  EXPECT_NE(json.out.find(R"("callbackOn":["task.failed"])"), std::string::npos) << json.out;
}

TEST_F(HabitsTest, TheNamesOfOtherTools) {
  registered({kUrl, "--id", "x", "--at", "+1h"});
  const TestRun shown = run({"show", "-n", "app", "x"});
  EXPECT_NE(shown.out.find("id              x\n"), std::string::npos) << shown.out << shown.err;
  EXPECT_EQ(shown.out, run({"get", "-n", "app", "x"}).out);
  EXPECT_EQ(run({"ls", "-n", "app"}).out, run({"fetch", "-n", "app"}).out);
  EXPECT_EQ(run({"rm", "-n", "app", "x"}).out, "deleted x\n");
  EXPECT_NE(run({"rm", "--help"}).out.find("Usage: rhooks delete"), std::string::npos);
  const std::string help = run({"--help"}).out;
  for (const char* names : {"get, show", "fetch, ls", "delete, rm", "  tail "}) {
    EXPECT_NE(help.find(names), std::string::npos) << names << " in\n" << help;
  }
  EXPECT_NE(run({"shwo"}).err.find("Did you mean show?"), std::string::npos);
  EXPECT_NE(run({"ls", "-n", "app", "--lmit", "1"}).err.find("Did you mean --limit?"),
            std::string::npos);
  EXPECT_NE(run({"rm", "-n", "app", "--id="}).err.find("is empty"), std::string::npos);
  for (const char* flag : {"--to", "--start-key"}) {
    EXPECT_EQ(run({"tail", "-n", "app", flag, "-1h"}).exit_code, kExitUsage) << flag;
    EXPECT_EQ(run({"logs", "-f", "-n", "app", flag, "-1h"}).exit_code, kExitUsage) << flag;
  }
}

// With --json errors are for programs as well: RFC 9457, as the API's.
TEST_F(HabitsTest, ErrorsAreProblemDocuments) {
  const auto expect = [&](const std::vector<std::string>& args, int exit_code, ErrorCode code,
                          const std::string& part) {
    SCOPED_TRACE(args[0]);
    const TestRun done = run(args);
    EXPECT_EQ(done.exit_code, exit_code);
    EXPECT_EQ(done.out, "");
    ASSERT_TRUE(done.err.starts_with("{\"type\":\"about:blank\",\"title\":\"")) << done.err;
    EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
    const Error error = codec::parse_problem_json(0, done.err);
    EXPECT_EQ(error.code, code) << done.err;
    EXPECT_NE(error.message.find(part), std::string::npos) << done.err;
  };
  registered({kUrl, "--id", "x", "--at", "+1h"});
  const auto usage = ErrorCode::kInvalidArgument;
  expect({"get", "-n", "app", "--json", "nothing"}, kExitFailed, ErrorCode::kNotFound, "nothing");
  expect({"register", "-n", "app", "--json", "ftp://x/"}, kExitFailed, usage, "http");
  expect({"register", "-n", "app", "--json", kUrl, "--at", "soon"}, kExitUsage, usage, "--at: ");
  expect({"unsuspend", "-n", "app", "x", "--json"}, kExitFailed, ErrorCode::kConflict,
         "only SUSPENDED");
  // What is wrong with the line itself.
  expect({"gte", "--json"}, kExitUsage, usage, "Did you mean get?");
  expect({"get", "--json", "-n", "app", "x", "--nmspace"}, kExitUsage, usage, "no flag --nmspace");
  expect({"get", "--json", "-n", "app", "--id="}, kExitUsage, usage, "is empty");
  expect({"delete", "--json", "x", "-n"}, kExitUsage, usage, "--namespace");
  expect({"get", "--json", "x", "-n", "app", "--server", "http://127.0.0.1:9"}, kExitFailed,
         ErrorCode::kUnavailable, "no server answers");
  expect({"register", "-n", "app", "--file", "/no/\xff", "--json"}, kExitUsage, usage, "/no/");
  // The next line of the same process is its own.
  EXPECT_TRUE(run({"get", "-n", "app", "nothing"}).err.starts_with("rhooks: "));
}

}  // namespace
}  // namespace rhooks::cli

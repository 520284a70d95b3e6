// What people type because other tools take it.

#include <gtest/gtest.h>

#include <fstream>

#include "cli/test_io.h"
#include "codec/iso8601.h"
#include "codec/public_json.h"
#include "testing/temp_dir.h"

namespace rhooks::cli {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kNow{1'700'000'000s};

class HabitsTest : public ::testing::Test {
 protected:
  TestRun run(const std::vector<std::string>& args, Environment environment = {}) {
    environment["RHOOKS_STORE"] = "rocksdb:" + dir_.sub("store");
    TestIo test;
    test.io.environment = std::move(environment);
    test.io.now = [] { return kNow; };
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
    EXPECT_EQ(registered({kUrl, when[0], when[1]}).scheduled_date, kNow + 5min) << when[1];
  }
  EXPECT_EQ(registered({kUrl, "--at", "1w"}).scheduled_date, kNow + 168h);
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
  EXPECT_NE(refused({"--file", "x", "--tz", "UTC"}).find("--tz and --file"), std::string::npos);
}

}  // namespace
}  // namespace rhooks::cli

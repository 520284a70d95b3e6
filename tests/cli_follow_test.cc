// Commands that go on until something has happened, end to end with the real binary.

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "codec/public_json.h"
#include "testing/child_process.h"
#include "testing/temp_dir.h"
#include "testing/test_receiver.h"
#include "tests/running_server.h"

namespace rhooks {
namespace {

using testing::ChildProcess;
using Args = std::vector<std::string>;

class CliFollowTest : public ::testing::Test {
 protected:
  // `register --wait` of the task "x", for this receiver.
  static Args waiting(const std::string& url, const Args& more = {}) {
    Args args{"register", "-n", "app", "--id", "x", url, "--wait"};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  std::unique_ptr<ChildProcess> start(const testing::RunningServer& server, Args args) const {
    args.insert(args.begin(), RHOOKS_BINARY);
    args.insert(args.end(), {"--server", server.url()});
    return std::make_unique<ChildProcess>(std::move(args));
  }

  testing::TempDir dir_{"rhooks-follow"};
};

void expect_in(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "\"" << part << "\" is not in\n" << text;
}

TEST_F(CliFollowTest, WaitsUntilATaskIsDone) {
  int requests = 0;
  testing::TestReceiver receiver([&](const testing::TestRequest&) {
    return testing::TestResponse::with_status(++requests == 1 ? 500 : 200, "");
  });
  const testing::RunningServer server(dir_, "memory:", {"--backoff-max", "10ms"});
  const testing::Finished done = server.run(waiting(receiver.url("/")));
  EXPECT_EQ(done.exit, 0) << done.errors;
  EXPECT_TRUE(done.output.starts_with("registered x, ACTIVE")) << done.output;
  expect_in(done.output, "1/4  FAIL");
  expect_in(done.output, "2/4  SUCCESS");
  EXPECT_TRUE(done.output.ends_with("x is DONE\n")) << done.output;
  EXPECT_EQ(done.errors, "");
  EXPECT_EQ(receiver.request_count(), 2U);
}

TEST_F(CliFollowTest, WaitsUntilATaskHasFailed) {
  testing::TestReceiver receiver(
      [](const testing::TestRequest&) { return testing::TestResponse::with_status(500, ""); });
  const testing::RunningServer server(dir_, "memory:");
  const testing::Finished text = server.run(waiting(receiver.url("/"), {"--retry-limit", "0"}));
  EXPECT_EQ(text.exit, 1);
  expect_in(text.output, "1/1  FAIL");
  EXPECT_TRUE(text.errors.starts_with("rhooks: x is FAILED: ")) << text.errors;
  expect_in(text.errors, "`rhooks logs -n app --id x --json`");

  Args args = waiting(receiver.url("/"), {"--retry-limit", "0", "--json"});
  args[4] = "y";
  const testing::Finished json = server.run(args);
  EXPECT_EQ(json.exit, 1);
  const auto task = codec::parse_task(json.output);
  ASSERT_TRUE(task) << json.output;
  EXPECT_EQ(task->status, Status::kFailed);
  EXPECT_EQ(json.errors, "");
}

TEST_F(CliFollowTest, WaitsNoLongerForATaskThatIsCancelled) {
  const testing::RunningServer server(dir_, "memory:", {"--no-worker"});
  const auto child = start(server, waiting("http://127.0.0.1:9/"));
  ASSERT_TRUE(child->wait_for_output("registered x")) << child->errors();
  EXPECT_EQ(server.run({"cancel", "-n", "app", "x"}).exit, 0);
  EXPECT_EQ(child->wait(), 1);
  EXPECT_TRUE(child->errors().starts_with("rhooks: x is FAILED: cancelled\n")) << child->errors();
}

TEST_F(CliFollowTest, AWaitThatIsOverOrCutOffLeavesTheTaskRegistered) {
  const testing::RunningServer server(dir_, "memory:", {"--no-worker"});
  const testing::Finished over =
      server.run(waiting("http://127.0.0.1:9/", {"--wait-max", "300ms", "--json"}));
  EXPECT_EQ(over.exit, 1);
  EXPECT_EQ(codec::parse_task(over.output).value_or(Task{}).status, Status::kActive) << over.output;
  const Error error = codec::parse_problem_json(503, over.errors);
  EXPECT_EQ(error.code, ErrorCode::kUnavailable) << over.errors;
  expect_in(error.message, "x is ACTIVE after 300ms, and stays registered");

  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string id = signal == SIGINT ? "int" : "term";
    Args args = waiting("http://127.0.0.1:9/");
    args[4] = id;
    const auto child = start(server, args);
    ASSERT_TRUE(child->wait_for_output("registered " + id)) << child->errors();
    child->signal(signal);
    EXPECT_EQ(child->wait(), 128 + signal);
    expect_in(child->errors(), "rhooks: " + id + " stays registered\n");
    EXPECT_EQ(server.run({"get", "-n", "app", id}).exit, 0);
  }
}

TEST_F(CliFollowTest, FollowsLogs) {
  testing::TestReceiver receiver;
  const testing::RunningServer server(dir_, "memory:");
  const auto deliver = [&](const std::string& id) {
    const testing::Finished done =
        server.run({"register", "-n", "app", "--id", id, receiver.url("/"), "--wait"});
    ASSERT_EQ(done.exit, 0) << done.errors;
  };
  deliver("first");
  const auto tail = start(server, {"tail", "-n", "app"});
  const auto json = start(server, {"logs", "-n", "app", "-f", "--json", "--id", "third"});
  ASSERT_TRUE(tail->wait_for_output("first")) << tail->errors();
  deliver("second");
  deliver("third");
  EXPECT_TRUE(tail->wait_for_output("third")) << tail->errors();
  EXPECT_TRUE(json->wait_for_output("}\n")) << json->errors();
  for (const auto* child : {&tail, &json}) {
    (*child)->signal(SIGINT);
    EXPECT_EQ((*child)->wait(), 0);
    EXPECT_EQ((*child)->errors(), "");
  }
  // A header and each log, once.
  const std::string shown = tail->output();
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), 4) << shown;
  EXPECT_LT(shown.find("second"), shown.find("third")) << shown;
  const std::string line = json->output();
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
  expect_in(line, "\"third\"");

  // Whoever reads a pipe no more ends it, though there is nothing new to write.
  const testing::Finished piped =
      testing::run_program({"/bin/bash", "-c",
                            std::string(RHOOKS_BINARY) + " logs -n app -f --server " +
                                server.url() + " | head -n 2; echo ${PIPESTATUS[0]}"});
  EXPECT_TRUE(piped.output.ends_with("\n141\n")) << piped.output << piped.errors;
}

TEST_F(CliFollowTest, FollowingEndsWhereTheQuestionIsWrong) {
  const testing::RunningServer server(dir_, "memory:");
  const testing::Finished wrong = server.run({"tail", "-n", "", "--json"});
  EXPECT_EQ(wrong.exit, 2) << wrong.errors;
  const testing::Finished name = server.run({"tail", "-n", std::string(300, 'n'), "--json"});
  EXPECT_EQ(name.exit, 1) << name.errors;
  EXPECT_EQ(codec::parse_problem_json(400, name.errors).code, ErrorCode::kInvalidArgument)
      << name.errors;
}

}  // namespace
}  // namespace rhooks

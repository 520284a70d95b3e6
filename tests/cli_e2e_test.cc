// End to end with the real binary: a server, a receiver and commands as processes.

#include <gtest/gtest.h>
#include <rhooks/hooks.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <memory>
#include <regex>

#include "base/clock.h"
#include "codec/iso8601.h"
#include "codec/public_json.h"
#include "testing/child_process.h"
#include "testing/temp_dir.h"
#include "testing/test_receiver.h"

namespace rhooks {
namespace {

using std::chrono::milliseconds;
using testing::ChildProcess;
using Args = std::vector<std::string>;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr milliseconds kLatenessMax{250};
#else
constexpr milliseconds kLatenessMax{20};
#endif

struct Done {
  int exit_code = -1;
  std::string out;
  std::string err;
};

Done run(Args args, std::map<std::string, std::string> environment = {}, std::string input = {}) {
  ChildProcess child({RHOOKS_BINARY, std::move(args), std::move(environment), std::move(input)});
  const auto code = child.wait();
  return {code.value_or(-1), child.out(), child.err()};
}

std::string port_in(const std::string& line) {
  std::smatch match;
  return std::regex_search(line, match, std::regex(R"(http://127\.0\.0\.1:(\d+))")) ? match[1] : "";
}

// A server on a port and a store of its own.
class Server {
 public:
  explicit Server(const std::string& store, Args more = {}) {
    Args args{"serve", "--store", store, "--listen", "127.0.0.1:0"};
    args.insert(args.end(), more.begin(), more.end());
    child_ = std::make_unique<ChildProcess>(ChildProcess::Options{RHOOKS_BINARY, args});
    ready_ = child_->read_line().value_or("");
    url_ = "http://127.0.0.1:" + port_in(ready_);
  }

  Done run(Args args, std::string input = {}) const {
    return rhooks::run(std::move(args), {{"RHOOKS_SERVER", url_}}, std::move(input));
  }
  Task get(const std::string& id) const {
    const Done done = run({"get", "-n", "my-app", "--id", id, "--json"});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return codec::parse_task(done.out).value_or(Task{});
  }
  // The task once it has this status; a failed assertion where it does not get it in time.
  Task wait_status(const std::string& id, Status status) const {
    const auto deadline = std::chrono::steady_clock::now() + ChildProcess::kTimeout;
    Task task = get(id);
    while (task.status != status && std::chrono::steady_clock::now() < deadline) task = get(id);
    EXPECT_EQ(task.status, status) << to_string(task.status);
    return task;
  }
  std::vector<Log> logs(const std::string& id) const {
    const Done done = run({"logs", "-n", "my-app", "--task", id, "--json"});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    auto page = codec::parse_log_page(done.out);
    return page ? std::move(page->items) : std::vector<Log>{};
  }
  ChildProcess& child() { return *child_; }
  const std::string& ready() const { return ready_; }
  const std::string& url() const { return url_; }

 private:
  std::unique_ptr<ChildProcess> child_;
  std::string ready_;
  std::string url_;
};

class Listener {
 public:
  explicit Listener(Args more = {}) {
    Args args{"listen", "--port", "0", "--json"};
    args.insert(args.end(), more.begin(), more.end());
    child_ = std::make_unique<ChildProcess>(ChildProcess::Options{RHOOKS_BINARY, args});
    EXPECT_TRUE(child_->wait_err("listening on "));
    EXPECT_TRUE(child_->wait_err("\n"));
    url_ = "http://127.0.0.1:" + port_in(child_->err()) + "/hook";
  }
  // When the next request arrived.
  std::optional<TimePoint> arrival() {
    line_ = child_->read_line().value_or("");
    std::smatch match;
    if (!std::regex_search(line_, match, std::regex("\"arrivedAt\":\"([^\"]+)\""))) return {};
    const auto at = codec::parse_time(match[1].str());
    return at ? std::optional(*at) : std::nullopt;
  }
  const std::string& line() const { return line_; }
  const std::string& url() const { return url_; }
  ChildProcess& child() { return *child_; }

 private:
  std::unique_ptr<ChildProcess> child_;
  std::string url_;
  std::string line_;
};

class CliE2e : public ::testing::Test {
 protected:
  testing::TempDir dir_{"rhooks-e2e"};
  const std::string store_ = "rocksdb:" + dir_.sub("store");
};

TEST_F(CliE2e, RegisterDeliverShow) {
  Server server(store_, {"--port-file", dir_.sub("port")});
  ASSERT_TRUE(server.ready().starts_with("listening on http://127.0.0.1:")) << server.child().err();
  EXPECT_TRUE(server.ready().ends_with(" (store " + store_ + ")")) << server.ready();
  std::string port;
  std::ifstream(dir_.sub("port")) >> port;
  EXPECT_EQ(port, port_in(server.ready()));

  Listener listener({"--count", "3"});
  // A busy machine can hold any one delivery up, so the best of three counts; none is early.
  milliseconds best = milliseconds::max();
  std::string id;
  for (int i = 0; i < 3; ++i) {
    const Done made =
        server.run({"register", "--namespace", "my-app", "--url", listener.url(), "--method",
                    "POST", "--at", "+2s", "--body", "{\"key\":\"value\"}", "--json"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    const Task task = codec::parse_task(made.out).value();
    id = task.key.id;
    const auto arrived = listener.arrival();
    ASSERT_TRUE(arrived) << listener.line() << listener.child().err() << server.child().err();
    EXPECT_GE(*arrived, task.scheduled_date);
    best = std::min(best, *arrived - task.scheduled_date);
  }
  RecordProperty("best_lateness_ms", static_cast<int>(best.count()));
  EXPECT_LE(best, kLatenessMax);
  EXPECT_NE(listener.line().find("\"method\":\"POST\""), std::string::npos) << listener.line();
  EXPECT_NE(listener.line().find("\"path\":\"/hook\""), std::string::npos);
  EXPECT_NE(listener.line().find("\"webhook-id\":\"msg_"), std::string::npos);
  EXPECT_NE(listener.line().find("\"body\":{\"key\":\"value\"}"), std::string::npos);
  EXPECT_EQ(listener.child().wait(), 0);  // --count 3

  const Task done = server.wait_status(id, Status::kDone);
  EXPECT_EQ(done.execution.successful, 1);
  EXPECT_EQ(done.execution.last_response_status, 200);
  const Done card = server.run({"get", "-n", "my-app", "--id", id});
  EXPECT_NE(card.out.find("status          DONE\n"), std::string::npos) << card.out;
  const Done logs = server.run({"logs", "-n", "my-app", "--task", id});
  EXPECT_EQ(logs.exit_code, 0) << logs.err;
  EXPECT_NE(logs.out.find(id + "      1/4  SUCCESS       200"), std::string::npos) << logs.out;

  // The store is the server's own as long as it runs, and anyone's afterwards.
  const Done locked = run({"get", "-n", "my-app", "--id", id, "--store", store_});
  EXPECT_EQ(locked.exit_code, 1);
  EXPECT_TRUE(locked.err.starts_with("rhooks: ")) << locked.err;
  EXPECT_NE(locked.err.find("lock"), std::string::npos) << locked.err;
  const Done second = run({"serve", "--store", store_, "--listen", "127.0.0.1:0"});
  EXPECT_EQ(second.exit_code, 1);
  server.child().signal(SIGTERM);
  EXPECT_EQ(server.child().wait(), 0) << server.child().err();
  const Done local = run({"get", "-n", "my-app", "--id", id, "--json"}, {{"RHOOKS_STORE", store_}});
  ASSERT_EQ(local.exit_code, 0) << local.err;
  EXPECT_EQ(codec::parse_task(local.out).value(), done);
}

TEST_F(CliE2e, RecurringTaskFiresOnItsNominalTimes) {
  Server server(store_);
  Listener listener;
  const Done made = server.run({"register", "-n", "my-app", "--id", "beat", "--url", listener.url(),
                                "--at", "+1s", "--every", "1s", "--max", "5", "--json"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const TimePoint first = codec::parse_task(made.out).value().scheduled_date;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(listener.arrival()) << i;
  const Task task = server.wait_status("beat", Status::kDone);
  EXPECT_EQ(task.execution.successful + task.execution.skipped, 5);
  const auto logs = server.logs("beat");
  ASSERT_EQ(logs.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(logs[i].scheduled_date, first + std::chrono::seconds{static_cast<long>(i)});
    EXPECT_GE(logs[i].started_at, logs[i].scheduled_date);
  }
}

TEST_F(CliE2e, RetriesUntilTheReceiverAccepts) {
  Server server(store_);
  Listener listener({"--fail-first", "2"});
  ASSERT_EQ(
      server.run({"register", "-n", "my-app", "--id", "retry", "--url", listener.url()}).exit_code,
      0);
  const Task task = server.wait_status("retry", Status::kDone);
  EXPECT_EQ(task.execution.count, 1);
  EXPECT_EQ(task.execution.successful, 1);
  const auto logs = server.logs("retry");
  ASSERT_EQ(logs.size(), 3U);
  EXPECT_EQ(logs[0].status, LogStatus::kFail);
  EXPECT_EQ(logs[1].status, LogStatus::kFail);
  EXPECT_EQ(logs[2].status, LogStatus::kSuccess);
  listener.child().signal(SIGINT);
  EXPECT_EQ(listener.child().wait(), 0);
}

TEST_F(CliE2e, FailsWhereTheReceiverNeverAccepts) {
  Server server(store_);
  Listener listener({"--status", "500"});
  ASSERT_EQ(server
                .run({"register", "-n", "my-app", "--id", "fail", "--url", listener.url(),
                      "--retry-limit", "1"})
                .exit_code,
            0);
  const Task task = server.wait_status("fail", Status::kFailed);
  EXPECT_EQ(server.logs("fail").size(), 2U);
  EXPECT_NE(task.errors.last_error.find("500"), std::string::npos) << task.errors.last_error;
}

TEST_F(CliE2e, FirstSignalDrains) {
  testing::TestReceiver receiver([](const testing::TestRequest&) {
    testing::TestResponse response;
    response.hold = true;
    return response;
  });
  Server server(store_);
  ASSERT_EQ(server.run({"register", "-n", "my-app", "--id", "slow", "--url", receiver.url("/")})
                .exit_code,
            0);
  ASSERT_TRUE(receiver.wait_held(1));
  server.child().signal(SIGTERM);
  ASSERT_TRUE(server.child().wait_err("stopping"));
  receiver.release_held();
  EXPECT_EQ(server.child().wait(), 0) << server.child().err();
  const Done local = run({"get", "-n", "my-app", "--id", "slow", "--json", "--store", store_});
  ASSERT_EQ(local.exit_code, 0) << local.err;
  EXPECT_EQ(codec::parse_task(local.out).value().status, Status::kDone);
}

TEST_F(CliE2e, SecondSignalEndsAtOnce) {
  testing::TestReceiver receiver([](const testing::TestRequest&) {
    testing::TestResponse response;
    response.hold = true;
    return response;
  });
  Server server(store_, {"--drain-timeout", "1h", "--request-timeout", "1h"});
  ASSERT_EQ(server.run({"register", "-n", "my-app", "--id", "slow", "--url", receiver.url("/")})
                .exit_code,
            0);
  ASSERT_TRUE(receiver.wait_held(1));
  server.child().signal(SIGINT);
  ASSERT_TRUE(server.child().wait_err("stopping"));
  EXPECT_FALSE(server.child().wait(milliseconds{200}));  // it waits for the attempt
  server.child().signal(SIGINT);
  EXPECT_EQ(server.child().wait(), 128 + SIGINT) << server.child().err();
  // The attempt was cut off, so the task is due again.
  const Done local = run({"trigger-dryrun", "--json", "--store", store_});
  ASSERT_EQ(local.exit_code, 0) << local.err;
  EXPECT_EQ(codec::parse_dryrun_result(local.out)->count, 1);
}

TEST_F(CliE2e, ExitCodesAndMessages) {
  EXPECT_EQ(run({}).exit_code, 2);
  EXPECT_EQ(run({"--help"}).exit_code, 0);
  EXPECT_EQ(run({"regster"}).exit_code, 2);
  EXPECT_EQ(run({"serve", "--listen", "0.0.0.0:0", "--store", "memory:"}).exit_code, 2);
  const Done missing = run({"get", "-n", "a", "--id", "b", "--store", store_});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_EQ(missing.out, "");

  Server server("memory:");
  const Done taken =
      run({"serve", "--store", "memory:", "--listen", "127.0.0.1:" + port_in(server.url())});
  EXPECT_EQ(taken.exit_code, 1);
  EXPECT_NE(taken.err.find("in use"), std::string::npos) << taken.err;

  const Done config = run({"serve", "--print-config"}, {{"RHOOKS_CONCURRENCY", "7"}});
  EXPECT_EQ(config.exit_code, 0);
  EXPECT_NE(config.out.find("concurrency = 7 "), std::string::npos) << config.out;
}

TEST_F(CliE2e, StoreAndCommandsWithoutAServer) {
  testing::TestReceiver receiver;
  const std::map<std::string, std::string> environment{{"RHOOKS_STORE", store_}};
  const Done made = run({"register", "-n", "my-app", "--file", "-"}, environment,
                        "[{\"id\":\"a\",\"url\":\"" + receiver.url("/a") +
                            "\"},{\"id\":\"b\",\"url\":\"" + receiver.url("/b") + "\"}]");
  EXPECT_EQ(made.out, "registered 2 tasks\n") << made.err;
  EXPECT_EQ(run({"trigger"}, environment).out, "2 attempts made, 0 failed\n");
  EXPECT_EQ(receiver.request_count(), 2U);
  const Done fetched = run({"fetch", "-n", "my-app", "--all", "--json"}, environment);
  EXPECT_EQ(std::count(fetched.out.begin(), fetched.out.end(), '\n'), 2);
  EXPECT_EQ(run({"clear", "-n", "my-app"}, environment).exit_code, 2);
  EXPECT_EQ(run({"clear", "-n", "my-app", "--yes"}, environment).out, "cleared 2 tasks\n");
}

}  // namespace
}  // namespace rhooks

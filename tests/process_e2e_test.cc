// The real server as a process: what signals tell it, what it was started with, and a log that
// nobody reads.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "codec/public_json.h"
#include "rest/test_client.h"
#include "testing/patience.h"
#include "testing/test_receiver.h"
#include "testing/unread_pipe.h"
#include "tests/running_server.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

TestResponse hold(const TestRequest&) {
  TestResponse response;
  response.hold = true;
  return response;
}

class ProcessE2eTest : public ::testing::Test {
 protected:
  // A server that a shell starts after `before`, for which $3 is what a test sets it to.
  std::unique_ptr<ChildProcess> serve_after(const std::string& before, const std::string& redirect,
                                            const std::string& argument = {}) {
    auto child = std::make_unique<ChildProcess>(std::vector<std::string>{
        "/bin/sh", "-c",
        before +
            "exec \"$0\" serve --store \"$1\" --listen 127.0.0.1:0 --log-level debug "
            "--port-file \"$2\" " +
            redirect,
        RHOOKS_BINARY, store_, dir_.sub("port"), argument});
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (port() == 0 && !child->wait(5ms) && std::chrono::steady_clock::now() < deadline) {
    }
    EXPECT_NE(port(), 0) << child->errors();
    return child;
  }
  // A server in the background of a shell that leads the session of a terminal, and that does this
  // when the terminal is gone.
  std::unique_ptr<ChildProcess> serve_behind(int terminal, const std::string& on_hang_up) const {
    const std::string script =
        "set -m; trap '" + on_hang_up +
        "' HUP; \"$0\" serve --store \"$1\" --listen 127.0.0.1:0 & echo $! >\"$2\"; wait; wait";
    return std::make_unique<ChildProcess>(std::vector<std::string>{
        "/bin/sh", "-c", "exec setsid --ctty --wait /bin/sh -c \"$4\" \"$0\" \"$1\" \"$2\" <\"$3\"",
        RHOOKS_BINARY, store_, dir_.sub("pid"), ::ptsname(terminal), script});
  }
  std::uint16_t port() const {
    std::uint16_t port = 0;
    std::ifstream(dir_.sub("port")) >> port;
    return port;
  }
  Finished run(std::vector<std::string> args) const {
    args.insert(args.begin(), RHOOKS_BINARY);
    args.insert(args.end(), {"--server", "http://127.0.0.1:" + std::to_string(port())});
    return run_program(std::move(args));
  }
  Finished run_on_store(std::vector<std::string> args) const {
    args.insert(args.begin(), RHOOKS_BINARY);
    args.insert(args.end(), {"--store", store_});
    return run_program(std::move(args));
  }
  Status status_of(const std::string& id) const {
    const Finished got = run_on_store({"get", "-n", "my-app", "--id", id, "--json"});
    EXPECT_EQ(got.exit, 0) << got.errors;
    return codec::parse_task(got.output).value_or(Task{}).status;
  }
  void register_task(const std::string& id, const std::string& url) const {
    const Finished made = run({"register", "-n", "my-app", "--id", id, "--url", url});
    ASSERT_EQ(made.exit, 0) << made.errors;
  }
  std::string metrics() const { return rest::test::call(port(), {.target = "/metrics"}).body; }

  TempDir dir_{"rhooks-process"};
  const std::string store_ = "rocksdb:" + dir_.sub("store");
};

int open_terminal() {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  EXPECT_TRUE(terminal >= 0 && ::grantpt(terminal) == 0 && ::unlockpt(terminal) == 0);
  return terminal;
}

TEST_F(ProcessE2eTest, ATerminalThatGoesAwayDrains) {
  TestReceiver receiver(hold);
  const int terminal = open_terminal();
  ChildProcess server({"/bin/sh", "-c",
                       "exec setsid --ctty --wait \"$0\" serve --store \"$1\" "
                       "--listen 127.0.0.1:0 --port-file \"$2\" <\"$3\"",
                       RHOOKS_BINARY, store_, dir_.sub("port"), ::ptsname(terminal)});
  ASSERT_TRUE(server.wait_for_output("listening on")) << server.errors();
  register_task("slow", receiver.url("/"));
  ASSERT_TRUE(receiver.wait_held(1));
  ::close(terminal);
  ASSERT_TRUE(server.wait_for_errors("stopping signal=SIGHUP")) << server.errors();
  receiver.release_held();
  EXPECT_EQ(server.wait(), 0) << server.errors();
  EXPECT_EQ(receiver.request_count(), 1U);
  EXPECT_EQ(status_of("slow"), Status::kDone);
}

TEST_F(ProcessE2eTest, AShellSendsOnThatItsTerminalIsGone) {
  const int terminal = open_terminal();
  const auto shell = serve_behind(terminal, "kill -HUP $!");
  ASSERT_TRUE(shell->wait_for_output("listening on")) << shell->errors();
  ::close(terminal);
  EXPECT_TRUE(shell->wait_for_errors("stopping signal=SIGHUP")) << shell->errors();
  EXPECT_TRUE(shell->wait()) << "the server is gone, for which the shell waits";
}

TEST_F(ProcessE2eTest, AHangUpLongAfterTheTerminalHasFilesReadAnew) {
  const int terminal = open_terminal();
  const auto shell = serve_behind(terminal, "exit");
  ASSERT_TRUE(shell->wait_for_output("listening on")) << shell->errors();
  pid_t server = 0;
  ASSERT_TRUE(eventually([&] {
    std::ifstream(dir_.sub("pid")) >> server;
    return server > 0;
  }));
  ::close(terminal);
  ::kill(server, SIGHUP);
  EXPECT_TRUE(shell->wait_for_errors("nothing to read anew")) << shell->errors();
  ::kill(server, SIGTERM);
  EXPECT_TRUE(shell->wait_for_errors("stopping signal=SIGTERM")) << shell->errors();
}

TEST_F(ProcessE2eTest, AHangUpThatNohupIgnoresStaysIgnored) {
  TestReceiver receiver;
  const auto server = serve_after("trap '' HUP; ", "");
  server->signal(SIGHUP);
  register_task("a", receiver.url("/"));
  EXPECT_TRUE(receiver.wait_requests(1));
  server->signal(SIGTERM);
  EXPECT_EQ(server->wait(), 0) << server->errors();
  EXPECT_THAT(server->errors(), HasSubstr("stopping signal=SIGTERM"));
}

TEST_F(ProcessE2eTest, AHangUpDrainsATriggerAndAListener) {
  TestReceiver receiver(hold);
  ASSERT_EQ(
      run_on_store({"register", "-n", "my-app", "--id", "slow", "--url", receiver.url("/")}).exit,
      0);
  ChildProcess trigger({RHOOKS_BINARY, "trigger", "--store", store_, "--json"});
  ASSERT_TRUE(receiver.wait_held(1)) << trigger.errors();
  trigger.signal(SIGHUP);
  ASSERT_TRUE(trigger.wait_for_errors("SIGHUP"));
  receiver.release_held();
  EXPECT_EQ(trigger.wait(), 128 + SIGHUP) << trigger.errors();
  EXPECT_EQ(trigger.output(), "{\"processed\":1,\"errors\":0}\n");

  ChildProcess listener({RHOOKS_BINARY, "listen", "--port", "0"});
  ASSERT_TRUE(listener.wait_for_output("listening on"));
  listener.signal(SIGHUP);
  EXPECT_EQ(listener.wait(), 0);
}

// Without them the store's files would get the numbers 0 to 2, and the log its place in them.
TEST_F(ProcessE2eTest, ClosedStandardDescriptorsAreNotTheStoresFiles) {
  TestReceiver receiver;
  auto server = serve_after("", "0<&- 1>&- 2>&-");
  for (int i = 0; i < 3; ++i) register_task(std::to_string(i), receiver.url("/"));
  EXPECT_TRUE(receiver.wait_requests(3));
  for (const char* fd : {"0", "1", "2"}) {
    EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(server->pid()) + "/fd/" + fd),
              "/dev/null");
  }
  server->signal(SIGTERM);
  EXPECT_EQ(server->wait(), 0);
  for (const auto& file : std::filesystem::directory_iterator(dir_.sub("store"))) {
    std::ostringstream text;
    text << std::ifstream(file.path(), std::ios::binary).rdbuf();
    EXPECT_THAT(text.str(), Not(HasSubstr("listening"))) << file.path();
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(status_of(std::to_string(i)), Status::kDone) << i;
  // What a command cannot print is an error all the same.
  const Finished closed = run_program(
      {"/bin/sh", "-c", "exec \"$0\" fetch -n my-app --store \"$1\" >&-", RHOOKS_BINARY, store_});
  EXPECT_EQ(closed.exit, 1);
  EXPECT_THAT(closed.errors, HasSubstr("the output cannot be written"));
}

// Registers 1000 tasks at once. Their ids, which the log holds for each attempt, are as long there
// as can be: more than it queues.
void register_many(std::uint16_t port, const std::string& url) {
  std::string items;
  for (int i = 0; i < 1000; ++i) {
    std::string id = std::to_string(i);
    for (int k = 0; k < 500; ++k) id += "\\\"";
    items += (i == 0 ? "" : ",") + std::string(R"({"namespace":")") + std::string(250, 'n') +
             R"(","id":")" + id + R"(","url":")" + url + R"("})";
  }
  const auto reply = rest::test::call(port, {.method = "POST",
                                             .target = "/v1/tasks/batch",
                                             .body = "{\"items\":[" + items + "]}",
                                             .headers = {{"Content-Type", "application/json"}}});
  ASSERT_EQ(reply.status, 200) << reply.body;
}

TEST_F(ProcessE2eTest, ALogThatNobodyReadsHoldsNothingUp) {
  TestReceiver receiver;
  UnreadPipe log(dir_.sub("log"));
  const auto server = serve_after("", "2>\"$3\"", log.path());
  register_many(port(), receiver.url("/"));
  ASSERT_TRUE(receiver.wait_requests(1'000));
  EXPECT_THAT(metrics(), Not(HasSubstr("rhooks_log_lines_dropped_total 0\n")));
  server->signal(SIGTERM);
  EXPECT_EQ(server->wait(), 0);
}

TEST_F(ProcessE2eTest, ALogThatIsReadAgainSaysWhatItLacks) {
  TestReceiver receiver;
  UnreadPipe log(dir_.sub("log"));
  const auto server = serve_after("", "2>\"$3\"", log.path());
  register_many(port(), receiver.url("/"));
  ASSERT_TRUE(receiver.wait_requests(1'000));
  EXPECT_TRUE(log.read_until("log lines were dropped"));
  server->signal(SIGTERM);
  EXPECT_TRUE(log.read_until("stopped"));
  EXPECT_EQ(server->wait(), 0);
}

// What tasks hold, and what would open recorded TLS sessions, is for nobody else to read.
TEST_F(ProcessE2eTest, LeavesNothingThatOthersCanRead) {
  TestReceiver::Options options;
  options.tls = true;
  TestReceiver receiver(options);
  const auto child = serve_after(
      "umask 022; SSLKEYLOGFILE=\"${1#*:}.keys\"; RHOOKS_CA_FILE=\"$3\"; "
      "export SSLKEYLOGFILE RHOOKS_CA_FILE; ",
      "", receiver.ca_file());
  EXPECT_EQ(run({"register", "-n", "ns", "--url", receiver.url("/x")}).exit, 0);
  EXPECT_TRUE(receiver.wait_requests(1));
  child->signal(SIGTERM);
  EXPECT_EQ(child->wait(), 0) << child->errors();

  namespace fs = std::filesystem;
  const std::string path = store_.substr(store_.find(':') + 1);
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(path)) {
    const auto mode = static_cast<unsigned>(entry.status().permissions());
    EXPECT_EQ(mode & 0077u, 0u) << entry.path();
    ++files;
  }
  EXPECT_GT(files, 5u);
  EXPECT_EQ(static_cast<unsigned>(fs::status(path).permissions()), 0700u);
  for (const auto& entry : fs::directory_iterator(fs::path(path).parent_path())) {
    EXPECT_FALSE(entry.path().string().ends_with(".keys")) << entry.path();
  }
}

}  // namespace
}  // namespace rhooks::testing

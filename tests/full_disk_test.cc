// The real server on a file system that takes no more: clear errors, no crash, nothing lost.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <iostream>

#include "testing/patience.h"
#include "tests/running_server.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;

// Registers a task with a large body; empty where it was acknowledged, else the refusal.
std::string register_large(const std::string& url, int number) {
  const Finished done =
      run_program({RHOOKS_BINARY, "register", "--server", url, "--namespace", "ns", "--id",
                   std::to_string(number), "--url", "http://127.0.0.1:9/", "--at", "+1d",
                   "--method", "POST", "--text", "--body", "-"},
                  {}, std::string(100'000 + 997 * static_cast<std::size_t>(number % 100), 'x'));
  return done.exit == 0 ? "" : done.errors;
}

std::string url_of(const std::string& port_file) {
  std::string port;
  std::ifstream(port_file) >> port;
  return "http://127.0.0.1:" + port;
}

// Registers until `refusals` were refused; what was acknowledged, and the last refusal.
std::vector<int> fill(const std::string& url, int refusals, std::string& refusal) {
  std::vector<int> acknowledged;
  for (int i = 0, refused = 0; i < 500 && refused < refusals; ++i) {
    const std::string error = register_large(url, i);
    if (error.empty()) {
      acknowledged.push_back(i);
    } else {
      ++refused;
      refusal = error;
    }
  }
  EXPECT_FALSE(acknowledged.empty());
  EXPECT_NE(refusal.find("the store"), std::string::npos) << refusal;
  std::cout << acknowledged.size() << " acknowledged, then: " << refusal;
  return acknowledged;
}

// A limit on the size of files is what a test can set without being root; every file of the
// store can meet it.
TEST(FullDiskTest, FilesThatCanNotGrowAreRefusalsAndNoLoss) {
  TempDir dir;
  const std::string store = "rocksdb:" + dir.sub("store");
  const std::string port_file = dir.sub("port");
  std::vector<int> acknowledged;
  {
    ChildProcess server({"/bin/sh", "-c",
                         "ulimit -f 2048; exec \"$0\" serve --store \"$1\" --listen "
                         "127.0.0.1:0 --port-file \"$2\"",
                         RHOOKS_BINARY, store, port_file});
    ASSERT_TRUE(server.wait_for_output("listening on")) << server.errors();
    std::string refusal;
    acknowledged = fill(url_of(port_file), 5, refusal);
    ASSERT_FALSE(server.wait(0ms)) << "the server ended: " << server.errors();
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0) << server.errors();
  }
  RunningServer server(dir, store);
  for (const int id : acknowledged) {
    EXPECT_EQ(server.run({"get", "--namespace", "ns", "--id", std::to_string(id)}).exit, 0) << id;
  }
}

// A file system that is full indeed, in a mount namespace of the test's own.
TEST(FullDiskTest, AFullFileSystemIsRefusalsUntilThereIsSpaceAgain) {
  TempDir dir;
  const std::string port_file = dir.sub("port");
  std::filesystem::create_directory(dir.sub("disk"));
  ChildProcess server({"/usr/bin/unshare", "--map-root-user", "--mount", "/bin/sh", "-c", R"(
      mount -t tmpfs -o size=20m none "$1" || exit 77
      head -c 12000000 /dev/zero >"$1/filler"
      "$0" serve --store "rocksdb:$1/store" --listen 127.0.0.1:0 --port-file "$2" &
      server=$!
      trap 'rm "$1/filler"' USR1
      trap 'kill -TERM $server' TERM
      code=0
      while kill -0 $server 2>/dev/null; do wait $server; code=$?; done
      exit $code)",
                       RHOOKS_BINARY, dir.sub("disk"), port_file});
  if (!server.wait_for_output("listening on")) {
    const auto exit = server.wait();
    if (exit == 77 || server.errors().find("unshare:") != std::string::npos) {
      GTEST_SKIP() << "no mount namespaces here: " << server.errors();
    }
    FAIL() << server.errors();
  }
  const std::string url = url_of(port_file);
  std::string refusal;
  const auto acknowledged = fill(url, 10, refusal);
  EXPECT_NE(refusal.find("is full"), std::string::npos) << refusal;
  ASSERT_FALSE(server.wait(0ms)) << "the server ended: " << server.errors();

  server.signal(SIGUSR1);  // makes space
  int number = 1'000;
  EXPECT_TRUE(eventually([&] { return register_large(url, number++).empty(); }, 200ms))
      << server.errors();
  for (const int id : acknowledged) {
    const Finished got = run_program(
        {RHOOKS_BINARY, "get", "--server", url, "--namespace", "ns", "--id", std::to_string(id)});
    EXPECT_EQ(got.exit, 0) << id << ": " << got.errors;
  }
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0) << server.errors();
}

}  // namespace
}  // namespace rhooks::testing

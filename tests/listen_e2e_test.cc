// `rhooks listen` as a process: it answers what it has printed, and nothing else.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rhooks/verify.h>
#include <signal.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "base/clock.h"
#include "rest/test_client.h"
#include "testing/child_process.h"
#include "testing/patience.h"
#include "testing/temp_dir.h"
#include "testing/unread_pipe.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;
using rest::test::Call;
using rest::test::Reply;
using ::testing::HasSubstr;

constexpr const char* kPost = "POST";

class ListenE2eTest : public ::testing::Test {
 protected:
  // `rhooks listen` with these arguments; `pipe` is what the shell does with its output.
  std::unique_ptr<ChildProcess> listen(const std::string& arguments, const std::string& pipe = {}) {
    auto child = std::make_unique<ChildProcess>(std::vector<std::string>{
        "/bin/sh", "-c",
        (pipe.starts_with('|') ? "\"$0\"" : "exec \"$0\"") +
            (" listen --port 0 --port-file \"$1\" " + arguments) + " " + pipe,
        RHOOKS_BINARY, dir_.sub("port")});
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (port_ == 0 && std::chrono::steady_clock::now() < deadline) {
      std::ifstream(dir_.sub("port")) >> port_;
      std::this_thread::sleep_for(2ms);
    }
    EXPECT_NE(port_, 0) << child->errors();
    return child;
  }
  Reply post(const std::string& body = "{}") const {
    return rest::test::call(port_, {.method = kPost, .target = "/hook", .body = body});
  }

  TempDir dir_{"rhooks-listen"};
  std::uint16_t port_ = 0;
};

// The first is answered late, so that the others come while it is under way.
TEST_F(ListenE2eTest, TakesAsManyAsWereAskedFor) {
  const auto child = listen("--json --count 2 --delay 500ms");
  std::mutex mutex;
  std::vector<int> statuses;
  std::vector<std::thread> senders;
  for (int i = 0; i < 8; ++i) {
    senders.emplace_back([&] {
      const Reply reply = post();
      std::lock_guard lock(mutex);
      statuses.push_back(reply.status);
    });
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(child->wait(), 0) << child->errors();
  const std::string output = child->output();
  EXPECT_EQ(std::count(output.begin(), output.end(), '\n'), 2) << output;
  // 0: it did not listen any more.
  EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 200), 2);
  EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 503) +
                std::count(statuses.begin(), statuses.end(), 0),
            6);
}

TEST_F(ListenE2eTest, EndsWithTheReaderOfItsOutput) {
  const auto child = listen("--json", "2>/dev/null | (head -1; echo over)");
  EXPECT_EQ(post("1").status, 200);
  EXPECT_EQ(child->wait(), 0);
  EXPECT_THAT(child->output(), HasSubstr("\"body\":1}\nover\n"));
  EXPECT_EQ(post("2").status, 0) << "it listens though nobody sees it";
}

TEST_F(ListenE2eTest, DoesNotAcceptWhatItCanNotPrint) {
  const auto child = listen("--json", ">/dev/full");
  EXPECT_EQ(post().status, 503);
  EXPECT_EQ(child->wait(), 1);
  EXPECT_THAT(child->errors(), HasSubstr("the output cannot be written"));
}

TEST_F(ListenE2eTest, ShowsEveryValueOfAHeader) {
  const auto child = listen("--json --count 1");
  const Call call{.method = kPost,
                  .target = "/",
                  .body = "{}",
                  .headers = {{"X-Tag", "a"}, {"x-other", "o"}, {"x-tag", "b"}, {"X-TAG", "a"}}};
  EXPECT_EQ(rest::test::call(port_, call).status, 200);
  EXPECT_EQ(child->wait(), 0);
  const auto headers = boost::json::parse(child->output()).at("headers");
  EXPECT_EQ(headers.at("x-tag"), boost::json::value({"a", "b", "a"}));
  EXPECT_EQ(headers.at("x-other"), boost::json::value("o"));
}

TEST_F(ListenE2eTest, ShowsWhetherSignaturesAreGood) {
  // Made by `openssl rand -base64 24` for this test.
  const std::string secret = "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH";
  std::ofstream(dir_.sub("secret")) << secret << "\n";
  const auto child = listen("--json --count 3 --secret-file \"" + dir_.sub("secret") + "\"");
  Call call{.method = kPost, .target = "/", .body = "{\"a\": 1}"};
  EXPECT_EQ(rest::test::call(port_, call).status, 200);  // without a signature
  const auto signature = sign_webhook({secret}, "msg_1", SystemClock().now(), call.body);
  for (const Header& header : signature.value()) {
    call.headers.emplace_back(header.name, header.value);
  }
  EXPECT_EQ(rest::test::call(port_, call).status, 200);
  call.body += " ";
  EXPECT_EQ(rest::test::call(port_, call).status, 200);
  EXPECT_EQ(child->wait(), 0);
  std::istringstream lines(child->output());
  std::vector<boost::json::value> signatures;
  for (std::string line; std::getline(lines, line);) {
    signatures.push_back(boost::json::parse(line).at("signature"));
  }
  ASSERT_EQ(signatures.size(), 3u);
  EXPECT_FALSE(signatures[0].at("valid").as_bool());
  EXPECT_EQ(signatures[0].at("reason").as_string(), "the header webhook-id is missing");
  EXPECT_TRUE(signatures[1].at("valid").as_bool());
  EXPECT_EQ(signatures[1].as_object().size(), 1u);
  EXPECT_FALSE(signatures[2].at("valid").as_bool());
  EXPECT_EQ(child->output().find("5WbX5kEW"), std::string::npos);
}

TEST_F(ListenE2eTest, ShowsSignaturesToPeople) {
  std::ofstream(dir_.sub("secret")) << "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH";
  const auto child = listen("--count 1 --secret-file \"" + dir_.sub("secret") + "\"");
  EXPECT_EQ(post().status, 200);
  EXPECT_EQ(child->wait(), 0);
  EXPECT_THAT(child->output(),
              HasSubstr("\n  signature: refused, the header webhook-id is missing\n"));
}

// A pager that shows its first page, say, and is left so.
TEST_F(ListenE2eTest, ASecondSignalDoesNotWaitForAReader) {
  UnreadPipe output(dir_.sub("output"));
  const auto child = listen("--json", ">\"" + output.path() + "\"");
  const std::string large = "\"" + std::string(100'000, 'x') + "\"";
  std::thread sender([&] { EXPECT_EQ(post(large).status, 0); });  // it was not seen
  EXPECT_TRUE(output.read_until("arrivedAt"));
  child->signal(SIGTERM);
  child->signal(SIGINT);
  EXPECT_THAT(child->wait(), ::testing::AnyOf(128 + SIGTERM, 128 + SIGINT)) << child->errors();
  sender.join();
}

}  // namespace
}  // namespace rhooks::testing

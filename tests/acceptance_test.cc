// What the scheduler promises, seen from outside: the real binary, a real receiver.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "codec/iso8601.h"
#include "testing/test_receiver.h"
#include "tests/running_server.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

class AcceptanceTest : public ::testing::Test {
 protected:
  json::value run(std::vector<std::string> args) {
    args.push_back("--json");
    const Finished done = server_.run(std::move(args));
    EXPECT_EQ(done.exit, 0) << done.errors;
    json::error_code failed;
    auto parsed = json::parse(done.output, failed);
    EXPECT_FALSE(failed) << done.output;
    return parsed;
  }
  json::value task(const std::string& id) { return run({"get", "--namespace", "ns", "--id", id}); }
  json::array logs(const std::string& id) {
    return run({"logs", "--namespace", "ns", "--task", id}).at("items").as_array();
  }
  // Waits until the task has that status, and returns it.
  json::value wait_for(const std::string& id, std::string_view status) {
    json::value now;
    for (int i = 0; i < 1'500; ++i) {
      now = task(id);
      if (now.at("status").as_string() == status) return now;
      std::this_thread::sleep_for(20ms);
    }
    ADD_FAILURE() << id << " did not become " << status << ": " << json::serialize(now);
    return now;
  }

  TempDir dir_;
  RunningServer server_{dir_, "rocksdb:" + dir_.sub("store")};
};

TEST_F(AcceptanceTest, ARecurringTaskFiresFiveTimesOnItsNominalTimesAndIsDone) {
  TestReceiver receiver;
  run({"register", "--namespace", "ns", "--id", "tick", "--url", receiver.url("/tick"), "--every",
       "1s", "--max", "5"});
  const json::value done = wait_for("tick", "DONE");
  EXPECT_EQ(done.at("execution").at("count").to_number<int>(), 5);
  EXPECT_EQ(done.at("execution").at("successful").to_number<int>(), 5);
  EXPECT_EQ(done.at("execution").at("skipped").to_number<int>(), 0);
  EXPECT_EQ(receiver.request_count(), 5u);

  const json::array all = logs("tick");
  ASSERT_EQ(all.size(), 5u);
  std::vector<TimePoint> nominal;
  for (const json::value& log : all) {
    nominal.push_back(*codec::parse_time(log.at("scheduledDate").as_string()));
    const TimePoint started = *codec::parse_time(log.at("startedAt").as_string());
    EXPECT_GE(started, nominal.back());
    EXPECT_LT(started - nominal.back(), 500ms);  // a busy machine; benchmarks measure lateness
  }
  for (std::size_t i = 1; i < nominal.size(); ++i) EXPECT_EQ(nominal[i] - nominal[i - 1], 1s);
}

TEST_F(AcceptanceTest, TwoFailuresAndASuccessAreThreeLogsAndOneSuccessfulExecution) {
  std::atomic<int> count{0};
  TestReceiver receiver(
      [&](const TestRequest&) { return TestResponse::with_status(++count <= 2 ? 500 : 200); });
  run({"register", "--namespace", "ns", "--id", "flaky", "--url", receiver.url()});
  const json::value done = wait_for("flaky", "DONE");
  EXPECT_EQ(done.at("execution").at("count").to_number<int>(), 1);
  EXPECT_EQ(done.at("execution").at("successful").to_number<int>(), 1);
  EXPECT_EQ(done.at("errors").at("count").to_number<int>(), 0);

  const json::array all = logs("flaky");
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].at("status"), "FAIL");
  EXPECT_EQ(all[1].at("status"), "FAIL");
  EXPECT_EQ(all[2].at("status"), "SUCCESS");
  EXPECT_EQ(all[2].at("attempt").to_number<int>(), 3);
  const auto requests = receiver.requests();
  EXPECT_EQ(requests[0].header("webhook-id"), requests[2].header("webhook-id"));
}

TEST_F(AcceptanceTest, AReceiverThatAlwaysFailsEndsInFailedWithAReadableReason) {
  TestReceiver receiver([](const TestRequest&) { return TestResponse::with_status(503, "busy"); });
  run({"register", "--namespace", "ns", "--id", "bad", "--url", receiver.url(), "--retry-limit",
       "1"});
  const json::value failed = wait_for("bad", "FAILED");
  EXPECT_EQ(failed.at("errors").at("lastError"), "HTTP 503 Service Unavailable");
  EXPECT_EQ(failed.at("execution").at("lastResponseBody"), "busy");
  EXPECT_EQ(logs("bad").size(), 2u);
  EXPECT_EQ(receiver.request_count(), 2u);
}

TEST_F(AcceptanceTest, NobodyListeningIsAReadableErrorToo) {
  std::string url;
  {
    TestReceiver gone;
    url = gone.url();
  }
  run({"register", "--namespace", "ns", "--id", "gone", "--url", url, "--retry-limit", "0"});
  const json::value failed = wait_for("gone", "FAILED");
  EXPECT_NE(failed.at("errors").at("lastError").as_string().find("refused"), json::string::npos)
      << json::serialize(failed);
}

}  // namespace
}  // namespace rhooks::testing

// What the scheduler promises, seen from outside, on each store: the real binary, a real
// receiver.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <csignal>
#include <iostream>

#include "base/clock.h"
#include "base/iso8601.h"
#include "testing/closed_port.h"
#include "testing/patience.h"
#include "testing/slowdown.h"
#include "testing/test_receiver.h"
#include "tests/running_server.h"
#include "tests/test_store.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

// Between two looks at a state, each of which is a process of its own.
constexpr std::chrono::milliseconds kLookAgain{250};

class AcceptanceTest : public ::testing::TestWithParam<std::string> {
 protected:
  json::value run(std::vector<std::string> args) {
    args.push_back("--json");
    const Finished done = server_->run(std::move(args));
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
    EXPECT_TRUE(
        eventually([&] { return (now = task(id)).at("status").as_string() == status; }, kLookAgain))
        << id << " did not become " << status << ": " << json::serialize(now);
    return now;
  }

  json::array tasks(std::vector<std::string> filter = {}) {
    filter.insert(filter.begin(), {"fetch", "--namespace", "ns"});
    return run(std::move(filter)).at("items").as_array();
  }
  // Ends the server as an operator does, and starts another on the same store.
  void restart(std::vector<std::string> flags = {}) {
    if (server_) {
      server_->process().signal(SIGTERM);
      EXPECT_EQ(server_->process().wait(), 0) << server_->process().errors();
    }
    server_ =
        std::make_unique<RunningServer>(dir_, store_.url, std::move(flags), store_.environment);
  }
  void SetUp() override { restart(); }

  TempDir dir_;
  const TestStore store_ = make_test_store(GetParam(), dir_);
  std::unique_ptr<RunningServer> server_;
};

INSTANTIATE_TEST_SUITE_P(Stores, AcceptanceTest, ::testing::ValuesIn(store_kinds()),
                         [](const auto& store) { return store.param; });

TEST_P(AcceptanceTest, ATaskArrivesAtItsTime) {
  TestReceiver receiver;
  // A busy machine can hold any one up, so the best of three counts; none is early.
  Slowdown slowdown;
  std::chrono::milliseconds best = std::chrono::milliseconds::max();
  for (int i = 0; i < 3; ++i) {
    const std::string id = "once-" + std::to_string(i);
    run({"register", "--namespace", "ns", "--id", id, "--url", receiver.url("/hook"), "--method",
         "POST", "--at", "+2s", "--body", R"({"key":"value"})"});
    wait_for(id, "DONE");
    const json::array made = logs(id);
    ASSERT_EQ(made.size(), 1u);
    const TimePoint nominal = *parse_time(made[0].at("scheduledDate").as_string());
    const TimePoint started = *parse_time(made[0].at("startedAt").as_string());
    EXPECT_GE(started, nominal);
    best = std::min(best, started - nominal);
  }
  const double slower = slowdown.stop();
  std::cout << "best lateness: " << best.count() << " ms, " << slower
            << " times slower than alone\n";
  EXPECT_LT(best, slower * 250ms);
  const auto requests = receiver.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].target, "/hook");
  EXPECT_EQ(requests[0].body, R"({"key":"value"})");
  EXPECT_NE(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
}

TEST_P(AcceptanceTest, ARecurringTaskFiresFiveTimesOnItsNominalTimesAndIsDone) {
  TestReceiver receiver;
  Slowdown slowdown;
  const json::value tick = run({"register", "--namespace", "ns", "--id", "tick", "--url",
                                receiver.url("/tick"), "--every", "1s", "--max", "5"});
  const json::value done = wait_for("tick", "DONE");
  const double slower = slowdown.stop();
  EXPECT_EQ(done.at("execution").at("count").to_number<int>(), 5);
  EXPECT_EQ(done.at("execution").at("successful").to_number<int>(), 5);
  // A busy machine can hold a delivery up for longer than the interval; what is missed is skipped.
  const auto skipped = done.at("execution").at("skipped").to_number<int>();
  EXPECT_EQ(receiver.request_count(), 5u);

  const json::array all = logs("tick");
  ASSERT_EQ(all.size(), 5u);
  std::vector<TimePoint> nominal;
  std::chrono::milliseconds best = std::chrono::milliseconds::max();
  for (const json::value& log : all) {
    nominal.push_back(*parse_time(log.at("scheduledDate").as_string()));
    const TimePoint started = *parse_time(log.at("startedAt").as_string());
    EXPECT_GE(started, nominal.back());
    best = std::min(best, started - nominal.back());  // benchmarks measure lateness
  }
  EXPECT_LT(best, slower * 500ms);
  const TimePoint first = *parse_time(tick.at("scheduledDate").as_string());
  EXPECT_EQ(nominal.back() - first, (4 + skipped) * 1s);
  for (std::size_t i = 1; i < nominal.size(); ++i) {
    EXPECT_GE(nominal[i] - nominal[i - 1], 1s);
    EXPECT_EQ((nominal[i] - nominal[i - 1]) % 1s, 0s);
  }
}

TEST_P(AcceptanceTest, TwoFailuresAndASuccessAreThreeLogsAndOneSuccessfulExecution) {
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

TEST_P(AcceptanceTest, AReceiverThatAlwaysFailsEndsInFailedWithAReadableReason) {
  TestReceiver receiver([](const TestRequest&) { return TestResponse::with_status(503, "busy"); });
  run({"register", "--namespace", "ns", "--id", "bad", "--url", receiver.url(), "--retry-limit",
       "1"});
  const json::value failed = wait_for("bad", "FAILED");
  EXPECT_EQ(failed.at("errors").at("lastError"), "HTTP 503 Service Unavailable");
  EXPECT_EQ(failed.at("execution").at("lastResponseBody"), "busy");
  EXPECT_EQ(logs("bad").size(), 2u);
  EXPECT_EQ(receiver.request_count(), 2u);
}

TEST_P(AcceptanceTest, NobodyListeningIsAReadableErrorToo) {
  const ClosedPort nobody;
  run({"register", "--namespace", "ns", "--id", "gone", "--url", nobody.url(), "--retry-limit",
       "0"});
  const json::value failed = wait_for("gone", "FAILED");
  EXPECT_NE(failed.at("errors").at("lastError").as_string().find("refused"), json::string::npos)
      << json::serialize(failed);
}

TEST_P(AcceptanceTest, ASuspendedTaskIsNotDeliveredUntilItIsUnsuspended) {
  TestReceiver receiver;
  const auto deliveries = [&](const std::string& id) {
    const auto requests = receiver.requests();
    return std::count_if(requests.begin(), requests.end(),
                         [&](const TestRequest& request) { return request.target == "/" + id; });
  };
  // On a busy machine it may be delivered before it can be suspended; then with more time.
  std::string held;
  for (int seconds = 1; held.empty() && seconds <= 32; seconds *= 2) {
    const std::string id = "held-" + std::to_string(seconds);
    run({"register", "--namespace", "ns", "--id", id, "--url", receiver.url("/" + id), "--at",
         "+" + std::to_string(seconds) + "s"});
    if (server_->run({"suspend", "--namespace", "ns", "--id", id}).exit == 0) held = id;
  }
  ASSERT_NE(held, "");
  EXPECT_EQ(task(held).at("status"), "SUSPENDED");
  // What is due later is delivered, so the worker has passed the time of the suspended one.
  const TimePoint due = *parse_time(task(held).at("scheduledDate").as_string());
  run({"register", "--namespace", "ns", "--id", "later", "--url", receiver.url("/later"), "--at",
       format_time(due + 500ms)});
  wait_for("later", "DONE");
  EXPECT_EQ(deliveries(held), 0);
  EXPECT_EQ(task(held).at("status"), "SUSPENDED");

  run({"unsuspend", "--namespace", "ns", "--id", held});
  wait_for(held, "DONE");
  EXPECT_EQ(deliveries(held), 1);
}

TEST_P(AcceptanceTest, ManyAreDeletedByAFilterAndTheOthersStay) {
  const std::string file = dir_.sub("tasks.json");
  {
    std::ofstream out(file);
    for (int i = 0; i < 120; ++i) {
      out << R"({"namespace":"ns","id":")" << (i < 70 ? "old-" : "new-") << i
          << R"(","url":"http://127.0.0.1:9/","scheduledDate":"2100-01-01T00:00:00Z"})"
          << "\n";
    }
  }
  run({"register", "--file", file});
  const Finished deleted = server_->run(
      {"delete-many", "--namespace", "ns", "--id", "old-", "--chunk-limit", "50", "--yes"});
  EXPECT_EQ(deleted.output, "deleted 70 tasks\n") << deleted.errors;
  EXPECT_EQ(tasks({"--id", "old-"}).size(), 0u);
  EXPECT_EQ(tasks({"--limit", "1000"}).size(), 50u);
  EXPECT_EQ(run({"clear", "--namespace", "ns", "--yes"}).at("count").to_number<int>(), 50);
  const Finished none = server_->run({"fetch", "--namespace", "ns"});
  EXPECT_EQ(none.exit, 1);
  EXPECT_EQ(none.output, "");
}

TEST_P(AcceptanceTest, ARestartKeepsTasksAndDeliversThem) {
  TestReceiver receiver;
  run({"register", "--namespace", "ns", "--id", "kept", "--url", receiver.url("/kept"), "--method",
       "POST", "--body", R"({"n":1})", "--at", "+1d"});
  const json::value before = task("kept");
  // Due while nothing runs.
  run({"register", "--namespace", "ns", "--id", "missed", "--url", receiver.url("/missed"), "--at",
       "+1s"});
  restart({"--no-worker"});
  EXPECT_EQ(task("kept"), before);
  restart();
  wait_for("missed", "DONE");
  EXPECT_EQ(task("kept"), before);
  run({"trigger", "--namespace", "ns", "--id", "kept"});
  wait_for("kept", "DONE");
  EXPECT_EQ(receiver.request_count(), 2u);
}

TEST_P(AcceptanceTest, LogsThatExpiredAreNotShown) {
  TestReceiver receiver;
  // On a busy machine it may have expired before it is seen; then with more time.
  EXPECT_TRUE(with_more_time(5s, [&](std::chrono::milliseconds ttl) {
    restart({"--logs-ttl", std::to_string(ttl / 1s) + "s"});
    const std::string id = "brief-" + std::to_string(ttl / 1s);
    run({"register", "--namespace", "ns", "--id", id, "--url", receiver.url()});
    const json::value done = wait_for(id, "DONE");
    bool seen = false;
    const auto gone = [&] {
      const auto asked_at = SystemClock().now().time_since_epoch();
      const json::array shown = logs(id);
      for (const json::value& log : shown) {
        seen = true;
        // It was read later than that; `ttl` is in whole seconds.
        EXPECT_GT(std::chrono::seconds(log.at("ttl").to_number<std::int64_t>() + 1), asked_at);
      }
      return shown.empty();
    };
    EXPECT_TRUE(eventually(gone, kLookAgain));
    EXPECT_EQ(task(id), done);
    return seen;
  }));
}

TEST_P(AcceptanceTest, ATaskThatExpiredRegistersAnew) {
  restart({"--done-ttl", "2s"});
  TestReceiver receiver;
  const std::vector<std::string> registration = {
      "register", "--namespace", "ns", "--idempotency-key", "order-7", "--url", receiver.url()};
  const std::string id = json::value_to<std::string>(run(registration).at("id"));
  ASSERT_TRUE(receiver.wait_requests(1));
  const auto gone = [&] {
    const Finished got = server_->run({"get", "--namespace", "ns", "--id", id});
    return got.exit == 1 && got.errors.find("there is no task") != std::string::npos;
  };
  EXPECT_TRUE(eventually(gone, kLookAgain));
  EXPECT_EQ(receiver.request_count(), 1u);
  EXPECT_EQ(json::value_to<std::string>(run(registration).at("id")), id);
  EXPECT_TRUE(receiver.wait_requests(2)) << "the replay came too late, and is a new task";
}

TEST_P(AcceptanceTest, ErrorsAreReadableAndExitCodesTellThem) {
  const Finished missing = server_->run({"get", "--namespace", "ns", "--id", "nothing"});
  EXPECT_EQ(missing.exit, 1);
  EXPECT_NE(missing.errors.find("nothing"), std::string::npos) << missing.errors;
  const Finished scheme =
      server_->run({"register", "--namespace", "ns", "--url", "ftp://127.0.0.1/"});
  EXPECT_EQ(scheme.exit, 1);
  EXPECT_NE(scheme.errors.find("url"), std::string::npos) << scheme.errors;
  run({"register", "--namespace", "ns", "--id", "twice", "--url", "http://127.0.0.1:9/", "--at",
       "+1h"});
  const Finished twice = server_->run({"register", "--namespace", "ns", "--id", "twice", "--url",
                                       "http://127.0.0.1:9/", "--at", "+1h"});
  EXPECT_EQ(twice.exit, 1);
  EXPECT_NE(twice.errors.find("exists already"), std::string::npos) << twice.errors;
  EXPECT_EQ(server_->run({"unsuspend", "--namespace", "ns", "--id", "twice"}).exit, 1);
}

}  // namespace
}  // namespace rhooks::testing

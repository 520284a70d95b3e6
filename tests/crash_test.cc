// kill -9 of the real server under load: every task is delivered, none is stuck, and the
// repeats are at most what was in flight.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <map>
#include <random>

#include "testing/patience.h"
#include "testing/test_receiver.h"
#include "tests/running_server.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kInFlight = 1'000;
constexpr std::size_t kWaiting = 10'000;
constexpr std::size_t kTasks = kInFlight + kWaiting;

// Of a worker with so many slots, kInFlight are for receivers that were not tried yet, and two for
// each of them.
constexpr std::size_t kSlotsOfWorker = 2 * kInFlight;
constexpr std::size_t kReceivers = kInFlight / 2;

// Requests by path, which names the task.
std::map<std::string, std::size_t> deliveries(const TestReceiver& receiver) {
  std::map<std::string, std::size_t> counts;
  for (const TestRequest& request : receiver.requests()) ++counts[request.target];
  return counts;
}

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

class CrashTest : public ::testing::Test {
 protected:
  // Has the command line register the tasks over REST, as a user would, for so many receivers by
  // turns.
  void register_tasks(const RunningServer& server, const TestReceiver& receiver,
                      std::size_t receivers = 1) {
    const std::string file = dir_.sub("tasks.json");
    {
      std::ofstream out(file);
      out << "[";
      for (std::size_t i = 0; i < kTasks; ++i) {
        const std::size_t host = i % receivers;
        const std::string address =
            "127.0." + std::to_string(host / 250) + "." + std::to_string(host % 250 + 1);
        out << (i ? "," : "") << R"({"namespace":"crash","id":")" << i << R"(","method":"POST",)"
            << R"("url":")" << receiver.url("/" + std::to_string(i), address) << R"(","body":{"n":)"
            << i << "}}";
      }
      out << "]";
    }
    const Finished done = server.run({"register", "--file", file});
    ASSERT_EQ(done.exit, 0) << done.errors;
  }

  std::size_t count_of(const RunningServer& server, const std::string& status) {
    const Finished done = server.run({"fetch", "--namespace", "crash", "--status", status, "--all",
                                      "--limit", "1000", "--json"});
    EXPECT_EQ(done.exit, 0) << done.errors;
    return lines(done.output);
  }

  // Each task once at least; nothing left to do; every one of them DONE, once.
  void expect_all_delivered(const RunningServer& server, const TestReceiver& receiver,
                            std::size_t repeats_max) {
    EXPECT_TRUE(eventually([&] { return count_of(server, "DONE") == kTasks; }, 100ms));
    for (const char* status : {"ACTIVE", "PROCESSING", "FAILED", "SUSPENDED"}) {
      EXPECT_EQ(count_of(server, status), 0u) << status;
    }
    const auto counts = deliveries(receiver);
    std::size_t repeats = 0;
    for (const auto& [target, count] : counts) repeats += count - 1;
    std::cout << "tasks " << kTasks << ", delivered " << counts.size() << ", lost "
              << kTasks - counts.size() << ", repeats " << repeats << " (at most " << repeats_max
              << ")\n";
    EXPECT_EQ(counts.size(), kTasks);
    EXPECT_LE(repeats, repeats_max);
  }

  static std::vector<std::string> flags(std::size_t slots = kInFlight) {
    return {"--concurrency", std::to_string(slots), "--log-level",
            "warn",          "--request-timeout",   "10m"};
  }

  TempDir dir_;
  const std::string store_ = "rocksdb:" + dir_.sub("store");
};

TEST_F(CrashTest, KilledWithAThousandInFlightAndTenThousandWaiting) {
  TestReceiver::Options options;
  options.handler = [](const TestRequest&) {
    TestResponse response;
    response.hold = true;
    return response;
  };
  options.all_of_loopback = true;
  TestReceiver receiver(options);
  {
    RunningServer server(dir_, store_, flags(kSlotsOfWorker));
    register_tasks(server, receiver, kReceivers);
    ASSERT_TRUE(receiver.wait_held(kInFlight));
    EXPECT_EQ(receiver.held(), kInFlight);
    EXPECT_EQ(receiver.request_count(), kInFlight);  // what they may have, exactly
    server.kill();
  }
  receiver.release_held();
  RunningServer server(dir_, store_, flags());
  expect_all_delivered(server, receiver, kInFlight);
}

TEST_F(CrashTest, KilledAgainAndAgainInFullFlow) {
  const auto seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937 random(seed);
  constexpr std::size_t kKills = 4;

  TestReceiver receiver([](const TestRequest&) { return TestResponse::with_status(200); });
  {
    RunningServer server(dir_, store_, flags());
    register_tasks(server, receiver);
    server.kill();
  }
  for (std::size_t kill = 1; kill < kKills; ++kill) {
    RunningServer server(dir_, store_, flags());
    const std::size_t more = std::uniform_int_distribution<std::size_t>(1, kTasks / 5)(random);
    // All may be delivered already; then the kill meets a server at rest.
    receiver.wait_requests(receiver.request_count() + more, 2s);
    server.kill();
  }
  RunningServer server(dir_, store_, flags());
  expect_all_delivered(server, receiver, kKills * kInFlight);
}

// What an outcome promised to tell is told, and once, wherever the kill fell.
TEST_F(CrashTest, EveryEndIsToldOnce) {
  const auto seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937 random(seed);
  constexpr std::size_t kTold = 3'000;
  constexpr std::size_t kKills = 4;
  const auto fails = [](std::size_t task) { return task % 3 == 0; };

  TestReceiver receiver([](const TestRequest& request) {
    return TestResponse::with_status(request.target.starts_with("/bad") ? 500 : 200);
  });
  {
    RunningServer server(dir_, store_, flags());
    const Finished put =
        server.run({"endpoint", "put", "audit", "-n", "crash", "--url", receiver.url("/told")});
    ASSERT_EQ(put.exit, 0) << put.errors;
    const std::string file = dir_.sub("tasks.json");
    std::ofstream out(file);
    for (std::size_t i = 0; i < kTold; ++i) {
      out << R"({"namespace":"crash","id":")" << i << R"(","url":")"
          << receiver.url(fails(i) ? "/bad" : "/good") << R"(","retryLimit":0,"callback":"audit"})"
          << '\n';
    }
    out.close();
    const Finished done = server.run({"register", "--file", file});
    ASSERT_EQ(done.exit, 0) << done.errors;
    server.kill();
  }
  for (std::size_t kill = 1; kill < kKills; ++kill) {
    RunningServer server(dir_, store_, flags());
    const std::size_t more = std::uniform_int_distribution<std::size_t>(1, kTold / 2)(random);
    receiver.wait_requests(receiver.request_count() + more, 2s);
    server.kill();
  }
  RunningServer server(dir_, store_, flags());
  std::size_t failed = 0;
  for (std::size_t i = 0; i < kTold; ++i) failed += fails(i) ? 1 : 0;
  const std::size_t good = 2 * kTold - failed;
  EXPECT_TRUE(eventually([&] { return count_of(server, "DONE") == good; }, 100ms));
  EXPECT_EQ(count_of(server, "FAILED"), failed);
  EXPECT_EQ(count_of(server, "ACTIVE"), 0u);

  std::map<std::size_t, std::map<std::string, std::string>> told;  // webhook-id and event, by task
  std::size_t requests = 0;
  for (const TestRequest& request : receiver.requests()) {
    if (request.target != "/told") continue;
    ++requests;
    const auto body = boost::json::parse(request.body);
    const std::size_t task =
        std::stoul(boost::json::value_to<std::string>(body.at("data").at("id")));
    told[task][request.header("webhook-id")] = boost::json::value_to<std::string>(body.at("type"));
  }
  std::cout << "told of " << told.size() << " of " << kTold << " tasks by " << requests
            << " requests\n";
  EXPECT_EQ(told.size(), kTold);
  for (const auto& [task, events] : told) {
    ASSERT_EQ(events.size(), 1u) << "task " << task;
    EXPECT_EQ(events.begin()->second, fails(task) ? "task.failed" : "task.succeeded") << task;
  }
  EXPECT_LE(requests, kTold + kKills * kInFlight);
}

}  // namespace
}  // namespace rhooks::testing

// kill -9 of the real server, again and again, while it runs the tasks of an outage once more: each
// is delivered and counted once, and they come no faster than was asked for.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "codec/public_json.h"
#include "testing/closed_port.h"
#include "testing/patience.h"
#include "testing/soak.h"
#include "testing/test_receiver.h"
#include "tests/running_server.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kSlotsOfRedrive = 100;
// Tasks of one step of a redrive.
constexpr std::size_t kStepOfRedrive = 100;

// What takes its time with so many tasks.
template <typename Condition>
bool in_its_time(const Condition& condition) {
  for (int tries = 0; tries < 5; ++tries) {
    if (eventually(condition, 200ms)) return true;
  }
  return false;
}

// A namespace whose tasks all failed, since nobody answered at their endpoint, until the receiver
// is there.
class Outage {
 public:
  Outage(std::size_t tasks, std::size_t a_second) : tasks_(tasks), a_second_(a_second) { start(); }

  void fail_all() {
    put_endpoint(closed_.url("/in"), "--no-breaker");  // they are not to wait
    const std::string file = dir_.sub("tasks.json");
    {
      std::ofstream out(file);
      out << "[";
      for (std::size_t i = 0; i < tasks_; ++i) {
        out << (i ? "," : "") << R"({"namespace":"shop","id":")" << i
            << R"(","method":"POST","endpoint":"acme","retryLimit":0,"url":"/)" << i << "\"}";
      }
      out << "]";
    }
    run({"register", "--file", file});
    EXPECT_TRUE(all_ended());
    EXPECT_EQ(count_of("FAILED"), tasks_);
  }
  void begin_redrive() {
    put_endpoint(receiver_.url("/in"), "--breaker");
    run({"redrive", "-n", "shop", "--endpoint", "acme", "--reason", "exhausted", "--rate",
         std::to_string(a_second_) + "/s", "--yes"});
  }
  void kill_and_start() {
    server_->kill();
    start();
  }

  std::optional<Redrive> redrive() {
    auto shown = codec::parse_redrive(run({"redrive", "-n", "shop", "--show", "--json"}));
    EXPECT_TRUE(shown) << shown.error().message;
    return shown ? std::optional(std::move(*shown)) : std::nullopt;
  }
  bool ends() {
    return in_its_time([&] {
      const auto shown = redrive();
      return !shown || shown->state != RedriveState::kRunning;
    });
  }
  // Whether no task has an attempt before it.
  bool all_ended() {
    return in_its_time([&] { return has_none("ACTIVE") && has_none("PROCESSING"); });
  }
  std::size_t count_of(const char* status) { return tasks_of(status).size(); }
  // The most tasks that were run again within a second.
  std::size_t most_in_a_second() {
    std::vector<TimePoint> runs;
    for (const std::string& line : tasks_of("DONE")) {
      const auto task = codec::parse_task(line);
      EXPECT_TRUE(task) << line;
      if (task) runs.push_back(task->scheduled_date);
    }
    std::sort(runs.begin(), runs.end());
    std::size_t most = 0;
    for (std::size_t from = 0, to = 0; from < runs.size(); ++from) {
      while (to < runs.size() && runs[to] < runs[from] + 1s) ++to;
      most = std::max(most, to - from);
    }
    return most;
  }
  // How often each task came to the receiver.
  std::map<std::string, std::size_t> arrivals() const {
    std::lock_guard lock(mutex_);
    return arrivals_;
  }

 private:
  void start() {
    server_ = std::make_unique<RunningServer>(
        dir_, "rocksdb:" + dir_.sub("store"),
        std::vector<std::string>{"--concurrency", std::to_string(kSlotsOfRedrive), "--log-level",
                                 "warn"});
  }
  void put_endpoint(const std::string& url, const char* breaker) {
    run({"endpoint", "put", "acme", "-n", "shop", "--url", url, breaker});
  }
  std::string run(std::vector<std::string> args) {
    const Finished done = server_->run(std::move(args));
    EXPECT_EQ(done.exit, 0) << done.errors;
    return done.output;
  }
  bool has_none(const char* status) {
    const std::string page =
        run({"fetch", "-n", "shop", "--status", status, "--limit", "1", "--json"});
    return page.find("\"items\":[]") != std::string::npos;
  }
  // As JSON, each a line.
  std::vector<std::string> tasks_of(const char* status) {
    std::istringstream all(
        run({"fetch", "-n", "shop", "--status", status, "--all", "--limit", "1000", "--json"}));
    std::vector<std::string> lines_of_tasks;
    for (std::string line; std::getline(all, line);) lines_of_tasks.push_back(std::move(line));
    return lines_of_tasks;
  }
  TestReceiver::Options counting() {
    TestReceiver::Options options;
    options.record_max = 0;
    options.handler = [this](const TestRequest& request) {
      std::lock_guard lock(mutex_);
      ++arrivals_[request.target];
      return TestResponse::with_status(200);
    };
    return options;
  }

  const std::size_t tasks_;
  const std::size_t a_second_;
  TempDir dir_;
  ClosedPort closed_;
  mutable std::mutex mutex_;
  std::map<std::string, std::size_t> arrivals_;
  TestReceiver receiver_{counting()};
  std::unique_ptr<RunningServer> server_;
};

TEST(RedriveSoakTest, KilledAgainAndAgain) {
  Soak soak("redrive");
  while (soak.more()) {
    std::mt19937_64 random(soak.seed());
    const std::size_t tasks = soak.asked() ? 100'000 : 2'000;
    const std::size_t a_second = soak.asked() ? 10'000 : 400;
    constexpr std::size_t kKillsOfRedrive = 5;
    Outage outage(tasks, a_second);
    outage.fail_all();
    outage.begin_redrive();
    for (std::size_t kill = 0; kill < kKillsOfRedrive; ++kill) {
      std::this_thread::sleep_for(
          std::chrono::milliseconds{std::uniform_int_distribution<int>(50, 900)(random)});
      outage.kill_and_start();
    }
    EXPECT_TRUE(outage.ends());
    EXPECT_TRUE(outage.all_ended());

    const auto redrive = outage.redrive();
    ASSERT_TRUE(redrive);
    EXPECT_EQ(redrive->state, RedriveState::kDone);
    EXPECT_EQ(redrive->redriven, static_cast<std::int64_t>(tasks));
    EXPECT_EQ(redrive->skipped, 0);
    EXPECT_LE(outage.most_in_a_second(), a_second + kStepOfRedrive);
    const auto arrivals = outage.arrivals();
    std::size_t repeats = 0;
    for (const auto& [target, count] : arrivals) repeats += count - 1;
    std::cout << tasks << " tasks, " << redrive->redriven << " redriven, " << arrivals.size()
              << " arrived, " << repeats << " repeats" << std::endl;
    EXPECT_EQ(arrivals.size(), tasks);
    EXPECT_LE(repeats, kKillsOfRedrive * kSlotsOfRedrive);
    soak.count().crashes += kKillsOfRedrive;
    soak.count().repeats += repeats;
    soak.count().lost += tasks - std::min(tasks, arrivals.size());
    const std::size_t done = outage.count_of("DONE");
    EXPECT_EQ(done, tasks);
    soak.count().stuck += tasks - std::min(tasks, done);
  }
}

}  // namespace
}  // namespace rhooks::testing

// kill -9 of the real server under load: what endpoints say of their tasks holds at the receiver,
// all the time.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "testing/patience.h"
#include "testing/slowdown.h"
#include "testing/soak.h"
#include "testing/test_receiver.h"
#include "tests/running_server.h"
#include "tests/test_store.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAtOnce = 3;      // of "few"
constexpr std::size_t kPerSecond = 40;  // of "paced"
constexpr std::size_t kBurst = 5;
constexpr std::size_t kFlows = 8;  // of "row"

// A task as it came to the receiver: "/few/7", "/paced/7", "/row/FLOW/7".
struct CameTo {
  std::string endpoint;
  std::size_t flow = 0;
  std::size_t number = 0;
  Clock::Micros at{};
  Clock::Micros answered_at{};
};

std::vector<CameTo> of_endpoint(const std::vector<CameTo>& all, const std::string& endpoint) {
  std::vector<CameTo> found;
  for (const CameTo& one : all) {
    if (one.endpoint == endpoint) found.push_back(one);
  }
  return found;
}

// Answers after a while, and fails some first attempts.
class LimitedReceiver {
 public:
  explicit LimitedReceiver(std::uint64_t seed) : random_(seed) {}

  std::string url(const std::string& path) const { return receiver_.url(path); }
  bool wait_requests(std::size_t count) const { return receiver_.wait_requests(count); }
  std::vector<CameTo> all() const {
    std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  TestResponse receive(const TestRequest& request) {
    std::lock_guard lock(mutex_);
    CameTo came;
    char name[16] = "";
    if (std::sscanf(request.target.c_str(), "/row/%zu/%zu", &came.flow, &came.number) == 2) {
      came.endpoint = "row";
    } else if (std::sscanf(request.target.c_str(), "/%15[a-z]/%zu", name, &came.number) == 2) {
      came.endpoint = name;
    }
    const bool first = seen_.insert(request.target).second;
    TestResponse response = TestResponse::with_status(first && random_() % 5 == 0 ? 500 : 200);
    response.delay = std::chrono::milliseconds{5 + random_() % 60};
    came.at = request.arrived_at;
    came.answered_at = came.at + response.delay;
    all_.push_back(came);
    return response;
  }

  mutable std::mutex mutex_;
  std::mt19937_64 random_;
  std::set<std::string> seen_;
  std::vector<CameTo> all_;
  TestReceiver receiver_{[this](const TestRequest& request) { return receive(request); }};
};

// Servers on one store, with endpoints that are limited, and tasks for them.
class LimitedWorld {
 public:
  LimitedWorld(const std::string& kind, std::uint64_t seed, std::size_t servers)
      : store_(make_test_store(kind, dir_)), receiver_(seed), dirs_(servers), servers_(servers) {
    for (std::size_t i = 0; i < servers; ++i) start(i);
    put("few", {"--concurrency", std::to_string(kAtOnce)});
    put("paced", {"--rate", std::to_string(kPerSecond) + "/s", "--burst", std::to_string(kBurst)});
    put("row", {"--ordered"});
  }

  void register_all(std::size_t few, std::size_t paced, std::size_t in_row) {
    tasks_ = few + paced + kFlows * in_row;
    const std::string file = dir_.sub("tasks.json");
    {
      std::ofstream out(file);
      const auto add = [&](const std::string& endpoint, const std::string& rest,
                           const std::string& flow) {
        out << R"({"namespace":"shop","endpoint":")" << endpoint << R"(","url":")" << rest << '"'
            << (flow.empty() ? "" : R"(,"flowKey":")" + flow + '"') << "}\n";
      };
      for (std::size_t i = 0; i < few; ++i) add("few", "/" + std::to_string(i), "");
      for (std::size_t i = 0; i < paced; ++i) add("paced", "/" + std::to_string(i), "");
      for (std::size_t i = 0; i < kFlows * in_row; ++i) {
        const std::string flow = std::to_string(i % kFlows);
        add("row", "/" + flow + "/" + std::to_string(i / kFlows), "customer-" + flow);
      }
    }
    run({"register", "--file", file});
  }

  // Once so many more have come to the receiver.
  void kill_after(std::size_t more, std::size_t server) {
    EXPECT_TRUE(receiver_.wait_requests(receiver_.all().size() + more));
    servers_[server]->kill();
    kills_.push_back(SystemClock().now_micros());
    start(server);
  }

  std::size_t tasks() const { return tasks_; }
  const std::vector<Clock::Micros>& kills() const { return kills_; }
  std::vector<CameTo> came() const { return receiver_.all(); }
  bool all_ended() {
    return eventually([&] { return has_none("ACTIVE") && has_none("PROCESSING"); }, 200ms);
  }
  bool has_none(const char* status) {
    return run({"fetch", "-n", "shop", "--status", status, "--limit", "1", "--json"})
               .find("\"items\":[]") != std::string::npos;
  }

 private:
  void start(std::size_t server) {
    servers_[server] = std::make_unique<RunningServer>(
        dirs_[server], store_.url,
        std::vector<std::string>{"--concurrency", "64", "--backoff-max", "200ms",
                                 "--request-timeout", "5s", "--log-level", "warn"},
        store_.environment);
  }
  void put(const std::string& name, std::vector<std::string> limits) {
    std::vector<std::string> args{
        "endpoint", "put", name, "-n", "shop", "--url", receiver_.url("/" + name)};
    args.insert(args.end(), limits.begin(), limits.end());
    run(std::move(args));
  }
  std::string run(std::vector<std::string> args) {
    const Finished done = servers_.front()->run(std::move(args));
    EXPECT_EQ(done.exit, 0) << done.errors;
    return done.output;
  }

  const TempDir dir_;
  const TestStore store_;
  LimitedReceiver receiver_;
  std::vector<TempDir> dirs_;
  std::vector<std::unique_ptr<RunningServer>> servers_;
  std::vector<Clock::Micros> kills_;
  std::size_t tasks_ = 0;
};

// Nothing is under way longer than the worker that made it lived.
std::size_t most_at_once(const std::vector<CameTo>& few, const std::vector<Clock::Micros>& kills) {
  std::size_t most = 0;
  for (const CameTo& one : few) {
    most = std::max(
        most,
        static_cast<std::size_t>(std::count_if(few.begin(), few.end(), [&](const CameTo& other) {
          const auto kill = std::upper_bound(kills.begin(), kills.end(), other.at);
          const auto end =
              kill == kills.end() ? other.answered_at : std::min(other.answered_at, *kill);
          return other.at <= one.at && one.at < end;
        })));
  }
  return most;
}

// By how many more than its rate allows came within any time, where each may have been so late.
std::size_t most_beyond_rate(std::vector<CameTo> paced, std::chrono::microseconds late) {
  std::sort(paced.begin(), paced.end(),
            [](const CameTo& a, const CameTo& b) { return a.at < b.at; });
  std::size_t most = 0;
  for (std::size_t from = 0; from < paced.size(); ++from) {
    for (std::size_t to = from; to < paced.size(); ++to) {
      const std::chrono::duration<double> time = paced[to].at - paced[from].at + late;
      const auto allowed =
          kBurst + static_cast<std::size_t>(time.count() * static_cast<double>(kPerSecond));
      most = std::max(most, std::max(to - from + 1, allowed) - allowed);
    }
  }
  return most;
}

// How often one came after a later one of its flow.
std::size_t swaps(const std::vector<CameTo>& row) {
  std::map<std::size_t, std::size_t> latest;
  std::size_t count = 0;
  for (const CameTo& one : row) {
    std::size_t& last = latest[one.flow];
    count += one.number < last ? 1 : 0;
    last = std::max(last, one.number);
  }
  return count;
}

// Each came, and how often more than that.
std::size_t expect_all_came(Soak& soak, const LimitedWorld& world) {
  std::map<std::tuple<std::string, std::size_t, std::size_t>, std::size_t> times;
  for (const CameTo& one : world.came()) ++times[{one.endpoint, one.flow, one.number}];
  EXPECT_EQ(times.size(), world.tasks());
  soak.count().lost += world.tasks() - std::min(world.tasks(), times.size());
  return world.came().size() - times.size();
}

TEST(LimitsSoakTest, OnRocksDb) {
  Soak soak("limits rocksdb");
  while (soak.more()) {
    std::mt19937_64 random(soak.seed());
    Slowdown slowdown;
    LimitedWorld world("rocksdb", random(), 1);
    world.register_all(80, 160, 20);
    constexpr std::size_t kKillsOfLimits = 4;
    for (std::size_t i = 0; i < kKillsOfLimits; ++i) {
      world.kill_after(std::uniform_int_distribution<std::size_t>(10, 80)(random), 0);
    }
    EXPECT_TRUE(world.all_ended());
    const auto came = world.came();
    const std::size_t at_once = most_at_once(of_endpoint(came, "few"), world.kills());
    const auto late =
        std::chrono::duration_cast<std::chrono::microseconds>(slowdown.stop() * 250ms);
    const std::size_t beyond = most_beyond_rate(of_endpoint(came, "paced"), late);
    std::cout << came.size() << " requests of " << world.tasks() << " tasks, at most " << at_once
              << " at once, " << beyond << " beyond the rate" << std::endl;
    EXPECT_EQ(at_once, kAtOnce);
    EXPECT_EQ(beyond, 0u);
    EXPECT_EQ(swaps(of_endpoint(came, "row")), 0u);
    soak.count().crashes += kKillsOfLimits;
    soak.count().repeats += expect_all_came(soak, world);
  }
}

// What was under way at the one that dies is attempted by the other, before what stands behind it.
TEST(LimitsSoakTest, OrderOfTwoOnDynamoDb) {
  Soak soak("order dynamodb");
  while (soak.more()) {
    std::mt19937_64 random(soak.seed());
    LimitedWorld world("dynamodb", random(), 2);
    world.register_all(0, 0, 40);
    world.kill_after(std::uniform_int_distribution<std::size_t>(10, 200)(random), 1);
    EXPECT_TRUE(world.all_ended());
    const auto came = world.came();
    std::cout << came.size() << " requests of " << world.tasks() << " tasks in order" << std::endl;
    EXPECT_EQ(swaps(came), 0u);
    soak.count().crashes += 1;
    soak.count().repeats += expect_all_came(soak, world);
  }
}

}  // namespace
}  // namespace rhooks::testing

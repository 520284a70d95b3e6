// Several workers on one set of DynamoDB tables, as processes of the real binary: they share the
// work, one is killed, one is stopped, one is paused for so long that it is taken for dead.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "base/clock.h"
#include "cli/rest_client.h"
#include "testing/patience.h"
#include "testing/slowdown.h"
#include "testing/test_receiver.h"
#include "tests/running_server.h"
#include "tests/test_store.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
namespace json = boost::json;

constexpr std::size_t kConcurrency = 25;
// Of these are for receivers that were not tried yet.
constexpr std::size_t kUntriedMax = kConcurrency / 2;
constexpr int kShards = 16;

std::string seconds_text(steady_clock::duration time) {
  std::ostringstream text;
  text.precision(2);
  text << std::fixed << std::chrono::duration<double>(time).count() << " s";
  return text.str();
}

// Requests by path, which names the task.
std::map<std::string, std::size_t> deliveries(const TestReceiver& receiver,
                                              const std::string& prefix) {
  std::map<std::string, std::size_t> counts;
  for (const TestRequest& request : receiver.requests()) {
    if (request.target.starts_with(prefix)) ++counts[request.target];
  }
  return counts;
}

std::size_t repeats_in(const std::map<std::string, std::size_t>& counts) {
  std::size_t repeats = 0;
  for (const auto& [target, count] : counts) repeats += count - 1;
  return repeats;
}

// When the last request came that had come before.
std::optional<Clock::Micros> last_repeat(const TestReceiver& receiver, const std::string& prefix) {
  std::set<std::string> seen;
  std::optional<Clock::Micros> last;
  for (const TestRequest& request : receiver.requests()) {
    if (request.target.starts_with(prefix) && !seen.insert(request.target).second) {
      last = request.arrived_at;
    }
  }
  return last;
}

// Who owns which shard, as `rhooks store describe` shows it.
struct Shares {
  std::map<std::int64_t, int> by_pid;  // of the workers that the table knows
  int unowned = 0;                     // free, or of a worker that the table knows no more
  steady_clock::time_point asked_at, answered_at;

  int of(const RunningServer& server) {
    return by_pid[const_cast<RunningServer&>(server).process().pid()];
  }
};

class DynamoWorkersTest : public ::testing::Test {
 protected:
  using Servers = std::vector<std::unique_ptr<RunningServer>>;

  // So many workers, started at the same moment, so that all find no tables and make them.
  Servers start(std::size_t count,
                const std::vector<std::string>& flags = {"--request-timeout", "2m"}) {
    Servers servers(count);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i) {
      dirs_.push_back(std::make_unique<TempDir>());
      const TempDir& dir = *dirs_.back();
      threads.emplace_back([this, &servers, &dir, &flags, i] {
        std::vector<std::string> all = {"--concurrency", std::to_string(kConcurrency),
                                        "--log-format", "json"};
        all.insert(all.end(), flags.begin(), flags.end());
        servers[i] =
            std::make_unique<RunningServer>(dir, store_.url, std::move(all), store_.environment);
      });
    }
    for (std::thread& thread : threads) thread.join();
    return servers;
  }

  Shares shares() {
    Shares shares;
    shares.asked_at = steady_clock::now();
    const Finished done = run_program(
        {RHOOKS_BINARY, "store", "describe", "--store", store_.url, "--json"}, store_.environment);
    shares.answered_at = steady_clock::now();
    EXPECT_EQ(done.exit, 0) << done.errors;
    json::error_code failed;
    const json::value description = json::parse(done.output, failed);
    EXPECT_FALSE(failed) << done.output;
    if (failed) return shares;
    std::map<std::string, std::int64_t> pids;
    for (const json::value& row : rows_of(description, "Workers")) {
      const std::int64_t pid = std::stoll(json::value_to<std::string>(row.at("pid")));
      pids[json::value_to<std::string>(row.at("worker"))] = pid;
      shares.by_pid[pid] = 0;
    }
    const json::array shards = rows_of(description, "Shards");
    EXPECT_EQ(shards.size(), kShards);
    for (const json::value& row : shards) {
      const auto owner = pids.find(json::value_to<std::string>(row.at("worker")));
      owner == pids.end() ? ++shares.unowned : ++shares.by_pid[owner->second];
    }
    return shares;
  }

  static json::array rows_of(const json::value& description, std::string_view title) {
    for (const json::value& section : description.at("sections").as_array()) {
      if (section.at("title").as_string() == title) return section.at("rows").as_array();
    }
    ADD_FAILURE() << "no section " << title;
    return {};
  }

  // How long it took, between two readings of the table.
  struct Took {
    steady_clock::duration least, most;
    std::string text() const {
      return "after " + seconds_text(least) + " to " + seconds_text(most);
    }
  };
  // Waits until these share all shards, fairly within one.
  Took wait_shared(const std::vector<const RunningServer*>& servers) {
    const auto from = steady_clock::now();
    Took took{0s, 0s};
    const int least = kShards / static_cast<int>(servers.size());
    const bool shared = eventually(
        [&] {
          Shares now = shares();
          took.most = now.answered_at - from;
          int owned = 0;
          bool fair = true;
          for (const RunningServer* const server : servers) {
            fair = fair && now.of(*server) >= least;
            owned += now.of(*server);
          }
          if (fair && owned == kShards) return true;
          took.least = now.asked_at - from;
          return false;
        },
        500ms);  // each look is a process of its own
    EXPECT_TRUE(shared);
    return took;
  }

  static std::vector<const RunningServer*> all_of(const Servers& servers) {
    std::vector<const RunningServer*> all;
    for (const auto& server : servers) all.push_back(server.get());
    return all;
  }

  // Has the command line register tasks over REST, as a user would, for so many receivers by turns.
  // Their paths are /ID.
  void register_tasks(const RunningServer& server, const TestReceiver& receiver,
                      const std::string& prefix, std::size_t count, std::size_t receivers = 1) {
    const std::string file = dir_.sub(prefix + ".json");
    {
      std::ofstream out(file);
      out << "[";
      for (std::size_t i = 0; i < count; ++i) {
        const std::string id = prefix + std::to_string(i);
        out << (i ? "," : "") << R"({"namespace":"ns","id":")" << id << R"(","method":"POST",)"
            << R"("url":")"
            << receiver.url("/" + id, "127.0.0." + std::to_string(1 + i % receivers))
            << R"(","body":{"n":)" << i << "}}";
      }
      out << "]";
    }
    Finished done = server.run({"register", "--file", file});
    // As it says to do where calls were not answered: an emulator for many tests at a time may take
    // longer than a call does.
    for (int again = 0; done.exit != 0 && again < 3; ++again) {
      done = server.run({"register", "--file", file});
    }
    EXPECT_EQ(done.exit, 0) << done.errors;
  }

  static std::vector<json::object> fetch(const RunningServer& server, const std::string& prefix) {
    const Finished done = server.run(
        {"fetch", "--namespace", "ns", "--id", prefix, "--all", "--limit", "1000", "--json"});
    EXPECT_EQ(done.exit, 0) << done.errors;
    return objects_in(done.output);
  }
  static std::vector<json::object> objects_in(const std::string& lines) {
    std::vector<json::object> objects;
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) {
      objects.push_back(json::parse(line).as_object());
    }
    return objects;
  }

  // All of the tasks DONE in the end, each by one execution that counted.
  static void expect_done(const RunningServer& server, const std::string& prefix,
                          std::size_t count) {
    std::map<std::string, std::size_t> statuses;
    std::vector<json::object> tasks;
    const bool all = eventually(
        [&] {
          tasks = fetch(server, prefix);
          statuses.clear();
          for (const json::object& task : tasks) {
            ++statuses[json::value_to<std::string>(task.at("status"))];
          }
          return statuses["DONE"] == count;
        },
        3s);  // each look reads all of them
    std::ostringstream found;
    for (const auto& [status, tasks_of] : statuses) found << status << ' ' << tasks_of << "; ";
    EXPECT_TRUE(all) << found.str();
    EXPECT_EQ(tasks.size(), count);
    for (const json::object& task : tasks) {
      const json::value& execution = task.at("execution");
      EXPECT_EQ(execution.at("count").to_number<int>(), 1) << json::serialize(task);
      EXPECT_EQ(execution.at("successful").to_number<int>(), 1) << json::serialize(task);
    }
  }

  // The sum of a metric's series.
  static double metric(const RunningServer& server, const std::string& name) {
    cli::RestClient client({.base = server.url()});
    const auto answer = client.call({.path = "/metrics", .timeout = kPatience});
    if (!answer) {
      ADD_FAILURE() << answer.error().message;
      return 0;
    }
    double sum = 0;
    std::istringstream in(answer->body);
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with(name + " ") && !line.starts_with(name + "{")) continue;
      sum += std::stod(line.substr(line.rfind(' ') + 1));
    }
    return sum;
  }
  static double attempts(const RunningServer& server) {
    return metric(server, "rhooks_attempts_total");
  }

  TempDir dir_;
  std::vector<std::unique_ptr<TempDir>> dirs_;  // of each server
  const TestStore store_ = make_test_store("dynamodb", dir_);
};

TEST_F(DynamoWorkersTest, OneOfThreeIsKilledInFullFlow) {
  constexpr std::size_t kTasks = 600;
  // The second half is held until one is killed, so that it has something in flight.
  std::atomic<bool> hold = true;
  std::atomic<std::size_t> seen = 0;
  TestReceiver receiver([&](const TestRequest& request) {
    TestResponse response;
    response.delay = 500ms;
    response.hold = request.target.starts_with("/t") && ++seen > kTasks / 2 && hold;
    return response;
  });
  const Servers servers = start(3);
  const auto shared = wait_shared(all_of(servers));
  RunningServer& registers = *servers[0];
  RunningServer& dies = *servers[1];

  // Whom a task falls to does not depend on whom it was registered with. A busy machine can
  // hold any one up, so the best of three rounds counts.
  Slowdown at_rest;
  auto slowest = steady_clock::duration::max();
  for (int round = 0; round < 3; ++round) {
    const std::string prefix = "idle" + std::to_string(round) + "-";
    constexpr std::size_t kFew = 30;
    const auto from = steady_clock::now();
    register_tasks(registers, receiver, prefix, kFew);
    EXPECT_TRUE(
        eventually([&] { return deliveries(receiver, "/" + prefix).size() == kFew; }, 10ms));
    slowest = std::min(slowest, steady_clock::now() - from);
  }
  EXPECT_LT(slowest, at_rest.stop() * 3s);
  for (const auto& server : servers) EXPECT_GT(attempts(*server), 0);

  std::vector<double> before;
  for (const auto& server : servers) before.push_back(attempts(*server));
  const auto already = receiver.request_count();
  const auto flow_from = steady_clock::now();
  std::thread registration([&] { register_tasks(registers, receiver, "t", kTasks); });
  EXPECT_TRUE(receiver.wait_requests(already + kTasks / 2, 2 * kPatience));
  std::vector<double> part;
  double sum = 0;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    part.push_back(attempts(*servers[i]) - before[i]);
    sum += part[i];
  }
  const auto in_flight = [&] { return metric(dies, "rhooks_queue_depth{queue=\"in_flight\"}"); };
  EXPECT_TRUE(eventually([&] { return in_flight() > 5; }, 5ms));
  Slowdown after_kill;
  dies.kill();
  hold = false;
  receiver.release_held();
  const auto killed_at = steady_clock::now();
  const auto killed = SystemClock().now_micros();
  const auto at_kill = receiver.request_count() - already;
  for (const double one : part) EXPECT_GT(one, sum / 10) << "of " << sum;

  const auto owned_again = wait_shared({servers[0].get(), servers[2].get()});
  registration.join();
  expect_done(*servers[2], "t", kTasks);
  const auto counts = deliveries(receiver, "/t");
  const std::size_t repeats = repeats_in(counts);
  const auto rescued = last_repeat(receiver, "/t");
  const double slower = after_kill.stop();
  ASSERT_TRUE(rescued) << "the one that was killed had nothing in flight";
  std::cout << "three workers shared " << shared.text()
            << "; registered with one, delivered by all within " << seconds_text(slowest) << "\n"
            << "tasks " << kTasks << ", killed after " << at_kill << " deliveries ("
            << seconds_text(killed_at - flow_from) << "), of which by each " << part[0] << ", "
            << part[1] << ", " << part[2] << "\n"
            << "delivered " << counts.size() << ", lost " << kTasks - counts.size() << ", repeats "
            << repeats << " (at most " << kConcurrency << "), the last one "
            << seconds_text(*rescued - killed) << " after the kill, all done "
            << seconds_text(steady_clock::now() - killed_at) << " after the kill\n"
            << "every shard owned again " << owned_again.text() << " of the kill, on a machine "
            << slower << " times slower than alone\n";
  EXPECT_EQ(counts.size(), kTasks);
  EXPECT_LE(repeats, kConcurrency);
  // The time between two readings is not counted.
  EXPECT_LT(owned_again.least, slower * 15s);
  EXPECT_LE(*rescued - killed, slower * 15s);
  for (const std::size_t i : {0u, 2u}) EXPECT_EQ(metric(*servers[i], "rhooks_lease_lost_total"), 0);
}

TEST_F(DynamoWorkersTest, OneOfThreeIsStopped) {
  constexpr std::size_t kTasks = 300;
  // The first are answered at once, so that work is in flow; then none is. They are fewer than
  // what falls to one worker: the one that registers knows its tasks first, and if it had done
  // them all before the others heard of theirs, it would never have so many under way.
  constexpr std::size_t kAnswered = kTasks / 8;
  constexpr std::size_t kReceivers = kTasks / 2;
  std::atomic<bool> hold = true;
  std::atomic<std::size_t> seen = 0;
  TestReceiver::Options options;
  options.handler = [&](const TestRequest&) {
    TestResponse response;
    response.hold = ++seen > kAnswered && hold;
    return response;
  };
  options.all_of_loopback = true;
  TestReceiver receiver(options);
  const Servers servers = start(3, {"--request-timeout", "2m", "--drain-timeout", "2m"});
  wait_shared(all_of(servers));
  std::thread registration([&] { register_tasks(*servers[0], receiver, "t", kTasks, kReceivers); });
  EXPECT_TRUE(receiver.wait_held(servers.size() * kUntriedMax));

  // It has attempts under way, which it waits for. Its shards do not: it leaves the table at
  // once, and nobody has to find out that it is gone.
  RunningServer& stops = *servers[1];
  Slowdown slowdown;
  stops.process().signal(SIGTERM);
  const auto owned_again = wait_shared({servers[0].get(), servers[2].get()});
  const double slower = slowdown.stop();
  EXPECT_FALSE(stops.process().wait(0ms));
  hold = false;
  receiver.release_held();
  EXPECT_EQ(stops.process().wait(), 0) << stops.process().errors();
  registration.join();
  expect_done(*servers[2], "t", kTasks);
  const auto counts = deliveries(receiver, "/t");
  std::cout << "delivered " << counts.size() << " of " << kTasks << ", repeats "
            << repeats_in(counts) << "; every shard owned again " << owned_again.text()
            << " of the stop\n";
  EXPECT_EQ(counts.size(), kTasks);
  EXPECT_EQ(repeats_in(counts), 0u);
  // Sooner than a worker is taken for dead.
  EXPECT_LT(owned_again.least, slower * 9s);
}

TEST_F(DynamoWorkersTest, OneThatWasPausedUntilItWasTakenForDeadChangesNothing) {
  constexpr std::size_t kTasks = kUntriedMax;  // all are in flight
  std::atomic<bool> hold = true;
  TestReceiver::Options options;
  options.handler = [&](const TestRequest&) {
    TestResponse response;
    response.hold = hold;
    return response;
  };
  options.all_of_loopback = true;
  TestReceiver receiver(options);
  const Servers first = start(1);
  RunningServer& sleeper = *first[0];
  register_tasks(sleeper, receiver, "t", kTasks, kTasks);
  ASSERT_TRUE(receiver.wait_held(kTasks));
  sleeper.process().signal(SIGSTOP);
  hold = false;

  const Servers second = start(1);
  Slowdown slowdown;
  RunningServer& other = *second[0];
  const auto from = SystemClock().now_micros();
  expect_done(other, "t", kTasks);
  const auto taken_over = last_repeat(receiver, "/t");
  const double slower = slowdown.stop();
  ASSERT_TRUE(taken_over);
  EXPECT_LE(*taken_over - from, slower * 15s);
  EXPECT_EQ(receiver.request_count(), 2 * kTasks);
  const auto tasks = fetch(other, "t");

  receiver.release_held();
  sleeper.process().signal(SIGCONT);
  // Each of its outcomes is refused…
  EXPECT_TRUE(
      eventually([&] { return metric(sleeper, "rhooks_lease_lost_total") >= kTasks; }, 50ms))
      << sleeper.process().errors();
  EXPECT_EQ(metric(sleeper, "rhooks_lease_lost_total"), kTasks);
  EXPECT_EQ(fetch(other, "t"), tasks);
  // …but attempts that were made are logged.
  const Finished logs = other.run({"logs", "--namespace", "ns", "--all", "--json"});
  std::map<std::string, std::size_t> logs_of;
  for (const json::object& log : objects_in(logs.output)) {
    ++logs_of[json::value_to<std::string>(log.at("taskId"))];
  }
  EXPECT_EQ(logs_of.size(), kTasks);
  for (const auto& [id, count] : logs_of) EXPECT_EQ(count, 2u) << id;

  // It takes part again, and what comes now is delivered once.
  wait_shared({&sleeper, &other});
  register_tasks(other, receiver, "later", 100);
  expect_done(sleeper, "later", 100);
  EXPECT_EQ(repeats_in(deliveries(receiver, "/later")), 0u);
  std::cout << kTasks << " attempts of a worker that was paused: delivered by another "
            << seconds_text(*taken_over - from)
            << " after that one began, none of the outcomes taken, all logged\n";
}

TEST_F(DynamoWorkersTest, ARedriveGoesOnAtAnotherWhereItsServerIsKilled) {
  constexpr std::size_t kTasks = 300;
  std::atomic<bool> gone = true;
  TestReceiver receiver(
      [&](const TestRequest&) { return TestResponse::with_status(gone ? 410 : 200); });
  const Servers servers = start(2);
  RunningServer& dies = *servers[0];
  RunningServer& other = *servers[1];
  register_tasks(dies, receiver, "t", kTasks);
  const auto count_of = [&](const char* status) {
    const Finished found = other.run(
        {"fetch", "--namespace", "ns", "--status", status, "--all", "--limit", "1000", "--json"});
    EXPECT_EQ(found.exit, 0) << found.errors;
    return objects_in(found.output).size();
  };
  ASSERT_TRUE(eventually([&] { return count_of("FAILED") == kTasks; }, 1s));
  gone = false;
  const Finished begun =
      dies.run({"redrive", "--namespace", "ns", "--reason", "gone", "--rate", "50/s", "--yes"});
  ASSERT_EQ(begun.exit, 0) << begun.errors;
  ASSERT_TRUE(receiver.wait_requests(kTasks + 50));
  dies.kill();

  // Who is asked how far it is takes over, once nobody has gone on with it for 30 s.
  json::object redrive;
  EXPECT_TRUE(eventually(
      [&] {
        const Finished shown = other.run({"redrive", "--namespace", "ns", "--show", "--json"});
        EXPECT_EQ(shown.exit, 0) << shown.errors;
        redrive = json::parse(shown.output).as_object();
        return redrive.at("state").as_string() == "DONE";
      },
      1s));
  EXPECT_EQ(redrive.at("redriven").to_number<std::size_t>(), kTasks);
  EXPECT_TRUE(eventually([&] { return count_of("DONE") == kTasks; }, 1s));
}

}  // namespace
}  // namespace rhooks::testing

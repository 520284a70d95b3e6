#pragma once

#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "cli/rest_client.h"
#include "testing/test_receiver.h"
#include "tests/crash_history.h"

namespace rhooks::testing {

// Users who register, suspend and delete tasks over REST while servers come and go, and the
// receiver of the webhooks. It writes down what was acknowledged and what arrived; what becomes
// of it all is for CrashChecker to say.
//
// Threads: the methods are called from one thread.
class CrashLoad {
 public:
  struct Options {
    std::uint64_t seed = 0;
    std::size_t per_second = 100;                      // registrations
    std::chrono::milliseconds request_timeout{3'000};  // of the servers
    int users = 3;
    // The time by the servers' clock.
    std::function<Clock::Micros()> now = [] { return SystemClock().now_micros(); };
    // Addresses of the servers; empty ones do not serve now.
    std::function<std::vector<std::string>()> servers;
    // Whether some tasks are due within the hour only.
    bool far_ahead = false;
  };

  explicit CrashLoad(Options options);
  ~CrashLoad() { stop(); }

  static constexpr const char* kNamespace = "load";

  void start();
  // Every user comes to the end of what is under way: a server has to be there.
  void stop();

  // Waits until nothing is left to do, and has what is suspended go on. Returns how many tasks did
  // not come to an end.
  std::size_t drain(std::chrono::seconds timeout);

  // All of it so far, and all that the servers show. Throws std::runtime_error where they do not.
  CrashHistory history();

 private:
  struct Answer {
    int status = 0;
    boost::json::value body;
  };
  // One of the users, or the one who looks at the end.
  struct User {
    std::mt19937_64 random;
    std::string url;
    std::unique_ptr<cli::RestClient> client;
    std::vector<std::size_t> mine;  // acknowledged and not deleted
  };

  void work(User& user);
  void register_one(User& user);
  void register_batch(User& user);
  void remove_one(User& user);
  void suspend_one(User& user);
  void unsuspend(User& user, std::size_t number);
  LoadTask new_task(User& user, std::size_t number);
  boost::json::object json_of(const LoadTask& task) const;
  std::size_t add(User& user);
  void acknowledge(User& user, std::size_t number, const boost::json::value& task);
  // None: no server could be asked, or its answer was lost.
  std::optional<Answer> ask(User& user, cli::RestCall call);
  // Again until it is known what came of it; `tries` says how often it was asked.
  std::optional<Answer> insist(User& user, const cli::RestCall& call, int& tries);
  std::vector<boost::json::object> stored_tasks(const std::string& query = {});
  std::vector<boost::json::object> pages(const std::string& path);
  void complain(const std::string& what, const Answer& answer);
  TestResponse receive(const TestRequest& request);
  static void be_late(std::size_t drawn, TestResponse& response);

  const Options options_;
  mutable std::mutex mutex_;  // of what follows
  std::deque<LoadTask> tasks_;
  std::vector<Delivery> deliveries_;
  std::set<std::uint64_t> connections_;         // that requests came by
  std::map<std::string, std::size_t> arrived_;  // by webhook-id
  std::vector<std::string> complaints_;
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
  User looker_;
  TestReceiver receiver_;
};

}  // namespace rhooks::testing

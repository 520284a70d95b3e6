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
#include "cli/http_client.h"
#include "testing/test_receiver.h"

namespace rhooks::testing {

// What the receiver makes of the requests of a task.
enum class Manner {
  kGood,
  kSlow,        // answers late, within the time limit
  kFailsFirst,  // 500 to the first one or two of an occurrence
  kRetryAfter,  // 503 to the first, with Retry-After
  kResets,      // the first is reset after it was received
  kBreaksOff,   // likewise, in the middle of the answer
  kHangs,       // no answer to the first within the time limit
  kBad,         // always 500
};
inline constexpr int kManners = 8;
inline constexpr std::chrono::seconds kRetryAfter{1};

// A task of the load, and what was acknowledged of it. All moments are true ones.
struct LoadTask {
  struct Window {
    Clock::Micros from, to;
  };

  std::size_t number = 0;
  std::string id;  // empty: registered with an Idempotency-Key and not answered
  Manner manner = Manner::kGood;
  std::int64_t executions = 1;  // that it is to come to
  std::chrono::milliseconds interval{0};
  std::optional<TimePoint> scheduled;  // none: at once
  int retry_limit = 0;
  bool acknowledged = false;
  bool delete_sent = false;
  std::optional<Clock::Micros> deleted;  // when that was acknowledged
  bool attempt_at_delete = false;        // one may have been under way
  std::vector<Window> suspended;         // for sure
  std::optional<Clock::Micros> suspended_since;
};

// A request that arrived.
struct Delivery {
  std::size_t number = 0;  // of the task
  std::string webhook_id;
  Clock::Micros at{};
  // It was reset on a connection that had served before: libcurl takes that for one that had been
  // closed meanwhile, and sends the request again within the attempt.
  bool may_be_sent_again = false;
};

// Users who register, suspend and delete tasks over REST while servers come and go, and the
// receiver of the webhooks. It writes down what was acknowledged and what arrived; what becomes
// of it all is for CrashVerdict to say.
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

  std::size_t registered() const;
  std::vector<LoadTask> tasks() const;
  std::vector<Delivery> deliveries() const;
  // All that the servers show. Throws std::runtime_error where they do not.
  std::vector<boost::json::object> stored_tasks(const std::string& query = {});
  std::vector<boost::json::object> stored_logs();
  // Answers that should not have been given, in words.
  std::vector<std::string> complaints() const;

 private:
  struct Answer {
    int status = 0;
    boost::json::value body;
  };
  // One of the users, or the one who looks at the end.
  struct User {
    std::mt19937_64 random;
    std::string url;
    std::unique_ptr<cli::HttpClient> client;
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
  std::optional<Answer> ask(User& user, cli::HttpCall call);
  // Again until it is known what came of it; `tries` says how often it was asked.
  std::optional<Answer> insist(User& user, const cli::HttpCall& call, int& tries);
  std::vector<boost::json::object> pages(const std::string& path);
  void complain(const std::string& what, const Answer& answer);
  TestResponse receive(const TestRequest& request);

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

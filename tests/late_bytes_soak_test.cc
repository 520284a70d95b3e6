// The real server and receivers that write on connections that are idle, over http and https: what
// is DONE was read by the receiver, and no attempt is charged for what came late.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "cli/rest_client.h"
#include "testing/late_bytes.h"
#include "testing/patience.h"
#include "testing/slowdown.h"
#include "testing/soak.h"
#include "testing/test_receiver.h"
#include "tests/running_server.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using After = TestResponse::After;

constexpr std::size_t kConcurrency = 32;
constexpr std::size_t kSlots = kConcurrency + 4;  // some are kept for other receivers

// A receiver that is told by a request's path, "/KIND/NUMBER", how to answer it, and that writes
// down what it has read. Where `cross` is set late bytes come on their own account, when the next
// request may be on its way; otherwise at write_late().
class LateReceiver {
 public:
  LateReceiver(bool tls, bool cross, std::uint64_t seed)
      : cross_(cross), random_(seed), receiver_([&] {
          TestReceiver::Options options;
          options.tls = tls;
          options.record_max = 0;
          options.handler = [this](const TestRequest& request) { return answer(request); };
          return options;
        }()) {}

  TestReceiver& receiver() { return receiver_; }

  // How often the request of a task was read.
  std::size_t read(std::size_t number) const {
    std::lock_guard lock(mutex_);
    const auto found = read_.find(number);
    return found == read_.end() ? 0 : found->second;
  }
  std::size_t crossed() const {
    std::lock_guard lock(mutex_);
    return crossed_;
  }
  // The longest that late bytes had waited at the sender of the next request on their connection.
  milliseconds longest_wait() const {
    std::lock_guard lock(mutex_);
    return longest_wait_;
  }

 private:
  TestResponse answer(const TestRequest& request) {
    const auto slash = request.target.rfind('/');
    const std::string number = request.target.substr(slash + 1);
    const LateKind& kind = late_kinds().at(std::stoul(request.target.substr(1, slash - 1)));
    TestResponse answer = kind.answer;
    if (answer.status == 200 && !kind.head) answer.body = number;
    std::lock_guard lock(mutex_);
    ++read_[std::stoul(number)];
    if (request.crossed_late) ++crossed_;
    longest_wait_ = std::max(longest_wait_, request.late_waited.value_or(0ms));
    if (cross_) {
      answer.late_after = milliseconds{random_() % 4};
      // Who closes reads no more: what crosses it would be lost without a trace.
      if (answer.after_late == After::kClosed) answer.after_late = After::kHalfClosed;
    }
    return answer;
  }

  const bool cross_;
  mutable std::mutex mutex_;
  std::mt19937_64 random_;
  std::map<std::size_t, std::size_t> read_;  // by the task's number
  std::size_t crossed_ = 0;
  milliseconds longest_wait_{0};
  TestReceiver receiver_;
};

// Tasks at once, and what became of them. All waves are of one namespace, so that the server knows
// the receivers from the second one on and has its slots filled with them.
class Wave {
 public:
  explicit Wave(cli::RestClient& server) : server_(server) {}

  void add(LateReceiver& receiver, std::size_t number, std::size_t kind) {
    const std::string path = "/" + std::to_string(kind) + "/" + std::to_string(number);
    items_.push_back(json::object{{"namespace", kNamespace},
                                  {"id", std::to_string(number)},
                                  {"method", late_kinds()[kind].head ? "HEAD" : "POST"},
                                  {"url", receiver.receiver().url(path)}});
  }

  // Registers them, waits until all have ended and deletes them; returns them by number.
  std::map<std::size_t, json::object> run() {
    const auto made = server_.call({.method = "POST",
                                    .path = "/v1/tasks/batch",
                                    .body = json::serialize(json::object{{"items", items_}}),
                                    .timeout = kPatience});
    EXPECT_TRUE(made && made->status == 200) << (made ? made->body : made.error().message);
    const auto until = steady_clock::now() + kPatience;
    while (steady_clock::now() < until) {
      const auto page =
          server_.call({.path = std::string(kPath) + "/tasks?limit=1000", .timeout = kPatience});
      if (!page || page->status != 200) break;
      std::map<std::size_t, json::object> ended;
      const json::value listed = json::parse(page->body);
      for (const json::value& item : listed.at("items").as_array()) {
        const std::string status = json::value_to<std::string>(item.at("status"));
        if (status != "DONE" && status != "FAILED") continue;
        ended[std::stoul(json::value_to<std::string>(item.at("id")))] = item.as_object();
      }
      if (ended.size() == items_.size()) {
        const auto cleared =
            server_.call({.method = "DELETE", .path = kPath, .timeout = kPatience});
        EXPECT_TRUE(cleared && cleared->status == 200);
        return ended;
      }
      std::this_thread::sleep_for(5ms);
    }
    return {};
  }

 private:
  static constexpr const char* kNamespace = "late";
  static constexpr const char* kPath = "/v1/namespaces/late";

  cli::RestClient& server_;
  json::array items_;
};

bool is_done(const json::object& task) {
  return task.at("status").as_string() == "DONE";
}

class LateBytesSoakTest : public ::testing::Test {
 protected:
  static std::size_t deliveries() { return std::getenv("RHOOKS_SOAK_SECONDS") ? 10'000 : 480; }

  static std::vector<std::string> flags(LateReceiver& https) {
    return {"--ca-file",     https.receiver().ca_file(),
            "--log-level",   "error",
            "--backoff-max", "200ms",
            "--concurrency", std::to_string(kSlots)};
  }

  TempDir dir_;
  const std::string store_ = "rocksdb:" + dir_.sub("store");
};

// Each wave finds the connections of the one before it spoilt.
TEST_F(LateBytesSoakTest, WhatIsDoneWasReadByTheReceiver) {
  Soak soak("late bytes");
  while (soak.more()) {
    std::mt19937_64 random(soak.seed());
    LateReceiver http(false, false, soak.seed()), https(true, false, soak.seed());
    RunningServer server(dir_, store_, flags(https));
    cli::RestClient client({.base = server.url()});
    std::size_t number = 0, late = 0, lost = 0, charged = 0;
    while (number < deliveries() && !HasFailure()) {
      Wave wave(client);
      std::map<std::size_t, LateReceiver*> to;
      std::map<std::size_t, std::size_t> kinds;
      for (std::size_t i = 0; i < 2 * kConcurrency; ++i, ++number) {
        to[number] = random() % 2 ? &http : &https;
        kinds[number] = random() % late_kinds().size();
        wave.add(*to[number], number, kinds[number]);
      }
      const auto ended = wave.run();
      if (ended.empty()) ++soak.count().stuck;
      EXPECT_FALSE(ended.empty()) << "a task did not come to an end";
      for (const auto& [n, task] : ended) {
        const LateKind& kind = late_kinds()[kinds[n]];
        const std::size_t read = to[n]->read(n);
        if (is_done(task) && read == 0) ++lost;
        if (!is_done(task) || read > 1 || task.at("errors").as_object().contains("lastError")) {
          ++charged;
        }
        const json::object& execution = task.at("execution").as_object();
        EXPECT_EQ(execution.at("lastResponseStatus").to_number<int>(), kind.answer.status)
            << kind.name << json::serialize(task);
        if (kind.head || kind.answer.status != 200) continue;
        EXPECT_EQ(json::value_to<std::string>(execution.at("lastResponseBody")), std::to_string(n))
            << "the answer of another task, " << kind.name;
      }
      late += http.receiver().write_late() + https.receiver().write_late();
    }
    std::cout << number << " deliveries, late bytes on " << late << " idle connections, " << lost
              << " DONE and not read, " << charged << " charged for it" << std::endl;
    soak.count().lost += lost;
    soak.count().repeats += charged;
    EXPECT_EQ(lost, 0u);
    EXPECT_EQ(charged, 0u);
    EXPECT_EQ(http.crossed() + https.crossed(), 0u);
    EXPECT_GT(late, number / 4);
    EXPECT_FALSE(server.process().wait(0ms)) << server.process().errors();
  }
}

// What comes while the next request is on its way cannot be told from its answer; here the
// receiver reads on, so that nothing is lost by it.
TEST_F(LateBytesSoakTest, WhatCrossesTheNextRequestIsCounted) {
  Soak soak("late bytes that cross");
  while (soak.more()) {
    std::mt19937_64 random(soak.seed());
    Slowdown slowdown;
    LateReceiver http(false, true, soak.seed()), https(true, true, soak.seed());
    RunningServer server(dir_, store_, flags(https));
    cli::RestClient client({.base = server.url()});
    std::size_t number = 0, lost = 0, failed = 0;
    while (number < deliveries() && !HasFailure()) {
      Wave wave(client);
      std::map<std::size_t, LateReceiver*> to;
      for (std::size_t i = 0; i < 240; ++i, ++number) {
        to[number] = random() % 2 ? &http : &https;
        std::size_t kind = random() % late_kinds().size();
        const LateKind& drawn = late_kinds()[kind];
        // One would be held for an hour where it crosses. After an answer without a body libcurl
        // drops what it read with it, and the connection goes on as if nothing had come.
        if (drawn.name == "OverloadOfAProxy" || drawn.head || drawn.answer.status == 204) kind = 0;
        wave.add(*to[number], number, kind);
      }
      const auto ended = wave.run();
      if (ended.empty()) ++soak.count().stuck;
      EXPECT_FALSE(ended.empty()) << "a task did not come to an end";
      for (const auto& [n, task] : ended) {
        if (!is_done(task)) {
          ++failed;
          continue;
        }
        // Where the answer was one that crossed it, it may still be on its way.
        if (!eventually([&, of = n] { return to[of]->read(of) > 0; })) ++lost;
      }
    }
    std::cout << number << " deliveries, late bytes on "
              << http.receiver().late_written() + https.receiver().late_written()
              << " connections, " << http.crossed() + https.crossed() << " requests crossed them, "
              << failed << " FAILED, " << lost << " DONE and not read" << std::endl;
    soak.count().lost += lost;
    EXPECT_EQ(lost, 0u);
    // Longer ones would have been seen before.
    EXPECT_LE(std::max(http.longest_wait(), https.longest_wait()), slowdown.stop() * 250ms);
    EXPECT_FALSE(server.process().wait(0ms)) << server.process().errors();
  }
}

}  // namespace
}  // namespace rhooks::testing

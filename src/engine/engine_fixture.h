#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/runner.h"
#include "store/memory/memory_store.h"
#include "testing/manual_clock.h"
#include "testing/patience.h"
#include "testing/scripted_sender.h"

// What the engine's tests share: a memory store, a sender by script and a clock by hand.
namespace rhooks::engine {

using namespace std::chrono_literals;
using testing::eventually;
using testing::ManualClock;
using testing::ScriptedSender;
using Reply = ScriptedSender::Reply;

inline model::TaskRecord record(const std::string& id, TimePoint at,
                                const std::string& url = "http://127.0.0.1:9/hook") {
  model::TaskRecord record;
  record.task.key = {"ns", id};
  record.task.request.method = Method::kPost;
  record.task.request.url = url;
  record.task.request.body = Body::json("{}");
  record.task.scheduled_date = at;
  record.task.created_at = at;
  record.task.updated_at = at;
  return record;
}

inline model::TaskRecord to_endpoint(const std::string& id, TimePoint at,
                                     const std::string& endpoint) {
  auto made = record(id, at, "/orders");
  made.task.endpoint = endpoint;
  return made;
}

inline std::string numbered(const std::string& prefix, std::size_t n) {
  const std::string digits = std::to_string(n);
  return prefix + std::string(6 - digits.size(), '0') + digits;
}

inline void put(store::Store& store, const std::vector<model::TaskRecord>& records) {
  for (std::size_t i = 0; i < records.size(); i += 1000) {
    const std::size_t n = std::min<std::size_t>(1000, records.size() - i);
    for (const auto& result : store.put({&records[i], n})) {
      ASSERT_TRUE(result) << result.error().message;
      ASSERT_TRUE(result->created);
    }
  }
}

// UTC needs no file.
inline std::shared_ptr<const schedule::Zones> zones() {
  return std::make_shared<schedule::Zones>("/nowhere");
}

// `json`: as a store keeps it.
inline void store_endpoint(store::Store& store, const std::string& name, const std::string& json) {
  const store::Document document{store::endpoint_key("ns", name), json, {}};
  ASSERT_TRUE(store.put_document(document, store::Whatever{}, TimePoint{}));
}

inline std::vector<Log> logs_of(store::Store& store, const std::string& id, TimePoint now) {
  store::LogQuery query;
  query.ns = "ns";
  query.task_id = id;
  query.limit = 1000;
  query.now = now;
  auto page = store.query_logs(query);
  EXPECT_TRUE(page);
  return page ? page->items : std::vector<Log>{};
}

// A runner on all that, whose threads run when a test starts them.
struct Fixture {
  explicit Fixture(std::size_t concurrency = 4, ScriptedSender::Script script = {})
      : Fixture(options_for(concurrency), std::move(script)) {}
  explicit Fixture(RunnerOptions options, ScriptedSender::Script script = {},
                   store::Store* other_store = nullptr)
      : sender(clock, std::move(script)),
        endpoints(other_store ? *other_store : memory),
        secrets(other_store ? *other_store : memory, std::nullopt),
        runner(other_store ? *other_store : memory, endpoints, secrets, sender, metrics, clock,
               random, std::move(options)) {}

  static RunnerOptions options_for(std::size_t concurrency) {
    RunnerOptions options;
    options.concurrency = concurrency;
    return options;
  }

  // Moves the clock; the runner is told, as it would notice by itself in its poll interval.
  void advance(std::chrono::milliseconds by) {
    clock.advance(by);
    runner.notify(kTimeMin);
  }

  Task task(const std::string& id) {
    auto task = memory.get({"ns", id}, clock.now());
    EXPECT_TRUE(task) << id;
    return task ? *task : Task{};
  }
  bool reaches(const std::string& id, Status status) {
    return eventually([&] {
      auto task = memory.get({"ns", id}, clock.now());
      return task && task->status == status;
    });
  }

  ManualClock clock;
  store::MemoryStore memory{1};
  ScriptedSender sender;
  Metrics metrics;
  Random random{1};
  store::Endpoints endpoints;
  secrets::Secrets secrets;
  Runner runner;
};

// The stages driven by hand: no threads, every step in sight. The last one is for the tests to
// make.
struct Stages {
  static constexpr std::size_t kConcurrency = 3;

  ManualClock clock;
  store::MemoryStore store{1};
  store::Endpoints endpoints{store};
  secrets::Secrets secrets{store, std::nullopt};
  ScriptedSender sender{clock};
  Metrics metrics;
  Random random{1};
  Slots slots{kConcurrency};
  DeliveryQueue to_send{kConcurrency};
  EndedQueue to_commit{kConcurrency};
  Claimer claimer{store, endpoints, secrets, slots, to_send, metrics, clock, 60s};
  Dispatcher dispatcher{store, sender, slots.flows(), to_send, to_commit, metrics, clock, zones()};
};

}  // namespace rhooks::engine

#pragma once

#include <rhooks/task.h>

#include <chrono>
#include <string>

#include "base/clock.h"
#include "model/new_task.h"
#include "model/record.h"

// The task that all benchmarks use: an everyday one, so that their numbers go together.
namespace rhooks::bench {

inline constexpr TimePoint kNow{std::chrono::milliseconds{1'769'862'896'789}};

// POST with two headers and a JSON body of about 200 bytes, each hour for ever.
inline NewTask sample_new_task(const std::string& id = "order-4711") {
  NewTask task;
  task.ns = "shop";
  task.id = id;
  task.request.method = Method::kPost;
  task.request.url = "https://hooks.example.com/v1/orders?source=shop";
  task.request.headers = {{"authorization", "Bearer 0123456789abcdef"}, {"x-tenant", "acme"}};
  task.request.body = Body::json(
      R"({"event":"order.reminder","order":{"id":4711,"total":"129.90","currency":"EUR",)"
      R"("items":[{"sku":"A-1","count":2},{"sku":"B-7","count":1}]},)"
      R"("customer":{"id":815,"language":"en"},"sentBy":"shop"})");
  task.scheduled_date = kNow;
  task.repeat = Repeat{.interval = 1, .max = 0, .unit = RepeatUnit::kHours};
  return task;
}

inline model::TaskRecord sample_record(const std::string& id = "order-4711") {
  return model::make_record(sample_new_task(id), kNow, Uuid{});
}

// A 200 with a small JSON body.
inline model::AttemptOutcome sample_outcome(const Task& task, TimePoint started_at) {
  using namespace std::chrono_literals;
  model::AttemptOutcome outcome;
  outcome.sent = task.request;
  outcome.response = Response{.status = 200,
                              .headers = {{"content-type", "application/json"}, {"etag", "\"7\""}},
                              .body = R"({"accepted":true})"};
  outcome.started_at = started_at;
  outcome.duration = 12ms;
  return outcome;
}

}  // namespace rhooks::bench

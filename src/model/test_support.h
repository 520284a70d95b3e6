#pragma once

#include <string>
#include <utility>

#include "base/clock.h"
#include "model/transitions.h"

// What the tests of this module share.
namespace rhooks::model {

// 2030-01-01T00:00:00Z.
inline constexpr TimePoint kT0{std::chrono::milliseconds{1'893'456'000'000}};

inline Task active_task() {
  Task task;
  task.key = {"ns", "id"};
  task.request.url = "http://127.0.0.1/hook";
  task.scheduled_date = kT0;
  task.created_at = kT0;
  task.updated_at = kT0;
  return task;
}

inline AttemptOutcome answered(int status, TimePoint started_at = kT0) {
  AttemptOutcome outcome;
  outcome.response = Response{};
  outcome.response->status = status;
  outcome.response->headers = {{"x-answer", std::to_string(status)}};
  outcome.response->body = "answer " + std::to_string(status);
  outcome.started_at = started_at;
  return outcome;
}

inline AttemptOutcome unanswered(std::string error, TimePoint started_at = kT0) {
  AttemptOutcome outcome;
  outcome.error = std::move(error);
  outcome.started_at = started_at;
  return outcome;
}

// By the rules of the task alone.
inline Task apply_outcome(Task task, const AttemptOutcome& outcome, TimePoint now,
                          const OutcomePolicy& policy, double jitter) {
  const AttemptRules rules = rules_for(task, nullptr);
  return apply_outcome(std::move(task), outcome, now, policy, rules, jitter);
}
inline Log make_log(const Task& task, const AttemptOutcome& outcome, TimePoint now, const Uuid& id,
                    std::chrono::seconds ttl) {
  return make_log(task, outcome, now, id, ttl, rules_for(task, nullptr));
}

}  // namespace rhooks::model

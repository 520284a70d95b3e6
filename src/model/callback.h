#pragma once

#include <rhooks/endpoint.h>
#include <rhooks/task.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/record.h"

// Callbacks: tasks that tell an endpoint of the ends of another task's executions. They are tasks
// as others are, and stored with the outcome of which they tell (store::Commit::follow_ups). Pure.
namespace rhooks::model {

inline constexpr std::string_view kTaskSucceeded = "task.succeeded";
inline constexpr std::string_view kTaskFailed = "task.failed";
// What `callbackOn` may name. What an endpoint will have to tell of its own state joins them here.
inline constexpr std::string_view kEvents[] = {kTaskSucceeded, kTaskFailed};

// An execution of whose end an endpoint is to be told, as it is before its end.
struct Awaited {
  std::string callback;         // that endpoint
  std::vector<std::string> on;  // of which ends; empty: of all
  std::string webhook_id;
  int attempt = 0;  // that is made; 1 for the first
  TimePoint scheduled_date{};
  std::int64_t executions = 0;  // that ended before
};

// `task`: as it is during an attempt (make_log()); `endpoint`: its own, if it has one. What the
// task says goes first. None: nobody is told, as of a task that tells of another one.
std::optional<Awaited> awaited_of(const Task& task, const Endpoint* endpoint);

// What is to be stored with the outcome of that attempt, from which the task came to be `after`.
// One task, or none: the execution goes on, or nobody asked for such an end. The id follows from
// the execution and the event, so that one end is told once. `now`: the end of the attempt.
std::vector<TaskRecord> follow_ups(const Awaited& awaited, const Task& after,
                                   const AttemptOutcome& outcome, TimePoint now);

}  // namespace rhooks::model

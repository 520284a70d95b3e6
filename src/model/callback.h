#pragma once

#include <rhooks/endpoint.h>
#include <rhooks/task.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/breaker.h"
#include "model/record.h"

// Callbacks: tasks that tell an endpoint of the ends of another task's executions, or of what
// another endpoint has come to. They are tasks as others are, and stored with the outcome of which
// they tell (store::Commit::follow_ups). Pure.
namespace rhooks::model {

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
// the execution, the time at which its task was registered, and the event, so that one end is told
// once. `now`: the end of the attempt.
std::vector<TaskRecord> follow_ups(const Awaited& awaited, const Task& after,
                                   const AttemptOutcome& outcome, TimePoint now);

// What an outcome has made of the breaker of its endpoint.
std::string_view event_of(const Breaker& breaker);
// The task that tells of that. None: nobody asked for it. The id follows from the endpoint, the
// event and the minute, so that one that comes and goes tells of each once in a minute.
std::optional<TaskRecord> follow_up(const Endpoint& endpoint, const Breaker& breaker,
                                    const AttemptOutcome& outcome);

}  // namespace rhooks::model

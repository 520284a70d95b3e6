#pragma once

#include <rhooks/hooks_api.h>

#include <chrono>
#include <string>

#include "cli/command.h"
#include "cli/polling.h"

// Commands that go on until something has happened.
namespace rhooks::cli {

// Shows the latest `query.limit` logs, or those from `query.from` on, and then what comes, until
// a signal or the end of whoever reads the output. Returns the exit code.
int follow_logs(Commands& commands, HooksApi& hooks, Polling& polling, FetchLogsQuery query);

// What to say where a wait for it is cut off.
std::string stays_registered(const TaskKey& key);

// Shows the attempts of a task as they are logged, until it is DONE (exit code 0) or FAILED (1);
// after `longest` it is given up (1). The task goes on in any case. With --json the attempts are
// left out, and the task, as it was last, is all that is printed. `polling` should know
// stays_registered() by then.
int wait_for_end(Commands& commands, HooksApi& hooks, Polling& polling, Task task,
                 std::chrono::milliseconds longest);

}  // namespace rhooks::cli

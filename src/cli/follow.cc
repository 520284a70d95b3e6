#include "cli/follow.h"

#include <algorithm>
#include <csignal>
#include <iostream>

#include "base/duration.h"
#include "cli/app.h"
#include "cli/log_follower.h"
#include "cli/show.h"
#include "codec/public_json.h"
#include "model/transitions.h"

namespace rhooks::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBetweenLogs{1'000};

bool has_ended(const Task& task) {
  return task.status == Status::kDone || task.status == Status::kFailed;
}

// A task that waits for its time, or for its next attempt, is asked for less and less often.
milliseconds pause_after(milliseconds waited) {
  return std::clamp(waited / 10, milliseconds{100}, milliseconds{2'000});
}

LogFollower::Fetch fetch_by(HooksApi& hooks) {
  return [&hooks](const FetchLogsQuery& query) { return hooks.fetch_logs(query); };
}

std::string spell(const TaskKey& key) {
  return "-n " + key.ns + " --id " + key.id;
}

// Prints what is new; false where the output takes no more.
class LogPrinter {
 public:
  explicit LogPrinter(Io& io) : io_(io), table_(log_table(io)) {}

  bool print(const std::vector<Log>& logs) {
    for (const Log& log : logs) add_log(table_, log);
    if (!logs.empty()) table_.flush(io_.out);
    return flushed();
  }
  bool print_json(const std::vector<Log>& logs) {
    for (const Log& log : logs) cli::print_json(io_, codec::to_json(log));
    return flushed();
  }

 private:
  bool flushed() {
    io_.out.flush();
    return static_cast<bool>(io_.out);
  }

  Io& io_;
  Table table_;
};

// The wait for one task.
class EndOfTask {
 public:
  EndOfTask(Commands& commands, HooksApi& hooks, Polling& polling, Task task)
      : commands_(commands),
        hooks_(hooks),
        polling_(polling),
        task_(std::move(task)),
        follower_(fetch_by(hooks), query_of(task_)),
        printer_(commands.io()) {}

  int wait(milliseconds longest) {
    const auto begin = std::chrono::steady_clock::now();
    int rounds_since_end = 0;
    while (true) {
      const auto looked = look();
      const auto waited =
          std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
      if (!looked) {
        if (polling_.wait_after(looked.error())) continue;
        return polling_.ended_by() != 0 ? cut_off() : report_of(looked.error());
      }
      polling_.answered();
      if (has_ended(task_) && (shows_all() || ++rounds_since_end > kLogRounds)) return ended();
      if (waited >= longest) return given_up(longest);
      if (!polling_.wait(std::min(pause_after(waited), longest - waited))) return cut_off();
    }
  }

 private:
  static constexpr int kLogRounds = 10;

  static FetchLogsQuery query_of(const Task& task) {
    FetchLogsQuery query;
    query.ns = task.key.ns;
    query.task_id = task.key.id;
    query.from = task.created_at;
    return query;
  }

  // The task first: the log of what ended it is there by then.
  Result<void> look() {
    auto task = hooks_.get(task_.key);
    if (!task) return fail(std::move(task.error()));
    task_ = std::move(*task);
    if (commands_.json()) return {};
    do {
      const auto logs = follower_.next();
      if (!logs) return fail(logs.error());
      shown_ += logs->size();
      printer_.print(*logs);
    } while (follower_.more());
    return {};
  }

  // Stores may tell logs a little later than tasks: the last ones are waited for, if there are any.
  bool shows_all() const {
    return shown_ > 0 || commands_.json() || !task_.execution.last_execution_date;
  }

  void print_task() {
    if (commands_.json()) print_json(commands_.io(), codec::to_json(task_));
  }

  int report_of(const Error& error) {
    print_task();
    return report(commands_.io(), error, kExitFailed);
  }

  int ended() {
    print_task();
    const std::string id = printable(task_.key.id);
    if (task_.status == Status::kDone) {
      if (!commands_.json()) commands_.io().out << id << " is DONE\n";
      return kExitDone;
    }
    if (commands_.json()) return kExitFailed;  // the task says it
    return report(commands_.io(),
                  id + " is FAILED: " + why_failed() + "; `rhooks logs " + spell(task_.key) +
                      " --json` shows what was sent and answered",
                  kExitFailed);
  }

  // One that was cancelled may have no error, or that of an attempt which was to be made again.
  std::string why_failed() const {
    const std::string& reason = task_.failure_reason;
    return reason == model::failure::kCancelled ? reason : task_.errors.last_error;
  }

  int given_up(milliseconds longest) {
    return report_of({ErrorCode::kUnavailable,
                      task_.key.id + " is " + to_string(task_.status) + " after " +
                          format_duration(longest) + ", and stays registered; `rhooks get " +
                          spell(task_.key) +
                          "` shows what becomes of it, and a larger --wait-max waits longer",
                      {}});
  }

  // A signal has been answered by then.
  int cut_off() {
    print_task();
    return exit_code_of_signal(polling_.ended_by());
  }

  Commands& commands_;
  HooksApi& hooks_;
  Polling& polling_;
  Task task_;
  LogFollower follower_;
  LogPrinter printer_;
  std::size_t shown_ = 0;
};

}  // namespace

int follow_logs(Commands& commands, HooksApi& hooks, Polling& polling, FetchLogsQuery query) {
  Io& io = commands.io();
  LogFollower follower(fetch_by(hooks), std::move(query));
  LogPrinter printer(io);
  while (polling.ended_by() == 0) {
    const auto logs = follower.next();
    if (!logs) {
      if (polling.wait_after(logs.error())) continue;
      return polling.ended_by() != 0 ? kExitDone : report(io, logs.error(), kExitFailed);
    }
    polling.answered();
    if (!(commands.json() ? printer.print_json(*logs) : printer.print(*logs))) {
      return exit_code_of_signal(SIGPIPE);
    }
    polling.wait(follower.more() ? milliseconds{0} : kBetweenLogs);
  }
  return polling.ended_by() == SIGPIPE ? exit_code_of_signal(SIGPIPE) : kExitDone;
}

std::string stays_registered(const TaskKey& key) {
  return key.id + " stays registered; `rhooks get " + spell(key) + "` shows what becomes of it";
}

int wait_for_end(Commands& commands, HooksApi& hooks, Polling& polling, Task task,
                 milliseconds longest) {
  return EndOfTask(commands, hooks, polling, std::move(task)).wait(longest);
}

}  // namespace rhooks::cli

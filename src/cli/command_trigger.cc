#include <rhooks/hooks.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <iostream>
#include <optional>
#include <thread>

#include "cli/app.h"
#include "cli/command.h"
#include "cli/metrics_text.h"
#include "cli/number_option.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "cli/signals.h"
#include "cli/times.h"
#include "codec/public_json.h"
#include "model/limits.h"

namespace rhooks::cli {
namespace {

// The scheduler where it is in this process; null where it is a server's.
Hooks* in_this_process(HooksApi& hooks) {
  return dynamic_cast<Hooks*>(&hooks);
}

// Whether something is left of the series for which the task has an extra occurrence.
bool goes_on(const Task& task) {
  return task.extra_date && task.scheduled_date > *task.extra_date;
}

int trigger_one(Commands& commands, const TaskKey& key) {
  Io& io = commands.io();
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  const auto task = hooks->trigger(key);
  if (!task) return report(io, task.error(), kExitFailed);
  if (commands.json()) {
    print_json(io, codec::to_json(*task));
  } else if (task->held) {
    io.out << printable(task->key.id) << " is due now, and waits: " << show_status(*task) << '\n';
  } else {
    io.out << printable(task->key.id) << " is due now"
           << (goes_on(*task) ? ", its series goes on at " + show_time(task->scheduled_date) : "")
           << "; "
           << (in_this_process(*hooks)
                   ? "run `rhooks trigger --store ...` or `rhooks serve` to deliver it\n"
                   : "a worker delivers it\n");
  }
  return kExitDone;
}

// Runs a trigger of this process. The first signal lets attempts under way end and begins no
// more, the second ends at once. `signal` is the one that came, or 0.
Result<TriggerResult> trigger_until_signal(Signals& signals, Hooks& hooks,
                                           const HooksApi::Progress& show, Io& io, int& signal) {
  Result<TriggerResult> result;
  std::atomic<bool> ended{false};
  std::thread work([&] {
    result = hooks.trigger(show);
    ended = true;
    signals.stop_waiting();
  });
  signal = signals.wait();
  if (signal != 0) {
    io.err << "rhooks: " << name_of_signal(signal)
           << ": attempts under way may end; a second signal ends at once" << std::endl;
    signals.end_on_next([&hooks](int) { hooks.stop_now(); });
    // Again until it is over: the trigger may not have begun at the first time.
    do {
      hooks.stop();
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    } while (!ended);
  }
  work.join();
  signals.forget_callback();
  return result;
}

int trigger_all(Commands& commands) {
  Io& io = commands.io();
  const auto config = commands.config();
  if (!config) return kExitUsage;
  // Before any thread is started. A server's trigger does not end with this process.
  std::optional<Signals> signals;
  if (config->works_on_store()) signals.emplace();
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  Progress progress(io);
  HooksApi::Progress show;
  if (io.err_is_terminal) {
    show = [&](const TriggerResult& so_far) {
      progress.update(count_of(so_far.processed, "attempt") + " made, " +
                      std::to_string(so_far.errors) + " failed");
    };
  }
  int signal = 0;
  Hooks* const local = in_this_process(*hooks);
  auto result =
      local ? trigger_until_signal(*signals, *local, show, io, signal) : hooks->trigger(show);
  progress.finish();
  const bool stopped = !result && signal != 0;
  // With those that ended while it stopped; this process made no others.
  if (stopped) result = attempts_in(local->metrics()).value_or(TriggerResult{});
  if (!result) return report(io, result.error(), kExitFailed);
  if (commands.json()) {
    print_json(io, codec::to_json(*result));
  } else {
    io.out << count_of(result->processed, "attempt") << " made, " << result->errors << " failed\n";
    if (result->held > 0) {
      // Counting stops there.
      const bool more = result->held >= static_cast<std::int64_t>(model::kHeldCountMax);
      io.out << (more ? "at least " : "") << count_of(result->held, "task")
             << (result->held == 1 ? " waits for its endpoint" : " wait for their endpoints")
             << "; `rhooks fetch` says what holds them\n";
    }
  }
  io.out.flush();  // now: a second signal does not wait for the store to close
  return stopped ? exit_code_of_signal(signal) : kExitDone;
}

int dryrun(Commands& commands, int limit) {
  Io& io = commands.io();
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  const auto result = hooks->trigger_dryrun(limit);
  if (!result) return report(io, result.error(), kExitFailed);
  if (commands.json()) {
    print_json(io, codec::to_json(*result));
    return kExitDone;
  }
  Table table({{"NAMESPACE", false, true, 10}, {"ID", false, true, 16}, {"SCHEDULED"}},
              table_style(io));
  for (const DueTask& due : result->items) {
    table.add({{due.key.ns}, {due.key.id}, {show_time(due.scheduled_date)}});
  }
  table.flush(io.out);
  const auto shown = static_cast<std::int64_t>(result->items.size());
  io.err << (result->more ? "at least " : "") << count_of(result->count, "task")
         << (result->count == 1 ? " is" : " are") << " due"
         << (shown < result->count ? ", the first " + std::to_string(shown) + " are shown" : "")
         << '\n';
  return kExitDone;
}

}  // namespace

void add_triggers(Commands& commands) {
  auto key = std::make_shared<TaskKey>();
  CLI::App& trigger = commands.add(
      "trigger", "Attempt everything that is due and wait for it, or run one task now.",
      {"rhooks trigger", "rhooks trigger --store rocksdb:rhooks-data --concurrency 100",
       "rhooks trigger --namespace my-app --id order-17"},
      [&commands, key] {
        if (!key->id.empty() && !commands.default_namespace(key->ns)) return kExitUsage;
        if (key->ns.empty() != key->id.empty()) {
          return report(commands.io(),
                        "--namespace and --id go together; give both to run one task now, or "
                        "neither to attempt all that is due",
                        kExitUsage);
        }
        return key->id.empty() ? trigger_all(commands) : trigger_one(commands, *key);
      });
  trigger.add_option("-n,--namespace", key->ns, "with --id: run this task now")->type_name("NAME");
  trigger.add_option("--id", key->id, "id of the task to run now")->type_name("ID");
  commands.add_hooks_options(trigger);
  commands.add_settings(trigger,
                        {"concurrency", "max_errors", "logs_ttl", "done_ttl", "failed_ttl",
                         "connect_timeout", "request_timeout", "backoff_max", "drain_timeout"});

  auto limit = std::make_shared<int>(1000);
  CLI::App& dry =
      commands.add("trigger-dryrun", "List what is due now, what waits for its endpoint included.",
                   {"rhooks trigger-dryrun", "rhooks trigger-dryrun --limit 10 --json"},
                   [&commands, limit] { return dryrun(commands, *limit); });
  add_number(dry, "--limit", *limit, {1, model::kPageLimitMax},
             "the most to show, 1 to 1000 [1000]")
      ->type_name("N");
  commands.add_hooks_options(dry);
}

}  // namespace rhooks::cli

#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/app.h"
#include "cli/command.h"
#include "cli/filter_args.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "codec/public_json.h"

namespace rhooks::cli {
namespace {

using ChangeOne = Result<Task> (*)(Backend&, const TaskKey&);
using ChangeMany = Result<ManyResult> (*)(Backend&, const ManyQuery&);

void add_change(Commands& commands, const char* name, const char* description, const char* past,
                ChangeOne change) {
  auto key = std::make_shared<TaskKey>();
  CLI::App& command =
      commands.add(name, description,
                   {std::string("rhooks ") + name + " --namespace my-app --id order-17",
                    std::string("rhooks ") + name + " -n my-app --id order-17 --json"},
                   [&commands, key, change, past] {
                     Io& io = commands.io();
                     int exit_code = kExitFailed;
                     const auto backend = commands.backend(exit_code);
                     if (!backend) return exit_code;
                     const auto task = change(*backend, *key);
                     if (!task) return report(io, task.error(), kExitFailed);
                     if (commands.json()) {
                       io.out << codec::to_json(*task) << '\n';
                     } else {
                       io.out << past << ' ' << printable(task->key.id) << '\n';
                     }
                     return kExitDone;
                   });
  add_key_options(command, *key);
  commands.add_backend_options(command);
}

struct ManyArgs {
  FilterArgs filter;
  int chunk_limit = 1000;
  bool yes = false;
};

// One chunk after the other until nothing is left. What was done before an error stays done.
int run_many(Commands& commands, const ManyArgs& args, ChangeMany change, const std::string& past) {
  Io& io = commands.io();
  auto filter = make_filter(args.filter, io.now());
  if (!filter) return report(io, filter.error(), kExitUsage);
  if (args.chunk_limit < 1 || args.chunk_limit > 1000) {
    return report(io,
                  "--chunk-limit: " + std::to_string(args.chunk_limit) + " is not from 1 to 1000",
                  kExitUsage);
  }
  int exit_code = kExitFailed;
  const auto backend = commands.backend(exit_code);
  if (!backend) return exit_code;

  const ManyQuery query{std::move(*filter), args.chunk_limit};
  Progress progress(io);
  std::int64_t total = 0;
  while (true) {
    const auto chunk = change(*backend, query);
    if (!chunk) {
      progress.finish();
      if (total > 0) io.err << past << ' ' << count_of(total, "task") << " before this:\n";
      return report(io, chunk.error(), kExitFailed);
    }
    total += chunk->count;
    if (commands.json()) io.out << codec::to_json(*chunk) << '\n';
    progress.update(past + " " + std::to_string(total));
    // A chunk of nothing would be followed by another one without end.
    if (!chunk->more || chunk->count == 0) break;
  }
  progress.finish();
  if (!commands.json()) io.out << past << ' ' << count_of(total, "task") << '\n';
  return kExitDone;
}

std::string describe(const FilterArgs& filter) {
  std::string text = "in namespace \"" + filter.ns + "\"";
  if (!filter.id.empty()) text += " with an id that begins with \"" + filter.id + "\"";
  if (!filter.status.empty()) text += " that are " + filter.status;
  if (!filter.from.empty()) text += " from " + filter.from;
  if (!filter.to.empty()) text += " to " + filter.to;
  return text;
}

void add_chunk_limit(CLI::App& command, ManyArgs& args) {
  command
      .add_option("--chunk-limit", args.chunk_limit,
                  "tasks that one request acts on, 1 to 1000 [1000]")
      ->type_name("N");
}

void add_delete_many(Commands& commands) {
  auto args = std::make_shared<ManyArgs>();
  CLI::App& command = commands.add(
      "delete-many", "Delete the tasks that match.",
      {"rhooks delete-many --namespace my-app --status DONE --to -7d --yes",
       "rhooks delete-many -n my-app --id order-"},
      [&commands, args] {
        if (!args->yes) {
          if (const auto refused = refuse_unless_confirmed(
                  commands.io(), "Delete all tasks " + describe(args->filter) + "?")) {
            return *refused;
          }
        }
        return run_many(
            commands, *args,
            [](Backend& backend, const ManyQuery& query) { return backend.remove_many(query); },
            "deleted");
      });
  add_filter_options(command, args->filter);
  add_chunk_limit(command, *args);
  command.add_flag("-y,--yes", args->yes, "do not ask for confirmation");
  commands.add_backend_options(command);
}

void add_suspend_many(Commands& commands) {
  auto args = std::make_shared<ManyArgs>();
  CLI::App& command = commands.add(
      "suspend-many", "Suspend the ACTIVE tasks that match.",
      {"rhooks suspend-many --namespace my-app",
       "rhooks suspend-many -n my-app --id order- --to +1h"},
      [&commands, args] {
        return run_many(
            commands, *args,
            [](Backend& backend, const ManyQuery& query) { return backend.suspend_many(query); },
            "suspended");
      });
  add_filter_options(command, args->filter, false);
  add_chunk_limit(command, *args);
  commands.add_backend_options(command);
}

void add_clear(Commands& commands) {
  struct ClearArgs {
    std::string ns;
    bool yes = false;
  };
  auto args = std::make_shared<ClearArgs>();
  CLI::App& command = commands.add(
      "clear", "Delete all tasks and logs of a namespace.",
      {"rhooks clear --namespace my-app", "rhooks clear -n my-app --yes"}, [&commands, args] {
        Io& io = commands.io();
        if (!args->yes) {
          if (const auto refused = refuse_unless_confirmed(
                  io, "Delete all tasks and logs in namespace \"" + args->ns + "\"?")) {
            return *refused;
          }
        }
        int exit_code = kExitFailed;
        const auto backend = commands.backend(exit_code);
        if (!backend) return exit_code;
        const auto count = backend->clear(args->ns);
        if (!count) return report(io, count.error(), kExitFailed);
        if (commands.json()) {
          io.out << "{\"count\":" << *count << "}\n";
        } else {
          io.out << "cleared " << count_of(*count, "task") << '\n';
        }
        return kExitDone;
      });
  command.add_option("-n,--namespace", args->ns, "group of tasks")->type_name("NAME")->required();
  command.add_flag("-y,--yes", args->yes, "do not ask for confirmation");
  commands.add_backend_options(command);
}

}  // namespace

void add_changes(Commands& commands) {
  add_change(commands, "delete", "Delete one task.", "deleted",
             [](Backend& backend, const TaskKey& key) { return backend.remove(key); });
  add_delete_many(commands);
  add_clear(commands);
  add_change(commands, "suspend", "Suspend an ACTIVE task.", "suspended",
             [](Backend& backend, const TaskKey& key) { return backend.suspend(key); });
  add_suspend_many(commands);
  add_change(commands, "unsuspend", "Make a SUSPENDED task ACTIVE again.", "unsuspended",
             [](Backend& backend, const TaskKey& key) { return backend.unsuspend(key); });
}

}  // namespace rhooks::cli

#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/app.h"
#include "cli/command.h"
#include "cli/filter_args.h"
#include "cli/show.h"
#include "codec/public_json.h"

namespace rhooks::cli {
namespace {

using ChangeOne = Result<Task> (HooksApi::*)(const TaskKey&);

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
                     const auto hooks = commands.hooks(exit_code);
                     if (!hooks) return exit_code;
                     const auto task = (*hooks.*change)(*key);
                     if (!task) return report(io, task.error(), kExitFailed);
                     if (commands.json()) {
                       print_json(io, codec::to_json(*task));
                     } else {
                       io.out << past << ' ' << printable(task->key.id) << '\n';
                     }
                     return kExitDone;
                   });
  if (std::string_view(name) == "delete") command.alias("rm");
  add_key_options(commands, command, *key);
  commands.add_hooks_options(command);
}

}  // namespace

void add_changes(Commands& commands) {
  add_change(commands, "delete", "Delete one task.", "deleted", &HooksApi::remove);
  add_change(commands, "suspend", "Suspend an ACTIVE task.", "suspended", &HooksApi::suspend);
  add_change(commands, "unsuspend", "Make a SUSPENDED task ACTIVE again.", "unsuspended",
             &HooksApi::unsuspend);
  add_change(commands, "cancel", "Make a task that may still run FAILED, once and for all.",
             "cancelled", &HooksApi::cancel);
  add_many_changes(commands);
}

}  // namespace rhooks::cli

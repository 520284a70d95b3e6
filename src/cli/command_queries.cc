#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/app.h"
#include "cli/command.h"
#include "cli/filter_args.h"
#include "cli/follow.h"
#include "cli/namespaces.h"
#include "cli/pages.h"
#include "cli/show.h"
#include "codec/public_json.h"
#include "model/limits.h"

namespace rhooks::cli {
namespace {

constexpr int kFollowedFirst = 10;  // logs shown before those that are new

std::optional<int> tell_nothing(Commands& commands, HooksApi& hooks, const std::string& ns,
                                const char* what) {
  if (const auto missing = report_if_empty(commands, hooks, ns)) return missing;
  if (!commands.json()) commands.io().err << "no " << what << " matches\n";
  return std::nullopt;
}

void add_get(Commands& commands) {
  auto key = std::make_shared<TaskKey>();
  CLI::App& command =
      commands.add("get", "Show one task.",
                   {"rhooks get --namespace my-app --id 0198f2c1-8a53-7d3e-9b1a-2f6c0f3e5a77",
                    "rhooks get -n my-app --id order-17 --json"},
                   [&commands, key] {
                     const auto config = commands.config();
                     if (!config) return kExitUsage;
                     const schedule::Zones zones(config->text("zone_dir"));
                     int exit_code = kExitFailed;
                     const auto hooks = commands.hooks(exit_code);
                     if (!hooks) return exit_code;
                     const auto task = hooks->get(*key);
                     if (!task) return report(commands.io(), task.error(), kExitFailed);
                     if (commands.json()) {
                       print_json(commands.io(), codec::to_json(*task));
                     } else {
                       commands.io().out << task_card(*task, zones, commands.io());
                     }
                     return kExitDone;
                   });
  command.alias("show");
  add_key_options(commands, command, *key);
  commands.add_hooks_options(command);
}

void add_fetch(Commands& commands) {
  auto filter = std::make_shared<FilterArgs>();
  auto page = std::make_shared<PageArgs>();
  CLI::App& command = commands.add(
      "fetch", "List the tasks of a namespace.",
      {"rhooks fetch --namespace my-app",
       "rhooks fetch -n my-app --status FAILED --from -1d --desc",
       "rhooks fetch -n my-app --id order- --all --json"},
      [&commands, filter, page] {
        Io& io = commands.io();
        const auto made = make_filter(*filter, io.now());
        if (!made) return report(io, made.error(), kExitUsage);
        int exit_code = kExitFailed;
        const auto hooks = commands.hooks(exit_code);
        if (!hooks) return exit_code;
        return show_pages<TaskPage>(
            commands, *page, task_table(io),
            [&](const std::string& key) {
              return hooks->fetch({*made, page->desc, page->limit, key});
            },
            add_task, [&] { return tell_nothing(commands, *hooks, made->ns, "task"); });
      });
  command.alias("ls");
  add_filter_options(commands, command, *filter);
  page->add_to(command);
  commands.add_hooks_options(command);
}

struct LogArgs {
  std::string ns, task, status, from, to;
  PageArgs page;
  bool follow = false;
  const CLI::App* command = nullptr;
};

Result<FetchLogsQuery> make_query(const LogArgs& args, TimePoint now) {
  FetchLogsQuery query;
  query.ns = args.ns;
  query.task_id = args.task;
  if (!args.status.empty()) {
    const auto status = codec::parse_log_status(args.status);
    if (!status) return fail(ErrorCode::kInvalidArgument, "--status: " + status.error().message);
    query.status = *status;
  }
  const auto from = parse_bound("--from", args.from, now);
  if (!from) return fail(from.error());
  query.from = *from;
  const auto to = parse_bound("--to", args.to, now);
  if (!to) return fail(to.error());
  query.to = *to;
  query.desc = args.page.desc;
  query.limit = args.page.limit;
  return query;
}

int follow(Commands& commands, const LogArgs& args, FetchLogsQuery query) {
  for (const char* option : {"--to", "--desc", "--all", "--start-key"}) {
    if (args.command->count(option) == 0) continue;
    return report(commands.io(),
                  std::string(option) +
                      " has no meaning where new logs are followed; leave it out, or list what is "
                      "there with `rhooks logs` without --follow",
                  kExitUsage);
  }
  if (args.command->count("--limit") == 0) query.limit = kFollowedFirst;
  // Before any thread is started.
  Polling polling(commands.io());
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  return follow_logs(commands, *hooks, polling, std::move(query));
}

int list(Commands& commands, const LogArgs& args, FetchLogsQuery query) {
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  return show_pages<LogPage>(
      commands, args.page, log_table(commands.io()),
      [&](const std::string& key) {
        query.start_key = key;
        return hooks->fetch_logs(query);
      },
      add_log, [&] { return tell_nothing(commands, *hooks, query.ns, "log"); });
}

// `tail` is `logs --follow`.
void add_logs(Commands& commands, const char* name, const char* description,
              const std::vector<std::string>& examples) {
  auto args = std::make_shared<LogArgs>();
  args->follow = std::string_view(name) == "tail";
  CLI::App& command = commands.add(name, description, examples, [&commands, args] {
    Io& io = commands.io();
    auto query = make_query(*args, io.now());
    if (!query) return report(io, query.error(), kExitUsage);
    return args->follow ? follow(commands, *args, std::move(*query))
                        : list(commands, *args, std::move(*query));
  });
  args->command = &command;
  commands.add_namespace(command, args->ns);
  command
      .add_option("task,--task,--id", args->task,
                  "logs of this task only; for those of an endpoint list its tasks: rhooks fetch "
                  "--endpoint NAME")
      ->type_name("ID");
  command.add_option("--status", args->status, "outcome of the attempt")->type_name("SUCCESS|FAIL");
  command.add_option("--from", args->from, "started at or after: ISO-8601, or -1h")
      ->type_name("TIME");
  command.add_option("--to", args->to, "started at or before: ISO-8601, or -5m")->type_name("TIME");
  args->page.add_to(command);
  command.add_flag("-f,--follow", args->follow,
                   "show the last 10 (--limit), or those from --from on, and then what comes, "
                   "until Ctrl-C");
  commands.add_hooks_options(command);
}

void add_namespaces(Commands& commands) {
  auto prefix = std::make_shared<std::string>();
  auto page = std::make_shared<PageArgs>();
  CLI::App& command =
      commands.add("namespaces", "List the namespaces that have tasks.",
                   {"rhooks namespaces", "rhooks namespaces --prefix customer- --all --json"},
                   [&commands, prefix, page] {
                     Io& io = commands.io();
                     int exit_code = kExitFailed;
                     const auto hooks = commands.hooks(exit_code);
                     if (!hooks) return exit_code;
                     return show_pages<NamespacePage>(
                         commands, *page, Table({{"NAMESPACE", false, true}}, table_style(io)),
                         [&](const std::string& key) {
                           return hooks->namespaces({*prefix, page->limit, key});
                         },
                         [](Table& table, const Namespace& item) { table.add({{item.name}}); },
                         [&]() -> std::optional<int> {
                           if (!commands.json()) io.err << "no namespace has tasks\n";
                           return std::nullopt;
                         });
                   });
  command.add_option("--prefix", *prefix, "namespaces that begin with this")->type_name("PREFIX");
  page->add_to(command, false);
  commands.add_hooks_options(command);
}

}  // namespace

void add_queries(Commands& commands) {
  add_get(commands);
  add_fetch(commands);
  add_logs(commands, "logs", "List the attempts that were made.",
           {"rhooks logs --namespace my-app", "rhooks logs -n my-app --task order-17",
            "rhooks logs -n my-app --status FAIL --from -1h --desc --limit 20",
            "rhooks logs -n my-app --follow"});
  add_logs(commands, "tail", "Show attempts as they are made, as logs --follow.",
           {"rhooks tail --namespace my-app", "rhooks tail -n my-app --status FAIL --from -1h"});
  add_namespaces(commands);
}

}  // namespace rhooks::cli

// Commands that change many tasks. All of them count first and ask.

#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/app.h"
#include "cli/command.h"
#include "cli/consent.h"
#include "cli/filter_args.h"
#include "cli/namespaces.h"
#include "cli/number_option.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "codec/public_json.h"
#include "model/limits.h"

namespace rhooks::cli {
namespace {

// In the words of its question, and of what it says then.
struct Act {
  const char* verb;  // "suspend"
  const char* past;  // "suspended"
};

struct ManyArgs {
  FilterArgs filter;
  int chunk_limit = 1000;
  Consent consent;
};

struct Many {
  Act act;
  std::optional<Status> status;  // of the tasks that it acts on, unless others are asked for
  const char* statuses;          // that may be asked for; null: no others
  Result<ManyResult> (HooksApi::*chunk)(const ManyQuery&);

  // Whether it acts on any of that status: what has ended can only be deleted.
  bool takes(Status asked) const {
    return !status || (asked != Status::kDone && asked != Status::kFailed);
  }
};

// Errors: those of the call, and a chunk of nothing that names no place further on: to ask
// again would come to the same, without end.
Result<ManyResult> next_chunk(HooksApi& hooks, const ManyQuery& query, const Many& many) {
  auto chunk = (hooks.*many.chunk)(query);
  if (!chunk || !chunk->more || chunk->count > 0) return chunk;
  const std::string& next = chunk->last_evaluated_key;
  if (!next.empty() && next != query.start_key) return chunk;
  return fail(ErrorCode::kInternal,
              "the server says that there is more, and not where to go on; see that its version is "
              "that of this command");
}

// One chunk after the other until nothing is left. What was done before an error stays done.
int run_chunks(Commands& commands, HooksApi& hooks, ManyQuery query, const Many& many) {
  Io& io = commands.io();
  const std::string past = many.act.past;
  Progress progress(io);
  std::int64_t total = 0;
  while (true) {
    const auto chunk = next_chunk(hooks, query, many);
    if (!chunk) {
      progress.finish();
      if (total > 0) io.err << past << ' ' << tasks_of(total) << " before this:\n";
      return report(io, chunk.error(), kExitFailed);
    }
    total += chunk->count;
    if (commands.json()) print_json(io, codec::to_json(*chunk));
    progress.update(past + " " + grouped(total));
    if (!chunk->more) break;
    query.start_key = chunk->last_evaluated_key;
  }
  progress.finish();
  if (total == 0) {
    if (const auto missing = report_if_empty(commands, hooks, query.filter.ns)) return *missing;
  }
  if (!commands.json()) io.out << past << ' ' << tasks_of(total) << '\n';
  return kExitDone;
}

int run_many(Commands& commands, const ManyArgs& args, const Many& many) {
  Io& io = commands.io();
  auto filter = make_filter(args.filter, io.now());
  if (!filter) return report(io, filter.error(), kExitUsage);
  if (filter->status && !many.takes(*filter->status)) {
    return report(io,
                  std::string("--status: ") + to_string(*filter->status) + " tasks cannot be " +
                      many.act.past,
                  kExitUsage);
  }
  if (const auto refused = refuse_unless_askable(io, args.consent)) return *refused;
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;

  if (!filter->status) filter->status = many.status;
  const auto describe = [&](const Counted& counted) -> std::string {
    if (counted.count == 0 && !counted.more) return {};
    const std::string status = filter->status ? std::string(to_string(*filter->status)) + " " : "";
    return counted.text(status) + " of " + filter->ns + restrictions(args.filter);
  };
  if (const auto ended = ask(commands, *hooks, args.consent, {many.act.verb, *filter, describe})) {
    return *ended;
  }
  return run_chunks(commands, *hooks, {std::move(*filter), args.chunk_limit, {}}, many);
}

void add_many(Commands& commands, const char* name, const char* description,
              const std::vector<std::string>& examples, const Many& many) {
  auto args = std::make_shared<ManyArgs>();
  CLI::App& command = commands.add(name, description, examples, [&commands, args, many] {
    return run_many(commands, *args, many);
  });
  add_filter_options(commands, command, args->filter,
                     {.statuses = many.statuses, .reason = !many.status});
  add_number(command, "--chunk-limit", args->chunk_limit, {1, model::kPageLimitMax},
             "tasks that one request acts on, 1 to 1000 [1000]")
      ->type_name("N");
  args->consent.add_to(command);
  commands.add_hooks_options(command);
}

int clear(Commands& commands, const std::string& ns, const Consent& consent) {
  Io& io = commands.io();
  if (const auto refused = refuse_unless_askable(io, consent)) return *refused;
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  TaskFilter all;
  all.ns = ns;
  const auto describe = [&](const Counted& counted) {
    return counted.count == 0 ? "all logs of " + ns + ", which has no tasks"
                              : counted.text("") + " and all logs of " + ns;
  };
  if (const auto ended = ask(commands, *hooks, consent, {"delete", all, describe})) return *ended;
  if (!consent.counts()) {
    if (const auto missing = report_if_empty(commands, *hooks, ns)) return *missing;
  }
  const auto cleared = hooks->clear(ns);
  if (!cleared) return report(io, cleared.error(), kExitFailed);
  if (commands.json()) {
    io.out << "{\"count\":" << *cleared << "}\n";
  } else {
    io.out << "cleared " << tasks_of(*cleared) << '\n';
  }
  return kExitDone;
}

void add_clear(Commands& commands) {
  struct ClearArgs {
    std::string ns;
    Consent consent;
  };
  auto args = std::make_shared<ClearArgs>();
  CLI::App& command =
      commands.add("clear", "Delete all tasks and logs of a namespace.",
                   {"rhooks clear --namespace my-app", "rhooks clear -n my-app --dry-run",
                    "rhooks clear -n my-app --yes"},
                   [&commands, args] { return clear(commands, args->ns, args->consent); });
  commands.add_namespace(command, args->ns);
  args->consent.add_to(command);
  commands.add_hooks_options(command);
}

}  // namespace

void add_many_changes(Commands& commands) {
  add_many(commands, "delete-many", "Delete the tasks that match.",
           {"rhooks delete-many --namespace my-app --status DONE --to -7d",
            "rhooks delete-many -n my-app --id order- --dry-run",
            "rhooks delete-many -n my-app --id order- --yes"},
           {{"delete", "deleted"}, std::nullopt, FilterOptions{}.statuses, &HooksApi::remove_many});
  add_clear(commands);
  add_many(commands, "suspend-many", "Suspend the ACTIVE tasks that match.",
           {"rhooks suspend-many --namespace my-app",
            "rhooks suspend-many -n my-app --id order- --to +1h --yes"},
           {{"suspend", "suspended"}, Status::kActive, nullptr, &HooksApi::suspend_many});
  add_many(
      commands, "unsuspend-many",
      "Make the SUSPENDED tasks that match ACTIVE again; those whose time is past run at once.",
      {"rhooks unsuspend-many --namespace my-app",
       "rhooks unsuspend-many -n my-app --id order- --yes"},
      {{"unsuspend", "unsuspended"}, Status::kSuspended, nullptr, &HooksApi::unsuspend_many});
  add_many(commands, "cancel-many",
           "Make the tasks that match FAILED, once and for all; the ACTIVE ones, unless --status "
           "says others.",
           {"rhooks cancel-many --namespace my-app --endpoint acme",
            "rhooks cancel-many -n my-app --status SUSPENDED --dry-run",
            "rhooks cancel-many -n my-app --id order- --yes"},
           {{"cancel", "cancelled"},
            Status::kActive,
            "ACTIVE|PROCESSING|SUSPENDED",
            &HooksApi::cancel_many});
}

}  // namespace rhooks::cli

// Commands that change many tasks. All of them count first and ask.

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>

#include "cli/app.h"
#include "cli/command.h"
#include "cli/filter_args.h"
#include "cli/namespaces.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "codec/public_json.h"
#include "model/limits.h"

namespace rhooks::cli {
namespace {

// What is counted before the question, at most: "at least so many" is enough to know.
constexpr std::int64_t kCountMax = 100'000;
constexpr int kCountPagesMax = 1'000;  // a page may be empty, and not the last one

// "1 task", "41,201 ACTIVE tasks".
std::string tasks_of(std::int64_t n, const std::string& which = {}) {
  return grouped(n) + " " + which + (n == 1 ? "task" : "tasks");
}

struct Consent {
  bool yes = false;
  bool dry_run = false;

  void add_to(CLI::App& command) {
    command.add_flag("-y,--yes", yes, "do not ask for confirmation");
    command.add_flag("--dry-run", dry_run, "count what it would act on, and change nothing");
  }
  // Whether there is a count to be made.
  bool counts() const { return dry_run || !yes; }
};

struct Counted {
  std::int64_t count = 0;
  bool more = false;  // there may be more

  std::string text(const std::string& what) const {
    return (more ? "at least " : "") + tasks_of(count, what);
  }
  std::string json() const {
    return "{\"count\":" + std::to_string(count) + ",\"more\":" + (more ? "true" : "false") + "}";
  }
};

Result<Counted> count(Io& io, HooksApi& hooks, const TaskFilter& filter) {
  FetchQuery query;
  query.filter = filter;
  query.limit = model::kPageLimitMax;
  Progress progress(io);
  Counted counted;
  for (int pages = 0; pages < kCountPagesMax; ++pages) {
    const auto page = hooks.fetch(query);
    if (!page) return fail(page.error());
    counted.count += static_cast<std::int64_t>(page->items.size());
    query.start_key = page->last_evaluated_key;
    counted.more = !query.start_key.empty();
    if (!counted.more || counted.count >= kCountMax) break;
    progress.update("counted " + grouped(counted.count));
  }
  return counted;
}

// What a command is about to do, in the words of its question.
struct Act {
  const char* verb;  // "suspend"
  const char* past;  // "suspended"
};

std::string question(const Act& act, const std::string& what) {
  std::string text = std::string(act.verb) + " " + what + "?";
  text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

// Counts where that is to be done, and asks. Returns an exit code where the command ends here:
// nothing is there, it was only to be counted, or the answer is no.
std::optional<int> ask(Commands& commands, HooksApi& hooks, const Consent& consent,
                       const TaskFilter& filter, const Act& act,
                       const std::function<std::string(const Counted&)>& describe) {
  if (!consent.counts()) return std::nullopt;
  Io& io = commands.io();
  const auto counted = count(io, hooks, filter);
  if (!counted) return report(io, counted.error(), kExitFailed);
  if (counted->count == 0) {
    if (const auto missing = report_if_empty(commands, hooks, filter.ns)) return missing;
  }
  const std::string what = describe(*counted);
  if (what.empty()) {
    if (commands.json()) print_json(io, counted->json());
    io.err << "no task matches\n";
    return kExitDone;
  }
  if (!consent.dry_run) return refuse_unless_confirmed(io, question(act, what));
  if (commands.json()) {
    print_json(io, counted->json());
  } else {
    io.out << "would " << act.verb << ' ' << what << '\n';
  }
  return kExitDone;
}

// Without a terminal there is nobody to ask, so nothing needs to be counted.
std::optional<int> refuse_unless_askable(Io& io, const Consent& consent) {
  if (!consent.counts() || consent.dry_run || io.in_is_terminal) return std::nullopt;
  return refuse_unless_confirmed(io, {});
}

struct ManyArgs {
  FilterArgs filter;
  int chunk_limit = 1000;
  Consent consent;
};

struct Many {
  Act act;
  std::optional<Status> status;  // of the tasks that it acts on, unless others are asked for
  bool takes_status;             // others may be asked for
  Result<ManyResult> (HooksApi::*chunk)(const ManyQuery&);

  // Whether it acts on any of that status: what has ended can only be deleted.
  bool takes(Status asked) const {
    return !status || (asked != Status::kDone && asked != Status::kFailed);
  }
};

std::string restrictions(const FilterArgs& filter) {
  std::string text;
  if (!filter.id.empty()) text += " with an id that begins with \"" + filter.id + "\"";
  if (!filter.from.empty()) text += " from " + filter.from;
  if (!filter.to.empty()) text += " to " + filter.to;
  if (!filter.endpoint.empty()) text += " for the endpoint " + filter.endpoint;
  if (!filter.reason.empty()) text += ", " + filter.reason;
  if (filter.last_status) text += ", last answered with " + std::to_string(*filter.last_status);
  return text;
}

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
  if (args.chunk_limit < 1 || args.chunk_limit > 1000) {
    return report(io,
                  "--chunk-limit: " + std::to_string(args.chunk_limit) + " is not from 1 to 1000",
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
  if (const auto ended = ask(commands, *hooks, args.consent, *filter, many.act, describe)) {
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
  add_filter_options(commands, command, args->filter, many.takes_status);
  command
      .add_option("--chunk-limit", args->chunk_limit,
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
  if (const auto ended = ask(commands, *hooks, consent, all, {"delete", "deleted"}, describe)) {
    return *ended;
  }
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
           {{"delete", "deleted"}, std::nullopt, true, &HooksApi::remove_many});
  add_clear(commands);
  add_many(commands, "suspend-many", "Suspend the ACTIVE tasks that match.",
           {"rhooks suspend-many --namespace my-app",
            "rhooks suspend-many -n my-app --id order- --to +1h --yes"},
           {{"suspend", "suspended"}, Status::kActive, false, &HooksApi::suspend_many});
  add_many(
      commands, "unsuspend-many",
      "Make the SUSPENDED tasks that match ACTIVE again; those whose time is past run at once.",
      {"rhooks unsuspend-many --namespace my-app",
       "rhooks unsuspend-many -n my-app --id order- --yes"},
      {{"unsuspend", "unsuspended"}, Status::kSuspended, false, &HooksApi::unsuspend_many});
  add_many(commands, "cancel-many",
           "Make the tasks that match FAILED, once and for all; the ACTIVE ones, unless --status "
           "says others.",
           {"rhooks cancel-many --namespace my-app --endpoint acme",
            "rhooks cancel-many -n my-app --status SUSPENDED --dry-run",
            "rhooks cancel-many -n my-app --id order- --yes"},
           {{"cancel", "cancelled"}, Status::kActive, true, &HooksApi::cancel_many});
}

}  // namespace rhooks::cli

// `rhooks backfill`: counts, asks, and then registers, a chunk after the other.

#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/app.h"
#include "cli/command.h"
#include "cli/consent.h"
#include "cli/filter_args.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "codec/public_json.h"

namespace rhooks::cli {
namespace {

// What is counted before the question, at most.
constexpr std::int64_t kCountMax = 100'000;

struct BackfillArgs {
  TaskKey key;
  std::string from, to;
  Consent consent;
};

Result<BackfillQuery> query_of(const BackfillArgs& args, TimePoint now) {
  const auto from = parse_bound("--from", args.from, now);
  if (!from) return fail(from.error());
  const auto to = parse_bound("--to", args.to, now);
  if (!to) return fail(to.error());
  BackfillQuery query;
  query.key = args.key;
  query.from = from->value_or(now);
  query.to = to->value_or(now);
  return query;
}

// Errors: those of the call, and a chunk that does not lead on.
Result<BackfillResult> next_backfill(HooksApi& hooks, const BackfillQuery& query) {
  auto chunk = hooks.backfill(query);
  if (!chunk || !chunk->next || *chunk->next > query.from) return chunk;
  return fail(ErrorCode::kInternal,
              "the server says that there is more, and not where to go on; see that its version is "
              "that of this command");
}

Result<Counted> count_occurrences(Io& io, HooksApi& hooks, BackfillQuery query) {
  query.dry_run = true;
  Progress progress(io);
  Counted counted;
  while (true) {
    const auto chunk = next_backfill(hooks, query);
    if (!chunk) return fail(chunk.error());
    counted.count += static_cast<std::int64_t>(chunk->items.size());
    counted.more = chunk->next.has_value();
    if (!counted.more || counted.count >= kCountMax) return counted;
    query.from = *chunk->next;
    progress.update("counted " + grouped(counted.count));
  }
}

// Returns an exit code where the command ends here.
std::optional<int> ask_to_backfill(Commands& commands, HooksApi& hooks, const Consent& consent,
                                   const BackfillQuery& query) {
  if (!consent.counts()) return std::nullopt;
  Io& io = commands.io();
  const auto counted = count_occurrences(io, hooks, query);
  if (!counted) return report(io, counted.error(), kExitFailed);
  const std::string what = (counted->more ? "at least " : "") + grouped(counted->count) +
                           (counted->count == 1 ? " occurrence of " : " occurrences of ") +
                           printable(query.key.id);
  if (counted->count > 0 && !consent.dry_run) {
    return refuse_unless_confirmed(io, "Backfill " + what + "?");
  }
  if (commands.json()) {
    print_json(io, counted->json());
  } else if (counted->count == 0) {
    io.err << "the series has no occurrence then; `rhooks schedule preview` shows when it has\n";
  } else {
    io.out << "would backfill " << what << '\n';
  }
  return kExitDone;
}

int register_chunks(Commands& commands, HooksApi& hooks, BackfillQuery query) {
  Io& io = commands.io();
  Progress progress(io);
  std::int64_t created = 0, existing = 0;
  while (true) {
    const auto chunk = next_backfill(hooks, query);
    if (!chunk) {
      progress.finish();
      if (created > 0) io.err << "registered " << tasks_of(created) << " before this:\n";
      return report(io, chunk.error(), kExitFailed);
    }
    for (const Backfilled& one : chunk->items) ++(one.created ? created : existing);
    if (commands.json()) print_json(io, codec::to_json(*chunk));
    progress.update("registered " + grouped(created));
    if (!chunk->next) break;
    query.from = *chunk->next;
  }
  progress.finish();
  if (commands.json()) return kExitDone;
  io.out << "registered " << tasks_of(created);
  if (existing > 0)
    io.out << "; " << grouped(existing) << (existing == 1 ? " was" : " were") << " there";
  io.out << '\n';
  return kExitDone;
}

int backfill(Commands& commands, const BackfillArgs& args) {
  Io& io = commands.io();
  const auto query = query_of(args, io.now());
  if (!query) return report(io, query.error(), kExitUsage);
  if (const auto refused = refuse_unless_askable(io, args.consent)) return *refused;
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  if (const auto ended = ask_to_backfill(commands, *hooks, args.consent, *query)) return *ended;
  return register_chunks(commands, *hooks, *query);
}

}  // namespace

void add_backfill(Commands& commands) {
  auto args = std::make_shared<BackfillArgs>();
  CLI::App& command = commands.add(
      "backfill", "Run past occurrences of a series again, each as a task of its own.",
      {"rhooks backfill report -n my-app --from -1d",
       "rhooks backfill report -n my-app --from 2030-01-01T00:00Z --to 2030-01-02T00:00Z --dry-run",
       "rhooks backfill report -n my-app --from -6h --yes --json"},
      [&commands, args] { return backfill(commands, *args); });
  add_key_options(commands, command, args->key);
  command
      .add_option("--from", args->from,
                  "occurrences named for this time or later: ISO-8601, or -1h")
      ->type_name("TIME")
      ->required();
  command.add_option("--to", args->to, "and for this time or earlier [now]")->type_name("TIME");
  args->consent.add_to(command);
  commands.add_hooks_options(command);
}

}  // namespace rhooks::cli

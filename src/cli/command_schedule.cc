#include <CLI/CLI.hpp>
#include <iostream>

#include "base/iso8601.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/moment.h"
#include "cli/number_option.h"
#include "cli/show.h"
#include "cli/usage.h"
#include "cli/when_args.h"
#include "codec/public_json.h"
#include "hooks/previews.h"

namespace rhooks::cli {
namespace {

struct ScheduleArgs {
  std::string action, id, ns, from;
  WhenArgs when;
  int count = PreviewRange{}.count;
  CLI::App* command = nullptr;

  bool given(const char* option) const { return command->count(option) > 0; }
  bool says_when() const {
    for (const char* option : WhenArgs::kOptions) {
      if (given(option)) return true;
    }
    return false;
  }
};

Result<PreviewRange> range_of(const ScheduleArgs& args, const schedule::Zones& zones,
                              const Io& io) {
  PreviewRange range{{}, args.count};
  if (args.from.empty()) return range;
  const bool local = parse_time(args.from + "Z").has_value();
  const auto from = parse_moment(args.from, local ? args.when.timezone : std::string(), zones,
                                 io.environment, io.now());
  if (!from) return usage("--from: " + from.error().message);
  range.from = from->at;
  return range;
}

int show_preview(Commands& commands, const Result<Preview>& preview, int exit_code) {
  Io& io = commands.io();
  if (!preview) return report(io, preview.error(), exit_code);
  if (commands.json()) {
    print_json(io, codec::to_json(*preview));
    return kExitDone;
  }
  io.out << printable(preview->description) << '\n';
  if (preview->occurrences.empty()) {
    io.err << "nothing is left of it\n";
  } else {
    occurrence_table(*preview, io).flush(io.out);
  }
  for (const std::string& warning : preview->warnings) {
    io.err << "note: " << printable(warning) << '\n';
  }
  if (preview->more) io.err << "there are more: --count N, --from TIME\n";
  return kExitDone;
}

int preview_of_task(Commands& commands, ScheduleArgs& args, const PreviewRange& range) {
  if (!commands.default_namespace(args.ns)) return kExitUsage;
  if (args.ns.empty()) {
    return report(commands.io(), "--namespace is missing; it names the group that the task is in",
                  kExitUsage);
  }
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  return show_preview(commands, hooks->preview(TaskKey{args.ns, args.id}, range), kExitFailed);
}

// Worked out here, unless a server is named, whose time zones may be others.
int preview_of_options(Commands& commands, const ScheduleArgs& args, const PreviewRange& range,
                       const schedule::Zones& zones) {
  Io& io = commands.io();
  auto when = args.when.when(zones, io);
  if (!when) return report(io, when.error(), kExitUsage);
  PreviewQuery query{std::move(when->schedule), when->scheduled_date, when->repeat, {}, range};
  if (!args.given("--server")) {
    return show_preview(commands, preview_of(query, zones, io.now()), kExitUsage);
  }
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  return show_preview(commands, hooks->preview(query), kExitFailed);
}

int run_preview(Commands& commands, ScheduleArgs& args) {
  Io& io = commands.io();
  if (args.action != "preview") {
    return report(
        io, "there is no `rhooks schedule " + args.action + "`; there is `rhooks schedule preview`",
        kExitUsage);
  }
  const auto config = commands.config();
  if (!config) return kExitUsage;
  const schedule::Zones zones(config->text("zone_dir"));
  const auto range = range_of(args, zones, io);
  if (!range) return report(io, range.error(), kExitUsage);
  if (!args.id.empty() && args.says_when()) {
    return report(io,
                  "an id and what says when exclude each other; leave out the id to see what a new "
                  "task would do, or the rest to see what that task will do",
                  kExitUsage);
  }
  if (!args.id.empty()) return preview_of_task(commands, args, *range);
  if (!args.says_when()) {
    return report(io,
                  "nothing says when; give --cron, --every or --at, or the id of a task: rhooks "
                  "schedule preview ID",
                  kExitUsage);
  }
  return preview_of_options(commands, args, *range, zones);
}

}  // namespace

void add_schedule(Commands& commands) {
  auto args = std::make_shared<ScheduleArgs>();
  CLI::App& command = commands.add(
      "schedule", "Show when a task would run, or will.",
      {"rhooks schedule preview --cron '0 9 * * MON-FRI' --timezone Europe/Berlin",
       "rhooks schedule preview --cron '0 12 L * *' --exclude 12-31 --count 24",
       "rhooks schedule preview --every 2w --at '2030-01-04 17:00' --timezone America/New_York",
       "rhooks schedule preview --every 90m --end 1d --json",
       "rhooks schedule preview --cron '30 2 * * *' --tz Europe/Berlin \\",
       "    --from '2030-03-30 00:00'", "rhooks schedule preview report -n my-app"},
      [&commands, args] { return run_preview(commands, *args); });
  args->command = &command;
  command.add_option("action", args->action, "what to do")->type_name("preview")->required();
  command.add_option("id,--id", args->id, "of a task; without it what the options say")
      ->type_name("ID");
  command.add_option("-n,--namespace", args->ns, "group of the task [$RHOOKS_NAMESPACE]")
      ->type_name("NAME");
  args->when.add_to(command);
  add_number(command, "--count", args->count, {1, 1'000}, "how many to show, 1 to 1000 [10]")
      ->type_name("N");
  command
      .add_option("--from", args->from, "show those at this time or later, also in the past [now]")
      ->type_name("TIME");
  commands.add_hooks_options(command);
  commands.add_settings(command, {"zone_dir"});
}

}  // namespace rhooks::cli

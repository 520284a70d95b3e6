#include <rhooks/hooks.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/duration.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/consent.h"
#include "cli/filter_args.h"
#include "cli/namespaces.h"
#include "cli/number_option.h"
#include "cli/polling.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "codec/public_json.h"
#include "model/redrive.h"

namespace rhooks::cli {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{500};

struct RedriveArgs {
  FilterArgs filter;
  std::string rate;
  std::int64_t max = 0;
  Consent consent;
  bool wait = false, show = false, cancel = false;
  CLI::App* command = nullptr;

  bool given(const char* option) const { return command->count(option) > 0; }
};

int show_redrive(Commands& commands, const Redrive& redrive) {
  Io& io = commands.io();
  if (commands.json()) {
    print_json(io, codec::to_json(redrive));
  } else {
    io.out << redrive_card(redrive, io);
  }
  return kExitDone;
}

// Why the options cannot be meant so; nothing if they can.
std::optional<std::string> wrong_redrive_options(const RedriveArgs& args) {
  if (args.show && args.cancel) return "--show and --cancel exclude each other";
  if (!args.show && !args.cancel) return std::nullopt;
  if (args.cancel && args.wait) return "--cancel waits for nothing; leave out --wait";
  for (const char* option : {"--id", "--from", "--to", "--endpoint", "--reason", "--last-status",
                             "--rate", "--max", "--yes", "--dry-run"}) {
    if (!args.given(option)) continue;
    return std::string(option) + " belongs to a redrive that is started, and " +
           (args.show ? "--show" : "--cancel") + " is about one that is there";
  }
  return std::nullopt;
}

Result<Redrive> redrive_of(const RedriveArgs& args, TimePoint now) {
  auto filter = make_filter(args.filter, now);
  if (!filter) return fail(std::move(filter.error()));
  Redrive redrive;
  static_cast<TaskFilter&>(redrive) = std::move(*filter);
  redrive.max = args.max;
  if (args.rate.empty()) return redrive;
  const auto rate = parse_rate(args.rate);
  if (!rate) return fail(ErrorCode::kInvalidArgument, "--rate: " + rate.error().message);
  redrive.rate = *rate;
  return redrive;
}

std::string show_command(const std::string& ns) {
  return "`rhooks redrive -n " + ns + " --show`";
}

// Whether this process carries out what it asks for.
bool on_store(const HooksApi& hooks) {
  return dynamic_cast<const Hooks*>(&hooks) != nullptr;
}

// Shows how far it is until it has ended. A signal leaves it as it is.
int wait_for_redrive(Commands& commands, HooksApi& hooks, Polling& polling,
                     const Redrive& started) {
  Io& io = commands.io();
  polling.on_signal(on_store(hooks) ? "the redrive goes on once `rhooks serve` runs on this store"
                                    : "the redrive goes on; " + show_command(started.ns) +
                                          " shows how far it is");
  Progress progress(io);
  while (true) {
    const auto redrive = hooks.redrive(started.ns);
    if (!redrive) {
      if (polling.wait_after(redrive.error())) continue;
      progress.finish();
      if (polling.ended_by() != 0) return exit_code_of_signal(polling.ended_by());
      return report(io, redrive.error(), kExitFailed);
    }
    polling.answered();
    if (redrive->state != RedriveState::kRunning || redrive->started_at != started.started_at) {
      progress.finish();
      if (commands.json()) print_json(io, codec::to_json(*redrive));
      if (redrive->state == RedriveState::kDone && redrive->started_at == started.started_at) {
        if (!commands.json()) io.out << "redriven " << tasks_of(redrive->redriven) << '\n';
        return kExitDone;
      }
      return report(
          io, "the redrive was cancelled; " + show_command(started.ns) + " shows how far it came",
          kExitFailed);
    }
    progress.update("redriven " + grouped(redrive->redriven));
    if (!polling.wait(kBetweenLooks)) return exit_code_of_signal(polling.ended_by());
  }
}

int show_started(Commands& commands, const HooksApi& hooks, const Redrive& started) {
  Io& io = commands.io();
  if (commands.json()) return show_redrive(commands, started);
  io.out << "started at " << format_rate(started.rate) << "; " << show_command(started.ns)
         << " shows how far it is\n";
  if (on_store(hooks)) {
    io.err << "it goes on once `rhooks serve` runs on this store; --show --wait does it here\n";
  }
  return kExitDone;
}

int start_redrive(Commands& commands, const RedriveArgs& args) {
  Io& io = commands.io();
  auto redrive = redrive_of(args, io.now());
  if (!redrive) return report(io, redrive.error(), kExitUsage);
  redrive->status = Status::kFailed;
  if (auto valid = model::validate(*redrive); !valid) return report(io, valid.error(), kExitUsage);
  if (const auto refused = refuse_unless_askable(io, args.consent)) return *refused;
  std::optional<Polling> polling;  // before any thread is started
  if (args.wait) polling.emplace(io);
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;

  const auto describe = [&](const Counted& counted) -> std::string {
    if (counted.count == 0 && !counted.more) return {};
    return counted.text("FAILED ") + " of " + redrive->ns + restrictions(args.filter);
  };
  const auto acts_on = [&](const Task& task) { return model::is_meant(*redrive, task); };
  if (const auto ended = ask(commands, *hooks, args.consent,
                             {"redrive", *redrive, describe, acts_on, redrive->max})) {
    return *ended;
  }
  if (!args.consent.counts()) {
    if (const auto missing = report_if_empty(commands, *hooks, redrive->ns)) return *missing;
  }
  const auto started = hooks->start_redrive(std::move(*redrive));
  if (!started) return report(io, started.error(), kExitFailed);
  if (!polling) return show_started(commands, *hooks, *started);
  return wait_for_redrive(commands, *hooks, *polling, *started);
}

int run_redrive(Commands& commands, const RedriveArgs& args) {
  Io& io = commands.io();
  if (const auto wrong = wrong_redrive_options(args)) return report(io, *wrong, kExitUsage);
  if (!args.show && !args.cancel) return start_redrive(commands, args);
  std::optional<Polling> polling;  // before any thread is started
  if (args.wait) polling.emplace(io);
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  const auto redrive =
      args.show ? hooks->redrive(args.filter.ns) : hooks->cancel_redrive(args.filter.ns);
  if (!redrive) return report(io, redrive.error(), kExitFailed);
  if (polling && redrive->state == RedriveState::kRunning) {
    return wait_for_redrive(commands, *hooks, *polling, *redrive);
  }
  return show_redrive(commands, *redrive);
}

}  // namespace

void add_redrive(Commands& commands) {
  auto args = std::make_shared<RedriveArgs>();
  CLI::App& command = commands.add(
      "redrive", "Run FAILED tasks again, a few at a time, as after an outage of their receiver.",
      {"rhooks redrive -n shop --endpoint acme --reason exhausted --rate 50/s",
       "rhooks redrive -n shop --last-status 503 --from -1d --dry-run",
       "rhooks redrive -n shop --id order- --max 1000 --yes --wait",
       "rhooks redrive -n shop --show --wait", "rhooks redrive -n shop --cancel"},
      [&commands, args] { return run_redrive(commands, *args); });
  args->command = &command;
  add_filter_options(commands, command, args->filter, {.statuses = nullptr});
  command.add_option("--rate", args->rate, "how many in what time: 50/s, 100/1m [50/s]")
      ->type_name("RATE");
  add_number(command, "--max", args->max, {0}, "so many at most; 0: all [0]")->type_name("N");
  args->consent.add_to(command);
  command.add_flag("--wait", args->wait,
                   "wait until it is done, and show how far it is; Ctrl-C does not cancel it");
  command.add_flag("--show", args->show, "show the one that runs, or the last one, and start none");
  command.add_flag("--cancel", args->cancel, "cancel the one that runs");
  commands.add_hooks_options(command);
}

}  // namespace rhooks::cli

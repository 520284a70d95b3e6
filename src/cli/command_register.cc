#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/duration.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/file_import.h"
#include "cli/follow.h"
#include "cli/input_args.h"
#include "cli/number_option.h"
#include "cli/show.h"
#include "cli/times.h"
#include "cli/usage.h"
#include "cli/when_args.h"
#include "codec/public_json.h"
#include "hooks/hooks_parts.h"
#include "model/fields.h"

namespace rhooks::cli {
namespace {

struct RegisterArgs {
  NewTask task;  // plain options go into their fields
  std::string ns, url, idempotency_key, file;
  RequestArgs request;
  WhenArgs when;
  bool wait = false;
  std::string wait_max = "10m";
  CLI::App* command = nullptr;

  bool given(const char* option) const { return command->count(option) > 0; }
};

Result<NewTask> make_task(const RegisterArgs& args, const When& when, Io& io) {
  NewTask task = args.task;
  task.ns = args.ns;
  if (task.ns.empty())
    return usage("--namespace is missing; it names the group that the task is in");
  task.request.url = args.url;
  if (args.url.empty() && task.endpoint.empty()) {
    return usage("--url is missing; it is where the webhook goes; or name an --endpoint");
  }

  task.request.method = args.given("--body") ? Method::kPost : Method::kGet;
  if (auto made = args.request.apply(*args.command, io.in, task.request); !made) {
    return fail(made.error());
  }
  task.scheduled_date = when.scheduled_date;
  task.repeat = when.repeat;
  task.schedule = when.schedule;
  task.idempotency_key = args.idempotency_key;
  return task;
}

// With what was chosen where nothing was said: over REST a repetition without `max` runs once.
std::string shown_repeat(const Repeat& repeat, bool max_given) {
  if (repeat.max != 0) return show_repeat(repeat);
  return show_repeat(repeat) + ", for ever" + (max_given ? "" : "; --max N ends it");
}

std::string shown_schedule(const Schedule& schedule, const schedule::Zones& zones) {
  const std::string words = schedule_in_words(schedule, zones);
  return printable(words.empty() ? show_schedule(schedule) : words);
}

// How long --wait waits at most; none without it. What cannot end by then is refused before
// anything is registered.
Result<std::optional<std::chrono::milliseconds>> make_wait(const RegisterArgs& args,
                                                           const NewTask& task, TimePoint now,
                                                           const Config& config) {
  if (!args.wait) {
    if (args.given("--wait-max")) return usage("--wait-max says how long --wait waits; add --wait");
    return std::nullopt;
  }
  const auto longest = parse_duration(args.wait_max);
  if (!longest) return usage("--wait-max: " + longest.error().message);
  if (config.works_on_store() && !store_traits(config.text("store")).directory.empty()) {
    return usage(
        "--wait needs a worker, and none can open this store while this command holds it; leave "
        "--store out to register through a server, or register first and then run `rhooks "
        "trigger --store ...`");
  }
  const bool has_schedule_without_end = task.schedule && task.schedule->at.empty() &&
                                        task.schedule->max == 0 && task.schedule->end.empty();
  if ((task.repeat && task.repeat->max == 0) || has_schedule_without_end) {
    return usage(
        "--wait would wait for ever, since the task repeats for ever; add --max, or leave "
        "--wait out and watch it with `rhooks tail`");
  }
  if (task.scheduled_date && *task.scheduled_date > now + *longest) {
    return usage(
        "--wait ends after " + format_duration(*longest) +
        ", before the task is due; give a longer --wait-max, as in --wait-max " +
        format_duration(std::chrono::ceil<std::chrono::hours>(*task.scheduled_date - now)));
  }
  return *longest;
}

int register_one(Commands& commands, const RegisterArgs& args) {
  Io& io = commands.io();
  const auto config = commands.config();
  if (!config) return kExitUsage;
  const schedule::Zones zones(config->text("zone_dir"));
  const auto when = args.when.when(zones, io);
  if (!when) return report(io, when.error(), kExitUsage);
  auto task = make_task(args, *when, io);
  if (!task) return report(io, task.error(), kExitUsage);
  const auto longest = make_wait(args, *task, io.now(), *config);
  if (!longest) return report(io, longest.error(), kExitUsage);
  // Before any thread is started.
  std::optional<Polling> polling;
  if (*longest) polling.emplace(io);
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code, true);
  if (!hooks) return exit_code;
  const auto result = hooks->register_task(std::move(*task));
  if (!result) return report(io, result.error(), kExitFailed);
  if (polling) polling->on_signal(stays_registered(result->task.key));
  if (commands.json() && polling) {
    return wait_for_end(commands, *hooks, *polling, result->task, **longest);
  }
  if (commands.json()) {
    print_json(io, codec::to_json(result->task));
    return kExitDone;
  }
  const Task& made = result->task;
  io.out << (result->created ? "registered " : "already registered: ") << printable(made.key.id)
         << ", " << to_string(made.status) << ", scheduled " << show_time(made.scheduled_date)
         << (result->created && !when->read_as.empty() ? " (" + when->read_as + ")" : "")
         << (made.schedule ? ", " + shown_schedule(*made.schedule, zones) : "")
         << (made.repeat ? ", " + shown_repeat(*made.repeat, args.when.given("--max")) : "")
         << '\n';
  if (polling) {
    io.out.flush();
    return wait_for_end(commands, *hooks, *polling, made, **longest);
  }
  return kExitDone;
}

// Calls visit(row, value) for each field that a plain option fills.
template <typename Visit>
void for_each_plain_option(NewTask& task, Visit visit) {
  model::for_each_field<NewTask>([&]<typename F>(const F& field) {
    using Value = model::Bare<typename F::Value>;
    if constexpr (std::is_same_v<typename F::Value, std::string> || std::is_integral_v<Value> ||
                  std::is_same_v<Value, TimePoint> ||
                  std::is_same_v<Value, std::chrono::milliseconds> ||
                  std::is_same_v<Value, std::vector<std::string>>) {
      if (field.flag != nullptr) visit(field, task.*F::kMember);
    }
  });
}

// A value that is read from text by `parse`.
template <typename T, typename Parse>
CLI::Option* add_parsed_option(CLI::App& command, const model::FieldWords& field, T& value,
                               Parse parse) {
  const auto read = [&value, flag = field.flag, parse](const std::string& text) {
    if (text.empty()) return;  // refused once the whole line is read
    const auto parsed = parse(text);
    if (!parsed) throw CLI::ValidationError(flag, parsed.error().message);
    value = *parsed;
  };
  return command.add_option_function<std::string>(field.flag, read, help_of(field));
}

template <typename F, typename T>
CLI::Option* add_plain_option(CLI::App& command, const F& field, T& value, const Io& io) {
  using Value = model::Bare<T>;
  if constexpr (std::is_same_v<Value, bool>) {
    return command.add_flag(field.flag, value, help_of(field));
  } else if constexpr (std::is_same_v<Value, std::chrono::milliseconds>) {
    return add_parsed_option(command, field, value, parse_duration);
  } else if constexpr (std::is_same_v<Value, TimePoint>) {
    return add_parsed_option(command, field, value,
                             [&io](const std::string& text) { return parse_when(text, io.now()); });
  } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
    return add_parsed_option(command, field, value, [](const std::string& text) {
      return Result<Value>(split_at_commas(text));
    });
  } else if constexpr (std::is_integral_v<Value>) {
    return add_number(command, field.flag, value, model::range_of(field), help_of(field));
  } else {
    return command.add_option(field.flag, value, help_of(field));
  }
}

int register_file(Commands& commands, RegisterArgs& args) {
  Io& io = commands.io();
  std::vector<const char*> of_a_task = {"--url",  "--method", "--wait",  "--wait-max",
                                        "--body", "--text",   "--header"};
  of_a_task.insert(of_a_task.end(), WhenArgs::kOptions);
  for_each_plain_option(args.task,
                        [&](const auto& field, auto&) { of_a_task.push_back(field.flag); });
  for (const char* option : of_a_task) {
    if (args.given(option)) {
      return report(io,
                    std::string(option) +
                        " and --file exclude each other; write it into the "
                        "tasks of the file",
                    kExitUsage);
    }
  }
  std::ifstream file;
  if (args.file != "-") {
    file.open(args.file, std::ios::binary);
    std::error_code ignored;
    if (std::filesystem::is_directory(args.file, ignored)) {
      return report(io, args.file + " is a directory; --file takes a file of tasks", kExitUsage);
    }
    if (!file) return report(io, "the file " + args.file + " cannot be read", kExitUsage);
  }
  return import_file(commands, {args.file, args.ns, args.idempotency_key},
                     args.file == "-" ? io.in : file);
}

}  // namespace

void add_register(Commands& commands) {
  auto args = std::make_shared<RegisterArgs>();
  CLI::App& command = commands.add(
      "register", "Register a webhook, or a file of them.",
      {"rhooks register --namespace my-app --url http://127.0.0.1:9000/hook --method POST \\",
       "    --at +2s --body '{\"key\":\"value\"}'",
       "rhooks register -n my-app https://example.com/hook -X PUT -H 'X-Team: billing' \\",
       "    -d @invoice.json --in 5m --wait",
       "rhooks register -n my-app https://example.com/ping --at '2030-01-31 12:00' \\",
       "    --tz Europe/Berlin",
       "rhooks register -n my-app --url https://example.com/ping --every 10m --max 6",
       "rhooks register -n my-app --url https://example.com/report --cron '0 9 * * MON-FRI' \\",
       "    --timezone Europe/Berlin --exclude 12-25 --exclude 01-01",
       "rhooks register -n my-app --url https://example.com/in --at 2030-01-31T12:00:00+01:00 \\",
       "    --header 'X-Team: billing' --body @invoice.json --idempotency-key invoice-17",
       "rhooks register -n shop --endpoint acme --flow-key customer-42 --body @order.json",
       "rhooks register --file tasks.json --idempotency-key import-17"},
      [&commands, args] {
        if (args->given("--file")) return register_file(commands, *args);
        return commands.default_namespace(args->ns) ? register_one(commands, *args) : kExitUsage;
      });
  args->command = &command;
  command
      .add_option("-n,--namespace", args->ns, "group of tasks that it is in [$RHOOKS_NAMESPACE]")
      ->type_name("NAME");
  command
      .add_option(
          "url,--url", args->url,
          "where the webhook goes (http or https); with --endpoint what comes behind its URL")
      ->type_name("URL");
  command
      .add_option("-X,--method,--request", args->request.method,
                  "HTTP method [GET; POST where there is a body]")
      ->type_name("GET|POST|PUT|PATCH|DELETE|HEAD");
  args->when.add_to(command);
  command
      .add_option("-d,--body,--data", args->request.body,
                  "JSON, sent as it is given, or text; @FILE reads a file, - standard input")
      ->type_name("BODY");
  command.add_flag("--text", args->request.text,
                   "the body is text, even if it is or begins like JSON");
  command
      .add_option("-H,--header", args->request.headers,
                  "'Name: value'; @FILE reads one a line, and keeps them out of `ps`; may be "
                  "repeated")
      ->type_name("HEADER")
      ->allow_extra_args(false);
  for_each_plain_option(args->task, [&](const auto& field, auto& value) {
    CLI::Option* const option = add_plain_option(command, field, value, commands.io());
    if (field.value != nullptr) option->type_name(field.value);
  });
  command
      .add_option("--idempotency-key", args->idempotency_key,
                  "registering again with it finds the first task; with --file, the first tasks")
      ->type_name("KEY");
  command.add_flag("--wait", args->wait,
                   "wait until it is DONE (exit code 0) or FAILED (1), and show its attempts; "
                   "Ctrl-C leaves it registered");
  command
      .add_option("--wait-max", args->wait_max,
                  "how long --wait waits before it exits with 1 [10m]")
      ->type_name("TIME");
  command
      .add_option("-f,--file", args->file,
                  "register the tasks of a JSON file: [..], {\"items\":[..]} or one a line; - "
                  "reads standard input")
      ->type_name("FILE");
  commands.add_hooks_options(command);
}

}  // namespace rhooks::cli

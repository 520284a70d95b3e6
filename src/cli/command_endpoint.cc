#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>

#include "base/ascii.h"
#include "base/duration.h"
#include "base/text.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/input_args.h"
#include "cli/number_option.h"
#include "cli/pages.h"
#include "cli/show.h"
#include "cli/usage.h"
#include "codec/public_json.h"
#include "hooks/change_endpoint.h"
#include "model/endpoint.h"
#include "model/headers.h"
#include "model/status_set.h"

namespace rhooks::cli {
namespace {

struct EndpointArgs {
  std::string action, ns, name, file, prefix;
  std::map<std::string_view, std::string> values;  // by the flags of the rows
  RequestArgs request;  // its headers are those of an endpoint, but for a test
  std::vector<std::string> without_headers;
  bool force = false;
  PageArgs page;
  CLI::App* command = nullptr;
  // The options that belong to some of the actions only, with these: "put and set".
  std::vector<std::pair<std::string, std::string>> actions_of;

  bool given(const std::string& option) const { return command->count(option) > 0; }
  bool belongs(const std::string& actions) const { return actions.find(action) != actions.npos; }
};

using Lengths = std::vector<std::chrono::milliseconds>;
using Texts = std::vector<std::string>;

// "5s,1m,1h".
Result<Lengths> parse_lengths(std::string_view text) {
  Lengths lengths;
  for (const std::string& one : split_at_commas(text)) {
    auto length = parse_duration(one);
    if (!length) return fail(std::move(length.error()));
    lengths.push_back(*length);
  }
  return lengths;
}

// Of namespace and name there is none: they say which endpoint is meant.
template <typename F>
constexpr bool kNames = model::kIs<F, &Endpoint::ns> || model::kIs<F, &Endpoint::name>;

// Calls visit(row) for each field that has a flag.
template <typename Visit>
void for_each_endpoint_option(Visit visit) {
  model::for_each_field<Endpoint>([&]<typename F>(const F& field) {
    using Value = model::Bare<typename F::Value>;
    if constexpr (!kNames<F> &&
                  (std::is_same_v<Value, bool> || std::is_same_v<Value, std::string> ||
                   std::is_same_v<Value, int> || std::is_same_v<Value, std::chrono::milliseconds> ||
                   std::is_same_v<Value, Lengths> || std::is_same_v<Value, StatusSet> ||
                   std::is_same_v<Value, Rate> || std::is_same_v<Value, Texts>)) {
      if (field.flag != nullptr) visit(field);
    }
  });
}

template <typename F>
inline constexpr bool kIsFlag = std::is_same_v<typename F::Value, bool>;

// The flag that takes a field back, or is the reverse of one that is a flag itself.
std::string no_flag(const model::FieldWords& field) {
  return "--no-" + std::string(field.flag + 2);
}

template <typename F, typename T = model::Bare<typename F::Value>>
Result<T> read_value(const F& field, const std::string& text) {
  if constexpr (std::is_same_v<T, std::string>) {
    return text;
  } else if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
    return parse_duration(text);
  } else if constexpr (std::is_same_v<T, Lengths>) {
    return parse_lengths(text);
  } else if constexpr (std::is_same_v<T, Texts>) {
    return split_at_commas(text);
  } else if constexpr (std::is_same_v<T, StatusSet>) {
    return model::parse_status_set(text);
  } else if constexpr (std::is_same_v<T, Rate>) {
    return parse_rate(text);
  } else {
    return parse_number(text, model::range_of(field)).map([](std::int64_t number) {
      return static_cast<T>(number);
    });
  }
}

// Why the headers that are to go cannot be meant so; nothing if they can.
std::optional<std::string> wrong_names(const std::vector<std::string>& gone,
                                       const std::vector<Header>& headers) {
  for (const std::string& name : gone) {
    if (!model::is_token(name)) {
      return "--no-header: " + quote(name) + " is no header name; write the name alone";
    }
    const bool given = std::any_of(headers.begin(), headers.end(), [&](const Header& header) {
      return equal_in_any_case(header.name, name);
    });
    if (given) {
      return "--header and --no-header " + name + " exclude each other; a header that is given " +
             "takes the place of the one that is there";
    }
  }
  return std::nullopt;
}

// The endpoint with what the line says of it.
Result<Endpoint> edited(const EndpointArgs& args, const std::vector<Header>& headers,
                        Endpoint endpoint) {
  std::optional<std::string> wrong;
  for_each_endpoint_option([&]<typename F>(const F& field) {
    auto& member = endpoint.*F::kMember;
    if constexpr (kIsFlag<F>) {
      if (args.given(field.flag)) member = true;
      if (args.given(no_flag(field))) member = false;
    } else if (args.given(field.flag)) {
      auto value = read_value(field, args.values.at(field.flag));
      if (value) {
        member = std::move(*value);
      } else {
        wrong = std::string(field.flag) + ": " + value.error().message;
      }
    } else if (!field.required && args.given(no_flag(field))) {
      member = typename F::Value{};
    }
  });
  if (!wrong) wrong = wrong_names(args.without_headers, headers);
  if (wrong) return usage(std::move(*wrong));
  if (args.given("--no-callback") && !args.given("--callback-on")) endpoint.callback_on.clear();
  if (args.given("--no-rate") && !args.given("--burst")) endpoint.burst.reset();
  for (const std::string& name : args.without_headers) {
    model::remove_header(endpoint.headers, name);
  }
  endpoint.headers = model::merged(std::move(endpoint.headers), headers);
  return endpoint;
}

Result<Endpoint> endpoint_of_file(const EndpointArgs& args, Io& io) {
  std::ifstream file;
  if (args.file != "-") {
    file.open(args.file, std::ios::binary);
    if (!file) return usage("--file: the file " + args.file + " cannot be read");
  }
  const auto text = args.file == "-" ? read_all(io.in, "--file", "standard input")
                                     : read_all(file, "--file", args.file);
  if (!text) return fail(text.error());
  return codec::parse_new_endpoint(*text, args.ns, args.name);
}

Result<Endpoint> endpoint_to_put(const EndpointArgs& args, Io& io) {
  if (!args.file.empty()) return endpoint_of_file(args, io);
  const auto headers = make_headers(args.request.headers, io.in);
  if (!headers) return fail(headers.error());
  Endpoint endpoint;
  endpoint.ns = args.ns;
  endpoint.name = args.name;
  return edited(args, *headers, std::move(endpoint));
}

int show_done(Commands& commands, const char* done, const Endpoint& endpoint) {
  if (commands.json()) {
    print_json(commands.io(), codec::to_json(endpoint));
  } else {
    commands.io().out << done << ' ' << printable(endpoint.name) << '\n';
  }
  return kExitDone;
}

int run_put(Commands& commands, const EndpointArgs& args) {
  Io& io = commands.io();
  auto endpoint = endpoint_to_put(args, io);
  if (!endpoint) return report(io, endpoint.error(), kExitUsage);
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code, true);
  if (!hooks) return exit_code;
  const auto put = hooks->put_endpoint(std::move(*endpoint));
  if (!put) return report(io, put.error(), kExitFailed);
  return show_done(commands, put->created ? "made" : "replaced", put->endpoint);
}

int run_set(Commands& commands, const EndpointArgs& args) {
  Io& io = commands.io();
  const auto headers = make_headers(args.request.headers, io.in);
  if (!headers) return report(io, headers.error(), kExitUsage);
  // What is wrong with the line is told before anything is asked for.
  if (const auto read = edited(args, *headers, {}); !read) {
    return report(io, read.error(), kExitUsage);
  }
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  const auto changed = change_endpoint(*hooks, args.ns, args.name, {}, [&](Endpoint endpoint) {
    return edited(args, *headers, std::move(endpoint));
  });
  if (!changed) return report(io, changed.error(), kExitFailed);
  return show_done(commands, "changed", *changed);
}

int run_get(Commands& commands, const EndpointArgs& args) {
  return show_one(
      commands, [&](HooksApi& hooks) { return hooks.endpoint(args.ns, args.name); }, endpoint_card);
}

int run_list(Commands& commands, const EndpointArgs& args) {
  return show_named_pages<EndpointPage>(
      commands, args.page, endpoint_table(commands.io()),
      [&](HooksApi& hooks, const std::string& key) {
        return hooks.endpoints({args.ns, args.prefix, args.page.limit, key});
      },
      add_endpoint, "endpoint");
}

using CallByName = Result<Endpoint> (HooksApi::*)(const std::string& ns, const std::string& name);

template <CallByName kCall>
int run_by_name(Commands& commands, const EndpointArgs& args) {
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  const auto endpoint = (hooks.get()->*kCall)(args.ns, args.name);
  if (!endpoint) return report(commands.io(), endpoint.error(), kExitFailed);
  return show_done(commands, endpoint->paused ? "paused" : "resumed", *endpoint);
}

int run_delete(Commands& commands, const EndpointArgs& args) {
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  const auto endpoint = hooks->remove_endpoint(args.ns, args.name, {}, args.force);
  if (!endpoint) return report(commands.io(), endpoint.error(), kExitFailed);
  return show_done(commands, "deleted", *endpoint);
}

int run_test(Commands& commands, const EndpointArgs& args) {
  Io& io = commands.io();
  Request request = model::default_test_request();
  request.url = args.values.at("--url");
  if (auto made = args.request.apply(*args.command, io.in, request); !made) {
    return report(io, made.error(), kExitUsage);
  }
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  const auto log = hooks->test_endpoint(args.ns, args.name, std::move(request));
  if (!log) return report(io, log.error(), kExitFailed);
  if (commands.json()) {
    print_json(io, codec::to_json(*log));
  } else {
    Table table = log_table(io);
    add_log(table, *log);
    table.flush(io.out);
  }
  return log->status == LogStatus::kSuccess ? kExitDone : kExitFailed;
}

struct Action {
  const char* name;
  int (*run)(Commands&, const EndpointArgs&);
};
constexpr Action kActions[] = {{"put", run_put},
                               {"set", run_set},
                               {"get", run_get},
                               {"list", run_list},
                               {"delete", run_delete},
                               {"pause", run_by_name<&HooksApi::pause_endpoint>},
                               {"resume", run_by_name<&HooksApi::resume_endpoint>},
                               {"test", run_test}};

// Why the options cannot be meant so; nothing if they can.
std::optional<std::string> wrong_options(const EndpointArgs& args) {
  bool changes = false;
  for (const auto& [option, actions] : args.actions_of) {
    if (!args.given(option)) continue;
    if (!args.belongs(actions)) {
      return option + " and `" + args.action + "` do not go together; it belongs to " + actions;
    }
    if (!args.file.empty() && option != "--file") {
      return option + " and --file exclude each other; write it into the file";
    }
    changes = true;
  }
  if (args.action == "set" && !changes) {
    return "nothing is to be changed; say what, as in --timeout 30s or --no-timeout";
  }
  if (args.action == "put" && args.file.empty() && !args.given("--url")) {
    return "--url is missing; it is where webhooks go";
  }
  return std::nullopt;
}

std::optional<std::string> wrong_name(const EndpointArgs& args) {
  const bool lists = args.action == "list";
  if (lists && !args.name.empty()) {
    return "`list` takes no name; to see one, use `rhooks endpoint get " + args.name + "`";
  }
  if (lists || !args.name.empty()) return std::nullopt;
  return "the name is missing: rhooks endpoint " + args.action + " NAME";
}

int run_action(Commands& commands, const EndpointArgs& args) {
  const auto action = std::find_if(std::begin(kActions), std::end(kActions),
                                   [&](const Action& one) { return one.name == args.action; });
  if (action == std::end(kActions)) {
    return report(commands.io(),
                  "there is no `rhooks endpoint " + args.action +
                      "`; there is put, set, get, list, delete, pause, resume and test",
                  kExitUsage);
  }
  auto wrong = wrong_name(args);
  if (!wrong) wrong = wrong_options(args);
  return wrong ? report(commands.io(), *wrong, kExitUsage) : action->run(commands, args);
}

void add_what_it_is(CLI::App& command, EndpointArgs& args) {
  const auto belongs = [&](std::string option, const char* actions) {
    args.actions_of.emplace_back(std::move(option), actions);
  };
  for_each_endpoint_option([&]<typename F>(const F& field) {
    if constexpr (kIsFlag<F>) {
      const std::string help = help_of(field);
      const std::string reverse = "the reverse of " + std::string(field.flag);
      CLI::Option* const flag = command.add_flag(field.flag, help);
      command.add_flag(no_flag(field), reverse)->excludes(flag);
      belongs(field.flag, "put and set");
      belongs(no_flag(field), "put and set");
      return;
    }
    CLI::Option* const option =
        command.add_option(field.flag, args.values[field.flag], help_of(field));
    option->type_name(field.value);
    belongs(field.flag, model::kIs<F, &Endpoint::url> ? "put, set and test" : "put and set");
    if (field.required) return;
    const std::string help = "as if " + std::string(field.flag) + " had not been given";
    command.add_flag(no_flag(field), help)->excludes(option);
    belongs(no_flag(field), "set");
  });
  command
      .add_option("-H,--header", args.request.headers,
                  "'Name: value'; @FILE reads one a line, and keeps them out of `ps`; may be "
                  "repeated; set keeps those of other names")
      ->type_name("HEADER")
      ->allow_extra_args(false);
  belongs("--header", "put, set and test");
  command.add_option("--no-header", args.without_headers, "without the headers of this name")
      ->type_name("NAME")
      ->allow_extra_args(false);
  belongs("--no-header", "set");
  command
      .add_option("-f,--file", args.file,
                  "all of it, as JSON; - reads standard input. What is not in it has its default")
      ->type_name("FILE");
  belongs("--file", "put");
}

void add_what_is_sent(CLI::App& command, EndpointArgs& args) {
  command.add_option("-X,--method,--request", args.request.method, "HTTP method of a test [POST]")
      ->type_name("GET|POST|PUT|PATCH|DELETE|HEAD");
  command
      .add_option("-d,--body,--data", args.request.body,
                  "of a test: JSON or text; @FILE reads a file, - standard input "
                  "[{\"test\":true}]")
      ->type_name("BODY");
  command.add_flag("--text", args.request.text,
                   "the body is text, even if it is or begins like JSON");
  for (const char* option : {"--method", "--body", "--text"}) {
    args.actions_of.emplace_back(option, "test");
  }
}

}  // namespace

void add_endpoints(Commands& commands) {
  auto args = std::make_shared<EndpointArgs>();
  CLI::App& command = commands.add(
      "endpoint", "Keep where webhooks go, and how, under a name.",
      {"rhooks endpoint put acme -n shop --url https://hooks.acme.example/in \\",
       "    --header 'X-Shop: 7' --timeout 15s --retry-limit 10",
       "rhooks endpoint put acme -n shop --url https://hooks.acme.example/in \\",
       "    --retry-schedule 10s,1m,10m,1h,1d --stop-on 400-403,422",
       "rhooks endpoint put acme -n shop --file acme.json",
       "rhooks endpoint set acme -n shop --timeout 30s --no-retry-limit",
       "rhooks endpoint set acme -n shop --concurrency 10 --rate 100/1m",
       "rhooks endpoint set acme -n shop --ordered", "rhooks endpoint get acme -n shop --json",
       "rhooks endpoint list -n shop --prefix ac", "rhooks endpoint pause acme -n shop",
       "rhooks endpoint resume acme -n shop",
       "rhooks endpoint test acme -n shop --url /ping --body '{\"hello\":1}'",
       "rhooks endpoint delete acme -n shop"},
      [&commands, args] { return run_action(commands, *args); });
  args->command = &command;
  command
      .add_option("action", args->action,
                  "put makes or replaces, set changes what is given and keeps the rest; pause has "
                  "its tasks wait until resume; test makes one request, and shows what it came to")
      ->type_name("put|set|get|list|delete|pause|resume|test")
      ->required();
  command.add_option("name,--name", args->name, "of the endpoint")->type_name("NAME");
  commands.add_namespace(command, args->ns);
  add_what_it_is(command, *args);
  add_what_is_sent(command, *args);
  command.add_option("--prefix", args->prefix, "list those whose names begin with this")
      ->type_name("PREFIX");
  args->page.add_to(command, false);
  for (const char* option : {"--prefix", "--limit", "--start-key", "--all"}) {
    args->actions_of.emplace_back(option, "list");
  }
  command.add_flag("--force", args->force,
                   "delete it also where tasks name it; they are FAILED when they are due");
  args->actions_of.emplace_back("--force", "delete");
  commands.add_hooks_options(command);
}

}  // namespace rhooks::cli

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <iterator>

#include "base/duration.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/moment.h"
#include "cli/pages.h"
#include "cli/show.h"
#include "cli/usage.h"
#include "codec/public_json.h"
#include "schedule/zones.h"

namespace rhooks::cli {
namespace {

struct KeyArgs {
  std::string action, id, role, description, expires, rate;
  std::vector<std::string> namespaces;
  PageArgs page;
  CLI::App* command = nullptr;
  // The options that belong to one of the actions, with its name.
  std::vector<std::pair<std::string, std::string>> action_of;

  bool given(const std::string& option) const { return command->count(option) > 0; }
};

Result<ApiKeySpec> key_of(Commands& commands, const Config& config, const KeyArgs& args) {
  ApiKeySpec key;
  key.namespaces = args.namespaces;
  key.description = args.description;
  const auto role = codec::parse_role(args.role);
  if (!role) return usage("--role: " + role.error().message);
  key.role = *role;
  if (!args.rate.empty()) {
    const auto rate = parse_rate(args.rate);
    if (!rate) return usage("--rate: " + rate.error().message);
    key.rate = *rate;
  }
  if (args.expires.empty()) return key;
  const Io& io = commands.io();
  const schedule::Zones zones(config.text("zone_dir"));
  const auto moment = parse_moment(args.expires, {}, zones, io.environment, io.now());
  if (!moment) return usage("--expires: " + moment.error().message);
  key.expires_at = moment->at;
  return key;
}

// The key alone goes to the output, so that it can be sent on to where it is kept.
int run_create_key(Commands& commands, const KeyArgs& args) {
  Io& io = commands.io();
  const auto config = commands.config();
  if (!config) return kExitUsage;
  auto key = key_of(commands, *config, args);
  if (!key) return report(io, key.error(), kExitUsage);
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code, true);
  if (!hooks) return exit_code;
  const auto created = hooks->create_api_key(std::move(*key));
  if (!created) return report(io, created.error(), kExitFailed);
  if (commands.json()) {
    print_json(io, codec::to_json(*created));
    return kExitDone;
  }
  io.out << created->key << std::endl;
  io.err << "made key " << created->id << "; it is shown this once, so keep it\n";
  return kExitDone;
}

int run_show_key(Commands& commands, const KeyArgs& args) {
  return show_one(
      commands, [&](HooksApi& hooks) { return hooks.api_key(args.id); }, api_key_card);
}

int run_list_keys(Commands& commands, const KeyArgs& args) {
  return show_named_pages<ApiKeyPage>(
      commands, args.page, api_key_table(commands.io()),
      [&](HooksApi& hooks, const std::string& key) {
        return hooks.api_keys({args.page.limit, key});
      },
      add_api_key, "key");
}

int run_revoke_key(Commands& commands, const KeyArgs& args) {
  Io& io = commands.io();
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  const auto revoked = hooks->revoke_api_key(args.id);
  if (!revoked) return report(io, revoked.error(), kExitFailed);
  if (commands.json()) {
    print_json(io, codec::to_json(*revoked));
  } else {
    io.out << "revoked " << printable(revoked->id) << '\n';
  }
  return kExitDone;
}

struct KeyAction {
  const char* name;
  int (*run)(Commands&, const KeyArgs&);
};
constexpr KeyAction kKeyActions[] = {{"create", run_create_key},
                                     {"list", run_list_keys},
                                     {"show", run_show_key},
                                     {"revoke", run_revoke_key}};

// Why the line cannot be meant so; nothing if it can.
std::optional<std::string> wrong_key_line(const KeyArgs& args) {
  const bool about_one = args.action == "show" || args.action == "revoke";
  if (!about_one && !args.id.empty()) return "`" + args.action + "` takes no id";
  if (about_one && args.id.empty()) {
    return "the id is missing: rhooks key " + args.action + " ID; `rhooks key list` shows them";
  }
  for (const auto& [option, action] : args.action_of) {
    if (args.given(option) && args.action != action) {
      return option + " and `" + args.action + "` do not go together; it belongs to " + action;
    }
  }
  if (args.action != "create") return std::nullopt;
  if (args.role.empty()) return "--role is missing; it is read, write or admin";
  if (args.namespaces.empty()) {
    return "--namespace is missing; give each that the key is for, 'shop-*' for all that begin "
           "so, or '*' for all";
  }
  return std::nullopt;
}

int run_key(Commands& commands, const KeyArgs& args) {
  const auto action = std::find_if(std::begin(kKeyActions), std::end(kKeyActions),
                                   [&](const KeyAction& one) { return one.name == args.action; });
  if (action == std::end(kKeyActions)) {
    return report(
        commands.io(),
        "there is no `rhooks key " + args.action + "`; there is create, list, show and revoke",
        kExitUsage);
  }
  if (const auto wrong = wrong_key_line(args)) return report(commands.io(), *wrong, kExitUsage);
  return action->run(commands, args);
}

}  // namespace

void add_keys(Commands& commands) {
  auto args = std::make_shared<KeyArgs>();
  CLI::App& command = commands.add(
      "key", "Say who may call the API, to do what, and in which namespaces.",
      {"rhooks key create --role admin -n '*' --store rocksdb:/var/lib/rhooks > admin-key",
       "rhooks key create --role write -n shop -n 'shop-*' --description \"the shop's server\"",
       "rhooks key create --role read -n shop --expires 30d --rate 100/1m --json",
       "rhooks key list", "rhooks key show k7x2m4qpsz3a", "rhooks key revoke k7x2m4qpsz3a"},
      [&commands, args] { return run_key(commands, *args); });
  args->command = &command;
  const auto belongs = [&](const char* option, const char* action) {
    args->action_of.emplace_back(option, action);
  };
  command
      .add_option("action", args->action,
                  "create makes one and prints it, this once; revoke ends it at once")
      ->type_name("create|list|show|revoke")
      ->required();
  command.add_option("id,--id", args->id, "of the key, as list shows it")->type_name("ID");
  command
      .add_option(
          "--role", args->role,
          "read: see; write: register tasks, change and run them as well; admin: endpoints, "
          "secrets, redrives and clear as well, with all namespaces also keys")
      ->type_name("read|write|admin");
  belongs("--role", "create");
  command
      .add_option(
          "-n,--namespace", args->namespaces,
          "what it is for: a namespace, 'shop-*' for all that begin so, '*' for all; may be "
          "repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  belongs("--namespace", "create");
  command
      .add_option(
          "--expires", args->expires,
          "when it ends: ISO-8601 with an offset, a local time, or from now on (30d) [never]")
      ->type_name("TIME");
  belongs("--expires", "create");
  command
      .add_option("--rate", args->rate,
                  "calls that its holder may make in a time, of each server, as in 100/1m or 50/s")
      ->type_name("N/TIME");
  belongs("--rate", "create");
  command
      .add_option("--description", args->description, "who has it, and what for, in your own words")
      ->type_name("TEXT");
  belongs("--description", "create");
  args->page.add_to(command, false);
  for (const char* option : {"--limit", "--start-key", "--all"}) belongs(option, "list");
  commands.add_hooks_options(command);
}

}  // namespace rhooks::cli

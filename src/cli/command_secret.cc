#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <iterator>

#include "base/duration.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/pages.h"
#include "cli/secret_args.h"
#include "cli/show.h"
#include "cli/usage.h"
#include "codec/public_json.h"
#include "json/writer.h"
#include "model/limits.h"
#include "signing/key.h"

namespace rhooks::cli {
namespace {

struct SecretArgs {
  std::string action, ns, name, type, description, value_file, overlap, prefix;
  bool force = false;
  PageArgs page;
  CLI::App* command = nullptr;
  // The options that belong to some of the actions only, with these: "put and rotate".
  std::vector<std::pair<std::string, std::string>> actions_of;

  bool given(const std::string& option) const { return command->count(option) > 0; }
  bool belongs(const std::string& actions) const { return actions.find(action) != actions.npos; }
};

// The secret alone goes to the output, so that `> FILE` makes a --secret-file of it.
int run_generate(Commands& commands, const SecretArgs& args) {
  Io& io = commands.io();
  const bool hmac = args.type.empty() || args.type == "hmac";
  if (!hmac && args.type != "ed25519") {
    return report(io, "--type: hmac and ed25519 are the types of secrets that can be made",
                  kExitUsage);
  }
  const signing::Key key = hmac ? signing::Key::generate_hmac() : signing::Key::generate_ed25519();
  const auto open = key.public_text();
  if (commands.json()) {
    JsonWriter out;
    out.begin_object();
    out.string("secret", key.text());
    if (open) out.string("publicKey", *open);
    out.end_object();
    print_json(io, out.take());
    return kExitDone;
  }
  io.out << key.text() << '\n';
  if (open) io.err << "for receivers: " << *open << '\n';
  return kExitDone;
}

// Without the line end that editors and `echo` put behind it.
Result<std::string> read_secret_value(Io& io, const SecretArgs& args) {
  const std::string file = args.value_file == "-" ? "" : args.value_file;
  auto value = read_bytes(io, file, model::kSecretBytesMax + 2, "--value-file");
  if (!value) return value;
  if (value->ends_with('\n')) value->pop_back();
  if (value->ends_with('\r')) value->pop_back();
  return value;
}

int show_done_with(Commands& commands, const char* done, const Secret& secret) {
  Io& io = commands.io();
  if (commands.json()) {
    print_json(io, codec::to_json(secret));
    return kExitDone;
  }
  io.out << done << ' ' << printable(secret.name) << '\n';
  if (!secret.public_key.empty()) io.out << "for receivers: " << secret.public_key << '\n';
  return kExitDone;
}

int run_put_secret(Commands& commands, const SecretArgs& args) {
  Io& io = commands.io();
  NewSecret secret;
  secret.ns = args.ns;
  secret.name = args.name;
  secret.description = args.description;
  const auto type = codec::parse_secret_type(args.type);
  if (!type) return report(io, "--type: " + type.error().message, kExitUsage);
  secret.type = *type;
  auto value = read_secret_value(io, args);
  if (!value) return report(io, value.error(), kExitUsage);
  secret.value = std::move(*value);
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code, true);
  if (!hooks) return exit_code;
  const auto put = hooks->put_secret(std::move(secret));
  if (!put) return report(io, put.error(), kExitFailed);
  return show_done_with(commands, put->created ? "made" : "replaced", put->secret);
}

int run_rotate_secret(Commands& commands, const SecretArgs& args) {
  Io& io = commands.io();
  SecretRotation rotation;
  if (!args.overlap.empty()) {
    const auto overlap = parse_duration(args.overlap);
    if (!overlap) return report(io, "--overlap: " + overlap.error().message, kExitUsage);
    rotation.overlap = *overlap;
  }
  auto value = read_secret_value(io, args);
  if (!value) return report(io, value.error(), kExitUsage);
  rotation.value = std::move(*value);
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  const auto rotated = hooks->rotate_secret(args.ns, args.name, std::move(rotation));
  if (!rotated) return report(io, rotated.error(), kExitFailed);
  return show_done_with(commands, "rotated", *rotated);
}

int run_get_secret(Commands& commands, const SecretArgs& args) {
  return show_one(
      commands, [&](HooksApi& hooks) { return hooks.secret(args.ns, args.name); }, secret_card);
}

int run_list_secrets(Commands& commands, const SecretArgs& args) {
  return show_named_pages<SecretPage>(
      commands, args.page, secret_table(commands.io()),
      [&](HooksApi& hooks, const std::string& key) {
        return hooks.secrets({args.ns, args.prefix, args.page.limit, key});
      },
      add_secret, "secret");
}

int run_delete_secret(Commands& commands, const SecretArgs& args) {
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  const auto secret = hooks->remove_secret(args.ns, args.name, {}, args.force);
  if (!secret) return report(commands.io(), secret.error(), kExitFailed);
  return show_done_with(commands, "deleted", *secret);
}

struct SecretAction {
  const char* name;
  int (*run)(Commands&, const SecretArgs&);
};
constexpr SecretAction kSecretActions[] = {
    {"generate", run_generate}, {"put", run_put_secret},    {"rotate", run_rotate_secret},
    {"get", run_get_secret},    {"list", run_list_secrets}, {"delete", run_delete_secret}};

// Why the line cannot be meant so; nothing if it can.
std::optional<std::string> wrong_secret_line(const SecretArgs& args) {
  const bool unnamed = args.action == "list" || args.action == "generate";
  if (unnamed && !args.name.empty()) return "`" + args.action + "` takes no name";
  if (!unnamed && args.name.empty()) {
    return "the name is missing: rhooks secret " + args.action + " NAME";
  }
  for (const auto& [option, actions] : args.actions_of) {
    if (args.given(option) && !args.belongs(actions)) {
      return option + " and `" + args.action + "` do not go together; it belongs to " + actions;
    }
  }
  if (args.action == "put" && args.type.empty()) {
    return "--type is missing; it is hmac, ed25519, token or basic";
  }
  return std::nullopt;
}

const SecretAction* find_action(const SecretArgs& args) {
  const auto action =
      std::find_if(std::begin(kSecretActions), std::end(kSecretActions),
                   [&](const SecretAction& one) { return one.name == args.action; });
  return action == std::end(kSecretActions) ? nullptr : action;
}

bool needs_namespace(const SecretArgs& args) {
  return find_action(args) != nullptr && args.action != "generate";
}

int run_secret(Commands& commands, const SecretArgs& args) {
  const SecretAction* const action = find_action(args);
  if (action == nullptr) {
    return report(commands.io(),
                  "there is no `rhooks secret " + args.action +
                      "`; there is generate, put, rotate, get, list and delete",
                  kExitUsage);
  }
  if (const auto wrong = wrong_secret_line(args)) return report(commands.io(), *wrong, kExitUsage);
  return action->run(commands, args);
}

}  // namespace

void add_secrets(Commands& commands) {
  auto args = std::make_shared<SecretArgs>();
  CLI::App& command = commands.add(
      "secret", "Keep what webhooks are signed with, and what receivers ask for.",
      {"rhooks secret generate > secret", "rhooks secret generate --type ed25519 --json",
       "rhooks secret put acme-hmac -n shop --type hmac --value-file secret",
       "rhooks secret generate | rhooks secret put acme-hmac -n shop --type hmac",
       "rhooks secret rotate acme-hmac -n shop --value-file new-secret --overlap 7d",
       "rhooks secret get acme-hmac -n shop", "rhooks secret list -n shop --prefix acme",
       "rhooks secret delete acme-hmac -n shop"},
      [&commands, args] { return run_secret(commands, *args); });
  args->command = &command;
  const auto belongs = [&](const char* option, const char* actions) {
    args->actions_of.emplace_back(option, actions);
  };
  command
      .add_option(
          "action", args->action,
          "generate prints a new one and keeps nothing; put makes or replaces; rotate gives "
          "another value, and lets the one before sign as well for a while")
      ->type_name("generate|put|rotate|get|list|delete")
      ->required();
  command.add_option("name,--name", args->name, "of the secret")->type_name("NAME");
  commands.add_namespace(command, args->ns, [args] { return needs_namespace(*args); });
  command
      .add_option("--type", args->type,
                  "hmac: sender and receiver share it; ed25519: receivers have its public key; "
                  "token: Authorization: Bearer; basic: USER:PASSWORD [generate: hmac]")
      ->type_name("hmac|ed25519|token|basic");
  belongs("--type", "generate and put");
  command.add_option("--description", args->description, "what it is for, in your own words")
      ->type_name("TEXT");
  belongs("--description", "put");
  command
      .add_option("--value-file", args->value_file,
                  "file with the value; a line end behind it is left out [standard input]")
      ->type_name("FILE");
  belongs("--value-file", "put and rotate");
  command
      .add_option("--overlap", args->overlap,
                  "for so long the value before signs as well; 0: no longer [24h]")
      ->type_name("TIME");
  belongs("--overlap", "rotate");
  command.add_option("--prefix", args->prefix, "list those whose names begin with this")
      ->type_name("PREFIX");
  args->page.add_to(command, false);
  for (const char* option : {"--prefix", "--limit", "--start-key", "--all"}) {
    belongs(option, "list");
  }
  command.add_flag("--force", args->force,
                   "delete it also where endpoints name it; their tasks wait");
  belongs("--force", "delete");
  commands.add_hooks_options(command);
}

}  // namespace rhooks::cli

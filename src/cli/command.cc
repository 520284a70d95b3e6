#include "cli/command.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "base/text.h"
#include "cli/app.h"
#include "cli/remote_hooks.h"
#include "cli/settings.h"
#include "cli/table.h"
#include "codec/public_json.h"
#include "hooks/hooks_parts.h"

namespace rhooks::cli {
namespace {

constexpr char kSettingsGroup[] = "Settings";

Result<std::unique_ptr<HooksApi>> open_on_store(Options options) {
  const bool exclusive = !store_traits(options.store).directory.empty();
  auto hooks = Hooks::open(std::move(options));
  if (hooks) return std::move(*hooks);
  Error error = std::move(hooks.error());
  if (exclusive && error.code == ErrorCode::kUnavailable) {
    error.message += " (if a server uses this store, leave --store out to talk to the server)";
  }
  return fail(std::move(error));
}

Result<std::unique_ptr<HooksApi>> open_hooks(const Config& config) {
  if (config.works_on_store()) return open_on_store(config.options());
  RestClientOptions options;
  options.base = config.text("server");
  options.api_key = config.text("api_key");
  options.ca_file = config.text("ca_file");
  options.connect_timeout = config.duration("connect_timeout");
  return open_remote_hooks(std::move(options));
}

}  // namespace

// What cannot be looked at is told by opening it.
bool is_missing(const store::StoreTraits& store) {
  if (store.directory.empty()) return false;
  std::error_code error;
  return std::filesystem::status(store.directory + "/CURRENT", error).type() ==
         std::filesystem::file_type::not_found;
}

Commands::Commands(Io& io)
    : io_(io),
      root_(std::make_unique<CLI::App>("Schedules webhooks and delivers them.", "rhooks")) {
  root_->set_help_flag("-h,--help", "show this help");
  root_->get_formatter()->column_width(36);
}

Commands::~Commands() = default;

CLI::App& Commands::add(const std::string& name, const std::string& description,
                        const std::vector<std::string>& examples, Run run) {
  CLI::App* command = root_->add_subcommand(name, description);
  std::string footer;
  for (const std::string& example : examples) {
    footer += (footer.empty() ? "Examples:\n  " : "\n  ") + example;
  }
  command->footer(footer);
  runs_[command] = std::move(run);
  return *command;
}

void Commands::add_settings(CLI::App& command, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const Setting& setting = *find_setting(key);
    const std::string help =
        std::string(setting.help) +
        (setting.default_value[0] != '\0' ? " [" + std::string(setting.default_value) + "]" : "");
    if (setting.type == SettingType::kBoolean) {
      // A flag without a value says what is not the default.
      const std::string other =
          setting.default_value == std::string_view("true") ? "false" : "true";
      command
          .add_flag_callback(
              setting.flag, [this, name = std::string(key), other] { flags_[name] = other; },
              setting.help)
          ->group(kSettingsGroup);
      continue;
    }
    std::string& slot =
        *flag_slots_.try_emplace(key, std::make_unique<std::string>()).first->second;
    const char* type = "TEXT";
    switch (setting.type) {
      case SettingType::kInteger:
        type = "N";
        break;
      case SettingType::kDuration:
        type = "TIME";
        break;
      case SettingType::kSize:
        type = "SIZE";
        break;
      case SettingType::kChoice:
        type = setting.choices;
        break;
      default:
        break;
    }
    const std::string_view name = key;
    if (name == "ca_file" || name == "secret_key_file") type = "FILE";
    if (name == "tls_cert" || name == "tls_key") type = "FILE";
    if (name == "zone_dir") type = "DIR";
    if (name == "store" || name == "server" || name == "egress_proxy") type = "URL";
    if (name == "listen" || name == "admin_listen") type = "ADDRESS:PORT";
    command.add_option(setting.flag, slot, help)->type_name(type)->group(kSettingsGroup);
  }
  if (command.get_option_no_throw("--config") != nullptr) return;
  command.add_option("--config", config_path_, "TOML file with settings [$RHOOKS_CONFIG]")
      ->type_name("FILE")
      ->group(kSettingsGroup);
}

void Commands::add_hooks_options(CLI::App& command) {
  add_settings(command, {"server", "store", "ca_file"});
  command.get_option("--store")->description(
      "work straight on this store, without a server: rocksdb:PATH or dynamodb:?...; register, "
      "endpoint put, secret put, key create and serve make a new one [$RHOOKS_STORE]");
  command.get_option("--server")
      ->description("work through this server [$RHOOKS_SERVER, http://127.0.0.1:8090]");
  add_json_option(command);
}

void Commands::add_json_option(CLI::App& command) {
  command.add_flag("--json", json_, "print JSON, as the API gives it");
}

std::optional<Config> Commands::config() {
  const auto subcommands = root_->get_subcommands();
  for (const auto& [key, slot] : flag_slots_) {
    const CLI::Option* option =
        subcommands.empty() ? nullptr
                            : subcommands.front()->get_option_no_throw(find_setting(key)->flag);
    // A command may have an option of that name which is none: `endpoint put --concurrency`.
    if (option == nullptr || option->get_group() != kSettingsGroup) continue;
    if (option->count() > 0) flags_[key] = *slot;
  }
  auto config =
      Config::load(config_path_.empty() ? std::nullopt : std::optional<std::string>(config_path_),
                   io_.environment, flags_);
  if (!config) {
    report(io_, config.error(), kExitUsage);
    return std::nullopt;
  }
  return std::move(*config);
}

std::unique_ptr<HooksApi> Commands::hooks(int& exit_code, bool makes_store) {
  exit_code = kExitUsage;
  const auto loaded = config();
  if (!loaded) return nullptr;
  if (loaded->at("store").from == Config::From::kFlag &&
      loaded->at("server").from == Config::From::kFlag) {
    report(io_,
           "--store and --server exclude each other; give --server to ask a running server, or "
           "--store to work straight on a store",
           kExitUsage);
    return nullptr;
  }
  if (!loaded->works_on_store()) {
    for (const auto& [key, text] : flags_) {
      if (key == "server" || key == "ca_file" || key == "connect_timeout") continue;
      report(io_,
             std::string(find_setting(key)->flag) +
                 " has no effect on a server; give it to `rhooks serve`, or pass --store as well",
             kExitUsage);
      return nullptr;
    }
  }
  bool makes = false;
  if (loaded->works_on_store()) {
    if (const auto refused = refuse_store(*loaded, !makes_store)) {
      exit_code = *refused;
      return nullptr;
    }
    makes = is_missing(store_traits(loaded->text("store")));
  }
  auto opened = open_hooks(*loaded);
  if (!opened) {
    exit_code = opened.error().code == ErrorCode::kInvalidArgument ? kExitUsage : kExitFailed;
    report(io_, opened.error(), exit_code);
    return nullptr;
  }
  // A path may be mistyped.
  if (makes && io_.err_is_terminal && !io_.json_errors) {
    io_.err << "made a new store, " << printable(loaded->text("store")) << '\n';
  }
  return std::move(*opened);
}

std::optional<int> Commands::refuse_store(const Config& config, bool reads) {
  const store::StoreTraits store = store_traits(config.text("store"));
  if (!store.outlives_process) {
    return report(io_,
                  "a memory: store lives only as long as one command; use rocksdb:PATH, or a "
                  "server that is started with `rhooks serve --store memory:`",
                  kExitUsage);
  }
  if (!reads || !is_missing(store)) return std::nullopt;
  return report(io_,
                "there is no store in " + store.directory +
                    "; `rhooks register`, `rhooks endpoint put`, `rhooks secret put`, `rhooks key "
                    "create` and "
                    "`rhooks serve` make one",
                kExitFailed);
}

void Commands::add_namespace(CLI::App& command, std::string& ns, std::function<bool()> needed) {
  command.add_option("-n,--namespace", ns, "group of tasks [$RHOOKS_NAMESPACE]")->type_name("NAME");
  namespaces_[&command] = {&ns, std::move(needed)};
}

bool Commands::default_namespace(std::string& ns) {
  if (!ns.empty()) return true;
  const auto loaded = config();
  if (loaded) ns = loaded->text("namespace");
  return loaded.has_value();
}

int Commands::run(const CLI::App& command) {
  const auto option = namespaces_.find(&command);
  if (option != namespaces_.end() && (!option->second.needed || option->second.needed())) {
    std::string& ns = *option->second.ns;
    if (!default_namespace(ns)) return kExitUsage;
    if (ns.empty()) {
      return report(io_,
                    "--namespace is missing; give it, or set RHOOKS_NAMESPACE or `namespace` in "
                    "the configuration; see `rhooks " +
                        command.get_name() + " --help`",
                    kExitUsage);
    }
  }
  return runs_.at(&command)();
}

int report(Io& io, const Error& error, int exit_code) {
  if (io.json_errors) {
    Error shown = error;  // a path or an argument may be any bytes
    shown.message = to_utf8(shown.message);
    io.err << codec::to_problem_json(shown) << std::endl;
    return exit_code;
  }
  std::string message = error.message;
  if (!error.field.empty() && message.find(error.field) == std::string::npos) {
    message = error.field + ": " + message;
  }
  return report(io, message, exit_code);
}

namespace {

// Where the second part of a message begins; what stands in brackets is of one part.
std::size_t second_part(std::string_view message) {
  int depth = 0;
  for (std::size_t i = 0; i + 1 < message.size(); ++i) {
    if (message[i] == '(') ++depth;
    if (message[i] == ')') --depth;
    if (depth <= 0 && message[i] == ';' && message[i + 1] == ' ') return i;
  }
  return std::string::npos;
}

}  // namespace

int report(Io& io, const std::string& message, int exit_code) {
  if (io.json_errors) {
    const bool usage = exit_code == kExitUsage;
    return report(io,
                  Error{usage ? ErrorCode::kInvalidArgument : ErrorCode::kInternal, message, {}},
                  exit_code);
  }
  const std::string shown = printable(message, true);
  const auto split = second_part(shown);
  io.err << (io.err_is_terminal && !io.env("NO_COLOR") ? coloured("rhooks:", Colour::kRed)
                                                       : "rhooks:")
         << ' ' << shown.substr(0, split) << '\n';
  if (split != std::string::npos) io.err << "  " << shown.substr(split + 2) << '\n';
  io.err.flush();
  return exit_code;
}

std::optional<int> refuse_unless_confirmed(Io& io, const std::string& question) {
  if (!io.in_is_terminal) {
    return report(io,
                  "this asks for confirmation, and standard input is no terminal; pass --yes to "
                  "go ahead without being asked, or --dry-run to see how many tasks it is about",
                  kExitUsage);
  }
  io.err << printable(question) << " [y/N] " << std::flush;
  std::string answer;
  std::getline(io.in, answer);
  if (answer == "y" || answer == "Y" || answer == "yes" || answer == "YES") return std::nullopt;
  return report(io, Error{ErrorCode::kInvalidArgument, "nothing was changed", {}}, kExitFailed);
}

std::string grouped(std::int64_t n) {
  std::string text = std::to_string(n);
  const std::size_t first = n < 0 ? 1 : 0;
  for (std::size_t at = text.size(); at > first + 3;) text.insert(at -= 3, ",");
  return text;
}

std::string count_of(std::int64_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

}  // namespace rhooks::cli

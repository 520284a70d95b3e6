#include "cli/app.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <optional>

#include "base/utf8.h"
#include "cli/command.h"
#include "cli/suggest.h"
#include "observe/logging.h"

#ifndef RHOOKS_VERSION
#define RHOOKS_VERSION "unknown"
#endif

namespace rhooks::cli {
namespace {

std::vector<std::string> command_names(const CLI::App& root) {
  std::vector<std::string> names;
  for (const CLI::App* command : root.get_subcommands({})) {
    names.push_back(command->get_name());
    for (const std::string& alias : command->get_aliases()) names.push_back(alias);
  }
  return names;
}

std::vector<std::string> flag_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// What is wrong with a line that CLI11 refused, in our own words where they help.
std::string explain(const CLI::App& root, const CLI::ParseError& error) {
  const auto chosen = root.get_subcommands();
  const CLI::App& command = chosen.empty() ? root : *chosen.front();
  const std::string see =
      "; see `rhooks " + (chosen.empty() ? "" : command.get_name() + " ") + "--help`";
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const auto extras = root.remaining(true);
    if (!extras.empty()) {
      const std::string extra = extras.front().substr(0, extras.front().find('='));
      if (extra.starts_with('-')) {
        return (chosen.empty() ? "rhooks" : command.get_name()) + " has no flag " + extra + "." +
               did_you_mean(extra, flag_names(command)) + see;
      }
      return "\"" + extras.front() + "\" was not expected" + see;
    }
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    std::string what = error.what();
    if (what.ends_with(" is required")) what.resize(what.size() - 12);
    return what + " is missing" + see;
  }
  std::string what = error.what();
  std::replace(what.begin(), what.end(), '\n', ' ');
  // Of a flag: whatever else is no text is read by us.
  constexpr std::string_view kNotConverted = "Could not convert: ";
  if (what.starts_with(kNotConverted)) {
    const auto name = std::string_view(what).substr(kNotConverted.size());
    return std::string(name.substr(0, name.find(' '))) + " takes no value" + see;
  }
  for (const CLI::Option* option : command.get_options()) {
    const auto max = static_cast<std::size_t>(option->get_items_expected_max());
    if (max > 0 && option->results().size() > max) {
      return option->get_name() + " is given " + std::to_string(option->results().size()) +
             " times; give it once";
    }
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const std::string name = what.substr(0, what.find(':'));
    if (const CLI::Option* option = command.get_option_no_throw(name)) {
      return name + " lacks its value, as in " + name + ' ' + option->get_type_name() + see;
    }
  }
  return what + see;
}

std::string is_empty(const std::string& name) {
  return "the value of " + name +
         " is empty; is a variable of the shell unset? Leave the option out where it is not meant";
}

// An option that is given with an empty value, as an unset variable of a shell does it: taken
// as "no restriction", it would make a filter match everything. A body alone may be empty.
// CLI11 takes the next argument as the value of "--id=", so that is looked for before.
std::optional<std::string> empty_before_parse(const CLI::App& command,
                                              const std::vector<std::string>& args) {
  for (const std::string& arg : args) {
    if (!arg.starts_with("--") || arg.find('=') != arg.size() - 1) continue;
    const std::string name = arg.substr(0, arg.size() - 1);
    if (const CLI::Option* option = command.get_option_no_throw(name)) {
      return option->check_lname("body")
                 ? arg + " is ambiguous; an empty body is written " + name + " ''"
                 : is_empty(name);
    }
  }
  return std::nullopt;
}

std::optional<std::string> empty_after_parse(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_items_expected_max() == 0 || option->check_lname("body")) continue;
    for (const std::string& value : option->results()) {
      if (value.empty()) return is_empty(option->get_name());
    }
  }
  return std::nullopt;
}

// Paths may hold any bytes. Everything else is sent or stored as text, and must not be changed
// on the way: an id that lost a byte would be another task's.
bool is_path(const CLI::Option& option, const std::string& value) {
  const std::string type = option.get_type_name();
  return type == "FILE" || type == "DIR" || option.check_lname("store") ||
         (option.check_lname("body") && value.starts_with('@'));
}

std::optional<std::string> other_than_utf8(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& value : option->results()) {
      const auto wrong = not_utf8(value);
      if (wrong && !is_path(*option, value)) {
        return "the value of " + option->get_name() + ' ' + *wrong +
               "; write it in UTF-8, the encoding of all that is sent and stored";
      }
    }
  }
  return std::nullopt;
}

}  // namespace

void add_all(Commands& commands) {
  add_serve(commands);
  add_register(commands);
  add_queries(commands);
  add_changes(commands);
  add_triggers(commands);
  add_endpoints(commands);
  add_redrive(commands);
  add_schedule(commands);
  add_backfill(commands);
  add_store(commands);
  add_listen(commands);
  add_secrets(commands);
  add_keys(commands);
  add_signing(commands);
  add_egress(commands);
  add_completion(commands);
}

int run(const std::vector<std::string>& args, Io& io) {
  log::configure(log::Level::kWarn, log::Format::kText);
  // Before the line is parsed, since that may be what fails.
  io.json_errors = std::find(args.begin(), args.end(), "--json") != args.end();
  Commands commands(io);
  CLI::App& root = commands.root();
  root.set_version_flag("--version", "rhooks " RHOOKS_VERSION, "show the version");
  root.require_subcommand(1);
  root.footer(
      "Commands work through a server (--server, RHOOKS_SERVER) or straight on a store (--store,\n"
      "RHOOKS_STORE). `rhooks COMMAND --help` shows examples.");
  add_all(commands);

  if (args.empty()) {
    io.err << root.help();
    return kExitUsage;
  }
  const auto names = command_names(root);
  if (!args[0].starts_with('-') && std::find(names.begin(), names.end(), args[0]) == names.end()) {
    return report(io,
                  "there is no command " + args[0] + "." + did_you_mean(args[0], names) +
                      "; see `rhooks --help`",
                  kExitUsage);
  }
  if (args[0].starts_with('-') && root.get_option_no_throw(args[0]) == nullptr) {
    return report(io,
                  "there is no flag " + args[0] + " before the command." +
                      did_you_mean(args[0], flag_names(root)) +
                      "; flags follow the command, as in `rhooks get --help`",
                  kExitUsage);
  }
  for (const CLI::App* command : root.get_subcommands({})) {
    if (!command->check_name(args[0])) continue;
    if (const auto empty = empty_before_parse(*command, args)) {
      return report(io, *empty, kExitUsage);
    }
  }
  try {
    // CLI11 takes the arguments in reverse.
    root.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::CallForVersion& version) {
    io.out << version.what() << '\n';
    return kExitDone;
  } catch (const CLI::CallForHelp&) {
    const auto chosen = root.get_subcommands();
    io.out << (chosen.empty() ? root.help() : chosen.front()->help("rhooks"));
    return kExitDone;
  } catch (const CLI::ParseError& error) {
    return report(io, explain(root, error), kExitUsage);
  }
  if (const auto empty = empty_after_parse(*root.get_subcommands().front())) {
    return report(io, *empty, kExitUsage);
  }
  if (const auto other = other_than_utf8(*root.get_subcommands().front())) {
    return report(io, *other, kExitUsage);
  }
  const int exit_code = commands.run(*root.get_subcommands().front());
  io.out.flush();
  if (exit_code == kExitDone && !io.out) {
    return report(io, "the output cannot be written", kExitFailed);
  }
  return exit_code;
}

}  // namespace rhooks::cli

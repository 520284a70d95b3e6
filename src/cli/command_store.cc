#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "cli/app.h"
#include "cli/command.h"
#include "cli/show.h"
#include "codec/public_json.h"

namespace rhooks::cli {
namespace {

std::string title_of(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text;
}

bool is_number(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void show_section(Io& io, const StoreDescription::Section& section) {
  io.out << '\n' << printable(section.title) << '\n';
  if (section.rows.empty()) {
    io.out << "  none\n";
    return;
  }
  std::vector<Column> columns;
  for (std::size_t i = 0; i < section.columns.size(); ++i) {
    const bool numbers =
        std::all_of(section.rows.begin(), section.rows.end(),
                    [i](const std::vector<std::string>& row) { return is_number(row.at(i)); });
    columns.push_back({title_of(section.columns[i]), numbers});
  }
  Table table(std::move(columns), table_style(io));
  for (const std::vector<std::string>& row : section.rows) {
    std::vector<Cell> cells;
    for (const std::string& text : row) cells.push_back({text});
    table.add(std::move(cells));
  }
  table.flush(io.out);
}

int describe(Commands& commands) {
  Io& io = commands.io();
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  const auto description = hooks->describe_store();
  if (!description) return report(io, description.error(), kExitFailed);
  if (commands.json()) {
    print_json(io, codec::to_json(*description));
  } else {
    io.out << store_card(*description, io);
    for (const auto& section : description->sections) show_section(io, section);
  }
  return kExitDone;
}

}  // namespace

void add_store(Commands& commands) {
  auto action = std::make_shared<std::string>();
  CLI::App& command = commands.add(
      "store", "Show what a store is made of and what state it is in.",
      {"rhooks store describe", "rhooks store describe --store 'dynamodb:?region=eu-west-1'",
       "rhooks store describe --store rocksdb:/var/lib/rhooks --json"},
      [&commands, action] {
        if (*action == "describe") return describe(commands);
        return report(
            commands.io(),
            "there is no `rhooks store " + *action + "`; there is `rhooks store describe`",
            kExitUsage);
      });
  command.add_option("action", *action, "what to do")->type_name("describe")->required();
  commands.add_hooks_options(command);
}

}  // namespace rhooks::cli

#pragma once

#include <rhooks/result.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include "cli/app.h"
#include "cli/command.h"
#include "cli/number_option.h"
#include "cli/show.h"
#include "cli/table.h"
#include "codec/public_json.h"
#include "model/limits.h"

// Commands that show one, or pages.
namespace rhooks::cli {

struct PageArgs {
  bool desc = false;
  bool all = false;
  int limit = model::kPageLimitDefault;
  std::string start_key;

  void add_to(CLI::App& command, bool dated = true) {
    if (dated) command.add_flag("--desc", desc, "latest first");
    add_number(command, "--limit", limit, {1, model::kPageLimitMax},
               "the most to show, 1 to 1000; with --all, of a page [100]",
               "use --all to see everything")
        ->type_name("N");
    command.add_option("--start-key", start_key, "go on after an earlier page")->type_name("KEY");
    command.add_flag("--all", all, "page through all there is; with --json, one a line");
  }
};

// Shows one page, or all of them. `fetch` gives the page after a key, `add` puts an item
// into the table; `nothing` says that there is no item, or gives an exit code.
template <typename Page, typename Fetch, typename Add, typename Nothing>
int show_pages(Commands& commands, const PageArgs& args, Table table, const Fetch& fetch,
               const Add& add, const Nothing& nothing) {
  Io& io = commands.io();
  std::string key = args.start_key;
  std::int64_t shown = 0;
  while (true) {
    Result<Page> page = fetch(key);
    if (!page) return report(io, page.error(), kExitFailed);
    shown += static_cast<std::int64_t>(page->items.size());
    if (commands.json() && !args.all) {
      print_json(io, codec::to_json(*page));
      key = page->last_evaluated_key;
      break;
    }
    for (const auto& item : page->items) {
      if (commands.json()) {
        print_json(io, json_line(codec::to_json(item)));
      } else {
        add(table, item);
      }
    }
    table.flush(io.out);
    if (!io.out) {
      return report(io, "the output cannot be written; is the reader of a pipe gone?", kExitFailed);
    }
    key = page->last_evaluated_key;
    if (key.empty() || (!args.all && shown > 0)) break;
    // A page may be empty and not the last one: few of those looked at match.
  }
  if (shown == 0 && key.empty()) {
    if (const std::optional<int> exit_code = nothing()) return *exit_code;
  }
  if (!commands.json() && !key.empty())
    io.err << "there are more: --all, or --start-key " << printable(key) << '\n';
  return kExitDone;
}

// Pages of what has a name. `fetch`: the page after a key, of these hooks. `kind`: "endpoint".
template <typename Page, typename Fetch, typename Add>
int show_named_pages(Commands& commands, const PageArgs& args, Table table, const Fetch& fetch,
                     const Add& add, const char* kind) {
  Io& io = commands.io();
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  return show_pages<Page>(
      commands, args, std::move(table), [&](const std::string& key) { return fetch(*hooks, key); },
      add,
      [&]() -> std::optional<int> {
        if (!commands.json()) io.err << "no " << kind << " matches\n";
        return std::nullopt;
      });
}

// Shows what `find` gives of the hooks: `card` of it, or its JSON.
template <typename Find, typename Card>
int show_one(Commands& commands, const Find& find, const Card& card) {
  Io& io = commands.io();
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code);
  if (!hooks) return exit_code;
  const auto one = find(*hooks);
  if (!one) return report(io, one.error(), kExitFailed);
  if (commands.json()) {
    print_json(io, codec::to_json(*one));
  } else {
    io.out << card(*one, io);
  }
  return kExitDone;
}

}  // namespace rhooks::cli

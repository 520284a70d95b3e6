#pragma once

#include <rhooks/hooks_api.h>

#include <optional>
#include <string>

#include "cli/command.h"

namespace rhooks::cli {

// The options that name one task, and those that filter tasks, alike in every command.

void add_key_options(Commands& commands, CLI::App& command, TaskKey& key);

struct FilterArgs {
  std::string ns, id, status, from, to, endpoint, reason;
  std::optional<int> last_status;
};
// What of these makes sense differs by the status of the tasks that a command is about.
struct FilterOptions {
  const char* statuses = "ACTIVE|PROCESSING|DONE|FAILED|SUSPENDED";  // null: it takes no --status
  bool reason = true;                                                // false: it is about no FAILED
};
void add_filter_options(Commands& commands, CLI::App& command, FilterArgs& args,
                        const FilterOptions& options = {});
Result<TaskFilter> make_filter(const FilterArgs& args, TimePoint now);

// A time option; empty text is no bound.
Result<std::optional<TimePoint>> parse_bound(const char* option, const std::string& text,
                                             TimePoint now);

}  // namespace rhooks::cli

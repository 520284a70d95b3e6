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
// `status` false: the command takes no --status.
void add_filter_options(Commands& commands, CLI::App& command, FilterArgs& args,
                        bool status = true);
Result<TaskFilter> make_filter(const FilterArgs& args, TimePoint now);

// A time option; empty text is no bound.
Result<std::optional<TimePoint>> parse_bound(const char* option, const std::string& text,
                                             TimePoint now);

}  // namespace rhooks::cli

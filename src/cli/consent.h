#pragma once

#include <rhooks/hooks_api.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/filter_args.h"

// What commands share that act on many tasks: they count first, and ask.
namespace rhooks::cli {

// "1 task", "41,201 ACTIVE tasks".
std::string tasks_of(std::int64_t n, const std::string& which = {});
// " from -1h for the endpoint acme".
std::string restrictions(const FilterArgs& filter);

struct Consent {
  bool yes = false;
  bool dry_run = false;

  void add_to(CLI::App& command);
  // Whether there is a count to be made.
  bool counts() const { return dry_run || !yes; }
};

struct Counted {
  std::int64_t count = 0;
  bool more = false;  // there may be more

  std::string text(const std::string& what) const {
    return (more ? "at least " : "") + tasks_of(count, what);
  }
  std::string json() const;
};

// What a command is about to do.
struct Plan {
  const char* verb;  // "suspend"
  TaskFilter filter;
  // What it is about, in words; empty: nothing.
  std::function<std::string(const Counted&)> describe;
  // Of the tasks of the filter those that it acts on; none: all.
  std::function<bool(const Task&)> acts_on = {};
  std::int64_t most = 0;  // of them; 0: all
};

// Counts where that is to be done, and asks. Returns an exit code where the command ends here:
// nothing is there, it was only to be counted, or the answer is no.
std::optional<int> ask(Commands& commands, HooksApi& hooks, const Consent& consent,
                       const Plan& plan);

// Without a terminal there is nobody to ask, so nothing needs to be counted.
std::optional<int> refuse_unless_askable(Io& io, const Consent& consent);

}  // namespace rhooks::cli

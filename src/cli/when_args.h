#pragma once

#include <optional>
#include <string>

#include "cli/moment.h"

namespace CLI {
class App;
}

namespace rhooks::cli {

// The options that say when a task is due: --at, --in and --tz.
struct WhenArgs {
  std::string at, in, tz;

  void add_to(CLI::App& command);
  // None where none is given. Errors: kInvalidArgument, naming the option.
  Result<std::optional<Moment>> moment(const Io& io) const;
};

}  // namespace rhooks::cli

#pragma once

#include <optional>
#include <string>

#include "cli/command.h"

namespace rhooks::cli {

// For a command that found nothing: where the namespace holds neither tasks nor logs, which a
// mistyped one does, says so with the name that is near, and gives the exit code. Prints an error
// of the calls as well.
std::optional<int> report_if_empty(Commands& commands, HooksApi& hooks, const std::string& ns);

}  // namespace rhooks::cli

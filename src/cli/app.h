#pragma once

#include <string>
#include <vector>

#include "cli/io.h"

namespace rhooks::cli {

// Exit codes, a promise to scripts.
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;  // the request failed
inline constexpr int kExitUsage = 2;   // the command line or the configuration is wrong

// Runs one command line (without the program's name) and returns its exit code.
// Threads: one call at a time. `serve` and `listen` return when a signal ends them.
int run(const std::vector<std::string>& args, Io& io);

}  // namespace rhooks::cli

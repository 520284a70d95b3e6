#pragma once

#include <rhooks/result.h>

#include <chrono>
#include <cstddef>
#include <string>

namespace rhooks::aws {

struct CommandLimits {
  std::chrono::milliseconds time{30'000};
  std::size_t output_bytes = 64 * 1024;
};

// Runs a command of a shared file by /bin/sh, as AWS's tools do, and gives what it wrote to its
// standard output. It reads nothing, and its standard error is thrown away, since it may tell
// secrets. It and what it has started are killed when a limit is passed.
// Errors: kUnavailable; the message completes "its credential_process …" and quotes nothing.
// Threads: may be called from any thread. Blocking: until it has ended, or the time is over.
Result<std::string> run_command(const std::string& command, const CommandLimits& limits = {});

}  // namespace rhooks::aws

#pragma once

#include <istream>
#include <string>

#include "cli/command.h"

namespace rhooks::cli {

struct FileImport {
  std::string file;  // as it was given, for messages; "-" is standard input
  std::string ns;    // of the call; empty: each task names its own
  // Names the import, so that it can be repeated: a task with neither an id nor an idempotency
  // key of its own gets a key that derives from this name and its JSON, white space aside. Equal
  // tasks of one file are counted through, so each of them is registered. The order of the tasks
  // plays no part. Empty: no keys are derived.
  std::string idempotency_key;
};

// Registers the tasks of `in` in chunks, each with one call. Whatever ends it, also a signal, it
// says what was stored, what may be, and where the rest begins; each task that is refused is
// named by its place, items[7]. With --json a line for each chunk: a result for each of its
// tasks.
//
// Bounded: one chunk is held at a time; with an idempotency key some 30 bytes more for each task.
// Returns the exit code: kExitDone where every task is stored.
int import_file(Commands& commands, const FileImport& options, std::istream& in);

}  // namespace rhooks::cli

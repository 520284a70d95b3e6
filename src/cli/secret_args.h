#pragma once

#include <rhooks/result.h>

#include <cstddef>
#include <string>
#include <vector>

#include "cli/io.h"
#include "signing/key.h"

// Secrets and bodies of webhooks, for commands. A secret never stands on a command line, which `ps`
// shows to all.
namespace rhooks::cli {

inline constexpr const char* kSecretVariable = "RHOOKS_SIGNING_SECRET";

// The secrets of a file, with white space between them. Errors: kInvalidArgument.
Result<std::vector<signing::Key>> read_secrets(const std::string& file);
// The same; without a file, those of kSecretVariable.
Result<std::vector<signing::Key>> read_secrets(const Io& io, const std::string& file);

// The bytes of a file as they are; without one, those of standard input. `option`: which names the
// file. Errors: kInvalidArgument, also where there are more than `bytes_max`.
Result<std::string> read_bytes(Io& io, const std::string& file, std::size_t bytes_max,
                               const char* option);
Result<std::string> read_bytes(Io& io, const std::string& file);  // any number, --body-file

}  // namespace rhooks::cli

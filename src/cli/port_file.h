#pragma once

#include <rhooks/result.h>

#include <cstdint>
#include <string>

namespace rhooks::cli {

// Writes a port for scripts to read: whole or not at all, so that a reader that waits for
// the file never sees half a number. A link that has the file's name is replaced, not followed;
// everybody may read the file. Errors: kUnavailable.
Result<void> write_port_file(const std::string& path, std::uint16_t port);

}  // namespace rhooks::cli

#pragma once

#include <rhooks/result.h>

#include <cstdint>
#include <string>

namespace rhooks::cli {

// Writes a port for scripts to read: whole or not at all, so that a reader that waits for
// the file never sees half a number. Errors: kUnavailable.
Result<void> write_port_file(const std::string& path, std::uint16_t port);

struct ListenAddress {
  std::string host;  // without the brackets of an IPv6 address
  std::uint16_t port = 0;
};
// "127.0.0.1:8090", "[::1]:0", "localhost:80". Errors: kInvalidArgument.
Result<ListenAddress> parse_listen(const std::string& text);

}  // namespace rhooks::cli

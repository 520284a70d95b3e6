#include "cli/port_file.h"

#include <charconv>
#include <cstdio>
#include <fstream>

namespace rhooks::cli {

Result<void> write_port_file(const std::string& path, std::uint16_t port) {
  const std::string part = path + ".part";
  {
    std::ofstream file(part, std::ios::trunc);
    file << port << '\n';
    file.close();
    if (!file) {
      return fail(ErrorCode::kUnavailable, "the port file " + part + " can not be written");
    }
  }
  if (std::rename(part.c_str(), path.c_str()) != 0) {
    std::remove(part.c_str());
    return fail(ErrorCode::kUnavailable, "the port file " + path + " can not be written");
  }
  return {};
}

Result<ListenAddress> parse_listen(const std::string& text) {
  const auto wrong = [&] {
    return fail(ErrorCode::kInvalidArgument,
                "\"" + text +
                    "\" is no address and port; write it like 127.0.0.1:8090 or "
                    "[::1]:8090",
                "listen");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return wrong();
  ListenAddress address;
  address.host = text.substr(0, colon);
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    return wrong();
  }
  const char* begin = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, address.port);
  if (error != std::errc{} || stop != end || address.host.empty()) return wrong();
  return address;
}

}  // namespace rhooks::cli

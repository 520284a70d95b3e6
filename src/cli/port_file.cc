#include "cli/port_file.h"

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

}  // namespace rhooks::cli

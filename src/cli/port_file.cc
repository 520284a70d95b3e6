#include "cli/port_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace rhooks::cli {

Result<void> write_port_file(const std::string& path, std::uint16_t port) {
  // A name that nobody can have prepared, such as with a link to another file.
  std::string part = path + ".XXXXXX";
  const int fd = ::mkstemp(part.data());
  bool written = false;
  if (fd >= 0) {
    // The port is no secret.
    written = ::dprintf(fd, "%u\n", unsigned{port}) > 0 && ::fchmod(fd, 0644) == 0;
    written = ::close(fd) == 0 && written;
    written = written && std::rename(part.c_str(), path.c_str()) == 0;
    if (!written) ::unlink(part.c_str());
  }
  if (written) return {};
  return fail(ErrorCode::kUnavailable, "the port file " + path + " cannot be written");
}

}  // namespace rhooks::cli

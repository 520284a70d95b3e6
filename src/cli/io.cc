#include "cli/io.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace rhooks::cli {

void use_system(Io& io) {
  io.out_fd = STDOUT_FILENO;
  io.in_is_terminal = isatty(STDIN_FILENO) == 1;
  io.out_is_terminal = isatty(STDOUT_FILENO) == 1;
  io.err_is_terminal = isatty(STDERR_FILENO) == 1;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string::npos)
      io.environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  if (!io.out_is_terminal) return;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    io.width = size.ws_col;
  } else if (const auto columns = io.env("COLUMNS")) {
    const int n = std::atoi(columns->c_str());
    io.width = n > 0 ? n : 80;
  } else {
    io.width = 80;
  }
}

}  // namespace rhooks::cli

#include "cli/process.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <initializer_list>

namespace rhooks::cli {

void prepare_process() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The wrong way round: to read from what is only written fails. It gets the lowest number that
    // is free, which is `fd`, since those below are open by now.
    [[maybe_unused]] const int opened = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
  std::signal(SIGXFSZ, SIG_IGN);
  ::umask(S_IRWXG | S_IRWXO);
  // libcurl would write the keys of every TLS session there.
  ::unsetenv("SSLKEYLOGFILE");
}

}  // namespace rhooks::cli

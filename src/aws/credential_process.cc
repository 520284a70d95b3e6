#include "aws/credential_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>

#include "aws/credential_errors.h"
#include "base/check.h"

extern char** environ;

namespace rhooks::aws {
namespace {

using Deadline = std::chrono::steady_clock::time_point;

tl::unexpected<Error> too_late(const CommandLimits& limits) {
  const auto tenths = limits.time.count() / 100;
  return unusable("did not end within " + std::to_string(tenths / 10) + "." +
                  std::to_string(tenths % 10) + " s");
}

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

// A shell and what it starts: a process group of its own, ended and reaped with this object.
class Shell {
 public:
  Shell() = default;
  ~Shell() {
    if (pid_ > 0) end();
  }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  // 0, or an errno.
  int start(const std::string& command, int output) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    RHOOKS_CHECK(posix_spawn_file_actions_init(&actions) == 0);
    RHOOKS_CHECK(posix_spawnattr_init(&attributes) == 0);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    // A group of its own, so that one kill reaches all of it; and signals as a shell expects
    // them, whatever this process has made of them.
    sigset_t none;
    sigset_t usual;
    sigemptyset(&none);
    sigfillset(&usual);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(
        &attributes,
        static_cast<short>(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    std::string shell = "/bin/sh";
    std::string flag = "-c";
    std::string text = command;
    char* const arguments[] = {shell.data(), flag.data(), text.data(), nullptr};
    pid_t pid = -1;
    const int failed =
        ::posix_spawn(&pid, shell.c_str(), &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failed == 0) pid_ = pid;
    return failed;
  }

  // How it ended, as waitpid() tells; none if that is not known at `deadline`.
  std::optional<int> wait(Deadline deadline) {
    while (true) {
      if (const auto status = reap(WNOHANG)) return status;
      if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
  }

 private:
  void end() {
    ::kill(-pid_, SIGKILL);
    (void)reap(0);
  }

  std::optional<int> reap(int flags) {
    int status = 0;
    pid_t reaped = 0;
    do {
      reaped = ::waitpid(pid_, &status, flags);
    } while (reaped < 0 && errno == EINTR);
    if (reaped == 0) return std::nullopt;
    // A process that ignores SIGCHLD is not told how its children end; the output has to tell.
    if (reaped < 0) status = 0;
    pid_ = -1;
    return status;
  }

  pid_t pid_ = -1;
};

// Reads to the end of the stream.
Result<std::string> read_all(int fd, const CommandLimits& limits, Deadline deadline) {
  std::string output;
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd watched{fd, POLLIN, 0};
    const int ready = ::poll(&watched, 1, static_cast<int>(std::max<long>(0, left.count())));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) {
      return too_late(limits);
    }
    char buffer[4096];
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unusable(std::string("cannot be read from: ") + std::strerror(errno));
    if (n == 0) return output;
    output.append(buffer, static_cast<std::size_t>(n));
    if (output.size() > limits.output_bytes) {
      return unusable("wrote more than " + std::to_string(limits.output_bytes) + " bytes");
    }
  }
}

}  // namespace

Result<std::string> run_command(const std::string& command, const CommandLimits& limits) {
  const Deadline deadline = std::chrono::steady_clock::now() + limits.time;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return unusable(std::string("cannot be started: ") + std::strerror(errno));
  }
  const Descriptor output(ends[0]);
  Descriptor input(ends[1]);
  Shell shell;
  const int failed = shell.start(command, input.get());
  input.reset();  // else the end of the stream would never come
  if (failed != 0) return unusable(std::string("cannot be started: ") + std::strerror(failed));

  auto text = read_all(output.get(), limits, deadline);
  if (!text) return text;
  const auto status = shell.wait(deadline);
  if (!status) {
    return too_late(limits);
  }
  if (WIFSIGNALED(*status)) {
    return unusable("was ended by signal " + std::to_string(WTERMSIG(*status)));
  }
  if (WEXITSTATUS(*status) != 0) {
    return unusable("failed with exit status " + std::to_string(WEXITSTATUS(*status)) +
                    "; run it by hand to see why");
  }
  return text;
}

}  // namespace rhooks::aws

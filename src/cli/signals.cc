#include "cli/signals.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

#include "base/check.h"

namespace rhooks::cli {
namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  struct sigaction hang_up {};
  sigaction(SIGHUP, nullptr, &hang_up);
  if (hang_up.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);
  return set;
}

// Whether there is one that the process belongs to.
bool has_terminal() {
  const int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

struct Came {
  int signal = 0;
  bool by_kernel = false;
  pid_t sender = 0;
};

// The next signal, or 0 once `wake_fd` is readable; SIGPIPE once `output` has no reader.
Came next_signal(int signal_fd, int wake_fd, int output = -1) {
  while (true) {
    // Errors and hang-ups are told without being asked for, and -1 is passed over.
    pollfd fds[3] = {{signal_fd, POLLIN, 0}, {wake_fd, POLLIN, 0}, {output, 0, 0}};
    if (poll(fds, 3, -1) < 0) {
      RHOOKS_CHECK(errno == EINTR);
      continue;
    }
    if ((fds[0].revents & POLLIN) != 0) {
      signalfd_siginfo info{};
      if (read(signal_fd, &info, sizeof info) == sizeof info) {
        return {static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL,
                static_cast<pid_t>(info.ssi_pid)};
      }
      continue;
    }
    if ((fds[1].revents & POLLIN) != 0) return {};
    if (fds[2].revents != 0) return {SIGPIPE};
  }
}

constexpr int kPatienceMs = 1'000;

bool readable_within(int fd, int ms) {
  pollfd one{fd, POLLIN, 0};
  // An interruption counts as over: no handler is set, so there is none.
  return poll(&one, 1, ms) > 0;
}

void make_readable(int fd) {
  const std::uint64_t one = 1;
  // The only failure is a counter at its maximum, which is readable too.
  [[maybe_unused]] const auto written = write(fd, &one, sizeof one);
}

}  // namespace

Signals::Signals() : had_terminal_(has_terminal()), shell_(getsid(0)), parent_(getppid()) {
  std::signal(SIGPIPE, SIG_IGN);
  const sigset_t set = ending_signals();
  RHOOKS_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  close_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  RHOOKS_CHECK(signal_fd_ >= 0 && wake_fd_ >= 0 && close_fd_ >= 0);
}

Signals::~Signals() {
  make_readable(close_fd_);
  if (watcher_.joinable()) watcher_.join();
  const sigset_t set = ending_signals();
  signalfd_siginfo info{};
  while (read(signal_fd_, &info, sizeof info) == sizeof info) {
  }
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  close(signal_fd_);
  close(wake_fd_);
  close(close_fd_);
}

int Signals::wait(int output) {
  const Came came = next_signal(signal_fd_, wake_fd_, output);
  by_kernel_ = came.by_kernel;
  by_shell_ = came.sender == shell_ || came.sender == parent_;
  return came.signal;
}

bool Signals::lost_terminal() const {
  // A shell that loses its terminal sends SIGHUP on to what it started. Without a terminal alone it
  // is not: a server may have outlived its own by months.
  return by_kernel_ || (by_shell_ && had_terminal_ && !has_terminal());
}

void Signals::stop_waiting() {
  make_readable(wake_fd_);
}

void Signals::end_on_next(std::function<void(int)> callback) {
  RHOOKS_CHECK(!watcher_.joinable());
  {
    MutexLock lock(callback_mutex_);
    callback_ = std::move(callback);
  }
  watcher_ = std::thread([this] {
    const int signal = next_signal(signal_fd_, close_fd_).signal;
    if (signal == 0) return;
    {
      MutexLock lock(callback_mutex_);
      if (callback_) callback_(signal);
    }
    if (!readable_within(close_fd_, kPatienceMs)) _exit(exit_code_of_signal(signal));
  });
}

void Signals::forget_callback() {
  MutexLock lock(callback_mutex_);
  callback_ = nullptr;
}

const char* name_of_signal(int signal) {
  switch (signal) {
    case SIGINT:
      return "SIGINT";
    case SIGHUP:
      return "SIGHUP";
    default:
      return "SIGTERM";
  }
}

}  // namespace rhooks::cli

#include "cli/polling.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>

#include "base/check.h"
#include "cli/command.h"

namespace rhooks::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAfterFailure{1'000};
constexpr int kFailuresMax = 30;
constexpr milliseconds kWaitMax{3'600'000};

bool may_pass(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kOverloaded ||
         code == ErrorCode::kUnknownOutcome;
}

}  // namespace

Polling::Polling(Io& io) : io_(io), ended_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  RHOOKS_CHECK(ended_fd_ >= 0);
  signals_.end_on_next([this](int signal) {
    ended_by_ = signal;
    {
      MutexLock lock(mutex_);
      if (!message_.empty()) report(io_, Error{ErrorCode::kUnavailable, message_, {}}, 0);
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(ended_fd_, &one, sizeof one);
  });
}

Polling::~Polling() {
  signals_.forget_callback();
  close(ended_fd_);
}

void Polling::on_signal(std::string message) {
  MutexLock lock(mutex_);
  message_ = std::move(message);
}

bool Polling::wait(milliseconds length) {
  const auto until = std::chrono::steady_clock::now() + std::min(length, kWaitMax);
  while (ended_by_ == 0) {
    const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
    // Of the output only errors and hang-ups are told, which need not be asked for.
    std::array<pollfd, 2> fds{{{ended_fd_, POLLIN, 0}, {io_.out_fd, 0, 0}}};
    const int ready =
        poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready == 0) return true;
    if (ready > 0 && fds[0].revents == 0 && fds[1].revents != 0) ended_by_ = SIGPIPE;
  }
  return false;
}

bool Polling::wait_after(const Error& error) {
  return may_pass(error.code) && ++failures_ <= kFailuresMax && wait(kAfterFailure);
}

}  // namespace rhooks::cli

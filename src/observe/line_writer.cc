#include "observe/line_writer.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <thread>
#include <utility>

#include "base/mutex.h"
#include "base/thread_name.h"

namespace rhooks::log {
namespace {

std::int64_t lines_in(std::string_view text) {
  return std::count(text.begin(), text.end(), '\n');
}

// A descriptor, and whether the last byte that it took was within a line.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}

  // Returns how many lines of it were not written.
  std::int64_t put(std::string_view text) {
    if (within_line_ && write_all("\n") == 0) return lines_in(text);
    const std::size_t written = write_all(text);
    return lines_in(text.substr(written));
  }

 private:
  // Returns how many bytes were written.
  std::size_t write_all(std::string_view text) {
    std::size_t written = 0;
    while (written < text.size()) {
      const ssize_t n = ::write(fd_, text.data() + written, text.size() - written);
      if (n > 0) {
        written += static_cast<std::size_t>(n);
        within_line_ = text[written - 1] != '\n';
        continue;
      }
      if (n < 0 && errno == EINTR) continue;
      // Another process may have made it non-blocking: it is shared with those that inherited it.
      if (n < 0 && errno == EAGAIN) {
        pollfd one{fd_, POLLOUT, 0};
        ::poll(&one, 1, -1);
        continue;
      }
      break;
    }
    return written;
  }

  const int fd_;
  bool within_line_ = false;
};

}  // namespace

struct LineWriter::State {
  State(std::size_t max, Told line) : waiting_bytes_max(max), told(std::move(line)) {}

  const std::size_t waiting_bytes_max;
  const Told told;
  Mutex mutex;
  ConditionVariable changed;
  std::string waiting RHOOKS_GUARDED_BY(mutex);
  // Lines that did not fit after those that wait.
  std::int64_t missing RHOOKS_GUARDED_BY(mutex) = 0;
  std::int64_t dropped RHOOKS_GUARDED_BY(mutex) = 0;
  bool writing RHOOKS_GUARDED_BY(mutex) = false;
  bool closed RHOOKS_GUARDED_BY(mutex) = false;

  bool idle() const RHOOKS_REQUIRES(mutex) { return waiting.empty() && !writing; }

  void run(int fd) {
    Output output(fd);
    std::int64_t lost = 0;  // lines that were dropped and not told yet
    MutexLock lock(mutex);
    while (true) {
      while (!closed && waiting.empty()) changed.wait(lock);
      if (waiting.empty()) return;
      const std::string lines = std::exchange(waiting, {});
      const std::int64_t missed = std::exchange(missing, 0);
      writing = true;
      lock.unlock();
      if (lost > 0 && output.put(told(lost)) == 0) lost = 0;
      const std::int64_t failed = lost > 0 ? lines_in(lines) : output.put(lines);
      lost += failed + missed;
      if (lost > 0 && failed == 0 && output.put(told(lost)) == 0) lost = 0;
      lock.lock();
      dropped += failed;
      writing = false;
      changed.notify_all();
    }
  }
};

LineWriter::LineWriter(int fd, std::size_t waiting_bytes_max, Told told)
    : state_(std::make_shared<State>(waiting_bytes_max, std::move(told))) {
  // The thread is nobody's for signals: a closed pipe is an error of write(), and what ends the
  // process goes to those who wait for it.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([state = state_, fd] {
    name_this_thread("rhooks-log");
    state->run(fd);
  }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LineWriter::~LineWriter() {
  MutexLock lock(state_->mutex);
  state_->closed = true;
  state_->changed.notify_all();
}

void LineWriter::write(std::string_view line) {
  MutexLock lock(state_->mutex);
  if (line.size() > state_->waiting_bytes_max - state_->waiting.size()) {
    ++state_->missing;
    ++state_->dropped;
    return;
  }
  state_->waiting += line;
  state_->changed.notify_all();
}

bool LineWriter::flush(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  MutexLock lock(state_->mutex);
  while (!state_->idle() && state_->changed.wait_until(lock, until)) {
  }
  return state_->idle();
}

std::int64_t LineWriter::dropped() const {
  MutexLock lock(state_->mutex);
  return state_->dropped;
}

}  // namespace rhooks::log

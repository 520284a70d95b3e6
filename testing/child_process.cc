#include "testing/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>

#include "base/check.h"

namespace rhooks::testing {
namespace {

struct Pipe {
  int read = -1;
  int write = -1;

  Pipe() {
    int fds[2];
    RHOOKS_CHECK(pipe2(fds, O_CLOEXEC) == 0);
    read = fds[0];
    write = fds[1];
  }
};

std::vector<std::string> environment_of(const std::map<std::string, std::string>& added) {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!text.starts_with("RHOOKS_") && !added.contains(text.substr(0, text.find('=')))) {
      entries.push_back(text);
    }
  }
  for (const auto& [name, value] : added) entries.push_back(name + "=" + value);
  return entries;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

ChildProcess::ChildProcess(Options options) {
  Pipe in, out, err;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.write, STDERR_FILENO);
  // Signals as a shell starts a program, whatever this process does with its own.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, ending;
  sigemptyset(&none);
  sigemptyset(&ending);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE}) sigaddset(&ending, number);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &ending);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> args = options.args;
  args.insert(args.begin(), options.program);
  std::vector<std::string> environment = environment_of(options.environment);
  const int failed = posix_spawn(&pid_, options.program.c_str(), &actions, &attributes,
                                 pointers(args).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(in.read);
  close(out.write);
  close(err.write);
  // A pipe holds 64 KiB, so this does not wait for the child; one that is gone already
  // would raise SIGPIPE.
  if (!options.input.empty() && failed == 0) {
    RHOOKS_CHECK(options.input.size() <= 64 * 1024);
    ::signal(SIGPIPE, SIG_IGN);
    [[maybe_unused]] const auto written =
        write(in.write, options.input.data(), options.input.size());
  }
  close(in.write);
  out_.fd = out.read;
  err_.fd = err.read;
  if (failed != 0) {
    close(out_.fd);
    close(err_.fd);
    throw std::runtime_error(options.program + " can not be started");
  }
  out_.reader = std::thread([this] { read_all(out_); });
  err_.reader = std::thread([this] { read_all(err_); });
}

ChildProcess::~ChildProcess() {
  if (!exit_code_) {
    kill(pid_, SIGKILL);
    wait();
  }
  for (Stream* stream : {&out_, &err_}) {
    if (stream->reader.joinable()) stream->reader.join();
  }
}

void ChildProcess::read_all(Stream& stream) {
  std::array<char, 4096> buffer;
  while (true) {
    const ssize_t size = read(stream.fd, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    std::lock_guard lock(mutex_);
    if (size <= 0) break;
    stream.text.append(buffer.data(), static_cast<std::size_t>(size));
    changed_.notify_all();
  }
  close(stream.fd);
  std::lock_guard lock(mutex_);
  stream.ended = true;
  changed_.notify_all();
}

std::optional<std::string> ChildProcess::read_line(Millis timeout) {
  std::unique_lock lock(mutex_);
  std::size_t end = std::string::npos;
  changed_.wait_for(lock, timeout, [&] {
    end = out_.text.find('\n', consumed_);
    return end != std::string::npos || out_.ended;
  });
  if (end == std::string::npos) return std::nullopt;
  std::string line = out_.text.substr(consumed_, end - consumed_);
  consumed_ = end + 1;
  return line;
}

bool ChildProcess::wait_err(std::string_view text, Millis timeout) {
  std::unique_lock lock(mutex_);
  const auto found = [&] { return err_.text.find(text) != std::string::npos; };
  changed_.wait_for(lock, timeout, [&] { return found() || err_.ended; });
  return found();
}

void ChildProcess::signal(int number) {
  // Until it is reaped the id is its own.
  RHOOKS_CHECK(!exit_code_);
  kill(pid_, number);
}

std::optional<int> ChildProcess::wait(Millis timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!exit_code_) {
    int status = 0;
    const pid_t reaped = waitpid(pid_, &status, WNOHANG);
    RHOOKS_CHECK(reaped >= 0 || errno == EINTR);
    if (reaped == pid_) {
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      break;
    }
    if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(Millis{2});
  }
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [this] { return out_.ended && err_.ended; });
  return exit_code_;
}

std::string ChildProcess::out() const {
  std::lock_guard lock(mutex_);
  return out_.text;
}

std::string ChildProcess::err() const {
  std::lock_guard lock(mutex_);
  return err_.text;
}

}  // namespace rhooks::testing

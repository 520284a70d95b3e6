#include "testing/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <string_view>

extern char** environ;

namespace rhooks::testing {
namespace {

struct Pipe {
  int read = -1;
  int write = -1;

  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    read = ends[0];
    write = ends[1];
  }
};

std::vector<std::string> merged_environment(const std::vector<std::string>& own) {
  std::vector<std::string> merged = own;
  const auto name_of = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view name = name_of(*entry);
    bool replaced = name.starts_with("RHOOKS_");
    for (const std::string& mine : own) replaced = replaced || name_of(mine) == name;
    if (!replaced) merged.emplace_back(*entry);
  }
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& s : strings) result.push_back(s.data());
  result.push_back(nullptr);
  return result;
}

void write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;  // the program does not read on
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  ::close(fd);
}

}  // namespace

ChildProcess::ChildProcess(std::vector<std::string> args, std::vector<std::string> environment,
                           std::string input) {
  ::signal(SIGPIPE, SIG_IGN);  // a program may end before it has read its input
  Pipe in;
  Pipe out;
  Pipe err;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.write, STDERR_FILENO);
  // Not the sockets of this process: what it has closed would go on taking connections.
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  // SIGHUP as usual: under nohup it is ignored, and a program that finds it so lets it be.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t hang_up;
  sigemptyset(&hang_up);
  sigaddset(&hang_up, SIGHUP);
  posix_spawnattr_setsigdefault(&attributes, &hang_up);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  auto env = merged_environment(environment);
  const int failed = ::posix_spawn(&pid_, args.front().c_str(), &actions, &attributes,
                                   pointers(args).data(), pointers(env).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  ::close(in.read);
  ::close(out.write);
  ::close(err.write);
  if (failed != 0) {
    ::close(in.write);
    ::close(out.read);
    ::close(err.read);
    throw std::runtime_error(args.front() + ": " + std::strerror(failed));
  }
  threads_.emplace_back([fd = in.write, text = std::move(input)] { write_all(fd, text); });
  threads_.emplace_back([this, fd = out.read] { collect(fd, output_); });
  threads_.emplace_back([this, fd = err.read] { collect(fd, errors_); });
}

ChildProcess::~ChildProcess() {
  if (!wait(Timeout{0})) {
    signal(SIGKILL);
    wait();
  }
  for (std::thread& thread : threads_) thread.join();
}

void ChildProcess::collect(int fd, std::string& into) {
  char buffer[4096];
  while (true) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    std::lock_guard lock(mutex_);
    into.append(buffer, static_cast<std::size_t>(n));
    changed_.notify_all();
  }
  ::close(fd);
  std::lock_guard lock(mutex_);
  --open_streams_;
  changed_.notify_all();
}

void ChildProcess::signal(int number) {
  std::lock_guard lock(mutex_);
  if (!exit_) ::kill(pid_, number);
}

std::optional<int> ChildProcess::wait(Timeout timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      int status = 0;
      if (!exit_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
        exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      if (exit_) {
        // What it wrote may still be in the pipes.
        changed_.wait_for(lock, std::chrono::seconds{30}, [this] { return open_streams_ == 0; });
        return exit_;
      }
    }
    if (std::chrono::steady_clock::now() >= until) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
}

std::string ChildProcess::output() const {
  std::lock_guard lock(mutex_);
  return output_;
}

std::string ChildProcess::errors() const {
  std::lock_guard lock(mutex_);
  return errors_;
}

bool ChildProcess::wait_for(const std::string& stream, const std::string& text,
                            Timeout timeout) const {
  std::unique_lock lock(mutex_);
  const auto found = [&] { return stream.find(text) != std::string::npos; };
  changed_.wait_for(lock, timeout, [&] { return found() || open_streams_ == 0; });
  return found();
}

bool ChildProcess::wait_for_output(const std::string& text, Timeout timeout) const {
  return wait_for(output_, text, timeout);
}

bool ChildProcess::wait_for_errors(const std::string& text, Timeout timeout) const {
  return wait_for(errors_, text, timeout);
}

std::optional<std::string> ChildProcess::read_line(Timeout timeout) {
  std::unique_lock lock(mutex_);
  std::size_t end = std::string::npos;
  changed_.wait_for(lock, timeout, [&] {
    end = output_.find('\n', lines_read_to_);
    return end != std::string::npos || open_streams_ == 0;
  });
  if (end == std::string::npos) return std::nullopt;
  std::string line = output_.substr(lines_read_to_, end - lines_read_to_);
  lines_read_to_ = end + 1;
  return line;
}

std::optional<std::string> find_program(const std::string& name) {
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string program = folder + "/" + name;
    if (!folder.empty() && ::access(program.c_str(), X_OK) == 0) return program;
  }
  return std::nullopt;
}

Finished run_program(std::vector<std::string> args, std::vector<std::string> environment,
                     std::string input, ChildProcess::Timeout timeout) {
  const std::string name = args.front();
  ChildProcess child(std::move(args), std::move(environment), std::move(input));
  const auto exit = child.wait(timeout);
  if (!exit) throw std::runtime_error(name + " did not end in time; it wrote: " + child.errors());
  return {*exit, child.output(), child.errors()};
}

}  // namespace rhooks::testing

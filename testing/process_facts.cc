#include "testing/process_facts.h"

#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace rhooks::testing {
namespace {

std::string folder_of(pid_t pid) {
  return "/proc/" + std::to_string(pid);
}

// A line such as "VmRSS:     1234 kB".
std::size_t status_bytes(pid_t pid, const std::string& name) {
  std::ifstream status(folder_of(pid) + "/status");
  std::string word;
  while (status >> word) {
    if (word != name + ":") continue;
    std::size_t kibibytes = 0;
    status >> kibibytes;
    return kibibytes * 1024;
  }
  return 0;
}

}  // namespace

std::size_t open_files(pid_t pid) {
  std::error_code ec;
  std::size_t count = 0;
  std::filesystem::directory_iterator it(folder_of(pid) + "/fd", ec);
  for (; !ec && it != std::filesystem::directory_iterator(); it.increment(ec)) ++count;
  return count;
}

std::size_t resident_bytes(pid_t pid) {
  return status_bytes(pid, "VmRSS");
}

std::size_t resident_bytes_max(pid_t pid) {
  return status_bytes(pid, "VmHWM");
}

std::size_t raise_open_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace rhooks::testing

#include "testing/process_facts.h"

#include <malloc.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RHOOKS_ALLOCATOR_OF_SANITIZER
// Of sanitizer/allocator_interface.h, which GCC does not install.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

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

std::size_t address_space_bytes(pid_t pid) {
  return status_bytes(pid, "VmSize");
}

bool limit_address_space(pid_t pid, std::optional<std::size_t> bytes) {
  rlimit limit{};
  if (::prlimit(pid, RLIMIT_AS, nullptr, &limit) != 0) return false;
  limit.rlim_cur = bytes ? *bytes : limit.rlim_max;
  return ::prlimit(pid, RLIMIT_AS, &limit, nullptr) == 0;
}

std::size_t allocated_bytes() {
#ifdef RHOOKS_ALLOCATOR_OF_SANITIZER
  return __sanitizer_get_current_allocated_bytes();
#else
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
#endif
}

std::size_t raise_open_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace rhooks::testing

#include "cli/file_limit.h"

#include <sys/resource.h>

namespace rhooks::cli {

std::size_t raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::size_t files_needed(std::size_t concurrency) {
  constexpr std::size_t kClientsAndStore = 1'000;
  return concurrency + kClientsAndStore;
}

}  // namespace rhooks::cli

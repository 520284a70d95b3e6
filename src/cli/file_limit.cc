#include "cli/file_limit.h"

#include <sys/resource.h>

#include <algorithm>

#include "delivery/idle_connections.h"

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

std::size_t connections_for(std::size_t limit, std::size_t concurrency) {
  constexpr std::size_t kStore = 400;  // RocksDB is held to 256 tables; its log, ours, threads
  constexpr std::size_t kMax = 10'000;
  const std::size_t to_receivers =
      std::max(concurrency, delivery::idle_connections(concurrency, limit));
  const std::size_t others = to_receivers + kStore;
  // Where the limit is too low for all of them, a warning was given; clients get a part.
  const std::size_t least = std::max<std::size_t>(1, limit / 4);
  return std::min(kMax, limit > others + least ? limit - others : least);
}

}  // namespace rhooks::cli

#include "cli/file_limit.h"

#include <sys/resource.h>

#include <algorithm>

namespace rhooks::cli {

std::size_t raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return static_cast<std::size_t>(limit.rlim_cur);
}

namespace {

// Connections to receivers, in use and idle: the sender keeps up to four for each attempt at
// once, and not more than 1,024 or a quarter of all files (delivery/curl_sender.h).
std::size_t sender_connections(std::size_t limit, std::size_t concurrency) {
  return std::max(concurrency, std::min({4 * concurrency, std::size_t{1'024}, limit / 4}));
}

}  // namespace

std::size_t files_needed(std::size_t concurrency) {
  constexpr std::size_t kClientsAndStore = 1'000;
  return concurrency + kClientsAndStore;
}

std::size_t connections_for(std::size_t limit, std::size_t concurrency) {
  constexpr std::size_t kStore = 400;  // RocksDB is held to 256 tables; its log, ours, threads
  constexpr std::size_t kMax = 10'000;
  const std::size_t others = sender_connections(limit, concurrency) + kStore;
  // Where the limit is too low for all of them, a warning was given; clients get a part.
  const std::size_t least = std::max<std::size_t>(1, limit / 4);
  return std::min(kMax, limit > others + least ? limit - others : least);
}

}  // namespace rhooks::cli

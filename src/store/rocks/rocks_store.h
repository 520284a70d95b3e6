#pragma once

#include <rhooks/result.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "observe/metrics.h"
#include "store/store.h"

namespace rocksdb {
class Env;
}

namespace rhooks::store {

struct RocksOptions {
  // Tells the background compaction which logs have expired; nullptr: the system's clock.
  // Must outlive the store.
  const Clock* clock = nullptr;
  // Where RocksDB keeps its files; nullptr: the system. Must outlive the store.
  rocksdb::Env* env = nullptr;
  // After a disk error writing is tried again at most so often.
  std::chrono::milliseconds resume_interval{1'000};
  // What one query looks at, and about what its page becomes as JSON, at most; it ends there.
  std::size_t page_rows_max = 10'000;
  std::size_t page_bytes_max = 8u << 20;
  // What one claim reads, at most; then it says that there is more.
  std::size_t claim_bytes_max = 16u << 20;
  // Writes that are in memory and in the log, and not in files yet.
  std::size_t write_buffer_bytes = 64u << 20;
  // Files with logs are written anew, without what has expired, once they are so old.
  std::chrono::seconds rewrite_logs_after{24 * 60 * 60};
  // What expired tasks took is merged away that long after they were deleted.
  std::chrono::seconds merge_deleted_after{5 * 60};
  // Blocks of files that are kept for reading.
  std::size_t cache_bytes = 64u << 20;
  // Opens a store whose log of writes is damaged, without what follows the damage.
  bool drop_damaged_writes = false;
  Metrics* metrics = nullptr;  // none: nothing is counted. Must outlive the store
  // Lease tokens are drawn from it, so that a simulation can be repeated; none: from the system.
  std::optional<std::uint64_t> token_seed;
};

// Opens the embedded store in a directory, which is created if missing. The directory is
// this process's alone while the store is open. Leases are in memory: closing the store, or
// a crash, ends them all, and their tasks are due again.
// Errors: kUnavailable (in use by another process, no permission, disk full), kCorrupt (writes that
// were stored cannot be read), kUnsupported (written by a newer or an unknown older version).
Result<std::unique_ptr<Store>> open_rocks(const std::string& path,
                                          const RocksOptions& options = {});

}  // namespace rhooks::store

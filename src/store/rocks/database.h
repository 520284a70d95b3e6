#pragma once

#include <rhooks/result.h>
#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "store/rocks/log_filter.h"
#include "store/rocks/rocks_store.h"

namespace rhooks::store::rocks {

enum class Family { kTasks, kSpecs, kDue, kByDate, kLogs, kLogRefs, kDamaged, kMeta };
inline constexpr std::size_t kFamilies = 8;

// An open RocksDB directory: its lock, options, column families and format, and how writes
// behave when the disk fails. Knows nothing of tasks.
//
// Threads: every method may be called from any thread. Blocking: all of them.
// Ownership: iterators and snapshots must be gone before the database is.
class Database {
 public:
  // Errors: kUnavailable (locked, no permission, disk), kCorrupt, kUnsupported (the format).
  static Result<std::unique_ptr<Database>> open(const std::string& path,
                                                const RocksOptions& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  rocksdb::DB& db() { return *db_; }
  rocksdb::ColumnFamilyHandle* operator[](Family family) const {
    return handles_[static_cast<std::size_t>(family)];
  }
  const std::string& path() const { return path_; }

  // Writes the batch as one, synced: ok means that it survives a crash of the machine.
  //
  // An error of the write itself is kUnknownOutcome: it is not visible now, but parts of it
  // may have reached the disk, and a restart before the next successful write could bring it
  // back. From then on RocksDB takes no writes; each further call first tries to resume it
  // (at most one try in resume_interval) and answers kUnavailable, nothing written, until
  // that works.
  Result<void> write(rocksdb::WriteBatch& batch);

  // Whether reads and synced writes work, by doing one of each.
  Result<void> check();

  Error translate(const rocksdb::Status& status, std::string_view doing) const;

 private:
  class Listener;
  struct DirectoryLock;

  Database(std::string path, const RocksOptions& options);
  Result<void> open_db();
  Result<void> check_format();
  Result<void> resume();
  rocksdb::Options db_options() const;
  rocksdb::ColumnFamilyOptions family_options(Family family) const;

  const std::string path_;
  const RocksOptions options_;
  std::unique_ptr<DirectoryLock> lock_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::shared_ptr<ExpiryPolicy> expiry_;
  std::shared_ptr<Listener> listener_;

  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> handles_{};
  rocksdb::ColumnFamilyHandle* default_handle_ = nullptr;

  std::mutex resume_mutex_;
  std::chrono::steady_clock::time_point last_resume_{};
  rocksdb::Status last_failure_;
};

}  // namespace rhooks::store::rocks

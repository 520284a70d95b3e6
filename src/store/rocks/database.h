#pragma once

#include <rhooks/result.h>
#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/perf_level.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "store/rocks/log_check.h"
#include "store/rocks/log_filter.h"
#include "store/rocks/rocks_store.h"

namespace rhooks::store::rocks {

enum class Family {
  kTasks,
  kSpecs,
  kDue,
  kEnds,
  kByDate,
  kLogs,
  kLogRefs,
  kDamaged,
  kDocuments,
  kMeta
};
inline constexpr std::size_t kFamilies = 10;

// For calls of RocksDB, which is not made to be left by an exception: a read or a write would leave
// its references behind, and others would wait for it or use what is gone. Where there is no memory
// for one the process ends, as by a crash, and the next start has all that was acknowledged.
template <typename Call>
auto uninterrupted(const Call& call) noexcept {
  return call();
}

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

  // Keeps the database open for as long as it lives. Every call of the store has one; all
  // else here, and every iterator and snapshot, is to be used under one.
  class Use {
   public:
    explicit Use(std::shared_lock<std::shared_mutex> lock);
    Use(Use&&) = default;
    Use& operator=(Use&&) = delete;
    ~Use();

   private:
    std::shared_lock<std::shared_mutex> lock_;
    // RocksDB counts comparisons and the like for each thread. Nobody here asks for the counts; a
    // thread of the application that does for a database of its own gets them as before.
    rocksdb::PerfLevel counted_;
  };
  // After a failed write this first tries to make the database writable again (at most once
  // in resume_interval). Where that fails reading goes on, if the database is open at all.
  // Errors: kUnavailable.
  Result<Use> use();

  // Called each time that use() has opened the database again, before anybody else can use
  // it: writes that were reported as kUnknownOutcome may now be there. To be set before the
  // first use().
  void on_reopened(std::function<void()> callback) { reopened_ = std::move(callback); }

  rocksdb::DB& db() { return *db_; }
  rocksdb::ColumnFamilyHandle* operator[](Family family) const {
    return handles_[static_cast<std::size_t>(family)];
  }
  const std::string& path() const { return path_; }

  // Writes the batch as one, synced: ok means that it survives a crash of the machine.
  //
  // An error of the write itself is kUnknownOutcome: it is not visible now, but it may have
  // reached the disk, and then comes back when the database is opened again. From then on
  // nothing is written, and the answer is kUnavailable, until use() has opened it again.
  // RocksDB's own Resume() is not enough: in 7.8 it goes on with the log file that failed,
  // behind the torn record, if nothing was in memory to be flushed.
  Result<void> write(rocksdb::WriteBatch& batch);

  // Expired tasks were deleted: their place on the disk is given back some time later, also where
  // nothing else is written by then.
  void note_deleted();

  // Whether reads and synced writes work, by doing one of each.
  Result<void> check();

  Error translate(const rocksdb::Status& status, std::string_view doing) const;

 private:
  class Listener;
  struct DirectoryLock;

  Database(std::string path, const RocksOptions& options);
  Result<void> open_db();
  Result<void> open_families(const rocksdb::Options& options,
                             const std::vector<std::string>& there);
  // Those of ours, by whether they are `there`.
  struct Families {
    std::vector<rocksdb::ColumnFamilyDescriptor> found;  // the default one, then ours
    std::vector<rocksdb::ColumnFamilyDescriptor> missing;
    std::vector<std::size_t> positions;  // of ours that were found, then of those missing
  };
  Families families_among(const std::vector<std::string>& there) const;
  Result<std::optional<LogDamage>> damage_of_logs(const rocksdb::Options& options,
                                                  const std::vector<std::string>& there) const;
  Result<void> check_logs(const rocksdb::Options& options,
                          const std::vector<std::string>& there) const;
  Result<void> check_format();
  bool holds_something(rocksdb::ColumnFamilyHandle* family) const;
  Error not_of_rhooks() const;
  void close_db();
  void recover() RHOOKS_REQUIRES(recover_mutex_);
  Result<void> probe_disk();
  bool failed() const;
  // give_back.cc
  void look_for_old_logs();
  void merge_deleted();
  Error refusal();
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

  std::function<void()> reopened_;
  // Shared: in use; alone: being opened again. No Mutex: a Use moves its lock, which the analysis
  // cannot follow.
  std::shared_mutex open_mutex_;
  Mutex recover_mutex_;
  std::chrono::steady_clock::time_point next_recovery_ RHOOKS_GUARDED_BY(recover_mutex_){};
  std::atomic<std::chrono::steady_clock::time_point> next_look_{};  // for old logs
  // When what was deleted is to be merged; the greatest time: nothing was.
  std::atomic<std::chrono::steady_clock::time_point> merge_at_{
      std::chrono::steady_clock::time_point::max()};
  Mutex failure_mutex_;
  std::string failure_ RHOOKS_GUARDED_BY(failure_mutex_);  // why nothing can be written
};

}  // namespace rhooks::store::rocks

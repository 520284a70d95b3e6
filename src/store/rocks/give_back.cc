// How what has expired gives its place on the disk back, also in a store at rest: each call of the
// store looks at whether it is time.

#include "observe/logging.h"
#include "store/rocks/database.h"

namespace rhooks::store::rocks {

// RocksDB looks at how old files are only when there are others than before. So that one at rest
// gives the disk back, too, it is told now and then what it knows already.
void Database::look_for_old_logs() {
  const auto now = std::chrono::steady_clock::now();
  auto look_at = next_look_.load();
  if (now < look_at || failed()) return;
  if (!next_look_.compare_exchange_strong(look_at, now + options_.rewrite_logs_after / 2)) return;
  const std::string seconds = std::to_string(options_.rewrite_logs_after.count());
  for (const Family which : {Family::kLogs, Family::kLogRefs}) {
    const auto told = db_->SetOptions((*this)[which], {{"periodic_compaction_seconds", seconds}});
    if (!told.ok()) {
      log::warn("what has expired stays on the disk for now",
                {{"path", path_}, {"error", told.ToString()}});
    }
  }
}

void Database::note_deleted() {
  auto none = std::chrono::steady_clock::time_point::max();
  merge_at_.compare_exchange_strong(
      none, std::chrono::steady_clock::now() + options_.merge_deleted_after);
}

// A deletion gives nothing back before it is in a file, and that file is merged with those that
// have what it deletes. A file with many deletions is merged by itself (family_options).
void Database::merge_deleted() {
  auto at = merge_at_.load();
  if (std::chrono::steady_clock::now() < at || failed()) return;
  if (!merge_at_.compare_exchange_strong(at, std::chrono::steady_clock::time_point::max())) return;
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;  // otherwise it waits until there would be none
  const auto begun = uninterrupted([&] {
    return db_->Flush(options, {(*this)[Family::kTasks], (*this)[Family::kSpecs]});
  });
  if (!begun.ok()) {
    note_deleted();
    log::warn("what was deleted stays on the disk for now",
              {{"path", path_}, {"error", begun.ToString()}});
  }
}

}  // namespace rhooks::store::rocks

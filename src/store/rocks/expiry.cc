// Deletion of the tasks that have expired, by the claims of the embedded store.

#include <algorithm>

#include "observe/logging.h"
#include "store/rocks/keys.h"
#include "store/rocks/status.h"
#include "store/rocks/store_impl.h"

namespace rhooks::store::rocks {
namespace {

// Bounds how long a claim waits for it: one synced write of some milliseconds.
constexpr std::size_t kDropMax = 1'000;

// Those that expire one by one go together, but for a backlog.
constexpr std::chrono::milliseconds kDropEvery{1'000};

// After an error of the disk.
constexpr std::chrono::milliseconds kDropLater{10'000};

}  // namespace

void RocksStore::drop_expired(TimePoint now) {
  if (now < first_end_.get()) return;
  const std::unique_lock one(drop_mutex_, std::try_to_lock);
  if (!one.owns_lock()) return;
  // A time that is further away than was ever set: the clock was set back.
  if (const auto left = drop_at_ - now; left.count() > 0 && left <= kDropLater) return;

  const TimePoint from = first_end_.take();
  drop_at_ = now + kDropEvery;
  std::vector<std::string> ends;
  std::vector<std::string> keys;
  rocksdb::Status read_status;
  {
    const std::unique_ptr<rocksdb::Iterator> it(
        db().NewIterator(rocksdb::ReadOptions(), family(Family::kEnds)));
    for (it->Seek(time_bytes(from)); it->Valid(); it->Next()) {
      const std::string_view end = it->key().ToStringView();
      const TimePoint at = read_time(end);
      if (at > now || ends.size() == kDropMax) {
        first_end_.lower(at);
        if (at <= now) drop_at_ = now;
        break;
      }
      ends.emplace_back(end);
      keys.emplace_back(end.substr(time_bytes(at).size()));
    }
    read_status = it->status();
  }
  const auto later = [&] {
    first_end_.lower(from);
    drop_at_ = now + kDropLater;
  };
  if (!read_status.ok()) {
    const Error error = database_->translate(read_status, "looking for tasks that have expired");
    log::warn("tasks that have expired stay on the disk for now", {{"error", error.message}});
    return later();
  }
  if (ends.empty()) return;

  LeaseTable::Lock lock(leases_, keys);
  rocksdb::WriteBatch batch;
  const auto stored = read_states(keys);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (disk_failed(stored[i].state_status)) {
      later();
      continue;
    }
    (void)batch.Delete(family(Family::kEnds), ends[i]);
    const auto key = parse_task_key(keys[i]);
    if (!key || !stored[i].state_status.ok()) continue;
    const auto record = decode_state(*key, stored[i].state.ToStringView());
    if (!record) {
      report_unreadable(*key, record.error());
      continue;
    }
    // Changed since it was listed.
    if (!record->task.expires_at || end_key(*record->task.expires_at, keys[i]) != ends[i]) continue;
    delete_index(batch, record->task, keys[i]);
    (void)batch.Delete(family(Family::kTasks), keys[i]);
    (void)batch.Delete(family(Family::kSpecs), keys[i]);
  }
  // What went wrong is said by the next call that writes.
  if (!write(batch, lock, {})) return later();
  database_->note_deleted();
}

}  // namespace rhooks::store::rocks

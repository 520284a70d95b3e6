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

// Tasks that are held in memory at a time; the state of each has its receiver's last answer.
constexpr std::size_t kReadAtOnce = 64;

// After an error of the disk.
constexpr std::chrono::milliseconds kDropLater{10'000};

}  // namespace

void RocksStore::drop_expired(TimePoint now) {
  if (now < first_end_.get()) return;
  if (!drop_mutex_.try_lock()) return;
  const MutexLock one(drop_mutex_, std::adopt_lock);
  // A time that is further away than was ever set: the clock was set back.
  if (const auto left = drop_at_ - now; left.count() > 0 && left <= kDropLater) return;

  // Whatever goes wrong, also a lack of memory: what was not dropped is looked for again.
  struct Found {
    FirstEnd& end;
    const TimePoint from = end.take();
    bool dropped = false;
    ~Found() {
      if (!dropped) end.lower(from);
    }
  } found{first_end_};
  drop_at_ = now + kDropLater;
  drops_left_ = false;
  bool more = false;
  const auto ends = list_ends(found.from, now, more);
  if (!ends) {
    log::warn("tasks that have expired stay on the disk for now",
              {{"error", ends.error().message}});
    return;
  }
  // What went wrong is said by the next call that writes.
  if (!ends->empty() && !drop(*ends)) return;
  found.dropped = true;
  drop_at_ = more ? now : now + kDropEvery;
  drops_left_ = more;
}

// The first entries of `ends` that are not after `now`; `more`: there are others. What comes after
// them is noted.
Result<std::vector<std::string>> RocksStore::list_ends(TimePoint from, TimePoint now, bool& more) {
  std::vector<std::string> ends;
  const std::unique_ptr<rocksdb::Iterator> it(
      db().NewIterator(rocksdb::ReadOptions(), family(Family::kEnds)));
  for (it->Seek(time_bytes(from)); it->Valid(); it->Next()) {
    const TimePoint at = read_time(it->key().ToStringView());
    if (at > now || ends.size() == kDropMax) {
      first_end_.lower(at);
      more = at <= now;
      break;
    }
    ends.push_back(it->key().ToString());
  }
  if (!it->status().ok()) {
    return fail(database_->translate(it->status(), "looking for tasks that have expired"));
  }
  return ends;
}

// False: some are left, or all.
bool RocksStore::drop(const std::vector<std::string>& ends) {
  std::vector<std::string> keys;
  keys.reserve(ends.size());
  for (const std::string& end : ends) keys.push_back(end.substr(time_bytes(TimePoint()).size()));
  LeaseTable::Lock lock(leases_, keys);
  LeaseTable::Effects effects;
  rocksdb::WriteBatch batch;
  bool all = true;
  for (std::size_t from = 0; from < keys.size(); from += kReadAtOnce) {
    const std::size_t to = std::min(keys.size(), from + kReadAtOnce);
    const auto stored = read_rows({keys.begin() + static_cast<std::ptrdiff_t>(from),
                                   keys.begin() + static_cast<std::ptrdiff_t>(to)});
    for (std::size_t i = from; i < to; ++i) {
      const Stored& one = stored[i - from];
      if (disk_failed(one.state_status)) {
        all = false;
        continue;
      }
      (void)batch.Delete(family(Family::kEnds), ends[i]);
      const auto key = parse_task_key(keys[i]);
      if (!key || !one.state_status.ok()) continue;
      const auto record = decode_state(*key, one.state.ToStringView());
      if (!record) {
        report_unreadable(*key, record.error());
        continue;
      }
      // Changed since it was listed.
      if (!record->task.expires_at || end_key(*record->task.expires_at, keys[i]) != ends[i]) {
        continue;
      }
      delete_index(batch, record->task, keys[i]);
      (void)batch.Delete(family(Family::kTasks), keys[i]);
      // Of one that could not be read it is not known where it lies.
      const bool known = one.spec_status.ok() || one.spec_status.IsNotFound();
      for (const bool beside : {true, false}) {
        if (!known || beside == one.spec_beside) delete_spec(batch, keys[i], beside);
      }
      effects.ended.push_back(keys[i]);  // a lease that a failed write left in doubt
    }
  }
  if (!write(batch, lock, std::move(effects))) return false;
  database_->note_deleted();
  return all;
}

}  // namespace rhooks::store::rocks

// Reading, decoding and indexing of stored tasks and logs.

#include <array>

#include "codec/stored.h"
#include "observe/logging.h"
#include "store/rocks/absent_keys.h"
#include "store/rocks/keys.h"
#include "store/rocks/range_scan.h"
#include "store/rocks/store_impl.h"

namespace rhooks::store::rocks {

namespace {

// Unreadable tasks that are remembered, so that each is logged once.
constexpr std::size_t kReportedMax = 1000;

}  // namespace

Error not_found(const TaskKey& key) {
  return Error{
      ErrorCode::kNotFound, "there is no task '" + key.id + "' in namespace '" + key.ns + "'", {}};
}

std::vector<RocksStore::Stored> RocksStore::read(const std::vector<std::string>& keys,
                                                 const rocksdb::ReadOptions& options) {
  auto stored = read_rows(keys, options);
  std::vector<std::size_t> large;
  std::vector<rocksdb::Slice> large_keys;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!stored[i].spec_status.IsNotFound()) continue;
    large.push_back(i);
    large_keys.emplace_back(keys[i]);
  }
  auto specs = look_up(Family::kSpecs, large_keys, options);
  for (std::size_t n = 0; n < large.size(); ++n) {
    Stored& one = stored[large[n]];
    one.spec_status = std::move(specs.statuses[n]);
    one.spec = std::move(specs.values[n]);
    // A writer may have come between the two looks.
    if (one.state_status.ok() && one.spec_status.IsNotFound() && options.snapshot == nullptr) {
      const ScopedSnapshot snapshot(db());
      rocksdb::ReadOptions as_one = options;
      as_one.snapshot = snapshot.get();
      one = std::move(read({keys[large[n]]}, as_one).front());
    }
  }
  return stored;
}

std::vector<RocksStore::Stored> RocksStore::read_rows(const std::vector<std::string>& keys,
                                                      const rocksdb::ReadOptions& options) {
  std::vector<rocksdb::Slice> rows;
  rows.reserve(2 * keys.size());
  for (const std::string& key : keys) {
    rows.emplace_back(key);
    rows.emplace_back(spec_row(key));
  }
  auto [values, statuses] = look_up(Family::kTasks, rows, options);
  std::vector<Stored> stored(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    stored[i].state_status = std::move(statuses[2 * i]);
    stored[i].state = std::move(values[2 * i]);
    stored[i].spec_status = std::move(statuses[2 * i + 1]);
    stored[i].spec = std::move(values[2 * i + 1]);
    stored[i].spec_beside = stored[i].spec_status.ok();
  }
  return stored;
}

std::vector<RocksStore::Stored> RocksStore::read_expecting_none(
    const std::vector<std::string>& keys) {
  std::vector<Stored> stored(keys.size());
  std::vector<std::size_t> unsure;
  const auto no_state = find_absent(db(), family(Family::kTasks), keys);
  const auto no_spec = find_absent(db(), family(Family::kSpecs), keys);
  std::vector<std::string> unsure_keys;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (no_state[i] && no_spec[i]) {
      stored[i].state_status = rocksdb::Status::NotFound();
      stored[i].spec_status = rocksdb::Status::NotFound();
    } else {
      unsure.push_back(i);
      unsure_keys.push_back(keys[i]);
    }
  }
  auto looked_up = read(unsure_keys);
  for (std::size_t i = 0; i < unsure.size(); ++i) stored[unsure[i]] = std::move(looked_up[i]);
  return stored;
}

RocksStore::Values RocksStore::look_up(Family which, const std::vector<rocksdb::Slice>& keys,
                                       const rocksdb::ReadOptions& options) {
  Values found{std::vector<rocksdb::PinnableSlice>(keys.size()),
               std::vector<rocksdb::Status>(keys.size())};
  if (keys.empty()) return found;
  uninterrupted([&] {
    db().MultiGet(options, family(which), keys.size(), keys.data(), found.values.data(),
                  found.statuses.data());
  });
  return found;
}

Result<TaskRecord> RocksStore::decode(const TaskKey& key, const Stored& stored) const {
  if (stored.missing()) return fail(not_found(key));
  for (const rocksdb::Status& status : {stored.state_status, stored.spec_status}) {
    if (status.ok()) continue;
    if (status.IsNotFound()) {
      return fail(ErrorCode::kCorrupt, "a part of the stored task '" + key.id + "' in namespace '" +
                                           key.ns + "' is missing");
    }
    return fail(database_->translate(status, "reading a task"));
  }
  return codec::decode_record(key, stored.spec.ToStringView(), stored.state.ToStringView());
}

Result<TaskRecord> RocksStore::decode(const TaskKey& key, const Stored& stored,
                                      TimePoint now) const {
  auto record = decode(key, stored);
  if (record && model::expired(record->task, now)) return fail(not_found(key));
  return record;
}

Result<TaskRecord> RocksStore::decode_state(const TaskKey& key, std::string_view state) {
  TaskRecord record;
  record.task.key = key;
  if (auto read = codec::decode_state(state, record); !read) return fail(std::move(read.error()));
  return record;
}

Result<TaskRecord> RocksStore::decode_state(const TaskKey& key, const Stored& stored) const {
  if (stored.missing()) return fail(not_found(key));
  if (!stored.state_status.ok()) {
    return fail(database_->translate(stored.state_status, "reading a task"));
  }
  return decode_state(key, stored.state.ToStringView());
}

void RocksStore::put_new(rocksdb::WriteBatch& batch, std::span<const New> tasks,
                         LeaseTable::Effects& effects) const {
  for (const auto& [record, key] : tasks) {
    (void)batch.Put(family(Family::kTasks), *key, codec::encode_state(*record));
    put_spec(batch, *key, codec::encode_spec(*record));
  }
  for (const auto& [record, key] : tasks) {
    (void)batch.Put(family(Family::kByDate), date_key(record->task), rocksdb::Slice());
  }
  for (const auto& [record, key] : tasks) {
    const Task& task = record->task;
    if (task.expires_at) {
      (void)batch.Put(family(Family::kEnds), end_key(*task.expires_at, *key), rocksdb::Slice());
    }
    if (task.status != Status::kActive) continue;
    std::string due = due_key(model::place_of(task), *key);
    (void)batch.Put(family(Family::kDue), due, due_value(task));
    effects.claimable(std::move(due));
  }
}

void RocksStore::put_spec(rocksdb::WriteBatch& batch, const std::string& key,
                          const std::string& spec) const {
  if (spec.size() <= kSpecBesideMax) {
    (void)batch.Put(family(Family::kTasks), spec_row(key), spec);
  } else {
    (void)batch.Put(family(Family::kSpecs), key, spec);
  }
}

void RocksStore::delete_spec(rocksdb::WriteBatch& batch, const std::string& key,
                             bool beside) const {
  if (beside) {
    (void)batch.Delete(family(Family::kTasks), spec_row(key));
  } else {
    (void)batch.Delete(family(Family::kSpecs), key);
  }
}

void RocksStore::put_index(rocksdb::WriteBatch& batch, const Task& task,
                           const std::string& key) const {
  (void)batch.Put(family(Family::kByDate), date_key(task), rocksdb::Slice());
  if (task.status == Status::kActive) {
    (void)batch.Put(family(Family::kDue), due_key(model::place_of(task), key), due_value(task));
  }
  if (task.expires_at) {
    (void)batch.Put(family(Family::kEnds), end_key(*task.expires_at, key), rocksdb::Slice());
  }
}

void RocksStore::delete_index(rocksdb::WriteBatch& batch, const Task& task,
                              const std::string& key) const {
  (void)batch.Delete(family(Family::kByDate), date_key(task));
  if (task.status == Status::kActive) {
    (void)batch.Delete(family(Family::kDue), due_key(model::place_of(task), key));
  }
  if (task.expires_at) {
    (void)batch.Delete(family(Family::kEnds), end_key(*task.expires_at, key));
  }
}

void RocksStore::put_log(rocksdb::WriteBatch& batch, const Log& log) const {
  const bool failed = log.status == LogStatus::kFail;
  const std::string ref = ref_value(log.expires_at, failed);
  const std::string at = time_bytes(log.started_at) + log.id;
  (void)batch.Put(family(Family::kLogs), name(log.task.ns) + at, codec::encode_log(log));
  (void)batch.Put(family(Family::kLogRefs), task_logs_prefix(log.task.ns, log.task.id) + at, ref);
  if (failed) (void)batch.Put(family(Family::kLogRefs), failures_prefix(log.task.ns) + at, ref);
}

Result<bool> RocksStore::was_set_aside(const std::string& key) {
  rocksdb::PinnableSlice value;
  const auto status = uninterrupted(
      [&] { return db().Get(rocksdb::ReadOptions(), family(Family::kDamaged), key, &value); });
  if (status.ok()) return true;
  if (status.IsNotFound()) return false;
  return fail(database_->translate(status, "reading a task"));
}

void RocksStore::report_unreadable(const TaskKey& key, const Error& error) {
  {
    MutexLock lock(reported_mutex_);
    if (reported_.size() >= kReportedMax || !reported_.insert(task_key(key)).second) return;
  }
  log::error("a stored task cannot be read",
             {{"namespace", key.ns}, {"id", key.id}, {"reason", error.message}});
}

}  // namespace rhooks::store::rocks

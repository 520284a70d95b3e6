#include "bench/raw_rocks.h"

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>

#include "codec/stored.h"
#include "store/rocks/keys.h"

namespace rhooks::bench {
namespace {

using namespace store::rocks;

constexpr std::size_t kWriteBufferBytes = 64u << 20;
// The handles are in this order, behind that of the default family.
enum Place : std::size_t { kTasks = 1, kSpecs, kByDate, kDue, kLogs, kLogRefs };
constexpr std::array<const char*, 6> kFamilyNames{"tasks", "specs", "by_date",
                                                  "due",   "logs",  "log_refs"};

void check(const rocksdb::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

// Those of store/rocks/database.cc, without the ones for reading.
rocksdb::DBOptions db_options() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_background_jobs = 2;
  options.allow_concurrent_memtable_write = false;
  options.db_write_buffer_size = kWriteBufferBytes;
  options.max_total_wal_size = 2 * kWriteBufferBytes;
  options.bytes_per_sync = 1u << 20;
  return options;
}

rocksdb::ColumnFamilyOptions family_options(std::size_t place) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = kWriteBufferBytes / 4;
  options.max_write_buffer_number = 3;
  options.level_compaction_dynamic_level_bytes = true;
  options.compression = rocksdb::kLZ4Compression;
  if (place == kByDate || place == kDue) {
    options.max_bytes_for_level_base = 32u << 20;
    options.target_file_size_base = 8u << 20;
  }
  return options;
}

}  // namespace

RawRocks::RawRocks(const std::string& path) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  families.emplace_back(rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions());
  for (const char* const name : kFamilyNames) {
    families.emplace_back(name, family_options(families.size()));
  }
  rocksdb::DB* opened = nullptr;
  check(rocksdb::DB::Open(db_options(), path, families, &handles_, &opened));
  db_.reset(opened);
}

RawRocks::~RawRocks() {
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    (void)db_->DestroyColumnFamilyHandle(handle);
  }
}

rocksdb::WriteBatch RawRocks::put_batch(const std::vector<model::TaskRecord>& records) const {
  rocksdb::WriteBatch batch;
  for (const auto& record : records) {
    const std::string key = task_key(record.task.key);
    check(batch.Put(handles_[kTasks], key, codec::encode_state(record)));
    check(batch.Put(handles_[kTasks], key + '\0', codec::encode_spec(record)));
  }
  for (const auto& record : records) {
    check(batch.Put(handles_[kByDate], date_key(record.task), rocksdb::Slice()));
  }
  for (const auto& record : records) {
    check(batch.Put(handles_[kDue],
                    due_key(model::place_of(record.task), task_key(record.task.key)),
                    due_value(record.task)));
  }
  return batch;
}

rocksdb::WriteBatch RawRocks::commit_batch(const std::vector<Task>& before,
                                           const std::vector<store::Commit>& commits) const {
  // In the order of the keys, as the store does.
  std::map<std::string, std::size_t> by_key;
  for (std::size_t i = 0; i < commits.size(); ++i) by_key[task_key(before[i].key)] = i;
  rocksdb::WriteBatch batch;
  for (const auto& [key, i] : by_key) {
    model::TaskRecord record;
    record.task = commits[i].task;
    record.last_token = commits[i].lease.token;
    check(batch.Put(handles_[kTasks], key, codec::encode_state(record)));
  }
  for (const auto& [key, i] : by_key) check(batch.Delete(handles_[kByDate], date_key(before[i])));
  for (const auto& [key, i] : by_key) {
    check(batch.Put(handles_[kByDate], date_key(commits[i].task), rocksdb::Slice()));
  }
  for (const auto& [key, i] : by_key) {
    check(batch.Delete(handles_[kDue], due_key(model::place_of(before[i]), key)));
  }
  for (const auto& [key, i] : by_key) {
    check(batch.Put(handles_[kDue], due_key(model::place_of(commits[i].task), key),
                    due_value(commits[i].task)));
  }
  for (const auto& [key, i] : by_key) {
    const Log& log = *commits[i].log;
    check(batch.Put(handles_[kLogs], log_key(log.task.ns, log.started_at, log.id),
                    codec::encode_log(log)));
  }
  for (const auto& [key, i] : by_key) {
    const Log& log = *commits[i].log;
    check(
        batch.Put(handles_[kLogRefs],
                  task_logs_prefix(log.task.ns, log.task.id) + time_bytes(log.started_at) + log.id,
                  ref_value(log.expires_at, log.status == LogStatus::kFail)));
  }
  return batch;
}

void RawRocks::write(rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions synced;
  synced.sync = true;
  check(db_->Write(synced, &batch));
}

}  // namespace rhooks::bench

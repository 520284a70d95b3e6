#include "bench/load/raw_store.h"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/uuid.h"
#include "bench/load/workload.h"
#include "codec/stored.h"
#include "model/new_task.h"
#include "model/transitions.h"
#include "store/rocks/keys.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

using namespace store::rocks;

constexpr std::size_t kBatch = 1'000;
constexpr std::size_t kWriteBufferBytes = 64u << 20;
// In the order in which the store writes them.
constexpr std::array<const char*, 4> kFamilyNames{"tasks", "specs", "by_date", "due"};

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

rocksdb::ColumnFamilyOptions family_options(bool index) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = kWriteBufferBytes / 4;
  options.max_write_buffer_number = 3;
  options.level_compaction_dynamic_level_bytes = true;
  options.compression = rocksdb::kLZ4Compression;
  if (index) {
    options.max_bytes_for_level_base = 32u << 20;
    options.target_file_size_base = 8u << 20;
  }
  return options;
}

class RawStore {
 public:
  explicit RawStore(const std::string& path) {
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    families.emplace_back(rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions());
    for (std::size_t i = 0; i < kFamilyNames.size(); ++i) {
      families.emplace_back(kFamilyNames[i], family_options(i >= 2));
    }
    rocksdb::DB* opened = nullptr;
    check(rocksdb::DB::Open(db_options(), path, families, &handles_, &opened));
    db_.reset(opened);
    // As the store does when it is made, so that the log of writes is there.
    rocksdb::WriteBatch first;
    check(first.Put("format", "1"));
    write(first);
  }
  ~RawStore() {
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      (void)db_->DestroyColumnFamilyHandle(handle);
    }
  }
  RawStore(const RawStore&) = delete;
  RawStore& operator=(const RawStore&) = delete;

  rocksdb::WriteBatch batch_of(const std::vector<model::TaskRecord>& records) const {
    std::array<std::vector<std::pair<std::string, std::string>>, 4> entries;
    for (const model::TaskRecord& record : records) {
      const std::string key = task_key(record.task.key);
      entries[0].emplace_back(key, codec::encode_state(record));
      entries[1].emplace_back(key, codec::encode_spec(record));
      entries[2].emplace_back(date_key(record.task), "");
      entries[3].emplace_back(due_key(model::due_at(record.task), key),
                              time_bytes(record.task.scheduled_date));
    }
    rocksdb::WriteBatch batch;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      // The default family is the first handle.
      for (const auto& [key, value] : entries[i]) check(batch.Put(handles_[i + 1], key, value));
    }
    return batch;
  }

  void write(rocksdb::WriteBatch& batch) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    check(db_->Write(synced, &batch));
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

}  // namespace

double raw_store_rate(std::size_t count, std::size_t callers,
                      const std::function<NewTask(std::size_t)>& task) {
  const testing::TempDir dir("rhooks-bench");
  RawStore store(dir.sub("raw"));
  Random random;
  UuidGenerator uuids(random);
  std::vector<rocksdb::WriteBatch> batches;
  for (std::size_t first = 0; first < count; first += kBatch) {
    std::vector<model::TaskRecord> records;
    for (std::size_t n = first; n < std::min(first + kBatch, count); ++n) {
      const TimePoint now = now_ms();
      records.push_back(model::make_record(task(n), now, uuids.v7(now)));
    }
    batches.push_back(store.batch_of(records));
  }
  const double seconds = run_callers(callers, [&](std::size_t caller) {
    for (std::size_t i = caller; i < batches.size(); i += callers) store.write(batches[i]);
  });
  return static_cast<double>(count) / seconds;
}

}  // namespace rhooks::bench

#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <memory>
#include <string>
#include <vector>

#include "model/record.h"
#include "store/store.h"

namespace rhooks::bench {

// RocksDB alone, as the ceiling of the embedded store: with its families, and those of its options
// that writing depends on. A batch holds the records that the store would write, family by family.
// Nothing is looked up. Throws where something fails.
class RawRocks {
 public:
  explicit RawRocks(const std::string& path);
  ~RawRocks();
  RawRocks(const RawRocks&) = delete;
  RawRocks& operator=(const RawRocks&) = delete;

  // New tasks.
  rocksdb::WriteBatch put_batch(const std::vector<model::TaskRecord>& records) const;
  // Outcomes that leave their tasks active, due at another time; `before`: the tasks as they were.
  rocksdb::WriteBatch commit_batch(const std::vector<Task>& before,
                                   const std::vector<store::Commit>& commits) const;
  // Synced.
  void write(rocksdb::WriteBatch& batch);

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

}  // namespace rhooks::bench

#pragma once

#include <rocksdb/db.h>

#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "store/rocks/rocks_store.h"

namespace rhooks::testing {

inline std::unique_ptr<store::Store> open_ok(const std::string& path,
                                             const store::RocksOptions& options = {}) {
  auto store = store::open_rocks(path, options);
  if (!store) throw std::runtime_error(store.error().message);
  return std::move(*store);
}

inline bool put_ok(store::Store& store, const model::TaskRecord& record) {
  const auto results = store.put(std::span(&record, 1));
  return results.at(0).has_value();
}

// The directory as another program sees it, while no store has it open.
class Raw {
 public:
  explicit Raw(const std::string& path) {
    std::vector<std::string> names;
    check(rocksdb::DB::ListColumnFamilies({}, path, &names));
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) {
      families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    }
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    check(rocksdb::DB::Open(rocksdb::DBOptions(), path, families, &handles, &db));
    db_.reset(db);
    for (std::size_t i = 0; i < names.size(); ++i) handles_[names[i]] = handles[i];
  }
  ~Raw() {
    for (const auto& [name, handle] : handles_) (void)db_->DestroyColumnFamilyHandle(handle);
  }

  void put(const std::string& family, const std::string& key, const std::string& value) {
    check(db_->Put(rocksdb::WriteOptions(), handles_.at(family), key, value));
  }
  void remove(const std::string& family, const std::string& key) {
    check(db_->Delete(rocksdb::WriteOptions(), handles_.at(family), key));
  }
  std::map<std::string, std::string> all(const std::string& family) {
    std::map<std::string, std::string> found;
    const std::unique_ptr<rocksdb::Iterator> it(
        db_->NewIterator(rocksdb::ReadOptions(), handles_.at(family)));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      found[it->key().ToString()] = it->value().ToString();
    }
    return found;
  }
  void drop_family(const std::string& name) { check(db_->DropColumnFamily(handles_.at(name))); }
  void create_family(const std::string& name) {
    check(db_->CreateColumnFamily({}, name, &handles_[name]));
  }

 private:
  static void check(const rocksdb::Status& status) {
    if (!status.ok()) throw std::runtime_error(status.ToString());
  }

  std::unique_ptr<rocksdb::DB> db_;
  std::map<std::string, rocksdb::ColumnFamilyHandle*> handles_;
};

}  // namespace rhooks::testing

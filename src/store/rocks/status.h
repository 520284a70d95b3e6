#pragma once

#include <rhooks/result.h>

#include <string>
#include <string_view>

namespace rocksdb {
class Status;
}

namespace rhooks::store::rocks {

// Whether it was the disk that failed: what is stored may well be sound.
bool disk_failed(const rocksdb::Status& status);

// What a failed RocksDB call means here, told by its code and subcode only. `doing` says
// what was tried ("reading a task"). For a write that RocksDB refused or failed see
// Database::write(), which knows whether it may have been applied.
Error translate(const rocksdb::Status& status, std::string_view doing, const std::string& path);

}  // namespace rhooks::store::rocks

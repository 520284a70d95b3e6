#pragma once

#include <rocksdb/env.h>

#include <string>

namespace rhooks::store::rocks {

// Takes RocksDB's own messages: warnings and worse go to our log, the rest is dropped.
//
// RocksDB would otherwise write them to a file beside the data. On a disk that is full that
// file fails too, and writing to it again ends the process by an assertion of the library as
// Debian builds it.
// Threads: called by any thread of RocksDB.
class InfoLog final : public rocksdb::Logger {
 public:
  explicit InfoLog(std::string path)
      : rocksdb::Logger(rocksdb::WARN_LEVEL), path_(std::move(path)) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override;
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override;

 private:
  const std::string path_;
};

}  // namespace rhooks::store::rocks

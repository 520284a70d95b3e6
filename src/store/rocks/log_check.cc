#include "store/rocks/log_check.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <algorithm>
#include <boost/crc.hpp>
#include <charconv>
#include <memory>
#include <string_view>
#include <vector>

#include "store/rocks/status.h"

namespace rhooks::store::rocks {
namespace {

constexpr std::size_t kBlockBytes = 32 * 1024;
constexpr std::size_t kHeadBytes = 7;
constexpr std::size_t kBatchHeadBytes = 12;

enum RecordType : std::uint8_t { kNone = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) {
    value = value << 8 | static_cast<std::uint8_t>(bytes[i - 1]);
  }
  return value;
}

// CRC-32C (RFC 3720, section 12.1). RocksDB's own is not public.
std::uint32_t crc32c(std::string_view bytes) {
  boost::crc_optimal<32, 0x1edc6f41, 0xffffffff, 0xffffffff, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

struct Record {
  RecordType type = kNone;
  std::string_view payload;

  std::size_t size() const { return kHeadBytes + payload.size(); }
  bool begins_a_write() const { return type == kFull || type == kFirst; }
  bool ends_a_write() const { return type == kFull || type == kLast; }
};

// The record at the beginning of `rest`, which is what is left of a block.
std::optional<Record> record_at(std::string_view rest) {
  if (rest.size() < kHeadBytes) return std::nullopt;
  const auto type = static_cast<std::uint8_t>(rest[6]);
  const std::size_t size = little_endian(rest.substr(4, 2));
  if (type < kFull || type > kLast || size > rest.size() - kHeadBytes) return std::nullopt;
  // Masked, since the payload may hold CRCs itself.
  const std::uint32_t crc = crc32c(rest.substr(6, size + 1));
  const std::uint32_t masked = (crc >> 15 | crc << 17) + 0xa282ead8u;
  if (masked != little_endian(rest.substr(0, 4))) return std::nullopt;
  return Record{static_cast<RecordType>(type), rest.substr(kHeadBytes, size)};
}

// Where to go on behind a bad record: behind it, if its size leads to a good one, otherwise where
// the next write begins.
std::size_t next_good(std::string_view block, std::size_t bad) {
  const std::string_view rest = block.substr(bad);
  if (rest.size() < kHeadBytes) return block.size();
  const std::size_t behind = bad + kHeadBytes + little_endian(rest.substr(4, 2));
  if (behind < block.size() && record_at(block.substr(behind))) return behind;
  for (std::size_t at = bad + 1; at + kHeadBytes + kBatchHeadBytes <= block.size(); ++at) {
    const char type = block[at + 6];
    if ((type == kFull || type == kFirst) && record_at(block.substr(at))) return at;
  }
  return block.size();
}

// Goes through the logs, oldest first.
class LogWalk {
 public:
  void begin_file(std::string name) {
    file_ = std::move(name);
    offset_ = 0;
    bad_here_ = false;
    head_.reset();
  }

  void block(std::string_view bytes) {
    for (std::size_t at = 0; at + kHeadBytes <= bytes.size();) {
      if (const auto record = record_at(bytes.substr(at))) {
        take(*record);
        at += record->size();
      } else {
        head_.reset();
        bad_here_ = true;
        if (!bad_) bad_ = LogDamage{file_, offset_ + at, 0};
        at = next_good(bytes, at);
      }
    }
    offset_ += bytes.size();
  }

  std::optional<LogDamage> damage() const {
    return bad_ && bad_->following > 0 ? bad_ : std::nullopt;
  }

 private:
  void take(const Record& record) {
    if (record.begins_a_write()) head_ = std::string();
    if (!head_) return;  // the rest of a write whose beginning is bad
    if (head_->size() < kBatchHeadBytes) {
      head_->append(record.payload.substr(0, kBatchHeadBytes - head_->size()));
      if (head_->size() == kBatchHeadBytes)
        found(little_endian(std::string_view(*head_).substr(0, 8)));
    }
    if (!record.ends_a_write()) return;
    if (head_->size() == kBatchHeadBytes) {
      const std::string_view head = *head_;
      next_sequence_ = little_endian(head.substr(0, 8)) + little_endian(head.substr(8, 4));
    }
    head_.reset();
  }

  void found(std::uint64_t sequence) {
    if (!bad_) return;
    // A later log that goes on where the good writes ended: the bad one was torn, and the database
    // was opened and written to after it.
    if (!bad_here_ && bad_->following == 0 && (!next_sequence_ || sequence <= *next_sequence_)) {
      bad_.reset();
    } else {
      ++bad_->following;
    }
  }

  std::string file_;
  std::uint64_t offset_ = 0;         // of the block
  bool bad_here_ = false;            // in this file
  std::optional<LogDamage> bad_;     // the first one that is not explained
  std::optional<std::string> head_;  // of the write that has begun, as far as it was read
  std::optional<std::uint64_t> next_sequence_;  // after the last whole write
};

// "000012.log" -> 12
std::optional<std::uint64_t> log_number(std::string_view name) {
  if (!name.ends_with(".log")) return std::nullopt;
  name.remove_suffix(4);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

class Silent final : public rocksdb::Logger {
 public:
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// Notes which logs are opened to be read.
class WatchedLogs final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;

  const char* Name() const override { return "WatchedLogs"; }
  rocksdb::IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override {
    const auto number = log_number(std::string_view(path).substr(path.rfind('/') + 1));
    if (number) oldest_ = std::min(oldest_.value_or(*number), *number);
    return target()->NewSequentialFile(path, options, file, debug);
  }
  std::optional<std::uint64_t> oldest() const { return oldest_; }

 private:
  std::optional<std::uint64_t> oldest_;
};

}  // namespace

Result<std::optional<std::uint64_t>> oldest_log_in_use(
    rocksdb::DBOptions options, const std::string& path,
    const std::vector<rocksdb::ColumnFamilyDescriptor>& families) {
  const auto logs = std::make_shared<WatchedLogs>(options.env->GetFileSystem());
  const auto env = rocksdb::NewCompositeEnv(logs);
  options.env = env.get();
  options.info_log = std::make_shared<Silent>();  // opening it to be used says the same again
  options.listeners.clear();
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::OpenForReadOnly(options, path, families, &handles, &opened);
  const std::unique_ptr<rocksdb::DB> db(opened);
  if (!status.ok()) return fail(translate(status, "reading which of its logs are in use", path));
  for (rocksdb::ColumnFamilyHandle* handle : handles) (void)db->DestroyColumnFamilyHandle(handle);
  return logs->oldest();
}

Result<std::optional<LogDamage>> find_damage(rocksdb::Env& env, const std::string& path,
                                             std::uint64_t oldest) {
  std::vector<std::string> names;
  if (const auto listed = env.GetChildren(path, &names); !listed.ok()) {
    return fail(translate(listed, "listing its logs", path));
  }
  std::vector<std::pair<std::uint64_t, std::string>> logs;
  for (const std::string& name : names) {
    const auto number = log_number(name);
    if (number && *number >= oldest) logs.emplace_back(*number, name);
  }
  std::sort(logs.begin(), logs.end());

  LogWalk walk;
  std::string scratch(kBlockBytes, '\0');
  for (const auto& [number, name] : logs) {
    std::unique_ptr<rocksdb::SequentialFile> file;
    auto status = env.NewSequentialFile(path + "/" + name, &file, rocksdb::EnvOptions());
    walk.begin_file(name);
    while (status.ok()) {
      rocksdb::Slice read;
      status = file->Read(kBlockBytes, &read, scratch.data());
      if (!status.ok() || read.empty()) break;
      walk.block({read.data(), read.size()});
      if (read.size() < kBlockBytes) break;
    }
    if (!status.ok()) return fail(translate(status, "reading its log " + name, path));
  }
  return walk.damage();
}

}  // namespace rhooks::store::rocks

#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace rhooks::testing {

// A file system that runs full when told: appends then write a part and fail, as a real one
// does, and so do syncs and new files. It has other faults of disks, too.
class FullDisk final : public rocksdb::FileSystemWrapper {
 public:
  FullDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  const char* Name() const override { return "rhooks.FullDisk"; }
  void set_full(bool full) { full_ = full; }
  // Writes arrive whole, but syncs fail: what failed may be there after all.
  void set_sync_fails(bool fails) { sync_fails_ = fails; }
  // What the file system says is free; negative: the truth.
  void set_free_bytes(std::int64_t bytes) { free_bytes_ = bytes; }
  // A bad sector: what was written with this text in it cannot be read, until it is set to
  // nothing. To be set while no database is open.
  void set_unreadable(std::string marker) { unreadable_ = std::move(marker); }
  // Env for RocksOptions over this file system.
  static std::unique_ptr<rocksdb::Env> env(const std::shared_ptr<FullDisk>& disk) {
    return rocksdb::NewCompositeEnv(disk);
  }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* dbg) override {
    if (full_) return no_space();
    return wrap(FileSystemWrapper::NewWritableFile(name, options, file, dbg), file);
  }
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* dbg) override {
    if (full_) return no_space();
    return wrap(FileSystemWrapper::ReopenWritableFile(name, options, file, dbg), file);
  }
  rocksdb::IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* dbg) override {
    if (full_) return no_space();
    return wrap(FileSystemWrapper::ReuseWritableFile(name, old_name, options, file, dbg), file);
  }
  rocksdb::IOStatus NewRandomAccessFile(const std::string& name,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* dbg) override {
    auto status = FileSystemWrapper::NewRandomAccessFile(name, options, file, dbg);
    if (status.ok()) *file = std::make_unique<ReadFile>(std::move(*file), *this);
    return status;
  }
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options,
                                 std::uint64_t* free, rocksdb::IODebugContext* dbg) override {
    const std::int64_t bytes = free_bytes_;
    if (bytes < 0) return FileSystemWrapper::GetFreeSpace(path, options, free, dbg);
    *free = static_cast<std::uint64_t>(bytes);
    return rocksdb::IOStatus::OK();
  }

 private:
  class ReadFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
   public:
    ReadFile(std::unique_ptr<rocksdb::FSRandomAccessFile>&& file, const FullDisk& disk)
        : FSRandomAccessFileOwnerWrapper(std::move(file)), disk_(disk) {}

    rocksdb::IOStatus Read(std::uint64_t offset, std::size_t size,
                           const rocksdb::IOOptions& options, rocksdb::Slice* result, char* scratch,
                           rocksdb::IODebugContext* dbg) const override {
      auto status =
          FSRandomAccessFileOwnerWrapper::Read(offset, size, options, result, scratch, dbg);
      const std::string& marker = disk_.unreadable_;
      if (status.ok() && !marker.empty() &&
          std::string_view(result->data(), result->size()).find(marker) != std::string_view::npos) {
        return rocksdb::IOStatus::IOError("scripted: bad sector");
      }
      return status;
    }
    rocksdb::IOStatus MultiRead(rocksdb::FSReadRequest* requests, std::size_t count,
                                const rocksdb::IOOptions& options,
                                rocksdb::IODebugContext* dbg) override {
      for (std::size_t i = 0; i < count; ++i) {
        rocksdb::FSReadRequest& one = requests[i];
        one.status = Read(one.offset, one.len, options, &one.result, one.scratch, dbg);
      }
      return rocksdb::IOStatus::OK();
    }

   private:
    const FullDisk& disk_;
  };

  class File final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSWritableFile>&& file, const FullDisk& disk)
        : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk) {}

    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* dbg) override {
      if (!disk_.full_) return FSWritableFileOwnerWrapper::Append(data, options, dbg);
      (void)FSWritableFileOwnerWrapper::Append({data.data(), data.size() / 2}, options, dbg);
      return no_space();
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo& /*verification*/,
                             rocksdb::IODebugContext* dbg) override {
      return Append(data, options, dbg);
    }
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* dbg) override {
      return disk_.full_ || disk_.sync_fails_ ? no_space()
                                              : FSWritableFileOwnerWrapper::Sync(options, dbg);
    }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                            rocksdb::IODebugContext* dbg) override {
      return disk_.full_ || disk_.sync_fails_ ? no_space()
                                              : FSWritableFileOwnerWrapper::Fsync(options, dbg);
    }

   private:
    const FullDisk& disk_;
  };

  static rocksdb::IOStatus no_space() {
    auto status = rocksdb::IOStatus::NoSpace("scripted");
    status.SetRetryable(true);  // as the real file system says
    return status;
  }

  rocksdb::IOStatus wrap(rocksdb::IOStatus status, std::unique_ptr<rocksdb::FSWritableFile>* file) {
    if (status.ok()) *file = std::make_unique<File>(std::move(*file), *this);
    return status;
  }

  std::atomic<bool> full_{false};
  std::atomic<bool> sync_fails_{false};
  std::atomic<std::int64_t> free_bytes_{-1};
  std::string unreadable_;
};

}  // namespace rhooks::testing

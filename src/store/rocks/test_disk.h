#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>
#include <string>

namespace rhooks::testing {

// A file system that runs full when told: appends then write a part and fail, as a real one
// does, and so do syncs and new files.
class FullDisk final : public rocksdb::FileSystemWrapper {
 public:
  FullDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  const char* Name() const override { return "rhooks.FullDisk"; }
  void set_full(bool full) { full_ = full; }
  // Writes arrive whole, but syncs fail: what failed may be there after all.
  void set_sync_fails(bool fails) { sync_fails_ = fails; }
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

 private:
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
};

}  // namespace rhooks::testing

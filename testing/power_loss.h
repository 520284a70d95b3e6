#pragma once

#include <rocksdb/file_system.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace rhooks::testing {

// A disk in memory that knows what a machine without power keeps of it.
//
// Of a file that is its synced beginning, and of the rest what chance gives: nothing, all or a
// part; of logs of writes (*.log) also blocks that are torn, zeroed or missing. Of other files
// not, as file systems that write data before sizes have it: RocksDB 7.8 does not open a store
// by itself whose MANIFEST was being appended to and ends in a block of zeros. Syncing a file says
// nothing of its name: names (files and directories created, renamed, deleted) are a directory's,
// and only syncing the directory keeps them. Of the later changes of each directory the first few
// are kept, as many as chance gives, as by a file system with a journal. Directories that nobody
// created here are taken to have been there before. RangeSync keeps nothing; Linux promises no
// more.
//
// Threads: every method may be called from any thread.
class PowerLoss final : public rocksdb::FileSystem {
 public:
  // Whose operations cut_power_after() counts.
  enum class Count { kCallingThread, kAll };

  const char* Name() const override { return "rhooks.PowerLoss"; }

  // The process that has files open dies, and the machine goes on: what was written is there,
  // and all that was opened before fails.
  void end_process();
  // The machine loses power and gets it back. What was opened before fails.
  void lose_power(std::uint64_t seed);

  // After so many changes (appends, syncs, creations, renames, deletions) power goes in the
  // middle of one: it is done in part, or not, and everything fails until lose_power() or
  // end_process().
  void cut_power_after(std::uint64_t changes, std::uint64_t seed,
                       Count count = Count::kCallingThread);
  void cancel_cut();
  // Whether that happened.
  bool cut() const;
  // Changes until now, by all threads.
  std::uint64_t changes() const;
  // Called when all that is open begins to fail, by the thread that met it; nothing: no more.
  void on_dead(const void* whose, std::function<void()> callback);

  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions&,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext*) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& name, const rocksdb::FileOptions&,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext*) override;
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions&,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext*) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions&,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext*) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                                      const rocksdb::FileOptions&,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext*) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions&,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext*) override;
  rocksdb::IOStatus FileExists(const std::string& name, const rocksdb::IOOptions&,
                               rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetChildren(const std::string& directory, const rocksdb::IOOptions&,
                                std::vector<std::string>* names, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions&,
                               rocksdb::IODebugContext*) override;
  rocksdb::IOStatus CreateDir(const std::string& name, const rocksdb::IOOptions&,
                              rocksdb::IODebugContext*) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string& name, const rocksdb::IOOptions&,
                                       rocksdb::IODebugContext*) override;
  rocksdb::IOStatus DeleteDir(const std::string& name, const rocksdb::IOOptions&,
                              rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetFileSize(const std::string& name, const rocksdb::IOOptions&,
                                std::uint64_t* size, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetFileModificationTime(const std::string& name, const rocksdb::IOOptions&,
                                            std::uint64_t* time, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions&, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus LockFile(const std::string& name, const rocksdb::IOOptions&,
                             rocksdb::FileLock** lock, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus UnlockFile(rocksdb::FileLock* lock, const rocksdb::IOOptions&,
                               rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetTestDirectory(const rocksdb::IOOptions&, std::string* path,
                                     rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetAbsolutePath(const std::string& path, const rocksdb::IOOptions&,
                                    std::string* absolute, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus IsDirectory(const std::string& path, const rocksdb::IOOptions&, bool* is,
                                rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions&,
                                 std::uint64_t* free, rocksdb::IODebugContext*) override;

 private:
  class SequentialFile;
  class RandomAccessFile;
  class WritableFile;
  class Directory;
  struct Lock;

  // What a name leads to; a directory has no data.
  struct Node {
    bool directory = false;
    std::string data;
    std::size_t synced = 0;  // so much of the beginning survives
  };
  using Names = std::map<std::string, std::shared_ptr<Node>>;

  // A change of names that its directory was not synced after.
  struct NameChange {
    std::string directory;
    std::string name;
    std::shared_ptr<Node> node;  // nullptr: the name is gone
    std::string also_gone;       // a rename: the old name
  };

  // All of these expect mutex_ to be held.
  bool dead(std::uint64_t process) const { return cut_ || process != process_; }
  // Counts a change; false: power went in the middle of it, or before.
  enum class Power { kOn, kGoes, kOff };
  Power change(std::uint64_t process);
  std::size_t part(std::size_t size);  // of the change in which power goes
  std::shared_ptr<Node> find(const std::string& name) const;
  void set_name(const std::string& name, std::shared_ptr<Node> node,
                const std::string& also_gone = {});
  static void apply(const NameChange& change, Names& names);
  static void tear(Node& node, bool blocks, std::mt19937_64& random);
  rocksdb::IOStatus open_writable(const std::string& name, bool keep,
                                  std::unique_ptr<rocksdb::FSWritableFile>* file);

  void tell_dead();  // without mutex_

  mutable std::mutex mutex_;
  std::uint64_t process_ = 0;  // those that had files open are numbered
  Names names_;                // as the process sees them
  Names durable_;
  std::vector<NameChange> unsynced_;  // in their order
  std::set<std::string> made_;        // directories
  std::set<std::string> locks_;

  std::uint64_t changes_ = 0;
  std::optional<std::uint64_t> cut_after_;
  Count cut_counts_ = Count::kAll;
  std::thread::id cut_thread_;
  bool cut_ = false;
  std::mt19937_64 cut_random_;

  std::mutex dead_mutex_;
  std::map<const void*, std::function<void()>> on_dead_;
};

}  // namespace rhooks::testing

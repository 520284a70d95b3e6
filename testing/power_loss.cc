#include "testing/power_loss.h"

#include <algorithm>
#include <cstring>

namespace rhooks::testing {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

namespace {

IOStatus no_power() {
  return IOStatus::IOError("scripted: the power is off");
}

// Paths as RocksDB and the store make them differ in slashes only.
std::string clean(const std::string& path) {
  std::string result;
  for (const char c : path) {
    if (c != '/' || result.empty() || result.back() != '/') result.push_back(c);
  }
  if (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return "";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::size_t any_below(std::mt19937_64& random, std::size_t n) {
  return static_cast<std::size_t>(random() % n);
}

}  // namespace

struct PowerLoss::Lock final : rocksdb::FileLock {
  std::string name;
  std::uint64_t process = 0;
};

class PowerLoss::SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  SequentialFile(PowerLoss& disk, std::shared_ptr<Node> node)
      : disk_(disk), node_(std::move(node)), process_(disk.process_) {}

  IOStatus Read(std::size_t size, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) override {
    std::lock_guard lock(disk_.mutex_);
    if (disk_.dead(process_)) return no_power();
    const std::size_t begin = std::min(at_, node_->data.size());
    const std::size_t count = std::min(size, node_->data.size() - begin);
    std::memcpy(scratch, node_->data.data() + begin, count);
    *result = Slice(scratch, count);
    at_ = begin + count;
    return IOStatus::OK();
  }
  IOStatus Skip(std::uint64_t size) override {
    at_ += static_cast<std::size_t>(size);
    return IOStatus::OK();
  }

 private:
  PowerLoss& disk_;
  const std::shared_ptr<Node> node_;
  const std::uint64_t process_;
  std::size_t at_ = 0;
};

class PowerLoss::RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  RandomAccessFile(PowerLoss& disk, std::shared_ptr<Node> node)
      : disk_(disk), node_(std::move(node)), process_(disk.process_) {}

  IOStatus Read(std::uint64_t offset, std::size_t size, const IOOptions&, Slice* result,
                char* scratch, IODebugContext*) const override {
    std::lock_guard lock(disk_.mutex_);
    if (disk_.dead(process_)) return no_power();
    const std::size_t begin = std::min(static_cast<std::size_t>(offset), node_->data.size());
    const std::size_t count = std::min(size, node_->data.size() - begin);
    std::memcpy(scratch, node_->data.data() + begin, count);
    *result = Slice(scratch, count);
    return IOStatus::OK();
  }

 private:
  PowerLoss& disk_;
  const std::shared_ptr<Node> node_;
  const std::uint64_t process_;
};

class PowerLoss::WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(PowerLoss& disk, std::shared_ptr<Node> node)
      : disk_(disk), node_(std::move(node)), process_(disk.process_) {}

  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    return change([&](bool whole) {
      node_->data.append(data.data(), whole ? data.size() : disk_.part(data.size()));
    });
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* dbg) override {
    return Append(data, options, dbg);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions&, IODebugContext*) override {
    return change([&](bool whole) {
      if (!whole) return;
      node_->data.resize(static_cast<std::size_t>(size));
      node_->synced = std::min(node_->synced, node_->data.size());
    });
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override {
    std::lock_guard lock(disk_.mutex_);
    return disk_.dead(process_) ? no_power() : IOStatus::OK();
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* dbg) override {
    return Close(options, dbg);
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return change([&](bool whole) {
      if (whole) node_->synced = node_->data.size();
    });
  }
  bool IsSyncThreadSafe() const override { return true; }
  std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override {
    std::lock_guard lock(disk_.mutex_);
    return node_->data.size();
  }

 private:
  template <typename Do>
  IOStatus change(const Do& act) {
    Power power;
    {
      std::lock_guard lock(disk_.mutex_);
      power = disk_.change(process_);
      if (power != Power::kOff) act(power == Power::kOn);
    }
    if (power == Power::kGoes) disk_.tell_dead();
    return power == Power::kOn ? IOStatus::OK() : no_power();
  }

  PowerLoss& disk_;
  const std::shared_ptr<Node> node_;
  const std::uint64_t process_;
};

class PowerLoss::Directory final : public rocksdb::FSDirectory {
 public:
  Directory(PowerLoss& disk, std::string name)
      : disk_(disk), name_(std::move(name)), process_(disk.process_) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    Power power;
    {
      std::lock_guard lock(disk_.mutex_);
      power = disk_.change(process_);
      if (power == Power::kOn) {
        std::erase_if(disk_.unsynced_, [&](const NameChange& one) {
          if (one.directory != name_) return false;
          apply(one, disk_.durable_);
          return true;
        });
      }
    }
    if (power == Power::kGoes) disk_.tell_dead();
    return power == Power::kOn ? IOStatus::OK() : no_power();
  }

 private:
  PowerLoss& disk_;
  const std::string name_;
  const std::uint64_t process_;
};

void PowerLoss::end_process() {
  {
    std::lock_guard lock(mutex_);
    ++process_;
    locks_.clear();
    cut_after_.reset();
    cut_ = false;
  }
  tell_dead();
}

void PowerLoss::lose_power(std::uint64_t seed) {
  end_process();
  std::lock_guard lock(mutex_);
  std::mt19937_64 random(seed);
  std::map<std::string, std::size_t> left;  // of each directory's changes
  for (const NameChange& one : unsynced_) ++left[one.directory];
  for (auto& [directory, count] : left) {
    switch (any_below(random, 3)) {
      case 0:
        count = 0;
        break;
      case 1:
        break;
      default:
        count = any_below(random, count + 1);
    }
  }
  for (const NameChange& one : unsynced_) {
    std::size_t& more = left[one.directory];
    if (more == 0) continue;
    --more;
    apply(one, durable_);
  }
  unsynced_.clear();
  // What is in a directory that is not there is not there; parents sort before what they hold.
  std::erase_if(durable_, [&](const auto& entry) {
    const std::string parent = parent_of(entry.first);
    return made_.contains(parent) && !durable_.contains(parent);
  });
  for (const auto& [name, node] : durable_) {
    const std::uint64_t of_this = random();
    std::mt19937_64 own(of_this);
    tear(*node, name.ends_with(".log"), own);
  }
  names_ = durable_;
}

// What becomes of a file whose end was not synced.
void PowerLoss::tear(Node& node, bool blocks, std::mt19937_64& random) {
  std::string& data = node.data;
  const std::size_t size = data.size();
  const std::size_t unsynced = size - node.synced;
  if (unsynced > 0) {
    const std::size_t block = random() % 2 == 0 ? 512 : 4096;
    const std::size_t cut = node.synced + any_below(random, unsynced + 1);
    // The first byte of the block that `cut` lies in, but never a synced one.
    const std::size_t edge = std::max(node.synced, cut / block * block);
    const std::size_t block_end = std::min(size, (cut / block + 1) * block);
    const auto zero = [&](std::size_t from, std::size_t to) {
      std::fill(data.begin() + static_cast<std::ptrdiff_t>(from),
                data.begin() + static_cast<std::ptrdiff_t>(to), '\0');
    };
    switch (any_below(random, blocks ? 8 : 4)) {
      case 0:
        data.resize(node.synced);
        break;
      case 1:
        break;
      case 2:
        data.resize(cut);
        break;
      case 3:
        data.resize(edge);
        break;
      case 4:  // the file has grown, its last block has not arrived
        data.resize(block_end);
        zero(edge, block_end);
        break;
      case 5:  // half of a block is of something else
        data.resize(block_end);
        for (std::size_t i = cut; i < block_end; ++i) data[i] = static_cast<char>(random());
        break;
      case 6:
        zero(edge, block_end);
        break;  // a block is missing, those behind it are there
      default:
        zero(edge, size);  // the file has grown, its data have not arrived
    }
  }
  node.synced = data.size();
}

void PowerLoss::cut_power_after(std::uint64_t changes, std::uint64_t seed, Count count) {
  std::lock_guard lock(mutex_);
  cut_after_ = changes;
  cut_counts_ = count;
  cut_thread_ = std::this_thread::get_id();
  cut_random_.seed(seed);
}

void PowerLoss::cancel_cut() {
  std::lock_guard lock(mutex_);
  cut_after_.reset();
}

bool PowerLoss::cut() const {
  std::lock_guard lock(mutex_);
  return cut_;
}

std::uint64_t PowerLoss::changes() const {
  std::lock_guard lock(mutex_);
  return changes_;
}

void PowerLoss::on_dead(const void* whose, std::function<void()> callback) {
  std::lock_guard lock(dead_mutex_);
  if (callback) {
    on_dead_[whose] = std::move(callback);
  } else {
    on_dead_.erase(whose);
  }
}

void PowerLoss::tell_dead() {
  std::lock_guard lock(dead_mutex_);
  for (const auto& [whose, callback] : on_dead_) callback();
}

PowerLoss::Power PowerLoss::change(std::uint64_t process) {
  if (dead(process)) return Power::kOff;
  ++changes_;
  if (!cut_after_) return Power::kOn;
  if (cut_counts_ == Count::kCallingThread && std::this_thread::get_id() != cut_thread_) {
    return Power::kOn;
  }
  if (*cut_after_ > 0) {
    --*cut_after_;
    return Power::kOn;
  }
  cut_after_.reset();
  cut_ = true;
  return Power::kGoes;
}

std::size_t PowerLoss::part(std::size_t size) {
  return any_below(cut_random_, size + 1);
}

std::shared_ptr<PowerLoss::Node> PowerLoss::find(const std::string& name) const {
  const auto found = names_.find(clean(name));
  return found == names_.end() ? nullptr : found->second;
}

void PowerLoss::apply(const NameChange& change, Names& names) {
  if (!change.also_gone.empty()) names.erase(change.also_gone);
  if (change.node) {
    names[change.name] = change.node;
  } else {
    names.erase(change.name);
  }
}

void PowerLoss::set_name(const std::string& name, std::shared_ptr<Node> node,
                         const std::string& also_gone) {
  unsynced_.push_back({parent_of(name), name, std::move(node), also_gone});
  apply(unsynced_.back(), names_);
}

IOStatus PowerLoss::NewSequentialFile(const std::string& name, const FileOptions&,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      IODebugContext*) {
  std::lock_guard lock(mutex_);
  if (cut_) return no_power();
  auto node = find(name);
  if (!node) return IOStatus::PathNotFound(name);
  *file = std::make_unique<SequentialFile>(*this, std::move(node));
  return IOStatus::OK();
}

IOStatus PowerLoss::NewRandomAccessFile(const std::string& name, const FileOptions&,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        IODebugContext*) {
  std::lock_guard lock(mutex_);
  if (cut_) return no_power();
  auto node = find(name);
  if (!node) return IOStatus::PathNotFound(name);
  *file = std::make_unique<RandomAccessFile>(*this, std::move(node));
  return IOStatus::OK();
}

IOStatus PowerLoss::open_writable(const std::string& name, bool keep,
                                  std::unique_ptr<rocksdb::FSWritableFile>* file) {
  Power power = Power::kOn;
  {
    std::lock_guard lock(mutex_);
    if (cut_) return no_power();
    auto node = find(name);
    if (!keep || !node) {
      power = change(process_);
      // A name that was made at the very end: chance decides when power is back.
      node = std::make_shared<Node>();
      if (power != Power::kOff) set_name(clean(name), node);
    }
    *file = std::make_unique<WritableFile>(*this, std::move(node));
  }
  if (power == Power::kGoes) tell_dead();
  return power == Power::kOn ? IOStatus::OK() : no_power();
}

IOStatus PowerLoss::NewWritableFile(const std::string& name, const FileOptions&,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    IODebugContext*) {
  return open_writable(name, false, file);
}

IOStatus PowerLoss::ReopenWritableFile(const std::string& name, const FileOptions&,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       IODebugContext*) {
  return open_writable(name, true, file);
}

IOStatus PowerLoss::ReuseWritableFile(const std::string& name, const std::string& old_name,
                                      const FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      IODebugContext* dbg) {
  auto renamed = RenameFile(old_name, name, IOOptions(), dbg);
  return renamed.ok() ? NewWritableFile(name, options, file, dbg) : renamed;
}

IOStatus PowerLoss::NewDirectory(const std::string& name, const IOOptions&,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 IODebugContext*) {
  std::lock_guard lock(mutex_);
  if (cut_) return no_power();
  *directory = std::make_unique<Directory>(*this, clean(name));
  return IOStatus::OK();
}

IOStatus PowerLoss::FileExists(const std::string& name, const IOOptions&, IODebugContext*) {
  std::lock_guard lock(mutex_);
  if (cut_) return no_power();
  return find(name) ? IOStatus::OK() : IOStatus::NotFound();
}

IOStatus PowerLoss::GetChildren(const std::string& directory, const IOOptions&,
                                std::vector<std::string>* names, IODebugContext*) {
  std::lock_guard lock(mutex_);
  if (cut_) return no_power();
  const std::string parent = clean(directory);
  names->clear();
  for (const auto& [name, node] : names_) {
    if (parent_of(name) == parent) names->push_back(name.substr(name.rfind('/') + 1));
  }
  if (names->empty() && !find(parent)) return IOStatus::PathNotFound(directory);
  return IOStatus::OK();
}

IOStatus PowerLoss::DeleteFile(const std::string& name, const IOOptions&, IODebugContext*) {
  return RenameFile(name, "", IOOptions(), nullptr);
}

IOStatus PowerLoss::DeleteDir(const std::string& name, const IOOptions&, IODebugContext*) {
  return RenameFile(name, "", IOOptions(), nullptr);
}

IOStatus PowerLoss::CreateDir(const std::string& name, const IOOptions&, IODebugContext*) {
  Power power;
  {
    std::lock_guard lock(mutex_);
    if (cut_) return no_power();
    if (find(name)) return IOStatus::IOError("it exists", name);
    power = change(process_);
    auto node = std::make_shared<Node>();
    node->directory = true;
    made_.insert(clean(name));
    if (power != Power::kOff) set_name(clean(name), std::move(node));
  }
  if (power == Power::kGoes) tell_dead();
  return power == Power::kOn ? IOStatus::OK() : no_power();
}

IOStatus PowerLoss::CreateDirIfMissing(const std::string& name, const IOOptions& options,
                                       IODebugContext* dbg) {
  return FileExists(name, options, dbg).ok() ? IOStatus::OK() : CreateDir(name, options, dbg);
}

IOStatus PowerLoss::GetFileSize(const std::string& name, const IOOptions&, std::uint64_t* size,
                                IODebugContext*) {
  std::lock_guard lock(mutex_);
  if (cut_) return no_power();
  const auto node = find(name);
  if (!node) return IOStatus::PathNotFound(name);
  *size = node->data.size();
  return IOStatus::OK();
}

IOStatus PowerLoss::GetFileModificationTime(const std::string& name, const IOOptions&,
                                            std::uint64_t* time, IODebugContext*) {
  std::lock_guard lock(mutex_);
  if (cut_) return no_power();
  if (!find(name)) return IOStatus::PathNotFound(name);
  *time = 0;
  return IOStatus::OK();
}

// Deletes where `to` is empty.
IOStatus PowerLoss::RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                               IODebugContext*) {
  Power power;
  {
    std::lock_guard lock(mutex_);
    if (cut_) return no_power();
    auto node = find(from);
    if (!node) return IOStatus::PathNotFound(from);
    power = change(process_);
    if (power == Power::kOff) return no_power();
    if (to.empty()) {
      set_name(clean(from), nullptr);
    } else {
      set_name(clean(to), std::move(node), clean(from));
    }
  }
  if (power == Power::kGoes) tell_dead();
  return power == Power::kOn ? IOStatus::OK() : no_power();
}

IOStatus PowerLoss::LockFile(const std::string& name, const IOOptions&, rocksdb::FileLock** lock,
                             IODebugContext*) {
  std::lock_guard guard(mutex_);
  if (cut_) return no_power();
  if (!locks_.insert(clean(name)).second) return IOStatus::IOError("locked", name);
  auto made = std::make_unique<Lock>();
  made->name = clean(name);
  made->process = process_;
  *lock = made.release();
  return IOStatus::OK();
}

IOStatus PowerLoss::UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) {
  const std::unique_ptr<Lock> own(static_cast<Lock*>(lock));
  std::lock_guard guard(mutex_);
  if (own->process == process_) locks_.erase(own->name);
  return IOStatus::OK();
}

IOStatus PowerLoss::GetTestDirectory(const IOOptions&, std::string* path, IODebugContext*) {
  *path = "/test";
  return IOStatus::OK();
}

IOStatus PowerLoss::GetAbsolutePath(const std::string& path, const IOOptions&,
                                    std::string* absolute, IODebugContext*) {
  *absolute = path;
  return IOStatus::OK();
}

IOStatus PowerLoss::IsDirectory(const std::string& path, const IOOptions&, bool* is,
                                IODebugContext*) {
  std::lock_guard lock(mutex_);
  const auto node = find(path);
  *is = node && node->directory;
  return IOStatus::OK();
}

IOStatus PowerLoss::GetFreeSpace(const std::string&, const IOOptions&, std::uint64_t* free,
                                 IODebugContext*) {
  *free = std::uint64_t{1} << 40;
  return IOStatus::OK();
}

}  // namespace rhooks::testing

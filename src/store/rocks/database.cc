#include "store/rocks/database.h"

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <utility>

#include "observe/logging.h"
#include "store/rocks/info_log.h"
#include "store/rocks/keys.h"
#include "store/rocks/log_check.h"
#include "store/rocks/status.h"

namespace rhooks::store::rocks {
namespace {

// In the order of Family. Renaming one is a change of format.
constexpr std::array<const char*, kFamilies> kFamilyNames{
    "tasks", "specs", "due", "ends", "by_date", "logs", "log_refs", "damaged", "documents", "meta"};
constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kProbeKey = "probe";

// What opening writes besides the contents of the logs: manifest, options, a new log.
constexpr std::size_t kReopenBytes = 4u << 20;

// RocksDB syncs what is in its directory, but not where the directory itself is listed: a power
// cut could take a new store with all that was acknowledged. Those above are synced as well,
// since they may be as new. One that may not be opened was not made by us.
void sync_directories_above(rocksdb::Env& env, const std::string& path) {
  std::error_code error;
  std::filesystem::path directory = std::filesystem::absolute(path, error).lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();
  while (!error && directory.has_relative_path()) {
    directory = directory.parent_path();
    std::unique_ptr<rocksdb::Directory> opened;
    if (!env.NewDirectory(directory.string(), &opened).ok()) continue;
    const auto synced = opened->Fsync();
    if (!synced.ok()) {
      log::warn("a directory above the store cannot be synced",
                {{"path", directory.string()}, {"error", synced.ToString()}});
    }
  }
}

// `what` could not be done to the directory.
Error directory_error(const std::string& path, const std::string& what, int error) {
  std::string message =
      "the store directory '" + path + "' cannot be " + what + ": " + std::strerror(error);
  if (error == EACCES) {
    message += "; run rhooks as the user who owns it, or let this one read and write there";
  }
  return Error{ErrorCode::kUnavailable, std::move(message), {}};
}

// Makes the directory for its owner alone: what is stored has tokens in it, and whoever can open
// the files can hold their locks. One that is there already is taken as it is.
Result<void> make_directory(const std::string& path) {
  std::error_code failed;
  const auto above = std::filesystem::path(path).lexically_normal().parent_path();
  if (!above.empty()) std::filesystem::create_directories(above, failed);
  if (failed) return fail(directory_error(path, "entered or created", failed.value()));
  if (::mkdir(path.c_str(), S_IRWXU) == 0) return {};
  struct stat found {};
  if (errno != EEXIST || ::stat(path.c_str(), &found) != 0) {
    return fail(directory_error(path, "entered or created", errno));
  }
  if (!S_ISDIR(found.st_mode)) return fail(directory_error(path, "entered or created", ENOTDIR));
  return {};
}

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

// The lock that tells a second process, or a second store in this one, that the directory is
// taken. RocksDB's own lock does not tell that apart from other failures by its code.
struct Database::DirectoryLock {
  int fd = -1;

  ~DirectoryLock() {
    if (fd >= 0) ::close(fd);  // which gives the lock up
  }

  Result<void> take(const std::string& path) {
    const std::string file = path + "/rhooks.lock";
    fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) return fail(directory_error(path, "used", errno));
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return {};
    const int error = errno;
    if (error == EWOULDBLOCK) {
      return fail(ErrorCode::kUnavailable, "the store directory '" + path +
                                               "' is used by another process (rhooks or another "
                                               "program); stop it or choose another directory");
    }
    return fail(directory_error(path, "locked", error));
  }
};

// Notes that RocksDB takes no writes, also where a flush or compaction in the background
// was what failed.
class Database::Listener final : public rocksdb::EventListener {
 public:
  explicit Listener(std::string path) : path_(std::move(path)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                         rocksdb::Status* status) override {
    if (!failed.exchange(true)) {
      log::error("the store failed to write", {{"path", path_}, {"error", status->ToString()}});
    }
  }

  // Left on, a thread of RocksDB's would try to recover from a full disk for ever.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*error*/,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

  std::atomic<bool> failed{false};

 private:
  const std::string path_;
};

Database::Database(std::string path, const RocksOptions& options)
    : path_(std::move(path)),
      options_(options),
      lock_(std::make_unique<DirectoryLock>()),
      cache_(rocksdb::NewLRUCache(options.cache_bytes)),
      expiry_(std::make_shared<ExpiryPolicy>()),
      listener_(std::make_shared<Listener>(path_)) {
  static const SystemClock kSystemClock;
  expiry_->clock = options.clock != nullptr ? options.clock : &kSystemClock;
}

Database::~Database() {
  close_db();
}

void Database::close_db() {
  if (!db_) return;
  // What is not in files yet is in the log of writes, synced; nothing has to be flushed.
  rocksdb::CancelAllBackgroundWork(db_.get(), true);
  for (rocksdb::ColumnFamilyHandle*& handle : handles_) {
    (void)db_->DestroyColumnFamilyHandle(std::exchange(handle, nullptr));
  }
  (void)db_->DestroyColumnFamilyHandle(std::exchange(default_handle_, nullptr));
  const rocksdb::Status closed = db_->Close();
  // After a failed write it always says so again.
  if (!closed.ok() && !listener_->failed) {
    log::warn("the store did not close cleanly", {{"path", path_}, {"error", closed.ToString()}});
  }
  db_.reset();
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path,
                                                 const RocksOptions& options) {
  if (path.empty()) {
    return fail(ErrorCode::kInvalidArgument, "rocksdb: needs a directory, as in rocksdb:PATH",
                "store");
  }
  if (auto made = make_directory(path); !made) return fail(made.error());
  std::unique_ptr<Database> database(new Database(path, options));
  if (auto locked = database->lock_->take(path); !locked) return fail(locked.error());
  if (auto opened = database->open_db(); !opened) return fail(opened.error());
  if (auto checked = database->check_format(); !checked) return fail(checked.error());
  database->expiry_->enabled = true;
  return database;
}

// Which logs are in use takes as long to find out as opening the database, and so is asked only
// where one of them seems to be damaged.
Result<std::optional<LogDamage>> Database::damage_of_logs(
    const rocksdb::Options& options, const std::vector<std::string>& there) const {
  auto damage = find_damage(*options.env, path_);
  if (!damage || !*damage) return damage;
  const auto oldest = oldest_log_in_use(options, path_, families_among(there).found);
  if (!oldest) return damage;  // nor does it open otherwise
  if (!*oldest) return std::nullopt;
  return find_damage(*options.env, path_, **oldest);
}

Result<void> Database::check_logs(const rocksdb::Options& options,
                                  const std::vector<std::string>& there) const {
  const auto damage = damage_of_logs(options, there);
  if (!damage) return fail(damage.error());
  if (!*damage) return {};
  const LogDamage& found = **damage;
  const std::string place = "the log of writes of the store in '" + path_ +
                            "' is damaged: " + found.file + " cannot be read at byte " +
                            std::to_string(found.offset) + ", and " +
                            std::to_string(found.following) + " stored writes follow it";
  if (!options_.drop_damaged_writes) {
    return fail(ErrorCode::kCorrupt,
                place +
                    "; look at the disk, keep a copy of the directory, and bring back a backup "
                    "or go on without those writes with --drop-damaged-writes: tasks and "
                    "changes stored since then are lost, and attempts made since then are made "
                    "again");
  }
  log::error("stored writes were dropped, as was asked for (drop_damaged_writes)",
             {{"path", path_},
              {"file", found.file},
              {"offset", static_cast<std::int64_t>(found.offset)},
              {"writes", static_cast<std::int64_t>(found.following)}});
  if (options_.metrics != nullptr) {
    options_.metrics->writes_dropped(static_cast<std::int64_t>(found.following));
  }
  return {};
}

Result<void> Database::open_db() {
  rocksdb::Options options = db_options();
  options.listeners.push_back(listener_);
  rocksdb::Env* env = options.env;
  std::vector<std::string> names;
  if (!env->FileExists(path_ + "/CURRENT").ok()) {
    (void)env->CreateDirIfMissing(path_);  // opening it tells what is wrong
    sync_directories_above(*env, path_);
  } else {
    const auto listed = rocksdb::DB::ListColumnFamilies(options, path_, &names);
    if (!listed.ok()) return fail(translate(listed, "reading what the directory holds"));
    for (const std::string& found : names) {
      if (found == rocksdb::kDefaultColumnFamilyName ||
          std::find(kFamilyNames.begin(), kFamilyNames.end(), found) != kFamilyNames.end()) {
        continue;
      }
      return fail(ErrorCode::kUnsupported,
                  "the directory '" + path_ + "' holds '" + found + "', which format " +
                      std::to_string(kFormat) +
                      " does not know: it was written by a newer rhooks or by another program; "
                      "use that program, or choose another directory");
    }
    if (auto sound = check_logs(options, names); !sound) return sound;
  }

  return open_families(options, names);
}

Database::Families Database::families_among(const std::vector<std::string>& there) const {
  Families families;
  families.found.emplace_back(rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions());
  for (const bool exists : {true, false}) {
    for (std::size_t i = 0; i < kFamilies; ++i) {
      if (exists != (std::find(there.begin(), there.end(), kFamilyNames[i]) != there.end())) {
        continue;
      }
      (exists ? families.found : families.missing)
          .emplace_back(kFamilyNames[i], family_options(static_cast<Family>(i)));
      families.positions.push_back(i);
    }
  }
  return families;
}

// Of another program's database nothing is changed. Families that are missing are made together:
// each call that makes some writes all options to a file, as DB::Open would for each.
Result<void> Database::open_families(const rocksdb::Options& options,
                                     const std::vector<std::string>& there) {
  const auto [found, missing, positions] = families_among(there);
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const auto opened = rocksdb::DB::Open(options, path_, found, &handles, &db);
  if (!opened.ok()) return fail(translate(opened, "opening it"));
  db_.reset(db);
  default_handle_ = handles.front();
  handles.erase(handles.begin());
  rocksdb::Status made;
  if (!missing.empty()) {
    if (holds_something(default_handle_)) {
      close_db();
      return fail(not_of_rhooks());
    }
    std::vector<rocksdb::ColumnFamilyHandle*> created;
    made = db_->CreateColumnFamilies(missing, &created);
    handles.insert(handles.end(), created.begin(), created.end());
  }
  for (std::size_t i = 0; i < handles.size(); ++i) handles_[positions[i]] = handles[i];
  if (!made.ok()) {
    close_db();
    return fail(translate(made, "opening it"));
  }
  return {};
}

bool Database::holds_something(rocksdb::ColumnFamilyHandle* family) const {
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions(), family));
  it->SeekToFirst();
  return it->Valid();
}

Error Database::not_of_rhooks() const {
  return {ErrorCode::kUnsupported,
          "the directory '" + path_ +
              "' holds a RocksDB database that is not of rhooks; choose another directory",
          {}};
}

Result<void> Database::check_format() {
  std::string text;
  const auto status =
      db_->Get(rocksdb::ReadOptions(), (*this)[Family::kMeta], slice(kFormatKey), &text);
  if (status.IsNotFound()) {
    // New, or left so by a crash while it was made.
    for (rocksdb::ColumnFamilyHandle* handle : {default_handle_, (*this)[Family::kTasks]}) {
      if (holds_something(handle)) return fail(not_of_rhooks());
    }
    rocksdb::WriteBatch batch;
    (void)batch.Put((*this)[Family::kMeta], slice(kFormatKey), std::to_string(kFormat));
    return write(batch);
  }
  if (!status.ok()) return fail(translate(status, "reading its format"));

  int format = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), format);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(ErrorCode::kCorrupt, "the format of the store in '" + path_ + "' cannot be read");
  }
  if (format >= kFormatMin && format <= kFormat) return {};
  const std::string versions = "the store in '" + path_ + "' has format " + std::to_string(format) +
                               "; this rhooks reads format " + std::to_string(kFormat) + ": ";
  return fail(ErrorCode::kUnsupported,
              versions + (format > kFormat ? "use the newer rhooks that wrote it"
                                           : "use the older rhooks that wrote it"));
}

Result<void> Database::write(rocksdb::WriteBatch& batch) {
  if (listener_->failed) return fail(refusal());
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status status = uninterrupted([&] { return db_->Write(options, &batch); });
  if (status.ok()) return {};
  Error error = translate(status, "writing");
  {
    MutexLock lock(failure_mutex_);
    failure_ = error.message;
  }
  listener_->failed = true;
  error.code = ErrorCode::kUnknownOutcome;
  error.message += "; it is not known whether this was stored";
  return fail(std::move(error));
}

Error Database::refusal() {
  MutexLock lock(failure_mutex_);
  const std::string why =
      failure_.empty() ? "the store in '" + path_ + "' failed to write to its disk" : failure_;
  return Error{ErrorCode::kUnavailable, why + "; nothing was stored", {}};
}

Result<Database::Use> Database::use() {
  if (listener_->failed) {
    MutexLock lock(recover_mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (listener_->failed && now >= next_recovery_) {
      recover();
      next_recovery_ = std::chrono::steady_clock::now() + options_.resume_interval;
    }
  }
  std::shared_lock lock(open_mutex_);
  if (!db_) return fail(refusal());
  look_for_old_logs();
  merge_deleted();
  return Use(std::move(lock));
}

bool Database::failed() const {
  return listener_->failed;
}

Database::Use::Use(std::shared_lock<std::shared_mutex> lock)
    : lock_(std::move(lock)), counted_(rocksdb::GetPerfLevel()) {
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
}

Database::Use::~Use() {
  if (lock_) rocksdb::SetPerfLevel(counted_);
}

void Database::recover() {
  // While the disk takes no writes the database stays as it is, so that it can be read.
  if (const auto probed = probe_disk(); !probed) {
    MutexLock lock(failure_mutex_);
    failure_ = probed.error().message;
    return;
  }
  std::unique_lock lock(open_mutex_);
  close_db();
  listener_->failed = false;  // first: an error while it opens raises it again
  const auto opened = open_db();
  if (opened && reopened_) reopened_();
  if (opened && !listener_->failed) {
    log::warn("the store can be written to again", {{"path", path_}});
    return;
  }
  listener_->failed = true;
  if (!opened) {
    MutexLock failure_lock(failure_mutex_);
    failure_ = opened.error().message;
  }
}

Result<void> Database::probe_disk() {
  rocksdb::Env* env = options_.env != nullptr ? options_.env : rocksdb::Env::Default();
  // Opening moves what the logs hold into files before it deletes them: so much must be free,
  // and a little for the new log. Where opening failed half-way nothing could be read.
  std::uint64_t needed = kReopenBytes;
  std::vector<std::string> names;
  if (env->GetChildren(path_, &names).ok()) {
    for (const std::string& name : names) {
      std::uint64_t size = 0;
      if (name.ends_with(".log") && env->GetFileSize(path_ + "/" + name, &size).ok()) {
        needed += size;
      }
    }
  }
  std::uint64_t free_bytes = 0;
  if (env->GetFreeSpace(path_, &free_bytes).ok() && free_bytes < needed) {
    const std::uint64_t mib = (needed + (1u << 20) - 1) >> 20;
    return fail(ErrorCode::kUnavailable, "the disk of the store in '" + path_ + "' is full; when " +
                                             std::to_string(mib) + " MiB are free, it goes on");
  }
  const std::string file = path_ + "/rhooks.probe";
  auto status = rocksdb::WriteStringToFile(env, std::string(64 << 10, 'x'), file, true);
  const auto deleted = env->DeleteFile(file);
  if (status.ok() && !deleted.IsNotFound()) status = deleted;
  if (!status.ok()) return fail(translate(status, "writing"));
  return {};
}

Result<void> Database::check() {
  std::string text;
  const auto read =
      db_->Get(rocksdb::ReadOptions(), (*this)[Family::kMeta], slice(kFormatKey), &text);
  if (!read.ok()) return fail(translate(read, "reading"));
  rocksdb::WriteBatch batch;
  (void)batch.Put((*this)[Family::kMeta], slice(kProbeKey), rocksdb::Slice());
  return write(batch);
}

Error Database::translate(const rocksdb::Status& status, std::string_view doing) const {
  return rocks::translate(status, doing, path_);
}

}  // namespace rhooks::store::rocks

// The embedded store on a machine that loses power: what was acknowledged is there when it is
// back, what was not is there wholly or not at all, and the store opens by itself.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "store/rocks/info_log.h"
#include "store/rocks/rocks_store.h"
#include "store/rocks/test_raw.h"
#include "testing/manual_clock.h"
#include "testing/power_loss_env.h"
#include "testing/soak.h"
#include "testing/store_contract.h"
#include "testing/temp_dir.h"

namespace rhooks::testing {
namespace {

using namespace store;
using std::chrono::hours;
using std::chrono::seconds;

constexpr TimePoint kLater = kT0 + hours{1};
constexpr std::uint64_t kSeeds = 12;

// What the store must hold, and what it may hold instead since a call did not say.
class Expected {
 public:
  struct Doubt {
    std::optional<Task> after;          // none: gone
    std::optional<Log> log;             // there if and only if the task is as after it
    std::vector<Task> follow_ups = {};  // likewise
  };

  std::map<TaskKey, Task> tasks;
  std::map<std::string, Log> logs;  // by id; those that have not expired
  std::map<TaskKey, Doubt> doubts;
  std::set<std::string> clearing;  // namespaces whose logs may be gone, all of them
  std::map<DocumentKey, std::string> documents;
  std::map<DocumentKey, std::optional<std::string>> document_doubts;  // as of Doubt::after

  void done(const TaskKey& key, Doubt doubt) {
    if (doubt.after) {
      tasks[key] = *doubt.after;
    } else {
      tasks.erase(key);
    }
    if (doubt.log && !doubt.log->expires_at) logs[doubt.log->id] = *doubt.log;
    for (const Task& task : doubt.follow_ups) tasks[task.key] = task;
  }

  void document_done(const DocumentKey& key, const std::optional<std::string>& after) {
    if (after) {
      documents[key] = *after;
    } else {
      documents.erase(key);
    }
  }

  // Sees what became of it.
  void settle(Store& store) {
    settle_documents(store);
    for (const auto& [key, doubt] : doubts) {
      const auto found = store.get(key, kLater);
      if (!found) {
        EXPECT_EQ(found.error().code, ErrorCode::kNotFound) << found.error().message;
      }
      const auto before = tasks.find(key);
      const bool as_before = before == tasks.end() ? !found : found && *found == before->second;
      const bool as_after = doubt.after ? found && *found == *doubt.after : !found;
      EXPECT_TRUE(as_before || as_after) << key.id << " is neither as before nor as after";
      if (as_after && !as_before) done(key, doubt);
    }
    doubts.clear();
    for (const std::string& ns : clearing) {
      LogQuery query;
      query.ns = ns;
      query.now = kT0;
      if (!all_logs(store, query).empty()) continue;
      std::erase_if(logs, [&](const auto& entry) { return entry.second.task.ns == ns; });
    }
    clearing.clear();
  }

  // That every way to look at the store shows just this.
  void check(Store& store) {
    for (const std::string ns : {"a", "b"}) {
      std::map<TaskKey, Task> here;
      for (const auto& [key, task] : tasks) {
        if (key.ns == ns) here.emplace(key, task);
      }
      TaskQuery query;
      query.ns = ns;
      query.now = kLater;
      check_page(store, query, here, "by date");
      TaskQuery by_id = query;
      by_id.id_prefix = "";
      check_page(store, by_id, here, "by id");
      for (const Status status : {Status::kActive, Status::kDone, Status::kSuspended}) {
        auto these = here;
        std::erase_if(these, [&](const auto& one) { return one.second.status != status; });
        query.status = status;
        check_page(store, query, these, to_string(status));
      }
      for (const auto& [key, task] : here) {
        const auto found = store.get(key, kLater);
        EXPECT_TRUE(found && *found == task) << key.id;
      }
      check_logs(store, ns);
    }
    std::map<TaskKey, TimePoint> due;
    for (const auto& [key, task] : tasks) {
      if (task.status == Status::kActive) due[key] = model::place_of(task);
    }
    std::map<TaskKey, TimePoint> found;
    for (const DueEntry& entry : all_due(store, kLater, kLater, 100)) {
      found[entry.key] = entry.due_at;
    }
    EXPECT_EQ(found, due);
    std::map<DocumentKey, std::string> kept;
    for (const StoredDocument& one : all_documents(store, {.kind = "kind"})) {
      kept.emplace(one.key, one.data);
    }
    EXPECT_EQ(kept, documents);
  }

 private:
  void settle_documents(Store& store) {
    for (const auto& [key, after] : document_doubts) {
      const auto found = store.get_document(key);
      if (!found) {
        EXPECT_EQ(found.error().code, ErrorCode::kNotFound) << found.error().message;
      }
      const auto is = found ? std::optional(found->data) : std::nullopt;
      const auto it = documents.find(key);
      const auto was = it == documents.end() ? std::nullopt : std::optional(it->second);
      EXPECT_TRUE(is == was || is == after) << key.name << " is neither as before nor as after";
      document_done(key, is);
    }
    document_doubts.clear();
  }

  static void check_page(Store& store, const TaskQuery& query,
                         const std::map<TaskKey, Task>& expected, const std::string& how) {
    std::map<TaskKey, Task> found;
    for (const Task& task : all_tasks(store, query)) found.emplace(task.key, task);
    EXPECT_TRUE(found == expected)
        << query.ns << " " << how << ": " << found.size() << " of " << expected.size();
  }

  void check_logs(Store& store, const std::string& ns) {
    std::map<std::string, Log> here;
    std::set<std::string> of_tasks;
    for (const auto& [id, log] : logs) {
      if (log.task.ns != ns) continue;
      here.emplace(id, log);
      of_tasks.insert(log.task.id);
    }
    LogQuery query;
    query.ns = ns;
    query.now = kT0;
    std::map<std::string, Log> found;
    for (const Log& log : all_logs(store, query)) found.emplace(log.id, log);
    EXPECT_TRUE(found == here) << "logs of " << ns << ": " << found.size() << " of " << here.size();
    std::map<std::string, Log> by_task;
    for (const std::string& id : of_tasks) {
      query.task_id = id;
      for (const Log& log : all_logs(store, query)) by_task.emplace(log.id, log);
    }
    EXPECT_TRUE(by_task == here) << "logs by task of " << ns;
  }
};

// A machine with a process that uses the store.
class Machine {
 public:
  // `threads`: RocksDB's background runs in threads of its own, at any time.
  explicit Machine(bool threads = false, std::size_t write_buffer_bytes = 64u << 20)
      : threads_(threads), write_buffer_bytes_(write_buffer_bytes) {}
  ~Machine() { kill(); }

  PowerLoss& disk() { return *disk_; }
  Store& store() { return *store_; }
  Expected& expected() { return expected_; }
  bool off() const { return disk_->cut(); }

  // False: power went meanwhile, or before.
  bool open() {
    env_ = std::make_unique<PowerLossEnv>(disk_);
    threaded_ = rocksdb::NewCompositeEnv(disk_);
    RocksOptions options;
    options.env = threads_ ? threaded_.get() : env_.get();
    options.clock = &clock_;
    options.resume_interval = std::chrono::milliseconds{0};
    options.write_buffer_bytes = write_buffer_bytes_;
    options.token_seed = ++opened_;
    auto opened = open_rocks(dir_.sub("store"), options);
    if (!opened) {
      EXPECT_TRUE(off()) << "it does not open: " << opened.error().message;
      return false;
    }
    store_ = std::move(*opened);
    rest();
    return !off();
  }
  void close() {
    rest();
    store_.reset();
  }
  void kill() {
    disk_->end_process();
    store_.reset();
  }
  void lose_power(std::uint64_t seed) {
    disk_->lose_power(seed);
    store_.reset();
  }
  // After which the store holds what it must.
  void open_and_check() {
    ASSERT_TRUE(open());
    expected_.settle(*store_);
    expected_.check(*store_);
  }

  void put(const std::vector<TaskKey>& keys, std::size_t body = 10) {
    std::vector<TaskRecord> records;
    for (const TaskKey& key : keys) {
      auto record = make_record(key.ns, key.id, kT0);
      record.task.request.body = Body::text(std::string(body, 'x'));
      records.push_back(std::move(record));
    }
    const auto results = store_->put(records);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (results[i] && !results[i]->created) continue;
      came(results[i], keys[i], {records[i].task, {}});
    }
    rest();
  }
  // Claims and commits, DONE and a retry by turns; from the end of a task that follows from no
  // other one another follows. `expired`: of logs that nobody sees again.
  void work(std::size_t limit, bool expired = false) {
    const auto claimed = store_->claim_due({.now = kLater, .due_by = kLater, .limit = limit});
    if (!claimed) {
      EXPECT_TRUE(off()) << claimed.error().message;
      return;
    }
    std::vector<Commit> commits;
    for (const Claim& claim : claimed->claims) {
      commits.push_back(commits.size() % 2 == 0 ? testing::done(claim, kT0)
                                                : retried(claim, kT0, kT0 + seconds{5}));
      if (expired) commits.back().log->expires_at = kT0 - seconds{1};
      if (commits.size() % 2 == 1 && claim.task.origin.empty()) {
        commits.back() = followed_by(std::move(commits.back()), "f" + claim.lease.key.id, kT0);
      }
    }
    const auto results = store_->commit(commits);
    for (std::size_t i = 0; i < commits.size(); ++i) {
      if (results[i]) {
        EXPECT_EQ(*results[i], CommitOutcome::kApplied);
      }
      Expected::Doubt doubt{commits[i].task, commits[i].log};
      for (const TaskRecord& next : commits[i].follow_ups) {
        if (!expected_.tasks.contains(next.task.key)) doubt.follow_ups.push_back(next.task);
      }
      came(results[i], commits[i].lease.key, std::move(doubt));
    }
    rest();
  }
  void suspend(const std::vector<TaskKey>& keys) {
    const auto results = store_->change(keys, suspend_edit, kLater);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto before = expected_.tasks.find(keys[i]);
      if (before == expected_.tasks.end() || before->second.status != Status::kActive) continue;
      Task after = before->second;
      after.status = Status::kSuspended;
      came(results[i], keys[i], {results[i] ? *results[i] : after, {}});
    }
    rest();
  }
  void remove(const std::vector<TaskKey>& keys) {
    const auto results = store_->remove(keys, kLater);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (expected_.tasks.contains(keys[i])) came(results[i], keys[i], {});
    }
    rest();
  }
  void clear(const std::string& ns) {
    const auto result = store_->clear(ns, 1000);
    const auto tasks = expected_.tasks;
    for (const auto& [key, task] : tasks) {
      if (key.ns == ns) came(result, key, {});
    }
    if (result) {
      std::erase_if(expected_.logs, [&](const auto& one) { return one.second.task.ns == ns; });
    } else {
      expected_.clearing.insert(ns);
    }
    rest();
  }
  void put_document(const std::string& name, const std::string& data) {
    const Document document{{"kind", "a", name}, data, {}};
    document_came(store_->put_document(document, Whatever{}, kT0), document.key, data);
  }
  void remove_document(const std::string& name) {
    const DocumentKey key{"kind", "a", name};
    if (!expected_.documents.contains(key)) return;
    document_came(store_->remove_document(key, {}), key, {});
  }

 private:
  template <typename T>
  void document_came(const Result<T>& result, const DocumentKey& key,
                     const std::optional<std::string>& after) {
    if (result) {
      expected_.document_done(key, after);
    } else {
      EXPECT_TRUE(off()) << "an error while there is power: " << result.error().message;
      if (result.error().code == ErrorCode::kUnknownOutcome) {
        expected_.document_doubts[key] = after;
      }
    }
    rest();
  }
  template <typename T>
  void came(const Result<T>& result, const TaskKey& key, Expected::Doubt doubt) {
    if (result) {
      expected_.done(key, std::move(doubt));
      return;
    }
    EXPECT_TRUE(off()) << "an error while there is power: " << result.error().message;
    // kUnavailable says that nothing was applied.
    if (result.error().code == ErrorCode::kUnknownOutcome) expected_.doubts[key] = doubt;
  }
  void rest() {
    if (!threads_) env_->run_background();
  }

  const bool threads_;
  const std::size_t write_buffer_bytes_;
  TempDir dir_;
  ManualClock clock_{kT0};
  const std::shared_ptr<PowerLoss> disk_ = std::make_shared<PowerLoss>();
  std::unique_ptr<PowerLossEnv> env_;
  std::unique_ptr<rocksdb::Env> threaded_;
  std::unique_ptr<Store> store_;
  std::uint64_t opened_ = 0;
  Expected expected_;
};

// A little of everything; ends early where power goes.
void live(Machine& machine) {
  const std::vector<std::function<void()>> calls{
      [&] {
        machine.put({{"a", "1"}, {"a", "2"}, {"a", "3"}, {"b", "1"}});
      },
      [&] { machine.work(3); },
      [&] {
        machine.put({{"a", "4"}, {"a", "1"}}, 5'000);
      },
      [&] {
        machine.suspend({{"a", "2"}, {"a", "4"}});
      },
      [&] {
        machine.remove({{"a", "3"}, {"a", "9"}});
      },
      [&] { machine.put_document("one", "1"); },
      [&] { machine.work(9); },
      [&] { machine.put_document("two", "2"); },
      [&] { machine.put_document("one", "3"); },
      [&] { machine.clear("b"); },
      [&] { machine.remove_document("two"); },
      [&] {
        machine.put({{"b", "1"}});
      },
  };
  for (const auto& call : calls) {
    if (machine.off()) return;
    call();
  }
}

TEST(PowerLossStoreTest, PowerGoesAtEachOperationOfAFewCalls) {
  std::uint64_t openings = 0;
  for (std::uint64_t n = 0;; ++n) {
    SCOPED_TRACE("power goes at operation " + std::to_string(n));
    Machine machine;
    machine.disk().cut_power_after(n, n, PowerLoss::Count::kAll);
    if (machine.open()) {
      live(machine);
    } else {
      ++openings;
    }
    const bool off = machine.off();
    // Now and then it is just the process that dies, in the middle of the operation.
    if (n % 4 == 3) {
      machine.kill();
    } else {
      machine.lose_power(n);
    }
    machine.open_and_check();
    if (::testing::Test::HasFatalFailure()) return;
    machine.put({{"a", "new"}});
    machine.expected().check(machine.store());
    if (::testing::Test::HasFailure()) return;
    if (!off) {
      EXPECT_GT(openings, 20u);
      EXPECT_GT(n - openings, 15u);
      return;
    }
  }
}

// Power goes again and again, while files are written and rewritten in the background, too.
TEST(PowerLossSoakTest, AcknowledgedTasksOutliveManyPowerCuts) {
  Soak soak("power loss rocksdb", 6);
  while (soak.more()) {
    std::mt19937_64 random(soak.seed());
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    Machine machine(below(3) == 0, below(2) == 0 ? 64u << 10 : 64u << 20);
    const auto keys = [&] {
      std::set<TaskKey> drawn;
      for (std::size_t i = below(6) + 1; i > 0; --i) {
        drawn.insert({below(3) == 0 ? "b" : "a", std::to_string(below(60))});
      }
      return std::vector<TaskKey>(drawn.begin(), drawn.end());
    };
    for (int life = 0; life < 10 && !::testing::Test::HasFailure(); ++life) {
      const auto cut_soon = [&](std::size_t changes) {
        if (life < 9 && below(5) > 0) {
          machine.disk().cut_power_after(below(changes), random(), PowerLoss::Count::kAll);
        }
      };
      cut_soon(200);
      const bool opened = machine.open();
      // Not while it is looked at: threads may go on writing.
      machine.disk().cancel_cut();
      if (opened && !machine.off()) {
        machine.expected().settle(machine.store());
        machine.expected().check(machine.store());
        cut_soon(below(2) == 0 ? 30 : 250);
        for (std::size_t calls = below(60); calls > 0 && !machine.off(); --calls) {
          switch (below(14)) {
            case 12:
              machine.put_document(std::to_string(below(4)), std::string(below(2'000), 'd'));
              break;
            case 13:
              machine.remove_document(std::to_string(below(4)));
              break;
            case 0:
              machine.suspend(keys());
              break;
            case 1:
              machine.remove(keys());
              break;
            case 2:
              if (below(5) == 0) machine.clear("b");
              break;
            case 3:
            case 4:
            case 5:
              machine.work(below(8), below(2) == 0);
              break;
            default:
              machine.put(keys(), below(6'000));
          }
        }
      }
      soak.count().crashes += machine.off();
      machine.disk().cancel_cut();
      switch (below(6)) {
        case 0:
          if (!machine.off()) machine.close();
          machine.lose_power(random());
          break;
        case 1:
          machine.kill();
          break;
        default:
          machine.lose_power(random());
      }
    }
    machine.open_and_check();
    if (::testing::Test::HasFailure()) ++soak.count().lost;
  }
}

// The name of a new store's directory is synced, too.
TEST(PowerLossStoreTest, ANewStoreIsThereAfterAPowerCut) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Machine machine;
    ASSERT_TRUE(machine.open());
    machine.put({{"a", "1"}});
    machine.lose_power(seed);
    machine.open_and_check();
    EXPECT_EQ(machine.expected().tasks.size(), 1u);
  }
}

// Of that many seeds, how many keep what RocksDB wrote.
std::uint64_t kept(bool synced) {
  std::uint64_t count = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto disk = std::make_shared<PowerLoss>();
    PowerLossEnv env(disk);
    rocksdb::Options options;
    options.env = &env;
    options.create_if_missing = true;
    options.info_log = std::make_shared<rocks::InfoLog>("/db");
    rocksdb::DB* db = nullptr;
    std::string value;
    EXPECT_TRUE(rocksdb::DB::Open(options, "/db", &db).ok());
    std::unique_ptr<rocksdb::DB> owner(db);
    rocksdb::WriteOptions write;
    write.sync = true;
    EXPECT_TRUE(db->Put(write, "first", "1").ok());
    // The name of the directory is not what this is about.
    std::unique_ptr<rocksdb::Directory> root;
    EXPECT_TRUE(env.NewDirectory("/", &root).ok() && root->Fsync().ok());
    write.sync = synced;
    EXPECT_TRUE(db->Put(write, "key", "value").ok());
    disk->lose_power(seed);
    owner.reset();

    PowerLossEnv env_after(disk);
    options.env = &env_after;
    EXPECT_TRUE(rocksdb::DB::Open(options, "/db", &db).ok());
    owner.reset(db);
    EXPECT_TRUE(db->Get({}, "first", &value).ok());
    count += db->Get({}, "key", &value).ok();
    env_after.run_background();
    owner.reset();
  }
  return count;
}

// Proves that the tests above could fail.
TEST(PowerLossModelTest, AWriteThatIsNotSyncedGetsLost) {
  EXPECT_EQ(kept(true), kSeeds);
  const std::uint64_t unsynced = kept(false);
  EXPECT_GT(unsynced, 0u);
  EXPECT_LT(unsynced, kSeeds);
}

class PowerLossFilesTest : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& data, bool sync) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    ASSERT_TRUE(disk_.NewWritableFile(name, {}, &file, nullptr).ok());
    ASSERT_TRUE(file->Append(data, {}, nullptr).ok());
    if (sync) {
      ASSERT_TRUE(file->Sync({}, nullptr).ok());
    }
  }
  void sync_directory() {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    ASSERT_TRUE(disk_.NewDirectory("/d", {}, &directory, nullptr).ok());
    ASSERT_TRUE(directory->Fsync({}, nullptr).ok());
  }
  std::optional<std::string> read(const std::string& name) {
    std::unique_ptr<rocksdb::FSSequentialFile> file;
    if (!disk_.NewSequentialFile(name, {}, &file, nullptr).ok()) return std::nullopt;
    std::string scratch(100'000, '\0');
    rocksdb::Slice result;
    EXPECT_TRUE(file->Read(scratch.size(), {}, &result, scratch.data(), nullptr).ok());
    return result.ToString();
  }

  PowerLoss disk_;
};

TEST_F(PowerLossFilesTest, TheSyncedBeginningStaysAndTheRestMayBeAnything) {
  const std::string synced(1'000, 's');
  const std::string rest(20'000, 'r');
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    ASSERT_TRUE(disk_.NewWritableFile("/d/file.log", {}, &file, nullptr).ok());
    ASSERT_TRUE(file->Append(synced, {}, nullptr).ok());
    ASSERT_TRUE(file->Sync({}, nullptr).ok());
    sync_directory();
    ASSERT_TRUE(file->Append(rest, {}, nullptr).ok());
    disk_.lose_power(seed);
    EXPECT_FALSE(file->Append(rest, {}, nullptr).ok()) << "its process is dead";
    const auto found = read("/d/file.log");
    ASSERT_TRUE(found);
    ASSERT_EQ(found->substr(0, synced.size()), synced);
    const std::string end = found->substr(synced.size());
    outcomes.insert(end.empty()                           ? "nothing"
                    : end == rest                         ? "all"
                    : end == rest.substr(0, end.size())   ? "a part"
                    : end.find('\0') == std::string::npos ? "other bytes"
                    : end.size() == rest.size()           ? "zeros, its size whole"
                                                          : "zeros at the end");
  }
  EXPECT_GE(outcomes.size(), 5u);
}

TEST_F(PowerLossFilesTest, OfTheNamesTheFirstChangesStay) {
  std::set<std::set<std::string>> outcomes;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    for (const std::string name : {"/d/x", "/d/y", "/d/z"}) {
      (void)disk_.DeleteFile(name, {}, nullptr);
    }
    write("/d/x", "1", true);
    sync_directory();
    write("/d/y", "2", true);
    ASSERT_TRUE(disk_.RenameFile("/d/y", "/d/z", {}, nullptr).ok());
    ASSERT_TRUE(disk_.DeleteFile("/d/x", {}, nullptr).ok());
    disk_.lose_power(seed);
    std::vector<std::string> names;
    ASSERT_TRUE(disk_.GetChildren("/d", {}, &names, nullptr).ok());
    outcomes.insert({names.begin(), names.end()});
  }
  EXPECT_EQ(outcomes, (std::set<std::set<std::string>>{{"x"}, {"x", "y"}, {"x", "z"}, {"z"}}));
}

}  // namespace
}  // namespace rhooks::testing

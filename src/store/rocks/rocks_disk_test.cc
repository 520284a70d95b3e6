// The embedded store on a disk that fails: what is acknowledged stays, what is not is told
// honestly, and everything goes on when the disk does.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <random>

#include "store/rocks/keys.h"
#include "store/rocks/rocks_store.h"
#include "store/rocks/test_disk.h"
#include "store/rocks/test_raw.h"
#include "testing/store_contract.h"
#include "testing/temp_dir.h"

namespace rhooks::testing {
namespace {

using namespace store;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class RocksDiskTest : public ::testing::Test {
 protected:
  std::string path() const { return dir_.sub("store"); }
  TempDir dir_;
};

// Runs the disk full, and checks that errors are honest, that what was acknowledged stays,
// and that writing goes on when there is space; then that a crash after it loses nothing.
void full_disk(const TempDir& dir, bool fresh_log) {
  const auto disk = std::make_shared<FullDisk>();
  const auto env = FullDisk::env(disk);
  RocksOptions options;
  options.env = env.get();
  options.resume_interval = milliseconds{0};
  const std::string path = dir.sub("store");
  auto store = open_ok(path, options);
  std::vector<std::string> stored;
  std::vector<std::string> unknown;
  int next = 0;
  const auto put_next = [&]() -> Result<bool> {
    const std::string id = "t" + std::to_string(++next);
    const auto record = make_record("ns", id, kT0);
    const auto results = store->put(std::span(&record, 1));
    if (results[0]) {
      stored.push_back(id);
      return true;
    }
    if (results[0].error().code == ErrorCode::kUnknownOutcome) unknown.push_back(id);
    return fail(results[0].error());
  };
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(put_next());
  if (fresh_log) {
    store.reset();
    store = open_ok(path, options);
  }

  for (int round = 0; round < 3; ++round) {
    disk->set_full(true);
    const auto first = put_next();
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().code, ErrorCode::kUnknownOutcome) << first.error().message;
    EXPECT_THAT(first.error().message, HasSubstr("the disk is full"));
    for (int i = 0; i < 3; ++i) {
      const auto later = put_next();
      ASSERT_FALSE(later);
      EXPECT_EQ(later.error().code, ErrorCode::kUnavailable) << later.error().message;
      EXPECT_THAT(later.error().message, HasSubstr("the disk is full"));
    }
    const auto checked = store->check();
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::kUnavailable);
    // Reading goes on.
    EXPECT_TRUE(store->get({"ns", stored.back()}, kT0));

    disk->set_full(false);
    for (int i = 0; i < 5; ++i) {
      const auto put = put_next();
      ASSERT_TRUE(put) << put.error().message;
    }
    const auto healthy = store->check();
    EXPECT_TRUE(healthy) << healthy.error().message;
  }
  for (const std::string& id : stored) EXPECT_TRUE(store->get({"ns", id}, kT0)) << id;

  // The files as a crash now leaves them.
  fs::copy(path, dir.sub("crashed"), fs::copy_options::recursive);
  auto after = open_ok(dir.sub("crashed"));
  for (const std::string& id : stored) EXPECT_TRUE(after->get({"ns", id}, kT0)) << id;
  std::vector<std::string> all = stored;
  all.insert(all.end(), unknown.begin(), unknown.end());
  TaskQuery query;
  query.ns = "ns";
  query.now = kT0;
  for (const Task& task : all_tasks(*after, query)) {
    EXPECT_THAT(all, ::testing::Contains(task.key.id));
  }
  const auto claimed = after->claim_due({.now = kT0, .due_by = kT0, .limit = 1000});
  ASSERT_TRUE(claimed);
  EXPECT_GE(claimed->claims.size(), stored.size());
}

TEST_F(RocksDiskTest, AFullDiskLosesNothingThatWasAcknowledged) {
  full_disk(dir_, false);
}

TEST_F(RocksDiskTest, AFullDiskAtTheFirstWriteLosesNothingThatWasAcknowledged) {
  full_disk(dir_, true);
}

TEST_F(RocksDiskTest, ACommitThatMetAFullDiskCanBeRepeated) {
  const auto disk = std::make_shared<FullDisk>();
  const auto env = FullDisk::env(disk);
  RocksOptions options;
  options.env = env.get();
  options.resume_interval = milliseconds{0};
  auto store = open_ok(path(), options);
  ASSERT_TRUE(put_ok(*store, make_record("ns", "id", kT0)));
  const auto claimed = store->claim_due({.now = kT0, .due_by = kT0, .limit = 1});
  ASSERT_EQ(claimed->claims.size(), 1u);
  const Commit commit = done(claimed->claims[0], kT0);
  disk->set_full(true);
  EXPECT_FALSE(store->commit(std::span(&commit, 1)).at(0));
  EXPECT_EQ(store->get({"ns", "id"}, kT0)->status, Status::kProcessing);
  disk->set_full(false);
  const auto repeated = store->commit(std::span(&commit, 1)).at(0);
  ASSERT_TRUE(repeated) << repeated.error().message;
  EXPECT_EQ(*repeated, CommitOutcome::kApplied);
  EXPECT_EQ(store->get({"ns", "id"}, kT0)->status, Status::kDone);
}

// The sync failed, but the write is on the disk and comes back when it is opened again.
TEST_F(RocksDiskTest, AnUnknownOutcomeThatWasStoredIsRecognised) {
  const auto disk = std::make_shared<FullDisk>();
  const auto env = FullDisk::env(disk);
  RocksOptions options;
  options.env = env.get();
  options.resume_interval = milliseconds{0};
  auto store = open_ok(path(), options);
  for (const char* id : {"done", "retried", "removed"}) {
    ASSERT_TRUE(put_ok(*store, make_record("ns", id, kT0)));
  }
  std::map<std::string, Claim> claims;
  const auto first = store->claim_due({.now = kT0, .due_by = kT0, .limit = 3});
  for (const Claim& c : first->claims) claims.emplace(c.lease.key.id, c);
  const std::vector<Commit> commits{done(claims.at("done"), kT0),
                                    retried(claims.at("retried"), kT0, kT0 + seconds{5})};
  const TaskKey removed{"ns", "removed"};
  const auto fresh = make_record("ns", "fresh", kT0 - seconds{5});

  const auto fails_once = [&](const std::function<ErrorCode()>& call) {
    disk->set_sync_fails(true);
    EXPECT_EQ(call(), ErrorCode::kUnknownOutcome);
    disk->set_sync_fails(false);
    const auto checked = store->check();
    EXPECT_TRUE(checked) << checked.error().message;
  };
  fails_once([&] { return store->commit(commits).at(0).error().code; });
  fails_once([&] { return store->put(std::span(&fresh, 1)).at(0).error().code; });
  fails_once([&] { return store->remove(std::span(&removed, 1), kT0).at(0).error().code; });

  for (const auto& outcome : store->commit(commits)) {
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(*outcome, CommitOutcome::kApplied);
  }
  const Commit gone = done(claims.at("removed"), kT0);
  EXPECT_EQ(*store->commit(std::span(&gone, 1)).at(0), CommitOutcome::kGone);
  EXPECT_FALSE(store->put(std::span(&fresh, 1)).at(0)->created);
  EXPECT_EQ(store->get({"ns", "done"}, kT0)->status, Status::kDone);
  EXPECT_EQ(store->get({"ns", "retried"}, kT0)->status, Status::kActive);
  // Both are found, although claims had passed their place in the index.
  std::vector<std::string> due;
  const auto later =
      store->claim_due({.now = kT0 + seconds{5}, .due_by = kT0 + seconds{5}, .limit = 9});
  for (const Claim& c : later->claims) due.push_back(c.lease.key.id);
  EXPECT_EQ(due, (std::vector<std::string>{"fresh", "retried"}));
  store.reset();
  Raw raw(path());
  EXPECT_EQ(raw.all("due").size(), 2u);
  EXPECT_EQ(raw.all("by_date").size(), 3u);
  EXPECT_EQ(raw.all("logs").size(), 3u);
}

// What a failed write meant comes true when the database is opened again. Claims that look
// while the disk still fails see it as it was before.
class RocksReopenTest : public RocksDiskTest {
 protected:
  RocksReopenTest() {
    RocksOptions options;
    options.env = env_.get();
    options.resume_interval = milliseconds{0};
    store_ = open_ok(path(), options);
  }

  void fault() { disk_->set_sync_fails(true); }
  void heal() {
    disk_->set_sync_fails(false);
    const auto checked = store_->check();
    EXPECT_TRUE(checked) << checked.error().message;
  }
  std::vector<Claim> claim(TimePoint now) {
    auto claimed = store_->claim_due({.now = now, .due_by = now, .limit = 10});
    if (!claimed) throw std::runtime_error(claimed.error().message);
    return std::move(claimed->claims);
  }

  const std::shared_ptr<FullDisk> disk_ = std::make_shared<FullDisk>();
  const std::unique_ptr<rocksdb::Env> env_ = FullDisk::env(disk_);
  std::unique_ptr<Store> store_;
};

TEST_F(RocksReopenTest, ATaskThatCameUpIsClaimedThoughClaimsHadPassedItsPlace) {
  const auto record = make_record("ns", "id", kT0);
  fault();
  EXPECT_EQ(store_->put(std::span(&record, 1)).at(0).error().code, ErrorCode::kUnknownOutcome);
  EXPECT_TRUE(claim(kT0 + seconds{1}).empty());
  heal();
  EXPECT_EQ(*store_->next_due(kT0 + seconds{1}), kT0);
  const auto claims = claim(kT0 + seconds{1});
  ASSERT_EQ(claims.size(), 1u);
  EXPECT_EQ(*store_->commit(std::vector{done(claims[0], kT0)}).at(0), CommitOutcome::kApplied);
}

TEST_F(RocksReopenTest, NoneOfABatchThatWasNotWrittenIsAcknowledgedNotEvenARepeat) {
  const std::vector records{make_record("ns", "b", kT0), make_record("ns", "a", kT0),
                            make_record("ns", "b", kT0)};
  fault();
  const auto results = store_->put(records);
  ASSERT_EQ(results.size(), 3u);
  for (const auto& result : results) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kUnknownOutcome);
  }
}

TEST_F(RocksReopenTest, ADeletedTaskThatWasClaimedMeanwhileStaysDeleted) {
  const TaskKey key{"ns", "id"};
  ASSERT_TRUE(put_ok(*store_, make_record("ns", "id", kT0)));
  fault();
  EXPECT_EQ(store_->remove(std::span(&key, 1), kT0).at(0).error().code, ErrorCode::kUnknownOutcome);
  const auto claims = claim(kT0);
  ASSERT_EQ(claims.size(), 1u);
  heal();
  const auto commit = retried(claims[0], kT0, kT0 + seconds{5});
  EXPECT_EQ(*store_->commit(std::span(&commit, 1)).at(0), CommitOutcome::kGone);
  EXPECT_EQ(store_->get(key, kT0).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(*store_->next_due(kT0), std::nullopt);
  store_.reset();
  Raw raw(path());
  EXPECT_TRUE(raw.all("tasks").empty());
  EXPECT_TRUE(raw.all("specs").empty());
  EXPECT_TRUE(raw.all("due").empty());
  EXPECT_TRUE(raw.all("by_date").empty());
  EXPECT_EQ(raw.all("logs").size(), 1u);  // the attempt was made
}

TEST_F(RocksReopenTest, ATaskThatBecameDueEarlierIsFoundWhenItsLeaseEnds) {
  const TaskKey key{"ns", "id"};
  for (const bool released : {true, false}) {
    SCOPED_TRACE(released ? "given back" : "expired");
    ASSERT_TRUE(put_ok(*store_, make_record("ns", "id", kT0 + seconds{10})));
    fault();
    const auto earlier = [](Task task) -> Result<Task> {
      task.scheduled_date = kT0 + seconds{1};
      return task;
    };
    EXPECT_EQ(store_->change(std::span(&key, 1), earlier, kT0).at(0).error().code,
              ErrorCode::kUnknownOutcome);
    const auto claims = claim(kT0 + seconds{10});
    ASSERT_EQ(claims.size(), 1u);
    heal();
    EXPECT_TRUE(claim(kT0 + seconds{5}).empty());  // leased
    const TimePoint later = released ? kT0 + seconds{5} : kT0 + seconds{3'600};
    if (released) {
      ASSERT_TRUE(store_->release(std::vector{claims[0].lease}));
    }
    EXPECT_EQ(claim(later).size(), 1u);
    EXPECT_TRUE(store_->remove(std::span(&key, 1), later).at(0));
  }
}

// Otherwise an outcome that is stored again would be that of the task which took its place.
TEST_F(RocksReopenTest, ALeaseInDoubtEndsWithItsExpiredTask) {
  const TimePoint end = kT0 + seconds{10};
  for (const std::string id : {"replaced", "dropped"}) {
    SCOPED_TRACE(id);
    ASSERT_TRUE(put_ok(*store_, make_record("ns", id, kT0)));
    const auto claims = claim(kT0);
    ASSERT_EQ(claims.size(), 1u);
    Commit outcome = done(claims[0], kT0);
    outcome.task.expires_at = end;
    fault();
    EXPECT_EQ(store_->commit({&outcome, 1}).at(0).error().code, ErrorCode::kUnknownOutcome);
    heal();
    if (id == "dropped") {
      EXPECT_TRUE(claim(end).empty());
    }
    auto next = make_record("ns", id, kT0);
    next.task.created_at = end;
    ASSERT_TRUE(store_->put({&next, 1}).at(0)->created);
    EXPECT_EQ(*store_->commit({&outcome, 1}).at(0), CommitOutcome::kLeaseLost);
    const auto again = claim(end);
    ASSERT_EQ(again.size(), 1u);
    EXPECT_EQ(again[0].task, next.task);
    ASSERT_TRUE(store_->remove({&next.task.key, 1}, end).at(0));
  }
}

TEST_F(RocksReopenTest, ASmallVolumeRecovers) {
  disk_->set_free_bytes(16 << 20);
  ASSERT_TRUE(put_ok(*store_, make_record("ns", "before", kT0)));
  fault();
  EXPECT_FALSE(put_ok(*store_, make_record("ns", "during", kT0)));
  heal();
  EXPECT_TRUE(put_ok(*store_, make_record("ns", "after", kT0)));
}

TEST_F(RocksReopenTest, ADiskTooFullToOpenOnIsWaitedForAndRead) {
  ASSERT_TRUE(put_ok(*store_, make_record("ns", "before", kT0)));
  fault();
  EXPECT_FALSE(put_ok(*store_, make_record("ns", "during", kT0)));
  disk_->set_free_bytes(1 << 20);
  disk_->set_sync_fails(false);
  const auto checked = store_->check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(checked.error().message, HasSubstr("is full; when 5 MiB are free, it goes on"));
  EXPECT_TRUE(store_->get({"ns", "before"}, kT0));
  disk_->set_free_bytes(-1);
  heal();
}

TEST_F(RocksDiskTest, ABlockThatCanNotBeReadHoldsUpOnlyItsTasks) {
  const auto disk = std::make_shared<FullDisk>();
  const auto env = FullDisk::env(disk);
  RocksOptions options;
  options.env = env.get();
  const std::string marker = "qZ7!wK2#";
  constexpr std::size_t kTasks = 40;
  {
    auto store = open_ok(path(), options);
    std::mt19937 random(1);  // so that what a task has fills a block, compressed or not
    for (std::size_t i = 0; i < kTasks; ++i) {
      auto record = make_record("ns", std::to_string(100 + i), kT0 + milliseconds{i});
      std::string body;
      while (body.size() < 10'000) body.push_back(static_cast<char>('a' + random() % 26));
      record.task.request.body = Body::text(i == 0 ? marker + body : body);
      ASSERT_TRUE(put_ok(*store, record));
    }
  }
  open_ok(path(), options).reset();  // moves what the log holds into files
  disk->set_unreadable(marker);
  auto store = open_ok(path(), options);
  ASSERT_EQ(store->get({"ns", "100"}, kT0).error().code, ErrorCode::kUnavailable);

  // Alone it is an error, but not for ever: the others are not held up.
  TimePoint now = kT0 + seconds{1};
  const ClaimRequest one{
      .now = now, .due_by = now, .limit = 1, .lease_for = std::chrono::hours{24}};
  const auto first = store->claim_due(one);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, ErrorCode::kUnavailable);
  const auto second = store->claim_due(one);
  ASSERT_TRUE(second) << second.error().message;
  ASSERT_EQ(second->claims.size(), 1u);
  EXPECT_EQ(second->claims[0].lease.key.id, "101");

  // Soon it is looked at again, and is no error where others can be read.
  now += seconds{61};
  const ClaimRequest all{
      .now = now, .due_by = now, .limit = 100, .lease_for = std::chrono::hours{24}};
  const auto rest = store->claim_due(all);
  ASSERT_TRUE(rest) << rest.error().message;
  EXPECT_EQ(rest->claims.size(), kTasks - 2);
  EXPECT_TRUE(rest->set_aside.empty());
  EXPECT_LE(**store->next_due(now), now + seconds{60});

  // And when the disk can read it again, it is delivered. Nothing was lost.
  store.reset();
  disk->set_unreadable("");
  store = open_ok(path(), options);
  EXPECT_EQ(store->claim_due(all)->claims.size(), kTasks);
}

TEST_F(RocksDiskTest, AKeyThatCanNotBeReadHoldsUpOnlyTheOutcomeFromWhichItFollows) {
  const auto disk = std::make_shared<FullDisk>();
  const auto env = FullDisk::env(disk);
  RocksOptions options;
  options.env = env.get();
  const std::string marker = "qZ7!wK2#";
  {
    auto store = open_ok(path(), options);
    std::mt19937 random(1);  // so that what a task has fills a block, compressed or not
    for (int i = 0; i < 40; ++i) {
      auto record = make_record("ns", std::to_string(100 + i), kT0 + std::chrono::hours{1});
      std::string body;
      while (body.size() < 10'000) body.push_back(static_cast<char>('a' + random() % 26));
      record.task.request.body = Body::text(i == 0 ? marker + body : body);
      ASSERT_TRUE(put_ok(*store, record));
    }
    for (const char* id : {"a", "b"}) ASSERT_TRUE(put_ok(*store, make_record("ns", id, kT0)));
  }
  open_ok(path(), options).reset();  // moves what the log holds into files
  disk->set_unreadable(marker);
  auto store = open_ok(path(), options);
  const auto claimed = store->claim_due({.now = kT0, .due_by = kT0, .limit = 2});
  ASSERT_TRUE(claimed);
  ASSERT_EQ(claimed->claims.size(), 2u);
  const std::vector<Commit> commits = {
      followed_by(followed_by(done(claimed->claims[0], kT0), "new", kT0), "100", kT0),
      followed_by(done(claimed->claims[1], kT0), "other", kT0)};
  const auto results = store->commit(commits);
  ASSERT_FALSE(results.at(0));
  EXPECT_EQ(results[0].error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(store->get({"ns", "a"}, kT0)->status, Status::kProcessing);
  EXPECT_EQ(store->get({"ns", "new"}, kT0).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(results.at(1)) << results[1].error().message;
  EXPECT_EQ(store->get({"ns", "b"}, kT0)->status, Status::kDone);
  EXPECT_TRUE(store->get({"ns", "other"}, kT0));
  EXPECT_FALSE(store->commit({&commits[0], 1}).at(0));
}

TEST_F(RocksDiskTest, AnExpiredTaskWhoseSpecCanNotBeReadLeavesNothingBehind) {
  const auto disk = std::make_shared<FullDisk>();
  const auto env = FullDisk::env(disk);
  RocksOptions options;
  options.env = env.get();
  const std::string marker = "qZ7!wK2#";
  const TimePoint end = kT0 + seconds{10};
  const auto first = make_record("ns", "100", kT0);
  {
    auto store = open_ok(path(), options);
    std::mt19937 random(1);
    // So many that the end of the file, which is read when it is opened, is not all of it.
    for (int i = 0; i < 900; ++i) {
      auto record = make_record("ns", std::to_string(100 + i), i == 0 ? kT0 : end);
      std::string body;
      while (body.size() < 900) body.push_back(static_cast<char>('a' + random() % 26));
      record.task.request.body = Body::text(i == 0 ? marker + body : body);
      ASSERT_TRUE(put_ok(*store, record));
    }
  }
  {
    auto store =
        open_ok(path(), options);  // the spec is in a file, and the state gets into another
    auto commit =
        done(store->claim_due({.now = kT0, .due_by = kT0, .limit = 1})->claims.at(0), kT0);
    ASSERT_EQ(commit.lease.key, first.task.key);
    commit.task.expires_at = end;
    commit.log->request = {};
    ASSERT_TRUE(store->commit({&commit, 1}).at(0));
  }
  open_ok(path(), options).reset();
  disk->set_unreadable(marker);
  auto store = open_ok(path(), options);
  ASSERT_EQ(store->get(first.task.key, kT0).error().code, ErrorCode::kUnavailable);
  ASSERT_TRUE(store->claim_due({.now = end, .due_by = kT0, .limit = 1}));
  store.reset();
  disk->set_unreadable("");
  EXPECT_EQ(Raw(path()).all("tasks").size(), 2 * 899U);
  EXPECT_TRUE(put_ok(*open_ok(path(), options), first));
}

}  // namespace
}  // namespace rhooks::testing

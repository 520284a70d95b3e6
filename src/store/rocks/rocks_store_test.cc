// What only the embedded store promises: the format, the lock, damage and torn logs.
// Disks that fail: rocks_disk_test.cc. The contract itself is tested by contract_test.cc.

#include "store/rocks/rocks_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <thread>

#include "codec/stored.h"
#include "store/open.h"
#include "store/rocks/database.h"
#include "store/rocks/keys.h"
#include "store/rocks/test_raw.h"
#include "testing/captured_log.h"
#include "testing/manual_clock.h"
#include "testing/patience.h"
#include "testing/store_contract.h"
#include "testing/temp_dir.h"

namespace rhooks::testing {
namespace {

using namespace store;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class RocksStoreTest : public ::testing::Test {
 protected:
  std::string path() const { return dir_.sub("store"); }
  TempDir dir_;
};

TEST_F(RocksStoreTest, CreatesMissingDirectories) {
  auto store = open_rocks(dir_.sub("a") + "/b/c");
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE((*store)->check());
}

// Tasks hold tokens, and who can open the files can hold their locks.
TEST_F(RocksStoreTest, ItsDirectoryIsForItsOwnerAlone) {
  const auto mode_of = [](const std::string& file) {
    return static_cast<unsigned>(fs::status(file).permissions());
  };
  const std::string url = "rocksdb:" + path();
  EXPECT_TRUE(warnings_of(url).empty());
  open_ok(path()).reset();
  EXPECT_TRUE(warnings_of(url).empty());
  EXPECT_EQ(mode_of(path()), 0700u);
  EXPECT_EQ(mode_of(path() + "/rhooks.lock"), 0600u);

  for (const unsigned open : {0755u, 0710u, 0701u}) {
    fs::permissions(path(), static_cast<fs::perms>(open));
    EXPECT_THAT(warnings_of(url), ElementsAre(HasSubstr("is open to other users; chmod 700")));
    open_ok(path()).reset();
    EXPECT_EQ(mode_of(path()), open) << "it is its owner's to change";
  }
}

TEST_F(RocksStoreTest, ALockedDirectoryIsAClearError) {
  auto first = open_ok(path());
  const auto second = open_rocks(path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message,
              HasSubstr("is used by another process (rhooks or another program); stop it or "
                        "choose another directory"));
  EXPECT_THAT(second.error().message, HasSubstr(path()));
  EXPECT_TRUE(put_ok(*first, make_record("ns", "id", kT0)));
  first.reset();
  EXPECT_TRUE(open_rocks(path()));
}

TEST_F(RocksStoreTest, DescribesItsColumnFamilies) {
  auto store = open_ok(path());
  ASSERT_TRUE(put_ok(*store, make_record("ns", "id", kT0)));
  const auto description = store->describe();
  ASSERT_TRUE(description) << description.error().message;
  EXPECT_EQ(description->kind, "rocksdb");
  EXPECT_EQ(description->facts.at(0), std::make_pair(std::string("path"), path()));
  EXPECT_EQ(description->facts.at(1).second, std::to_string(rocks::kFormat));
  ASSERT_EQ(description->sections.size(), 1U);
  const auto& rows = description->sections[0].rows;
  ASSERT_EQ(rows.size(), rocks::kFamilies);
  EXPECT_EQ(rows.at(0).at(0), "tasks");
  EXPECT_EQ(rows.at(0).at(1), "2") << "a state, and its spec";
  EXPECT_EQ(rows.at(5).at(0), "logs");
  EXPECT_EQ(rows.at(5).at(1), "0");
}

// By claims, a bounded number of them at a time, whatever happened to them meanwhile.
TEST_F(RocksStoreTest, WhatHasExpiredIsDeleted) {
  constexpr int kTasks = 2'500;
  const TimePoint end = kT0 + std::chrono::seconds{10};
  const auto claim = [](Store& store, TimePoint now) {
    return store.claim_due({.now = now, .due_by = now, .limit = 1'000})->claims;
  };
  auto store = open_ok(path());
  for (int i = 0; i < kTasks; ++i) {
    ASSERT_TRUE(put_ok(*store, make_record("ns", std::to_string(i), kT0)));
  }
  ASSERT_TRUE(put_ok(*store, make_record("ns", "kept", kT0)));
  int committed = 0;
  for (auto claims = claim(*store, kT0); !claims.empty(); claims = claim(*store, kT0)) {
    std::vector<Commit> commits;
    for (const Claim& one : claims) {
      commits.push_back(testing::done(one, kT0));
      if (one.task.key.id != "kept") commits.back().task.expires_at = end;
    }
    for (const auto& done : store->commit(commits)) committed += done.has_value();
  }
  ASSERT_EQ(committed, kTasks + 1);
  // It is not forgotten with the process, and not done too early.
  store.reset();
  store = open_ok(path());
  claim(*store, end - std::chrono::milliseconds{1});
  store.reset();
  EXPECT_EQ(Raw(path()).all("tasks").size(), 2 * (kTasks + 1U)) << "states, and specs beside them";
  EXPECT_EQ(Raw(path()).all("ends").size(), kTasks + 0U);

  store = open_ok(path());
  const TaskKey again{"ns", "7"};
  ASSERT_TRUE(store
                  ->change(
                      {&again, 1},
                      [&](Task task) -> Result<Task> {
                        task.expires_at = end + std::chrono::seconds{5};
                        return task;
                      },
                      kT0)
                  .front());
  claim(*store, end);
  store.reset();
  EXPECT_EQ(Raw(path()).all("ends").size(), kTasks - 1'000U) << "as many as one claim deletes";
  store = open_ok(path());
  for (int i = 0; i < 3; ++i) claim(*store, end + std::chrono::seconds{i});
  store.reset();
  {
    Raw raw(path());
    EXPECT_EQ(raw.all("tasks").size(), 4U) << "states, and specs beside them";
    EXPECT_TRUE(raw.all("specs").empty());
    EXPECT_EQ(raw.all("by_date").size(), 2U);
    EXPECT_EQ(raw.all("ends").size(), 1U);
    EXPECT_EQ(raw.all("due").size(), 0U);
  }
  store = open_ok(path());
  claim(*store, end + std::chrono::seconds{5});
  EXPECT_EQ(*store->clear("ns", 10), 1U) << "the one that is kept";
  store.reset();
  EXPECT_TRUE(Raw(path()).all("ends").empty());
}

TEST_F(RocksStoreTest, APathThatCanNotBeADirectoryIsAClearError) {
  std::ofstream(dir_.sub("file")) << "x";
  const auto store = open_rocks(dir_.sub("file") + "/store");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(store.error().message, HasSubstr("cannot be entered or created"));
  const auto file = open_rocks(dir_.sub("file"));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kUnavailable);
}

TEST_F(RocksStoreTest, OtherFormatsAreRefusedNamingBoth) {
  open_ok(path()).reset();
  for (const int format : {3, 5, 99, 0}) {
    Raw(path()).put("meta", "format", std::to_string(format));
    const auto store = open_rocks(path());
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(store.error().message, HasSubstr("has format " + std::to_string(format)));
    EXPECT_THAT(store.error().message, HasSubstr("reads format 4"));
  }
  Raw(path()).put("meta", "format", "what");
  EXPECT_EQ(open_rocks(path()).error().code, ErrorCode::kCorrupt);
  Raw(path()).put("meta", "format", "4");
  EXPECT_TRUE(open_rocks(path()));
}

TEST_F(RocksStoreTest, UnknownContentIsRefusedAndLeftAlone) {
  open_ok(path()).reset();
  Raw(path()).create_family("something_new");
  const auto store = open_rocks(path());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(store.error().message, HasSubstr("something_new"));
}

TEST_F(RocksStoreTest, AStoreOfBeforeThereWereDocumentsTakesThem) {
  ASSERT_TRUE(put_ok(*open_ok(path()), make_record("ns", "id", kT0)));
  Raw(path()).drop_family("documents");
  const auto store = open_ok(path());
  EXPECT_TRUE(store->get({"ns", "id"}, kT0));
  EXPECT_TRUE(store->put_document({{"kind", "ns", "name"}, "data", {}}, Nothing{}, kT0));
  EXPECT_EQ(store->get_document({"kind", "ns", "name"})->data, "data");
}

// `damaged`: the second of four documents, in pages of two.
void expect_lists_beside(Store& store, const Document& damaged) {
  for (const char* name : {"a", "o", "z"}) {
    ASSERT_TRUE(store.put_document({{"kind", "ns", name}, name, {}}, Whatever{}, kT0));
  }
  const auto first = store.list_documents({.kind = "kind", .limit = 2});
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_EQ(first->items.size(), 1u);
  EXPECT_EQ(first->items[0].data, "a");
  EXPECT_EQ(first->damaged, std::vector{damaged.key});
  ASSERT_EQ(first->next, (DocumentPosition{"ns", damaged.key.name}));
  const auto second = store.list_documents({.kind = "kind", .limit = 2, .after = first->next});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->items.size(), 2u);
  EXPECT_TRUE(second->damaged.empty());
}

TEST_F(RocksStoreTest, ADocumentThatCannotBeReadCanBeReplacedAndRemoved) {
  const Document document{{"kind", "ns", "name"}, "data", {}};
  const Revision seen = *open_ok(path())->put_document(document, Nothing{}, kT0);
  const auto damage = [&] { Raw(path()).put("documents", rocks::document_key(document.key), "x"); };
  damage();
  {
    const auto store = open_ok(path());
    EXPECT_EQ(store->get_document(document.key).error().code, ErrorCode::kCorrupt);
    expect_lists_beside(*store, document);
    EXPECT_EQ(store->put_document(document, seen, kT0).error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(store->remove_document(document.key, seen).error().code, ErrorCode::kCorrupt);
    EXPECT_TRUE(store->put_document(document, Whatever{}, kT0));
    EXPECT_EQ(store->get_document(document.key)->data, "data");
  }
  damage();
  const auto store = open_ok(path());
  EXPECT_TRUE(store->remove_document(document.key, {}));
  EXPECT_EQ(store->get_document(document.key).error().code, ErrorCode::kNotFound);
}

TEST_F(RocksStoreTest, AForeignDatabaseIsRefused) {
  {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, path(), &db).ok());
    ASSERT_TRUE(db->Put({}, "k", "v").ok());
    delete db;
  }
  const auto store = open_rocks(path());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(store.error().message, HasSubstr("not of rhooks"));
  rocksdb::DB* db = nullptr;
  EXPECT_TRUE(rocksdb::DB::Open({}, path(), &db).ok()) << "it is as it was, without other families";
  delete db;
}

TEST_F(RocksStoreTest, ADamagedDatabaseIsCorrupt) {
  open_ok(path()).reset();
  for (const auto& entry : fs::directory_iterator(path())) {
    if (entry.path().filename().string().starts_with("MANIFEST")) {
      std::ofstream(entry.path(), std::ios::trunc) << std::string(300, 'x');
    }
  }
  const auto store = open_rocks(path());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kCorrupt) << store.error().message;
}

// Puts a good task on each side of one that `damage` spoils.
void damaged_task_is_set_aside(const std::string& path, const std::function<void(Raw&)>& damage) {
  {
    auto store = open_ok(path);
    for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(put_ok(*store, make_record("ns", id, kT0)));
  }
  {
    Raw raw(path);
    damage(raw);
  }
  {
    auto store = open_ok(path);
    EXPECT_EQ(store->get({"ns", "b"}, kT0).error().code, ErrorCode::kCorrupt);
    const TaskKey key{"ns", "b"};
    EXPECT_EQ(store->change(std::span(&key, 1), suspend_edit, kT0).at(0).error().code,
              ErrorCode::kCorrupt);
    TaskQuery query;
    query.ns = "ns";
    query.now = kT0;
    EXPECT_EQ(ids(all_tasks(*store, query)), (std::vector<std::string>{"a", "c"}));
    query.id_prefix = "";
    EXPECT_EQ(ids(all_tasks(*store, query)), (std::vector<std::string>{"a", "c"}));

    const auto claimed = store->claim_due({.now = kT0, .due_by = kT0, .limit = 10});
    ASSERT_TRUE(claimed);
    ASSERT_EQ(claimed->claims.size(), 2u);
    ASSERT_EQ(claimed->set_aside.size(), 1u);
    EXPECT_EQ(claimed->set_aside[0].key, key);
    EXPECT_FALSE(claimed->set_aside[0].reason.empty());
    EXPECT_FALSE(claimed->more);
    for (const Claim& c : claimed->claims) {
      const Commit commit = done(c, kT0);
      EXPECT_EQ(*store->commit(std::span(&commit, 1)).at(0), CommitOutcome::kApplied);
    }
    // It is out of the way, reported once, and still known.
    const auto again = store->claim_due({.now = kT0, .due_by = kT0, .limit = 10});
    EXPECT_TRUE(again->claims.empty());
    EXPECT_TRUE(again->set_aside.empty());
    EXPECT_EQ(*store->next_due(kT0), std::nullopt);
    const auto got = store->get(key, kT0);
    EXPECT_EQ(got.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(got.error().message, HasSubstr("set aside"));
  }
  Raw raw(path);
  EXPECT_EQ(raw.all("damaged").size(), 1u);
  EXPECT_EQ(raw.all("tasks").size(), 4u) << "states, and specs beside them";
  EXPECT_TRUE(raw.all("specs").empty());
  EXPECT_EQ(raw.all("by_date").size(), 2u);
  EXPECT_TRUE(raw.all("due").empty());
}

TEST_F(RocksStoreTest, ATaskWithBrokenStateIsSetAside) {
  damaged_task_is_set_aside(path(), [](Raw& raw) {
    raw.put("tasks", rocks::task_key({"ns", "b"}), "\xff garbage");
  });
}

TEST_F(RocksStoreTest, ATaskWithBrokenSpecIsSetAside) {
  damaged_task_is_set_aside(path(), [](Raw& raw) {
    const auto key = rocks::task_key({"ns", "b"});
    const std::string row(rocks::spec_row(key));
    raw.put("tasks", row, raw.all("tasks").at(row).substr(0, 20));
  });
}

TEST_F(RocksStoreTest, ATaskWithoutSpecIsSetAside) {
  damaged_task_is_set_aside(path(), [](Raw& raw) {
    raw.remove("tasks", std::string(rocks::spec_row(rocks::task_key({"ns", "b"}))));
  });
}

// Whichever of its two values is left, wherever its spec lies, and whether the batch is looked up
// by one or key by key.
TEST_F(RocksStoreTest, HalfATaskIsNotOverwritten) {
  std::vector<model::TaskRecord> records;
  for (int i = 10; i < 30; ++i) records.push_back(make_record("ns", std::to_string(i), kT0));
  const std::string left = rocks::task_key(records[5].task.key);
  auto large = records[5];
  large.task.request.body = Body::text(std::string(rocks::kSpecBesideMax, 'x'));
  struct Half {
    const char* family;
    std::string row;
    const model::TaskRecord& record;
  };
  for (const auto& [family, row, record] :
       {Half{"tasks", left, records[5]},
        Half{"tasks", std::string(rocks::spec_row(left)), records[5]}, Half{"tasks", left, large},
        Half{"specs", left, large}}) {
    SCOPED_TRACE(::testing::Message() << family << " " << row.size());
    testing::TempDir dir;
    const std::string at = dir.sub("store");
    ASSERT_TRUE(put_ok(*open_ok(at), record));
    ASSERT_TRUE(Raw(at).all(family).contains(row));
    Raw(at).remove(family, row);
    {
      auto store = open_ok(at);
      const auto many = store->put(records);
      for (std::size_t i = 0; i < records.size(); ++i) {
        if (i != 5) {
          EXPECT_TRUE(many[i] && many[i]->created) << i;
        } else {
          ASSERT_FALSE(many[i]);
          EXPECT_EQ(many[i].error().code, ErrorCode::kCorrupt);
        }
      }
      const auto one = store->put(std::span(&records[5], 1));
      ASSERT_FALSE(one[0]);
      EXPECT_EQ(one[0].error().code, ErrorCode::kCorrupt);
    }
    EXPECT_FALSE(Raw(at).all(family).contains(row));
  }
}

TEST_F(RocksStoreTest, AnOutcomeIsStoredWhereTheKeyOfWhatFollowsHoldsNoTask) {
  ASSERT_TRUE(put_ok(*open_ok(path()), make_record("ns", "id", kT0)));
  Raw(path()).put("tasks", rocks::task_key({"ns", "f"}), "\xff garbage");
  auto store = open_ok(path());
  const auto claimed = store->claim_due({.now = kT0, .due_by = kT0, .limit = 1});
  const Commit commit = followed_by(done(claimed->claims.at(0), kT0), "f", kT0);
  CapturedLog log;
  EXPECT_EQ(*store->commit({&commit, 1}).at(0), CommitOutcome::kApplied);
  EXPECT_THAT(log.text(), AllOf(HasSubstr("cannot be read"), HasSubstr("id=f ")));
  EXPECT_EQ(store->get({"ns", "id"}, kT0)->status, Status::kDone);
  EXPECT_EQ(store->get({"ns", "f"}, kT0).error().code, ErrorCode::kCorrupt);
}

TEST_F(RocksStoreTest, APageByIdEndsWhereTheTasksDo) {
  auto store = open_ok(path());
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(put_ok(*store, make_record("ns", id, kT0)));
  for (const bool desc : {false, true}) {
    TaskQuery query{.ns = "ns", .id_prefix = "", .desc = desc, .limit = 3, .now = kT0};
    const auto all = store->query_tasks(query);
    ASSERT_TRUE(all);
    EXPECT_EQ(all->items.size(), 3U);
    EXPECT_EQ(all->next, std::nullopt);
    query.limit = 2;
    EXPECT_NE(store->query_tasks(query)->next, std::nullopt);
  }
}

// Small ones beside the state, larger ones in a family of their own.
TEST_F(RocksStoreTest, ASpecIsReplacedAndRemovedWhereverItLies) {
  const TimePoint end = kT0 + seconds{10};
  const auto body = [](std::size_t size) { return Body::text(std::string(size, 'x')); };
  const Body small = body(10), large = body(rocks::kSpecBesideMax);
  auto store = open_ok(path());
  const auto put = [&](const std::string& id, const Body& of) {
    auto record = make_record("ns", id, kT0);
    record.task.request.body = of;
    record.task.status = Status::kDone;
    record.task.expires_at = end;
    return put_ok(*store, record);
  };
  const auto counts = [](std::size_t states, std::size_t small_specs, std::size_t large_specs) {
    return std::pair(states + small_specs, large_specs);
  };
  const auto rows = [&] {
    store.reset();
    Raw raw(path());
    return std::pair(raw.all("tasks").size(), raw.all("specs").size());
  };
  for (const char* id : {"changed", "removed", "cleared", "dropped"}) {
    ASSERT_TRUE(put(id + std::string(" small"), small));
    ASSERT_TRUE(put(id + std::string(" large"), large));
  }
  const std::vector<TaskKey> changed{{"ns", "changed large"}, {"ns", "changed small"}};
  const auto swap = [&](Task task) -> Result<Task> {
    task.request.body = task.key.id == "changed small" ? large : small;
    return task;
  };
  for (const auto& task : store->change(changed, swap, kT0)) ASSERT_TRUE(task);
  EXPECT_EQ(rows(), counts(8, 4, 4));

  store = open_ok(path());
  EXPECT_EQ(store->get(changed[0], kT0)->request.body.data(), small.data());
  EXPECT_EQ(store->get(changed[1], kT0)->request.body.data(), large.data());
  const std::vector<TaskKey> removed{{"ns", "removed large"}, {"ns", "removed small"}};
  for (const auto& task : store->remove(removed, kT0)) ASSERT_TRUE(task);
  EXPECT_EQ(rows(), counts(6, 3, 3));

  // In the place of one that has expired.
  store = open_ok(path());
  auto again = make_record("ns", "changed small", end);
  again.task.created_at = end;
  ASSERT_TRUE(put_ok(*store, again));
  EXPECT_EQ(store->get(again.task.key, end)->request.body.data(), again.task.request.body.data());
  EXPECT_EQ(rows(), counts(6, 4, 2));

  store = open_ok(path());
  EXPECT_EQ(*store->clear("ns", 2), 2U);  // the first two
  EXPECT_EQ(rows(), counts(4, 2, 2));
  store = open_ok(path());
  ASSERT_TRUE(store->claim_due({.now = end, .due_by = end, .limit = 1}));
  EXPECT_EQ(rows(), counts(0, 0, 0));
}

TEST_F(RocksStoreTest, ADueEntryOfNoTaskIsRemoved) {
  open_ok(path()).reset();
  Raw(path()).put("due", rocks::due_key(kT0, rocks::task_key({"ns", "ghost"})),
                  rocks::due_value(kT0, 1));
  {
    auto store = open_ok(path());
    const auto claimed = store->claim_due({.now = kT0, .due_by = kT0, .limit = 10});
    ASSERT_TRUE(claimed);
    EXPECT_TRUE(claimed->claims.empty());
    EXPECT_TRUE(claimed->set_aside.empty());
    EXPECT_EQ(*store->next_due(kT0), std::nullopt);
  }
  EXPECT_TRUE(Raw(path()).all("due").empty());
}

TEST_F(RocksStoreTest, ADueEntryWithABrokenValueIsDeliveredAllTheSame) {
  const auto key = rocks::task_key({"ns", "id"});
  for (const std::string& value : {std::string("short"), rocks::time_bytes(kT0)}) {
    for (const bool through_gate : {false, true}) {
      ASSERT_TRUE(put_ok(*open_ok(path()), make_record("ns", "id", kT0)));
      Raw(path()).put("due", rocks::due_key(kT0, key), value);
      {
        auto store = open_ok(path());
        CountingGate gate;
        EXPECT_EQ(*store->next_due(kT0), kT0);
        EXPECT_EQ(all_due(*store, kT0, kT0, 10).size(), 1u);
        const auto claimed = store->claim_due(
            {.now = kT0, .due_by = kT0, .limit = 10, .gate = through_gate ? &gate : nullptr});
        ASSERT_TRUE(claimed);
        ASSERT_EQ(claimed->claims.size(), 1u);
        const Commit commit = done(claimed->claims[0], kT0);
        EXPECT_EQ(*store->commit(std::span(&commit, 1)).at(0), CommitOutcome::kApplied);
        EXPECT_EQ(*store->next_due(kT0), std::nullopt);
      }
      {
        Raw raw(path());
        EXPECT_TRUE(raw.all("due").empty());
        EXPECT_EQ(raw.all("by_date").size(), 1u);
      }
      ASSERT_TRUE(open_ok(path())->clear("ns", 1));
    }
  }
}

TEST_F(RocksStoreTest, ADueEntryWithABrokenValueIsRefusedLikeOthers) {
  ASSERT_TRUE(put_ok(*open_ok(path()), make_record("ns", "id", kT0)));
  Raw(path()).put("due", rocks::due_key(kT0, rocks::task_key({"ns", "id"})), "short");
  auto store = open_ok(path());
  CountingGate gate;
  gate.allow_of("ns", 0);
  const ClaimRequest request{.now = kT0, .due_by = kT0, .limit = 10, .gate = &gate};
  const auto refused = store->claim_due(request);
  ASSERT_TRUE(refused);
  EXPECT_TRUE(refused->claims.empty());
  EXPECT_TRUE(refused->waits);
  gate.allow_all();
  gate.open_all();
  EXPECT_EQ(store->claim_due(request)->claims.size(), 1u);
}

// What is not even a key of the index is passed over by all who look.
TEST_F(RocksStoreTest, ADueEntryThatIsNoKeyHoldsNothingUp) {
  open_ok(path()).reset();
  Raw(path()).put("due", "x", "");
  Raw(path()).put("due", rocks::time_bytes(kT0), "");
  auto store = open_ok(path());
  const auto claimed = store->claim_due({.now = kT0, .due_by = kT0, .limit = 10});
  ASSERT_TRUE(claimed);
  EXPECT_TRUE(claimed->claims.empty());
  EXPECT_EQ(*store->next_due(kT0), std::nullopt);
  EXPECT_TRUE(all_due(*store, kT0, kT0, 10).empty());
}

TEST_F(RocksStoreTest, IndexesHoldExactlyWhatTheTasksSay) {
  {
    auto store = open_ok(path());
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(put_ok(*store, make_record("ns", std::to_string(i), kT0 + milliseconds{i})));
    }
    const auto claimed =
        store->claim_due({.now = kT0 + seconds{1}, .due_by = kT0 + seconds{1}, .limit = 12});
    std::vector<Commit> commits;
    for (std::size_t i = 0; i < 12; ++i) {
      const Claim& c = claimed->claims[i];
      commits.push_back(i % 3 == 0 ? done(c, kT0) : retried(c, kT0, kT0 + seconds{9}));
      if (i % 3 == 1) commits.back().task.scheduled_date = kT0 + seconds{100};
    }
    for (const auto& result : store->commit(commits)) ASSERT_TRUE(result);
    const std::vector<TaskKey> keys{{"ns", "15"}, {"ns", "1"}, {"ns", "0"}};
    for (const auto& result : store->change(std::span(keys).first(2), suspend_edit, kT0)) {
      ASSERT_TRUE(result);
    }
    for (const auto& result : store->remove(std::span(keys).last(1), kT0)) ASSERT_TRUE(result);
  }
  Raw raw(path());
  std::map<std::string, std::string> due;
  std::map<std::string, std::string> by_date;
  const auto rows = raw.all("tasks");
  EXPECT_EQ(rows.size(), 2 * 19u);
  for (const auto& [bytes, state] : rows) {
    if (rocks::is_spec_row(bytes)) continue;
    const auto record = codec::decode_record(*rocks::parse_task_key(bytes),
                                             rows.at(std::string(rocks::spec_row(bytes))), state);
    ASSERT_TRUE(record);
    by_date[rocks::date_key(record->task)] = "";
    if (record->task.status == Status::kActive) {
      due[rocks::due_key(model::place_of(record->task), bytes)] = rocks::due_value(record->task);
    }
  }
  EXPECT_EQ(raw.all("due"), due);
  EXPECT_EQ(raw.all("by_date"), by_date);
}

TEST_F(RocksStoreTest, CompactionDropsExpiredLogsAndTheirReferences) {
  ManualClock clock(kT0);
  RocksOptions options;
  options.clock = &clock;
  {
    auto database = rocks::Database::open(path(), options);
    ASSERT_TRUE(database);
    rocks::Database& db = **database;
    rocksdb::WriteBatch batch;
    for (int i = 0; i < 3; ++i) {
      Log log = make_log({"ns", "t"}, kT0, std::to_string(i));
      if (i < 2) log.expires_at = kT0 + seconds{10 * (i + 1)};
      (void)batch.Put(db[rocks::Family::kLogs], rocks::log_key("ns", kT0, log.id),
                      codec::encode_log(log));
      (void)batch.Put(db[rocks::Family::kLogRefs], rocks::task_logs_prefix("ns", "t") + log.id,
                      rocks::ref_value(log.expires_at, false));
    }
    ASSERT_TRUE(db.write(batch));
    const auto left = [&](rocks::Family family) {
      rocksdb::CompactRangeOptions compact;
      compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
      EXPECT_TRUE(db.db().CompactRange(compact, db[family], nullptr, nullptr).ok());
      const std::unique_ptr<rocksdb::Iterator> it(db.db().NewIterator({}, db[family]));
      int count = 0;
      for (it->SeekToFirst(); it->Valid(); it->Next()) ++count;
      return count;
    };
    for (const auto family : {rocks::Family::kLogs, rocks::Family::kLogRefs}) {
      clock.set(kT0 + seconds{10} - milliseconds{1});
      EXPECT_EQ(left(family), 3);
      clock.set(kT0 + seconds{10});
      EXPECT_EQ(left(family), 2);
      clock.set(kT0 + seconds{1'000'000});
      EXPECT_EQ(left(family), 1);
    }
  }
}

TEST_F(RocksStoreTest, ExpiredLogsLeaveTheDiskThoughNothingElseHappens) {
  ManualClock clock(kT0 + seconds{1'000'000});
  RocksOptions options;
  options.clock = &clock;
  options.rewrite_logs_after = seconds{1};
  auto database = rocks::Database::open(path(), options);
  ASSERT_TRUE(database);
  rocks::Database& db = **database;
  rocksdb::WriteBatch batch;
  for (int i = 0; i < 3; ++i) {
    Log log = make_log({"ns", "t"}, kT0, std::to_string(i));
    if (i < 2) log.expires_at = kT0 + seconds{10};
    (void)batch.Put(db[rocks::Family::kLogs], rocks::log_key("ns", kT0, log.id),
                    codec::encode_log(log));
  }
  ASSERT_TRUE(db.write(batch));
  ASSERT_TRUE(db.db().Flush({}, db[rocks::Family::kLogs]).ok());
  const auto left = [&] {
    const std::unique_ptr<rocksdb::Iterator> it(db.db().NewIterator({}, db[rocks::Family::kLogs]));
    int count = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) ++count;
    return count;
  };
  EXPECT_EQ(left(), 3);
  const auto deadline = std::chrono::steady_clock::now() + testing::kPatience;
  while (left() > 1 && std::chrono::steady_clock::now() < deadline) {
    ASSERT_TRUE(db.use());  // as each call of a store has it
    std::this_thread::sleep_for(milliseconds{50});
  }
  EXPECT_EQ(left(), 1);
}

TEST_F(RocksStoreTest, ExpiredTasksLeaveTheDiskThoughNothingElseHappens) {
  constexpr int kTasks = 1'000;
  RocksOptions options;
  options.merge_deleted_after = seconds{0};
  auto store = open_ok(path(), options);
  std::mt19937_64 random(7);
  for (int i = 0; i < kTasks; ++i) {
    auto record = make_record("ns", std::to_string(i), kT0);
    std::string body(10'000, ' ');  // that does not compress
    for (char& c : body) c = static_cast<char>('!' + random() % 90);
    record.task.request.body = Body::text(std::move(body));
    record.task.status = Status::kDone;
    record.task.expires_at = kT0 + seconds{10};
    ASSERT_TRUE(put_ok(*store, record));
  }
  store.reset();
  store = open_ok(path(), options);  // with all of it in files
  const auto in_files = [&] {
    std::uintmax_t bytes = 0;
    for (const auto& file : fs::directory_iterator(path())) {
      std::error_code gone;
      const auto size = fs::file_size(file.path(), gone);
      if (!gone && file.path().extension() == ".sst") bytes += size;
    }
    return bytes;
  };
  EXPECT_GT(in_files(), 8'000'000u);
  const auto deadline = std::chrono::steady_clock::now() + testing::kPatience;
  while (in_files() > 1'000'000 && std::chrono::steady_clock::now() < deadline) {
    ASSERT_TRUE(store->claim_due({.now = kT0 + seconds{10}, .due_by = kT0, .limit = 1}));
    std::this_thread::sleep_for(milliseconds{50});
  }
  EXPECT_LT(in_files(), 1'000'000u);
}

TEST_F(RocksStoreTest, AClaimIsBoundedByBytesAndSaysThatThereIsMore) {
  RocksOptions options;
  options.claim_bytes_max = 10'000;
  auto store = open_ok(path(), options);
  for (int i = 0; i < 300; ++i) {
    auto record = make_record("ns", std::to_string(1000 + i), kT0);
    record.task.request.body = Body::text(std::string(1000, 'x'));
    ASSERT_TRUE(put_ok(*store, record));
  }
  std::size_t count = 0;
  for (int calls = 0; calls < 10; ++calls) {
    const auto claimed = store->claim_due({.now = kT0, .due_by = kT0, .limit = 300});
    ASSERT_TRUE(claimed);
    EXPECT_LT(claimed->claims.size(), 300u);
    count += claimed->claims.size();
    EXPECT_EQ(claimed->more, count < 300);
    if (!claimed->more) break;
  }
  EXPECT_EQ(count, 300u);
}

// A crash of the machine can tear the end of the log: cut it at every length.
TEST_F(RocksStoreTest, ATornLogLosesOnlyItsEnd) {
  {
    auto store = open_ok(path());
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(put_ok(*store, make_record("ns", std::to_string(i), kT0)));
    }
    fs::copy(path(), dir_.sub("copy"), fs::copy_options::recursive);
  }
  fs::path log;
  for (const auto& entry : fs::directory_iterator(dir_.sub("copy"))) {
    if (entry.path().extension() == ".log" && fs::file_size(entry.path()) > 0) log = entry.path();
  }
  ASSERT_FALSE(log.empty());
  const auto size = fs::file_size(log);
  for (const std::uintmax_t cut : {1, 7, 100, 600}) {
    SCOPED_TRACE(cut);
    ASSERT_LT(cut, size);
    const std::string torn = dir_.sub("torn" + std::to_string(cut));
    fs::copy(dir_.sub("copy"), torn, fs::copy_options::recursive);
    fs::resize_file(fs::path(torn) / log.filename(), size - cut);
    auto store = open_ok(torn);
    TaskQuery query;
    query.ns = "ns";
    query.now = kT0;
    const auto left = all_tasks(*store, query);
    EXPECT_LT(left.size(), 5u);
    // What is left is whole: the first ones, each with its index entries.
    for (std::size_t i = 0; i < left.size(); ++i) EXPECT_EQ(left[i].key.id, std::to_string(i));
    const auto claimed = store->claim_due({.now = kT0, .due_by = kT0, .limit = 10});
    EXPECT_EQ(claimed->claims.size(), left.size());
    EXPECT_TRUE(claimed->set_aside.empty());
    EXPECT_TRUE(put_ok(*store, make_record("ns", "new", kT0)));
  }
}

}  // namespace
}  // namespace rhooks::testing

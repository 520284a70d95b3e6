// A log of writes that a crash tore, and one that the disk damaged: the first loses nothing that
// was stored, the second must not pass for the first.

#include "store/rocks/log_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "observe/metrics.h"
#include "store/rocks/test_raw.h"
#include "testing/store_contract.h"
#include "testing/temp_dir.h"

namespace rhooks::testing {
namespace {

using namespace store;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

// A store as a process left it that was killed: what was stored is in its log.
class DamagedLogTest : public ::testing::Test {
 protected:
  static constexpr int kTasks = 400;

  DamagedLogTest() {
    auto store = open_ok(path());
    for (int i = 0; i < kTasks; ++i) {
      EXPECT_TRUE(put_ok(*store, make_record("ns", id(i), kT0)));
      ends_.push_back(fs::file_size(log_in(path())));
    }
    fs::copy(path(), dir_.sub("left"), fs::copy_options::recursive);
  }

  std::string path() const { return dir_.sub("store"); }
  static std::string id(int i) { return std::to_string(1'000 + i); }
  static fs::path log_in(const std::string& store) {
    for (const auto& entry : fs::directory_iterator(store)) {
      if (entry.path().extension() == ".log") return entry.path();
    }
    return {};
  }
  // The store as it was left, with its log changed.
  std::string copy_with(const std::function<void(std::string& log)>& change) {
    const std::string copy = dir_.sub("copy" + std::to_string(++copies_));
    fs::copy(dir_.sub("left"), copy, fs::copy_options::recursive);
    const fs::path log = log_in(copy);
    std::string bytes;
    {
      std::ostringstream text;
      text << std::ifstream(log, std::ios::binary).rdbuf();
      bytes = text.str();
    }
    change(bytes);
    std::ofstream(log, std::ios::binary | std::ios::trunc) << bytes;
    return copy;
  }
  static std::size_t tasks_in(Store& store) {
    TaskQuery query;
    query.ns = "ns";
    query.now = kT0;
    return all_tasks(store, query).size();
  }

  TempDir dir_;
  std::vector<std::uintmax_t> ends_;  // of each task in the log
  int copies_ = 0;
};

TEST_F(DamagedLogTest, OneBitIsNoTornEnd) {
  ASSERT_GT(ends_.back(), 2 * 32'768u) << "several blocks";
  // A bit of the contents, the size, the type and the CRC, early, in the middle and near the end.
  for (const int task : {30, 150, kTasks - 3}) {
    for (const std::uintmax_t at : {60, 4, 5, 6, 0}) {
      SCOPED_TRACE(std::to_string(task) + " " + std::to_string(at));
      const auto offset = ends_[static_cast<std::size_t>(task) - 1] + at;
      const std::string copy = copy_with([&](std::string& log) { log[offset] ^= 0x10; });
      const auto before = fs::file_size(log_in(copy));
      const auto refused = open_rocks(copy);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
      EXPECT_THAT(refused.error().message, HasSubstr("is damaged"));
      EXPECT_THAT(refused.error().message, HasSubstr("--drop-damaged-writes"));
      EXPECT_EQ(fs::file_size(log_in(copy)), before) << "nothing was changed";

      Metrics metrics;
      RocksOptions dropping;
      dropping.drop_damaged_writes = true;
      dropping.metrics = &metrics;
      auto opened = open_rocks(copy, dropping);
      ASSERT_TRUE(opened) << opened.error().message;
      auto store = std::move(*opened);
      EXPECT_EQ(tasks_in(*store), static_cast<std::size_t>(task));
      EXPECT_THAT(metrics.expose(), Not(HasSubstr("rhooks_store_writes_dropped_total 0\n")));
      store.reset();
      EXPECT_TRUE(open_rocks(copy)) << "it is well again";
    }
  }
}

// What a crash leaves: the last write in part, as a shorter file, as zeros or with a hole.
TEST_F(DamagedLogTest, ATornEndIsNoDamage) {
  const auto last = ends_[kTasks - 2];
  const auto size = ends_.back();
  for (auto cut = last; cut < size; cut += 37) {
    const std::string copy = copy_with([&](std::string& log) { log.resize(cut); });
    EXPECT_EQ(tasks_in(*open_ok(copy)), kTasks - 1u) << cut;
  }
  for (auto from = last; from < size; from += 41) {
    const std::string copy = copy_with([&](std::string& log) {
      std::fill(log.begin() + static_cast<long>(from), log.end(), '\0');
    });
    EXPECT_EQ(tasks_in(*open_ok(copy)), kTasks - 1u) << from;
  }
  const std::string zeros = copy_with([&](std::string& log) { log.append(100'000, '\0'); });
  EXPECT_EQ(tasks_in(*open_ok(zeros)), static_cast<std::size_t>(kTasks));
}

// One write over many blocks: of its pages some came, others did not.
TEST_F(DamagedLogTest, AHoleInOneLongWriteIsATornEnd) {
  {
    auto store = open_ok(dir_.sub("left"));
    std::vector<model::TaskRecord> records;
    for (int i = 0; i < 10; ++i) {
      records.push_back(make_record("ns", "long" + std::to_string(i), kT0));
      records.back().task.request.body = Body::text(std::string(20'000, 'x'));
    }
    for (const auto& result : store->put(records)) ASSERT_TRUE(result);
    fs::remove_all(path());
    fs::copy(dir_.sub("left"), path(), fs::copy_options::recursive);
  }
  const auto size = fs::file_size(log_in(dir_.sub("left")));
  ASSERT_GT(size, 200'000u);
  for (std::uintmax_t page = 4'096; page + 4'096 < size; page += 5 * 4'096) {
    const std::string copy = copy_with(
        [&](std::string& log) { std::fill_n(log.begin() + static_cast<long>(page), 4'096, '\0'); });
    EXPECT_EQ(tasks_in(*open_ok(copy)), static_cast<std::size_t>(kTasks)) << page;
  }
}

// A log that is torn and a later one that goes on from there: the store was opened in between.
TEST_F(DamagedLogTest, ALaterLogTellsWhetherAnythingIsMissing) {
  const std::string copy = copy_with([&](std::string& log) { log.resize(ends_.back() - 5); });
  const fs::path first = log_in(copy);
  std::ostringstream torn;
  torn << std::ifstream(first, std::ios::binary).rdbuf();
  {
    auto store = open_ok(copy);
    ASSERT_EQ(tasks_in(*store), kTasks - 1u);
    ASSERT_TRUE(put_ok(*store, make_record("ns", "after", kT0)));
  }
  fs::copy(copy, dir_.sub("both"), fs::copy_options::recursive);
  // As if the machine had stopped before the old log was deleted.
  const fs::path old = fs::path(dir_.sub("both")) / first.filename();
  std::ofstream(old, std::ios::binary) << torn.str();
  fs::copy(dir_.sub("both"), dir_.sub("kept"), fs::copy_options::recursive);
  EXPECT_EQ(tasks_in(*open_ok(dir_.sub("both"))), static_cast<std::size_t>(kTasks));

  // Two more writes are gone from the first one, and the second goes on behind them.
  fs::create_directory(dir_.sub("logs"));
  for (const auto& entry : fs::directory_iterator(dir_.sub("kept"))) {
    if (entry.path().extension() == ".log") fs::copy(entry.path(), dir_.sub("logs"));
  }
  std::string shorter = torn.str();
  shorter.resize(ends_[kTasks - 3] - 5);
  std::ofstream(fs::path(dir_.sub("logs")) / first.filename(), std::ios::binary | std::ios::trunc)
      << shorter;
  const auto damage = rocks::find_damage(*rocksdb::Env::Default(), dir_.sub("logs"));
  ASSERT_TRUE(damage) << damage.error().message;
  ASSERT_TRUE(*damage);
  EXPECT_EQ((*damage)->file, first.filename());
  EXPECT_EQ((*damage)->offset, ends_[kTasks - 4]);
}

// One that was torn once, and is of no use any more: power went before it was deleted, and after
// the ones that followed it had been.
TEST_F(DamagedLogTest, ATornLogThatIsOfNoUseAnyMoreIsNoDamage) {
  const std::string copy = copy_with([&](std::string& log) { log.resize(ends_.back() - 5); });
  const fs::path first = log_in(copy);
  std::ostringstream torn;
  torn << std::ifstream(first, std::ios::binary).rdbuf();
  constexpr std::size_t kLives = 3;
  for (std::size_t life = 0; life < kLives; ++life) {
    auto store = open_ok(copy);
    ASSERT_TRUE(put_ok(*store, make_record("ns", "after" + std::to_string(life), kT0)));
  }
  ASSERT_FALSE(fs::exists(first));
  std::ofstream(first, std::ios::binary) << torn.str();
  const auto looks = rocks::find_damage(*rocksdb::Env::Default(), copy);
  ASSERT_TRUE(looks && *looks) << "the case is no case any more";
  EXPECT_EQ(tasks_in(*open_ok(copy)), kTasks - 1u + kLives);
  EXPECT_FALSE(fs::exists(first));
}

}  // namespace
}  // namespace rhooks::testing

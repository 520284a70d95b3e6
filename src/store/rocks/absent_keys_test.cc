#include "store/rocks/absent_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>

#include "testing/temp_dir.h"

namespace rhooks::store::rocks {
namespace {

class AbsentKeysTest : public ::testing::Test {
 protected:
  AbsentKeysTest() {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* db = nullptr;
    EXPECT_TRUE(rocksdb::DB::Open(options, dir_.sub("db"), &db).ok());
    db_.reset(db);
  }

  void put(const std::string& key) { EXPECT_TRUE(db_->Put({}, key, "x").ok()); }
  void remove(const std::string& key) { EXPECT_TRUE(db_->Delete({}, key).ok()); }
  std::vector<bool> find(const std::vector<std::string>& keys) {
    return find_absent(*db_, db_->DefaultColumnFamily(), keys);
  }
  static std::string key(int number) {
    const std::string digits = std::to_string(number);
    return "k" + std::string(6 - digits.size(), '0') + digits;
  }
  static std::vector<std::string> keys(int from, int to) {
    std::vector<std::string> made;
    for (int i = from; i < to; ++i) made.push_back(key(i));
    return made;
  }

  testing::TempDir dir_;
  std::unique_ptr<rocksdb::DB> db_;
};

TEST_F(AbsentKeysTest, TellsOfAllThatLieTogetherBehindAndBetweenThoseThere) {
  EXPECT_EQ(find(keys(0, 1'000)), std::vector<bool>(1'000, true));
  put(key(99));
  put(key(2'000));
  EXPECT_EQ(find(keys(100, 1'100)), std::vector<bool>(1'000, true));
  EXPECT_EQ(find(keys(3'000, 3'100)), std::vector<bool>(100, true));
}

TEST_F(AbsentKeysTest, TellsOfThoseAroundOneThatIsThere) {
  put(key(50));
  std::vector<bool> expected(100, true);
  expected[50] = false;
  EXPECT_EQ(find(keys(0, 100)), expected);
  auto backwards = keys(0, 100);
  std::reverse(backwards.begin(), backwards.end());
  std::reverse(expected.begin(), expected.end());
  EXPECT_EQ(find(backwards), expected);
}

TEST_F(AbsentKeysTest, SaysNothingOfAKeyThatAnotherOneBeginsWith) {
  put(key(50) + "!");
  std::vector<bool> expected(100, true);
  expected[50] = false;
  EXPECT_EQ(find(keys(0, 100)), expected);
  put(key(99) + "!");
  expected[99] = false;
  EXPECT_EQ(find(keys(0, 100)), expected);
}

TEST_F(AbsentKeysTest, SaysNothingOfFewKeysAndOfNone) {
  EXPECT_EQ(find(keys(0, 2)), std::vector<bool>(2, false));
  EXPECT_TRUE(find({}).empty());
}

TEST_F(AbsentKeysTest, GivesUpWhereManyAreThere) {
  for (int i = 0; i < 100; i += 5) put(key(i));
  const auto absent = find(keys(0, 100));
  EXPECT_FALSE(absent[0]);
  for (int i = 1; i < 5; ++i) EXPECT_TRUE(absent[static_cast<std::size_t>(i)]) << i;
  EXPECT_EQ(std::count(absent.begin() + 50, absent.end(), true), 0);
}

TEST_F(AbsentKeysTest, GivesUpBehindManyThatWereDeleted) {
  for (int i = 0; i < 100; ++i) {
    put(key(i));
    remove(key(i));
  }
  put(key(150));
  EXPECT_EQ(find(keys(0, 200)), std::vector<bool>(200, false));
}

// In the memory of the database, in its files, and in both.
TEST_F(AbsentKeysTest, NeverCallsAbsentWhatIsThereWhateverTheKeys) {
  std::mt19937 random(20261122);
  const auto any = [&](std::size_t span) { return key(static_cast<int>(random() % span)); };
  std::set<std::string> there;
  for (int round = 0; round < 300; ++round) {
    const auto span = std::size_t{1} << (4 + random() % 10);
    for (int i = 0; i < 40; ++i) {
      const std::string one = any(span) + (random() % 4 == 0 ? "!" : "");
      if (random() % 2 == 0) {
        put(one);
        there.insert(one);
      } else {
        remove(one);
        there.erase(one);
      }
    }
    if (round % 40 == 0) {
      ASSERT_TRUE(db_->Flush({}).ok());
    }
    std::vector<std::string> asked;
    for (auto i = random() % 100; i > 0; --i) asked.push_back(any(span));
    if (round % 2 == 0) std::sort(asked.begin(), asked.end());
    const auto absent = find(asked);
    ASSERT_EQ(absent.size(), asked.size());
    for (std::size_t i = 0; i < asked.size(); ++i) {
      ASSERT_FALSE(absent[i] && (there.contains(asked[i]) || there.contains(asked[i] + "!")))
          << "round " << round << ": " << asked[i];
    }
  }
}

}  // namespace
}  // namespace rhooks::store::rocks

#include "store/dynamo/due_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/random.h"
#include "store/dynamo/test_gate.h"
#include "testing/store_contract.h"
#include "testing/test_seed.h"

namespace rhooks::store::dynamo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::kT0;

TaskKey key(const std::string& id) {
  return {"ns", id};
}

class DueCacheTest : public ::testing::Test {
 protected:
  // Moves both clocks.
  void pass(milliseconds time) {
    now_ += time;
    steady_ += time;
  }
  void merge(int shard, const std::vector<DueCache::Row>& rows, TimePoint through = kTimeMax) {
    cache_.merge(shard, rows, {through}, steady_, {});
  }
  static Flow flow(std::uint64_t receiver) { return {7, receiver}; }
  static DueCache::Row row(const std::string& id, TimePoint due_at, std::uint64_t receiver) {
    return {key(id), due_at, flow(receiver)};
  }
  std::vector<std::string> pick(std::size_t limit = 100, FlowGate* gate = nullptr) {
    picked_ = cache_.pick(all_, now_, now_, limit, gate);
    std::vector<std::string> ids;
    for (const auto& candidate : picked_.candidates) ids.push_back(candidate.key.id);
    return ids;
  }
  void put_back() { cache_.put_back(picked_.candidates); }
  // What the cache is told by one request after the other, unless it was asked earlier.
  using Asked = std::optional<DueCache::Asked>;
  void stored(int shard, const TaskKey& key, std::optional<TimePoint> due_at, Asked asked = {},
              const Flow& of = {}) {
    std::optional<DueCache::Due> due;
    if (due_at) due = DueCache::Due{*due_at, of};
    cache_.stored(shard, key, due, asked.value_or(cache_.asking()), steady_);
  }
  std::optional<DueCache::ToRead> to_read() const {
    return cache_.to_read(0, now_, now_, seconds{1}, steady_);
  }
  // The claim ends with it.
  void leased(const DueCache::Candidate& candidate, TimePoint until, Asked asked = {}) {
    cache_.leased(candidate, until, asked.value_or(cache_.asking()), steady_);
    cache_.put_back({&candidate, 1});
  }
  void leased_elsewhere(const DueCache::Candidate& candidate, TimePoint until, Asked asked = {}) {
    cache_.leased_elsewhere(candidate, until, asked.value_or(cache_.asking()), steady_);
    cache_.put_back({&candidate, 1});
  }
  void released(int shard, const TaskKey& key, Asked asked = {}) {
    cache_.released(shard, key, asked.value_or(cache_.asking()), steady_);
  }
  std::vector<std::string> unconfirmed() const {
    std::vector<std::string> ids;
    for (const auto& one : cache_.unconfirmed(all_, now_, now_, 100)) ids.push_back(one.key.id);
    return ids;
  }
  void read_both(const std::vector<DueCache::Row>& rows) {
    merge(0, rows);
    merge(1, {});
  }
  using Ids = std::vector<std::string>;

  TimePoint now_ = kT0;
  DueCache::Steady steady_{seconds{1'000}};
  const std::vector<int> all_{0, 1};
  DueCache cache_{2};
  DueCache::Picked picked_;
};

TEST_F(DueCacheTest, TellsTheShardOfWhatItKnows) {
  EXPECT_FALSE(cache_.shard_with(key("a")));
  stored(1, key("a"), now_);
  EXPECT_EQ(cache_.shard_with(key("a")), 1);
  stored(1, key("a"), std::nullopt);
  EXPECT_FALSE(cache_.shard_with(key("a")));
}

TEST_F(DueCacheTest, EarliestOfAllShardsAreFirst) {
  merge(0, {{key("b"), now_ - seconds{2}}, {key("d"), now_}});
  merge(1, {{key("a"), now_ - seconds{3}}, {key("c"), now_ - seconds{1}}, {key("e"), now_}});
  EXPECT_EQ(pick(3), (Ids{"a", "b", "c"}));
  EXPECT_TRUE(picked_.more);
  EXPECT_EQ(pick(), (Ids{"d", "e"})) << "what is picked is nobody else's";
  EXPECT_FALSE(picked_.more);
}

TEST_F(DueCacheTest, NothingIsPickedBeyondWhatIsKnownOfEveryShard) {
  merge(0, {{key("a"), now_ - seconds{3}}, {key("c"), now_ - seconds{1}}});
  EXPECT_EQ(pick(), Ids{}) << "the other shard was not read";
  merge(1, {{key("b"), now_ - seconds{2}}}, now_ - seconds{2});
  EXPECT_EQ(pick(), (Ids{"a", "b"}));
  EXPECT_TRUE(cache_.incomplete(all_, now_));
  EXPECT_FALSE(cache_.incomplete(std::vector<int>{0}, kTimeMax));
}

TEST_F(DueCacheTest, PickedIsFreeAgainOnEveryPath) {
  merge(1, {});
  merge(0, {{key("a"), now_}});
  EXPECT_EQ(pick(), Ids{"a"});
  put_back();
  EXPECT_EQ(pick(), Ids{"a"});
  const auto claiming = picked_.candidates;
  stored(0, key("a"), now_);
  EXPECT_EQ(pick(), Ids{}) << "stored anew by another call, while it is being claimed";
  cache_.put_back(claiming);
  EXPECT_EQ(pick(), Ids{"a"});
  leased(picked_.candidates[0], now_ + seconds{60});
  EXPECT_EQ(pick(), Ids{});
  pass(seconds{60});
  EXPECT_EQ(pick(), Ids{"a"}) << "the lease is over";
  leased(picked_.candidates[0], now_ + seconds{60});
  released(0, key("a"));
  EXPECT_EQ(pick(), Ids{"a"});
  stored(0, key("a"), std::nullopt);
  put_back();  // of what is gone
  EXPECT_EQ(pick(), Ids{});
  EXPECT_EQ(cache_.size(), 0u);
}

TEST_F(DueCacheTest, WhatWasWrittenHereWinsOverAnIndexThatLags) {
  merge(1, {});
  merge(0, {{key("a"), now_}, {key("b"), now_}});
  stored(0, key("a"), std::nullopt);       // done
  stored(0, key("b"), now_ - seconds{1});  // moved
  stored(0, key("c"), now_ - seconds{2});  // new
  pass(seconds{1});
  merge(0, {{key("a"), kT0}, {key("b"), kT0}});
  EXPECT_EQ(pick(), (Ids{"c", "b"}));
  EXPECT_EQ(picked_.candidates[1].due_at, kT0 - seconds{1});
  put_back();
  pass(DueCache::kIndexLag);
  merge(0, {{key("a"), kT0}});
  EXPECT_EQ(pick(), Ids{"a"}) << "by then the index knows better";
}

TEST_F(DueCacheTest, NewTaskIsRememberedAlsoWhereTheShardWasNotReadSoFar) {
  stored(0, key("new"), now_);
  merge(0, {{key("old"), now_ - seconds{1}}}, now_ - seconds{1});
  merge(1, {});
  EXPECT_EQ(pick(), Ids{"old"}) << "others may be due before the new one";
  merge(0, {{key("old"), now_ - seconds{1}}});  // the index does not show it yet
  EXPECT_EQ(pick(), Ids{"new"});
}

TEST_F(DueCacheTest, LeaseEndsWhereTheIndexShowsAnotherDueTime) {
  merge(1, {});
  merge(0, {{key("a"), now_}});
  pick();
  leased(picked_.candidates[0], now_ + seconds{60});  // as it was read: another's
  pass(DueCache::kIndexLag + seconds{1});
  merge(0, {{key("a"), kT0}});
  EXPECT_EQ(pick(), Ids{}) << "still the same occurrence";
  merge(0, {{key("a"), kT0 + seconds{6}}});
  EXPECT_EQ(pick(), Ids{"a"}) << "the other worker committed, and it is due again";
}

TEST_F(DueCacheTest, LeaseOfAnotherIsLookedAtAnewSinceItMayHaveBeenGivenBack) {
  merge(1, {});
  merge(0, {{key("a"), now_}});
  pick();
  put_back();
  leased_elsewhere(picked_.candidates[0], now_ + seconds{60});
  pass(DueCache::kIndexLag);
  merge(0, {{key("a"), kT0}});
  EXPECT_EQ(pick(), Ids{});
  EXPECT_EQ(cache_.next(all_, now_), kT0 + seconds{60});
  pass(milliseconds{1});
  merge(0, {{key("a"), kT0}});
  EXPECT_EQ(cache_.unconfirmed(all_, now_, now_, 9).size(), 1u);
  EXPECT_EQ(pick(), Ids{"a"});
}

TEST_F(DueCacheTest, LeaseOfAnotherIsLookedAtAnewWhereThatOneMayBeDead) {
  read_both({{key("a"), now_}, {key("own"), now_}});
  pick();
  leased_elsewhere(picked_.candidates[0], now_ + seconds{60});
  leased(picked_.candidates[1], now_ + seconds{60});
  EXPECT_EQ(pick(), Ids{});
  cache_.invalidate();
  EXPECT_EQ(unconfirmed(), Ids{"a"});
  EXPECT_EQ(cache_.next(all_, now_), now_);
  read_both({{key("a"), now_}, {key("own"), now_}});
  EXPECT_EQ(pick(), Ids{"a"});
}

TEST_F(DueCacheTest, LeaseOfItsOwnLastsWhateverTheIndexSays) {
  merge(1, {});
  merge(0, {{key("a"), now_}});
  pick();
  leased(picked_.candidates[0], now_ + seconds{60});
  pass(seconds{59});
  merge(0, {{key("a"), kT0}});
  EXPECT_EQ(pick(), Ids{});
  pass(seconds{1});
  EXPECT_EQ(pick(), Ids{"a"});
}

TEST_F(DueCacheTest, ReadsOnlyWhereNeeded) {
  const auto rows = [&](TimePoint due_by) {
    return cache_.to_read(0, now_, due_by, seconds{1}, steady_).has_value();
  };
  EXPECT_TRUE(rows(now_)) << "never read";
  merge(1, {});
  merge(0, {{key("a"), now_}}, now_);
  EXPECT_FALSE(rows(now_));
  EXPECT_FALSE(rows(now_ + seconds{1})) << "one is left of what is known";
  pick();
  EXPECT_TRUE(rows(now_ + seconds{1}));
  EXPECT_FALSE(rows(now_));
  pass(seconds{1});
  EXPECT_TRUE(rows(kT0)) << "too long ago";
  merge(0, {});
  EXPECT_FALSE(rows(now_ + seconds{1}));
  cache_.invalidate();
  EXPECT_TRUE(rows(now_));
}

TEST_F(DueCacheTest, NextIsTheEarliestThatMayBeClaimed) {
  EXPECT_EQ(cache_.next(all_, now_), kTimeMin) << "nothing was read";
  merge(0, {});
  merge(1, {});
  EXPECT_EQ(cache_.next(all_, now_), std::nullopt);
  merge(0, {{key("a"), now_ + seconds{9}}});
  EXPECT_EQ(cache_.next(all_, now_), now_ + seconds{9});
  merge(1, {{key("b"), now_}});
  EXPECT_EQ(cache_.next(all_, now_), now_);
  pick();
  EXPECT_EQ(cache_.next(all_, now_), now_) << "a claim that fails puts it back";
  leased(picked_.candidates[0], now_ + seconds{5});
  EXPECT_EQ(cache_.next(all_, now_), now_ + seconds{5}) << "the end of the lease";
  // Known only up to there: what comes next may be due before what is remembered beyond.
  merge(0, {{key("a"), now_ + seconds{1}}}, now_ + seconds{1});
  stored(0, key("a"), std::nullopt);
  stored(0, key("far"), now_ + seconds{4});
  EXPECT_EQ(cache_.next(all_, now_), now_ + milliseconds{1'001});
}

TEST_F(DueCacheTest, OnlyWhatTheIndexAloneTellsIsUnconfirmed) {
  merge(0, {{key("a"), now_ - seconds{3}}, {key("c"), now_ - seconds{1}}});
  merge(1, {{key("b"), now_ - seconds{2}}, {key("later"), now_ + seconds{1}}});
  EXPECT_EQ(cache_.unconfirmed(all_, now_, now_, 10).size(), 3u);
  EXPECT_EQ(cache_.unconfirmed(all_, now_, now_, 2).size(), 2u);
  stored(1, key("b"), now_ - seconds{2});
  const auto before = cache_.unconfirmed(all_, now_, now_, 10);
  ASSERT_EQ(before.size(), 1u);
  EXPECT_EQ(before[0].key.id, "a");
}

// Threads are told their answers in another order than the service gave them.
TEST_F(DueCacheTest, TaskThatEndedBeforeItsRegistrationWasAnsweredIsLookedAtAnew) {
  read_both({});
  const auto put = cache_.asking();
  merge(0, {{key("a"), now_}});  // it is stored, and another thread finds it,
  ASSERT_EQ(pick(), Ids{"a"});
  leased(picked_.candidates[0], now_ + seconds{60});
  stored(0, key("a"), std::nullopt);  // and ends it
  EXPECT_EQ(cache_.next(all_, now_), std::nullopt);
  stored(0, key("a"), now_, put);
  merge(0, {});
  EXPECT_EQ(unconfirmed(), Ids{"a"}) << "the view holds it for due, and asks nobody";
  stored(0, key("a"), std::nullopt);
  EXPECT_EQ(cache_.next(all_, now_), std::nullopt);
  EXPECT_EQ(cache_.size(), 0u);
}

TEST_F(DueCacheTest, TaskThatWasDeletedWhileItWasReadIsLookedAtAnew) {
  read_both({{key("a"), now_}});
  const auto confirm = cache_.asking();
  stored(0, key("a"), std::nullopt);  // deleted
  stored(0, key("a"), now_, confirm);
  EXPECT_EQ(unconfirmed(), Ids{"a"});
  EXPECT_EQ(pick(), Ids{"a"}) << "it may also have been registered anew";
}

TEST_F(DueCacheTest, LeaseOfAnotherThatIsOverWhenItIsToldDoesNotHoldTheTaskBack) {
  read_both({{key("a"), now_}});
  ASSERT_EQ(pick(), Ids{"a"});
  const auto claim = cache_.asking();
  const auto candidate = picked_.candidates[0];
  stored(0, key("a"), std::nullopt);  // the other committed
  leased_elsewhere(candidate, now_ + seconds{60}, claim);
  EXPECT_EQ(cache_.next(all_, now_), now_) << "it was due, and is leased no more";
  EXPECT_EQ(unconfirmed(), Ids{"a"});
  stored(0, key("a"), std::nullopt);
  EXPECT_EQ(cache_.next(all_, now_), std::nullopt);
}

TEST_F(DueCacheTest, TaskThatWasRegisteredAnewOutlivesALateAnswerThatItIsGone) {
  read_both({{key("a"), now_}});
  const auto remove = cache_.asking();
  stored(0, key("a"), now_ - seconds{1});
  stored(0, key("a"), std::nullopt, remove);
  EXPECT_EQ(unconfirmed(), Ids{"a"});
  ASSERT_EQ(pick(), Ids{"a"});
  EXPECT_EQ(picked_.candidates[0].due_at, now_ - seconds{1});
}

TEST_F(DueCacheTest, OfTwoAnswersThatCrossTheEarlierTimeIsTried) {
  read_both({});
  const auto put = cache_.asking();
  stored(0, key("a"), now_);  // run now
  stored(0, key("a"), now_ + seconds{60}, put);
  EXPECT_EQ(unconfirmed(), Ids{"a"});
  const auto first = cache_.asking();
  const auto second = cache_.asking();
  stored(0, key("b"), now_ - seconds{1}, first);
  stored(0, key("b"), now_ - seconds{1}, second);
  EXPECT_EQ(unconfirmed(), Ids{}) << "both say the same of what is due first";
  EXPECT_EQ(cache_.next(all_, now_), now_ - seconds{1});
}

TEST_F(DueCacheTest, ClaimWhoseAnswerCrossesAnotherHoldsTheTaskNoLonger) {
  read_both({{key("a"), now_}});
  ASSERT_EQ(pick(), Ids{"a"});
  const auto claim = cache_.asking();
  stored(0, key("a"), now_ - seconds{1}, claim);  // a registration that was answered late
  leased(picked_.candidates[0], now_ + seconds{60}, claim);
  EXPECT_EQ(unconfirmed(), Ids{"a"});
  released(0, key("a"));
  EXPECT_EQ(pick(), Ids{"a"});
}

// Tasks registered here and claimed by others: a process that once read the shards.
TEST_F(DueCacheTest, ShardsThatAreNoLongerReadTakeNoMemory) {
  merge(0, {});
  merge(1, {});
  std::size_t most = 0;
  for (int i = 0; i < 60'000; ++i) {
    pass(milliseconds{1});
    stored(i % 2, key(std::to_string(i)), now_ + seconds{i % 100});
    if (i % 3 == 0) stored(i % 2, key(std::to_string(i)), std::nullopt);
    most = std::max(most, cache_.size());
  }
  // While it might still be read, 30 s; then what was written within kIndexLag, twice.
  EXPECT_LE(most, 50'000u);
  EXPECT_LE(cache_.size(), 12'000u);
}

TEST_F(DueCacheTest, TasksFarAheadTakeNoMemoryInShardsThatAreRead) {
  for (int i = 0; i < 30'000; ++i) {
    pass(milliseconds{1});
    if (i % 1'000 == 0) merge(0, {{key("head"), kT0 + seconds{500}}}, kT0 + seconds{500});
    stored(0, key(std::to_string(i)), kT0 + seconds{1'000 + i});
  }
  EXPECT_LE(cache_.size(), 13'000u);
}

TEST_F(DueCacheTest, WhatTheGateRefusesHoldsNothingUp) {
  WindowGate gate(1);
  merge(0, {row("a1", now_ - seconds{4}, 1), row("a2", now_ - seconds{3}, 1),
            row("b", now_ - seconds{1}, 2)});
  merge(1, {row("a3", now_ - seconds{2}, 1)});
  EXPECT_EQ(pick(100, &gate), (Ids{"a1", "b"}));
  EXPECT_FALSE(picked_.more);
  EXPECT_TRUE(picked_.waits);
  EXPECT_EQ(gate.asked(), 3u) << "a3 queues up behind a2";
  for (const auto& candidate : picked_.candidates) leased(candidate, now_ + seconds{60});
  EXPECT_EQ(pick(100, &gate), Ids{});
  EXPECT_EQ(gate.asked(), 3u) << "what waits is not asked for";
  EXPECT_TRUE(picked_.waits);
  EXPECT_EQ(unconfirmed(), Ids{});
  EXPECT_EQ(cache_.next(all_, now_, &gate), now_ + seconds{60});
  EXPECT_EQ(cache_.next(all_, now_), now_ - seconds{3});

  gate.done(flow(1));
  EXPECT_EQ(pick(100, &gate), Ids{"a2"});
  EXPECT_TRUE(picked_.waits);
  gate.done(flow(1));
  EXPECT_EQ(pick(100, &gate), Ids{"a3"});
  EXPECT_FALSE(picked_.waits);
}

TEST_F(DueCacheTest, OpenLaneIsGoneOnWithByTheNextPick) {
  WindowGate gate(3);
  std::vector<DueCache::Row> rows;
  for (int i = 1; i <= 5; ++i)
    rows.push_back(row("a" + std::to_string(i), now_ - seconds{9 - i}, 1));
  read_both(rows);
  EXPECT_EQ(pick(100, &gate), (Ids{"a1", "a2", "a3"}));
  gate.all_done();
  EXPECT_EQ(pick(1, &gate), Ids{"a4"});
  EXPECT_TRUE(picked_.more);
  EXPECT_TRUE(picked_.waits);
  EXPECT_EQ(cache_.next(std::vector<int>{1}, now_, &gate), std::nullopt);
  EXPECT_EQ(pick(1, &gate), Ids{"a5"});
  EXPECT_FALSE(picked_.more);
  EXPECT_FALSE(picked_.waits);
}

TEST_F(DueCacheTest, WhatLiesBehindWaitingTasksIsReadOn) {
  WindowGate gate(1);
  const TimePoint through = now_ - seconds{2};
  merge(0, {row("a1", now_ - seconds{3}, 1), row("a2", through, 1)}, through);
  merge(1, {});
  EXPECT_EQ(pick(100, &gate), Ids{"a1"});
  const auto read = to_read();
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->part == DueCache::Part::kBehind);
  EXPECT_EQ(read->from, through + milliseconds{1});
  const std::vector behind{row("a3", now_ - seconds{1}, 1), row("b", now_, 2)};
  EXPECT_EQ(cache_.claimable(0, behind, now_), 1u);
  cache_.merge(0, behind, {kTimeMax}, steady_, *read);
  EXPECT_EQ(gate.asked(), 2u);
  EXPECT_EQ(pick(100, &gate), Ids{"b"});
  EXPECT_EQ(gate.asked(), 3u);
  EXPECT_FALSE(cache_.incomplete(all_, now_));
  EXPECT_FALSE(to_read());
  EXPECT_EQ(cache_.size(), 4u);
}

TEST_F(DueCacheTest, ReadThatGoesOnFromWhatIsNotKnownAnyMoreTellsNothing) {
  merge(0, {{key("a"), now_ - seconds{3}}}, now_ - seconds{3});
  merge(1, {});
  pick();
  const auto read = to_read();
  ASSERT_TRUE(read);
  merge(0, {{key("a"), now_ - seconds{3}}}, now_ - seconds{4});  // by another thread
  cache_.merge(0, std::vector<DueCache::Row>{{key("c"), now_}}, {kTimeMax}, steady_, *read);
  EXPECT_TRUE(cache_.incomplete(all_, now_)) << "there may be others before c";
  cache_.invalidate();
  cache_.merge(0, std::vector<DueCache::Row>{{key("c"), now_}}, {kTimeMax}, steady_, *read);
  EXPECT_TRUE(cache_.incomplete(all_, now_));
}

TEST_F(DueCacheTest, LongHeadIsReadAgainByPieces) {
  WindowGate gate(1);
  std::vector<DueCache::Row> rows;
  for (int i = 0; i < 3'000; ++i) {
    rows.push_back(row(std::to_string(i), kT0 - seconds{100} + milliseconds{10 * i}, 1));
  }
  merge(0, {rows[0], rows[1]}, rows[1].due_at);
  merge(1, {});
  EXPECT_EQ(pick(100, &gate), Ids{"0"});
  leased(picked_.candidates[0], now_ + seconds{600});
  const auto behind = to_read();
  ASSERT_TRUE(behind && behind->part == DueCache::Part::kBehind);
  cache_.merge(0, std::span(rows).subspan(2), {kTimeMax}, steady_, *behind);
  EXPECT_FALSE(to_read());
  EXPECT_EQ(pick(100, &gate), Ids{});

  pass(seconds{1});
  merge(1, {});
  const auto news = to_read();
  ASSERT_TRUE(news && news->part == DueCache::Part::kNews);
  EXPECT_GT(news->from, rows.back().due_at);
  EXPECT_LT(news->from, now_ - DueCache::kIndexLag);
  cache_.merge(0, std::vector{row("new", now_, 2)}, {kTimeMax}, steady_, *news);
  EXPECT_EQ(cache_.size(), 3'001u);
  EXPECT_EQ(pick(100, &gate), Ids{"new"});

  EXPECT_FALSE(to_read());
  pass(seconds{4});
  const auto first = to_read();
  ASSERT_TRUE(first && first->part == DueCache::Part::kAgain);
  EXPECT_EQ(first->from, kTimeMin);
  std::vector<DueCache::Row> piece(rows.begin(), rows.begin() + 1'000);
  piece.erase(piece.begin() + 500);  // deleted by others
  cache_.merge(0, piece, {piece.back().due_at}, steady_, *first);
  EXPECT_EQ(cache_.size(), 3'000u) << "what lies beyond the piece stays as it was";
  EXPECT_FALSE(cache_.incomplete(all_, now_));
  cache_.merge(0, {}, {}, steady_, *to_read());
  EXPECT_FALSE(to_read());

  pass(seconds{5});
  cache_.merge(0, {}, {}, steady_, *to_read());
  const auto second = to_read();
  ASSERT_TRUE(second && second->part == DueCache::Part::kAgain);
  EXPECT_EQ(second->from, piece.back().due_at + milliseconds{1});
  piece.assign(rows.begin() + 1'000, rows.end());
  cache_.merge(0, piece, {}, steady_, *second);

  pass(seconds{1});
  cache_.merge(0, {}, {now_ - seconds{5}}, steady_, *to_read());
  EXPECT_TRUE(cache_.incomplete(all_, now_)) << "news that were not read to the end are read on";
}

TEST_F(DueCacheTest, OnlySoMuchOfWhatWaitsIsKept) {
  WindowGate gate(1);
  std::vector<DueCache::Row> rows;
  for (std::size_t i = 0; i < DueCache::kLaneMax + 5'000; ++i) {
    rows.push_back(row(std::to_string(i), kT0 - seconds{100} + milliseconds{i}, 1));
  }
  merge(0, {rows[0], rows[1]}, rows[1].due_at);
  merge(1, {});
  EXPECT_EQ(pick(100, &gate), Ids{"0"});
  cache_.merge(0, std::span(rows).subspan(2), {kTimeMax}, steady_, *to_read());
  EXPECT_EQ(pick(100, &gate), Ids{});
  EXPECT_EQ(cache_.size(), DueCache::kLaneMax + 1);
  EXPECT_FALSE(cache_.incomplete(all_, now_));

  gate.set_window(rows.size());
  EXPECT_EQ(pick(rows.size(), &gate).size(), DueCache::kLaneMax);
  EXPECT_TRUE(picked_.more) << "the others are in the index";
  EXPECT_FALSE(cache_.incomplete(all_, now_)) << "nobody else has to wait for them";
  EXPECT_TRUE(cache_.hungry(all_));
  EXPECT_FALSE(cache_.hungry(std::vector<int>{1}));
  const auto read = to_read();
  ASSERT_TRUE(read && read->part == DueCache::Part::kLeftOut);
  EXPECT_EQ(read->from, rows[DueCache::kLaneMax + 1].due_at);
  EXPECT_FALSE(cache_.to_read(0, now_, now_, seconds{1}, steady_, false));
}

// More is due than its lane keeps, at different times, all of it in the index of one shard.
class LeftOutTest : public DueCacheTest {
 protected:
  void SetUp() override { merge(1, {}); }
  void add(std::size_t count, TimePoint from, std::uint64_t receiver) {
    for (std::size_t i = 0; i < count; ++i) {
      const TimePoint at = from + milliseconds{i};
      index_.emplace(at, row(std::to_string(receiver) + "-" + std::to_string(i), at, receiver));
    }
  }
  // Reads 500 rows at most, and leases what it picks.
  void claim() {
    if (const auto read = to_read()) {
      if (read->part == DueCache::Part::kLeftOut) ++left_out_reads_;
      serve(*read);
    }
    pick(256, &gate_);
    for (const auto& candidate : picked_.candidates) {
      leased(candidate, now_ + seconds{600});
      under_way_.push_back(candidate);
    }
  }
  void serve(const DueCache::ToRead& read) {
    std::vector<DueCache::Row> rows;
    DueCache::ReadTo to;
    for (auto it = index_.lower_bound(read.from); it != index_.end(); ++it) {
      if (rows.size() == 500) {
        to.through = rows.back().due_at;
        break;
      }
      rows.push_back(it->second);
    }
    cache_.merge(0, rows, to, steady_, read);
  }
  void remove(const DueCache::Row& one) {
    stored(0, one.key, std::nullopt);
    index_.erase(one.due_at);
  }
  // The receiver answers all that is under way.
  void answer(std::uint64_t receiver) {
    std::erase_if(under_way_, [&](const DueCache::Candidate& one) {
      if (one.flow.receiver != receiver) return false;
      remove({one.key, one.due_at, one.flow});
      gate_.done(one.flow);
      return true;
    });
  }

  std::map<TimePoint, DueCache::Row> index_;
  WindowGate gate_{200};
  std::vector<DueCache::Candidate> under_way_;
  int left_out_reads_ = 0;
};

TEST_F(LeftOutTest, IsReadWithoutAWaitWhenTheLaneIsEmpty) {
  add(30'000, now_ - seconds{100}, 1);
  // Before the first piece, which is read after 5 s.
  for (int i = 0; i < 400 && !index_.empty(); ++i) {
    pass(milliseconds{10});
    claim();
    answer(1);
    if (!cache_.hungry(all_) || index_.empty()) continue;
    const auto next = cache_.next(all_, now_, &gate_);
    ASSERT_TRUE(next);
    EXPECT_LE(*next, index_.begin()->first);
  }
  EXPECT_TRUE(index_.empty());
  EXPECT_GT(left_out_reads_, 10);
  EXPECT_LE(left_out_reads_, 30);
  claim();
  claim();
  EXPECT_FALSE(cache_.hungry(all_));
}

TEST_F(LeftOutTest, IsNotReadWhileTheReceiverDoesNotAnswer) {
  gate_.set_window(1);
  add(30'000, now_ - seconds{100}, 1);
  while (to_read()) claim();
  EXPECT_EQ(under_way_.size(), 1u);
  EXPECT_EQ(cache_.size(), DueCache::kLaneMax + 1);
  // All that waits is deleted.
  for (std::size_t i = 0; i < DueCache::kLaneMax; ++i) {
    remove(DueCache::Row(std::next(index_.begin())->second));
  }
  EXPECT_EQ(cache_.size(), 1u);
  const auto claims = [&] {
    for (int i = 0; i < 100; ++i) {
      pass(milliseconds{10});
      claim();
    }
  };
  claims();
  EXPECT_EQ(left_out_reads_, 0) << "its lane is not open";
  answer(1);
  claims();
  EXPECT_EQ(left_out_reads_, 1) << "then others wait";
  EXPECT_EQ(under_way_.size(), 1u);
  EXPECT_FALSE(cache_.hungry(all_));
}

TEST_F(LeftOutTest, IsGivenUpWhereOnlyOthersFollowThatWait) {
  add(DueCache::kLaneMax + 500, now_ - seconds{100}, 1);
  add(30'000, now_ - seconds{80}, 2);  // does not answer
  while (to_read()) claim();
  EXPECT_EQ(under_way_.size(), 400u);
  EXPECT_EQ(cache_.size(), 2 * DueCache::kLaneMax + 400);
  for (int i = 0; i < 90; ++i) {
    pass(milliseconds{10});
    answer(1);
    claim();
  }
  EXPECT_EQ(index_.size(), 30'000u);
  EXPECT_EQ(left_out_reads_, 2) << "the second tells nothing that has room";
  EXPECT_FALSE(cache_.hungry(all_));
}

TEST_F(LeftOutTest, OfAFlowInOrderIsReadAheadAndNothingPassesIt) {
  gate_.keep_order();
  for (std::size_t i = 0; i < DueCache::kLaneMax + 3'000; ++i) {
    const TimePoint at = now_ - seconds{100} + milliseconds{i};
    index_.emplace(at, DueCache::Row{key(std::to_string(i)), at, {7, 1, 9}});
  }
  int most_idle = 0;
  for (int i = 0, idle = 0; i < 60'000 && !index_.empty(); ++i) {
    pass(milliseconds{2});
    claim();
    idle = under_way_.empty() ? idle + 1 : 0;
    most_idle = std::max(most_idle, idle);
    if (under_way_.empty()) continue;
    ASSERT_EQ(under_way_.size(), 1u);
    ASSERT_EQ(under_way_[0].due_at, index_.begin()->first);
    answer(1);
  }
  EXPECT_TRUE(index_.empty());
  EXPECT_GE(left_out_reads_, 3);
  EXPECT_LE(left_out_reads_, 8);
  EXPECT_LE(most_idle, 3'500) << "what was read just now waits for 5 s, and a read once a second";
}

// Most of the lane lies in the other shard.
TEST_F(DueCacheTest, WhatHasNoRoomDoesNotHaveTheHeadReadAtOnce) {
  WindowGate gate(1);
  std::vector<DueCache::Row> rows;
  for (std::size_t i = 0; i <= DueCache::kLaneMax; ++i) {
    rows.push_back(row("a" + std::to_string(i), kT0 - seconds{100}, 1));
  }
  merge(0, {});
  merge(1, rows);
  EXPECT_EQ(pick(100, &gate), Ids{"a0"});
  std::vector<DueCache::Row> others;
  for (int i = 0; i < 100; ++i) {
    others.push_back(row("b" + std::to_string(i), kT0 - seconds{50}, 1));
  }
  merge(0, others);
  EXPECT_EQ(pick(100, &gate), Ids{});
  EXPECT_EQ(cache_.size(), rows.size());
  for (int i = 0; i < 30; ++i) {
    pass(seconds{1});
    while (const auto read = to_read()) {
      ASSERT_TRUE(read->part != DueCache::Part::kHead);
      const bool again = read->part == DueCache::Part::kAgain;
      cache_.merge(0, again ? others : std::vector<DueCache::Row>(), {}, steady_, *read);
    }
    if (i % 3 == 0) {
      EXPECT_EQ(pick(100, &gate), Ids{});
    }
  }
}

// Campaigns are due at full hours.
TEST_F(DueCacheTest, MoreThanOneReadTakesMayBeDueAtTheSameTime) {
  const TimePoint at = now_ - seconds{1};
  cache_.merge(0, std::vector{row("a", at, 1), row("c", at, 1)}, {at, key("c")}, steady_, {});
  merge(1, {});
  EXPECT_EQ(pick(), (Ids{"a", "c"}));
  EXPECT_TRUE(cache_.incomplete(all_, at));
  EXPECT_EQ(cache_.next(all_, now_), at);
  const auto behind = to_read();
  ASSERT_TRUE(behind && behind->part == DueCache::Part::kBehind);
  EXPECT_EQ(behind->from, at);
  EXPECT_EQ(behind->after, key("c"));
  cache_.merge(0, std::vector{row("b", at, 1)}, {}, steady_, *behind);
  EXPECT_EQ(cache_.size(), 3u);
  EXPECT_FALSE(cache_.incomplete(all_, now_));
  EXPECT_EQ(pick(), Ids{"b"});
}

TEST_F(DueCacheTest, GateIsAskedAnewAfterAChangeOfShardsAndByAnother) {
  WindowGate gate(1);
  const std::vector rows{row("a1", now_ - seconds{2}, 1), row("a2", now_ - seconds{1}, 1)};
  read_both(rows);
  EXPECT_EQ(pick(100, &gate), Ids{"a1"});
  gate.all_done();
  cache_.invalidate();
  EXPECT_EQ(pick(100, &gate), Ids{"a2"});
  put_back();
  EXPECT_EQ(pick(100, &gate), Ids{});
  WindowGate other(1);
  EXPECT_EQ(pick(100, &other), Ids{"a2"});
  put_back();
  EXPECT_EQ(pick(100, &other), Ids{});
  EXPECT_EQ(pick(), Ids{"a2"}) << "without a gate everything passes";
}

TEST_F(DueCacheTest, WaitingTaskThatChangesIsAskedForAnew) {
  WindowGate gate(1);
  read_both({row("a1", now_ - seconds{3}, 1), row("a2", now_ - seconds{2}, 1),
             row("a3", now_ - seconds{1}, 1)});
  EXPECT_EQ(pick(100, &gate), Ids{"a1"});
  stored(0, key("a1"), std::nullopt);
  stored(0, key("a2"), now_ + seconds{1}, {}, flow(1));  // moved
  stored(0, key("a3"), std::nullopt);                    // deleted
  EXPECT_EQ(cache_.next(all_, now_, &gate), now_ + seconds{1});
  gate.all_done();
  EXPECT_EQ(pick(100, &gate), Ids{});
  EXPECT_FALSE(picked_.waits);
  pass(seconds{1});
  EXPECT_EQ(pick(100, &gate), Ids{"a2"});

  // To another receiver, by another process.
  read_both({row("b1", now_ - seconds{2}, 2), row("b2", now_ - seconds{1}, 2)});
  EXPECT_EQ(pick(100, &gate), Ids{"b1"});
  read_both({row("b1", now_ - seconds{2}, 2), row("b2", now_ - seconds{1}, 3)});
  EXPECT_EQ(pick(100, &gate), Ids{"b2"});
}

TEST_F(DueCacheTest, LaneHoldsNothingOfShardsThatAreNotAskedFor) {
  WindowGate gate(1);
  merge(0, {row("a1", now_ - seconds{3}, 1)});
  merge(1, {row("a2", now_ - seconds{2}, 1)});
  EXPECT_EQ(pick(100, &gate), Ids{"a1"});
  gate.all_done();
  EXPECT_TRUE(cache_.pick(std::vector<int>{0}, now_, now_, 100, &gate).candidates.empty());
  EXPECT_EQ(pick(100, &gate), Ids{"a2"});
}

TEST_F(DueCacheTest, ClockThatGoesBackLosesNothingThatWaits) {
  WindowGate gate(1);
  read_both({row("a1", now_ - seconds{3}, 1), row("a2", now_ - seconds{2}, 1)});
  EXPECT_EQ(pick(100, &gate), Ids{"a1"});
  leased(picked_.candidates[0], now_ + seconds{5});
  pass(seconds{5});
  EXPECT_EQ(pick(100, &gate), Ids{}) << "its lease is over, and both wait";
  now_ -= seconds{2};
  gate.all_done();
  EXPECT_EQ(pick(100, &gate), Ids{"a2"});
  gate.all_done();
  now_ += seconds{2};
  EXPECT_EQ(pick(100, &gate), Ids{"a1"});
}

// Flows that nobody knows share a lane: all of it is looked at, and what is left waits on.
TEST_F(DueCacheTest, LaneOfManyFlowsIsLookedThrough) {
  class UnknownGate final : public FlowGate {
   public:
    std::set<std::uint64_t> known;
    bool open = false;
    int through = 0;

    std::optional<Refusal> refuse(const Flow& flow) override {
      if (known.contains(flow.receiver)) return std::nullopt;
      return Refusal{Lane{}, Refusal::kOthersMayPass};
    }
    bool passes(const Flow& flow) const override { return known.contains(flow.receiver); }
    std::optional<Lane> next_open() override {
      if (!std::exchange(open, false)) return std::nullopt;
      return Lane{};
    }
    void looked_through(const Lane&) override { ++through; }
    void emptied(const Lane&) override {}
    void empty_all() override {}
  };
  UnknownGate gate;
  read_both({row("a", now_ - seconds{3}, 1), row("b", now_ - seconds{2}, 2),
             row("c", now_ - seconds{1}, 3)});
  EXPECT_EQ(pick(100, &gate), Ids{});
  gate.known = {2};
  EXPECT_EQ(pick(100, &gate), Ids{}) << "it is not open";
  gate.open = true;
  EXPECT_EQ(pick(100, &gate), Ids{"b"});
  EXPECT_EQ(gate.through, 1);
  EXPECT_TRUE(picked_.waits);
  gate.known = {1, 3};
  gate.open = true;
  EXPECT_EQ(pick(100, &gate), (Ids{"a", "c"}));
  EXPECT_FALSE(picked_.waits);
}

TEST_F(DueCacheTest, WhatIsForAClosedEndpointIsPassedOver) {
  testing::CountingGate gate;
  gate.close("ns", "acme");
  const auto of_acme = [](const std::string& id, TimePoint due_at, const std::string& flow_key) {
    return DueCache::Row{key(id),
                         due_at,
                         {model::namespace_hash("ns"), model::flow_hash("acme", flow_key),
                          model::endpoint_hash("acme")}};
  };
  const TimePoint first = now_ - seconds{3};
  read_both({of_acme("a", first, "k1"), of_acme("b", now_ - seconds{2}, "k2"),
             row("c", now_ - seconds{1}, 1)});
  EXPECT_EQ(pick(100, &gate), Ids{"c"});
  EXPECT_TRUE(picked_.waits);
  leased(picked_.candidates[0], now_ + seconds{60});
  const std::vector<DueCache::Row> others{of_acme("d", now_, "k3"), row("e", now_, 2)};
  EXPECT_EQ(cache_.claimable(0, others, now_), 1u);
  EXPECT_EQ(cache_.next(all_, now_), first);
  EXPECT_EQ(cache_.next(all_, now_, &gate, Leave::kClosed), now_ + seconds{60});
  gate.reopen("ns", "acme");
  EXPECT_EQ(cache_.next(all_, now_, &gate, Leave::kClosed), first);
  EXPECT_EQ(cache_.next(all_, now_, &gate), now_ + seconds{60});
  gate.open_all();
  EXPECT_EQ(pick(100, &gate), (Ids{"a", "b"}));
  EXPECT_FALSE(picked_.waits);
}

// Through a gate that lets all pass, but in order.
class OrderTest : public DueCacheTest {
 protected:
  OrderTest() { gate_.keep_order(); }

  static DueCache::Row in_flow(const std::string& id, TimePoint due_at,
                               std::uint64_t receiver = 1) {
    return {key(id), due_at, {7, receiver, 9}};
  }
  // Knows these for long enough.
  void know(const std::vector<DueCache::Row>& rows) {
    read_both(rows);
    pass(DueCache::kIndexLag);
    read_both(rows);
  }
  void done(const std::string& id) { stored(0, key(id), std::nullopt); }
  // Has a lane run empty that had room for all of these but for the last.
  std::vector<DueCache::Row> empty_lane() {
    std::vector<DueCache::Row> rows;
    for (std::size_t i = 0; i <= DueCache::kLaneMax + 1; ++i) {
      rows.push_back(in_flow(std::to_string(i), kT0 - seconds{100} + milliseconds{i}));
    }
    know(rows);
    for (std::size_t i = 0; i <= DueCache::kLaneMax; ++i) {
      EXPECT_EQ(take(), Ids{std::to_string(i)});
      done(std::to_string(i));
    }
    EXPECT_EQ(take(), Ids{});
    return rows;
  }
  // Picks until there is no more.
  Ids take() {
    gate_.all_done();
    taken_.clear();
    Ids ids;
    for (int picks = 0; picks == 0 || picked_.more; ++picks) {
      if (picks == 10) {
        ADD_FAILURE() << "there is always more";
        break;
      }
      for (std::string& id : pick(100, &gate_)) ids.push_back(std::move(id));
      for (const auto& candidate : picked_.candidates) taken_.push_back(candidate);
    }
    return ids;
  }

  WindowGate gate_{100};
  std::vector<DueCache::Candidate> taken_;
};

TEST_F(OrderTest, OneOfAFlowIsPickedAtATime) {
  know({in_flow("a", now_ - seconds{3}), in_flow("b", now_ - seconds{3}),
        in_flow("c", now_ - seconds{4}), in_flow("d", now_, 2), row("e", now_, 3)});
  EXPECT_EQ(take(), (Ids{"c", "d", "e"}));
  EXPECT_TRUE(picked_.waits);
  EXPECT_FALSE(picked_.more);
  EXPECT_EQ(take(), Ids{}) << "though the gate would let it pass";
  done("c");
  EXPECT_EQ(take(), Ids{"a"});
  stored(0, key("c"), now_ - seconds{9}, {}, {7, 1, 9});
  done("a");
  EXPECT_EQ(take(), Ids{}) << "it is known as due earlier since just now";
}

TEST_F(OrderTest, AnEarlierOneThatIsLeasedIsWaitedFor) {
  const std::vector<DueCache::Row> rows{in_flow("a", now_ - seconds{3}),
                                        in_flow("b", now_ - seconds{2})};
  know(rows);
  EXPECT_EQ(take(), Ids{"a"});
  leased_elsewhere(taken_[0], now_ + seconds{60});
  EXPECT_EQ(take(), Ids{});
  EXPECT_EQ(cache_.next(all_, now_, &gate_), now_ + milliseconds{250}) << "the cache looks again";
  EXPECT_EQ(cache_.next(all_, now_, &gate_, Leave::kClosed), rows[1].due_at);
  pass(DueCache::kIndexLag + milliseconds{1});
  read_both(rows);
  EXPECT_EQ(take(), Ids{"a"}) << "it may have been given back";
  leased(taken_[0], now_ + seconds{60});
  EXPECT_EQ(take(), Ids{});
  released(0, key("a"));
  EXPECT_EQ(take(), Ids{"a"});
  done("a");
  EXPECT_EQ(take(), Ids{"b"});
}

TEST_F(OrderTest, WhatTheIndexMayHideIsWaitedFor) {
  const auto first = in_flow("a", now_ - seconds{3});
  const auto second = in_flow("b", now_ - seconds{2});
  read_both({second, row("c", now_, 3)});
  EXPECT_EQ(take(), Ids{"c"});
  EXPECT_TRUE(picked_.waits);
  done("c");
  pass(DueCache::kIndexLag - milliseconds{1});
  read_both({second});
  EXPECT_EQ(take(), Ids{});
  pass(milliseconds{1});
  EXPECT_EQ(take(), Ids{}) << "it was not read since";
  read_both({first, second});
  EXPECT_EQ(take(), Ids{}) << "another goes first, and is not known for long";
  pass(DueCache::kIndexLag);
  read_both({first, second});
  EXPECT_EQ(take(), Ids{"a"});
  done("a");
  EXPECT_EQ(take(), Ids{"b"}) << "a backlog is not slowed";
}

TEST_F(OrderTest, AnAnswerThatTookLongTellsOfWhatCameMeanwhile) {
  const std::vector<DueCache::Row> rows{in_flow("a", now_)};
  merge(1, {});
  cache_.merge(0, rows, {}, steady_, {}, steady_ + seconds{3});
  pass(DueCache::kIndexLag);
  read_both(rows);
  EXPECT_EQ(take(), Ids{});
  pass(seconds{3});
  read_both(rows);
  EXPECT_EQ(take(), Ids{"a"});
}

TEST_F(OrderTest, NothingIsPickedBehindWhatIsNotRead) {
  const TimePoint last = now_;
  know({in_flow("a", last - seconds{3}), in_flow("c", last)});
  EXPECT_EQ(take(), Ids{"a"});
  stored(0, key("c"), last, {}, {7, 1, 9});  // so it is due, whatever the index shows
  done("a");
  merge(0, {}, last - seconds{1});
  EXPECT_EQ(take(), Ids{}) << "there may be others before it";
  merge(0, {});
  EXPECT_EQ(take(), Ids{"c"});
}

TEST_F(OrderTest, TheLastOnesHaveNoRoomInALaneAndAreReadInOrder) {
  std::vector<DueCache::Row> rows;
  for (std::size_t i = 0; i <= DueCache::kLaneMax; ++i) {
    rows.push_back(in_flow(std::to_string(i), kT0 - seconds{100} + milliseconds{i}));
  }
  gate_.set_window(0);
  know(rows);
  EXPECT_EQ(take(), Ids{});
  EXPECT_EQ(cache_.size(), DueCache::kLaneMax);
  stored(0, key("early"), kT0 - seconds{200}, {}, {7, 1, 9});
  stored(0, key("late"), kT0, {}, {7, 1, 9});
  EXPECT_EQ(take(), Ids{});
  EXPECT_EQ(cache_.size(), DueCache::kLaneMax);
  pass(DueCache::kIndexLag);
  merge(0, {});
  EXPECT_EQ(cache_.size(), 1u) << "that is what this process wrote itself";
}

TEST_F(OrderTest, WhereALaneRanEmptyTheOthersAreReadBeforeAnyBehindThem) {
  const std::vector<DueCache::Row> rows = empty_lane();
  const auto read_news = [&](const std::vector<DueCache::Row>& news) {
    cache_.merge(0, news, {}, steady_, {DueCache::Part::kNews, 0, kT0 - seconds{5}});
  };
  const auto last = rows.back();
  const auto late = in_flow("late", now_);
  const auto other = in_flow("other", now_, 2);
  read_news({late, other, row("unordered", now_, 3)});
  pass(DueCache::kIndexLag);
  read_news({late, other, row("unordered", now_, 3)});
  EXPECT_EQ(take(), (Ids{"other", "unordered"})) << "only its flow waits";
  EXPECT_FALSE(cache_.incomplete(all_, now_));
  EXPECT_TRUE(cache_.hungry(all_));
  const auto read = cache_.to_read(0, now_, now_, seconds{100}, steady_);
  ASSERT_TRUE(read && read->part == DueCache::Part::kLeftOut);
  EXPECT_EQ(read->from, last.due_at);

  // Its own is known for too short a time, and has been seen.
  cache_.merge(0, std::vector{last, late}, {}, steady_, *read);
  EXPECT_EQ(take(), Ids{});
  EXPECT_FALSE(cache_.hungry(all_));
  pass(DueCache::kIndexLag);
  read_news({late});
  EXPECT_EQ(take(), Ids{last.key.id});
  done(last.key.id);
  EXPECT_EQ(take(), Ids{"late"});
}

// Nothing of a piece has room, or belongs to it.
TEST_F(OrderTest, WhatAFlowWaitsForIsReadOnThroughWhatOthersLeftOut) {
  empty_lane();
  const auto next_read = [&] { return cache_.to_read(0, now_, now_, seconds{100}, steady_); };
  const auto first = next_read();
  ASSERT_TRUE(first && first->part == DueCache::Part::kLeftOut);
  cache_.merge(0, {}, {first->from}, steady_, *first);
  EXPECT_TRUE(cache_.hungry(all_));
  const auto second = next_read();
  ASSERT_TRUE(second && second->part == DueCache::Part::kLeftOut);
  EXPECT_EQ(second->from, first->from + milliseconds{1});
  cache_.merge(0, {}, {}, steady_, *second);
  EXPECT_FALSE(cache_.hungry(all_));
}

TEST_F(DueCacheTest, WhatIsForEndpointsIsPickedByTheOwnerOfItsShard) {
  merge(0, {{key("a"), now_, {7, 1, 9}}});
  merge(1, {{key("b"), now_ - seconds{1}, {7, 2, 9}}, {key("c"), now_, {7, 3}}});
  cache_.own(std::vector<int>{0});
  EXPECT_EQ(pick(), (Ids{"a", "c"}));
  EXPECT_FALSE(picked_.more);
  stored(0, key("a"), std::nullopt);
  stored(1, key("c"), std::nullopt);
  EXPECT_EQ(cache_.next(all_, now_), std::nullopt);
  cache_.own(std::nullopt);
  EXPECT_EQ(cache_.next(all_, now_), now_ - seconds{1});
  EXPECT_EQ(pick(), Ids{"b"});
}

// A table that lags, read and claimed from at random: in the end every task is found.
TEST(DueCacheRandomTest, EveryTaskIsFoundHoweverTheIndexLags) {
  const std::uint64_t seed = testing::test_seed();
  Random random(seed);
  const auto draw = [&](std::uint64_t below) { return random.next() % below; };
  for (int run = 0; run < 30; ++run) {
    SCOPED_TRACE("run " + std::to_string(run));
    DueCache cache(1);
    const std::vector<int> shards{0};
    struct True {
      std::optional<TimePoint> due;
      TimePoint leased_until = kTimeMin;
    };
    std::map<TaskKey, True> table;
    std::vector<std::map<TaskKey, True>> past;  // the index lags by up to 3 steps of 1 s
    TimePoint now = kT0;
    DueCache::Steady steady{seconds{1'000}};
    // Answers that their threads tell later than others tell theirs.
    struct Answer {
      TaskKey task;
      True is;
      DueCache::Asked asked;
    };
    std::vector<Answer> late;
    // Every second run has a gate, which lets one task of each of three flows pass in each step.
    WindowGate gate(1);
    FlowGate* const asked_gate = run % 2 == 0 ? nullptr : &gate;
    // And half of those keep them in order.
    const bool in_order = run % 4 == 1;
    if (in_order) gate.keep_order();
    const auto flow_of = [in_order](const TaskKey& task) {
      const auto receiver = 1 + task.id.size() + static_cast<std::uint64_t>(task.id.back() % 2);
      return Flow{7, receiver, in_order ? 9u : 0u};
    };
    const auto tell = [&](const Answer& answer) {
      const auto& [task, is, asked] = answer;
      if (is.due && is.leased_until > now) {
        cache.leased_elsewhere({0, task, *is.due, flow_of(task)}, is.leased_until, asked, steady);
      } else if (is.due) {
        cache.stored(0, task, DueCache::Due{*is.due, flow_of(task)}, asked, steady);
      } else {
        cache.stored(0, task, std::nullopt, asked, steady);
      }
    };
    const auto answered = [&](const TaskKey& task) {
      const Answer answer{task, table[task], cache.asking()};
      if (draw(4) == 0) return late.push_back(answer);
      tell(answer);
    };
    const auto read = [&](const std::map<TaskKey, True>& index, std::size_t limit) {
      std::vector<DueCache::Row> rows;
      for (const auto& [task, state] : index) {
        if (state.due) rows.push_back({task, *state.due, flow_of(task)});
      }
      std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
        return std::tie(a.due_at, a.key) < std::tie(b.due_at, b.key);
      });
      TimePoint through = kTimeMax;
      if (rows.size() > limit) {
        rows.resize(limit);
        through = rows.back().due_at - milliseconds{1};
      }
      cache.merge(0, rows, {through}, steady, {});
    };
    std::size_t idle = 0;
    for (int step = 0; step < 400; ++step) {
      const bool quiet = step >= 200;  // then nothing is added, the index is exact, all must end
      past.push_back(table);
      if (quiet || draw(3) == 0) {
        for (const Answer& answer : std::exchange(late, {})) tell(answer);
      }
      now += seconds{1};
      steady += seconds{1};
      const TaskKey some = key(std::to_string(draw(20)));
      if (!quiet) {
        True& task = table[some];
        switch (draw(6)) {
          case 0:
          case 1:  // by this process
            task = {now + seconds{static_cast<std::int64_t>(draw(20)) - 10}};
            answered(some);
            break;
          case 2:  // by another
            task = {now + seconds{static_cast<std::int64_t>(draw(20)) - 10}};
            break;
          case 3:
            task = {};
            answered(some);
            break;
          case 4:
            if (task.due) task.leased_until = now + seconds{draw(30)};
            break;
          default:
            break;
        }
      }
      if (quiet || draw(2) == 0) {
        const std::size_t lag = quiet ? 0 : std::min<std::size_t>(draw(4), past.size() - 1);
        read(lag == 0 ? table : past[past.size() - lag], quiet ? 1'000 : 1 + draw(30));
      }
      gate.all_done();
      const auto picked = cache.pick(shards, now, now, 5, asked_gate);
      for (const auto& candidate : picked.candidates) {
        True& task = table[candidate.key];
        if (!quiet && draw(4) == 0) {
          // The request failed.
        } else if (task.due == candidate.due_at && task.leased_until <= now) {
          cache.leased(candidate, now + seconds{10}, cache.asking(), steady);
          task = {};
          answered(candidate.key);  // done
        } else {
          answered(candidate.key);
          ++idle;
        }
      }
      cache.put_back(picked.candidates);
    }
    for (const auto& [task, state] : table) EXPECT_FALSE(state.due) << task.id << " seed " << seed;
    EXPECT_EQ(cache.size(), 0u);
    EXPECT_LT(idle, 1'000u);
  }
}

}  // namespace
}  // namespace rhooks::store::dynamo

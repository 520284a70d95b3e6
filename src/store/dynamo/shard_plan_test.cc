#include "store/dynamo/shard_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace rhooks::store::dynamo {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr PlanOptions kOptions{
    .shards = 4, .failure_timeout = seconds(9), .remove_after = minutes(10)};

PlanOptions for_shards(int shards) {
  PlanOptions options = kOptions;
  options.shards = shards;
  return options;
}

std::vector<int> numbers(const std::vector<ShardItem>& shards) {
  std::vector<int> all;
  for (const ShardItem& shard : shards) all.push_back(shard.shard);
  return all;
}

// Shards with an owner each, "" for a free one, all of epoch 5.
MembershipSnapshot snapshot_of(const std::vector<std::string>& workers,
                               const std::vector<std::string>& owners) {
  MembershipSnapshot snapshot;
  for (const std::string& id : workers) snapshot.workers.push_back({.id = id, .heartbeat = 1});
  for (std::size_t i = 0; i < owners.size(); ++i) {
    snapshot.shards.push_back({static_cast<int>(i), owners[i], 5});
  }
  return snapshot;
}

// What `me` holds where all that the snapshot calls its own is fenced.
std::map<int, std::int64_t> held_by(const std::string& me, const MembershipSnapshot& snapshot) {
  std::map<int, std::int64_t> held;
  for (const ShardItem& shard : snapshot.shards) {
    if (shard.owner == me) held[shard.shard] = shard.epoch;
  }
  return held;
}

ShardPlan plan_of(const MembershipSnapshot& snapshot, const std::string& me,
                  const WorkerWatch& watch, PlanOptions options = kOptions) {
  return plan_shards(snapshot, me, held_by(me, snapshot), watch, options);
}

TEST(WorkerWatchTest, AHeartbeatThatChangesIsALife) {
  WorkerWatch watch;
  watch.see({{.id = "a", .heartbeat = 7}}, seconds(0), seconds(1));
  EXPECT_TRUE(watch.seen("a"));
  EXPECT_FALSE(watch.seen_alive("a"));
  EXPECT_EQ(watch.since_last_heartbeat("a"), seconds(0));
  // From the end of the reading that saw the change to the beginning of this one.
  watch.see({{.id = "a", .heartbeat = 7}}, seconds(4), seconds(5));
  EXPECT_EQ(watch.since_last_heartbeat("a"), seconds(3));
  watch.see({{.id = "a", .heartbeat = 8}}, seconds(7), seconds(8));
  EXPECT_EQ(watch.since_last_heartbeat("a"), seconds(0));
  EXPECT_TRUE(watch.seen_alive("a"));
  // Any change counts: a late repetition of an older heartbeat is one too.
  watch.see({{.id = "a", .heartbeat = 7}}, seconds(20), seconds(21));
  EXPECT_EQ(watch.since_last_heartbeat("a"), seconds(0));
  watch.see({}, seconds(22), seconds(23));
  EXPECT_FALSE(watch.seen("a"));
}

TEST(WorkerWatchTest, ARestartGivesAllTheTimeToShowThatTheyLive) {
  WorkerWatch watch;
  watch.see({{.id = "a", .heartbeat = 7}}, seconds(0), seconds(0));
  watch.see({{.id = "a", .heartbeat = 7}}, seconds(100), seconds(100));
  EXPECT_EQ(watch.since_last_heartbeat("a"), seconds(100));
  watch.restart(seconds(100));
  EXPECT_EQ(watch.since_last_heartbeat("a"), seconds(0));
  watch.see({{.id = "a", .heartbeat = 7}}, seconds(103), seconds(103));
  EXPECT_EQ(watch.since_last_heartbeat("a"), seconds(3));
}

TEST(ShardPlanTest, TheFirstWorkerTakesEverything) {
  const MembershipSnapshot snapshot{.workers = {{.id = "a", .heartbeat = 1}}, .shards = {}};
  const ShardPlan plan = plan_of(snapshot, "a", {});
  EXPECT_THAT(numbers(plan.take), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(plan.take[0].epoch, 0);
  EXPECT_THAT(plan.give_up, IsEmpty());
  EXPECT_FALSE(plan.unsettled);
}

TEST(ShardPlanTest, ANewWorkerGetsItsShare) {
  const auto snapshot = snapshot_of({"a", "b"}, {"a", "a", "a", "a"});
  EXPECT_THAT(numbers(plan_of(snapshot, "a", {}).give_up), ElementsAre(3, 2));
  const ShardPlan plan = plan_of(snapshot, "b", {});
  EXPECT_THAT(plan.take, IsEmpty());
  EXPECT_TRUE(plan.unsettled);
}

TEST(ShardPlanTest, OnlyWhatDeadWorkersHeldIsTaken) {
  const auto snapshot = snapshot_of({"a", "b", "c"}, {"a", "b", "c", "gone"});
  WorkerWatch watch;
  watch.see(snapshot.workers, seconds(0), seconds(0));
  auto later = snapshot;
  later.workers[2].heartbeat = 2;  // "c" lives, "b" does not
  const auto taken_at = [&](auto at) {
    WorkerWatch now = watch;
    now.see(later.workers, at, at);
    return numbers(plan_of(later, "a", now).take);
  };
  // "gone" has no item: it has left. With three workers "a" has the larger share.
  EXPECT_THAT(taken_at(milliseconds(8'999)), ElementsAre(3));
  EXPECT_THAT(taken_at(milliseconds(9'000)), ElementsAre(1));
}

TEST(ShardPlanTest, OneThatLeavesHasNoShareAndIsDeadOnlyOnceItIsSilent) {
  auto snapshot = snapshot_of({"a", "b"}, {"a", "a", "b", "b"});
  snapshot.workers[1].leaving = true;  // and could not give up what it had
  WorkerWatch watch;
  watch.see(snapshot.workers, seconds(0), seconds(0));
  const ShardPlan plan = plan_of(snapshot, "a", watch);
  EXPECT_THAT(numbers(plan.take), ElementsAre(2, 3));
  EXPECT_THAT(plan.dead, IsEmpty());
  watch.see(snapshot.workers, seconds(8), seconds(8));
  EXPECT_EQ(plan_of(snapshot, "a", watch).longest_since_heartbeat, seconds(8));
  watch.see(snapshot.workers, seconds(9), seconds(9));
  const ShardPlan later = plan_of(snapshot, "a", watch);
  ASSERT_THAT(later.dead, SizeIs(1));
  EXPECT_EQ(later.dead[0].id, "b");
}

TEST(ShardPlanTest, ASilentWorkerDelaysTheNextLook) {
  const auto snapshot = snapshot_of({"a", "b"}, {"a", "a", "b", "b"});
  WorkerWatch watch;
  watch.see(snapshot.workers, seconds(0), seconds(0));
  watch.see(snapshot.workers, seconds(8), seconds(8));
  EXPECT_EQ(plan_of(snapshot, "a", watch).longest_since_heartbeat, seconds(8));
  watch.see(snapshot.workers, seconds(9), seconds(9));
  EXPECT_EQ(plan_of(snapshot, "a", watch).longest_since_heartbeat, seconds(0));
}

TEST(ShardPlanTest, WhatIsMineWithoutAFenceIsTakenAnew) {
  const auto snapshot = snapshot_of({"a"}, {"a", "a", "a", "a"});
  // 1: an older epoch; 2: nothing is known.
  const ShardPlan plan = plan_shards(snapshot, "a", {{0, 5}, {1, 4}, {3, 5}}, {}, kOptions);
  EXPECT_THAT(numbers(plan.take), ::testing::UnorderedElementsAre(1, 2));
  EXPECT_THAT(plan.take, ::testing::Each(::testing::Field(&ShardItem::epoch, 5)));
}

TEST(ShardPlanTest, AnIdleWorkerThatWasSeenJustOnceDoesNotCount) {
  auto snapshot = snapshot_of({"a", "b"}, {"", "", "", ""});
  EXPECT_THAT(plan_of(snapshot, "a", {}).take, SizeIs(2)) << "a new one does";
  snapshot.workers[1].heartbeat = 1'000;
  WorkerWatch watch;
  watch.see(snapshot.workers, seconds(0), seconds(0));
  EXPECT_THAT(plan_of(snapshot, "a", watch).take, SizeIs(4));
  snapshot.workers[1].heartbeat = 1'001;
  watch.see(snapshot.workers, seconds(3), seconds(3));
  EXPECT_THAT(plan_of(snapshot, "a", watch).take, SizeIs(2));
}

TEST(ShardPlanTest, ItemsOfDeadWorkersGoAfterLong) {
  const auto snapshot = snapshot_of({"a", "b"}, {});
  WorkerWatch watch;
  watch.see(snapshot.workers, seconds(0), seconds(0));
  watch.see(snapshot.workers, seconds(599), seconds(599));
  EXPECT_THAT(plan_of(snapshot, "a", watch).remove, IsEmpty());
  watch.see(snapshot.workers, seconds(600), seconds(600));
  EXPECT_THAT(plan_of(snapshot, "a", watch).remove,
              ElementsAre(::testing::Field(&WorkerItem::id, "b")));
}

TEST(ShardPlanTest, ShardsThatDoNotExistAreLeftAlone) {
  const auto snapshot = snapshot_of({"a"}, {"a", "a", "a", "a", "", "gone"});
  const ShardPlan plan = plan_of(snapshot, "a", {});
  EXPECT_THAT(plan.take, IsEmpty());
  EXPECT_THAT(plan.give_up, IsEmpty());
}

// All workers plan from one snapshot; all that they want is done.
struct Round {
  int given = 0;
  int taken = 0;
};

Round play(MembershipSnapshot& snapshot, const std::vector<std::string>& live,
           const WorkerWatch& watch, int shards) {
  Round round;
  std::set<int> taken;
  MembershipSnapshot after = snapshot;
  after.shards.resize(static_cast<std::size_t>(shards));
  for (const std::string& me : live) {
    const ShardPlan plan = plan_of(snapshot, me, watch, for_shards(shards));
    for (const ShardItem& shard : plan.give_up) {
      ++round.given;
      EXPECT_EQ(shard.owner, me);
      after.shards[static_cast<std::size_t>(shard.shard)] = {shard.shard, "", shard.epoch};
    }
    for (const ShardItem& shard : plan.take) {
      ++round.taken;
      EXPECT_TRUE(taken.insert(shard.shard).second) << "two want shard " << shard.shard;
      after.shards[static_cast<std::size_t>(shard.shard)] = {shard.shard, me, shard.epoch + 1};
    }
  }
  snapshot = std::move(after);
  return round;
}

// How many shards the live have to give up at the least for a fair division.
int least_moves(const MembershipSnapshot& snapshot, const std::vector<std::string>& live,
                int shards) {
  std::vector<int> counts;
  for (const std::string& worker : live) {
    counts.push_back(static_cast<int>(
        std::count_if(snapshot.shards.begin(), snapshot.shards.end(),
                      [&](const ShardItem& shard) { return shard.owner == worker; })));
  }
  std::sort(counts.rbegin(), counts.rend());
  const int count = static_cast<int>(counts.size());
  int moves = 0;
  for (int i = 0; i < count; ++i) {
    const int share = shards / count + (i < shards % count ? 1 : 0);
    moves += std::max(counts[static_cast<std::size_t>(i)] - share, 0);
  }
  return moves;
}

void expect_fair(const MembershipSnapshot& snapshot, const std::vector<std::string>& live,
                 int shards) {
  std::map<std::string, int> counts;
  for (const std::string& worker : live) counts[worker] = 0;
  for (const ShardItem& shard : snapshot.shards) ++counts[shard.owner];
  EXPECT_EQ(counts.size(), live.size()) << "a shard is with nobody";
  const int count = static_cast<int>(live.size());
  for (const auto& [worker, owns] : counts) {
    EXPECT_GE(owns, shards / count) << worker;
    EXPECT_LE(owns, (shards + count - 1) / count) << worker;
  }
}

void expect_converges(const std::vector<std::string>& owners,
                      const std::vector<std::string>& live) {
  const int shards = static_cast<int>(owners.size());
  std::vector<std::string> workers = live;
  workers.push_back("dead");
  MembershipSnapshot snapshot = snapshot_of(workers, owners);
  WorkerWatch watch;
  watch.see(snapshot.workers, seconds(0), seconds(0));
  for (WorkerItem& worker : snapshot.workers) {
    if (worker.id != "dead") ++worker.heartbeat;
  }
  watch.see(snapshot.workers, seconds(9), seconds(9));

  const int least = least_moves(snapshot, live, shards);
  const Round first = play(snapshot, live, watch, shards);
  const Round second = play(snapshot, live, watch, shards);
  EXPECT_EQ(first.given, least);
  EXPECT_EQ(second.given, 0);
  expect_fair(snapshot, live, shards);
  const Round third = play(snapshot, live, watch, shards);
  EXPECT_EQ(third.given + third.taken, 0) << "nothing is left to do";
}

// Every way in which five shards can lie with three workers, or four with four.
TEST(ShardPlanTest, ConvergesInTwoRoundsFromEveryState) {
  int states = 0;
  for (int shards = 1; shards <= 5; ++shards) {
    for (int workers = 1; workers <= 4 && shards + workers <= 8; ++workers) {
      std::vector<std::string> live;
      for (int i = 0; i < workers; ++i) live.push_back(std::string(1, static_cast<char>('a' + i)));
      std::vector<std::string> choices = live;
      choices.insert(choices.end(), {"", "dead", "gone"});
      std::size_t all = 1;
      for (int i = 0; i < shards; ++i) all *= choices.size();
      for (std::size_t state = 0; state < all; ++state) {
        std::vector<std::string> owners;
        for (std::size_t rest = state; owners.size() < static_cast<std::size_t>(shards);
             rest /= choices.size()) {
          owners.push_back(choices[rest % choices.size()]);
        }
        expect_converges(owners, live);
        ++states;
        ASSERT_FALSE(::testing::Test::HasFailure())
            << workers << " workers, owners: " << ::testing::PrintToString(owners);
      }
    }
  }
  EXPECT_GT(states, 10'000);
}

TEST(ShardPlanTest, ConvergesFromDrawnStatesOfManyShards) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 150 && !::testing::Test::HasFailure(); ++i) {
    std::vector<std::string> live;
    const auto workers = 1 + random() % 40;
    for (unsigned n = 0; n < workers; ++n) live.push_back("worker" + std::to_string(n));
    std::vector<std::string> choices = live;
    choices.insert(choices.end(), {"", "dead", "gone"});
    std::vector<std::string> owners(1 + random() % 256);
    for (std::string& owner : owners) owner = choices[random() % choices.size()];
    expect_converges(owners, live);
  }
}

}  // namespace
}  // namespace rhooks::store::dynamo

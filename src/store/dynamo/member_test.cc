// Workers in simulated time: who joins, crashes, pauses, wakes and loses requests.

#include "store/dynamo/member.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "store/dynamo/membership_sim_fixture.h"

namespace rhooks::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class MemberTest : public ::testing::Test {
 protected:
  MemberTest() : seed_(choose_seed()), random_(seed_) {}

  // Drawn, and printed where a test fails, so that it can be given.
  static std::uint32_t choose_seed() {
    const char* const given = std::getenv("RHOOKS_TEST_SEED");
    return given ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                 : std::random_device{}();
  }

  MembershipWorld world(int shards = 16) { return MembershipWorld(shards, seed_); }

  const std::uint32_t seed_;
  const ::testing::ScopedTrace trace_{__FILE__, __LINE__,
                                      "RHOOKS_TEST_SEED=" + std::to_string(seed_)};
  std::mt19937 random_;
};

TEST_F(MemberTest, AWorkerThatIsAloneOwnsAllAfterItsFirstTick) {
  auto sim = world();
  sim.add();
  sim.run_for(seconds(4));
  sim.expect_fair();
}

TEST_F(MemberTest, WorkersThatJoinGetTheirShareInTwoTicks) {
  auto sim = world();
  for (int count = 1; count <= 20; ++count) {
    sim.add();
    sim.run_for(seconds(10));
    sim.expect_fair();
  }
}

TEST_F(MemberTest, InSteadyStateNothingIsWrittenButHeartbeats) {
  for (const int count : {1, 2, 3, 7, 16, 20}) {
    auto sim = world();
    for (int i = 0; i < count; ++i) sim.add();
    sim.run_for(seconds(30));
    const int before = sim.writes();
    sim.run_for(minutes(4));
    EXPECT_EQ(sim.writes(), before) << count << " workers";
    sim.expect_fair();
  }
}

TEST_F(MemberTest, OneThatJoinsMovesNoMoreThanItsShare) {
  auto sim = world();
  for (int i = 0; i < 3; ++i) sim.add();
  sim.run_for(seconds(30));
  const int before = sim.writes();
  sim.add();
  sim.run_for(seconds(30));
  sim.expect_fair();
  EXPECT_EQ(sim.writes() - before, 2 * 4) << "four shards are given up and taken";
}

TEST_F(MemberTest, ACrashedWorkersShardsAreOwnedWithin15Seconds) {
  for (int round = 0; round < 100 && !HasFailure(); ++round) {
    MembershipWorld sim(16, static_cast<std::uint32_t>(random_()));
    const int count = 2 + static_cast<int>(random_() % 5);
    for (int i = 0; i < count; ++i) sim.add();
    sim.run_for(seconds(30) + milliseconds(random_() % 3'000));
    const int crashes = 1 + static_cast<int>(random_() % 100) % (count - 1);
    for (int i = 0; i < crashes; ++i) sim.crash(i);
    // Which leaves a second for a slow table.
    sim.run_for(seconds(14));
    EXPECT_EQ(sim.owned_shards(), 16u) << "round " << round << ", " << count << " workers";
    sim.run_for(seconds(10));
    sim.expect_fair();
  }
}

TEST_F(MemberTest, AfterACrashOfAllANewWorkerOwnsAllWithin15Seconds) {
  auto sim = world();
  for (int i = 0; i < 3; ++i) sim.add();
  sim.run_for(seconds(30));
  for (int i = 0; i < 3; ++i) sim.crash(i);
  sim.add();
  sim.run_for(seconds(15));
  EXPECT_EQ(sim.owned_shards(), 16u);
}

TEST_F(MemberTest, WhoLeavesHandsOverAtOnce) {
  auto sim = world();
  for (int i = 0; i < 3; ++i) sim.add();
  sim.run_for(seconds(30));
  sim.leave(1);
  EXPECT_THAT(sim.owned(1), IsEmpty());
  EXPECT_EQ(sim.worker_items(), 2u);
  sim.run_for(seconds(4));
  sim.expect_fair();
}

TEST_F(MemberTest, WhoIsPausedForShortKeepsItsShards) {
  auto sim = world();
  for (int i = 0; i < 3; ++i) sim.add();
  sim.run_for(seconds(30));
  const int before = sim.writes();
  sim.pause(1, seconds(5));
  sim.run_for(seconds(30));
  EXPECT_EQ(sim.writes(), before);
  sim.expect_fair();
}

TEST_F(MemberTest, WhoWakesLateOwnsNothingUntilItHasShownThatItLives) {
  auto sim = world();
  for (int i = 0; i < 3; ++i) sim.add();
  sim.run_for(seconds(30));
  sim.pause(1, seconds(60));
  sim.run_for(milliseconds(8'900) - seconds(4));
  EXPECT_THAT(sim.owned(1), ::testing::Not(IsEmpty()));
  sim.run_for(seconds(5));
  EXPECT_THAT(sim.owned(1), IsEmpty());
  sim.run_for(seconds(10));
  EXPECT_EQ(sim.owned_shards(), 16u);
  EXPECT_THAT(sim.owned(1), IsEmpty());
  sim.run_for(seconds(60));
  sim.expect_fair();
  EXPECT_THAT(sim.live(), SizeIs(3));
}

TEST_F(MemberTest, ACrashedWorkerIsCalledDeadByAllWithin14Seconds) {
  for (int round = 0; round < 50 && !HasFailure(); ++round) {
    MembershipWorld sim(16, static_cast<std::uint32_t>(random_()));
    for (int i = 0; i < 4; ++i) sim.add();
    sim.run_for(seconds(30) + milliseconds(random_() % 3'000));
    const Uuid life = sim.life(0);
    EXPECT_NE(life, Uuid{});
    sim.crash(0);
    sim.run_for(seconds(14));
    for (int i = 1; i < 4; ++i) EXPECT_TRUE(sim.calls_dead(i, life)) << "round " << round;
  }
}

TEST_F(MemberTest, WhoWakesLateHasAnotherLifeAndItsOldOneIsNobodysAnyMore) {
  auto sim = world();
  for (int i = 0; i < 3; ++i) sim.add();
  sim.run_for(seconds(30));
  const Uuid before = sim.life(1);
  sim.pause(1, seconds(5));
  sim.run_for(seconds(8));
  EXPECT_EQ(sim.life(1), before);
  sim.pause(1, seconds(20));
  sim.run_for(seconds(15));
  EXPECT_EQ(sim.life(1), Uuid{});
  EXPECT_TRUE(sim.calls_dead(0, before) && sim.calls_dead(2, before));
  sim.run_for(seconds(15));
  EXPECT_NE(sim.life(1), Uuid{});
  EXPECT_NE(sim.life(1), before);
  // It ends by itself what it has in flight.
  EXPECT_FALSE(sim.calls_dead(0, before) || sim.calls_dead(2, before));
}

// As where a hypervisor saves and resumes it: no clock of its own tells.
TEST_F(MemberTest, WhoseMachineWasSuspendedHasAnotherLifeWithItsNextBeat) {
  for (const bool told : {true, false}) {
    auto sim = world();
    for (int i = 0; i < 3; ++i) sim.add();
    sim.run_for(seconds(30));
    const Uuid before = sim.life(1);
    sim.suspend(1, seconds(5), told);
    sim.run_for(seconds(15));
    EXPECT_EQ(sim.life(1), before);
    sim.suspend(1, seconds(20), told);
    sim.run_for(seconds(15));
    EXPECT_TRUE(sim.calls_dead(0, before) && sim.calls_dead(2, before));
    sim.run_for(seconds(20));
    EXPECT_NE(sim.life(1), Uuid{});
    EXPECT_NE(sim.life(1), before);
    sim.run_for(seconds(10));
    sim.expect_fair();
  }
}

TEST_F(MemberTest, WhoHasFinishedIsNotCalledDead) {
  auto sim = world();
  for (int i = 0; i < 3; ++i) sim.add();
  sim.run_for(seconds(30));
  const Uuid life = sim.life(1);
  sim.leave(1);
  EXPECT_EQ(sim.life(1), Uuid{});
  sim.run_for(seconds(30));
  EXPECT_FALSE(sim.calls_dead(0, life) || sim.calls_dead(2, life));
}

// As after an outage of the table, or where the machine that all of them are on slept.
TEST_F(MemberTest, WhereAllWereAwayNobodyRobsTheOthers) {
  for (int round = 0; round < 30 && !HasFailure(); ++round) {
    MembershipWorld sim(16, static_cast<std::uint32_t>(random_()));
    for (int i = 0; i < 4; ++i) sim.add();
    sim.run_for(seconds(30) + milliseconds(random_() % 3'000));
    std::vector<std::vector<int>> before;
    for (int i = 0; i < 4; ++i) before.push_back(sim.owned(i));
    sim.set_faults({.lost_request = 1});
    sim.run_for(seconds(60) + milliseconds(random_() % 3'000));
    EXPECT_EQ(sim.owned_shards(), 0u);
    const int writes = sim.writes();
    sim.set_faults({});
    sim.run_for(seconds(6));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(sim.owned(i), before[static_cast<std::size_t>(i)]);
    EXPECT_EQ(sim.writes() - writes, 16) << "each takes its own anew";
  }
}

// A lease may last a day.
TEST_F(MemberTest, ADeadWorkerIsNotForgottenWhileItsLeasesMayLast) {
  EXPECT_GT(store::dynamo::MemberOptions().remove_after, std::chrono::hours(24) + seconds(30));
  auto sim = world();
  for (int i = 0; i < 3; ++i) sim.add();
  sim.run_for(seconds(30));
  const Uuid life = sim.life(0);
  sim.crash(0);
  sim.run_for(minutes(20));
  EXPECT_TRUE(sim.calls_dead(1, life) && sim.calls_dead(2, life));
}

TEST_F(MemberTest, ItemsOfTheDeadAreDeletedInTheEnd) {
  auto sim = world();
  sim.set_remove_after(minutes(10));
  for (int i = 0; i < 4; ++i) sim.add();
  sim.run_for(seconds(30));
  sim.crash(2);
  sim.crash(3);
  sim.run_for(minutes(9));
  EXPECT_EQ(sim.worker_items(), 4u);
  sim.run_for(minutes(2));
  EXPECT_EQ(sim.worker_items(), 2u);
}

// Whatever happens, no two believe in one shard at a time (which the fixture checks after every
// write and tick); and when it ends all is shared fairly, and still.
void expect_survives(MembershipWorld::Faults faults, std::uint32_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const int shards = 1 + static_cast<int>(random() % 24);
  MembershipWorld sim(shards, seed);
  sim.set_remove_after(minutes(10));
  sim.add();
  sim.set_faults(faults);
  for (int i = 0; i < 60 && !::testing::Test::HasFailure(); ++i) {
    const auto live = sim.live();
    const int chosen = live[random() % live.size()];
    switch (random() % 8) {
      case 0:
      case 1:
        if (live.size() < 8) sim.add();
        break;
      case 2:
        if (live.size() > 1) sim.crash(chosen);
        break;
      case 3:
        if (live.size() > 1) sim.leave(chosen);
        break;
      case 4:
        sim.pause(chosen, milliseconds(random() % 30'000));
        break;
      case 5:
        sim.suspend(chosen, milliseconds(random() % 30'000));
        break;
      default:
        break;
    }
    sim.run_for(milliseconds(random() % 20'000));
  }
  sim.set_faults({});
  sim.run_for(minutes(2));
  sim.expect_fair();
  const int before = sim.writes();
  sim.run_for(minutes(1));
  EXPECT_EQ(sim.owned_shards(), static_cast<std::size_t>(shards));
  // The dead of long ago are still deleted.
  EXPECT_LE(sim.writes() - before, static_cast<int>(sim.worker_items() + 60));
}

TEST_F(MemberTest, SurvivesJoinsCrashesAndPauses) {
  for (int i = 0; i < 8 && !HasFailure(); ++i) {
    expect_survives({}, static_cast<std::uint32_t>(random_()));
  }
}

TEST_F(MemberTest, SurvivesPausesInTheMiddleOfATick) {
  for (int i = 0; i < 12 && !HasFailure(); ++i) {
    expect_survives({.pause = 0.05}, static_cast<std::uint32_t>(random_()));
  }
}

TEST_F(MemberTest, SurvivesATableThatLosesAndDelaysWrites) {
  for (int i = 0; i < 12 && !HasFailure(); ++i) {
    expect_survives({.pause = 0.02, .lost_request = 0.1, .lost_answer = 0.1, .late_write = 0.1},
                    static_cast<std::uint32_t>(random_()));
  }
}

}  // namespace
}  // namespace rhooks::testing

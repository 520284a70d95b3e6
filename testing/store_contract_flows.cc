// The contract of claims through a gate: what waits, that it holds up nobody, and that nothing
// waits for ever.

#include <algorithm>
#include <atomic>
#include <iterator>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "testing/store_contract.h"
#include "testing/test_seed.h"

namespace rhooks::testing {

using namespace store;
using std::chrono::milliseconds;
using std::chrono::seconds;

void link_store_contract_flows() {}

// Where the tests of a binary are about another store.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FlowContractTest);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FlowRacesTest);

namespace {

using Ids = std::vector<std::string>;

const std::string kDead = "http://dead", kDead2 = "http://dead2", kGood = "http://good";

model::TaskRecord to(const std::string& host, const std::string& id, TimePoint at,
                     const std::string& ns = "ns") {
  auto record = make_record(ns, id, at);
  record.task.request.url = host + "/hook";
  return record;
}

model::TaskRecord to_endpoint(const std::string& endpoint, const std::string& flow_key,
                              const std::string& id, TimePoint at) {
  auto record = make_record("ns", id, at);
  record.task.request.url = "/hook";
  record.task.endpoint = endpoint;
  record.task.flow_key = flow_key;
  return record;
}

// What tasks of random runs are for: four hosts, and two endpoints with flow keys and without.
constexpr std::size_t kReceivers = 10;

void send_to(Task& task, std::size_t receiver) {
  task.request.url = "http://host" + std::to_string(receiver % 4) + "/hook";
  task.endpoint = receiver < 4 ? "" : "e" + std::to_string(receiver % 2);
  task.flow_key = receiver < 6 ? "" : "k" + std::to_string(receiver / 8);
}

std::string id_of(const Claim& claim) {
  return claim.lease.key.id;
}

Ids sorted_ids(const std::vector<Claim>& claims) {
  Ids ids;
  for (const Claim& claim : claims) ids.push_back(id_of(claim));
  std::sort(ids.begin(), ids.end());
  return ids;
}

// Each refuses a task that is shown as PROCESSING.
Edit edit_of(std::function<void(Task&)> change) {
  return [apply = std::move(change)](Task task) -> Result<Task> {
    if (task.status != Status::kActive) return fail(ErrorCode::kConflict, "it is not ACTIVE");
    apply(task);
    return task;
  };
}

Edit retry_edit(TimePoint at) {
  return edit_of([at](Task& task) { task.next_attempt_date = at; });
}

Edit receiver_edit(const std::string& host) {
  return edit_of([host](Task& task) { task.request.url = host + "/hook"; });
}

Edit receiver_edit(std::size_t receiver) {
  return edit_of([receiver](Task& task) { send_to(task, receiver); });
}

}  // namespace

// Ten to two receivers that let none pass, and one to another behind them.
void FlowContractTest::put_ten_and_one() {
  gate_.allow(kDead, 0);
  gate_.allow(kDead2, 0);
  for (int i = 0; i < 10; ++i) {
    put(to(i % 2 == 0 ? kDead : kDead2, "waits" + std::to_string(i), kT0 + milliseconds{i}));
  }
  put(to(kGood, "good", kT0 + seconds{1}));
}

std::vector<Claim> FlowContractTest::claim_through(CountingGate& gate, ClaimRequest request) {
  request.gate = &gate;
  std::vector<Claim> claims;
  const std::size_t limit = request.limit;
  for (int calls = 0; calls < 1'000; ++calls) {
    request.limit = limit - claims.size();
    auto result = store().claim_due(request);
    if (!result) {
      ADD_FAILURE() << result.error().message;
      return claims;
    }
    EXPECT_TRUE(result->set_aside.empty());
    EXPECT_LE(result->claims.size(), request.limit);
    gate.handed_out(*result);
    waits_ = result->waits;
    for (Claim& claim : result->claims) claims.push_back(std::move(claim));
    if (!result->more || claims.size() == limit) return claims;
  }
  ADD_FAILURE() << "there is always more";
  return claims;
}

std::vector<Claim> FlowContractTest::claim_through(TimePoint now, std::size_t limit) {
  return claim_through(gate_, {.now = now, .due_by = now, .limit = limit});
}

Ids FlowContractTest::pass_one_by_one(TimePoint now, std::size_t limit) {
  Ids passed;
  for (int idle = 0; idle < 3; ++idle) {
    gate_.open_all();
    for (const Claim& claim : claim_through(now, limit)) {
      gate_.ended(claim);
      EXPECT_EQ(commit(done(claim, now)), CommitOutcome::kApplied);
      passed.push_back(id_of(claim));
      idle = -1;
    }
  }
  return passed;
}

TEST_P(FlowContractTest, WhatWaitsHoldsUpNobodyBehindIt) {
  put_ten_and_one();
  EXPECT_EQ(sorted_ids(claim_through(kT0 + seconds{1}, 1)), Ids{"good"});
  EXPECT_TRUE(waits_);
  EXPECT_EQ(*store().next_due(kT0 + seconds{1}, Scope::kAll, &gate_), kT0 + seconds{61})
      << "the end of the lease";
  EXPECT_EQ(*store().next_due(kT0 + seconds{1}), kT0);
  EXPECT_EQ(sorted_ids(claim_through(kT0 + seconds{2})), Ids{});
  EXPECT_TRUE(waits_);
  for (const std::size_t limit : {1, 3, 100}) {
    EXPECT_EQ(all_due(store(), kT0 + seconds{2}, kT0 + seconds{2}, limit).size(), 10U) << limit;
  }
}

TEST_P(FlowContractTest, OpenedLanesGoOnWhereTheyStopped) {
  put_ten_and_one();
  gate_.allow(kDead, 2);
  gate_.allow(kDead2, 1);
  const TimePoint now = kT0 + seconds{1};
  EXPECT_EQ(sorted_ids(claim_through(now)), (Ids{"good", "waits0", "waits1", "waits2"}));
  gate_.allow(kDead, 3);
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{"waits4"});
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
  EXPECT_TRUE(waits_);
  gate_.allow_all();
  gate_.open_all();
  EXPECT_EQ(claim_through(now).size(), 6U);
  EXPECT_FALSE(waits_);
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
}

TEST_P(FlowContractTest, WithoutAGateOrThroughAnotherNothingWaits) {
  put_ten_and_one();
  const TimePoint now = kT0 + seconds{1};
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{"good"});
  EXPECT_EQ(claim(now, 4).size(), 4U);
  CountingGate other;
  EXPECT_EQ(claim_through(other, {.now = now, .due_by = now, .limit = 100}).size(), 6U);
  EXPECT_FALSE(waits_);
  EXPECT_EQ(claim_through(kT0 + seconds{61}).size(), 1U) << "the good one again";
  EXPECT_TRUE(waits_);
}

TEST_P(FlowContractTest, WhatWaitedIsDueAfterAReopening) {
  if (!subject().durable()) return;
  put_ten_and_one();
  EXPECT_EQ(sorted_ids(claim_through(kT0 + seconds{1})), Ids{"good"});
  subject().reopen();
  EXPECT_EQ(sorted_ids(claim_through(kT0 + seconds{1})),
            subject().leases_outlive_reopen() ? Ids{} : Ids{"good"});
  EXPECT_TRUE(waits_);
  gate_.allow_all();
  gate_.open_all();
  EXPECT_EQ(claim_through(kT0 + seconds{1}).size(), 10U);
}

TEST_P(FlowContractTest, AChangeEndsTheWaiting) {
  put_ten_and_one();
  const TimePoint now = kT0 + seconds{1};
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{"good"});
  ASSERT_TRUE(change({"ns", "waits3"}, suspend_edit, now));
  ASSERT_TRUE(remove({"ns", "waits4"}, now));
  ASSERT_TRUE(change({"ns", "waits5"}, retry_edit(kT0 + seconds{30}), now));
  ASSERT_TRUE(change({"ns", "waits6"}, receiver_edit(kGood), now));
  put(to(kGood, "waits4", kT0 + seconds{2}));
  ASSERT_TRUE(change({"ns", "waits3"}, unsuspend_edit, now));
  EXPECT_EQ(sorted_ids(claim_through(kT0 + seconds{2})), (Ids{"waits4", "waits6"}));
  gate_.allow_all();
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(kT0 + seconds{2})),
            (Ids{"waits0", "waits1", "waits2", "waits3", "waits7", "waits8", "waits9"}));
  EXPECT_EQ(sorted_ids(claim_through(kT0 + seconds{30})), Ids{"waits5"});
}

TEST_P(FlowContractTest, LeasesOfWhatWaitedEndLikeOthers) {
  put_ten_and_one();
  const TimePoint now = kT0 + seconds{1};
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{"good"});
  gate_.allow(kDead, 3);
  gate_.open_all();
  const auto claims = claim_through(now);
  ASSERT_EQ(sorted_ids(claims), (Ids{"waits0", "waits2", "waits4"}));
  for (const Claim& claim : claims) gate_.ended(claim);
  ASSERT_TRUE(store().release({&claims[0].lease, 1}));
  EXPECT_EQ(commit(done(claims[1], now)), CommitOutcome::kApplied);
  EXPECT_EQ(commit(retried(claims[2], now, kT0 + seconds{5})), CommitOutcome::kApplied);
  gate_.allow_all();
  gate_.open_all();
  EXPECT_EQ(claim_through(now).size(), 8U);
  EXPECT_EQ(sorted_ids(claim_through(kT0 + seconds{5})), Ids{id_of(claims[2])});
  EXPECT_EQ(claim_through(kT0 + seconds{61}).size(), 9U) << "whose leases ran out";
}

TEST_P(FlowContractTest, AClearedNamespaceLeavesNothingWaiting) {
  put_ten_and_one();
  EXPECT_EQ(sorted_ids(claim_through(kT0 + seconds{1})), Ids{"good"});
  for (std::size_t count = 1; count > 0;) {
    const auto cleared = store().clear("ns", 3);
    ASSERT_TRUE(cleared) << cleared.error().message;
    count = *cleared;
  }
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(kT0 + seconds{1})), Ids{});
  EXPECT_FALSE(waits_);
  EXPECT_TRUE(all_due(store(), kT0 + seconds{1}, kT0 + seconds{1}, 10).empty());
}

TEST_P(FlowContractTest, WhatIsDueLaterThanWasAskedForIsClaimedWhenItIsDue) {
  put_ten_and_one();
  EXPECT_EQ(claim_through(gate_, {.now = kT0, .due_by = kT0 + seconds{1}, .limit = 1}).size(), 1U);
  EXPECT_TRUE(waits_);
  gate_.allow_all();
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(kT0 + milliseconds{4})),
            (Ids{"waits0", "waits1", "waits2", "waits3", "waits4"}));
  EXPECT_EQ(sorted_ids(claim_through(kT0 + milliseconds{5})), Ids{"waits5"});
  EXPECT_EQ(claim_through(kT0 + seconds{1}).size(), 4U);
}

TEST_P(FlowContractTest, AClockThatGoesBackLosesNothingThatWaits) {
  put_ten_and_one();
  EXPECT_EQ(sorted_ids(claim_through(kT0 + seconds{10})), Ids{"good"});
  gate_.allow(kDead, 1);
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(kT0 + seconds{10})), Ids{"waits0"});
  EXPECT_LE(*store().next_due(kT0 + seconds{80}), kT0 + seconds{80});  // sees the leases as over
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(kT0 + seconds{5})), Ids{});  // and here they live again
  gate_.allow_all();
  gate_.open_all();
  EXPECT_EQ(claim_through(kT0 + seconds{5}).size(), 9U);
  EXPECT_EQ(claim_through(kT0 + seconds{80}).size(), 11U);
}

// Of a lane that has still more when a claim is full.
TEST_P(FlowContractTest, AnEarlierOneOfALaneThatWasLookedIntoInPartIsNotLost) {
  for (const int rounds : {1, 2}) {
    const std::string ns = "ns" + std::to_string(rounds);
    gate_.allow(kDead, 0);
    for (int i = 0; i < 6; ++i) {
      put(to(kDead, "waits" + std::to_string(i), kT0 + milliseconds{i}, ns));
    }
    const TimePoint now = kT0 + seconds{1};
    EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
    gate_.allow_all();
    gate_.open_all();
    std::vector<Claim> claims;
    for (int i = 0; i < rounds; ++i) {
      for (Claim& claim : claim_through(now, 2)) claims.push_back(std::move(claim));
    }
    put(to(kDead, "early", kT0 - seconds{1}, ns));
    for (int i = 0; i < 10; ++i) {
      for (Claim& claim : claim_through(now, 1)) claims.push_back(std::move(claim));
    }
    EXPECT_EQ(sorted_ids(claims),
              (Ids{"early", "waits0", "waits1", "waits2", "waits3", "waits4", "waits5"}));
    EXPECT_FALSE(waits_);
  }
}

TEST_P(FlowContractTest, WhatWasGivenBackIsClaimedBesideWhatWaited) {
  const TimePoint now = kT0 + seconds{1};
  for (int i = 0; i < 8; ++i) put(to(kGood, "good" + std::to_string(i), kT0 + milliseconds{i}));
  auto claims = claim_through(now);
  ASSERT_EQ(claims.size(), 8U);
  for (int round = 0; round < 4; ++round) {
    gate_.allow(kDead, 0);
    const std::string id = "waits" + std::to_string(round);
    put(to(kDead, id, kT0));
    EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
    for (std::size_t i = 0; i < 8; i += 2) {
      ASSERT_TRUE(store().release({&claims[i].lease, 1}));
    }
    gate_.allow_all();
    gate_.open_all();
    std::set<std::string> found;
    for (int calls = 0; calls < 3; ++calls) {
      for (Claim& claim : claim_through(now, 2)) {
        EXPECT_TRUE(found.insert(id_of(claim)).second);
        for (Claim& old : claims) {
          if (id_of(old) == id_of(claim)) old = claim;
        }
      }
    }
    EXPECT_EQ(found, (std::set<std::string>{"good0", "good2", "good4", "good6", id}));
  }
}

TEST_P(FlowContractTest, ReceiversShareALane) {
  const TimePoint now = kT0 + seconds{1};
  for (const auto lanes : {CountingGate::Lanes::kOfNamespaces, CountingGate::Lanes::kOfAll}) {
    gate_.name(lanes);
    put_ten_and_one();
    std::vector<Claim> all;
    const auto take = [&] {
      const auto claims = claim_through(now);
      all.insert(all.end(), claims.begin(), claims.end());
      return sorted_ids(claims);
    };
    EXPECT_EQ(take(), Ids{"good"});
    gate_.allow(kDead2, 2);
    gate_.open_all();
    EXPECT_EQ(take(), (Ids{"waits1", "waits3"})) << "behind the other's";
    gate_.open_all();
    EXPECT_EQ(take(), Ids{});
    EXPECT_TRUE(waits_);
    gate_.allow_all();
    gate_.open_all();
    EXPECT_EQ(take().size(), 8U);
    EXPECT_FALSE(waits_);
    for (const Claim& claim : all) {
      gate_.ended(claim);
      ASSERT_TRUE(remove(claim.lease.key, now));
    }
  }
}

TEST_P(FlowContractTest, WhatWaitsInOneLaneMayBeRefusedIntoAnother) {
  using enum CountingGate::Lanes;
  const TimePoint now = kT0 + seconds{1};
  put_ten_and_one();
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{"good"});
  for (const auto lanes : {kOfNamespaces, kOfFlows, kOfAll, kOfNamespaces, kOfAll}) {
    gate_.name(lanes);
    gate_.open_all();
    EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
    EXPECT_TRUE(waits_);
  }
  gate_.allow_all();
  gate_.open_all();
  EXPECT_EQ(claim_through(now).size(), 10U);
  EXPECT_FALSE(waits_);
}

TEST_P(FlowContractTest, ANamespaceThatHasEnoughHoldsUpNoOther) {
  const TimePoint now = kT0 + seconds{1};
  put_ten_and_one();
  gate_.allow_all();
  gate_.allow_of("ns", 3);
  put(to(kDead, "other", now, "ns2"));
  auto claims = claim_through(now);
  EXPECT_EQ(sorted_ids(claims), (Ids{"other", "waits0", "waits1", "waits2"}));
  for (const Claim& claim : claims) {
    if (claim.lease.key.ns == "ns2") continue;
    gate_.ended(claim);
    EXPECT_EQ(commit(done(claim, now)), CommitOutcome::kApplied);
  }
  gate_.open_all();
  EXPECT_EQ(claim_through(now).size(), 3U);
  EXPECT_TRUE(waits_);
}

TEST_P(FlowContractTest, WhatIsForAClosedEndpointHoldsUpNobodyAndPassesInItsOrder) {
  const TimePoint now = kT0 + seconds{1};
  gate_.close("ns", "acme");
  for (int i = 0; i < 9; ++i) {
    const std::string flow_key = i % 3 == 0 ? "" : "key" + std::to_string(i % 3);
    put(to_endpoint("acme", flow_key, "waits" + std::to_string(i), kT0 + milliseconds{i}));
  }
  put(to_endpoint("other", "", "other", kT0 + milliseconds{4}));
  put(to(kGood, "good", now));
  EXPECT_EQ(sorted_ids(claim_through(now)), (Ids{"good", "other"}));
  EXPECT_TRUE(waits_);
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{}) << "it is closed all the same";
  EXPECT_TRUE(waits_);
  put(to_endpoint("acme", "key4", "waits0a", kT0 + milliseconds{0}));
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
  gate_.reopen("ns", "acme");
  gate_.open_all();
  for (const char* const id : {"waits0", "waits0a", "waits1", "waits2", "waits3"}) {
    EXPECT_EQ(sorted_ids(claim_through(now, 1)), Ids{id});
  }
  gate_.close("ns", "acme");
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{}) << "while it is looked into";
  EXPECT_TRUE(waits_);
  gate_.reopen("ns", "acme");
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(now)),
            (Ids{"waits4", "waits5", "waits6", "waits7", "waits8"}));
  EXPECT_FALSE(waits_);
}

TEST_P(FlowContractTest, WhatWaitsForItsFlowWaitsForItsEndpointOnceThatIsClosed) {
  const TimePoint now = kT0 + seconds{1};
  gate_.allow("acme", "slow", 1);
  for (int i = 0; i < 5; ++i) {
    put(to_endpoint("acme", "slow", "slow" + std::to_string(i), kT0 + milliseconds{i}));
  }
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{"slow0"});
  gate_.close("ns", "acme");
  put(to_endpoint("acme", "quick", "quick", kT0 + milliseconds{1}));
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
  gate_.allow("acme", "slow", 2);
  for (int round = 0; round < 2; ++round) {
    gate_.open_all();
    EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
    EXPECT_TRUE(waits_);
  }
  gate_.reopen("ns", "acme");
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(now)), (Ids{"quick", "slow1"}));
  EXPECT_TRUE(waits_);
  gate_.allow("acme", "slow", 5);
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(now)), (Ids{"slow2", "slow3", "slow4"}));
  EXPECT_FALSE(waits_);
}

// One that lets all pass again, but for a flow of it.
TEST_P(FlowContractTest, WhatWaitedForItsEndpointMayWaitForItsFlow) {
  const TimePoint now = kT0 + seconds{1};
  gate_.close("ns", "acme");
  gate_.allow("acme", "slow", 1);
  for (int i = 0; i < 6; ++i) {
    const std::string flow_key = i % 2 == 0 ? "slow" : "quick";
    put(to_endpoint("acme", flow_key, flow_key + std::to_string(i), kT0 + milliseconds{i}));
  }
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
  gate_.reopen("ns", "acme");
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(now)), (Ids{"quick1", "quick3", "quick5", "slow0"}));
  EXPECT_TRUE(waits_);
  put(to_endpoint("acme", "slow", "slow6", kT0));
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
  gate_.allow_all();
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(now)), (Ids{"slow2", "slow4", "slow6"}));
  EXPECT_FALSE(waits_);
}

TEST_P(FlowContractTest, WhatIsNextLeavesOutOnlyWhatIsClosedWhereItIsToldTo) {
  const TimePoint now = kT0 + seconds{1};
  const auto next = [&] { return *store().next_due(now, Scope::kAll, &gate_, Leave::kClosed); };
  gate_.close("ns", "acme");
  gate_.allow(kDead, 0);
  put(to_endpoint("acme", "", "paused", kT0));
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
  EXPECT_EQ(next(), std::nullopt);
  EXPECT_EQ(*store().next_due(now), kT0);
  put(to(kDead, "waits", kT0 + milliseconds{5}));
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
  EXPECT_EQ(next(), kT0 + milliseconds{5});
  EXPECT_EQ(*store().next_due(now, Scope::kAll, &gate_), std::nullopt);
  gate_.reopen("ns", "acme");
  EXPECT_EQ(next(), kT0);
}

// Until its time comes, say.
TEST_P(FlowContractTest, OneFlowOfAnEndpointMayBeClosed) {
  const TimePoint now = kT0 + seconds{1};
  const auto next = [&] { return *store().next_due(now, Scope::kAll, &gate_, Leave::kClosed); };
  gate_.close_flow("ns", "acme", "slow");
  put(to_endpoint("acme", "slow", "slow0", kT0));
  put(to_endpoint("acme", "slow", "slow1", kT0 + milliseconds{1}));
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
  EXPECT_TRUE(waits_);
  EXPECT_EQ(next(), std::nullopt);
  EXPECT_EQ(*store().next_due(now), kT0);
  for (const std::string flow_key : {"", "quick"}) {
    const std::string id = "good" + flow_key;
    put(to_endpoint("acme", flow_key, id, kT0 + milliseconds{2}));
    EXPECT_EQ(sorted_ids(claim_through(now)), Ids{id});
  }
  gate_.reopen_flow("ns", "acme", "slow");
  EXPECT_EQ(next(), kT0);
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(now)), (Ids{"slow0", "slow1"}));
  EXPECT_FALSE(waits_);
}

// Of those that are due at one time the least id.
TEST_P(FlowContractTest, AnOrderedFlowPassesOneByOneByItsPlaces) {
  const TimePoint now = kT0 + seconds{1};
  gate_.keep_order("acme");
  for (const int i : {4, 2, 0, 3, 1}) {
    put(to_endpoint("acme", "", "t" + std::to_string(i), kT0 + milliseconds{i / 2}));
  }
  put(to_endpoint("acme", "key", "of_key", kT0 + milliseconds{1}));
  put(to_endpoint("other", "", "other0", kT0));
  put(to_endpoint("other", "", "other1", kT0));
  EXPECT_EQ(sorted_ids(claim_through(now, 4)), (Ids{"of_key", "other0", "other1", "t0"}));
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
  EXPECT_TRUE(waits_);
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{}) << "it is under way all the same";
  EXPECT_EQ(*store().next_due(now, Scope::kAll, &gate_), kT0 + seconds{61}) << "the ends of leases";
  ASSERT_TRUE(remove({"ns", "t0"}, now));
  gate_.forget_what_is_under_way();
  EXPECT_EQ(pass_one_by_one(now), (Ids{"t1", "t2", "t3", "t4"}));
  EXPECT_FALSE(waits_);
}

TEST_P(FlowContractTest, TheFirstOfAnOrderedFlowKeepsItsPlaceOrLeavesIt) {
  const TimePoint now = kT0 + seconds{1};
  gate_.keep_order("acme");
  for (int i = 0; i < 6; ++i) {
    put(to_endpoint("acme", "", "t" + std::to_string(i), kT0 + milliseconds{i}));
  }
  const auto next = [&] {
    gate_.open_all();
    const auto claims = claim_through(now);
    EXPECT_EQ(claims.size(), 1U);
    for (const Claim& claim : claims) gate_.ended(claim);
    return claims.empty() ? Claim() : claims.front();
  };
  Claim first = next();
  EXPECT_EQ(id_of(first), "t0");
  ASSERT_TRUE(store().release({&first.lease, 1}));
  first = next();
  EXPECT_EQ(id_of(first), "t0") << "given back, it is the first again";
  Commit retry = retried(first, now, now + seconds{9});
  retry.task.in_order = true;
  EXPECT_EQ(commit(retry), CommitOutcome::kApplied);
  first = next();
  EXPECT_EQ(first.task, retry.task) << "whoever claims it sees that it is not ready";
  ASSERT_TRUE(store().release({&first.lease, 1}));
  if (subject().durable()) subject().reopen();
  first = next();
  EXPECT_EQ(first.task, retry.task);
  retry = retried(first, now, now + seconds{9});
  retry.task.in_order = false;
  EXPECT_EQ(commit(retry), CommitOutcome::kApplied);

  first = next();
  EXPECT_EQ(id_of(first), "t1");
  EXPECT_EQ(commit(done(first, now)), CommitOutcome::kApplied);
  ASSERT_TRUE(change({"ns", "t2"}, suspend_edit, now));
  ASSERT_TRUE(remove({"ns", "t3"}, now));
  first = next();
  EXPECT_EQ(id_of(first), "t4");
  EXPECT_EQ(commit(done(first, now)), CommitOutcome::kApplied);
  ASSERT_TRUE(change({"ns", "t2"}, unsuspend_edit, now));
  put(to_endpoint("acme", "", "early", kT0 - seconds{1}));
  EXPECT_EQ(pass_one_by_one(now), (Ids{"early", "t2", "t5"}));
  EXPECT_EQ(sorted_ids(claim_through(now + seconds{9})), Ids{"t0"});
}

// Who stores an outcome leaves the place of the attempt after that, whatever is asked meanwhile.
TEST_P(FlowContractTest, AnOrderedFlowIsNotPassedWhereItsPlaceIsLeftWhileAClaimAsks) {
  const TimePoint now = kT0 + seconds{1};
  gate_.keep_order("acme");
  for (int i = 0; i < 3; ++i) {
    put(to_endpoint("acme", "", "t" + std::to_string(i), kT0 + milliseconds{i}));
  }
  auto claims = claim_through(now);
  for (int turn = 0; turn < 4; ++turn) {
    ASSERT_EQ(sorted_ids(claims), Ids{"t0"}) << turn;
    if (turn >= 2) {
      EXPECT_EQ(sorted_ids(claim_through(now)), Ids{}) << "so that lanes are looked into last";
    }
    Commit retry = retried(claims[0], now, now + seconds{9});
    retry.task.in_order = true;
    ASSERT_EQ(commit(retry), CommitOutcome::kApplied);
    gate_.end_once_refused(claims[0]);
    claims.clear();
    for (int tries = 0; claims.empty() && tries < 4; ++tries) {
      gate_.open_all();
      claims = claim_through(now);
    }
  }
}

// What came since, and what waits for the endpoint, is met beside what waits for its flow.
TEST_P(FlowContractTest, WhatComesBeforeTheLaneOfAnOrderedFlowGoesFirst) {
  const TimePoint now = kT0 + seconds{1};
  const auto keyed = [&](const std::string& key, int i) {
    put(to_endpoint("acme", key, key + std::to_string(100 + i), kT0 + milliseconds{i}));
  };
  gate_.keep_order("acme");
  gate_.allow(kDead, 0);
  put(to(kDead, "waits", kT0 - seconds{2}));
  for (int i = 10; i < 15; ++i) {
    keyed("a", i);
    keyed("b", i);
  }
  auto claims = claim_through(now);
  ASSERT_EQ(sorted_ids(claims), (Ids{"a110", "b110"}));
  for (const int i : {3, 12, 5}) keyed("a", i == 12 ? 20 : i);
  for (const Claim& claim : claims) {
    gate_.ended(claim);
    EXPECT_EQ(commit(done(claim, now)), CommitOutcome::kApplied);
  }
  gate_.open_all();
  claims = claim_through(now, 1);
  ASSERT_EQ(claims.size(), 1U);
  EXPECT_TRUE(id_of(claims[0]) == "a103" || id_of(claims[0]) == "b111") << id_of(claims[0]);
  for (const Claim& claim : claims) gate_.ended(claim);
  ASSERT_TRUE(store().release({&claims[0].lease, 1}));

  gate_.close("ns", "acme");
  keyed("c", 1);
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
  for (const int i : {1, 7}) {
    keyed("a", i);
    keyed("b", i);
  }
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
  gate_.reopen("ns", "acme");
  Ids a, b;
  for (const std::string& id : pass_one_by_one(now, 1)) {
    if (id[0] == 'a') a.push_back(id);
    if (id[0] == 'b') b.push_back(id);
  }
  EXPECT_EQ(a, (Ids{"a101", "a103", "a105", "a107", "a111", "a112", "a113", "a114", "a120"}));
  EXPECT_EQ(b, (Ids{"b101", "b107", "b111", "b112", "b113", "b114"}));
}

// In a lane of which the embedded store keeps no more places, too.
TEST_P(FlowContractTest, ManyOfAnOrderedFlowKeepTheirOrder) {
  const TimePoint now = kT0 + seconds{10};
  const int many = subject().leases_outlive_reopen() ? 30 : 300;  // each takes requests
  const auto keyed = [&](int i) {
    put(to_endpoint("acme", "", std::to_string(10'000 + i), kT0 + milliseconds{i}));
  };
  gate_.keep_order("acme");
  Ids wanted;
  for (int i = 0; i < many; ++i) keyed(2 * i);
  auto first = claim_through(now);
  ASSERT_EQ(first.size(), 1U);
  gate_.ended(first[0]);
  ASSERT_TRUE(store().release({&first[0].lease, 1}));
  for (int i = many - 1; i >= 0; i -= 3) keyed(2 * i + 1);
  for (int i = 0; i < 2 * many; ++i) {
    if (i % 2 == 0 || (many - 1 - i / 2) % 3 == 0) wanted.push_back(std::to_string(10'000 + i));
  }
  EXPECT_EQ(pass_one_by_one(now), wanted);
  EXPECT_FALSE(waits_);
}

// What waited among others may have been passed.
TEST_P(FlowContractTest, AnEndpointMayBecomeOrdered) {
  const TimePoint now = kT0 + seconds{1};
  gate_.name(CountingGate::Lanes::kOfNamespaces);
  gate_.allow("acme", "", 0);
  for (int i = 0; i < 4; ++i) {
    put(to_endpoint("acme", "", "t" + std::to_string(i), kT0 + milliseconds{i}));
  }
  EXPECT_EQ(sorted_ids(claim_through(now)), Ids{});
  gate_.allow_all();
  gate_.keep_order("acme");
  EXPECT_EQ(pass_one_by_one(now), (Ids{"t0", "t1", "t2", "t3"}));
}

// More than one claim looks at.
TEST_P(FlowContractTest, ManyThatWaitHoldUpNobody) {
  const int many = subject().many();
  gate_.allow(kDead, 0);
  gate_.allow(kDead2, 0);
  const auto id = [](int i) { return "waits" + std::to_string(100'000 + i); };
  std::vector<model::TaskRecord> batch;
  for (int i = 0; i < many; ++i) {
    batch.push_back(to(i % 2 == 0 ? kDead : kDead2, id(i), kT0 + milliseconds{i / 10}));
    if (batch.size() < 800) continue;
    for (const auto& result : store().put(batch)) ASSERT_TRUE(result) << result.error().message;
    batch.clear();
  }
  ASSERT_TRUE(batch.empty());
  const TimePoint now = kT0 + seconds{10};
  put(to(kGood, "good", kT0 + seconds{5}));
  EXPECT_EQ(sorted_ids(claim_through(now, 1)), Ids{"good"});
  // From here on they are not even looked at.
  put(to(kGood, "good2", kT0 + seconds{6}));
  const auto one = store().claim_due({.now = now, .due_by = now, .limit = 1, .gate = &gate_});
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(sorted_ids(one->claims), Ids{"good2"});
  gate_.handed_out(*one);

  gate_.allow(kDead, 2);
  gate_.open_all();
  EXPECT_EQ(sorted_ids(claim_through(now)), (Ids{id(0), id(2)}));
  gate_.allow_all();
  gate_.open_all();
  const auto ids = sorted_ids(claim_through(now, 2 * static_cast<std::size_t>(many)));
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(many - 2));
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end()) << "each once";
  EXPECT_FALSE(waits_);
}

TEST_P(FlowRacesTest, TwoWhoClaimThroughOneGateDoAllOnce) {
  constexpr int kTasks = 200;
  for (int i = 0; i < kTasks; ++i) {
    put(to("http://host" + std::to_string(i % 4), std::to_string(i), kT0 + milliseconds{i % 9}));
  }
  for (int host = 0; host < 3; ++host) {
    gate_.allow("http://host" + std::to_string(host), static_cast<std::size_t>(1 + host));
  }
  std::mutex mutex;
  std::set<std::string> claimed;
  std::atomic<int> left{kTasks};
  const auto deadline = std::chrono::steady_clock::now() + seconds{120};
  const auto work = [&] {
    while (left > 0 && std::chrono::steady_clock::now() < deadline) {
      const TimePoint now = kT0 + seconds{1};
      const auto result =
          store().claim_due({.now = now, .due_by = now, .limit = 5, .gate = &gate_});
      ASSERT_TRUE(result) << result.error().message;
      gate_.handed_out(*result);
      std::vector<Commit> commits;
      for (const Claim& claim : result->claims) {
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(claimed.insert(id_of(claim)).second) << id_of(claim);
        commits.push_back(done(claim, now));
      }
      for (const auto& outcome : store().commit(commits)) {
        ASSERT_TRUE(outcome && *outcome == CommitOutcome::kApplied);
      }
      for (const Claim& claim : result->claims) {
        gate_.ended(claim);
        --left;
      }
      gate_.open_all();
    }
  };
  std::thread other(work);
  work();
  other.join();
  EXPECT_EQ(left, 0);
  EXPECT_EQ(gate_.under_way(), 0U);
}

// Whoever edits a task holds its key for a while, and it may stay as it is.
TEST_P(FlowRacesTest, AnOrderedFlowDoesNotPassWhatIsBeingEdited) {
  constexpr int kTasks = 60;
  const TimePoint now = kT0 + seconds{1};
  gate_.keep_order("acme");
  for (int i = 0; i < kTasks; ++i) {
    put(to_endpoint("acme", "", std::to_string(100 + i), kT0 + milliseconds{i / 3}));
  }
  std::atomic<int> first{0};
  const auto deadline = std::chrono::steady_clock::now() + seconds{120};
  const auto goes_on = [&] {
    return first < kTasks && std::chrono::steady_clock::now() < deadline;
  };
  std::thread editor([&] {
    for (int i = 0; goes_on(); ++i) {
      const int at = std::min(first + i % 3, kTasks - 1);
      (void)change({"ns", std::to_string(100 + at)}, edit_of([](Task&) {}), now);
    }
  });
  while (goes_on()) {
    gate_.open_all();
    const auto result = store().claim_due({.now = now, .due_by = now, .limit = 5, .gate = &gate_});
    if (!result) {
      ADD_FAILURE() << result.error().message;
      break;
    }
    gate_.handed_out(*result);
    for (const Claim& claim : result->claims) {
      EXPECT_EQ(id_of(claim), std::to_string(100 + first));
      EXPECT_EQ(commit(done(claim, now)), CommitOutcome::kApplied);
      gate_.ended(claim);
      ++first;
    }
  }
  first = kTasks;
  editor.join();
  EXPECT_EQ(gate_.under_way(), 0U);
  EXPECT_TRUE(all_due(store(), now, now, 10).empty());
}

namespace {

// Whatever is refused, changed, given back and opened when: each task is attempted until it is
// done, and none twice at once.
class Turns {
 public:
  Turns(StoreUnderTest& subject, std::uint64_t seed) : subject_(subject), random_(seed) {}

  void run() {
    gate_.keep_order("e1");
    put();
    for (int step = 0; !left_.empty() && !::testing::Test::HasFailure(); ++step) {
      ASSERT_LT(step, 20'000) << left_.size() << " are left, the first: " << left_.begin()->id;
      now_ += milliseconds{static_cast<long>(below(5))};
      set_gate();
      if (below(2) == 0) claim();
      if (below(10) == 0) change();
      if (below(50) == 0) now_ -= milliseconds{20};
      if (below(300) == 0 && subject_.durable()) reopen();
      for (std::size_t i = below(4); i > 0 && !under_way_.empty(); --i) end_one();
    }
    EXPECT_EQ(gate_.under_way(), 0U);
    EXPECT_TRUE(all_due(subject_.store(), now_, now_ + seconds{1}, 100).empty());
  }

 private:
  static constexpr std::size_t kTasks = 60;

  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }
  std::string any_host() { return "http://host" + std::to_string(below(4)); }
  std::string any_namespace() { return below(2) == 0 ? "a" : "b"; }
  std::string any_endpoint() { return below(2) == 0 ? "e0" : "e1"; }
  TimePoint soon() { return now_ + milliseconds{static_cast<long>(below(50))} - milliseconds{25}; }

  void put() {
    std::vector<model::TaskRecord> records;
    for (std::size_t i = 0; i < kTasks; ++i) {
      records.push_back(make_record(any_namespace(), std::to_string(i), soon()));
      send_to(records.back().task, below(kReceivers));
      left_.insert(records.back().task.key);
    }
    for (const auto& result : subject_.store().put(records)) ASSERT_TRUE(result && result->created);
  }

  void set_gate() {
    gate_.allow(any_host(), 1 + below(5));
    gate_.allow(any_endpoint(), below(2) == 0 ? "" : "k1", 1 + below(5));
    if (below(10) == 0) gate_.close(any_namespace(), any_endpoint());
    if (below(5) == 0) gate_.reopen(any_namespace(), any_endpoint());
    if (below(4) == 0) gate_.allow_of(any_namespace(), 1 + below(8));
    if (below(8) == 0) gate_.name(static_cast<CountingGate::Lanes>(below(3)));
    if (below(3) == 0) gate_.open_all();
  }

  void claim() {
    const auto result =
        subject_.store().claim_due({.now = now_,
                                    .due_by = now_ + milliseconds{static_cast<long>(below(20))},
                                    .limit = below(8),
                                    .lease_for = std::chrono::hours{1},
                                    .gate = &gate_});
    ASSERT_TRUE(result) << result.error().message;
    gate_.handed_out(*result);
    for (const Claim& claim : result->claims) {
      EXPECT_TRUE(left_.contains(claim.lease.key)) << claim.lease.key.id;
      EXPECT_TRUE(under_way_.emplace(claim.lease.key, claim).second) << claim.lease.key.id;
    }
  }

  void change() {
    const auto task = std::next(left_.begin(), static_cast<std::ptrdiff_t>(below(left_.size())));
    const TaskKey key = *task;
    if (under_way_.contains(key)) return;
    const std::span one(&key, 1);
    Store& store = subject_.store();
    switch (below(4)) {
      case 0:
        ASSERT_TRUE(store.remove(one, now_).at(0));
        left_.erase(task);
        return;
      case 1:
        ASSERT_TRUE(store.change(one, suspend_edit, now_).at(0));
        ASSERT_TRUE(store.change(one, unsuspend_edit, now_).at(0));
        return;
      case 2:
        ASSERT_TRUE(store.change(one, retry_edit(soon()), now_).at(0));
        return;
      default:
        ASSERT_TRUE(store.change(one, receiver_edit(below(kReceivers)), now_).at(0));
    }
  }

  void reopen() {
    subject_.reopen();
    if (subject_.leases_outlive_reopen()) return;
    for (const auto& [key, claim] : under_way_) gate_.ended(claim);
    under_way_.clear();
  }

  void end_one() {
    const auto one =
        std::next(under_way_.begin(), static_cast<std::ptrdiff_t>(below(under_way_.size())));
    const Claim claim = one->second;
    under_way_.erase(one);
    gate_.ended(claim);
    switch (below(4)) {
      case 0:
        ASSERT_TRUE(subject_.store().release({&claim.lease, 1}));
        return;
      case 1:
        return commit(retried(claim, now_, soon()));
      default:
        commit(done(claim, now_));
        left_.erase(claim.lease.key);
    }
  }

  void commit(const Commit& commit) {
    const auto outcome = subject_.store().commit({&commit, 1}).at(0);
    ASSERT_TRUE(outcome && *outcome == CommitOutcome::kApplied);
  }

  StoreUnderTest& subject_;
  std::mt19937_64 random_;
  CountingGate gate_;
  TimePoint now_ = kT0;
  std::set<TaskKey> left_;
  std::map<TaskKey, Claim> under_way_;
};

// The same calls on both stores, with receivers that let all pass, or none, or the first of each
// flow: what a claim that has no limit takes then does not hang on the order in which the stores
// look at what waits.
class FlowDifferential {
 public:
  FlowDifferential(StoreUnderTest& subject, Store& oracle, std::uint64_t seed)
      : subject_(subject), oracle_(oracle), random_(seed) {}

  void run(int steps) {
    for (CountingGate* const gate : {&mine_, &theirs_}) gate->keep_order("e1");
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      now_ += milliseconds{static_cast<long>(below(20))};
      one_step();
    }
    for (CountingGate* const gate : {&mine_, &theirs_}) gate->allow_all();
    now_ += seconds{10};
    if (!::testing::Test::HasFailure()) claim();
  }

 private:
  struct ClaimPair {
    Claim subject;
    Claim oracle;
  };

  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }
  std::string any_host() { return "http://host" + std::to_string(below(4)); }
  TaskKey any_key() { return {below(2) == 0 ? "a" : "b", std::to_string(below(150))}; }
  TimePoint soon() {
    return now_ + milliseconds{static_cast<long>(below(300))} - milliseconds{200};
  }

  void one_step() {
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
        return put();
      case 3:
        return change();
      case 4:
        return remove();
      case 5:
        return release();
      case 6:
      case 7:
        return commit();
      case 8:
        return set_gates();
      case 9:
        return rare();
      default:
        return claim();
    }
  }

  void put() {
    std::vector<model::TaskRecord> records;
    for (std::size_t n = 1 + below(8); n > 0; --n) {
      const TaskKey key = any_key();
      records.push_back(make_record(key.ns, key.id, soon()));
      send_to(records.back().task, below(kReceivers));
    }
    const auto mine = subject_.store().put(records);
    const auto theirs = oracle_.put(records);
    for (std::size_t i = 0; i < mine.size(); ++i) {
      ASSERT_TRUE(mine[i]) << mine[i].error().message;
      EXPECT_EQ(mine[i]->created, theirs[i]->created);
    }
  }

  void change() {
    const std::vector<Edit> edits{suspend_edit, unsuspend_edit, retry_edit(soon()),
                                  receiver_edit(below(kReceivers))};
    const TaskKey key = any_key();
    const Edit& edit = edits[below(edits.size())];
    EXPECT_EQ(subject_.store().change({&key, 1}, edit, now_).at(0).has_value(),
              oracle_.change({&key, 1}, edit, now_).at(0).has_value());
  }

  void remove() {
    const TaskKey key = any_key();
    EXPECT_EQ(subject_.store().remove({&key, 1}, now_).at(0).has_value(),
              oracle_.remove({&key, 1}, now_).at(0).has_value());
  }

  std::optional<ClaimPair> take_claim() {
    if (claims_.empty()) return std::nullopt;
    const auto one = std::next(claims_.begin(), static_cast<std::ptrdiff_t>(below(claims_.size())));
    ClaimPair pair = one->second;
    claims_.erase(one);
    return pair;
  }

  void release() {
    const auto pair = take_claim();
    if (!pair) return;
    EXPECT_TRUE(subject_.store().release({&pair->subject.lease, 1}));
    EXPECT_TRUE(oracle_.release({&pair->oracle.lease, 1}));
  }

  void commit() {
    const auto pair = take_claim();
    if (!pair) return;
    Commit mine = below(2) == 0 ? done(pair->subject, now_) : retried(pair->subject, now_, soon());
    mine.task.in_order = below(4) == 0;
    Commit theirs = mine;
    theirs.lease = pair->oracle.lease;
    const auto a = subject_.store().commit({&mine, 1}).at(0);
    const auto b = oracle_.commit({&theirs, 1}).at(0);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(*a, *b);
  }

  void set_gates() {
    const std::string host = any_host();
    const std::string ns = any_key().ns;
    const std::string endpoint = below(2) == 0 ? "e0" : "e1";
    const bool blocked = below(2) == 0;
    const bool closed = below(2) == 0;
    const std::size_t most = below(2) == 0 ? 0 : 1'000'000;
    const auto lanes = static_cast<CountingGate::Lanes>(below(3));
    for (CountingGate* const gate : {&mine_, &theirs_}) {
      if (blocked) {
        gate->allow(host, 0);
      } else {
        gate->allow_all(host);
      }
      if (closed) {
        gate->close(ns, endpoint);
      } else {
        gate->reopen(ns, endpoint);
      }
      gate->allow(endpoint, "k0", most);
      gate->name(lanes);
    }
  }

  void rare() {
    switch (below(8)) {
      case 0:
        return reopen();
      case 1:
        return clear();
      case 2:
        now_ -= milliseconds{100};
        return;
      case 3:
        return claim_without_a_gate();
      default:
        return;
    }
  }

  void reopen() {
    if (!subject_.durable()) return;
    subject_.reopen();
    if (subject_.leases_outlive_reopen()) return;
    ASSERT_TRUE(oracle_.release(oracle_leases_));
    oracle_leases_.clear();
    claims_.clear();
  }

  void clear() {
    const std::string ns = any_key().ns;
    for (Store* const store : {&subject_.store(), &oracle_}) {
      auto cleared = store->clear(ns, 50);
      while (cleared && *cleared > 0) cleared = store->clear(ns, 50);
      ASSERT_TRUE(cleared);
    }
  }

  void claim_without_a_gate() {
    const ClaimRequest request{
        .now = now_, .due_by = now_, .limit = 3, .lease_for = milliseconds{50}};
    const auto mine = subject_.store().claim_due(request);
    const auto theirs = oracle_.claim_due(request);
    ASSERT_TRUE(mine && theirs);
    note(mine->claims, theirs->claims);
  }

  // Until there is no more.
  void claim() {
    const ClaimRequest request{.now = now_,
                               .due_by = now_ + milliseconds{static_cast<long>(below(100))},
                               .limit = 1 + below(20),
                               .lease_for = milliseconds{1 + static_cast<long>(below(200))}};
    tell_what_is_under_way();
    mine_.open_all();
    bool waits = false;
    bool others_wait = false;
    const auto mine = claim_all(subject_.store(), request, mine_, waits);
    const auto theirs = claim_all(oracle_, request, theirs_, others_wait);
    EXPECT_TRUE(waits || !others_wait);
    note(mine, theirs);
    const auto a = all_due(subject_.store(), now_, request.due_by, request.limit);
    const auto b = all_due(oracle_, now_, request.due_by, request.limit);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].key, b[i].key);
  }

  // What is leased, so that of an ordered flow none passes beside it.
  void tell_what_is_under_way() {
    ClaimResult mine;
    ClaimResult theirs;
    for (const auto& [key, pair] : claims_) {
      if (pair.oracle.lease.until <= now_) continue;
      mine.claims.push_back(pair.subject);
      theirs.claims.push_back(pair.oracle);
    }
    mine_.forget_what_is_under_way();
    mine_.handed_out(mine);
    theirs_.forget_what_is_under_way();
    theirs_.handed_out(theirs);
  }

  static std::vector<Claim> claim_all(Store& store, ClaimRequest request, CountingGate& gate,
                                      bool& waits) {
    request.gate = &gate;
    std::vector<Claim> claims;
    for (int calls = 0; calls < 1'000; ++calls) {
      auto result = store.claim_due(request);
      if (!result) {
        ADD_FAILURE() << result.error().message;
        return claims;
      }
      gate.handed_out(*result);
      waits = result->waits;
      for (Claim& claim : result->claims) claims.push_back(std::move(claim));
      if (!result->more) return claims;
    }
    ADD_FAILURE() << "there is always more";
    return claims;
  }

  void note(std::vector<Claim> mine, std::vector<Claim> theirs) {
    const auto by_key = [](const Claim& a, const Claim& b) { return a.lease.key < b.lease.key; };
    std::sort(mine.begin(), mine.end(), by_key);
    std::sort(theirs.begin(), theirs.end(), by_key);
    ASSERT_EQ(mine.size(), theirs.size());
    for (std::size_t i = 0; i < mine.size(); ++i) {
      ASSERT_EQ(mine[i].lease.key, theirs[i].lease.key);
      EXPECT_EQ(mine[i].task, theirs[i].task);
      EXPECT_EQ(mine[i].due_at, theirs[i].due_at);
      claims_.insert_or_assign(mine[i].lease.key, ClaimPair{mine[i], theirs[i]});
      oracle_leases_.push_back(theirs[i].lease);
    }
  }

  StoreUnderTest& subject_;
  Store& oracle_;
  std::mt19937_64 random_;
  CountingGate mine_;
  CountingGate theirs_;
  TimePoint now_ = kT0;
  std::map<TaskKey, ClaimPair> claims_;  // the latest of each
  std::vector<Lease> oracle_leases_;     // all since the last reopen
};

}  // namespace

void run_flow_differential(StoreUnderTest& subject, Store& oracle, std::uint64_t seed, int steps) {
  FlowDifferential(subject, oracle, seed).run(steps);
}

TEST_P(FlowContractTest, EveryTaskHasItsTurn) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t run = 0; run < 5; ++run) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", run " + std::to_string(run));
    const auto subject = GetParam().make();
    if (subject->remote() && run == 1) break;
    Turns(*subject, seed + run).run();
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace rhooks::testing

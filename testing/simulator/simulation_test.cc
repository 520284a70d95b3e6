#include "testing/simulator/simulation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "observe/logging.h"
#include "testing/soak.h"

namespace rhooks::simulator {
namespace {

// Worlds that everyday tests run, by what they run on; in tests of so many each, so that they
// run side by side. scripts/soak.sh runs others, as many as there is time for.
struct Seeds {
  std::string backend;
  std::uint64_t first = 1;
  std::uint64_t count = 0;
};
constexpr std::uint64_t kChunk = 20;
// Among so many there is one in which a rare thing happens.
constexpr std::uint64_t kSeedsOfRare = 200;

std::vector<Seeds> chunks() {
  std::vector<Seeds> all;
  const std::map<std::string, std::uint64_t> counts{
      {"memory", 240}, {"dynamodb", 80}, {"rocksdb", 20}};
  for (const auto& [backend, count] : counts) {
    for (std::uint64_t first = 1; first <= count; first += kChunk) {
      all.push_back({backend, first, std::min(kChunk, count - first + 1)});
    }
  }
  return all;
}

void expect_ok(const std::string& backend, std::uint64_t seed, const SimulationResult& result) {
  if (result.ok()) return;
  std::string notes;
  for (const std::string& note : result.notes) notes += note + "\n";
  ADD_FAILURE() << notes << "seed " << seed << " on " << backend << ": "
                << result.violation.value_or("it does not come to an end")
                << "\nagain: RHOOKS_SOAK_SEED=" << seed
                << " simulator_test --gtest_filter='*SimulationSoak*/" << backend << "'";
}

class QuietTest : public ::testing::Test {
 protected:
  QuietTest() { log::configure(log::Level::kOff, log::Format::kText); }
};

class SimulationTest : public QuietTest, public ::testing::WithParamInterface<Seeds> {};

TEST_P(SimulationTest, NothingIsLostStuckOrDoubled) {
  const auto& [backend, first, count] = GetParam();
  SimulationResult sum;
  for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed) {
    const SimulationResult result = simulate(seed, backend_of(backend));
    expect_ok(backend, seed, result);
    sum.tasks += result.tasks;
    sum.attempts += result.attempts;
    sum.crashes += result.crashes;
    sum.repeats += result.repeats;
    sum.rare.cancelled += result.rare.cancelled;
    sum.rare.skipped += result.rare.skipped;
    sum.rare.passed_over += result.rare.passed_over;
    sum.rare.overlapped += result.rare.overlapped;
    sum.rare.cut += result.rare.cut;
    sum.rare.paused_itself += result.rare.paused_itself;
    sum.rare.leases_lost += result.rare.leases_lost;
    sum.rare.taken_over += result.rare.taken_over;
    sum.rare.unsent += result.rare.unsent;
    sum.rare.anew += result.rare.anew;
    sum.rare.extra += result.rare.extra;
    sum.rare.triggers += result.rare.triggers;
    sum.rare.waited += result.rare.waited;
    sum.rare.paused += result.rare.paused;
    sum.rare.called_off += result.rare.called_off;
    sum.rare.expired += result.rare.expired;
    sum.rare.limited += result.rare.limited;
    sum.rare.redriven += result.rare.redriven;
    sum.rare.told += result.rare.told;
    sum.rare.events += result.rare.events;
    sum.rare.uncounted += result.rare.uncounted;
    sum.rare.probes += result.rare.probes;
    sum.rare.asked += result.rare.asked;
    sum.rare.ordered += result.rare.ordered;
  }
  std::cout << count << " seeds on " << backend << ": " << sum.tasks << " tasks, " << sum.attempts
            << " attempts, " << sum.crashes << " crashes, " << sum.repeats << " repeats, "
            << sum.rare.cancelled << " cut off, " << sum.rare.skipped << " skipped, "
            << sum.rare.passed_over << " passed over, " << sum.rare.overlapped << " overlapping, "
            << sum.rare.cut << " retries cut, " << sum.rare.leases_lost << " leases lost, "
            << sum.rare.taken_over << " taken over, " << sum.rare.unsent << " given back, "
            << sum.rare.anew << " registered anew, " << sum.rare.extra << " extra, "
            << sum.rare.triggers << " triggers, " << sum.rare.waited
            << " claims that let some wait, " << sum.rare.paused << " pauses, "
            << sum.rare.called_off << " cancelled under way, " << sum.rare.expired << " too late, "
            << sum.rare.limited << " attempts within limits, " << sum.rare.redriven << " redriven, "
            << sum.rare.told << " told, " << sum.rare.events << " events, " << sum.rare.uncounted
            << " that did not count, " << sum.rare.probes << " probes, " << sum.rare.asked
            << " after a Retry-After, " << sum.rare.ordered << " before others in order\n";
  // Worlds in which nothing happens would prove nothing.
  EXPECT_GT(sum.attempts, 10 * count);
  EXPECT_GT(sum.crashes, count / 2);
  EXPECT_GT(sum.rare.triggers, 0u);
  EXPECT_GT(sum.rare.paused, 0u);
  EXPECT_GT(sum.rare.expired, 0u);
  if (backend != "dynamodb") {
    EXPECT_EQ(sum.rare.taken_over, 0u);
    EXPECT_GT(sum.rare.waited, 0u);
    EXPECT_GT(sum.rare.limited, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(All, SimulationTest, ::testing::ValuesIn(chunks()), [](const auto& one) {
  return one.param.backend + "_from_" + std::to_string(one.param.first);
});

using Rare = InvariantChecker::Rare;

// How many of them happen in none of the worlds.
std::size_t never_happen(const std::string& on, std::vector<std::size_t Rare::*> rare) {
  const MakeBackend backend = backend_of(on);
  for (std::uint64_t seed = 1; seed <= kSeedsOfRare && !rare.empty(); ++seed) {
    const SimulationResult result = simulate(seed, backend);
    std::erase_if(rare, [&](const auto what) { return result.rare.*what > 0; });
  }
  return rare.size();
}

TEST_F(QuietTest, EverythingRareHappensInSomeWorld) {
  for (const char* const store : {"memory", "rocksdb", "dynamodb"}) {
    std::vector<std::size_t Rare::*> rare{&Rare::redriven, &Rare::told, &Rare::uncounted,
                                          &Rare::probes, &Rare::asked};
    // The memory store promises no order to several workers.
    if (store != std::string("memory")) rare.push_back(&Rare::ordered);
    if (store == std::string("dynamodb")) rare.push_back(&Rare::taken_over);
    EXPECT_EQ(never_happen(store, std::move(rare)), 0u) << store;
  }
}

class OnEachTest : public QuietTest, public ::testing::WithParamInterface<std::string> {};
class SimulationSoakTest : public OnEachTest {};

TEST_P(SimulationSoakTest, NothingIsLostStuckOrDoubled) {
  rhooks::testing::Soak soak("simulator on " + GetParam());
  const MakeBackend backend = backend_of(GetParam());
  while (soak.more()) {
    const SimulationResult result = simulate(soak.seed(), backend);
    expect_ok(GetParam(), soak.seed(), result);
    soak.count().crashes += result.crashes;
    soak.count().repeats += result.repeats;
    soak.count().lost += result.lost;
    soak.count().stuck += result.stuck;
  }
}

TEST_P(OnEachTest, ASeedTellsAllThatHappens) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto once = simulate(seed, backend_of(GetParam()));
    const auto again = simulate(seed, backend_of(GetParam()));
    EXPECT_EQ(once.fingerprint, again.fingerprint) << "seed " << seed;
    EXPECT_EQ(once.steps, again.steps) << "seed " << seed;
  }
}

std::string name_of(const ::testing::TestParamInfo<std::string>& one) {
  return one.param;
}
INSTANTIATE_TEST_SUITE_P(All, SimulationSoakTest, ::testing::ValuesIn(backend_names()), name_of);
INSTANTIATE_TEST_SUITE_P(All, OnEachTest, ::testing::ValuesIn(backend_names()), name_of);

}  // namespace
}  // namespace rhooks::simulator

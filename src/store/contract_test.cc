// The store contract suite on the stores of this module.

#include <stdexcept>

#include "store/dynamo/test_tables.h"
#include "store/memory/memory_store.h"
#include "store/rocks/rocks_store.h"
#include "testing/manual_clock.h"
#include "testing/store_contract.h"
#include "testing/temp_dir.h"
#include "testing/test_seed.h"

namespace rhooks::testing {

// On an emulator a call takes a hundred times as long; the simulated service sees as many as the
// other stores (testing/simulator/contract).
constexpr std::uint64_t kRuns = 3;

TEST_P(StoreContractTest, RandomCallsAnswerAsTheMemoryStoreDoes) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t i = 0; i < kRuns; ++i) {
    const auto subject = GetParam().make();
    if (subject->remote() && i == 1) break;
    store::MemoryStore oracle(seed + i);
    run_differential(*subject, oracle, seed + i, subject->remote() ? 150 : 600);
    ASSERT_FALSE(HasFailure()) << "seed " << seed << ", run " << i;
  }
}

TEST_P(FlowContractTest, RandomClaimsTakeWhatThoseOfTheMemoryStoreDo) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t i = 0; i < kRuns; ++i) {
    const auto subject = GetParam().make();
    if (subject->remote() && i == 1) break;
    store::MemoryStore oracle(seed + i);
    run_flow_differential(*subject, oracle, seed + i, subject->remote() ? 100 : 500);
    ASSERT_FALSE(HasFailure()) << "seed " << seed << ", run " << i;
  }
}

namespace {

class MemoryUnderTest final : public StoreUnderTest {
 public:
  store::Store& store() override { return store_; }

 private:
  store::MemoryStore store_{1};
};

StoreFactory memory_factory() {
  return {"memory", [] { return std::make_unique<MemoryUnderTest>(); }};
}

class RocksUnderTest final : public StoreUnderTest {
 public:
  explicit RocksUnderTest(store::RocksOptions options) : options_(options) {
    options_.clock = &clock_;
    open();
  }
  store::Store& store() override { return *store_; }
  bool durable() const override { return true; }
  void reopen() override {
    store_.reset();
    open();
  }

 private:
  void open() {
    auto opened = store::open_rocks(dir_.sub("store"), options_);
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
  }

  TempDir dir_;
  ManualClock clock_{kT0};
  store::RocksOptions options_;
  std::unique_ptr<store::Store> store_;
};

StoreFactory rocks_factory() {
  return {"rocks", [] { return std::make_unique<RocksUnderTest>(store::RocksOptions{}); }};
}

// The bounds of a call are so low that every query and claim meets them.
StoreFactory tight_rocks_factory() {
  return {"rocks_tight", [] {
            store::RocksOptions options;
            options.page_rows_max = 3;
            options.page_bytes_max = 400;
            return std::make_unique<RocksUnderTest>(options);
          }};
}

class DynamoUnderTest final : public StoreUnderTest {
 public:
  explicit DynamoUnderTest(store::DynamoTuning tuning) : tuning_(tuning) { reopen(); }
  store::Store& store() override { return *store_; }
  bool durable() const override { return true; }
  bool remote() const override { return true; }
  bool leases_outlive_reopen() const override { return true; }
  int many() const override { return 2 * 800; }
  void reopen() override {
    store_.reset();
    store_ = tables_.open(tuning_);
  }

 private:
  const store::DynamoTuning tuning_;
  TestTables tables_;
  std::unique_ptr<store::Store> store_;
};

// What is due is read from the index for every claim, as if all else came from other processes. A
// store that knows what is due makes the same requests, and fewer: it is tested on the simulated
// service (testing/simulator/contract).
StoreFactory dynamo_factory() {
  return {
      "dynamo", [] {
        return std::make_unique<DynamoUnderTest>(store::DynamoTuning{
            .read_every = std::chrono::milliseconds{0}, .order_lag = std::chrono::milliseconds{0}});
      }};
}

// Every request and call ends after a few rows.
StoreFactory tight_dynamo_factory() {
  return {"dynamo_tight", [] {
            return std::make_unique<DynamoUnderTest>(
                store::DynamoTuning{.read_every = std::chrono::milliseconds{0},
                                    .order_lag = std::chrono::milliseconds{0},
                                    .page_rows_max = 5,
                                    .page_bytes_max = 3'000,
                                    .request_rows_max = 3});
          }};
}

INSTANTIATE_STORE_CONTRACT(Dynamo, dynamo_factory(), tight_dynamo_factory());
INSTANTIATE_STORE_CONTRACT(Rocks, rocks_factory(), tight_rocks_factory());
INSTANTIATE_STORE_CONTRACT(Memory, memory_factory());
INSTANTIATE_FLOW_CONTRACT(Dynamo, dynamo_factory(), tight_dynamo_factory());
INSTANTIATE_FLOW_CONTRACT(Rocks, rocks_factory(), tight_rocks_factory());
INSTANTIATE_FLOW_CONTRACT(Memory, memory_factory());

}  // namespace
}  // namespace rhooks::testing

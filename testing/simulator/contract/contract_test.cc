// The store contract suite on the DynamoDB store above the simulated service, without waits.

#include <memory>

#include "store/dynamo/store_impl.h"
#include "store/memory/memory_store.h"
#include "testing/simulator/dynamo_client.h"
#include "testing/store_contract.h"
#include "testing/test_seed.h"

namespace rhooks::testing {

TEST_P(StoreContractTest, RandomCallsAnswerAsTheMemoryStoreDoes) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t i = 0; i < 5; ++i) {
    const auto subject = GetParam().make();
    store::MemoryStore oracle(seed + i);
    run_differential(*subject, oracle, seed + i, 300);
    ASSERT_FALSE(HasFailure()) << "seed " << seed << ", run " << i;
  }
}

TEST_P(FlowContractTest, RandomClaimsTakeWhatThoseOfTheMemoryStoreDo) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t i = 0; i < 5; ++i) {
    const auto subject = GetParam().make();
    store::MemoryStore oracle(seed + i);
    run_flow_differential(*subject, oracle, seed + i, 300);
    ASSERT_FALSE(HasFailure()) << "seed " << seed << ", run " << i;
  }
}

namespace {

using simulator::DynamoService;
using std::chrono::milliseconds;

class SimulatedUnderTest final : public StoreUnderTest {
 public:
  explicit SimulatedUnderTest(store::DynamoTuning tuning) : tuning_(tuning) { reopen(); }
  store::Store& store() override { return *store_; }
  bool durable() const override { return true; }
  bool leases_outlive_reopen() const override { return true; }
  int many() const override { return 2 * 800; }
  void reopen() override {
    store_.reset();
    store::dynamo::DynamoStore::Parts parts;
    parts.machine_clock = std::make_shared<SystemClock>();
    parts.client = simulator::direct_client(service_);
    parts.membership_client = simulator::direct_client(service_);
    parts.shards = 4;
    parts.tuning = tuning_;
    store_ = std::make_unique<store::dynamo::DynamoStore>(std::move(parts), random_);
  }

 private:
  const store::DynamoTuning tuning_;
  Random random_;
  simulator::Timeline timeline_{1};  // stands still
  const std::shared_ptr<DynamoService> service_ =
      std::make_shared<DynamoService>(timeline_, DynamoService::Options{});
  std::unique_ptr<store::Store> store_;
};

StoreFactory factory(std::string name, store::DynamoTuning tuning) {
  return {std::move(name), [tuning] { return std::make_unique<SimulatedUnderTest>(tuning); }};
}

// Read for each claim, read once, or read a few rows at a time.
constexpr store::DynamoTuning kReading{.read_every = milliseconds{0}, .order_lag = milliseconds{0}};
constexpr store::DynamoTuning kKnowing{.read_every = std::chrono::hours{1},
                                       .order_lag = milliseconds{0}};
constexpr store::DynamoTuning kTight{.read_every = milliseconds{0},
                                     .order_lag = milliseconds{0},
                                     .page_rows_max = 5,
                                     .page_bytes_max = 3'000,
                                     .request_rows_max = 3};

INSTANTIATE_STORE_CONTRACT(SimulatedDynamo, factory("reading", kReading),
                           factory("knowing", kKnowing), factory("tight", kTight));
INSTANTIATE_FLOW_CONTRACT(SimulatedDynamo, factory("reading", kReading),
                          factory("knowing", kKnowing), factory("tight", kTight));

}  // namespace
}  // namespace rhooks::testing

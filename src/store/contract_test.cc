// The store contract suite on the stores of this module.

#include "store/memory/memory_store.h"
#include "testing/store_contract.h"

namespace rhooks::testing {

TEST_P(StoreContract, RandomCallsAnswerAsTheMemoryStoreDoes) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t i = 0; i < 5; ++i) {
    const auto subject = GetParam().make();
    store::MemoryStore oracle(seed + i);
    run_differential(*subject, oracle, seed + i, 600);
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

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, ::testing::Values(memory_factory()),
                         store_case_name);

}  // namespace
}  // namespace rhooks::testing

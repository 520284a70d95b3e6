#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>

#include "store/memory/memory_store.h"
#include "testing/faulty_store.h"
#include "testing/forwarding_store.h"
#include "testing/store_contract.h"

namespace rhooks::testing {
namespace {

using ::testing::HasSubstr;

using namespace store;

// There is never any memory for these.
class NoMemoryStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

 private:
  std::vector<Result<PutResult>> do_put(std::span<const TaskRecord>) override {
    throw std::bad_alloc();
  }
  Result<store::TaskPage> do_query_tasks(const TaskQuery&) override { throw std::bad_alloc(); }
  Result<void> do_release(std::span<const Lease>) override { throw std::bad_alloc(); }
};

TEST(MeasuredStoreTest, CountsCallsByMethodAndOutcome) {
  MemoryStore memory;
  Metrics metrics;
  FaultyStore store(memory);
  store.measure_by(metrics);
  const auto record = make_record("ns", "id", kT0);
  ASSERT_TRUE(store.put(std::span(&record, 1)).at(0)->created);
  EXPECT_EQ(*store.get({"ns", "id"}, kT0), record.task);
  EXPECT_EQ(store.get({"ns", "no"}, kT0).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store.get_document({"kind", "ns", "no"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store.get_document({"kind", "ns", ""}).error().code, ErrorCode::kInvalidArgument);
  store.fail_next("get");
  EXPECT_EQ(store.get({"ns", "id"}, kT0).error().code, ErrorCode::kUnavailable);
  const std::string text = metrics.expose();
  EXPECT_THAT(text, HasSubstr("rhooks_store_call_duration_seconds_count{method=\"put\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("rhooks_store_call_duration_seconds_count{method=\"get\"} 3\n"));
  // A task that is not there is an answer, not a failure of the store.
  EXPECT_THAT(text, HasSubstr("rhooks_store_errors_total{method=\"get\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("rhooks_store_errors_total{method=\"put\"} 0\n"));
  EXPECT_THAT(text,
              HasSubstr("rhooks_store_call_duration_seconds_count{method=\"get_document\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("rhooks_store_errors_total{method=\"get_document\"} 0\n"));
}

TEST(MeasuredStoreTest, AnswersWhereThereIsNoMemory) {
  MemoryStore memory{1};
  Metrics metrics;
  NoMemoryStore store(memory);
  store.measure_by(metrics);

  const std::vector<TaskRecord> records(3);
  const auto put = store.put(records);
  ASSERT_EQ(put.size(), 3u);
  for (const auto& result : put) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kUnknownOutcome);
  }
  const auto page = store.query_tasks({});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kOverloaded);
  const auto released = store.release({});
  ASSERT_FALSE(released);
  EXPECT_EQ(released.error().code, ErrorCode::kUnknownOutcome);

  const std::string counted = metrics.expose();
  for (const char* const method : {"put", "query_tasks", "release"}) {
    EXPECT_THAT(counted,
                HasSubstr("rhooks_store_errors_total{method=\"" + std::string(method) + "\"} 1\n"));
  }
  EXPECT_TRUE(store.check());
}

}  // namespace
}  // namespace rhooks::testing

#include "store/open.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/metered.h"
#include "testing/faulty_store.h"
#include "testing/store_contract.h"
#include "testing/temp_dir.h"

namespace rhooks::testing {
namespace {

using ::testing::HasSubstr;

using namespace store;

TEST(OpenStore, OpensMemoryAndRocks) {
  TempDir dir;
  for (const std::string& url : {std::string("memory:"), "rocksdb:" + dir.sub("store")}) {
    const auto store = open_store(url);
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_TRUE((*store)->check());
  }
}

TEST(OpenStore, RefusesWhatItDoesNotKnowNamingWhatItDoes) {
  for (const char* url :
       {"", "rocksdb", "rocksdb:", "memory", "memory:x", "redis:x", ":", "/tmp", "ROCKSDB:x"}) {
    const auto store = open_store(url);
    ASSERT_FALSE(store) << url;
    EXPECT_EQ(store.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(store.error().field, "store");
    EXPECT_NE(store.error().message.find("rocksdb:PATH"), std::string::npos);
    EXPECT_NE(store.error().message.find("memory:"), std::string::npos);
  }
}

TEST(OpenStore, SaysThatDynamoIsNotThere) {
  const auto store = open_store("dynamodb:?region=eu-west-1");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(store.error().message,
            "the DynamoDB store is not part of this version; use rocksdb:PATH");
}

TEST(MeteredStore, CountsCallsByMethodAndOutcome) {
  const auto memory = open_store("memory:");
  ASSERT_TRUE(memory);
  Metrics metrics;
  auto owned = std::make_unique<FaultyStore>(**memory);
  FaultyStore& faulty = *owned;
  MeteredStore metered(std::move(owned), metrics);
  const auto record = make_record("ns", "id", kT0);
  ASSERT_TRUE(metered.put(std::span(&record, 1)).at(0)->created);
  EXPECT_EQ(*metered.get({"ns", "id"}, kT0), record.task);
  EXPECT_EQ(metered.get({"ns", "no"}, kT0).error().code, ErrorCode::kNotFound);
  faulty.fail_next("get");
  EXPECT_EQ(metered.get({"ns", "id"}, kT0).error().code, ErrorCode::kUnavailable);
  const std::string text = metrics.expose();
  EXPECT_THAT(text, HasSubstr("rhooks_store_call_duration_seconds_count{method=\"put\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("rhooks_store_call_duration_seconds_count{method=\"get\"} 3\n"));
  // A task that is not there is an answer, not a failure of the store.
  EXPECT_THAT(text, HasSubstr("rhooks_store_errors_total{method=\"get\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("rhooks_store_errors_total{method=\"put\"} 0\n"));
}

TEST(FaultyStore, FailsAsScripted) {
  const auto memory = open_store("memory:");
  ASSERT_TRUE(memory);
  FaultyStore faulty(**memory);
  const std::vector<model::TaskRecord> records{make_record("ns", "a", kT0),
                                               make_record("ns", "b", kT0)};
  // Before applying: nothing is stored.
  faulty.fail_next("put");
  for (const auto& result : faulty.put(records)) {
    EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  }
  EXPECT_FALSE(faulty.get({"ns", "a"}, kT0));
  // After applying, one key: the other is answered.
  faulty.fail_next("put", {.error = {ErrorCode::kUnknownOutcome, "lost", {}},
                           .after_applying = true,
                           .keys = {{"ns", "a"}}});
  const auto results = faulty.put(records);
  EXPECT_EQ(results[0].error().code, ErrorCode::kUnknownOutcome);
  EXPECT_TRUE(results[1]->created);
  EXPECT_TRUE(faulty.get({"ns", "a"}, kT0));
  EXPECT_FALSE(faulty.put(records)[0]->created);
  EXPECT_EQ(faulty.calls("put"), 3);
  faulty.fail_always("*");
  EXPECT_FALSE(faulty.check());
  EXPECT_FALSE(faulty.next_due(kT0, Scope::kAll));
  faulty.heal();
  EXPECT_TRUE(faulty.check());
}

}  // namespace
}  // namespace rhooks::testing

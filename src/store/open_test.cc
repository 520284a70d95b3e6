#include "store/open.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/memory/memory_store.h"
#include "testing/faulty_store.h"
#include "testing/store_contract.h"
#include "testing/temp_dir.h"

namespace rhooks::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using namespace store;

class OpenStoreTest : public ::testing::Test {
 protected:
  Result<Opened> open(std::string_view url) {
    return open_store(url, {.metrics = metrics_, .clock = clock_, .random = random_});
  }

  Metrics metrics_;
  std::shared_ptr<Clock> clock_ = std::make_shared<SystemClock>();
  Random random_{1};
};

TEST_F(OpenStoreTest, OpensMemoryAndRocks) {
  TempDir dir;
  for (const std::string& url : {std::string("memory:"), "rocksdb:" + dir.sub("store")}) {
    EXPECT_TRUE(check_url(url));
    const auto store = open(url);
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_TRUE(store->store->check());
    EXPECT_EQ(store->clock, clock_);
  }
}

TEST_F(OpenStoreTest, RefusesWhatItDoesNotKnowNamingWhatItDoes) {
  for (const char* url : {"", "rocksdb", "rocksdb:", "memory", "memory:x", "redis:x", ":", "/tmp",
                          "ROCKSDB:x", "dynamodb"}) {
    const auto store = open(url);
    ASSERT_FALSE(store) << url;
    EXPECT_EQ(store.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(store.error().field, "store");
    for (const char* known : {"rocksdb:PATH", "memory:", "dynamodb:?"}) {
      EXPECT_THAT(store.error().message, HasSubstr(known));
    }
    EXPECT_EQ(check_url(url).error().message, store.error().message);
  }
}

TEST_F(OpenStoreTest, RefusesAPathThatAShellShouldHaveReplaced) {
  const std::pair<const char*, const char*> cases[] = {
      {"rocksdb:~/data", "rocksdb:$HOME/data where a shell reads it"},
      {"rocksdb:~", "rocksdb:$HOME where a shell reads it"},
      {"rocksdb:~ann/data", "the whole path"},
      {"rocksdb:$HOME/data", "the whole path"},
      {"rocksdb:${DATA}", "the whole path"}};
  for (const auto& [url, instead] : cases) {
    const auto store = open(url);
    ASSERT_FALSE(store) << url;
    EXPECT_EQ(store.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(store.error().field, "store");
    EXPECT_THAT(store.error().message, HasSubstr(instead));
    const std::string named = "rocksdb:./" + std::string(url).substr(8);
    EXPECT_THAT(store.error().message, HasSubstr(named));
    EXPECT_TRUE(check_url(named));
  }
  for (const char* url : {"rocksdb:a~", "rocksdb:/tmp/~/data", "rocksdb:a$b"}) {
    EXPECT_TRUE(check_url(url)) << url;
  }
}

TEST_F(OpenStoreTest, TraitsAreThoseOfTheKind) {
  const StoreTraits rocks = traits_of("rocksdb:/var/lib/rhooks");
  EXPECT_EQ(rocks.directory, "/var/lib/rhooks");
  EXPECT_TRUE(rocks.outlives_process && rocks.groups_writes && !rocks.shared);
  const StoreTraits dynamo = traits_of("dynamodb:?region=eu-west-1");
  EXPECT_EQ(dynamo.directory, "");
  EXPECT_TRUE(dynamo.outlives_process && dynamo.shared && !dynamo.groups_writes);
  const StoreTraits memory = traits_of("memory:");
  EXPECT_TRUE(!memory.outlives_process && !memory.shared && memory.directory.empty());
}

TEST_F(OpenStoreTest, AMisspeltUrlIsNotShownInFull) {
  for (const auto& [url, shown] :
       {std::pair{"dynamo:?secret_access_key=hush", "'dynamo:?…' is no store"},
        std::pair{"rocksdb:~/data?secret_access_key=hush", "'rocksdb:~/data?…' begins with"},
        std::pair{"rocksdb:$DATA?secret_access_key=hush", "'rocksdb:$DATA?…' begins with"},
        std::pair{"dynamo:#secret_access_key=hush", "'dynamo:…' is no store"},
        std::pair{"dynamo:secret_access_key=hush", "'dynamo:…' is no store"},
        std::pair{"dynamo://AKID:hush@host/", "'dynamo:…' is no store"}}) {
    const auto store = open(url);
    ASSERT_FALSE(store) << url;
    EXPECT_THAT(store.error().message, HasSubstr(shown));
    EXPECT_THAT(store.error().message, Not(HasSubstr("hush")));
  }
}

TEST_F(OpenStoreTest, AWrongDynamoUrlIsNotOpened) {
  const auto store = open("dynamodb:?region=eu-west-1&colour=blue");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store.error().field, "store");
}

TEST(FaultyStoreTest, FailsAsScripted) {
  MemoryStore memory;
  FaultyStore faulty(memory);
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

#include "store/dynamo/tables.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "store/dynamo/attributes.h"
#include "store/dynamo/dynalite_fixture.h"
#include "store/dynamo/scripted_tables_fixture.h"
#include "store/dynamo/table_shape.h"
#include "testing/captured_log.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

class TablesTest : public DynaliteFixture {
 protected:
  Result<TablesReady> prepare(const TablesOptions& options) {
    return prepare_tables(*client_, tables_, options);
  }
  void expect_refused(const TablesOptions& options, const ::testing::Matcher<std::string>& why) {
    const auto ready = prepare(options);
    ASSERT_FALSE(ready);
    EXPECT_EQ(ready.error().code, ErrorCode::kInvalidArgument) << ready.error().message;
    EXPECT_EQ(ready.error().field, "store");
    EXPECT_THAT(ready.error().message, why);
  }
  void put_meta(json::object item) {
    item["ns"] = text_value(kControl);
    item["id"] = text_value("meta");
    call_ok(Operation::kPutItem, {{"TableName", tables_.tasks}, {"Item", std::move(item)}});
  }
};

TEST_F(TablesTest, MakesBothAndWritesDownTheShards) {
  auto options = creating();
  options.shards = 5;
  const auto ready = prepare(options);
  ASSERT_TRUE(ready) << ready.error().message;
  EXPECT_EQ(ready->shards, 5);

  for (const TableShape& needed : {tasks_shape(tables_.tasks), logs_shape(tables_.logs)}) {
    const auto reply = call(Operation::kDescribeTable, {{"TableName", needed.name}});
    ASSERT_TRUE(reply && reply->ok());
    const TableShape found = read_table(reply->body);
    EXPECT_EQ(found.status, "ACTIVE");
    EXPECT_EQ(found.billing, "PAY_PER_REQUEST");
    EXPECT_THAT(differences(needed, found), ::testing::IsEmpty());
    EXPECT_EQ(found.indexes.size(), needed.indexes.size());
  }

  const auto meta = call(Operation::kGetItem,
                         {{"TableName", tables_.tasks},
                          {"Key", {{"ns", text_value(kControl)}, {"id", text_value("meta")}}}});
  ASSERT_TRUE(meta && meta->ok());
  const Item& item = meta->body.at("Item").as_object();
  EXPECT_EQ(number_of(item, "version"), 3);
  EXPECT_EQ(number_of(item, "shards"), 5);
  EXPECT_EQ(number_of(item, "created"), to_millis(options.now));
}

TEST_F(TablesTest, AgainItChangesNothing) {
  auto options = creating();
  options.shards = 5;
  ASSERT_TRUE(prepare(options));
  for (const bool create : {true, false}) {
    options.create = create;
    for (const int shards : {5, 0}) {
      options.shards = shards;
      const auto ready = prepare(options);
      ASSERT_TRUE(ready) << ready.error().message;
      EXPECT_EQ(ready->shards, 5);
    }
  }
}

TEST_F(TablesTest, SixteenShardsWhereNothingIsSaid) {
  const auto ready = prepare(creating());
  ASSERT_TRUE(ready) << ready.error().message;
  EXPECT_EQ(ready->shards, kShardsDefault);
}

TEST_F(TablesTest, WithoutCreateAMissingTableIsAnError) {
  TablesOptions options;
  options.where = "region us-east-1";
  const auto ready = prepare(options);
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(ready.error().message,
              AllOf(HasSubstr("'" + tables_.tasks + "'"), HasSubstr("region us-east-1"),
                    HasSubstr("create=true")));
}

TEST_F(TablesTest, OnlyWhatIsMissingIsMade) {
  call_ok(Operation::kCreateTable, create_table_body(tasks_shape(tables_.tasks)));
  TablesOptions without;
  const auto missing = prepare(without);
  ASSERT_FALSE(missing);
  // The other one may still have been looked at before it was ACTIVE.
  EXPECT_THAT(missing.error().message, HasSubstr("'" + tables_.logs + "'"));
  EXPECT_TRUE(prepare(creating()));
}

// By a template of its owner, say: rhooks needs no right to make tables.
TEST_F(TablesTest, TablesThatOthersMadeAreFine) {
  call_ok(Operation::kCreateTable, create_table_body(tasks_shape(tables_.tasks)));
  call_ok(Operation::kCreateTable, create_table_body(logs_shape(tables_.logs)));
  TablesOptions options = creating();
  options.create = false;
  options.shards = 3;
  const auto ready = prepare(options);
  ASSERT_TRUE(ready) << ready.error().message;
  EXPECT_EQ(ready->shards, 3);
}

TEST_F(TablesTest, SeveralAtOnceAgree) {
  constexpr int kThreads = 4;
  std::vector<Result<TablesReady>> results(kThreads, fail(ErrorCode::kInternal, "not run"));
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const auto client = make_client();
      auto options = creating();
      // Who cares says so; the others take what is there.
      if (i % 2 == 0) options.shards = 7;
      results[static_cast<std::size_t>(i)] = prepare_tables(*client, tables_, options);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto settled = prepare({});
  ASSERT_TRUE(settled) << settled.error().message;
  for (int i = 0; i < kThreads; ++i) {
    const auto& result = results[static_cast<std::size_t>(i)];
    if (result) {
      EXPECT_EQ(result->shards, settled->shards);
    } else {
      EXPECT_EQ(i % 2, 0) << result.error().message;
      EXPECT_THAT(result.error().message, HasSubstr("made with shards=16"));
    }
  }
}

TEST_F(TablesTest, ATableOfAnotherShapeIsRefused) {
  TableShape other = tasks_shape(tables_.tasks);
  other.indexes[0].key.sort = {"time", "S"};
  other.indexes[1].projection = "KEYS_ONLY";
  other.indexes[1].included.clear();
  call_ok(Operation::kCreateTable, create_table_body(other));
  expect_refused(creating(),
                 AllOf(HasSubstr("table '" + tables_.tasks + "'"),
                       HasSubstr("index 'due' has sort key 'time' (S), expected 'due' (N)"),
                       HasSubstr("index 'nsd' does not project attribute 'st'")));
}

TEST_F(TablesTest, TheTablesTheWrongWayRoundAreRefused) {
  ASSERT_TRUE(prepare(creating()));
  const auto ready =
      prepare_tables(*client_, {.tasks = tables_.logs, .logs = tables_.tasks}, creating());
  ASSERT_FALSE(ready);
  EXPECT_THAT(ready.error().message, AllOf(HasSubstr("index 'due' (sh (N), due (N)) is missing"),
                                           HasSubstr("'" + tables_.logs + "'")));
}

TEST_F(TablesTest, OtherShardsThanStoredAreRefused) {
  auto options = creating();
  options.shards = 4;
  ASSERT_TRUE(prepare(options));
  options.shards = 8;
  expect_refused(options, AllOf(HasSubstr("shards=4"), HasSubstr("changed to 8")));
}

TEST_F(TablesTest, OtherFormatsAreRefused) {
  ASSERT_TRUE(prepare(creating()));
  for (const auto& [format, use] : {std::pair{4, "use the newer rhooks"}, {2, "use the older"}}) {
    put_meta({{"version", number_value(format)}});
    const auto ready = prepare({});
    ASSERT_FALSE(ready);
    EXPECT_EQ(ready.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(ready.error().message, AllOf(HasSubstr("has format " + std::to_string(format) +
                                                       "; this rhooks reads "
                                                       "format 3: "),
                                             HasSubstr(use)));
  }
}

TEST_F(TablesTest, AMetaItemThatCanNotBeReadIsCorrupt) {
  ASSERT_TRUE(prepare(creating()));
  for (const json::object& item :
       {json::object{}, json::object{{"version", number_value(3)}},
        json::object{{"version", number_value(3)}, {"shards", number_value(100'000)}},
        json::object{{"version", text_value("1")}, {"shards", number_value(4)}}}) {
    put_meta(item);
    const auto ready = prepare({});
    ASSERT_FALSE(ready);
    EXPECT_EQ(ready.error().code, ErrorCode::kCorrupt) << ready.error().message;
  }
}

TEST_F(TablesTest, ImpossibleArgumentsAreRefused) {
  const auto refused = [&](const Tables& tables, int shards) {
    auto options = creating();
    options.shards = shards;
    const auto ready = prepare_tables(*client_, tables, options);
    if (ready) return std::string("accepted");
    EXPECT_EQ(ready.error().code, ErrorCode::kInvalidArgument);
    return ready.error().message;
  };
  EXPECT_THAT(refused({.tasks = "a b c", .logs = "logs"}, 0), HasSubstr("tasks table, 'a b c'"));
  EXPECT_THAT(refused({.tasks = "tasks", .logs = "l"}, 0), HasSubstr("logs table, 'l'"));
  EXPECT_THAT(refused({.tasks = "same", .logs = "same"}, 0), HasSubstr("a table each"));
  EXPECT_THAT(refused(tables_, 257), HasSubstr("1 to 256"));
  EXPECT_THAT(refused(tables_, -1), HasSubstr("1 to 256"));
}

using ScriptedTablesTest = ScriptedTablesFixture;

TEST_F(ScriptedTablesTest, WaitsUntilTablesAndIndexesAreActive) {
  make_client();
  std::atomic<int> looks = 0;
  answer_by({{"DescribeTable",
              [&](const TestRequest& request) {
                const int look = looks++;
                if (look < 2) return error(400, "ResourceNotFoundException");
                if (look < 6) return ok(described(shape_of(request), "CREATING", "CREATING"));
                if (look < 10) return ok(described(shape_of(request), "ACTIVE", "CREATING"));
                return active(request);
              }},
             {"CreateTable", [&](const TestRequest& request) {
                return shape_of(request).name == Tables().logs
                           ? error(400, "ResourceInUseException")
                           : ok();
              }}});
  const auto ready = prepare();
  ASSERT_TRUE(ready) << ready.error().message;
  EXPECT_EQ(count("CreateTable"), 2);
  EXPECT_EQ(looks, 12);
}

TEST_F(ScriptedTablesTest, WaitsNoLongerThanToldTo) {
  make_client();
  timeout_ = milliseconds(5);
  answer_by({{"DescribeTable", [](const TestRequest& request) {
                return ok(described(shape_of(request), "ACTIVE", "CREATING"));
              }}});
  const auto ready = prepare();
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(ready.error().message,
              AllOf(HasSubstr("table '"), HasSubstr("index '"), HasSubstr("is CREATING")));
}

TEST_F(ScriptedTablesTest, ATableThatIsBeingDeletedIsMadeAfterwards) {
  make_client();
  std::atomic<int> looks = 0;
  answer_by({{"DescribeTable", [&](const TestRequest& request) {
                const int look = looks++;
                if (look < 4) return ok(described(shape_of(request), "DELETING", "DELETING"));
                if (look < 6) return error(400, "ResourceNotFoundException");
                return active(request);
              }}});
  ASSERT_TRUE(prepare());
  EXPECT_EQ(count("CreateTable"), 2);
}

TEST_F(ScriptedTablesTest, SwitchesTimeToLiveOn) {
  make_client();
  answer_by({{"DescribeTable", active},
             {"DescribeTimeToLive", [](const TestRequest&) { return ttl("DISABLED", ""); }}});
  ASSERT_TRUE(prepare());
  std::vector<std::string> tables;
  for (const TestRequest& request : receiver_.requests()) {
    if (!request.header("X-Amz-Target").ends_with(".UpdateTimeToLive")) continue;
    const json::value body = json::parse(request.body);
    tables.emplace_back(body.at("TableName").as_string());
    EXPECT_EQ(body.at("TimeToLiveSpecification"),
              json::parse(R"({"Enabled":true,"AttributeName":"ttl"})"));
  }
  EXPECT_THAT(tables, ::testing::UnorderedElementsAre("rhooks-logs", "rhooks-tasks"));
}

TEST_F(ScriptedTablesTest, LeavesTimeToLiveAloneWhereItIsOn) {
  make_client();
  for (const char* status : {"ENABLED", "ENABLING"}) {
    answer_by({{"DescribeTable", active},
               {"DescribeTimeToLive", [=](const TestRequest&) { return ttl(status, "ttl"); }}});
    ASSERT_TRUE(prepare());
  }
  EXPECT_EQ(count("UpdateTimeToLive"), 0);
}

TEST_F(ScriptedTablesTest, WithoutCreateTimeToLiveIsOnlyLookedAt) {
  make_client();
  answer_by({{"DescribeTable", active},
             {"DescribeTimeToLive", [](const TestRequest&) { return ttl("DISABLED", ""); }}});
  ASSERT_TRUE(prepare(false));
  EXPECT_EQ(count("UpdateTimeToLive"), 0);
}

// It costs storage and nothing else.
TEST_F(ScriptedTablesTest, TroubleWithTimeToLiveIsNoReasonNotToStart) {
  make_client();
  for (const char* type :
       {"UnknownOperationException", "AccessDeniedException", "ValidationException"}) {
    const auto refuse = [=](const TestRequest&) { return error(400, type); };
    answer_by(
        {{"DescribeTable", active}, {"DescribeTimeToLive", refuse}, {"UpdateTimeToLive", refuse}});
    for (const bool create : {true, false}) {
      const auto ready = prepare(create);
      EXPECT_TRUE(ready) << type << ": " << ready.error().message;
    }
  }
}

// The service refuses the later of two that switch it on.
TEST_F(ScriptedTablesTest, AnotherMaySwitchTimeToLiveOnFirst) {
  make_client();
  std::atomic<int> looks = 0;
  answer_by(
      {{"DescribeTable", active},
       {"DescribeTimeToLive",
        [&](const TestRequest&) {
          return looks++ == 0 ? ttl("DISABLED", "") : ttl("ENABLING", "ttl");
        }},
       {"UpdateTimeToLive", [](const TestRequest&) { return error(400, "ValidationException"); }}});
  testing::CapturedLog log;
  const auto ready = prepare();
  EXPECT_THAT(log.text(), ::testing::Not(HasSubstr("TimeToLive")));
  EXPECT_TRUE(ready);
  EXPECT_EQ(looks, 3) << "again after the refusal, and at the other table";
}

TEST_F(ScriptedTablesTest, WhoeverWritesTheShardsDownFirstWins) {
  make_client();
  std::atomic<int> reads = 0;
  answer_by({{"DescribeTable", active},
             {"GetItem",
              [&](const TestRequest&) {
                return reads++ == 0 ? ok()
                                    : ok(R"({"Item":{"version":{"N":"3"},"shards":{"N":"9"}}})");
              }},
             {"PutItem", [](const TestRequest& request) {
                EXPECT_THAT(request.body, HasSubstr("attribute_not_exists"));
                return error(400, "ConditionalCheckFailedException");
              }}});
  const auto ready = prepare();
  ASSERT_TRUE(ready) << ready.error().message;
  EXPECT_EQ(ready->shards, 9);
}

}  // namespace
}  // namespace rhooks::store::dynamo

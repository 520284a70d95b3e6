#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "store/dynamo/scripted_tables_fixture.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

class MissingIndexesTest : public ScriptedTablesFixture {
 protected:
  using Update = std::function<TestResponse(TableShape& tasks, const TestRequest&)>;

  // The table of tasks as a version before would have left it.
  static TableShape tasks_without(const std::vector<std::string>& names) {
    TableShape table = with_status(tasks_shape(Tables().tasks), "ACTIVE", "ACTIVE");
    std::erase_if(table.indexes, [&](const IndexShape& index) {
      return std::find(names.begin(), names.end(), index.name) != names.end();
    });
    return table;
  }
  static void begin(TableShape& table, const std::string& name) {
    const TableShape needed = tasks_shape(table.name);
    for (const IndexShape* index : missing_indexes(needed, table)) {
      if (index->name != name) continue;
      table.indexes.push_back(*index);
      table.indexes.back().status = "CREATING";
    }
  }
  // As AWS does it: it makes one index at a time.
  static TestResponse add(TableShape& table, const TestRequest& request) {
    EXPECT_EQ(change_under_way(table), "");
    const json::value body = json::parse(request.body);
    const json::array& updates = body.at("GlobalSecondaryIndexUpdates").as_array();
    EXPECT_EQ(updates.size(), 1u);
    begin(table, std::string(updates.at(0).at("Create").at("IndexName").as_string()));
    return ok();
  }
  static TestResponse never(TableShape&, const TestRequest&) {
    ADD_FAILURE() << "must not be altered";
    return ok();
  }
  static std::string meta(int version) {
    return R"({"Item":{"shards":{"N":"9"},"version":{"N":")" + std::to_string(version) + R"("}}})";
  }
  // What is CREATING is ACTIVE at the look after the next, unless it lasts.
  void serve(TableShape start, Update update, int version = 3, bool lasts = false) {
    const auto tasks = std::make_shared<TableShape>(std::move(start));
    answer_by({{"DescribeTable",
                [tasks, lasts](const TestRequest& request) {
                  if (shape_of(request).name != tasks->name) return active(request);
                  const std::string now = described(*tasks);
                  for (IndexShape& index : tasks->indexes) {
                    if (index.status == "CREATING" && !lasts) index.status = "ACTIVE";
                  }
                  return ok(now);
                }},
               {"GetItem", [version](const TestRequest&) { return ok(meta(version)); }},
               {"UpdateTable", [tasks, update = std::move(update)](const TestRequest& request) {
                  return update(*tasks, request);
                }}});
  }
  std::vector<json::value> updates() {
    std::vector<json::value> bodies;
    for (const TestRequest& request : receiver_.requests()) {
      if (request.header("X-Amz-Target").ends_with(".UpdateTable")) {
        bodies.push_back(json::parse(request.body));
      }
    }
    return bodies;
  }
  void expect_refused(ErrorCode code, const ::testing::Matcher<std::string>& why,
                      bool create = true) {
    const auto ready = prepare(create);
    ASSERT_FALSE(ready);
    EXPECT_EQ(ready.error().code, code) << ready.error().message;
    EXPECT_THAT(ready.error().message, why);
  }
};

TEST_F(MissingIndexesTest, AreAdded) {
  make_client();
  serve(tasks_without({"nsd"}), add);
  const auto ready = prepare();
  ASSERT_TRUE(ready) << ready.error().message;
  EXPECT_EQ(ready->shards, 9);
  const auto asked = updates();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0], json::parse(R"({
    "TableName": "rhooks-tasks",
    "AttributeDefinitions": [
      {"AttributeName": "due", "AttributeType": "N"}, {"AttributeName": "id", "AttributeType": "S"},
      {"AttributeName": "ns", "AttributeType": "S"}, {"AttributeName": "sd", "AttributeType": "S"},
      {"AttributeName": "sh", "AttributeType": "N"}],
    "GlobalSecondaryIndexUpdates": [
      {"Create": {"IndexName": "nsd",
                  "KeySchema": [{"AttributeName": "ns", "KeyType": "HASH"},
                                {"AttributeName": "sd", "KeyType": "RANGE"}],
                  "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["st"]}}}]})"));
  EXPECT_EQ(count("DescribeTable"), 2 * 3) << "lacking, CREATING, ACTIVE";
  EXPECT_EQ(count("CreateTable"), 0);
}

TEST_F(MissingIndexesTest, AreAddedOneAfterTheOther) {
  make_client();
  serve(tasks_without({"due", "nsd"}), add);
  const auto ready = prepare();
  ASSERT_TRUE(ready) << ready.error().message;
  std::vector<std::string> names;
  for (const json::value& body : updates()) {
    names.emplace_back(
        body.at("GlobalSecondaryIndexUpdates").at(0).at("Create").at("IndexName").as_string());
  }
  EXPECT_THAT(names, ::testing::ElementsAre("due", "nsd"));
}

TEST_F(MissingIndexesTest, AreAskedForOnceWhereDynamoDbShowsThemLate) {
  make_client();
  std::atomic<int> looks = 0;
  answer_by({{"DescribeTable", [&](const TestRequest& request) {
                return looks++ < 6 && shape_of(request).name == Tables().tasks
                           ? ok(described(tasks_without({"nsd"})))
                           : active(request);
              }}});
  const auto ready = prepare();
  ASSERT_TRUE(ready) << ready.error().message;
  EXPECT_EQ(count("UpdateTable"), 1);
}

TEST_F(MissingIndexesTest, MayBeAddedByAnotherProcessFirst) {
  make_client();
  for (const char* type : {"ResourceInUseException", "ValidationException",
                           "LimitExceededException", "AccessDeniedException"}) {
    serve(tasks_without({"nsd"}), [=](TableShape& tasks, const TestRequest&) {
      begin(tasks, "nsd");
      return error(400, type);
    });
    const auto ready = prepare();
    EXPECT_TRUE(ready) << type << ": " << ready.error().message;
  }
}

TEST_F(MissingIndexesTest, AreAnErrorWhereDynamoDbRefusesThem) {
  make_client();
  for (const auto& [type, code] : {std::pair{"ResourceInUseException", ErrorCode::kUnavailable},
                                   {"LimitExceededException", ErrorCode::kUnavailable},
                                   {"AccessDeniedException", ErrorCode::kUnavailable},
                                   {"ValidationException", ErrorCode::kInternal}}) {
    const int before = count("DescribeTable");
    serve(tasks_without({"nsd"}), [type = type](TableShape&, const TestRequest&) {
      return error(400, type, R"(,"message":"as it says")");
    });
    expect_refused(code,
                   AllOf(HasSubstr("index 'nsd' cannot be added to table 'rhooks-tasks'"),
                         HasSubstr(std::string(type) + ": as it says"), HasSubstr("UpdateTable")));
    EXPECT_EQ(count("DescribeTable") - before, 2 * 2) << "looked at once more";
  }
  serve(tasks_without({"nsd"}),
        [](TableShape&, const TestRequest&) { return error(400, "AccessDeniedException"); });
  expect_refused(ErrorCode::kUnavailable, HasSubstr("do not permit dynamodb:UpdateTable"));
}

TEST_F(MissingIndexesTest, WaitUntilAnotherChangeIsDone) {
  make_client();
  TableShape tasks = tasks_without({"nsd"});
  tasks.indexes.push_back({.name = "mine", .key = {{"x", "S"}, {"y", "S"}}, .status = "CREATING"});
  serve(tasks, add);
  EXPECT_TRUE(prepare());
  EXPECT_EQ(count("UpdateTable"), 1);
}

TEST_F(MissingIndexesTest, AreAskedForAgainAfterAChangeThatWasInTheWay) {
  make_client();
  serve(tasks_without({"nsd"}), [](TableShape& tasks, const TestRequest& request) {
    if (tasks.indexes.size() > 1) return add(tasks, request);
    tasks.indexes.push_back(
        {.name = "mine", .key = {{"x", "S"}, {"y", "S"}}, .status = "CREATING"});
    return error(400, "ResourceInUseException");
  });
  const auto ready = prepare();
  ASSERT_TRUE(ready) << ready.error().message;
  EXPECT_EQ(count("UpdateTable"), 2);
}

TEST_F(MissingIndexesTest, AreWaitedForNoLongerThanToldTo) {
  make_client();
  timeout_ = milliseconds(5);
  serve(tasks_without({"nsd"}), add, 3, true);
  expect_refused(ErrorCode::kUnavailable,
                 AllOf(HasSubstr("table 'rhooks-tasks' cannot be used yet (index 'nsd' is "),
                       HasSubstr("it goes on with what it has begun: start again later")));
  EXPECT_EQ(count("UpdateTable"), 1);
}

TEST_F(MissingIndexesTest, AreNotAddedWithoutCreate) {
  make_client();
  serve(tasks_without({"due", "nsd"}), never);
  expect_refused(ErrorCode::kInvalidArgument,
                 AllOf(HasSubstr("'rhooks-tasks'"),
                       HasSubstr("index 'nsd' (ns (S), sd (S)) is "
                                 "missing"),
                       HasSubstr("Add create=true"),
                       HasSubstr("index 'due' with the keys sh (N), due (N) and the projection "
                                 "INCLUDE rc; index 'nsd' with the keys ns (S), sd (S) and the "
                                 "projection INCLUDE st")),
                 false);
}

TEST_F(MissingIndexesTest, AreNotAddedToProvisionedTables) {
  make_client();
  TableShape tasks = tasks_without({"nsd"});
  tasks.billing = "PROVISIONED";
  serve(tasks, never);
  expect_refused(ErrorCode::kInvalidArgument,
                 AllOf(HasSubstr("'rhooks-tasks'"), HasSubstr("Switch the table to on-demand"),
                       HasSubstr("index 'nsd' with the keys ns (S), sd (S) and the projection "
                                 "INCLUDE st")));
}

// Nor is TimeToLive switched on.
TEST_F(MissingIndexesTest, AreNotAddedToAStoreOfAnotherFormat) {
  make_client();
  for (const auto& lacking : {std::vector<std::string>{"nsd"}, {}}) {
    for (const int version : {2, 4}) {
      serve(tasks_without(lacking), never, version);
      expect_refused(ErrorCode::kUnsupported, HasSubstr("has format"));
    }
  }
  EXPECT_EQ(count("UpdateTimeToLive"), 0);
}

TEST_F(MissingIndexesTest, AreNotAddedWhereSomethingElseIsWrong) {
  make_client();
  TableShape tasks = tasks_without({"nsd"});
  tasks.indexes.at(0).key.sort = {"time", "S"};
  serve(tasks, never);
  expect_refused(
      ErrorCode::kInvalidArgument,
      AllOf(HasSubstr("index 'due' has sort key 'time' (S), expected 'due' (N)"),
            HasSubstr("index 'nsd' (ns (S), sd (S)) is missing"), HasSubstr("Name another table")));
  // In the other table, and where that is one of tasks.
  TableShape other = logs_shape(Tables().logs);
  other.key.sort = {"time", "S"};
  for (const TableShape& logs : {other, tasks_shape(Tables().logs)}) {
    answer_by({{"DescribeTable", [=](const TestRequest& request) {
                  return shape_of(request).name == Tables().tasks
                             ? ok(described(tasks_without({"nsd"})))
                             : ok(described(logs, "ACTIVE", "ACTIVE"));
                }}});
    expect_refused(ErrorCode::kInvalidArgument,
                   AllOf(HasSubstr("'rhooks-logs'"), HasSubstr("Name another table")));
  }
  EXPECT_EQ(count("UpdateTable"), 0);
}

// What an index projects cannot be changed.
TEST_F(MissingIndexesTest, AreNotAddedInPlaceOfThoseThatProjectTooLittle) {
  make_client();
  TableShape tasks = tasks_without({});
  tasks.indexes.at(0).projection = "KEYS_ONLY";
  tasks.indexes.at(0).included.clear();
  serve(tasks, never);
  expect_refused(ErrorCode::kInvalidArgument,
                 HasSubstr("index 'due' does not project attribute 'rc'"));
}

TEST_F(MissingIndexesTest, OthersThanTheNeededAreLeftAlone) {
  make_client();
  TableShape tasks = tasks_without({});
  tasks.indexes.push_back({.name = "mine", .key = {{"x", "S"}, {"y", "S"}}, .status = "CREATING"});
  serve(tasks, never, 3, true);
  for (const bool create : {true, false}) EXPECT_TRUE(prepare(create));
}

}  // namespace
}  // namespace rhooks::store::dynamo

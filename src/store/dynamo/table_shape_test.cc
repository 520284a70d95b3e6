#include "store/dynamo/table_shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <functional>

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(TableShapeTest, TheTasksTableIsAskedForAsTheSchemaSays) {
  EXPECT_EQ(json::value(create_table_body(tasks_shape("t1"))), json::parse(R"({
    "TableName": "t1",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
      {"AttributeName": "due", "AttributeType": "N"}, {"AttributeName": "id", "AttributeType": "S"},
      {"AttributeName": "ns", "AttributeType": "S"}, {"AttributeName": "sd", "AttributeType": "S"},
      {"AttributeName": "sh", "AttributeType": "N"}],
    "KeySchema": [{"AttributeName": "ns", "KeyType": "HASH"},
                  {"AttributeName": "id", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
      {"IndexName": "due",
       "KeySchema": [{"AttributeName": "sh", "KeyType": "HASH"},
                     {"AttributeName": "due", "KeyType": "RANGE"}],
       "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["rc"]}},
      {"IndexName": "nsd",
       "KeySchema": [{"AttributeName": "ns", "KeyType": "HASH"},
                     {"AttributeName": "sd", "KeyType": "RANGE"}],
       "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["st"]}}]})"));
}

TEST(TableShapeTest, TheLogsTableIsAskedForAsTheSchemaSays) {
  EXPECT_EQ(json::value(create_table_body(logs_shape("l1"))), json::parse(R"({
    "TableName": "l1",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
      {"AttributeName": "fl", "AttributeType": "S"}, {"AttributeName": "id", "AttributeType": "S"},
      {"AttributeName": "ns", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "ns", "KeyType": "HASH"},
                  {"AttributeName": "id", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
      {"IndexName": "fail",
       "KeySchema": [{"AttributeName": "fl", "KeyType": "HASH"},
                     {"AttributeName": "id", "KeyType": "RANGE"}],
       "Projection": {"ProjectionType": "KEYS_ONLY"}}]})"));
}

TEST(TableShapeTest, AnIndexIsAskedForAsTheSchemaSays) {
  const TableShape needed = tasks_shape("t1");
  TableShape found = needed;
  found.indexes.erase(found.indexes.begin());
  found.indexes.push_back({.name = "mine", .key = {{"x", "B"}, {}}});
  const auto missing = missing_indexes(needed, found);
  ASSERT_THAT(missing, ElementsAre(&needed.indexes[0]));
  EXPECT_EQ(json::value(add_index_body(found, *missing[0])), json::parse(R"({
    "TableName": "t1",
    "AttributeDefinitions": [
      {"AttributeName": "due", "AttributeType": "N"}, {"AttributeName": "id", "AttributeType": "S"},
      {"AttributeName": "ns", "AttributeType": "S"}, {"AttributeName": "sd", "AttributeType": "S"},
      {"AttributeName": "sh", "AttributeType": "N"}, {"AttributeName": "x", "AttributeType": "B"}],
    "GlobalSecondaryIndexUpdates": [
      {"Create": {"IndexName": "due",
                  "KeySchema": [{"AttributeName": "sh", "KeyType": "HASH"},
                                {"AttributeName": "due", "KeyType": "RANGE"}],
                  "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["rc"]}}}]})"));
  EXPECT_THAT(missing_indexes(needed, needed), IsEmpty());
}

// As the service describes a table that was made by create_table_body().
json::object described(const TableShape& shape) {
  json::object table = create_table_body(shape);
  table["TableStatus"] = "ACTIVE";
  table["ItemCount"] = 12;
  table["TableSizeBytes"] = 3400;
  table["BillingModeSummary"] = {{"BillingMode", table["BillingMode"]}};
  table.erase("BillingMode");
  for (json::value& index : table["GlobalSecondaryIndexes"].as_array()) {
    index.as_object()["IndexStatus"] = "ACTIVE";
    index.as_object()["ItemCount"] = 3;
  }
  return {{"Table", std::move(table)}};
}

TEST(TableShapeTest, ATableMadeAsAskedFits) {
  for (const TableShape& needed : {tasks_shape("t1"), logs_shape("l1")}) {
    const TableShape found = read_table(described(needed));
    EXPECT_THAT(differences(needed, found), IsEmpty());
    EXPECT_EQ(found.name, needed.name);
    EXPECT_EQ(found.status, "ACTIVE");
    EXPECT_EQ(found.billing, "PAY_PER_REQUEST");
    EXPECT_EQ(found.items, 12);
    EXPECT_EQ(found.bytes, 3400);
    EXPECT_EQ(found.indexes.at(0).items, 3);
    std::string waiting_for;
    EXPECT_TRUE(is_active(needed, found, waiting_for)) << waiting_for;
  }
}

std::vector<std::string> differences_after(const std::function<void(TableShape&)>& edit) {
  TableShape found = tasks_shape("t1");
  edit(found);
  return differences(tasks_shape("t1"), found);
}

TEST(TableShapeTest, EachDifferenceIsNamed) {
  EXPECT_THAT(differences_after([](TableShape& t) { t.key.sort = {}; }),
              ElementsAre("it has sort key none, expected 'id' (S)"));
  EXPECT_THAT(differences_after([](TableShape& t) {
                t.key.partition = {"pk", "S"};
              }),
              ElementsAre("it has partition key 'pk' (S), expected 'ns' (S)"));
  EXPECT_THAT(differences_after([](TableShape& t) { t.key.sort.type = "B"; }),
              ElementsAre("it has sort key 'id' (B), expected 'id' (S)"));
  EXPECT_THAT(differences_after([](TableShape& t) {
                t.indexes[0].key.sort = {"time", "S"};
              }),
              ElementsAre("index 'due' has sort key 'time' (S), expected 'due' (N)"));
  EXPECT_THAT(differences_after([](TableShape& t) { t.indexes[0].key.partition.type = "S"; }),
              ElementsAre("index 'due' has partition key 'sh' (S), expected 'sh' (N)"));
  EXPECT_THAT(differences_after([](TableShape& t) { t.indexes.erase(t.indexes.begin()); }),
              ElementsAre("index 'due' (sh (N), due (N)) is missing"));
  EXPECT_THAT(differences_after([](TableShape& t) {
                t.indexes[1].projection = "KEYS_ONLY";
                t.indexes[1].included.clear();
              }),
              ElementsAre("index 'nsd' does not project attribute 'st' (its projection is "
                          "KEYS_ONLY)"));
  EXPECT_THAT(differences_after([](TableShape& t) {
                t.indexes[0].projection = "KEYS_ONLY";
                t.indexes[0].included.clear();
              }),
              ElementsAre("index 'due' does not project attribute 'rc' (its projection is "
                          "KEYS_ONLY)"));
  EXPECT_THAT(differences_after([](TableShape& t) { t.indexes[1].included = {"other"}; }),
              ElementsAre(HasSubstr("does not project attribute 'st'")));
  EXPECT_EQ(differences_after([](TableShape& t) {
              t.key = {};
              t.indexes.clear();
            }).size(),
            4u);
}

TEST(TableShapeTest, MoreThanIsNeededIsFine) {
  EXPECT_THAT(differences_after([](TableShape& t) {
                t.indexes[0].projection = "ALL";
                t.indexes[1].included = {"more", "st"};
                t.indexes.push_back({.name = "mine", .key = {{"x", "S"}, {}}});
              }),
              IsEmpty());
}

TEST(TableShapeTest, AnAnswerOfAnotherFormDiffersAndDoesNoHarm) {
  for (const char* text :
       {"{}", R"({"Table": 1})", R"({"Table": {"KeySchema": [1, {}], "AttributeDefinitions": {}}})",
        R"({"Table": {"GlobalSecondaryIndexes": [null, {"Projection": []}]}})"}) {
    const TableShape found = read_table(json::parse(text).as_object());
    EXPECT_FALSE(differences(tasks_shape("t1"), found).empty()) << text;
    std::string waiting_for;
    EXPECT_FALSE(is_active(tasks_shape("t1"), found, waiting_for)) << text;
  }
}

TEST(TableShapeTest, WaitsForTheTableAndItsIndexes) {
  const TableShape needed = tasks_shape("t1");
  const auto waits_for = [&](const std::function<void(TableShape&)>& edit) {
    TableShape found = read_table(described(needed));
    edit(found);
    std::string waiting_for;
    return is_active(needed, found, waiting_for) ? "" : waiting_for;
  };
  EXPECT_EQ(waits_for([](TableShape& t) { t.status = "CREATING"; }), "the table is CREATING");
  EXPECT_EQ(waits_for([](TableShape& t) { t.status = "UPDATING"; }), "");
  EXPECT_EQ(waits_for([](TableShape& t) { t.indexes[1].status = "CREATING"; }),
            "index 'nsd' is CREATING");
  EXPECT_EQ(waits_for([](TableShape& t) { t.indexes[0].status = "DELETING"; }),
            "index 'due' is DELETING");
  EXPECT_EQ(waits_for([](TableShape& t) {
              t.indexes.push_back({.name = "mine", .key = {}, .status = "CREATING"});
            }),
            "");
}

// Whatever its status: that is UPDATING once its capacity is changed.
TEST(TableShapeTest, AnIndexThatIsBeingFilledCannotBeUsed) {
  const TableShape needed = logs_shape("l1");
  for (const bool backfilling : {true, false}) {
    json::object reply = described(needed);
    json::object& index = reply["Table"].at("GlobalSecondaryIndexes").as_array().at(0).as_object();
    index["IndexStatus"] = "UPDATING";
    index["Backfilling"] = backfilling;
    std::string waiting_for;
    EXPECT_EQ(is_active(needed, read_table(reply), waiting_for), !backfilling);
    EXPECT_EQ(waiting_for, backfilling ? "index 'fail' is UPDATING, backfilling" : "");
  }
}

TEST(TableShapeTest, AnyChangeIsInTheWayOfAnotherIndex) {
  TableShape found = read_table(described(tasks_shape("t1")));
  EXPECT_EQ(change_under_way(found), "");
  found.indexes.push_back({.name = "mine", .key = {}, .status = "CREATING"});
  EXPECT_EQ(change_under_way(found), "index 'mine' is CREATING");
  found.status = "UPDATING";
  EXPECT_EQ(change_under_way(found), "the table is UPDATING");
}

}  // namespace
}  // namespace rhooks::store::dynamo

// The DynamoDB that the tests run on: each fault of testing/dynamo_proxy.h really happens, and
// what it charges follows AWS's rules.

#include "testing/dynamo_proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "testing/dynalite.h"
#include "testing/patience.h"
#include "tests/dynamo_test_client.h"

namespace rhooks::testing {
namespace {

namespace json = boost::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using Answer = DynamoTestClient::Answer;
using Ids = std::vector<std::string>;

json::object parse(std::string text) {
  return json::parse(text).as_object();
}

class DynamoProxyTest : public ::testing::Test {
 protected:
  DynamoProxyTest() : proxy_(dynalite_endpoint()), client_(proxy_.endpoint()) {
    proxy_.accept_key(client_.key_id, client_.secret);
    static std::atomic<int> number{0};
    table_ = "proxy-test-" + std::to_string(proxy_.seed()) + "-" + std::to_string(++number) + "-" +
             std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
    json::object request = parse(R"({
      "BillingMode": "PAY_PER_REQUEST",
      "AttributeDefinitions": [{"AttributeName": "ns", "AttributeType": "S"},
                               {"AttributeName": "id", "AttributeType": "S"},
                               {"AttributeName": "sh", "AttributeType": "N"},
                               {"AttributeName": "due", "AttributeType": "N"}],
      "KeySchema": [{"AttributeName": "ns", "KeyType": "HASH"},
                    {"AttributeName": "id", "KeyType": "RANGE"}],
      "GlobalSecondaryIndexes": [{
        "IndexName": "due",
        "KeySchema": [{"AttributeName": "sh", "KeyType": "HASH"},
                      {"AttributeName": "due", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["st"]}}]})");
    request["TableName"] = table_;
    const Answer made = client_.call("CreateTable", request);
    EXPECT_EQ(made.status, 200) << made.text;
    EXPECT_TRUE(eventually([this] {
      return call("DescribeTable", {}).body.at("Table").at("TableStatus") == "ACTIVE";
    }));
    proxy_.reset_usage();
  }
  ~DynamoProxyTest() override {
    proxy_.cut_network(false);
    proxy_.faults({});
    client_.call("DeleteTable", {{"TableName", table_}});
  }

  Answer call(const std::string& operation, json::object body) {
    body["TableName"] = table_;
    return client_.call(operation, body);
  }

  static json::object key(const std::string& id) {
    return {{"ns", {{"S", "n"}}}, {"id", {{"S", id}}}};
  }

  static json::object item(const std::string& id, int due, const std::string& more = {}) {
    json::object out = key(id);
    out["sh"] = {{"N", "1"}};
    out["due"] = {{"N", std::to_string(due)}};
    out["st"] = {{"S", "A"}};
    if (!more.empty()) out["more"] = {{"S", more}};
    return out;
  }

  Answer put(const std::string& id, int due = 1) {
    return call("PutItem", {{"Item", item(id, due)}});
  }

  Answer update_due(const std::string& id, int due, json::object more = {}) {
    more["Key"] = key(id);
    more["UpdateExpression"] = "SET due = :due";
    more["ExpressionAttributeValues"] = json::object{{":due", {{"N", std::to_string(due)}}}};
    return call("UpdateItem", std::move(more));
  }

  bool exists(const std::string& id) {
    return call("GetItem", {{"Key", key(id)}, {"ConsistentRead", true}}).body.contains("Item");
  }

  // "id@due", in the order of the index.
  Ids index() {
    Ids ids;
    json::object request =
        parse(R"({"IndexName": "due", "KeyConditionExpression": "sh = :sh", "Limit": 2,
                  "ExpressionAttributeValues": {":sh": {"N": "1"}}})");
    for (int page = 0; page < 1000; ++page) {
      const Answer answer = call("Query", request);
      EXPECT_EQ(answer.status, 200) << answer.text;
      for (const json::value& row : answer.body.at("Items").as_array()) {
        ids.push_back(std::string(row.at("id").at("S").as_string()) + "@" +
                      std::string(row.at("due").at("N").as_string()));
      }
      const json::value* next = answer.body.if_contains("LastEvaluatedKey");
      if (!next) break;
      request["ExclusiveStartKey"] = *next;
    }
    return ids;
  }

  bool index_becomes(const Ids& wanted) {
    return eventually([&] { return index() == wanted; });
  }
  // That the answer says when it was given, so far ahead of this machine.
  template <typename Ask>
  Answer dated(const Ask& ask, std::time_t ahead) {
    const std::time_t from = std::time(nullptr);
    const Answer answer = ask();
    EXPECT_GE(answer.date, from + ahead);
    EXPECT_LE(answer.date, std::time(nullptr) + ahead);
    return answer;
  }

  DynamoProxy proxy_;
  DynamoTestClient client_;
  std::string table_;
};

TEST_F(DynamoProxyTest, PassesSignedRequestsOn) {
  EXPECT_EQ(put("a").status, 200);
  EXPECT_TRUE(exists("a"));
  EXPECT_EQ(index(), Ids{"a@1"});
  const Answer answer = call("DeleteItem", {{"Key", key("a")}, {"ReturnValues", "ALL_OLD"}});
  EXPECT_EQ(answer.body.at("Attributes"), item("a", 1));
  EXPECT_FALSE(exists("a"));
  EXPECT_EQ(proxy_.counts().unsigned_requests, 0u);
  EXPECT_EQ(client_.connections, 1u);  // kept open
}

TEST_F(DynamoProxyTest, ReturnValuesAreThoseAskedFor) {
  EXPECT_FALSE(put("a").body.contains("Attributes"));
  EXPECT_FALSE(update_due("a", 2).body.contains("Attributes"));
  EXPECT_EQ(update_due("a", 3, {{"ReturnValues", "ALL_OLD"}}).body.at("Attributes"), item("a", 2));
  EXPECT_EQ(update_due("a", 4, {{"ReturnValues", "ALL_NEW"}}).body.at("Attributes"), item("a", 4));
  EXPECT_EQ(update_due("a", 5, {{"ReturnValues", "UPDATED_OLD"}}).body.at("Attributes"),
            parse(R"({"due": {"N": "4"}})"));
  EXPECT_EQ(update_due("a", 6, {{"ReturnValues", "UPDATED_NEW"}}).body.at("Attributes"),
            parse(R"({"due": {"N": "6"}})"));
  EXPECT_EQ(call("PutItem", {{"Item", item("a", 7)}, {"ReturnValues", "ALL_NEW"}}).error(),
            "ValidationException");
}

TEST_F(DynamoProxyTest, FailedConditionsShowTheItemWhereAskedTo) {
  put("a", 5);
  json::object condition{{"ConditionExpression", "attribute_not_exists(id)"}};
  EXPECT_FALSE(update_due("a", 6, condition).body.contains("Item"));
  condition["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD";
  const Answer update = update_due("a", 6, condition);
  EXPECT_EQ(update.error(), "ConditionalCheckFailedException");
  EXPECT_EQ(update.body.at("Item"), item("a", 5));
  condition["Item"] = item("a", 7);
  EXPECT_EQ(call("PutItem", condition).body.at("Item"), item("a", 5));
}

TEST_F(DynamoProxyTest, RefusesWrongSignatures) {
  DynamoTestClient other(proxy_.endpoint());
  other.secret = "another";
  EXPECT_EQ(other.call("ListTables", {}).error(), "InvalidSignatureException");
  other = DynamoTestClient(proxy_.endpoint());
  other.region = "eu-west-1";
  EXPECT_EQ(other.call("ListTables", {}).error(), "InvalidSignatureException");
  other = DynamoTestClient(proxy_.endpoint());
  other.key_id = "AKIDUNKNOWN";
  EXPECT_EQ(other.call("ListTables", {}).error(), "UnrecognizedClientException");
  other = DynamoTestClient(proxy_.endpoint());
  other.sign = false;
  EXPECT_EQ(other.call("ListTables", {}).error(), "MissingAuthenticationTokenException");
  EXPECT_EQ(proxy_.counts().unsigned_requests, 4u);
}

TEST_F(DynamoProxyTest, ChecksSessionTokens) {
  proxy_.accept_key("ASIATEMPORARY", "temporary", "token");
  DynamoTestClient other(proxy_.endpoint());
  other.key_id = "ASIATEMPORARY";
  other.secret = "temporary";
  EXPECT_EQ(other.call("ListTables", {}).error(), "UnrecognizedClientException");
  other.token = "token";
  EXPECT_EQ(other.call("ListTables", {}).status, 200);
  proxy_.expire_key("ASIATEMPORARY");
  EXPECT_EQ(other.call("ListTables", {}).error(), "ExpiredTokenException");
  proxy_.revoke_key("ASIATEMPORARY");
  EXPECT_EQ(other.call("ListTables", {}).error(), "UnrecognizedClientException");
}

TEST_F(DynamoProxyTest, HoldsRequestsAgainstItsOwnClock) {
  dated([&] { return call("DescribeTable", {}); }, 0);
  proxy_.set_clock_offset(std::chrono::minutes{10});
  const Answer late = dated([&] { return put("a"); }, 600);
  EXPECT_EQ(late.error(), "InvalidSignatureException");
  EXPECT_THAT(late.text, HasSubstr("Signature expired"));
  client_.clock_offset = std::chrono::minutes{8};
  EXPECT_EQ(put("a").status, 200);
  client_.clock_offset = std::chrono::minutes{20};
  EXPECT_THAT(put("a").text, HasSubstr("not yet current"));
}

TEST_F(DynamoProxyTest, DropsBeforeAndAfter) {
  proxy_.inject_next("PutItem", DynamoFault::kDropBefore);
  EXPECT_EQ(put("a").status, 0);
  EXPECT_FALSE(exists("a"));
  proxy_.inject_next("PutItem", DynamoFault::kDropAfter);
  EXPECT_EQ(put("b").status, 0);
  EXPECT_TRUE(exists("b"));
  proxy_.inject_next("PutItem", DynamoFault::kTruncate);
  EXPECT_EQ(put("c").status, 0);
  EXPECT_TRUE(exists("c"));
  EXPECT_EQ(put("d").status, 200);
  EXPECT_EQ(proxy_.counts().of(DynamoFault::kDropBefore), 1u);
  EXPECT_EQ(proxy_.counts().of(DynamoFault::kDropAfter), 1u);
  EXPECT_EQ(proxy_.counts().of(DynamoFault::kTruncate), 1u);
}

TEST_F(DynamoProxyTest, Answers500BeforeAndAfter) {
  proxy_.inject_next("PutItem", DynamoFault::kErrorBefore);
  EXPECT_EQ(put("a").status, 500);
  EXPECT_FALSE(exists("a"));
  proxy_.inject_next("PutItem", DynamoFault::kErrorAfter);
  const Answer answer = put("b");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.error(), "InternalServerError");
  EXPECT_TRUE(exists("b"));
}

TEST_F(DynamoProxyTest, ThrottlesSomeOperationsMore) {
  proxy_.faults({.rates = {}, .of_operation = {{"PutItem", {{DynamoFault::kThrottle, 1}}}}});
  const Answer answer = put("a");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.error(), "ProvisionedThroughputExceededException");
  const json::value& why = answer.body.at("ThrottlingReasons").at(0);
  EXPECT_EQ(why.at("reason"), "TableWriteKeyRangeThroughputExceeded");
  EXPECT_THAT(std::string(why.at("resource").as_string()), EndsWith("table/" + table_));
  EXPECT_FALSE(exists("a"));
  EXPECT_EQ(proxy_.usage().of_operation("PutItem").requests, 0u);
}

TEST_F(DynamoProxyTest, DrawsAsOftenAsItIsTold) {
  proxy_.faults({.rates = {{DynamoFault::kThrottle, 0.25}}});
  int throttled = 0;
  for (int i = 0; i < 400; ++i) throttled += call("GetItem", {{"Key", key("x")}}).status != 200;
  EXPECT_EQ(proxy_.counts().of(DynamoFault::kThrottle), static_cast<std::size_t>(throttled));
  EXPECT_GT(throttled, 50);  // 100 ± 8.7
  EXPECT_LT(throttled, 150);
}

TEST_F(DynamoProxyTest, Delays) {
  proxy_.faults({.rates = {{DynamoFault::kDelay, 1}}, .delay_max = std::chrono::milliseconds{40}});
  const auto from = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(put("a").status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - from, std::chrono::milliseconds{10});
  EXPECT_EQ(proxy_.counts().of(DynamoFault::kDelay), 10u);
}

TEST_F(DynamoProxyTest, DeniesActions) {
  proxy_.deny("UpdateItem");
  const Answer answer = update_due("a", 1);
  EXPECT_EQ(answer.error(), "AccessDeniedException");
  EXPECT_THAT(answer.text, HasSubstr("dynamodb:UpdateItem"));
  EXPECT_EQ(put("a").status, 200);
  proxy_.allow("UpdateItem");
  EXPECT_EQ(update_due("a", 1).status, 200);
  EXPECT_EQ(proxy_.counts().denied, 1u);
}

TEST_F(DynamoProxyTest, TheNetworkCanBeCut) {
  proxy_.cut_network(true);
  EXPECT_EQ(put("a").status, 0);
  EXPECT_EQ(put("a").status, 0);
  proxy_.cut_network(false);
  EXPECT_FALSE(exists("a"));
  EXPECT_EQ(put("a").status, 200);
}

TEST_F(DynamoProxyTest, LeavesPartsOfWriteBatchesOut) {
  json::array requests;
  for (int i = 0; i < 10; ++i) {
    json::object put{{"Item", item("i" + std::to_string(i), i)}};
    requests.push_back(json::object{{"PutRequest", std::move(put)}});
  }
  const json::object body{{"RequestItems", {{table_, requests}}}};
  proxy_.inject_next("BatchWriteItem", DynamoFault::kUnprocessed);
  const Answer answer = client_.call("BatchWriteItem", body);
  EXPECT_EQ(answer.status, 200) << answer.text;
  const json::array& left = answer.body.at("UnprocessedItems").at(table_).as_array();
  EXPECT_GE(left.size(), 1u);
  EXPECT_LE(left.size(), 9u);
  EXPECT_EQ(proxy_.counts().unprocessed, left.size());
  for (const json::value& request : requests) {
    const bool is_left = std::find(left.begin(), left.end(), request) != left.end();
    const auto id = request.at("PutRequest").at("Item").at("id").at("S").as_string();
    EXPECT_EQ(exists(std::string(id)), !is_left);
  }
  EXPECT_EQ(proxy_.usage().of_operation("BatchWriteItem").wcu,
            2 * (10 - static_cast<double>(left.size())));
  const Answer rest = client_.call("BatchWriteItem", {{"RequestItems", {{table_, left}}}});
  EXPECT_TRUE(rest.body.at("UnprocessedItems").as_object().empty());
  EXPECT_EQ(index().size(), 10u);
}

TEST_F(DynamoProxyTest, LeavesPartsOfReadBatchesOut) {
  json::array keys;
  for (int i = 0; i < 6; ++i) {
    put("i" + std::to_string(i));
    keys.push_back(key("i" + std::to_string(i)));
  }
  json::object request{{"Keys", keys}, {"ConsistentRead", true}};
  const json::object body{{"RequestItems", {{table_, request}}}};
  proxy_.inject_next("BatchGetItem", DynamoFault::kUnprocessed);
  const Answer answer = client_.call("BatchGetItem", body);
  const std::size_t found = answer.body.at("Responses").at(table_).as_array().size();
  const json::object& left = answer.body.at("UnprocessedKeys").at(table_).as_object();
  EXPECT_EQ(left.at("ConsistentRead"), true);
  EXPECT_GE(left.at("Keys").as_array().size(), 1u);
  EXPECT_GE(found, 1u);
  EXPECT_EQ(found + left.at("Keys").as_array().size(), 6u);
}

TEST_F(DynamoProxyTest, IndexesLag) {
  put("changed", 10);
  put("removed", 20);
  put("same", 30);
  const Ids before = {"changed@10", "removed@20", "same@30"};
  EXPECT_EQ(index(), before);
  EXPECT_EQ(proxy_.counts().stale_queries, 0u);

  const DynamoFaults::IndexLag hour{std::chrono::hours{1}, std::chrono::hours{1}};
  proxy_.faults({.rates = {}, .index_lag = hour});
  update_due("changed", 40);
  call("DeleteItem", {{"Key", key("removed")}});
  put("new", 5);
  EXPECT_EQ(index(), before);
  EXPECT_TRUE(exists("new"));
  EXPECT_FALSE(exists("removed"));
  EXPECT_GE(proxy_.counts().stale_queries, 1u);

  proxy_.faults({});
  EXPECT_EQ(index(), (Ids{"new@5", "same@30", "changed@40"}));
}

TEST_F(DynamoProxyTest, IndexesThatLagCatchUp) {
  const DynamoFaults::IndexLag lag{std::chrono::milliseconds{1}, std::chrono::milliseconds{30}};
  proxy_.faults({.rates = {}, .index_lag = lag});
  for (int i = 0; i < 40; ++i) {
    put("often", i);
    put("i" + std::to_string(i % 10), 1000 + i);
    if (i % 2) call("DeleteItem", {{"Key", key("i" + std::to_string(i % 10))}});
  }
  EXPECT_TRUE(index_becomes({"often@39", "i0@1030", "i2@1032", "i4@1034", "i6@1036", "i8@1038"}));
}

TEST_F(DynamoProxyTest, TimeToLiveIsRemembered) {
  EXPECT_EQ(call("DescribeTimeToLive", {}).body,
            parse(R"({"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}})"));
  const json::object on =
      parse(R"({"TimeToLiveSpecification": {"Enabled": true, "AttributeName": "ttl"}})");
  EXPECT_EQ(call("UpdateTimeToLive", on).body, on);
  EXPECT_EQ(call("UpdateTimeToLive", on).error(), "ValidationException");
  EXPECT_EQ(call("DescribeTimeToLive", {}).body.at("TimeToLiveDescription"),
            parse(R"({"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"})"));
  EXPECT_EQ(client_.call("DescribeTimeToLive", {{"TableName", "no-such-table"}}).error(),
            "ResourceNotFoundException");
}

TEST_F(DynamoProxyTest, ChargesTablesAndIndexes) {
  const auto charged = [&](const Answer& answer) {
    EXPECT_EQ(answer.status, 200) << answer.text;
    const json::object& capacity = answer.body.at("ConsumedCapacity").as_object();
    const double table = capacity.at("Table").at("CapacityUnits").to_number<double>();
    double index = 0;
    if (const json::value* indexes = capacity.if_contains("GlobalSecondaryIndexes")) {
      index = indexes->at("due").at("CapacityUnits").to_number<double>();
    }
    EXPECT_EQ(capacity.at("CapacityUnits").to_number<double>(), table + index);
    return std::pair(table, index);
  };
  using Cost = std::pair<double, double>;
  const json::object full{{"ReturnConsumedCapacity", "INDEXES"}};
  const auto put_full = [&](json::object stored) {
    json::object request = full;
    request["Item"] = std::move(stored);
    return charged(call("PutItem", request));
  };
  EXPECT_EQ(put_full(item("a", 1)), Cost(1, 1));                          // a new row
  EXPECT_EQ(put_full(item("a", 1)), Cost(1, 0));                          // nothing new
  EXPECT_EQ(put_full(item("a", 1, std::string(2000, 'x'))), Cost(2, 0));  // not projected
  EXPECT_EQ(charged(update_due("a", 2, full)), Cost(2, 2));               // the row moves
  EXPECT_EQ(put_full(item("a", 2)), Cost(2, 0));                          // was larger
  EXPECT_EQ(put_full(key("a")), Cost(1, 1));                              // the row goes
  json::object remove = full;
  remove["Key"] = key("a");
  EXPECT_EQ(charged(call("DeleteItem", remove)), Cost(1, 0));
  EXPECT_EQ(charged(call("DeleteItem", remove)), Cost(1, 0));  // there is none

  put_full(item("a", 1, std::string(3000, 'x')));
  proxy_.reset_usage();
  const Answer failed = update_due("a", 9, {{"ConditionExpression", "due = :due"}});
  EXPECT_EQ(failed.error(), "ConditionalCheckFailedException");
  EXPECT_EQ(proxy_.usage().total().wcu, 3);
  EXPECT_EQ(proxy_.usage().total().index_wcu, 0);
}

TEST_F(DynamoProxyTest, CountsRequestsAndCapacity) {
  put("a");
  update_due("a", 2);
  EXPECT_TRUE(exists("a"));
  EXPECT_FALSE(exists("b"));
  call("GetItem", {{"Key", key("b")}});
  call("Query", parse(R"({"KeyConditionExpression": "ns = :n",
                          "ExpressionAttributeValues": {":n": {"S": "nothing"}}})"));
  const DynamoUsage usage = proxy_.usage();
  EXPECT_EQ(usage.of_operation("PutItem").wcu, 2);
  EXPECT_EQ(usage.of_operation("UpdateItem").wcu, 3);
  EXPECT_EQ(usage.of_operation("UpdateItem").index_wcu, 2);
  EXPECT_EQ(usage.of_operation("GetItem").rcu, 2.5);
  EXPECT_EQ(usage.of_operation("Query").rcu, 0.5);
  EXPECT_EQ(usage.total().requests, 6u);
  EXPECT_EQ(usage.of_table(table_).wcu, 5);
  EXPECT_EQ(usage.of_table("another").wcu, 0);
}

TEST_F(DynamoProxyTest, ManyClientsAtOnce) {
  put("counter", 0);
  constexpr int kThreads = 16;
  constexpr int kRequests = 50;
  std::atomic<int> applied{0};
  std::vector<std::thread> threads;
  const auto from = std::chrono::steady_clock::now();
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      DynamoTestClient client(proxy_.endpoint());
      for (int i = 0; i < kRequests; ++i) {
        json::object request{{"TableName", table_}};
        const bool shared = i % 5 == 0;
        request["Key"] = key(shared ? "counter" : "t" + std::to_string(t));
        request["UpdateExpression"] = "ADD due :one";
        request["ExpressionAttributeValues"] = parse(R"({":one": {"N": "1"}})");
        applied += client.call("UpdateItem", request).status == 200;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - from;
  std::printf("%.0f updates a second\n", kThreads * kRequests / took.count());
  EXPECT_EQ(applied, kThreads * kRequests);
  const Answer counter = call("GetItem", {{"Key", key("counter")}, {"ConsistentRead", true}});
  EXPECT_EQ(counter.body.at("Item").at("due").at("N").as_string(),
            std::to_string(kThreads * kRequests / 5));
  // Each update of the counter moved its row: 1 + 2. The others have no shard, and no row.
  EXPECT_EQ(proxy_.usage().of_operation("UpdateItem").wcu,
            kThreads * kRequests / 5 * 3 + kThreads * kRequests / 5 * 4);
  EXPECT_EQ(proxy_.counts().emulator_failures, 0u);
}

// Clients that repeat what failed get everything done, and what the proxy knows stays right.
TEST_F(DynamoProxyTest, EveryFaultAtOnce) {
  constexpr int kThreads = 8;
  constexpr int kItems = 40;
  constexpr int kTriesMax = 1000;
  proxy_.faults({.rates = {{DynamoFault::kDropBefore, 0.05},
                           {DynamoFault::kDropAfter, 0.05},
                           {DynamoFault::kTruncate, 0.05},
                           {DynamoFault::kErrorBefore, 0.05},
                           {DynamoFault::kErrorAfter, 0.05},
                           {DynamoFault::kThrottle, 0.1},
                           {DynamoFault::kUnprocessed, 0.3},
                           {DynamoFault::kDelay, 0.1}},
                 .delay_max = std::chrono::milliseconds{5},
                 .index_lag = DynamoFaults::IndexLag{std::chrono::milliseconds{0},
                                                     std::chrono::milliseconds{50}}});
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      DynamoTestClient client(proxy_.endpoint());
      const auto until_done = [&](const std::string& operation, const json::object& body) {
        for (int i = 0; i < kTriesMax; ++i) {
          if (client.call(operation, body).status == 200) return;
        }
        ++failed;
      };
      for (int i = 0; i < kItems; ++i) {
        const std::string id = std::to_string(100 * t + i + 1000);
        json::array writes;
        for (const std::string& one : {id, "gone" + id}) {
          json::object put{{"Item", item(one, i)}};
          writes.push_back(json::object{{"PutRequest", std::move(put)}});
        }
        for (int tries = 0; !writes.empty(); ++tries) {
          if (tries == kTriesMax) ++failed;
          if (tries == kTriesMax) return;
          const Answer answer =
              client.call("BatchWriteItem", {{"RequestItems", {{table_, writes}}}});
          if (answer.status != 200) continue;
          const json::value* left =
              answer.body.at("UnprocessedItems").as_object().if_contains(table_);
          writes = left ? left->as_array() : json::array();
        }
        json::object update{{"TableName", table_}, {"Key", key(id)}};
        update["UpdateExpression"] = "SET due = :due";
        update["ExpressionAttributeValues"] = parse(R"({":due": {"N": "7"}})");
        until_done("UpdateItem", update);
        until_done("DeleteItem", {{"TableName", table_}, {"Key", key("gone" + id)}});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  Ids wanted;
  for (int t = 0; t < kThreads; ++t) {
    for (int i = 0; i < kItems; ++i) wanted.push_back(std::to_string(100 * t + i + 1000) + "@7");
  }
  const auto sorted = [&] {
    Ids ids = index();
    std::sort(ids.begin(), ids.end());
    return ids;
  };
  DynamoFaults late;
  late.index_lag =
      DynamoFaults::IndexLag{std::chrono::milliseconds{0}, std::chrono::milliseconds{50}};
  proxy_.faults(late);
  EXPECT_TRUE(eventually([&] { return sorted() == wanted; }));  // the late indexes have caught up
  proxy_.faults({});
  EXPECT_EQ(sorted(), wanted);
  const DynamoCounts counts = proxy_.counts();
  for (const DynamoFault fault :
       {DynamoFault::kDropBefore, DynamoFault::kDropAfter, DynamoFault::kTruncate,
        DynamoFault::kErrorBefore, DynamoFault::kErrorAfter, DynamoFault::kThrottle,
        DynamoFault::kUnprocessed, DynamoFault::kDelay}) {
    EXPECT_GT(counts.of(fault), 0u) << static_cast<int>(fault);
  }
  EXPECT_EQ(counts.emulator_failures, 0u);
}

}  // namespace
}  // namespace rhooks::testing

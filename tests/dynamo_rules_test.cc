// What the test proxy is built of: the check of signatures, on AWS's published examples, and
// the charges, by AWS's documented rules.

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <string>

#include "testing/dynamo_capacity.h"
#include "testing/dynamo_signature.h"

namespace rhooks::testing {
namespace {

namespace json = boost::json;

// The test suite of Signature Version 4
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv4-test-suite.html).
constexpr std::int64_t kVectorTime = 1440938160;  // 2015-08-30T12:36:00Z

std::string vector_verdict(std::string method, std::string target, std::string signature,
                           std::vector<Header> more = {}, std::string body = {}) {
  TestRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.body = std::move(body);
  request.headers = {{"Host", "example.amazonaws.com"}, {"X-Amz-Date", "20150830T123600Z"}};
  std::string names = "host;x-amz-date";
  for (const Header& header : more) {
    names = header.name + ";" + names;
    request.headers.push_back(header);
  }
  request.headers.push_back(
      {"Authorization",
       "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
       "SignedHeaders=" +
           names + ", Signature=" + signature});
  const auto error =
      check_signature(request, "us-east-1",
                      {{"AKIDEXAMPLE", {"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", false}}},
                      kVectorTime, "service");
  return error ? error->message : "";
}

TEST(DynamoSignatureTest, AcceptsThePublishedExamples) {
  // get-vanilla, post-vanilla, get-vanilla-query-order-key-case, post-x-www-form-urlencoded
  EXPECT_EQ(vector_verdict("GET", "/",
                           "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            "");
  EXPECT_EQ(vector_verdict("POST", "/",
                           "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            "");
  EXPECT_EQ(vector_verdict("GET", "/?Param2=value2&Param1=value1",
                           "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
            "");
  EXPECT_EQ(vector_verdict(
                "POST", "/", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
                {{"content-type", "application/x-www-form-urlencoded"}}, "Param1=value1"),
            "");
}

TEST(DynamoSignatureTest, RefusesWhatWasChangedAfterSigning) {
  const std::string post = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
  EXPECT_NE(vector_verdict("PUT", "/", post), "");
  EXPECT_NE(vector_verdict("POST", "/other", post), "");
  EXPECT_NE(vector_verdict("POST", "/?a=b", post), "");
  EXPECT_NE(vector_verdict("POST", "/", post, {}, "x"), "");
  EXPECT_NE(vector_verdict("POST", "/", std::string(64, '0')), "");
}

TEST(DynamoSignatureTest, XAmzHeadersHaveToBeSigned) {
  TestRequest request;
  request.method = "POST";
  request.target = "/";
  request.headers = {{"Host", "example.amazonaws.com"},
                     {"X-Amz-Date", "20150830T123600Z"},
                     {"X-Amz-Target", "DynamoDB_20120810.PutItem"},
                     {"Authorization",
                      "AWS4-HMAC-SHA256 Credential=A/20150830/us-east-1/dynamodb/aws4_request, "
                      "SignedHeaders=host;x-amz-date, Signature=0"}};
  const auto error = check_signature(request, "us-east-1", {{"A", {"s", "", false}}}, kVectorTime);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message, "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization.");
}

json::object item(const char* text) {
  return json::parse(text).as_object();
}

TEST(DynamoCapacityTest, SizesFollowTheDocumentedRules) {
  EXPECT_EQ(item_size({}), 0u);
  EXPECT_EQ(item_size(item(R"({"ab": {"S": "xyz"}})")), 5u);
  EXPECT_EQ(item_size(item(R"({"ab": {"S": "é"}, "ü": {"S": ""}})")), 6u);  // bytes of UTF-8
  EXPECT_EQ(item_size(item(R"({"b": {"B": "AAECAw=="}})")), 5u);            // raw, not base64
  EXPECT_EQ(item_size(item(R"({"b": {"B": ""}})")), 1u);
  EXPECT_EQ(item_size(item(R"({"n": {"N": "0"}})")), 2u);
  EXPECT_EQ(item_size(item(R"({"n": {"N": "7"}})")), 3u);
  EXPECT_EQ(item_size(item(R"({"n": {"N": "-7"}})")), 4u);
  EXPECT_EQ(item_size(item(R"({"n": {"N": "1700000000000"}})")), 3u);  // trailing zeros are free
  EXPECT_EQ(item_size(item(R"({"n": {"N": "1769863696789"}})")), 9u);
  EXPECT_EQ(item_size(item(R"({"n": {"N": "0.0015"}})")), 3u);
  EXPECT_EQ(item_size(item(R"({"n": {"BOOL": true}, "m": {"NULL": true}})")), 4u);
  EXPECT_EQ(item_size(item(R"({"s": {"SS": ["a", "bc"]}})")), 4u);
  EXPECT_EQ(item_size(item(R"({"l": {"L": [{"S": "ab"}, {"BOOL": true}]}})")), 1u + 3 + 3 + 2);
  EXPECT_EQ(item_size(item(R"({"m": {"M": {"k": {"S": "v"}}}})")), 1u + 3 + 1 + 2);
}

DynamoTable table() {
  DynamoTable table{"t", {"ns", "id"}, {}};
  table.indexes.push_back({"due", {"sh", "due"}, false, {"sh", "due", "ns", "id"}});
  table.indexes.push_back({"nsd", {"ns", "sd"}, false, {"ns", "sd", "id", "st"}});
  return table;
}

const char* const kFull =
    R"({"ns": {"S": "n"}, "id": {"S": "1"}, "sh": {"N": "1"}, "due": {"N": "5"},
        "sd": {"S": "d"}, "st": {"S": "A"}, "lu": {"N": "0"}})";

// Table, index due, index nsd.
std::vector<double> cost(const json::object* before, const json::object* after) {
  const WriteCost cost = write_cost(table(), before, after);
  const auto of = [&](const char* index) {
    return cost.indexes.contains(index) ? cost.indexes.at(index) : 0;
  };
  EXPECT_EQ(cost.total(), cost.table + of("due") + of("nsd"));
  return {cost.table, of("due"), of("nsd")};
}

using Units = std::vector<double>;

TEST(DynamoCapacityTest, InsertsAndRemovals) {
  const json::object full = item(kFull);
  json::object sparse = full;
  sparse.erase("due");
  EXPECT_EQ(cost(nullptr, &full), (Units{1, 1, 1}));
  EXPECT_EQ(cost(&full, nullptr), (Units{1, 1, 1}));
  EXPECT_EQ(cost(nullptr, &sparse), (Units{1, 0, 1}));
  EXPECT_EQ(cost(&sparse, nullptr), (Units{1, 0, 1}));
  EXPECT_EQ(cost(nullptr, nullptr), (Units{1, 0, 0}));  // removing what is not there
}

TEST(DynamoCapacityTest, IndexesAreChargedForWhatChangesInThem) {
  const json::object full = item(kFull);
  const auto with = [&](const char* name, json::value value) {
    json::object changed = full;
    changed[name] = std::move(value);
    return cost(&full, &changed);
  };
  EXPECT_EQ(cost(&full, &full), (Units{1, 0, 0}));
  EXPECT_EQ(with("lu", {{"N", "9"}}), (Units{1, 0, 0}));   // in no index
  EXPECT_EQ(with("due", {{"N", "6"}}), (Units{1, 2, 0}));  // a key: one row goes, one comes
  EXPECT_EQ(with("st", {{"S", "D"}}), (Units{1, 0, 1}));   // projected
  json::object sparse = full;
  sparse.erase("due");
  EXPECT_EQ(cost(&full, &sparse), (Units{1, 1, 0}));
  EXPECT_EQ(cost(&sparse, &full), (Units{1, 1, 0}));
  EXPECT_EQ(cost(&sparse, &sparse), (Units{1, 0, 0}));
}

TEST(DynamoCapacityTest, EachStartedKilobyteCounts) {
  const auto of_size = [](std::size_t bytes) {
    json::object big = item(kFull);
    big["p"] = {{"S", ""}};
    big["p"] = {{"S", std::string(bytes - item_size(big), 'x')}};
    EXPECT_EQ(item_size(big), bytes);
    return big;
  };
  const json::object one = of_size(1024);
  const json::object two = of_size(1025);
  const json::object five = of_size(5 * 1024);
  EXPECT_EQ(cost(nullptr, &one), (Units{1, 1, 1}));
  EXPECT_EQ(cost(nullptr, &two), (Units{2, 1, 1}));
  EXPECT_EQ(cost(&two, &five), (Units{5, 0, 0}));
  EXPECT_EQ(cost(&five, &one), (Units{5, 0, 0}));  // the larger of the two
  EXPECT_EQ(failed_condition_cost(&five).total(), 5);
  EXPECT_EQ(failed_condition_cost(nullptr).total(), 1);

  DynamoTable all = table();
  all.indexes = {{"all", {"sh", "due"}, true, {}}};
  json::object moved = five;
  moved["due"] = {{"N", "6"}};
  EXPECT_EQ(write_cost(all, &five, &moved).indexes.at("all"), 10);
  EXPECT_EQ(write_cost(all, &two, &five).indexes.at("all"), 5);
}

TEST(DynamoCapacityTest, ReadsTheShapeOfATable) {
  const DynamoTable read = table_of(item(R"({
    "TableName": "t",
    "KeySchema": [{"AttributeName": "ns", "KeyType": "HASH"},
                  {"AttributeName": "id", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [{
      "IndexName": "nsd",
      "KeySchema": [{"AttributeName": "ns", "KeyType": "HASH"},
                    {"AttributeName": "sd", "KeyType": "RANGE"}],
      "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["st"]}}]})"));
  EXPECT_EQ(read.keys, (std::vector<std::string>{"ns", "id"}));
  ASSERT_EQ(read.indexes.size(), 1u);
  EXPECT_EQ(read.indexes[0].projected, (std::vector<std::string>{"ns", "sd", "ns", "id", "st"}));
}

}  // namespace
}  // namespace rhooks::testing

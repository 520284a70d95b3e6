#include "store/dynamo/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "store/dynamo/client_fixture.h"
#include "testing/closed_port.h"
#include "testing/patience.h"

namespace rhooks::store::dynamo {
namespace {

using std::chrono::milliseconds;
using ClientTest = ClientFixture;

TEST_F(ClientTest, SendsWhatTheProtocolAsksFor) {
  make_client();
  then(ok(R"({"Item":{"id":{"S":"a"}}})"));
  const auto reply = do_one(Operation::kGetItem);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->ok());
  EXPECT_FALSE(reply->maybe_applied_before);
  EXPECT_EQ(text_of(reply->body.at("Item").as_object(), "id"), "a");

  const auto request = receiver_.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/");
  EXPECT_EQ(request.header("Host"), "127.0.0.1:" + std::to_string(receiver_.port()));
  EXPECT_EQ(request.header("Content-Type"), "application/x-amz-json-1.0");
  EXPECT_EQ(request.header("X-Amz-Target"), "DynamoDB_20120810.GetItem");
  EXPECT_EQ(request.header("X-Amz-Date"), "20300101T000000Z");
  EXPECT_EQ(request.header("X-Amz-Security-Token"), "do-not-show-token");
  const std::string authorization = request.header("Authorization");
  EXPECT_TRUE(authorization.starts_with(
      "AWS4-HMAC-SHA256 Credential=AKID1/20300101/us-east-1/dynamodb/aws4_request"))
      << authorization;
  EXPECT_NE(authorization.find("content-type;host;x-amz-date;x-amz-security-token;x-amz-target"),
            std::string::npos)
      << authorization;
  EXPECT_FALSE(request.has_header("Expect"));
  EXPECT_FALSE(request.has_header("Accept-Encoding"));
  const auto body = boost::json::parse(request.body).as_object();
  EXPECT_EQ(body.at("TableName").as_string(), "tasks");
  EXPECT_EQ(body.at("ReturnConsumedCapacity").as_string(), "TOTAL");
}

TEST_F(ClientTest, AsksForCapacityOnlyWhereItemsAreWorkedOn) {
  make_client();
  ASSERT_TRUE(do_one(Operation::kDescribeTable));
  Call detailed = call(Operation::kUpdateItem);
  detailed.body["ReturnConsumedCapacity"] = "INDEXES";
  ASSERT_TRUE(client_->call(std::move(detailed)));
  const auto requests = receiver_.requests();
  EXPECT_EQ(requests.at(0).body.find("ReturnConsumedCapacity"), std::string::npos);
  EXPECT_NE(requests.at(1).body.find("INDEXES"), std::string::npos);
}

TEST_F(ClientTest, KeepsTheOrderOfManyCallsOverFewConnections) {
  always([](const TestRequest& request) {
    return ok(R"({"Item":)" + boost::json::serialize(boost::json::parse(request.body).at("Key")) +
              "}");
  });
  auto few = options();
  few.max_in_flight = 4;
  make_client(few);
  std::vector<Call> calls;
  for (int i = 0; i < 500; ++i) calls.push_back(call(Operation::kGetItem, std::to_string(i)));
  const auto replies = client_->call_all(std::move(calls));
  ASSERT_EQ(replies.size(), 500u);
  for (int i = 0; i < 500; ++i) {
    const auto& reply = replies[static_cast<std::size_t>(i)];
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(text_of(reply->body.at("Item").as_object(), "id"), std::to_string(i));
  }
  EXPECT_LE(receiver_.connections(), 4u);
  EXPECT_LE(receiver_.open_connections_max(), 4u);
}

TEST_F(ClientTest, ServesManyThreads) {
  make_client();
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        if (client_->call(call(Operation::kPutItem))) ++done;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, 200);
}

TEST_F(ClientTest, DoesNothingForNoCalls) {
  make_client();
  EXPECT_TRUE(client_->call_all({}).empty());
}

TEST_F(ClientTest, GivesErrorsThatAreAnswers) {
  make_client();
  then(error(400, "ConditionalCheckFailedException", R"(,"Item":{"id":{"S":"a"}})"));
  const auto failed = do_one(Operation::kUpdateItem);
  ASSERT_TRUE(failed) << failed.error().message;
  EXPECT_TRUE(failed->condition_failed());
  EXPECT_FALSE(failed->maybe_applied_before);
  EXPECT_TRUE(failed->body.contains("Item"));
  for (const char* type :
       {"ResourceNotFoundException", "ResourceInUseException", "UnknownOperationException"}) {
    then(error(400, type, R"(,"message":"as it\nsays")"));
    const auto reply = do_one(Operation::kCreateTable);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->error, type);
    EXPECT_EQ(reply->message, "as it?says");
  }
  EXPECT_EQ(receiver_.request_count(), 4u);
}

TEST_F(ClientTest, RetriesWhatIsThrottled) {
  for (const char* type :
       {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"}) {
    then(error(400, type));
  }
  make_client();
  const auto reply = do_one(Operation::kUpdateItem);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->ok());
  EXPECT_FALSE(reply->maybe_applied_before) << "a throttled request was not applied";
  EXPECT_EQ(receiver_.request_count(), 4u);
  EXPECT_EQ(metric("rhooks_dynamodb_retries_total", {"\"throttled\""}), 3);
}

TEST_F(ClientTest, GivesUpWhatStaysThrottled) {
  always(error(400, "ThrottlingException", R"(,"message":"too fast")"));
  make_client();
  const auto reply = do_one(Operation::kUpdateItem);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  expect_mentions(reply.error().message,
                  {"UpdateItem", "tasks", "127.0.0.1", "ThrottlingException: too fast", "5 tries"});
  EXPECT_EQ(receiver_.request_count(), 5u);
}

TEST_F(ClientTest, TellsThatAnEarlierTryMayHaveBeenApplied) {
  then(error(500, "InternalServerError"));
  then(error(400, "ConditionalCheckFailedException"));
  make_client();
  const auto reply = do_one(Operation::kPutItem);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->condition_failed());
  EXPECT_TRUE(reply->maybe_applied_before);
}

TEST_F(ClientTest, ReadsLeaveNothingOpen) {
  then(error(500, "InternalServerError"));
  make_client();
  const auto reply = do_one(Operation::kQuery);
  ASSERT_TRUE(reply);
  EXPECT_FALSE(reply->maybe_applied_before);
  always(error(503, "ServiceUnavailable"));
  const auto failed = do_one(Operation::kQuery);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
}

TEST_F(ClientTest, DoesNotKnowTheOutcomeOfAWriteWithoutAnAnswer) {
  always(error(500, "InternalServerError"));
  make_client();
  const auto reply = do_one(Operation::kPutItem);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnknownOutcome);
  expect_mentions(reply.error().message,
                  {"PutItem", "tasks", "InternalServerError", "may have been applied"});
}

TEST_F(ClientTest, ALostAnswerStaysOpenWhateverComesAfterIt) {
  then(error(500, "InternalServerError"));
  always(error(400, "ThrottlingException"));
  make_client();
  const auto reply = do_one(Operation::kPutItem);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnknownOutcome);
}

TEST_F(ClientTest, RetriesConnectionsThatBreak) {
  for (const auto fault :
       {Fault::kResetBeforeResponse, Fault::kCloseMidBody, Fault::kResetMidBody}) {
    then(TestResponse::with_fault(fault, "{}"));
    make_client();
    const auto reply = do_one(Operation::kUpdateItem);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_TRUE(reply->maybe_applied_before);
  }
  EXPECT_EQ(metric("rhooks_dynamodb_retries_total", {"\"no_answer\""}), 3);
}

// libcurl takes another connection by itself when a kept one turns out closed, and may so send
// a request twice.
TEST_F(ClientTest, SeesThatLibcurlSentARequestTwice) {
  make_client();
  ASSERT_TRUE(do_one(Operation::kPutItem));
  then(TestResponse::with_fault(Fault::kCloseBeforeResponse));
  then(error(400, "ConditionalCheckFailedException"));
  const auto reply = do_one(Operation::kPutItem);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->condition_failed());
  EXPECT_TRUE(reply->maybe_applied_before);
  EXPECT_EQ(receiver_.request_count(), 3u);
}

TEST_F(ClientTest, ARefusedConnectionAppliesNothing) {
  const testing::ClosedPort nobody;
  auto elsewhere = options();
  elsewhere.endpoint = nobody.url("");
  make_client(elsewhere);
  const auto reply = do_one(Operation::kPutItem);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  expect_mentions(reply.error().message, {"PutItem", "could not connect", "refused"});
}

TEST_F(ClientTest, TimesOutAndTriesAgain) {
  TestResponse held;
  held.hold = true;
  auto hasty = options();
  // The first try has to be sent by then, and one of the others to be answered.
  EXPECT_TRUE(testing::with_more_time(milliseconds{50}, [&](milliseconds limit) {
    then(held);
    hasty.request_timeout = limit;
    make_client(hasty);
    const auto reply = do_one(Operation::kPutItem);
    return reply && reply->maybe_applied_before;
  }));
}

TEST_F(ClientTest, ChecksTheChecksumOfAnAnswer) {
  auto damaged = ok(R"({"Item":{}})");
  damaged.headers = {{"x-amz-crc32", "1"}};
  auto right = ok("{}");
  right.headers = {{"X-Amz-Crc32", "2745614147"}};
  then(damaged);
  then(right);
  make_client();
  const auto reply = do_one(Operation::kGetItem);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->body.empty());
  EXPECT_EQ(metric("rhooks_dynamodb_retries_total", {"\"no_answer\""}), 1);
  EXPECT_EQ(receiver_.request_count(), 2u);
}

}  // namespace
}  // namespace rhooks::store::dynamo

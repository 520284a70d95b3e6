#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <thread>

#include "aws/retry_quota.h"
#include "store/dynamo/client_fixture.h"
#include "testing/captured_log.h"

namespace rhooks::store::dynamo {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::string http_date(TimePoint t) {
  const std::time_t time = std::chrono::system_clock::to_time_t(t);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

class ClientFaultsTest : public ClientFixture {
 protected:
  // A service whose clock is ahead by `ahead` and that takes only signatures of its own time,
  // to five minutes, as the real one does.
  void make_service_with_clock(milliseconds ahead) {
    const TimePoint service = clock_.now() + ahead;
    always([service](const TestRequest& request) {
      const std::string stamp = request.header("X-Amz-Date");
      std::tm parts{};
      EXPECT_NE(::strptime(stamp.c_str(), "%Y%m%dT%H%M%SZ", &parts), nullptr) << stamp;
      const auto signed_at = std::chrono::system_clock::from_time_t(::timegm(&parts));
      const auto off = std::chrono::abs(service - signed_at);
      auto response = off > minutes{5} ? error(400, "InvalidSignatureException") : ok();
      response.headers = {{"Date", http_date(service)}};
      return response;
    });
  }
};

// Credentials.

TEST_F(ClientFaultsTest, FetchesRefusedCredentialsAnewOnce) {
  for (const char* type : {"ExpiredTokenException", "UnrecognizedClientException",
                           "InvalidSignatureException", "MissingAuthenticationTokenException"}) {
    const auto before = receiver_.request_count();
    receiver_.clear_requests();
    then(error(400, type));
    make_client();
    const auto reply = do_one(Operation::kPutItem);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_FALSE(reply->maybe_applied_before);
    EXPECT_EQ(receiver_.request_count(), before + 2) << type;
    const auto requests = receiver_.requests();
    EXPECT_NE(requests.at(0).header("Authorization"), requests.at(1).header("Authorization"));
  }
  EXPECT_EQ(credentials_.all_refused(),
            (std::vector<std::string>{"AKID1", "AKID2", "AKID3", "AKID4"}));
  EXPECT_EQ(metric("rhooks_dynamodb_retries_total", {"\"credentials\""}), 4);
  EXPECT_EQ(metric("rhooks_dynamodb_requests_total", {"\"refused\""}), 4);
}

TEST_F(ClientFaultsTest, SaysWhatToCheckWhenCredentialsStayRefused) {
  // The real service's message quotes the headers as they were signed.
  always(error(400, "InvalidSignatureException",
               R"(,"message":"x-amz-security-token:do-not-show-token")"));
  make_client();
  const auto reply = do_one(Operation::kPutItem);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  expect_mentions(reply.error().message, {"PutItem", "tasks", "InvalidSignatureException",
                                          "access key", "us-east-1", "clock"});
  EXPECT_EQ(receiver_.request_count(), 2u);
}

TEST_F(ClientFaultsTest, SendsNothingWithoutCredentials) {
  credentials_.fail_with("looked in the environment and in the profile");
  make_client();
  const auto reply = do_one(Operation::kPutItem);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  expect_mentions(reply.error().message, {"PutItem", "looked in the environment"});
  EXPECT_EQ(receiver_.request_count(), 0u);
}

// The clock.

TEST_F(ClientFaultsTest, CorrectsAClockThatIsTenMinutesOff) {
  for (const auto ahead : {minutes{10}, minutes{-10}}) {
    const auto before = receiver_.request_count();
    make_service_with_clock(ahead);
    make_client();
    const auto reply = do_one(Operation::kPutItem);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(receiver_.request_count(), before + 2) << "signed again at once";
    EXPECT_LE(std::chrono::abs(client_->clock_offset() - ahead), seconds{1});
    ASSERT_TRUE(do_one(Operation::kPutItem));
    EXPECT_EQ(receiver_.request_count(), before + 3) << "known from then on";
    EXPECT_LE(std::chrono::abs(credentials_.asked_at() - clock_.now() - ahead), seconds{1});
  }
  EXPECT_TRUE(credentials_.all_refused().empty()) << "they were not at fault";
  EXPECT_EQ(metric("rhooks_dynamodb_retries_total", {"\"clock\""}), 2);
}

TEST_F(ClientFaultsTest, LogsOnceThatTheClockIsOff) {
  make_service_with_clock(minutes{-10});
  make_client();
  testing::CapturedLog log;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(do_one(Operation::kGetItem));
  const std::string text = log.text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_NE(text.find("service_ahead_seconds=-600"), std::string::npos) << text;
}

TEST_F(ClientFaultsTest, TakesASmallDifferenceForNone) {
  make_service_with_clock(seconds{3});
  make_client();
  ASSERT_TRUE(do_one(Operation::kGetItem));
  EXPECT_EQ(client_->clock_offset(), milliseconds{0});
}

// What is not retried.

TEST_F(ClientFaultsTest, NamesTheActionThatIsDenied) {
  always(error(400, "AccessDeniedException", R"(,"Message":"User: arn:x is not authorized")"));
  make_client();
  const auto reply = do_one(Operation::kUpdateItem);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  expect_mentions(reply.error().message, {"dynamodb:UpdateItem", "tasks", "IAM", "arn:x"});
  EXPECT_EQ(receiver_.request_count(), 1u);
}

TEST_F(ClientFaultsTest, AMalformedRequestIsADefect) {
  for (const char* type : {"ValidationException", "SerializationException"}) {
    then(error(400, type, R"(,"message":"One or more\nparameter values")"));
    make_client();
    const auto reply = do_one(Operation::kUpdateItem);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, ErrorCode::kInternal);
    expect_mentions(reply.error().message, {type, "One or more?parameter values"});
  }
  EXPECT_EQ(receiver_.request_count(), 2u);
}

TEST_F(ClientFaultsTest, SeesThatTheEndpointIsNoDynamoDb) {
  make_client();
  then(TestResponse::with_status(404, "<html>"));
  auto reply = do_one(Operation::kPutItem);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  expect_mentions(reply.error().message, {"404", "endpoint"});
  EXPECT_EQ(receiver_.request_count(), 1u);

  then(TestResponse::with_status(302, ""));
  reply = do_one(Operation::kPutItem);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);

  always(TestResponse::with_status(200, "<html>"));
  reply = do_one(Operation::kGetItem);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  reply = do_one(Operation::kPutItem);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnknownOutcome);
}

TEST_F(ClientFaultsTest, ReadsNoAnswerWithoutEnd) {
  always(TestResponse::with_fault(Fault::kEndlessBody, "{"));
  make_client();
  const auto reply = do_one(Operation::kPutItem);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnknownOutcome);
  expect_mentions(reply.error().message, {"32 MiB"});
  EXPECT_EQ(receiver_.request_count(), 1u);

  always(TestResponse::with_fault(Fault::kEndlessHeaders));
  const auto read = do_one(Operation::kGetItem);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kUnavailable);
}

// Bounds.

TEST_F(ClientFaultsTest, TriesOnlyOnceWhenTheQuotaIsUsedUp) {
  always(error(500, "InternalServerError"));
  make_client();
  const int retries = aws::RetryQuota::kTokens / aws::RetryQuota::kRetryCost;
  std::vector<Call> calls;
  for (int i = 0; i < retries; ++i) calls.push_back(call(Operation::kGetItem));
  for (const auto& reply : client_->call_all(std::move(calls))) EXPECT_FALSE(reply);
  EXPECT_EQ(receiver_.request_count(), 2u * static_cast<unsigned>(retries));
  EXPECT_EQ(metric("rhooks_dynamodb_retry_quota"), 0);

  const auto reply = do_one(Operation::kGetItem);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  expect_mentions(reply.error().message, {"too many calls fail"});
  EXPECT_EQ(receiver_.request_count(), 2u * static_cast<unsigned>(retries) + 1);

  // Successes fill it again.
  always(ok());
  for (int i = 0; i < aws::RetryQuota::kRetryCost; ++i) ASSERT_TRUE(do_one(Operation::kGetItem));
  EXPECT_EQ(metric("rhooks_dynamodb_retry_quota"), aws::RetryQuota::kRetryCost);
  then(error(500, "InternalServerError"));
  EXPECT_TRUE(do_one(Operation::kGetItem));
}

TEST_F(ClientFaultsTest, RefusesMoreCallsThanItMayHold) {
  make_client();
  std::vector<Call> calls;
  for (int i = 0; i < 10'003; ++i) calls.push_back({Operation::kGetItem, {}});
  const auto replies = client_->call_all(std::move(calls));
  ASSERT_EQ(replies.size(), 10'003u);
  for (std::size_t i = 0; i < 10'000; ++i) ASSERT_TRUE(replies[i]) << replies[i].error().message;
  for (std::size_t i = 10'000; i < replies.size(); ++i) {
    ASSERT_FALSE(replies[i]);
    EXPECT_EQ(replies[i].error().code, ErrorCode::kOverloaded);
  }
  EXPECT_TRUE(do_one(Operation::kGetItem));
}

// Destruction.

TEST_F(ClientFaultsTest, DestructionEndsCallsThatWait) {
  TestResponse held;
  held.hold = true;
  always(held);
  auto one = options();
  one.max_in_flight = 1;
  make_client(one);
  std::vector<Call> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(call(Operation::kPutItem));
  std::vector<Result<Reply>> replies;
  std::thread caller([&] { replies = client_->call_all(std::move(calls)); });
  ASSERT_TRUE(receiver_.wait_held(1));
  client_.reset();
  caller.join();
  ASSERT_EQ(replies.size(), 3u);
  for (const auto& reply : replies) {
    ASSERT_FALSE(reply);
    expect_mentions(reply.error().message, {"being closed"});
  }
  const auto unknown = std::count_if(replies.begin(), replies.end(), [](const auto& reply) {
    return reply.error().code == ErrorCode::kUnknownOutcome;
  });
  EXPECT_EQ(unknown, 1) << "the one that was sent";
}

TEST_F(ClientFaultsTest, DestructionEndsABackoff) {
  always(error(400, "ThrottlingException"));
  auto slow = options();
  slow.throttle_base = slow.backoff_max = std::chrono::hours{24};
  make_client(slow);
  Result<Reply> reply;
  std::thread caller([&] { reply = do_one(Operation::kPutItem); });
  const auto deadline = std::chrono::steady_clock::now() + minutes{1};
  while (metric("rhooks_dynamodb_retries_total", {"\"throttled\""}) == 0 &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  client_.reset();
  caller.join();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
}

// What is counted and logged.

TEST_F(ClientFaultsTest, CountsConsumedCapacity) {
  make_client();
  then(ok(R"({"ConsumedCapacity":{"TableName":"tasks","CapacityUnits":2.5}})"));
  ASSERT_TRUE(do_one(Operation::kUpdateItem));
  then(ok(R"({"ConsumedCapacity":{"TableName":"tasks","CapacityUnits":0.5}})"));
  ASSERT_TRUE(do_one(Operation::kQuery));
  then(ok(R"({"ConsumedCapacity":[{"TableName":"tasks","CapacityUnits":3},
                                  {"TableName":"logs","CapacityUnits":4}]})"));
  ASSERT_TRUE(do_one(Operation::kBatchWriteItem));
  then(error(400, "ConditionalCheckFailedException",
             R"(,"ConsumedCapacity":{"TableName":"tasks","CapacityUnits":1})"));
  ASSERT_TRUE(do_one(Operation::kUpdateItem));
  for (const char* odd :
       {R"({"ConsumedCapacity":{"TableName":"tasks","CapacityUnits":"1"}})",
        R"({"ConsumedCapacity":[1,null,{"CapacityUnits":-3}]})", R"({"ConsumedCapacity":7})"}) {
    then(ok(odd));
    ASSERT_TRUE(do_one(Operation::kUpdateItem));
  }
  const std::string units = "rhooks_dynamodb_capacity_units_total";
  EXPECT_EQ(metric(units, {"\"UpdateItem\"", "\"tasks\"", "\"write\""}), 3.5);
  EXPECT_EQ(metric(units, {"\"Query\"", "\"tasks\"", "\"read\""}), 0.5);
  EXPECT_EQ(metric(units, {"\"BatchWriteItem\"", "\"tasks\"", "\"write\""}), 3);
  EXPECT_EQ(metric(units, {"\"BatchWriteItem\"", "\"logs\"", "\"write\""}), 4);
  EXPECT_EQ(metric(units), 11);
  EXPECT_EQ(metric("rhooks_dynamodb_requests_total", {"\"condition_failed\""}), 1);
  EXPECT_EQ(metric("rhooks_dynamodb_requests_total", {"\"ok\""}), 6);
  EXPECT_EQ(metric("rhooks_dynamodb_request_duration_seconds_count"), 7);
}

TEST_F(ClientFaultsTest, LogsTheReasonsOfAThrottleAndNoStorm) {
  always(error(400, "ThrottlingException",
               R"(,"ThrottlingReasons":[{"reason":"TableWriteKeyRangeThroughputExceeded",
                   "resource":"arn:aws:dynamodb:us-east-1:1:table/tasks"}])"));
  make_client();
  testing::CapturedLog log;
  for (int i = 0; i < 10; ++i) ASSERT_FALSE(do_one(Operation::kUpdateItem));
  const std::string text = log.text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  expect_mentions(text, {"TableWriteKeyRangeThroughputExceeded", "table/tasks", "UpdateItem"});
}

// Making one.

TEST_F(ClientFaultsTest, IsNotMadeWithOptionsThatCanNotWork) {
  const auto refusal = [&](const ClientOptions& bad) {
    auto created = Client::create(bad, credentials_, metrics_, clock_, random_);
    EXPECT_FALSE(created);
    return created ? Error{} : created.error();
  };
  for (const char* endpoint : {"", "dynamodb", "ftp://a", "http://", "http://u:do-not-show@a",
                               "http://a/path", "http://a?q", "http://a#f", "http://a:99999"}) {
    auto bad = options();
    bad.endpoint = endpoint;
    const auto error = refusal(bad);
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << endpoint;
    EXPECT_EQ(error.field, "endpoint") << endpoint;
    expect_mentions(error.message, {"endpoint"});
  }
  auto no_file = options();
  no_file.ca_file = "/no/such/file.pem";
  EXPECT_EQ(refusal(no_file).field, "caFile");
  auto no_certificate = options();
  no_certificate.ca_file = "/dev/null";
  EXPECT_EQ(refusal(no_certificate).field, "caFile");
  auto no_region = options();
  no_region.region = "";
  EXPECT_EQ(refusal(no_region).field, "region");
}

TEST_F(ClientFaultsTest, VerifiesTheServicesCertificate) {
  testing::TestReceiver::Options tls;
  tls.tls = true;
  tls.handler = [](const TestRequest&) { return ok(); };
  testing::TestReceiver service(tls);
  auto trusting = options();
  trusting.endpoint = service.url("");
  trusting.ca_file = service.ca_file();
  make_client(trusting);
  const auto reply = do_one(Operation::kPutItem);
  EXPECT_TRUE(reply) << reply.error().message;

  auto doubting = trusting;
  doubting.ca_file = "";
  doubting.tries_max = 1;
  make_client(doubting);
  const auto refused = do_one(Operation::kPutItem);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable) << "nothing was sent";
  expect_mentions(refused.error().message, {"TLS"});
}

}  // namespace
}  // namespace rhooks::store::dynamo

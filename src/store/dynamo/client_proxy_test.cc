// The client against what verifies signatures and fails as the service may: the fault-injecting
// proxy, with the emulator behind it.

#include <gtest/gtest.h>

#include <mutex>
#include <sstream>

#include "base/uuid.h"
#include "store/dynamo/attributes.h"
#include "store/dynamo/client.h"
#include "testing/dynalite.h"
#include "testing/dynamo_proxy.h"
#include "testing/patience.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using testing::DynamoFault;

// KEY1, and KEY2 after KEY1 was refused, and so on.
class RotatingKeys final : public aws::CredentialsSource {
 public:
  Result<aws::Credentials> get(TimePoint) override {
    const std::lock_guard lock(mutex_);
    aws::Credentials credentials;
    credentials.access_key_id = "KEY" + std::to_string(current_);
    credentials.secret_access_key = "secret/+" + std::to_string(current_);
    credentials.session_token = "token==" + std::to_string(current_);
    return credentials;
  }
  void refused(const aws::Credentials& credentials) override {
    const std::lock_guard lock(mutex_);
    if (credentials.access_key_id == "KEY" + std::to_string(current_)) ++current_;
  }

 private:
  std::mutex mutex_;
  int current_ = 1;
};

class ClientProxyTest : public ::testing::Test {
 protected:
  ClientProxyTest() : proxy_(testing::dynalite_endpoint()) {
    accept(1);
    table_ = "client-" + rhooks::to_string(UuidGenerator(random_).v7(clock_.now()));
    make_client();
    json::object body;
    body["TableName"] = table_;
    body["BillingMode"] = "PAY_PER_REQUEST";
    body["AttributeDefinitions"] = {{{"AttributeName", "id"}, {"AttributeType", "S"}}};
    body["KeySchema"] = {{{"AttributeName", "id"}, {"KeyType", "HASH"}}};
    const auto made = client_->call({Operation::kCreateTable, std::move(body)});
    EXPECT_TRUE(made && made->ok()) << (made ? made->error : made.error().message);
    EXPECT_TRUE(testing::eventually([this] { return is_active(); }));
    proxy_.reset_usage();
  }

  void accept(int key) {
    const auto number = std::to_string(key);
    proxy_.accept_key("KEY" + number, "secret/+" + number, "token==" + number);
  }

  void make_client() {
    ClientOptions options;
    options.endpoint = proxy_.endpoint();
    options.region = "us-east-1";
    options.connect_timeout = options.request_timeout = testing::kPatience;
    options.backoff_base = options.throttle_base = milliseconds{1};
    options.max_in_flight = 16;
    auto created = Client::create(options, keys_, metrics_, clock_, random_);
    ASSERT_TRUE(created) << created.error().message;
    client_ = std::move(*created);
  }

  bool is_active() {
    json::object body;
    body["TableName"] = table_;
    const auto reply = client_->call({Operation::kDescribeTable, std::move(body)});
    EXPECT_TRUE(reply && reply->ok());
    return !reply || !reply->ok() ||
           reply->body.at("Table").at("TableStatus").as_string() == "ACTIVE";
  }

  // Puts an item unless it is there.
  Call put(const std::string& id, const std::string& text = "text") const {
    json::object body;
    body["TableName"] = table_;
    body["Item"] = json::object{{"id", text_value(id)}, {"text", text_value(text)}};
    body["ConditionExpression"] = "attribute_not_exists(id)";
    return {Operation::kPutItem, std::move(body)};
  }
  Call get(const std::string& id) const {
    json::object body;
    body["TableName"] = table_;
    body["Key"] = json::object{{"id", text_value(id)}};
    body["ConsistentRead"] = true;
    return {Operation::kGetItem, std::move(body)};
  }

  SystemClock clock_;
  Random random_;
  Metrics metrics_;
  RotatingKeys keys_;
  testing::DynamoProxy proxy_;
  std::string table_;
  std::unique_ptr<Client> client_;  // first to go
};

TEST_F(ClientProxyTest, SignsWhatItSends) {
  const std::string text = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \x01 \"\\\n";
  const auto done = client_->call(put("a", text));
  ASSERT_TRUE(done && done->ok()) << (done ? done->error : done.error().message);
  const auto found = client_->call(get("a"));
  ASSERT_TRUE(found && found->ok());
  EXPECT_EQ(text_of(found->body.at("Item").as_object(), "text"), text);
  EXPECT_EQ(proxy_.counts().denied, 0u);
  EXPECT_EQ(proxy_.counts().unsigned_requests, 0u);
}

TEST_F(ClientProxyTest, GoesOnWithNewCredentials) {
  accept(2);
  proxy_.expire_key("KEY1");
  EXPECT_TRUE(client_->call(put("a")));
  accept(3);
  proxy_.revoke_key("KEY2");
  EXPECT_TRUE(client_->call(put("b")));
  proxy_.revoke_key("KEY3");
  const auto refused = client_->call(put("c"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
}

TEST_F(ClientProxyTest, GoesOnWhenTheClocksDiffer) {
  for (const int ahead : {10, -10, 0}) {
    proxy_.set_clock_offset(std::chrono::minutes{ahead});
    const auto from = std::chrono::steady_clock::now();
    const auto done = client_->call(put(std::to_string(ahead)));
    const auto took = std::chrono::steady_clock::now() - from;
    ASSERT_TRUE(done && done->ok()) << (done ? done->error : done.error().message);
    EXPECT_LE(std::chrono::abs(client_->clock_offset() - std::chrono::minutes{ahead}),
              std::chrono::seconds{2} + took);
  }
}

TEST_F(ClientProxyTest, TellsWhatALostAnswerLeavesOpen) {
  for (const auto fault :
       {DynamoFault::kDropAfter, DynamoFault::kTruncate, DynamoFault::kErrorAfter}) {
    const std::string id = "after" + std::to_string(static_cast<int>(fault));
    proxy_.inject_next("PutItem", fault);
    const auto reply = client_->call(put(id));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_TRUE(reply->condition_failed()) << "its own doing";
    EXPECT_TRUE(reply->maybe_applied_before);
  }
  for (const auto fault : {DynamoFault::kDropBefore, DynamoFault::kErrorBefore}) {
    const std::string id = "before" + std::to_string(static_cast<int>(fault));
    proxy_.inject_next("PutItem", fault);
    const auto reply = client_->call(put(id));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_TRUE(reply->ok());
    EXPECT_TRUE(reply->maybe_applied_before);
  }
  proxy_.inject_next("PutItem", DynamoFault::kThrottle, 2);
  const auto throttled = client_->call(put("throttled"));
  ASSERT_TRUE(throttled && throttled->ok());
  EXPECT_FALSE(throttled->maybe_applied_before);
}

TEST_F(ClientProxyTest, NamesWhatIsDenied) {
  proxy_.deny("GetItem");
  const auto denied = client_->call(get("a"));
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(denied.error().message.find("dynamodb:GetItem"), std::string::npos);
}

TEST_F(ClientProxyTest, GoesOnWhenTheNetworkIsBack) {
  ASSERT_TRUE(client_->call(put("a")));
  proxy_.cut_network(true);
  const auto cut = client_->call(get("a"));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::kUnavailable);
  proxy_.cut_network(false);
  EXPECT_TRUE(client_->call(get("a")));
}

TEST_F(ClientProxyTest, CountsTheCapacityThatIsCharged) {
  ASSERT_TRUE(client_->call(put("a")));
  ASSERT_TRUE(client_->call(put("b", std::string(3'000, 'x'))));
  const std::string series = "kind=\"write\"";
  double counted = 0;
  std::istringstream text(metrics_.expose());
  for (std::string line; std::getline(text, line);) {
    if (!line.starts_with("rhooks_dynamodb_capacity_units_total{")) continue;
    if (line.find(series) != std::string::npos) counted += std::stod(line.substr(line.rfind(' ')));
  }
  EXPECT_EQ(counted, 4);
  EXPECT_EQ(proxy_.usage().of_table(table_).wcu, 4);
}

// Whatever is answered holds against what is stored.
TEST_F(ClientProxyTest, TellsTheTruthUnderFaults) {
  proxy_.faults({.rates = {{DynamoFault::kThrottle, 0.1},
                           {DynamoFault::kDropBefore, 0.03},
                           {DynamoFault::kDropAfter, 0.03},
                           {DynamoFault::kTruncate, 0.03},
                           {DynamoFault::kErrorBefore, 0.03},
                           {DynamoFault::kErrorAfter, 0.03}}});
  constexpr std::size_t kItems = 300;
  std::vector<Call> calls;
  for (std::size_t i = 0; i < kItems; ++i) calls.push_back(put(std::to_string(i)));
  const auto replies = client_->call_all(std::move(calls));
  proxy_.faults({});
  std::vector<Call> reads;
  for (std::size_t i = 0; i < kItems; ++i) reads.push_back(get(std::to_string(i)));
  const auto found = client_->call_all(std::move(reads));
  std::size_t lost_answers = 0;
  for (std::size_t i = 0; i < kItems; ++i) {
    ASSERT_TRUE(found[i] && found[i]->ok());
    const bool stored = found[i]->body.contains("Item");
    const auto& reply = replies[i];
    if (!reply) {
      EXPECT_TRUE(reply.error().code == ErrorCode::kUnknownOutcome || !stored)
          << reply.error().message;
      continue;
    }
    EXPECT_TRUE(stored);
    EXPECT_TRUE(reply->ok() || reply->maybe_applied_before) << reply->error;
    if (reply->maybe_applied_before) ++lost_answers;
  }
  EXPECT_GT(lost_answers, 0u);
}

}  // namespace
}  // namespace rhooks::store::dynamo

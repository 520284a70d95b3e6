#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/uuid.h"
#include "observe/metrics.h"
#include "store/dynamo/client.h"
#include "store/dynamo/tables.h"
#include "testing/dynalite.h"
#include "testing/patience.h"

namespace rhooks::store::dynamo {

class TestCredentials final : public aws::CredentialsSource {
 public:
  Result<aws::Credentials> get(TimePoint) override {
    return aws::Credentials{
        .access_key_id = "AKIDTEST", .secret_access_key = "test", .session_token = {}};
  }
  void refused(const aws::Credentials&) override {}
};

// A client of the emulator, and tables that no other test has.
class DynaliteFixture : public ::testing::Test {
 protected:
  DynaliteFixture() : client_(make_client()) {}

  std::unique_ptr<Client> make_client(ClientOptions options = {}) {
    options.endpoint = testing::dynalite_endpoint();
    options.region = "us-east-1";
    options.connect_timeout = options.request_timeout = testing::kPatience;
    auto created = Client::create(options, credentials_, metrics_, clock_, random_);
    EXPECT_TRUE(created) << created.error().message;
    return std::move(*created);
  }

  Result<Reply> call(Operation operation, boost::json::object body) {
    return client_->call({operation, std::move(body)});
  }
  void call_ok(Operation operation, boost::json::object body) {
    const auto reply = call(operation, std::move(body));
    ASSERT_TRUE(reply) << reply.error().message;
    ASSERT_TRUE(reply->ok()) << reply->error;
  }

  // What a test waits for by polling.
  TablesOptions creating() const {
    TablesOptions options;
    options.create = true;
    options.now = clock_.now();
    options.poll_interval = std::chrono::milliseconds(10);
    return options;
  }

  Metrics metrics_;
  SystemClock clock_;
  Random random_;
  TestCredentials credentials_;
  std::unique_ptr<Client> client_;
  const std::string unique_ = rhooks::to_string(UuidGenerator(random_).v7(clock_.now()));
  const Tables tables_{.tasks = "tasks-" + unique_, .logs = "logs-" + unique_};
};

}  // namespace rhooks::store::dynamo

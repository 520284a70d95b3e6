#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/uuid.h"
#include "observe/metrics.h"
#include "store/dynamo/client.h"
#include "store/dynamo/membership_table.h"
#include "store/dynamo/store_impl.h"
#include "store/dynamo/tables.h"
#include "testing/dynalite.h"
#include "testing/patience.h"

namespace rhooks::testing {

// Keys that any endpoint of the tests takes.
class TestCredentials final : public aws::CredentialsSource {
 public:
  Result<aws::Credentials> get(TimePoint) override {
    return aws::Credentials{"test", "test-secret", "", std::nullopt};
  }
  void refused(const aws::Credentials&) override {}
};

// Two tables of their own on an endpoint (dynalite, or a proxy before it), and stores on them.
class TestTables {
 public:
  explicit TestTables(std::string endpoint = dynalite_endpoint(), int shards = 0)
      : endpoint_(std::move(endpoint)), shards_(shards) {
    UuidGenerator uuids(random_);
    const std::string name = to_string(uuids.v7(SystemClock().now()));
    tables_ = {"tasks-" + name, "logs-" + name};
  }

  const store::dynamo::Tables& names() const { return tables_; }
  Metrics& metrics() { return metrics_; }
  store::dynamo::ClientOptions client_options() const {
    store::dynamo::ClientOptions options;
    options.endpoint = endpoint_;
    options.region = "us-east-1";
    // An emulator does answer, be the machine as busy as it may.
    options.connect_timeout = options.request_timeout = kPatience;
    return options;
  }

  // Another store on the tables, as another process would have it; makes them if missing.
  std::unique_ptr<store::dynamo::DynamoStore> open(store::DynamoTuning tuning = {}) {
    return open(tuning, client_options());
  }
  std::unique_ptr<store::dynamo::DynamoStore> open(store::DynamoTuning tuning,
                                                   store::dynamo::ClientOptions options) {
    store::dynamo::DynamoStore::Parts parts;
    parts.credentials = std::make_unique<TestCredentials>();
    parts.machine_clock = std::make_shared<SystemClock>();
    const auto client = [&](const store::dynamo::ClientOptions& of) {
      auto made = store::dynamo::Client::create(of, *parts.credentials, metrics_,
                                                *parts.machine_clock, random_);
      if (!made) throw std::runtime_error(made.error().message);
      return std::move(*made);
    };
    parts.client = client(options);
    parts.membership_client = client(store::dynamo::membership_client_options(options));
    store::dynamo::TablesOptions making;
    making.create = true;
    making.shards = shards_;
    making.poll_interval = std::chrono::milliseconds{20};
    auto ready = store::dynamo::prepare_tables(*parts.client, tables_, making);
    if (!ready) throw std::runtime_error(ready.error().message);
    parts.tables = tables_;
    parts.shards = ready->shards;
    parts.tuning = tuning;
    return std::make_unique<store::dynamo::DynamoStore>(std::move(parts), random_);
  }

 private:
  const std::string endpoint_;
  const int shards_;
  store::dynamo::Tables tables_;
  Metrics metrics_;
  Random random_;
};

}  // namespace rhooks::testing

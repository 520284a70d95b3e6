#pragma once

#include <rhooks/hooks.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "delivery/curl_sender.h"
#include "hooks/hooks_parts.h"
#include "store/dynamo/test_tables.h"
#include "testing/dynamo_proxy.h"

namespace rhooks::testing {

// Tables of their own behind a proxy that counts and fails, and schedulers on them, each as
// another process would have it.
class DynamoFixture {
 public:
  explicit DynamoFixture(DynamoProxy::Options proxy_options = {})
      : proxy(dynalite_endpoint(), proxy_options), tables(proxy.endpoint()) {
    proxy.accept_key("test", "test-secret");
  }

  // Waits between tries are short, so that faults cost a test little time.
  store::dynamo::ClientOptions quick_client() const {
    auto options = tables.client_options();
    options.backoff_base = std::chrono::milliseconds{5};
    options.throttle_base = std::chrono::milliseconds{20};
    return options;
  }

  std::unique_ptr<Hooks> hooks(Options options = {},
                               std::shared_ptr<Clock> clock = std::make_shared<SystemClock>(),
                               store::DynamoTuning tuning = {}) {
    options.store = "dynamodb:";  // what is stored there is leased for as long as it is there
    Hooks::Parts parts;
    parts.metrics = std::make_shared<Metrics>();
    parts.random = std::make_shared<Random>();
    parts.clock = std::move(clock);
    parts.store = tables.open(tuning, quick_client());
    parts.endpoints = std::make_shared<store::Endpoints>(*parts.store, std::chrono::seconds{5});
    parts.secrets =
        std::make_shared<secrets::Secrets>(*parts.store, std::nullopt, std::chrono::seconds{5});
    auto sender = delivery::CurlSender::create(
        {.connect_timeout = options.connect_timeout,
         .request_timeout = options.request_timeout,
         .max_in_flight = static_cast<std::size_t>(options.concurrency)},
        *parts.clock);
    if (!sender) throw std::runtime_error(sender.error().message);
    parts.sender = std::move(*sender);
    parts.options = std::move(options);
    return std::make_unique<Hooks>(std::move(parts));
  }

  // A Hooks as users open it, past the proxy: to look at what became of it all.
  std::unique_ptr<Hooks> observer() const {
    return std::make_unique<Hooks>(user_options(dynalite_endpoint()));
  }
  Options user_options(const std::string& endpoint) const {
    Options options;
    options.store = "dynamodb:";
    options.region = "us-east-1";
    options.endpoint = endpoint;
    options.access_key_id = "test";
    options.secret_access_key = "test-secret";
    options.tasks_table_name = tables.names().tasks;
    options.logs_table_name = tables.names().logs;
    return options;
  }

  DynamoProxy proxy;
  TestTables tables;
};

}  // namespace rhooks::testing

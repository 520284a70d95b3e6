#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/test_io.h"
#include "codec/public_json.h"
#include "rest/api.h"
#include "testing/temp_dir.h"

namespace rhooks::cli {

inline constexpr const char* kKey = "the-key-of-this-test";
inline constexpr const char* kMasterKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

// Commands on both sides: straight on a store, and through a server of the test's own.
class CommandsTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!GetParam()) return;
    Options options;
    options.store = "memory:";
    options.secret_keys = kMasterKey;
    hooks_ = Hooks::open(options).value();
    api_ =
        std::make_unique<rest::Api>(*hooks_, rest::ApiOptions{.api_key = kKey, .on_request = {}});
    rest::HttpServerOptions server;
    api_->connect(server);
    server_ = std::make_unique<rest::HttpServer>(server, api_->handler());
    ASSERT_TRUE(server_->start());
  }

  Environment environment() const {
    if (!GetParam()) {
      return {{"RHOOKS_STORE", "rocksdb:" + dir_.sub("store")}, {"RHOOKS_SECRET_KEYS", kMasterKey}};
    }
    return {{"RHOOKS_SERVER", "http://" + server_->endpoint()}, {"RHOOKS_API_KEY", kKey}};
  }
  TestRun run(std::vector<std::string> args, const std::string& input = {}) {
    return run_line(args, environment(), input);
  }
  // Output of a command that must succeed.
  std::string out(std::vector<std::string> args, const std::string& input = {}) {
    const TestRun result = run(std::move(args), input);
    EXPECT_EQ(result.exit_code, kExitDone) << result.err;
    return result.out;
  }
  Task task(const std::string& id) {
    return codec::parse_task(out({"get", "-n", "app", "--id", id, "--json"})).value();
  }

  testing::TempDir dir_;
  std::unique_ptr<Hooks> hooks_;
  std::unique_ptr<rest::Api> api_;
  std::unique_ptr<rest::HttpServer> server_;
};

inline std::string side_name(const ::testing::TestParamInfo<bool>& test) {
  return test.param ? "Remote" : "Local";
}

}  // namespace rhooks::cli

// API keys, with the real binary: the first one is made on the store, before a server runs on it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <regex>

#include "codec/public_json.h"
#include "testing/child_process.h"
#include "testing/patience.h"
#include "testing/temp_dir.h"
#include "tests/test_store.h"

namespace rhooks::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Args = std::vector<std::string>;

constexpr int kFailed = 1;

// A server on a store.
class KeyedServer {
 public:
  explicit KeyedServer(const TestStore& store)
      : process_({RHOOKS_BINARY, "serve", "--store", store.url, "--listen", "127.0.0.1:0",
                  "--log-level", "debug"},
                 store.environment) {
    const std::string ready = process_.read_line().value_or("");
    std::smatch match;
    if (std::regex_search(ready, match, std::regex(R"(http://[0-9.]+:(\d+))"))) {
      url_ = "http://127.0.0.1:" + match[1].str();
    }
    EXPECT_FALSE(url_.empty()) << ready << process_.errors();
  }
  ~KeyedServer() {
    process_.signal(SIGTERM);
    EXPECT_EQ(process_.wait(), 0);
  }

  // A command through it, with this key.
  Finished run(const std::string& key, Args args) const {
    args.insert(args.begin(), RHOOKS_BINARY);
    return run_program(std::move(args), {"RHOOKS_SERVER=" + url_, "RHOOKS_API_KEY=" + key});
  }
  std::string logged() { return process_.errors(); }

 private:
  ChildProcess process_;
  std::string url_;
};

class KeysE2eTest : public ::testing::TestWithParam<std::string> {
 protected:
  // The key that a command makes straight on the store.
  std::string first_key() const {
    const Finished made = run_program(
        {RHOOKS_BINARY, "key", "create", "--role", "admin", "-n", "*", "--store", store_.url},
        store_.environment);
    EXPECT_EQ(made.exit, 0) << made.errors;
    return made.output.substr(0, made.output.find('\n'));
  }
  static std::string id_of(const std::string& key) { return key.substr(4, 12); }
  static Args registration(const std::string& ns) {
    return {"register", "-n", ns, "--url", "http://127.0.0.1:9/x", "--at", "+1h"};
  }

  TempDir dir_{"rhooks-keys"};
  const TestStore store_ = make_test_store(GetParam(), dir_);
};

INSTANTIATE_TEST_SUITE_P(Stores, KeysE2eTest, ::testing::ValuesIn(store_kinds()),
                         [](const auto& store) { return store.param; });

TEST_P(KeysE2eTest, TheFirstOneMakesTheOthers) {
  const std::string admin = first_key();
  ASSERT_EQ(admin.size(), 60u) << admin;
  KeyedServer server(store_);
  const Finished without = server.run("", {"namespaces"});
  EXPECT_EQ(without.exit, kFailed);
  EXPECT_THAT(without.errors, HasSubstr("set RHOOKS_API_KEY"));

  const Finished made =
      server.run(admin, {"key", "create", "--role", "write", "-n", "shop", "--json"});
  ASSERT_EQ(made.exit, 0) << made.errors;
  const std::string shop = codec::parse_created_api_key(made.output).value().key;
  EXPECT_EQ(server.run(shop, registration("shop")).exit, 0);
  EXPECT_THAT(server.run(shop, registration("other")).errors,
              HasSubstr("there is no namespace 'other'"));
  EXPECT_EQ(server.run(admin, registration("other")).exit, 0);
  EXPECT_EQ(server.run(shop, {"namespaces"}).output, "NAMESPACE\nshop\n");
  EXPECT_THAT(server.run(shop, {"key", "list"}).errors, HasSubstr("needs the role admin"));
  EXPECT_THAT(server.run(shop, {"clear", "-n", "shop", "--yes"}).errors,
              HasSubstr("needs the role admin"));

  EXPECT_EQ(server.run(admin, {"key", "revoke", id_of(shop)}).exit, 0);
  EXPECT_THAT(server.run(shop, registration("shop")).errors, HasSubstr("opens nothing there"));
  EXPECT_THAT(server.logged(), Not(HasSubstr(shop.substr(17))));
  EXPECT_THAT(server.logged(), Not(HasSubstr(admin.substr(17))));
}

TEST_P(KeysE2eTest, NoServerThatOthersReachStartsWithoutKeys) {
  const Args serve{RHOOKS_BINARY, "serve", "--store", store_.url, "--listen", "0.0.0.0:0"};
  const Finished refused = run_program(serve, store_.environment);
  EXPECT_EQ(refused.exit, 2);
  EXPECT_THAT(refused.errors, HasSubstr("rhooks key create"));
}

// On a store that processes share.
class SharedKeysE2eTest : public KeysE2eTest {};

INSTANTIATE_TEST_SUITE_P(Stores, SharedKeysE2eTest, ::testing::Values("dynamodb"),
                         [](const auto& store) { return store.param; });

TEST_P(SharedKeysE2eTest, ARevocationIsKnownToAllServers) {
  const std::string admin = first_key();
  KeyedServer one(store_);
  KeyedServer other(store_);
  const Finished made = one.run(admin, {"key", "create", "--role", "read", "-n", "shop", "--json"});
  ASSERT_EQ(made.exit, 0) << made.errors;
  const std::string shop = codec::parse_created_api_key(made.output).value().key;
  EXPECT_TRUE(eventually([&] { return other.run(shop, {"namespaces"}).exit == 0; }));
  EXPECT_EQ(one.run(admin, {"key", "revoke", id_of(shop)}).exit, 0);
  EXPECT_EQ(one.run(shop, {"namespaces"}).exit, kFailed);
  EXPECT_TRUE(eventually([&] { return other.run(shop, {"namespaces"}).exit == kFailed; }));
}

}  // namespace
}  // namespace rhooks::testing

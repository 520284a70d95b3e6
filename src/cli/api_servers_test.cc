#include "cli/api_servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rhooks::cli {
namespace {

using ::testing::HasSubstr;

Result<ServerPlan> planned(const std::map<std::string, std::string>& flags,
                           const std::string& api_key = {}) {
  Environment environment;
  if (!api_key.empty()) environment["RHOOKS_API_KEY"] = api_key;
  const auto config = Config::load({}, environment, flags);
  if (!config) return fail(config.error());
  return plan_servers(*config);
}

TEST(ApiServersTest, OthersThanThisMachineNeedAKey) {
  const auto local = planned({{"listen", "127.0.0.1:0"}});
  ASSERT_TRUE(local) << local.error().message;
  EXPECT_FALSE(local->key_needed);
  EXPECT_TRUE(check_keys(*local, false));

  for (const char* setting : {"listen", "admin_listen"}) {
    const auto open = planned({{setting, "0.0.0.0:0"}});
    ASSERT_TRUE(open) << open.error().message;
    EXPECT_TRUE(open->key_needed) << setting;
    const auto refused = check_keys(*open, false);
    ASSERT_FALSE(refused) << setting;
    EXPECT_EQ(refused.error().field, setting);
    EXPECT_THAT(refused.error().message, HasSubstr("rhooks key create"));
    EXPECT_TRUE(check_keys(*open, true)) << "keys of the store do as well";

    const auto configured = planned({{setting, "0.0.0.0:0"}}, "a-key-of-16-characters");
    ASSERT_TRUE(configured) << configured.error().message;
    EXPECT_FALSE(configured->key_needed);
    EXPECT_TRUE(check_keys(*configured, false));
  }
}

TEST(ApiServersTest, OthersThanThisMachineSendKeysInTheClearWithoutTls) {
  const std::string here = "127.0.0.1:0";
  const std::string everywhere = "0.0.0.0:0";
  const auto in_the_clear = [](const std::string& listen, const std::string& admin, bool with_tls) {
    auto plan =
        planned({{"listen", listen}, {"admin_listen", admin}}, "a-key-of-16-characters").value();
    if (with_tls) plan.tls_files.emplace();
    return plan.takes_keys_in_the_clear();
  };
  EXPECT_FALSE(in_the_clear(here, here, false));
  EXPECT_TRUE(in_the_clear(everywhere, here, false));
  EXPECT_TRUE(in_the_clear(here, everywhere, false));
  EXPECT_FALSE(in_the_clear(everywhere, everywhere, true));
}

// It would open everything, whatever it is for.
TEST(ApiServersTest, AKeyOfAStoreIsNoKeyOfAServer) {
  const std::string key = "rhk_aaaaaaaaaaaa_" + std::string(43, 'A');
  const auto refused = planned({}, key);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "api_key");
  EXPECT_EQ(refused.error().message.find(key), std::string::npos);
}

}  // namespace
}  // namespace rhooks::cli

#include "aws/credential_chain.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "aws/test_aws.h"
#include "testing/manual_clock.h"
#include "testing/patience.h"
#include "testing/test_receiver.h"

namespace rhooks::aws {
namespace {

using testing::ManualClock;
using testing::TestReceiver;
using testing::TestRequest;
using testing::TestResponse;

class CredentialChainTest : public ::testing::Test {
 protected:
  Result<Credentials> look(const CredentialOptions& options = {}) {
    auto source = make_credentials(options, aws.environment(), addresses);
    if (!source) return fail(source.error());
    return (*source)->get(clock.now());
  }
  // The access key id, or what is wrong.
  std::string found(const CredentialOptions& options = {}) {
    const auto credentials = look(options);
    return credentials ? credentials->access_key_id : credentials.error().message;
  }
  void set(std::string name, std::string value) {
    aws.variables[std::move(name)] = std::move(value);
  }
  void set_keys(std::string id) {
    set("AWS_ACCESS_KEY_ID", std::move(id));
    set("AWS_SECRET_ACCESS_KEY", "secret");
  }

  ManualClock clock;  // 2030-01-01
  TestAws aws;
  MetadataAddresses addresses;
};

void expect_holds(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST_F(CredentialChainTest, TakesTheOptionsFirst) {
  set_keys("AKENV");
  const auto keys =
      look({.access_key_id = "AKOPT", .secret_access_key = "s", .session_token = "t"});
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(keys->access_key_id, "AKOPT");
  EXPECT_EQ(keys->secret_access_key, "s");
  EXPECT_EQ(keys->session_token, "t");
  EXPECT_EQ(keys->expires_at, std::nullopt);
}

TEST_F(CredentialChainTest, RefusesHalfOfTheOptions) {
  struct Case {
    CredentialOptions options;
    const char* field;
  };
  for (const Case& c :
       {Case{{.access_key_id = "AK"}, "secret_access_key"},
        Case{{.secret_access_key = "SECRET"}, "access_key_id"},
        Case{{.session_token = "SECRET"}, "access_key_id"},
        Case{{.access_key_id = "AK\n", .secret_access_key = "SECRET"}, "access_key_id"}}) {
    const auto source = make_credentials(c.options, aws.environment());
    ASSERT_FALSE(source);
    EXPECT_EQ(source.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(source.error().field, c.field);
    EXPECT_EQ(source.error().message.find("SECRET"), std::string::npos);
  }
}

TEST_F(CredentialChainTest, TakesTheEnvironmentBeforeTheFiles) {
  aws.credentials("[default]\naws_access_key_id = AKFILE\naws_secret_access_key = s\n");
  EXPECT_EQ(found(), "AKFILE");
  set_keys("AKENV");
  set("AWS_SESSION_TOKEN", "token");
  EXPECT_EQ(look()->session_token, "token");
  EXPECT_EQ(found(), "AKENV");
  EXPECT_EQ(found({.profile = "default"}), "AKFILE") << "a profile by option goes before it";
}

TEST_F(CredentialChainTest, RefusesHalfOfTheEnvironment) {
  aws.credentials("[default]\naws_access_key_id = AKFILE\naws_secret_access_key = s\n");
  set("AWS_ACCESS_KEY_ID", "AKENV");
  expect_holds(found(), {"AWS_SECRET_ACCESS_KEY", "set both or neither"});
  aws.variables.erase("AWS_ACCESS_KEY_ID");
  set("AWS_SECRET_ACCESS_KEY", "SECRET");
  expect_holds(found(), {"without AWS_ACCESS_KEY_ID"});
  set("AWS_ACCESS_KEY_ID", "A B");
  expect_holds(found(), {"the environment", "blanks"});
  EXPECT_EQ(found().find("SECRET"), std::string::npos);
}

TEST_F(CredentialChainTest, TakesTheProfile) {
  aws.credentials(
      "[default]\naws_access_key_id = AKFILE\naws_secret_access_key = s\n"
      "[temp]\naws_access_key_id = AKTEMP\naws_secret_access_key = s\naws_session_token = t\n"
      "[half]\naws_access_key_id = AKHALF\n");
  aws.config("[profile other]\naws_access_key_id = AKCONF\naws_secret_access_key = s\n");
  set("AWS_PROFILE", "temp");
  EXPECT_EQ(look()->session_token, "t");
  EXPECT_EQ(found({.profile = "other"}), "AKCONF");
  expect_holds(found({.profile = "half"}), {"profile \"half\"", "has no secret access key"});
  expect_holds(found({.profile = "none"}), {"no profile \"none\"", ".aws/credentials"});
  EXPECT_EQ(look({.profile = "none"}).error().code, ErrorCode::kUnavailable);
  aws.credentials("[default]\nSECRET\n");
  expect_holds(found(), {".aws/credentials: line 2"});
  EXPECT_EQ(found().find("SECRET"), std::string::npos);
}

TEST_F(CredentialChainTest, SaysHonestlyWhatIsNotSupported) {
  aws.config(
      "[profile assume]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = default\n"
      "[profile sso]\nsso_session = corp\nsso_account_id = 1\n");
  expect_holds(found({.profile = "assume"}),
               {"role_arn", "not supported",
                "credential_process = aws configure export-credentials --format process --profile "
                "assume"});
  expect_holds(found({.profile = "sso"}), {"single sign-on", "not supported", "--profile sso"});
  // Other tools leave keys for a profile that they have signed on.
  aws.credentials("[sso]\naws_access_key_id = AKSSO\naws_secret_access_key = s\n");
  EXPECT_EQ(found({.profile = "sso"}), "AKSSO");
}

TEST_F(CredentialChainTest, RunsTheCredentialProcess) {
  const std::string answer =
      aws.write("answer", R"({"Version":1,"AccessKeyId":"AKPROC","SecretAccessKey":"s",)"
                          R"("SessionToken":"t","Expiration":"2030-01-01T01:00:00+00:00"})");
  aws.config("[profile proc]\ncredential_process = cat '" + answer +
             "'\n[profile bad]\ncredential_process = echo SECRET\n"
             "[profile fail]\ncredential_process = echo SECRET; exit 7\n");
  const auto keys = look({.profile = "proc"});
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(keys->access_key_id, "AKPROC");
  EXPECT_EQ(keys->session_token, "t");
  EXPECT_EQ(keys->expires_at, clock.now() + std::chrono::hours{1});
  for (const char* profile : {"bad", "fail"}) {
    const std::string message = found({.profile = profile});
    expect_holds(message, {"credential_process of profile", profile});
    EXPECT_EQ(message.find("SECRET"), std::string::npos) << message;
  }
}

TEST_F(CredentialChainTest, FetchesExpiringOnesAnew) {
  const auto answer = [&](const char* id, const char* expires) {
    return aws.write("answer", R"({"Version":1,"AccessKeyId":")" + std::string(id) +
                                   R"(","SecretAccessKey":"s","Expiration":")" + expires + "\"}");
  };
  aws.config("[default]\ncredential_process = cat '" + answer("AK1", "2030-01-01T01:00:00Z") +
             "'\n");
  const auto source = make_credentials({}, aws.environment()).value();
  EXPECT_EQ(source->get(clock.now())->access_key_id, "AK1");
  (void)answer("AK2", "2030-01-01T02:00:00Z");
  clock.advance(std::chrono::minutes{50});
  EXPECT_EQ(source->get(clock.now())->access_key_id, "AK1");
  clock.advance(std::chrono::minutes{6});
  // By a thread of its own.
  EXPECT_TRUE(
      testing::eventually([&] { return source->get(clock.now())->access_key_id == "AK2"; }));
  // The next answer has expired when it comes.
  clock.advance(std::chrono::hours{2});
  const auto expired = source->get(clock.now());
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().code, ErrorCode::kUnavailable);
  expect_holds(expired.error().message, {"shared files", "expired at 2030-01-01T02:00:00.000Z"});
}

TEST_F(CredentialChainTest, KeysOfAFileAreReadAnewWhenRefused) {
  aws.credentials("[default]\naws_access_key_id = AKOLD\naws_secret_access_key = s\n");
  const auto source = make_credentials({}, aws.environment()).value();
  const Credentials old = source->get(clock.now()).value();
  aws.credentials("[default]\naws_access_key_id = AKNEW\naws_secret_access_key = s\n");
  EXPECT_EQ(source->get(clock.now())->access_key_id, "AKOLD");
  source->refused(old);
  EXPECT_EQ(source->get(clock.now())->access_key_id, "AKNEW");
}

TEST_F(CredentialChainTest, ThoseOfTheOptionsStayWhenRefused) {
  const auto source =
      make_credentials({.access_key_id = "AK", .secret_access_key = "s"}, aws.environment())
          .value();
  source->refused(source->get(clock.now()).value());
  EXPECT_EQ(source->get(clock.now())->access_key_id, "AK");
}

TEST_F(CredentialChainTest, NamesEveryPlaceThatItLookedAt) {
  const auto none = look();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kUnavailable);
  expect_holds(none.error().message,
               {"environment: AWS_ACCESS_KEY_ID is not set", "AWS_WEB_IDENTITY_TOKEN_FILE",
                "no profile \"default\" in ", ".aws/credentials (no such file)", ".aws/config",
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_EC2_METADATA_DISABLED is true",
                "`aws configure`", "AWS_SECRET_ACCESS_KEY", "a role"});
}

}  // namespace
}  // namespace rhooks::aws

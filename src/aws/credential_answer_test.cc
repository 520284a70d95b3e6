#include "aws/credential_answer.h"

#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"
#include "base/iso8601.h"

namespace rhooks::aws {
namespace {

TEST(CredentialAnswerTest, OfAMetadataService) {
  const auto found = read_instance_credentials(
      R"({"Code":"Success","LastUpdated":"2030-01-01T00:00:00Z","Type":"AWS-HMAC",)"
      R"("AccessKeyId":"ASIA1","SecretAccessKey":"s/+=","Token":"t","Expiration":"2030-01-01T06:00:00Z"})");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->access_key_id, "ASIA1");
  EXPECT_EQ(found->secret_access_key, "s/+=");
  EXPECT_EQ(found->session_token, "t");
  EXPECT_EQ(found->expires_at, parse_time("2030-01-01T06:00:00Z").value());

  const auto refused = read_instance_credentials(
      R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume the role"})");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("trust policy"), std::string::npos);
}

TEST(CredentialAnswerTest, OfAProcess) {
  const auto found = read_process_credentials(
      R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":null})");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->session_token, "");
  EXPECT_EQ(found->expires_at, std::nullopt);
  for (const char* version : {R"("Version":2,)", R"("Version":"1",)", ""}) {
    const auto refused = read_process_credentials("{" + std::string(version) +
                                                  R"("AccessKeyId":"A","SecretAccessKey":"s"})");
    ASSERT_FALSE(refused) << version;
    EXPECT_EQ(refused.error().message, "has no \"Version\": 1");
  }
}

TEST(CredentialAnswerTest, OfSts) {
  const auto found = read_sts_credentials(
      R"({"AssumeRoleWithWebIdentityResponse":{"AssumeRoleWithWebIdentityResult":{"Credentials":)"
      R"({"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"t","Expiration":1.8934560005E9},)"
      R"("Provider":"p"},"ResponseMetadata":{"RequestId":"r"}}})");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->session_token, "t");
  EXPECT_EQ(found->expires_at, from_millis(1'893'456'000'500));
  EXPECT_FALSE(read_sts_credentials(R"({"AccessKeyId":"A","SecretAccessKey":"s"})"));
  EXPECT_EQ(read_sts_error_code(R"({"Error":{"Code":"ExpiredTokenException","Message":"m"}})"),
            "ExpiredTokenException");
  for (const char* none : {"<xml/>", "{}", R"({"Error":{"Code":"two\nlines"}})", R"({"Error":"x"})",
                           R"({"Error":{"Code":1}})"}) {
    EXPECT_EQ(read_sts_error_code(none), "") << none;
  }
}

TEST(CredentialAnswerTest, RefusesWhatCanNotBeUsed) {
  for (const std::string wrong :
       {"", "null", "[]", "SECRET", R"({"AccessKeyId":"SECRET")", "{}",
        R"({"AccessKeyId":"SECRET"})", R"({"SecretAccessKey":"SECRET"})",
        R"({"AccessKeyId":"","SecretAccessKey":"SECRET"})",
        R"({"AccessKeyId":1,"SecretAccessKey":"SECRET"})",
        R"({"AccessKeyId":"a","SecretAccessKey":"SECRET\r\nX: y"})",
        R"({"AccessKeyId":"a b","SecretAccessKey":"SECRET"})",
        R"({"AccessKeyId":"a","SecretAccessKey":"SECRET","Token":{}})",
        R"({"AccessKeyId":"a","SecretAccessKey":"SECRET","Token":"\u00e4"})",
        R"({"AccessKeyId":"a","SecretAccessKey":"SECRET","Expiration":"SECRET"})",
        R"({"AccessKeyId":"a","SecretAccessKey":"SECRET","Expiration":true})",
        R"({"AccessKeyId":"a","SecretAccessKey":"SECRET","Expiration":-1})",
        R"({"AccessKeyId":"a","SecretAccessKey":"SECRET","Expiration":1e300})"}) {
    const auto read = read_credentials(wrong, "Token");
    ASSERT_FALSE(read) << wrong;
    EXPECT_EQ(read.error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(read.error().message.find("SECRET"), std::string::npos) << read.error().message;
  }
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "{\"a\":";
  EXPECT_FALSE(read_credentials(deep, "Token"));
}

}  // namespace
}  // namespace rhooks::aws

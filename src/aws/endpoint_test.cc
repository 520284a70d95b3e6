#include "aws/endpoint.h"

#include <gtest/gtest.h>

#include "aws/test_aws.h"
#include "testing/captured_log.h"

namespace rhooks::aws {
namespace {

TEST(RegionTest, FirstSettingHolds) {
  TestAws aws;
  aws.config("[default]\nregion = from-profile\n[profile dev]\nregion = from-dev\n");
  const auto region = [&](EndpointOptions options) {
    return resolve_region(options, aws.environment()).value();
  };
  EXPECT_EQ(region({}), "from-profile");
  EXPECT_EQ(region({.profile = "dev"}), "from-dev");
  aws.variables["AWS_DEFAULT_REGION"] = "from-default";
  EXPECT_EQ(region({}), "from-default");
  aws.variables["AWS_REGION"] = "from-variable";
  EXPECT_EQ(region({}), "from-variable");
  EXPECT_EQ(region({.region = "eu-west-1"}), "eu-west-1");
  aws.variables["AWS_REGION"] = "";
  EXPECT_EQ(region({}), "from-default") << "an empty variable is not set";
}

TEST(RegionTest, NoneIsAnErrorThatSaysWhatToSet) {
  TestAws aws;
  const auto region = resolve_region({}, aws.environment());
  ASSERT_FALSE(region);
  EXPECT_EQ(region.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(region.error().field, "region");
  for (const char* part : {"AWS_REGION", "AWS_DEFAULT_REGION", ".aws/config", "region=eu-west-1"}) {
    EXPECT_NE(region.error().message.find(part), std::string::npos) << part;
  }
}

TEST(RegionTest, BecomesPartOfAHostName) {
  TestAws aws;
  for (const char* name : {"evil.com/", "eu west", "EU-WEST-1", "-a", "a-", "a@b", "a\n"}) {
    const auto region = resolve_region({.region = name}, aws.environment());
    ASSERT_FALSE(region) << name;
    EXPECT_EQ(region.error().field, "region");
  }
}

TEST(EndpointTest, IsTheRegionsOwn) {
  TestAws aws;
  const auto url = [&](const char* region) {
    return resolve_endpoint("DynamoDB", {.region = region}, aws.environment()).value().url;
  };
  EXPECT_EQ(url("eu-west-1"), "https://dynamodb.eu-west-1.amazonaws.com");
  EXPECT_EQ(url("us-gov-west-1"), "https://dynamodb.us-gov-west-1.amazonaws.com");
  EXPECT_EQ(url("cn-north-1"), "https://dynamodb.cn-north-1.amazonaws.com.cn");
}

TEST(EndpointTest, FirstSettingHolds) {
  TestAws aws;
  const auto url = [&](const char* option = "", const char* profile = "") {
    const auto found = resolve_endpoint(
        "DynamoDB", {.region = "eu-west-1", .endpoint = option, .profile = profile},
        aws.environment());
    return found ? found->url : found.error().message;
  };
  aws.config(
      "[default]\nendpoint_url = https://profile.example\n"
      "[profile dev]\nendpoint_url = https://profile.example\nservices = s\n"
      "[profile off]\nendpoint_url = https://profile.example\n"
      "ignore_configured_endpoint_urls = true\n"
      "[services s]\ndynamodb =\n  endpoint_url = https://service.example\n");
  EXPECT_EQ(url(), "https://profile.example");
  EXPECT_EQ(url("", "dev"), "https://service.example");
  EXPECT_EQ(url("", "off"), "https://dynamodb.eu-west-1.amazonaws.com");
  aws.variables["AWS_ENDPOINT_URL"] = "https://all.example";
  EXPECT_EQ(url("", "dev"), "https://all.example");
  aws.variables["AWS_ENDPOINT_URL_DYNAMODB"] = "http://localhost:8000/";
  EXPECT_EQ(url(), "http://localhost:8000");
  EXPECT_EQ(url("https://Option.example:444"), "https://option.example:444");
  aws.variables["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "True";
  EXPECT_EQ(url(), "https://dynamodb.eu-west-1.amazonaws.com");
  EXPECT_EQ(url("https://option.example"), "https://option.example");
}

TEST(EndpointTest, IsCheckedWhereverItComesFrom) {
  TestAws aws;
  for (const char* wrong : {"localhost:8000", "https://a/b", "https://a?b", "https://u:p@a", "x"}) {
    SCOPED_TRACE(wrong);
    const auto by_option =
        resolve_endpoint("DynamoDB", {.region = "eu-west-1", .endpoint = wrong}, aws.environment());
    ASSERT_FALSE(by_option);
    EXPECT_EQ(by_option.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(by_option.error().field, "endpoint");
    EXPECT_TRUE(by_option.error().message.starts_with("the option endpoint is "));

    aws.variables["AWS_ENDPOINT_URL"] = wrong;
    const auto by_variable =
        resolve_endpoint("DynamoDB", {.region = "eu-west-1"}, aws.environment());
    ASSERT_FALSE(by_variable);
    EXPECT_TRUE(by_variable.error().message.starts_with("AWS_ENDPOINT_URL is "));
  }
}

TEST(EndpointTest, PlainHttpToOthersTakesTheOption) {
  TestAws aws;
  aws.variables["AWS_ENDPOINT_URL"] = "http://db.example:8000";
  const auto refused = resolve_endpoint("DynamoDB", {.region = "eu-west-1"}, aws.environment());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "endpoint");
  EXPECT_NE(refused.error().message.find("plain http"), std::string::npos);

  testing::CapturedLog log;
  const auto insisted = resolve_endpoint(
      "DynamoDB", {.region = "eu-west-1", .endpoint = "http://db.example:8000"}, aws.environment());
  const std::string logged = log.text();
  ASSERT_TRUE(insisted);
  EXPECT_EQ(insisted->url, "http://db.example:8000");
  EXPECT_NE(logged.find("plain http"), std::string::npos) << logged;
}

TEST(EndpointTest, OneForFipsIsNotReplacedByAnother) {
  TestAws aws;
  aws.variables["AWS_USE_FIPS_ENDPOINT"] = "true";
  const auto refused = resolve_endpoint("DynamoDB", {.region = "us-east-1"}, aws.environment());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "endpoint");
  EXPECT_NE(refused.error().message.find("https://dynamodb-fips.us-east-1.amazonaws.com"),
            std::string::npos);
  EXPECT_TRUE(resolve_endpoint("DynamoDB",
                               {.region = "us-east-1", .endpoint = "https://dynamodb-fips.example"},
                               aws.environment()));
}

TEST(EndpointTest, OneByOptionNeedsNoFiles) {
  TestAws aws;
  aws.config("[broken\n");
  EXPECT_TRUE(resolve_endpoint(
      "DynamoDB", {.region = "us-east-1", .endpoint = "http://127.0.0.1:1"}, aws.environment()));
  const auto found = resolve_endpoint("DynamoDB", {.region = "us-east-1"}, aws.environment());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().field, "profile");
}

TEST(ProcessEnvironmentTest, IsThatOfTheProcess) {
  EXPECT_TRUE(process_environment()("PATH").has_value());
  EXPECT_FALSE(process_environment()("RHOOKS_NO_SUCH_VARIABLE").has_value());
  EXPECT_EQ(variable(process_environment(), "RHOOKS_NO_SUCH_VARIABLE"), "");
}

}  // namespace
}  // namespace rhooks::aws

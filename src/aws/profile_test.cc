#include "aws/profile.h"

#include <gtest/gtest.h>

#include "aws/test_aws.h"

namespace rhooks::aws {
namespace {

TEST(SharedFileTest, ReadsWhatAwsToolsWrite) {
  const auto sections = parse_shared_file(
      "\xef\xbb\xbf# a comment\r\n"
      "[default]\r\n"
      "aws_access_key_id = AKID\r\n"
      "Region=eu-west-1 # near\r\n"
      "empty =\r\n"
      "; another\n"
      "\n"
      "[ profile   'my dev' ] \n"
      "  region = one\n"
      "  output = json ; and so on\n"
      "  credential_process = sh -c 'a ; b # c'\n"
      "s3 =\n"
      "  max_queue = 10\n"
      "    Region = nested\n"
      "region = two\n"
      "long = first\n"
      "  second\n"
      "[default]\n"
      "token = a=b;c#d\n");
  ASSERT_TRUE(sections) << sections.error().message;
  EXPECT_EQ(*sections, (Sections{{"default",
                                  {{"aws_access_key_id", "AKID"},
                                   {"region", "eu-west-1"},
                                   {"empty", ""},
                                   {"token", "a=b;c#d"}}},
                                 {"profile my dev",
                                  {{"region", "two"},
                                   {"output", "json"},
                                   {"credential_process", "sh -c 'a ; b # c'"},
                                   {"s3", ""},
                                   {"s3.max_queue", "10"},
                                   {"s3.region", "nested"},
                                   {"long", "first\nsecond"}}}}));
  EXPECT_EQ(parse_shared_file(""), Sections{});
}

TEST(SharedFileTest, RefusesWhatIsNone) {
  struct Case {
    const char *text, *message;
  };
  for (const Case& c :
       {Case{"aws_access_key_id = SECRET\n", "line 1 stands before"},
        Case{"[default\n", "line 1 has no ]"}, Case{"[]\n", "line 1 names no section"},
        Case{"[a]\nb = c\nSECRET\n", "line 3 is neither"}, Case{"[a]\n= SECRET", "line 2 is"},
        Case{"[a]\ns3 =\n  SECRET\n", "line 3 is neither a nested"}}) {
    const auto sections = parse_shared_file(c.text);
    ASSERT_FALSE(sections) << c.text;
    EXPECT_EQ(sections.error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(sections.error().message.starts_with(c.message)) << sections.error().message;
    EXPECT_EQ(sections.error().message.find("SECRET"), std::string::npos);
  }
}

TEST(ProfileTest, IsThatOfBothFiles) {
  TestAws aws;
  aws.credentials("[default]\nfrom = credentials\n[dev]\nfrom = dev\n[profile dev]\nfrom = odd\n");
  aws.config(
      "[default]\nfrom = config\nregion = one\n[profile default]\nregion = two\n"
      "[profile dev]\nregion = three\nservices = local\n[dev]\nregion = odd\n"
      "[services local]\ndynamodb =\n  endpoint_url = http://localhost:1\n");
  const auto usual = load_profile(aws.environment(), "");
  ASSERT_TRUE(usual) << usual.error().message;
  EXPECT_TRUE(usual->found);
  EXPECT_EQ(usual->name, "default");
  EXPECT_EQ(usual->get("from"), "credentials");
  EXPECT_EQ(usual->get("region"), "two");
  EXPECT_EQ(usual->get("missing"), "");

  aws.variables["AWS_PROFILE"] = "dev";
  const auto dev = load_profile(aws.environment(), "");
  ASSERT_TRUE(dev) << dev.error().message;
  EXPECT_EQ(dev->get("from"), "dev");
  EXPECT_EQ(dev->get("region"), "three");
  EXPECT_EQ(dev->services.at("dynamodb.endpoint_url"), "http://localhost:1");
  EXPECT_EQ(load_profile(aws.environment(), "default")->get("region"), "two");
}

TEST(ProfileTest, FilesMayBeElsewhere) {
  TestAws aws;
  aws.variables["AWS_SHARED_CREDENTIALS_FILE"] = aws.write("keys", "[default]\na = 1\n");
  aws.write("conf", "[default]\nb = 2\n");
  aws.variables["AWS_CONFIG_FILE"] = "~/conf";
  const auto profile = load_profile(aws.environment(), "");
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_EQ(profile->properties, (Properties{{"a", "1"}, {"b", "2"}}));
}

TEST(ProfileTest, MissingFilesAreEmpty) {
  TestAws aws;
  const auto none = load_profile(aws.environment(), "");
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_FALSE(none->found);
  EXPECT_NE(none->files.find(".aws/credentials (no such file)"), std::string::npos) << none->files;
  aws.variables.erase("HOME");
  const auto homeless = load_profile(aws.environment(), "");
  ASSERT_TRUE(homeless);
  EXPECT_EQ(homeless->files,
            "~/.aws/credentials (HOME is not set), ~/.aws/config (HOME is not set)");
}

TEST(ProfileTest, OneThatIsAskedForHasToBeThere) {
  TestAws aws;
  aws.config("[profile dev]\nregion = x\n");
  for (const bool by_variable : {true, false}) {
    if (by_variable) aws.variables["AWS_PROFILE"] = "prod";
    const auto profile = load_profile(aws.environment(), by_variable ? "" : "prod");
    aws.variables.erase("AWS_PROFILE");
    ASSERT_FALSE(profile);
    EXPECT_EQ(profile.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(profile.error().field, "profile");
    EXPECT_NE(profile.error().message.find("no profile \"prod\" in"), std::string::npos);
  }
}

TEST(ProfileTest, FilesThatCanNotBeReadAreNamed) {
  TestAws aws;
  aws.credentials("[default\n");
  const auto malformed = load_profile(aws.environment(), "");
  ASSERT_FALSE(malformed);
  EXPECT_NE(malformed.error().message.find("/.aws/credentials: line 1 has no ]"), std::string::npos)
      << malformed.error().message;

  aws.credentials(std::string(1024 * 1024 + 1, '#'));
  EXPECT_NE(load_profile(aws.environment(), "").error().message.find("longer than 1 MiB"),
            std::string::npos);

  aws.variables["AWS_SHARED_CREDENTIALS_FILE"] = aws.home.path().string();  // a directory
  const auto directory = load_profile(aws.environment(), "");
  ASSERT_FALSE(directory);
  EXPECT_NE(directory.error().message.find("cannot be read"), std::string::npos)
      << directory.error().message;
}

}  // namespace
}  // namespace rhooks::aws

// `rhooks secret` on both sides: straight on a store, and through a server of the test's own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "cli/commands_fixture.h"
#include "signing/test_keys.h"

namespace rhooks::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class SecretCommandsTest : public CommandsTest {
 protected:
  // `rhooks secret` with this action and name, and what follows.
  TestRun secret(std::vector<std::string> args, const std::string& input = {}) {
    args.insert(args.begin(), "secret");
    args.insert(args.end(), {"-n", "shop"});
    return run(std::move(args), input);
  }
  // Its output, where it must succeed.
  std::string done(std::vector<std::string> args, const std::string& input = {}) {
    const TestRun result = secret(std::move(args), input);
    EXPECT_EQ(result.exit_code, kExitDone) << result.err;
    return result.out;
  }
  // What it says of a line that it refuses.
  std::string refused(std::vector<std::string> args, const std::string& input = {}) {
    const TestRun result = secret(std::move(args), input);
    EXPECT_EQ(result.exit_code, kExitUsage) << result.out;
    return result.err;
  }
  Secret got(const std::string& name) {
    return codec::parse_secret(done({"get", name, "--json"})).value_or(Secret{});
  }
};

INSTANTIATE_TEST_SUITE_P(Sides, SecretCommandsTest, ::testing::Bool(), side_name);

TEST_P(SecretCommandsTest, PutTakesTheValueFromAFileOrStandardInput) {
  EXPECT_EQ(done({"put", "acme", "--type", "hmac", "--description", "of acme"},
                 std::string(signing::kSpecHmac) + "\r\n"),
            "made acme\n");
  EXPECT_EQ(got("acme").description, "of acme");
  const std::string file = dir_.sub("value");
  std::ofstream(file) << signing::kSpecPrivate << '\n';
  EXPECT_EQ(done({"put", "pair", "--type", "ed25519", "--value-file", file}),
            std::string("made pair\nfor receivers: ") + signing::kSpecPublic + "\n");
  EXPECT_EQ(done({"put", "pair", "--type", "ed25519", "--value-file", "-"}, signing::kSpecPrivate)
                .substr(0, 13),
            "replaced pair");
  EXPECT_THAT(done({"get", "pair"}), HasSubstr(signing::kSpecPublic));
  EXPECT_THAT(done({"list"}), HasSubstr("ed25519"));
  EXPECT_EQ(done({"delete", "pair"}),
            std::string("deleted pair\nfor receivers: ") + signing::kSpecPublic + "\n");
  EXPECT_EQ(secret({"get", "pair"}).exit_code, kExitFailed);
}

TEST_P(SecretCommandsTest, RotateSaysUntilWhenTheValueBeforeSigns) {
  done({"put", "acme", "--type", "hmac"}, signing::kSpecHmac);
  const std::string next = done({"generate"});
  EXPECT_EQ(done({"rotate", "acme", "--overlap", "2d"}, next), "rotated acme\n");
  const Secret rotated = got("acme");
  EXPECT_EQ(rotated.previous_until, rotated.rotated_at + std::chrono::days{2});
  EXPECT_THAT(done({"get", "acme"}), HasSubstr("before until"));
  EXPECT_EQ(secret({"rotate", "acme"}, next).exit_code, kExitFailed);
  EXPECT_EQ(done({"rotate", "acme", "--overlap", "0"}, next), "rotated acme\n");
}

TEST_P(SecretCommandsTest, NothingShowsAValue) {
  std::vector<TestRun> runs;
  runs.push_back(secret({"put", "token", "--type", "token"}, "hush-1"));
  runs.push_back(secret({"put", "token", "--type", "token", "--json"}, "hush-2"));
  runs.push_back(secret({"rotate", "token", "--json"}, "hush-3"));
  runs.push_back(secret({"put", "basic", "--type", "basic"}, "hush"));
  runs.push_back(secret({"put", "hmac", "--type", "hmac"}, "hush"));
  runs.push_back(secret({"get", "token"}));
  runs.push_back(secret({"list", "--all", "--json"}));
  runs.push_back(secret({"delete", "token", "--json"}));
  for (const TestRun& one : runs) EXPECT_THAT(one.out + one.err, Not(HasSubstr("hush")));
  EXPECT_EQ(runs[3].exit_code, kExitFailed);
  EXPECT_THAT(runs[3].err, HasSubstr("USER:PASSWORD"));
}

TEST_P(SecretCommandsTest, WhatCannotBeMeantIsRefused) {
  EXPECT_THAT(refused({"put", "acme"}), HasSubstr("--type is missing"));
  EXPECT_THAT(refused({"put", "--type", "hmac"}), HasSubstr("the name is missing"));
  EXPECT_THAT(refused({"put", "acme", "--type", "oauth2"}), HasSubstr("--type"));
  EXPECT_THAT(refused({"get", "acme", "--type", "hmac"}), HasSubstr("generate and put"));
  EXPECT_THAT(refused({"rotate", "acme", "--overlap", "long"}), HasSubstr("--overlap"));
  EXPECT_THAT(refused({"list", "acme"}), HasSubstr("takes no name"));
  EXPECT_THAT(refused({"generate", "acme"}), HasSubstr("takes no name"));
  EXPECT_THAT(refused({"show", "acme"}), HasSubstr("there is no `rhooks secret show`"));
  EXPECT_THAT(refused({"put", "acme", "--type", "token", "--value-file", dir_.sub("none")}),
              HasSubstr("cannot be read"));
  EXPECT_THAT(refused({"put", "acme", "--type", "token"}, std::string(5000, 'x')),
              HasSubstr("longer than"));
}

TEST_P(SecretCommandsTest, GenerateNeedsNoNamespace) {
  EXPECT_THAT(out({"secret", "generate"}), StartsWith("whsec_"));
  const TestRun get = run({"secret", "get", "acme"});
  EXPECT_EQ(get.exit_code, kExitUsage);
  EXPECT_THAT(get.err, HasSubstr("--namespace is missing"));
}

}  // namespace
}  // namespace rhooks::cli

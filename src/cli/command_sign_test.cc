// sign, verify and secret.

#include <gtest/gtest.h>

#include <fstream>

#include "cli/test_io.h"
#include "signing/test_keys.h"
#include "testing/temp_dir.h"

namespace rhooks::cli {
namespace {

using namespace std::chrono_literals;
using signing::kSpecBody;
using signing::kSpecEd25519Signature;
using signing::kSpecHmac;
using signing::kSpecHmacSignature;
using signing::kSpecId;
using signing::kSpecPrivate;
using signing::kSpecPublic;
using signing::kSpecTimestamp;

using Args = std::vector<std::string>;

class SignCommandTest : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(dir_.sub(name), std::ios::binary) << text;
    return dir_.sub(name);
  }
  // At the time of the webhook of the specification, two minutes later.
  TestRun run(const Args& args, const std::string& input = {}, Environment environment = {}) const {
    TestIo test(input);
    test.io.environment = std::move(environment);
    test.io.now = [] { return TimePoint{1'614'265'450s}; };
    return test.run(args);
  }
  TestRun verify(const std::string& signature, const std::string& body = kSpecBody,
                 const Args& more = {}) const {
    Args args{"verify",       "--secret-file", file("secret", std::string(kSpecHmac) + "\n"),
              "--id",         kSpecId,         "--timestamp",
              kSpecTimestamp, "--signature",   signature};
    args.insert(args.end(), more.begin(), more.end());
    return run(args, body);
  }
  void expect_usage(const Args& args, const std::string& part,
                    const Environment& environment = {}) const {
    const TestRun done = run(args, "{}", environment);
    EXPECT_EQ(done.exit_code, kExitUsage) << done.out;
    EXPECT_NE(done.err.find(part), std::string::npos) << done.err;
    EXPECT_EQ(done.err.find("hush"), std::string::npos) << done.err;
  }

  testing::TempDir dir_;
};

std::string shown_headers(const std::string& signature) {
  return std::string("webhook-id: ") + kSpecId + "\nwebhook-timestamp: " + kSpecTimestamp +
         "\nwebhook-signature: " + signature + "\n";
}

TEST_F(SignCommandTest, PrintsTheHeadersOfTheSpecification) {
  Args args{"sign", "--id", kSpecId, "--timestamp", kSpecTimestamp};
  const Environment secret{{"RHOOKS_SIGNING_SECRET", kSpecPrivate}};
  EXPECT_EQ(run(args, kSpecBody, secret).out, shown_headers(kSpecEd25519Signature));
  // A file that is named counts, with all its secrets, and their signatures in the same order.
  const std::string both = std::string(kSpecHmac) + "\r\n\n" + kSpecPrivate + "\n";
  args.insert(args.end(), {"--secret-file", file("both", both)});
  args.insert(args.end(), {"--body-file", file("body", kSpecBody)});
  const TestRun done = run(args, "another body", secret);
  EXPECT_EQ(done.exit_code, kExitDone) << done.err;
  const std::string signatures = std::string(kSpecHmacSignature) + " " + kSpecEd25519Signature;
  EXPECT_EQ(done.out, shown_headers(signatures));
  args.push_back("--json");
  EXPECT_EQ(run(args).out, std::string("{\"webhook-id\":\"") + kSpecId +
                               "\",\"webhook-timestamp\":\"" + kSpecTimestamp +
                               "\",\"webhook-signature\":\"" + signatures + "\"}\n");
}

TEST_F(SignCommandTest, MakesUpAnIdAndTakesTheTimeOfNow) {
  const Args args{"sign", "--secret-file", file("secret", kSpecHmac)};
  const std::string out = run(args, "{}").out;
  EXPECT_TRUE(out.starts_with("webhook-id: msg_")) << out;
  EXPECT_EQ(out.find('\n'), std::string("webhook-id: msg_").size() + 32) << out;
  EXPECT_NE(out.find("\nwebhook-timestamp: 1614265450\n"), std::string::npos) << out;
  EXPECT_NE(run(args, "{}").out, out);
}

TEST_F(SignCommandTest, TellsGoodSignaturesFromBadOnes) {
  const TestRun good = verify(kSpecHmacSignature);
  EXPECT_EQ(good.exit_code, kExitDone) << good.err;
  EXPECT_EQ(good.out, "the signature is good\n");
  EXPECT_EQ(verify(kSpecHmacSignature, kSpecBody, {"--json"}).out, "{\"valid\":true}\n");

  const TestRun bad = verify(kSpecHmacSignature, std::string(kSpecBody) + "\n");
  EXPECT_EQ(bad.exit_code, kExitFailed);
  EXPECT_TRUE(bad.err.starts_with("rhooks: webhook-signature: no signature fits")) << bad.err;
  EXPECT_EQ(bad.err.find("g0hM9SsE"), std::string::npos) << bad.err;
  EXPECT_EQ(verify(kSpecEd25519Signature).exit_code, kExitFailed);

  const TestRun old = verify(kSpecHmacSignature, kSpecBody, {"--tolerance", "119s"});
  EXPECT_EQ(old.exit_code, kExitFailed);
  EXPECT_NE(old.err.find("signed 120 s ago, and 119 s are allowed\n"), std::string::npos)
      << old.err;
  EXPECT_EQ(verify(kSpecHmacSignature, kSpecBody, {"--tolerance", "2m"}).exit_code, kExitDone);
}

TEST_F(SignCommandTest, WhoeverVerifiesNeedsThePublicKeyOnly) {
  const Args args{"verify",
                  "--id",
                  kSpecId,
                  "--timestamp",
                  kSpecTimestamp,
                  "--signature",
                  kSpecEd25519Signature};
  const TestRun done = run(args, kSpecBody, {{"RHOOKS_SIGNING_SECRET", kSpecPublic}});
  EXPECT_EQ(done.exit_code, kExitDone) << done.err;
}

TEST_F(SignCommandTest, SaysWhatIsWrongAndNoSecret) {
  expect_usage({"sign"},
               "name a file that holds it by --secret-file, or set RHOOKS_SIGNING_SECRET");
  expect_usage({"sign", "--secret", "hush"}, "sign has no flag --secret. Did you mean --secret-");
  expect_usage({"sign", "--secret-file", dir_.sub("none")}, "cannot be read");
  expect_usage({"sign", "--secret-file", dir_.path().string()}, "cannot be read");
  expect_usage({"sign", "--secret-file", file("empty", "\n")}, "there is no secret");
  expect_usage({"sign", "--secret-file", file("long", std::string(70'000, 'x'))}, "64 KiB");
  expect_usage({"sign", "--secret-file", file("bad", std::string(kSpecHmac) + "\nwhsec_hush\n")},
               "secret 2: it ");
  expect_usage({"sign"}, "RHOOKS_SIGNING_SECRET: secret 1: it ",
               {{"RHOOKS_SIGNING_SECRET", "hush"}});
  const std::string secret = file("secret", kSpecHmac);
  expect_usage({"sign", "--secret-file", file("public", kSpecPublic)},
               "secret 1: it is a public key");
  expect_usage({"sign", "--secret-file", secret, "--timestamp", "2026-01-01"}, "--timestamp is a");
  expect_usage({"sign", "--secret-file", secret, "--id", "a.b"}, "webhook-id");
  expect_usage({"sign", "--secret-file", secret, "--body-file", dir_.sub("none")},
               "--body-file: " + dir_.sub("none") + " cannot be read");
  expect_usage({"sign", "--secret-file", secret, "--body-file", dir_.path().string()},
               "cannot be read");
  expect_usage({"verify", "--secret-file", secret}, "is missing");
  expect_usage({"verify", "--secret-file", secret, "--id", "a", "--timestamp", "1", "--signature",
                "v1,", "--tolerance", "soon"},
               "--tolerance: ");
  expect_usage({"listen", "--port", "0", "--secret-file", file("bad", "hush")}, "secret 1: it ");
  expect_usage({"secret", "show"}, "there is generate, put, rotate, get, list and delete");
  expect_usage({"secret", "generate", "--type", "rsa"}, "hmac and ed25519");
}

TEST_F(SignCommandTest, MakesSecretsThatSignAndVerify) {
  for (const char* type : {"hmac", "ed25519"}) {
    const TestRun made = run({"secret", "generate", "--type", type});
    EXPECT_EQ(made.exit_code, kExitDone) << made.err;
    const auto key = signing::Key::parse(made.out.substr(0, made.out.size() - 1));
    ASSERT_TRUE(key) << key.error().message;
    EXPECT_NE(run({"secret", "generate", "--type", type}).out, made.out);
    EXPECT_EQ(made.err, key->public_text() ? "for receivers: " + *key->public_text() + "\n" : "");
    EXPECT_EQ(run({"sign"}, "{}", {{"RHOOKS_SIGNING_SECRET", made.out}}).exit_code, kExitDone);
  }
  EXPECT_TRUE(run({"secret", "generate"}).out.starts_with("whsec_"));
  const std::string json = run({"secret", "generate", "--type", "ed25519", "--json"}).out;
  EXPECT_TRUE(json.starts_with("{\"secret\":\"whsk_")) << json;
  EXPECT_NE(json.find("\",\"publicKey\":\"whpk_"), std::string::npos) << json;
}

}  // namespace
}  // namespace rhooks::cli

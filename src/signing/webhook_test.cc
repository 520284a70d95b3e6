#include "signing/webhook.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/clock.h"
#include "base/random.h"
#include "signing/test_keys.h"
#include "testing/test_seed.h"

namespace rhooks::signing {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kSpecTime{1'614'265'330s};

std::vector<Header> spec_headers(const std::string& signature) {
  return {{"webhook-id", kSpecId},
          {"webhook-timestamp", kSpecTimestamp},
          {"webhook-signature", signature}};
}

// Which header a receiver complains of; "" where the webhook is good.
std::string complaint(const std::vector<Header>& headers, std::string_view body = kSpecBody,
                      const std::vector<std::string>& secrets = {kSpecHmac, kSpecPublic},
                      TimePoint now = kSpecTime) {
  const auto verified = verify_webhook(secrets, headers, body, {.now = now});
  if (verified) return "";
  EXPECT_EQ(verified.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(verified.error().message.find("g0hM9SsE"), std::string::npos)
      << "the signature that is asked for is told";
  return verified.error().field;
}

TEST(VerifyWebhookTest, TakesTheExampleOfTheSpecification) {
  EXPECT_EQ(complaint(spec_headers(kSpecHmacSignature)), "");
  EXPECT_EQ(complaint(spec_headers(kSpecEd25519Signature)), "");
  EXPECT_EQ(complaint(spec_headers(kSpecEd25519Signature), kSpecBody, {kSpecPrivate}), "");
  EXPECT_EQ(sign_webhook({kSpecHmac, kSpecPrivate}, kSpecId, kSpecTime + 999ms, kSpecBody).value(),
            spec_headers(std::string(kSpecHmacSignature) + " " + kSpecEd25519Signature));
}

TEST(VerifyWebhookTest, OneSignatureHasToFitOneSecret) {
  const std::string other = "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=";
  for (const std::string& signatures :
       {other + " " + kSpecHmacSignature, std::string(kSpecHmacSignature) + " " + other,
        "v2,whatever v1, v1 , v1,garbled " + std::string(kSpecHmacSignature)}) {
    EXPECT_EQ(complaint(spec_headers(signatures)), "") << signatures;
  }
  for (const std::string& signatures :
       {other, std::string(), std::string("v1,"), std::string("g0hM9SsE"),
        "v2" + std::string(kSpecHmacSignature).substr(2), std::string(kSpecHmacSignature) + "=",
        std::string("v1a") + std::string(kSpecHmacSignature).substr(2)}) {
    EXPECT_EQ(complaint(spec_headers(signatures)), "webhook-signature") << signatures;
  }
  EXPECT_EQ(complaint(spec_headers(kSpecHmacSignature), kSpecBody, {kSpecPublic}),
            "webhook-signature");
}

TEST(VerifyWebhookTest, LooksAtABoundedNumberOfSignatures) {
  std::string many;
  for (int i = 0; i < 15; ++i) many += "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= ";
  EXPECT_EQ(complaint(spec_headers(many + kSpecHmacSignature)), "");
  EXPECT_EQ(complaint(spec_headers(many + many + kSpecHmacSignature)), "webhook-signature");
}

TEST(VerifyWebhookTest, EachHeaderIsThereOnce) {
  for (std::size_t i = 0; i < 3; ++i) {
    auto headers = spec_headers(kSpecHmacSignature);
    const std::string name = headers[i].name;
    headers[i].name = "WebHook" + name.substr(7);
    EXPECT_EQ(complaint(headers), "");
    headers.push_back(headers[i]);
    EXPECT_EQ(complaint(headers), name);
    headers.erase(headers.begin() + static_cast<std::ptrdiff_t>(i));
    headers.pop_back();
    EXPECT_EQ(complaint(headers), name);
  }
}

TEST(VerifyWebhookTest, AnIdWithADotCouldMeanAnotherBody) {
  auto headers = spec_headers(kSpecHmacSignature);
  // The same signed text, taken apart at another place.
  headers[0].value = std::string(kSpecId) + "." + kSpecTimestamp;
  EXPECT_EQ(complaint(headers), "webhook-id");
  for (const char* id : {"", "a b", "a.b", "\xc3\xa4", "a\n"}) {
    EXPECT_EQ(sign_webhook({kSpecHmac}, id, kSpecTime, "").error().field, "webhook-id") << id;
  }
}

TEST(VerifyWebhookTest, TimesAreNear) {
  const auto headers = spec_headers(kSpecHmacSignature);
  const auto at = [&](TimePoint now, std::chrono::seconds tolerance) {
    const auto verified =
        verify_webhook({kSpecHmac}, headers, kSpecBody, {.tolerance = tolerance, .now = now});
    return verified ? std::string() : verified.error().message;
  };
  EXPECT_EQ(at(kSpecTime + 300s + 999ms, 300s), "");
  EXPECT_EQ(at(kSpecTime - 300s, 300s), "");
  EXPECT_TRUE(at(kSpecTime + 301s, 300s).starts_with("it was signed 301 s ago, and 300 s"));
  EXPECT_TRUE(at(kSpecTime - 301s, 300s).starts_with("it was signed 301 s in the future"));
  EXPECT_EQ(at(kSpecTime + 24h, 48h), "");
  EXPECT_EQ(at(kSpecTime, 0s), "");
  EXPECT_NE(at(kSpecTime + 1s, 0s), "");
  // By the clock of the system, where no time is given.
  EXPECT_EQ(verify_webhook({kSpecHmac}, headers, kSpecBody).error().field, "webhook-timestamp");
  const auto fresh = sign_webhook({kSpecHmac}, "x", SystemClock().now(), "b").value();
  EXPECT_TRUE(verify_webhook({kSpecHmac}, fresh, "b"));
}

TEST(VerifyWebhookTest, ATimeIsDigits) {
  for (const char* text : {"", "-1614265330", "+1614265330", " 1614265330", "1614265330.0", "1.6e9",
                           "soon", "161426533012"}) {
    auto headers = spec_headers(kSpecHmacSignature);
    headers[1].value = text;
    EXPECT_EQ(complaint(headers), "webhook-timestamp") << text;
  }
  EXPECT_EQ(sign_webhook({kSpecHmac}, "x", TimePoint{-1ms}, "").error().field, "webhook-timestamp");
}

TEST(VerifyWebhookTest, ToldApartWhetherTheReceiverIsSetUpWrongly) {
  const auto headers = spec_headers(kSpecHmacSignature);
  EXPECT_EQ(complaint(headers, kSpecBody, {}), "secrets");
  EXPECT_EQ(complaint(headers, kSpecBody, {kSpecHmac, "hush"}), "secrets[1]");
  EXPECT_EQ(sign_webhook({kSpecHmac, kSpecPublic}, "x", kSpecTime, "").error().field, "secrets[1]");
}

std::string random_bytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random.next());
  return bytes;
}

TEST(VerifyWebhookTest, WhatIsSignedFitsAndNothingElse) {
  Random random(testing::test_seed());
  const Key hmac = Key::generate_hmac();
  const Key pair = Key::generate_ed25519();
  for (int i = 0; i < 60; ++i) {
    const Key& key = i % 2 == 0 ? hmac : pair;
    const std::string secret = i % 4 == 1 ? *pair.public_text() : key.text();
    // From nothing to the longest body of a task.
    std::string body = random_bytes(
        random, i < 4 ? 262'144 * static_cast<std::size_t>(i % 2) : random.next() % 300);
    auto headers = sign_webhook({key.text()}, "msg_1", kSpecTime, body).value();
    ASSERT_EQ(complaint(headers, body, {secret}), "");

    // One bit of the body, or of a character that is signed.
    std::string& changed = i % 3 == 0 || body.empty() ? headers[0].value : body;
    char& c = changed[random.next() % changed.size()];
    c = static_cast<char>(c ^ (&changed == &body ? 1 << (random.next() % 8) : 1));
    EXPECT_NE(complaint(headers, body, {secret}), "");
  }
}

TEST(VerifyWebhookTest, DuringARotationWhoKnowsEitherSecretBelieves) {
  const std::string before = Key::generate_hmac().text();
  const std::string after = Key::generate_ed25519().text();
  const auto headers = sign_webhook({after, before}, "x", kSpecTime, "body").value();
  EXPECT_EQ(complaint(headers, "body", {before}), "");
  EXPECT_EQ(complaint(headers, "body", {after}), "");
  EXPECT_EQ(complaint(headers, "body", {Key::generate_hmac().text(), after}), "");
  EXPECT_EQ(complaint(headers, "body", {Key::generate_hmac().text()}), "webhook-signature");
}

}  // namespace
}  // namespace rhooks::signing

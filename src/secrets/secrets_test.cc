// Secrets as they are sealed, kept and opened, on a memory store.

#include "secrets/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "codec/stored.h"
#include "signing/test_keys.h"
#include "store/memory/memory_store.h"

namespace rhooks::secrets {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr TimePoint kPutAt{std::chrono::milliseconds{1'769'862'896'789}};

std::string key_of(char c) {
  return to_base64(std::string(32, c));
}

SecretSpec spec_of(SecretType type, const std::string& name = "acme") {
  SecretSpec spec;
  spec.ns = "shop";
  spec.name = name;
  spec.type = type;
  return spec;
}

TEST(OpenSecretTest, TakesWhatItsTypeHas) {
  const auto hmac = OpenSecret::parse(SecretType::kHmac, signing::kSpecHmac);
  ASSERT_TRUE(hmac);
  EXPECT_EQ(hmac->keys(kPutAt).size(), 1u);
  EXPECT_EQ(hmac->public_key(), std::nullopt);
  EXPECT_EQ(hmac->authorization(), "");
  const auto pair = OpenSecret::parse(SecretType::kEd25519, signing::kSpecPrivate);
  ASSERT_TRUE(pair);
  EXPECT_EQ(pair->public_key(), signing::kSpecPublic);
  EXPECT_EQ(OpenSecret::parse(SecretType::kToken, "a.b-c~1/+==")->authorization(),
            "Bearer a.b-c~1/+==");
  // RFC 7617, sections 2 and 2.1.
  EXPECT_EQ(OpenSecret::parse(SecretType::kBasic, "Aladdin:open sesame")->authorization(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(OpenSecret::parse(SecretType::kBasic, "test:123\xc2\xa3")->authorization(),
            "Basic dGVzdDoxMjPCow==");
}

TEST(OpenSecretTest, RefusesWhatItsTypeHasNot) {
  const auto refused = [](SecretType type, const std::string& value) {
    const auto secret = OpenSecret::parse(type, value);
    ASSERT_FALSE(secret) << to_string(type) << " " << value;
    EXPECT_EQ(secret.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(secret.error().field, "value");
    if (value.empty()) return;
    EXPECT_THAT(secret.error().message, Not(HasSubstr(value)));
  };
  for (const char* value :
       {"", "hush", "whsec_AAAA", signing::kSpecPrivate, signing::kSpecPublic}) {
    refused(SecretType::kHmac, value);
  }
  for (const char* value : {"", "hush", signing::kSpecHmac, signing::kSpecPublic}) {
    refused(SecretType::kEd25519, value);
  }
  for (const char* value : {"", "hush hush", "hush\n", "h\xc3\xa4sh"}) {
    refused(SecretType::kToken, value);
  }
  for (const char* value : {"", "hush", "user:hush\n", "user:\xff"}) {
    refused(SecretType::kBasic, value);
  }
}

TEST(OpenSecretTest, TheValueBeforeSignsUntilItsTime) {
  auto secret = OpenSecret::parse(SecretType::kHmac, signing::kSpecHmac).value();
  auto before = OpenSecret::parse(SecretType::kHmac, signing::Key::generate_hmac().text()).value();
  secret.also_sign_by(std::move(before), kPutAt);
  EXPECT_EQ(secret.keys(kPutAt - 1ms).size(), 2u);
  EXPECT_EQ(secret.keys(kPutAt - 1ms).front().text(), signing::kSpecHmac);
  ASSERT_EQ(secret.keys(kPutAt).size(), 1u);
  EXPECT_EQ(secret.keys(kPutAt).front().text(), signing::kSpecHmac);
}

class SecretsTest : public ::testing::Test {
 protected:
  Secrets with_key(std::optional<std::string> key) {
    std::optional<MasterKeys> keys;
    if (key) keys = MasterKeys::parse(*key).value();
    return Secrets(store_, std::move(keys));
  }
  // Stores one that was sealed, and returns its bytes.
  std::string put(const model::StoredSecret& secret) {
    const std::string data = codec::encode_secret(secret);
    EXPECT_TRUE(store_.put_document({secret_key(secret.ns, secret.name), data, {}},
                                    store::Whatever{}, kPutAt));
    return data;
  }
  static std::string error_of(Secrets& secrets, const std::string& name) {
    const auto found = secrets.find("shop", name, kPutAt);
    return found ? "" : found.error().message;
  }

  store::MemoryStore store_{1};
};

TEST_F(SecretsTest, OneIsOpenedAsItWasSealed) {
  Secrets secrets = with_key(key_of('k'));
  const Uuid id{1};
  const auto sealed = secrets.seal(spec_of(SecretType::kToken), "hush", id);
  ASSERT_TRUE(sealed) << sealed.error().message;
  EXPECT_EQ(sealed->id, id);
  EXPECT_THAT(put(*sealed), Not(HasSubstr("hush")));
  const auto found = secrets.find("shop", "acme", kPutAt);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ((*found)->authorization(), "Bearer hush");
  // A revision is opened once.
  EXPECT_EQ(*secrets.find("shop", "acme", kPutAt), *found);
  EXPECT_THAT(error_of(secrets, "none"),
              HasSubstr("there is no secret 'none' in namespace 'shop'"));
}

TEST_F(SecretsTest, WithoutAMasterKeyNothingIsSealedOrOpened) {
  put(with_key(key_of('k')).seal(spec_of(SecretType::kToken), "hush", {1}).value());
  Secrets keyless = with_key(std::nullopt);
  const auto sealed = keyless.seal(spec_of(SecretType::kToken), "hush", {1});
  ASSERT_FALSE(sealed);
  EXPECT_EQ(sealed.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(sealed.error().message, HasSubstr("secret_key_file"));
  EXPECT_THAT(error_of(keyless, "acme"), HasSubstr("there is no master key"));
}

TEST_F(SecretsTest, AnotherMasterKeyOpensNothingAndSaysSo) {
  put(with_key(key_of('k')).seal(spec_of(SecretType::kToken), "hush", {1}).value());
  Secrets other = with_key(key_of('l'));
  EXPECT_THAT(error_of(other, "acme"), HasSubstr("secret 'acme' in namespace 'shop' cannot be"));
  EXPECT_THAT(error_of(other, "acme"), HasSubstr("which is not given"));
  Secrets both = with_key(key_of('l') + "," + key_of('k'));
  EXPECT_EQ(error_of(both, "acme"), "");
}

// Who can write into the store cannot have the secret of one sent to another.
TEST_F(SecretsTest, BytesThatWereMovedDoNotOpen) {
  Secrets secrets = with_key(key_of('k'));
  auto moved = secrets.seal(spec_of(SecretType::kToken), "hush", {1}).value();
  moved.name = "other";
  put(moved);
  EXPECT_THAT(error_of(secrets, "other"), HasSubstr("does not open"));
  auto retyped = secrets.seal(spec_of(SecretType::kToken, "third"), "us:er", {1}).value();
  retyped.type = SecretType::kBasic;
  put(retyped);
  ASSERT_TRUE(secrets.changed("shop", "third"));
  EXPECT_THAT(error_of(secrets, "third"), HasSubstr("does not open"));
}

TEST_F(SecretsTest, BothValuesAreOpenedDuringARotation) {
  Secrets secrets = with_key(key_of('k'));
  const std::string before = signing::Key::generate_hmac().text();
  auto secret = secrets.seal(spec_of(SecretType::kHmac), before, {1}).value();
  ASSERT_TRUE(model::rotate(
      secret, secrets.seal(spec_of(SecretType::kHmac), signing::kSpecHmac, {2}).value(), 1h,
      kPutAt));
  put(secret);
  const auto found = secrets.find("shop", "acme", kPutAt);
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ((*found)->keys(kPutAt).size(), 2u);
  EXPECT_EQ((*found)->keys(kPutAt)[0].text(), signing::kSpecHmac);
  EXPECT_EQ((*found)->keys(kPutAt)[1].text(), before);
}

// It is stored after its time, too, and who replaces a master key leaves the old one out then.
TEST_F(SecretsTest, AValueBeforeThatDoesNotOpenHoldsNothingUp) {
  const auto spec = spec_of(SecretType::kHmac);
  const std::string before = signing::Key::generate_hmac().text();
  auto secret = with_key(key_of('k')).seal(spec, before, {1}).value();
  Secrets secrets = with_key(key_of('l'));
  auto next = secrets.seal(spec, signing::kSpecHmac, {2}).value();
  ASSERT_TRUE(model::rotate(secret, std::move(next), 1h, kPutAt));
  put(secret);
  const auto found = secrets.find("shop", "acme", kPutAt);
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ((*found)->keys(kPutAt).size(), 1u);
  EXPECT_EQ((*found)->keys(kPutAt)[0].text(), signing::kSpecHmac);
}

}  // namespace
}  // namespace rhooks::secrets

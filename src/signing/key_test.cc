#include "signing/key.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/sha256.h"
#include "signing/test_keys.h"

namespace rhooks::signing {
namespace {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// Of "v1a,…".
std::string signature_bytes(std::string_view text) {
  return from_base64(text.substr(text.find(',') + 1)).value_or("no base64");
}

std::string refused(std::string_view text) {
  const auto key = Key::parse(text);
  if (key) return "it was taken";
  EXPECT_EQ(key.error().code, ErrorCode::kInvalidArgument);
  return key.error().message;
}

// RFC 8032, section 7.1: tests 1, 2, 3 and SHA(abc).
TEST(SigningKeyTest, SignsAsTheRfcOfEd25519Does) {
  struct Vector {
    std::string secret, open, message, signature;
  };
  const std::vector<Vector> vectors = {
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
       "f9b46bd25bf5f0595bbe24655141438e7a100b"},
      {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
       "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
       "f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
      {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
       "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
       "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
       "4dc6594a7c15e9716ed28dc027beceea1ec40a"},
      {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
       "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
       "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3"
       "feebbd454d4423643ce80e2a9ac94fa54ca49f",
       "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c664"
       "31e0303dca179c138ac17ad9bef1177331a704"},
  };
  for (const Vector& one : vectors) {
    const std::string message = from_hex(one.message);
    const Key key =
        Key::parse("whsk_" + to_base64(from_hex(one.secret) + from_hex(one.open))).value();
    EXPECT_EQ(signature_bytes(key.sign(message)), from_hex(one.signature));
    const Key open = Key::parse("whpk_" + to_base64(from_hex(one.open))).value();
    EXPECT_TRUE(open.made_one_of({{"v1a", from_hex(one.signature)}}, message));
    EXPECT_FALSE(open.made_one_of({{"v1a", from_hex(one.signature)}}, message + "x"));
  }
}

TEST(SigningKeyTest, SignsAsTheSpecificationDoes) {
  const std::string content =
      std::string(kSpecId) + "." + kSpecTimestamp + "." + std::string(kSpecBody);
  const Key hmac = Key::parse(kSpecHmac).value();
  EXPECT_EQ(hmac.sign(content), kSpecHmacSignature);
  EXPECT_EQ(hmac.type(), Key::Type::kHmac);
  EXPECT_EQ(hmac.text(), kSpecHmac);
  EXPECT_EQ(hmac.public_text(), std::nullopt);
  const Key pair = Key::parse(kSpecPrivate).value();
  EXPECT_EQ(pair.sign(content), kSpecEd25519Signature);
  EXPECT_EQ(pair.text(), kSpecPrivate);
  EXPECT_EQ(pair.public_text(), kSpecPublic);
  const Key open = Key::parse(kSpecPublic).value();
  EXPECT_FALSE(open.can_sign());
  EXPECT_EQ(open.public_text(), kSpecPublic);
}

TEST(SigningKeyTest, ThePrefixOfHmacMayBeLeftOut) {
  EXPECT_EQ(Key::parse(std::string_view(kSpecHmac).substr(6)).value().text(), kSpecHmac);
  // Of 24, 25 and 26 bytes: 0, 2 and 1 characters of padding; and the most.
  for (const std::size_t size : {24, 25, 26, 64}) {
    const std::string text = "whsec_" + to_base64(std::string(size, 'k'));
    EXPECT_EQ(Key::parse(text).value().text(), text);
  }
}

TEST(SigningKeyTest, RefusesOtherTextsWithoutQuotingThem) {
  const auto has = [](const std::string& message, const char* part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  has(refused(""), "empty");
  has(refused(std::string("v1,") + kSpecHmac), "leave out what is before whsec_");
  has(refused("whsec_"), "0 bytes behind whsec_, which takes 24 to 64");
  has(refused("whsec_" + to_base64(std::string(23, 'k'))), "23 bytes behind whsec_");
  has(refused("whsec_" + to_base64(std::string(65, 'k'))), "65 bytes behind whsec_");
  has(refused("whsk_" + to_base64(std::string(32, 'k'))), "32 bytes behind whsk_, which takes 64");
  has(refused("whpk_" + to_base64(std::string(33, 'k'))), "33 bytes behind whpk_, which takes 32");
  has(refused("whsk_" + to_base64(std::string(64, 'k'))), "not the public key of its first half");
  for (const char* text : {"hush-hush-hush-hush", "whsec_hush hush", "whxx_aHVzaA==",
                           "whsec_aHVzaA", "whsec_aHVzaA==\n", " whsec_aHVzaA=="}) {
    const std::string message = refused(text);
    has(message, "and base64");
    EXPECT_EQ(message.find("ush"), std::string::npos) << message;
    EXPECT_EQ(message.find("aHVz"), std::string::npos) << message;
  }
}

TEST(SigningKeyTest, NewOnesDifferAndAreReadAgain) {
  const auto check = [](const Key& made, const Key& other) {
    EXPECT_NE(made.text(), other.text());
    const Key again = Key::parse(made.text()).value();
    EXPECT_EQ(again.type(), made.type());
    EXPECT_EQ(again.sign("content"), made.sign("content"));
    EXPECT_NE(again.sign("content"), other.sign("content"));
  };
  check(Key::generate_hmac(), Key::generate_hmac());
  check(Key::generate_ed25519(), Key::generate_ed25519());
  EXPECT_EQ(from_base64(Key::generate_hmac().text().substr(6)).value().size(), 32u);
}

TEST(SigningKeyTest, OneOfSeveralSignaturesIsEnough) {
  const Key hmac = Key::generate_hmac();
  const Key pair = Key::generate_ed25519();
  const Signature good{"v1", signature_bytes(hmac.sign("x"))};
  const Signature good_a{"v1a", signature_bytes(pair.sign("x"))};
  const Signature bad{"v1", std::string(32, 'b')};
  EXPECT_TRUE(hmac.made_one_of({bad, good_a, good}, "x"));
  EXPECT_TRUE(hmac.made_one_of({good, bad}, "x"));
  EXPECT_FALSE(hmac.made_one_of({bad, good_a}, "x"));
  EXPECT_FALSE(hmac.made_one_of({}, "x"));
  EXPECT_TRUE(pair.made_one_of({good, bad, good_a}, "x"));
  EXPECT_FALSE(pair.made_one_of({good, bad}, "x"));
  // Neither version is taken for the other.
  EXPECT_FALSE(hmac.made_one_of({{"v1a", good.bytes}}, "x"));
  EXPECT_FALSE(pair.made_one_of({{"v1", good_a.bytes}}, "x"));
  EXPECT_FALSE(hmac.made_one_of({{"v1", good.bytes.substr(1)}}, "x"));
  EXPECT_FALSE(pair.made_one_of({{"v1a", good_a.bytes.substr(1)}}, "x"));
}

TEST(SigningKeyTest, TellsWhichOfSeveralIsWrong) {
  EXPECT_EQ(parse_keys({}).error().field, "secrets");
  const auto keys = parse_keys({kSpecHmac, "hush"});
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().field, "secrets[1]");
  EXPECT_TRUE(keys.error().message.starts_with("secret 2: it ")) << keys.error().message;
  EXPECT_EQ(parse_keys({kSpecHmac, kSpecPublic}).value().size(), 2u);
}

}  // namespace
}  // namespace rhooks::signing

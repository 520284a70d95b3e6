#include "base/sha256.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace rhooks {
namespace {

std::string hex(const Sha256& digest) {
  return to_hex(digest.data(), digest.size());
}

// The vectors that NIST publishes with FIPS 180-4.
TEST(Sha256OfBytesTest, AgreesWithThePublishedVectors) {
  EXPECT_EQ(hex(sha256_of_bytes("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256_of_bytes("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256_of_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(sha256_of_bytes("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                                "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu")),
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(hex(sha256_of_bytes(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// RFC 4231, sections 4.2 to 4.8.
TEST(HmacSha256Test, AgreesWithTheRfc) {
  const std::string long_key(131, '\xaa');
  struct Vector {
    std::string key, text, digest;
  };
  const std::vector<Vector> vectors = {
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"
       "\x11\x12\x13\x14\x15\x16\x17\x18\x19",
       std::string(50, '\xcd'), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {long_key, "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {long_key,
       "This is a test using a larger than block-size key and a larger than block-size data. The "
       "key needs to be hashed before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const Vector& one : vectors) EXPECT_EQ(hex(hmac_sha256(one.key, one.text)), one.digest);
  // 4.6 has the first half of the digest only.
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0c'), "Test With Truncation")).substr(0, 32),
            "a3b6167473100ee06e0c796c2955552b");
}

std::string with_lengths(std::initializer_list<std::string_view> parts) {
  std::string bytes;
  for (std::string_view part : parts) {
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<char>(std::uint64_t{part.size()} >> shift & 0xff));
    }
    bytes += part;
  }
  return bytes;
}

TEST(Sha256OfPartsTest, IsTheHashOfTheirLengthsAndBytes) {
  EXPECT_EQ(sha256({}), sha256_of_bytes(""));
  EXPECT_EQ(sha256({"abc"}), sha256_of_bytes(with_lengths({"abc"})));
  const std::string big(70'000, 'x');
  EXPECT_EQ(sha256({"a", "", big}), sha256_of_bytes(with_lengths({"a", "", big})));
  const std::string zeros(8, '\0');
  EXPECT_EQ(sha256({""}), sha256_of_bytes(zeros));
}

// Parts of every length around the sizes in which they are handed over.
TEST(Sha256OfPartsTest, IsTheSameWhereverTheCutsFall) {
  const std::string text(600, 'x');
  const std::string_view all(text);
  for (std::size_t size = 0; size <= all.size(); ++size) {
    const std::string_view a = all.substr(0, size), b = all.substr(size),
                           c = all.substr(0, 300 - size / 2);
    ASSERT_EQ(sha256({a, b, c, a}), sha256_of_bytes(with_lengths({a, b, c, a}))) << size;
  }
}

TEST(Sha256OfPartsTest, TellsApartWhereTheCutsAre) {
  const std::set<Sha256> digests{sha256({"a", "bc"}), sha256({"ab", "c"}), sha256({"abc"}),
                                 sha256({"abc", ""}), sha256({"", "abc"}), sha256({})};
  EXPECT_EQ(digests.size(), 6u);
}

TEST(Sha256OfBytesTest, IsTheSameInEveryThread) {
  const Sha256 expected = sha256_of_bytes("abc");
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&wrong, &expected, t] {
      for (int i = 0; i < 2'000; ++i) {
        if (sha256_of_bytes("abc") != expected) ++wrong[t];
        if (sha256_of_bytes(std::to_string(i)) == expected) ++wrong[t];
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

TEST(ToHexTest, WritesEveryByteInTwoLowerCaseDigits) {
  const std::uint8_t bytes[] = {0x00, 0x01, 0x7f, 0x80, 0xab, 0xff};
  EXPECT_EQ(to_hex(bytes, sizeof bytes), "00017f80abff");
  EXPECT_EQ(to_hex(bytes, 0), "");
}

TEST(EqualInConstantTimeTest, IsEquality) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_in_constant_time("Secret", "secret"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secre"));
  EXPECT_FALSE(equal_in_constant_time("", "x"));
  const std::string with_zero("a\0b", 3);
  EXPECT_TRUE(equal_in_constant_time(with_zero, std::string("a\0b", 3)));
  EXPECT_FALSE(equal_in_constant_time(with_zero, std::string("a\0c", 3)));
}

}  // namespace
}  // namespace rhooks

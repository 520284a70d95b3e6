#include "secrets/master_keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/base64.h"
#include "testing/temp_dir.h"

namespace rhooks::secrets {
namespace {

constexpr Place kPlace{"shop", "partner", "v1", "hmac"};

std::string new_key() {
  return to_base64(SecretBytes::random(32).view());
}

MasterKeys keys_of(const std::string& text) {
  return MasterKeys::parse(text).value();
}

// What comes of opening: the value, or the code of the error.
std::string opened(const MasterKeys& keys, std::string_view sealed, const Place& place = kPlace) {
  const auto value = keys.open(place, sealed);
  return value ? std::string(value->view())
               : std::string("! ") + std::to_string(static_cast<int>(value.error().code));
}

std::string failed(ErrorCode code) {
  return "! " + std::to_string(static_cast<int>(code));
}

// Sealed by node's crypto module by what master_keys.cc says of the format: master key 00 01 … 1f,
// data key 20 21 … 3f, nonces a1 a1 … and b2 b2 ….
constexpr const char* kKnownKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
constexpr const char* kKnownSealed =
    "ATXuoMOhoaGhoaGhoaGhoaGF4dl99ztX8+w0i2bEFen4QQBvcG7cxt9zEuqb7/De6sxLYB9kyMrFy6G/"
    "kBBkeGCysrKysrKy"
    "srKysrJ294Wa9zaLpGk3cIdktNf+iJ19J+KIRBVEyLSDONYDXXljz1JmdoVFIdHZEsETzszqZJSwUOw=";

TEST(MasterKeysTest, OpensWhatAnotherProgramSealed) {
  const MasterKeys keys = keys_of(kKnownKey);
  EXPECT_EQ(keys.ids(), std::vector<std::string>{"35eea0c3"});
  EXPECT_EQ(opened(keys, from_base64(kKnownSealed).value()),
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
}

TEST(MasterKeysTest, OpensWhatItSealed) {
  const MasterKeys keys = keys_of(new_key());
  for (const std::string& value : {std::string(), std::string("hush-hush"),
                                   std::string("\0\xff\n", 3), std::string(100'000, 'h')}) {
    const std::string sealed = keys.seal(kPlace, value);
    EXPECT_EQ(sealed.size(), value.size() + 93);
    EXPECT_TRUE(opened(keys, sealed) == value);
    EXPECT_TRUE(keys.is_current(sealed));
    EXPECT_NE(keys.seal(kPlace, value), sealed) << "a nonce was used again";
    EXPECT_EQ(sealed.substr(0, 200).find("hush"), std::string::npos);
  }
}

TEST(MasterKeysTest, NoByteMayBeChangedOrMissing) {
  const MasterKeys keys = keys_of(new_key());
  const std::string sealed = keys.seal(kPlace, "hush-hush");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ (1 << (i % 8)));
    const ErrorCode code = i == 0   ? ErrorCode::kUnsupported
                           : i <= 4 ? ErrorCode::kUnavailable
                                    : ErrorCode::kCorrupt;
    EXPECT_EQ(opened(keys, changed), failed(code)) << i;
    EXPECT_FALSE(keys.rewrap(kPlace, changed)) << i;
    EXPECT_EQ(opened(keys, sealed.substr(0, i)), failed(ErrorCode::kCorrupt)) << i;
  }
  EXPECT_EQ(opened(keys, sealed + "x"), failed(ErrorCode::kCorrupt));
  EXPECT_FALSE(keys.is_current(""));
}

TEST(MasterKeysTest, OpensAtItsPlaceOnly) {
  const MasterKeys keys = keys_of(new_key());
  const std::string sealed = keys.seal(kPlace, "hush-hush");
  for (const Place& other :
       {Place{"shop2", "partner", "v1", "hmac"}, Place{"shop", "q", "v1", "hmac"},
        Place{"shop", "partner", "v2", "hmac"}, Place{"shop", "partner", "v1", "token"},
        Place{"shopp", "artner", "v1", "hmac"}}) {
    EXPECT_EQ(opened(keys, sealed, other), failed(ErrorCode::kCorrupt));
    EXPECT_FALSE(keys.rewrap(other, sealed));
  }
}

TEST(MasterKeysTest, AKeyIsReplacedWhileBothAreKnown) {
  const std::string before = new_key();
  const std::string after = new_key();
  const std::string sealed = keys_of(before).seal(kPlace, "hush-hush");

  // Without the old key: an error that names it, and nothing else happens.
  const MasterKeys only_after = keys_of(after);
  const auto lost = only_after.open(kPlace, sealed);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kUnavailable);
  for (const std::string& id : {keys_of(before).ids()[0], only_after.ids()[0]}) {
    EXPECT_NE(lost.error().message.find(id), std::string::npos) << lost.error().message;
  }

  const MasterKeys both = keys_of(after + "\n" + before + "\n");
  EXPECT_EQ(opened(both, sealed), "hush-hush");
  EXPECT_FALSE(both.is_current(sealed));
  const std::string rewrapped = both.rewrap(kPlace, sealed).value();
  EXPECT_TRUE(both.is_current(rewrapped));
  EXPECT_EQ(rewrapped.size(), sealed.size());
  // The value stays as it was sealed.
  EXPECT_EQ(rewrapped.substr(65), sealed.substr(65));

  // And the old one is left out.
  EXPECT_EQ(opened(only_after, rewrapped), "hush-hush");
  EXPECT_EQ(opened(keys_of(before), rewrapped), failed(ErrorCode::kUnavailable));
}

TEST(MasterKeysTest, ReadsSeveralKeysAndQuotesNone) {
  const std::string first = new_key();
  const std::string second = new_key();
  for (const std::string& text :
       {first + "\n" + second, first + "," + second, "\n " + first + " \r\n\t" + second + ",\n"}) {
    EXPECT_EQ(keys_of(text).ids(),
              (std::vector<std::string>{keys_of(first).ids()[0], keys_of(second).ids()[0]}));
  }
  for (const std::string& wrong :
       {std::string("hush-hush"), to_base64(std::string(31, 'k')), to_base64(std::string(33, 'k')),
        first.substr(0, 43), first + first}) {
    const auto keys = MasterKeys::parse(first + "\n" + wrong);
    ASSERT_FALSE(keys) << wrong.size();
    EXPECT_EQ(keys.error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(keys.error().message.starts_with("master key 2 is not 32 bytes in base64"))
        << keys.error().message;
    EXPECT_EQ(keys.error().message.find(wrong), std::string::npos);
  }
  for (const char* text : {"", " \n", ",,"}) {
    EXPECT_TRUE(MasterKeys::parse(text).error().message.starts_with("there is no master key"));
  }
}

TEST(MasterKeysTest, AFileIsItsOwnersAlone) {
  const testing::TempDir dir;
  const std::string path = dir.sub("keys");
  const auto refused = [](const std::string& file) {
    const auto keys = MasterKeys::read_file(file);
    return keys ? std::string("it was read") : keys.error().message;
  };
  const auto expect = [&](const std::string& file, const char* part) {
    const std::string message = refused(file);
    EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_NE(message.find(file), std::string::npos) << message;
  };
  expect(path, "cannot be read: No such file");
  expect(dir.path().string(), "is no regular file");
  const std::string key = new_key();
  std::ofstream(path) << key << "\n";
  for (const mode_t mode : {0640u, 0604u, 0620u, 0644u}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    expect(path, "is not its owner's alone; chmod 600");
  }
  for (const mode_t mode : {0600u, 0400u}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_EQ(MasterKeys::read_file(path).value().ids(), keys_of(key).ids());
  }
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  std::ofstream(path) << "hush-hush\n";
  expect(path, "cannot be used: master key 1 is not 32 bytes");
  EXPECT_EQ(refused(path).find("hush"), std::string::npos);
  std::ofstream(path) << std::string(70'000, '\n');
  expect(path, "is longer than 64 KiB");
}

}  // namespace
}  // namespace rhooks::secrets

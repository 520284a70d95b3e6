#include "base/ca_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "testing/temp_dir.h"
#include "testing/test_certificate.h"

namespace rhooks {
namespace {

class CaFileTest : public ::testing::Test {
 protected:
  std::string file(const std::string& content) {
    const std::string path = dir_.sub("ca.pem");
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  static void expect_refused(const std::string& path, const std::string& part) {
    const auto ok = check_ca_file(path);
    ASSERT_FALSE(ok) << "accepted; expected: " << part;
    EXPECT_EQ(ok.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(ok.error().field, "caFile");
    EXPECT_TRUE(ok.error().message.starts_with("the CA file " + path + " ")) << ok.error().message;
    EXPECT_NE(ok.error().message.find(part), std::string::npos) << ok.error().message;
  }

  testing::TempDir dir_;
  const testing::TestCertificate made_ = testing::make_test_certificate({"localhost"});
};

TEST_F(CaFileTest, OneWithACertificateIsAccepted) {
  for (const std::string& content :
       {made_.certificate_pem, made_.certificate_pem + made_.certificate_pem,
        "# authorities of our own\n\n" + made_.certificate_pem,
        made_.key_pem + made_.certificate_pem}) {
    const auto ok = check_ca_file(file(content));
    EXPECT_TRUE(ok) << ok.error().message;
  }
}

TEST_F(CaFileTest, OneWithoutACertificateIsRefused) {
  expect_refused(file(""), "it is empty");
  expect_refused(file("\n\n"), "nothing in it begins with -----BEGIN CERTIFICATE-----");
  expect_refused(file("hello"), "nothing in it begins with -----BEGIN CERTIFICATE-----");
  expect_refused(file(std::string(1'000'000, '\0')), "nothing in it begins");
  expect_refused(file(made_.key_pem), "it has only a key");
  expect_refused(file("\x30\x82\x03\x01 DER"), "openssl x509 -inform der");
}

TEST_F(CaFileTest, ADamagedCertificateIsRefused) {
  std::string damaged = made_.certificate_pem;
  damaged[damaged.size() / 2] = '!';
  expect_refused(file(damaged), "damaged");
  expect_refused(file(made_.certificate_pem + damaged), "damaged");
  expect_refused(file(made_.certificate_pem.substr(0, 200)), "damaged");
}

TEST_F(CaFileTest, WhatIsNoFileIsRefused) {
  expect_refused(dir_.sub("missing.pem"), "cannot be read: No such file");
  expect_refused(dir_.path().string(), "is a directory");
  const std::string pipe = dir_.sub("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  expect_refused(pipe, "is no regular file");
  expect_refused("/dev/null", "is no regular file");
  expect_refused("", "cannot be read");
}

}  // namespace
}  // namespace rhooks

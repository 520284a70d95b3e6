#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "rest/tls_context.h"
#include "testing/temp_dir.h"
#include "testing/test_certificate.h"

namespace rhooks::rest::test {

// A certificate and its key, in files.
class CertificateFiles {
 public:
  explicit CertificateFiles(
      testing::TestCertificate of = testing::make_test_certificate({"127.0.0.1"})) {
    write(std::move(of));
  }

  void write(testing::TestCertificate of) {
    made_ = std::move(of);
    write_certificate(made_.certificate_pem);
    write_key(made_.key_pem);
  }
  void write_certificate(const std::string& text) { write(files_.certificate, text); }
  void write_key(const std::string& text) { write(files_.key, text); }

  const TlsFiles& files() const { return files_; }
  const std::string& certificate_pem() const { return made_.certificate_pem; }
  const std::string& key_pem() const { return made_.key_pem; }

  std::shared_ptr<const TlsContext> load() const {
    auto loaded = TlsContext::load(files_);
    EXPECT_TRUE(loaded) << loaded.error().message;
    return loaded.value_or(nullptr);
  }

 private:
  static void write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
    std::filesystem::permissions(
        path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }

  testing::TempDir dir_;
  TlsFiles files_{.certificate = dir_.sub("server.pem"), .key = dir_.sub("server.key")};
  testing::TestCertificate made_;
};

}  // namespace rhooks::rest::test

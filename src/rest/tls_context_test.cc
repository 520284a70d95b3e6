#include "rest/tls_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <memory>

#include "rest/test_tls.h"

namespace rhooks::rest {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;
using test::CertificateFiles;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::make_test_certificate;

class TlsContextTest : public ::testing::Test {
 protected:
  void expect_refused(const char* setting, const std::string& part) {
    const auto loaded = TlsContext::load(of_.files());
    ASSERT_FALSE(loaded) << part;
    EXPECT_EQ(loaded.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(loaded.error().field, setting);
    EXPECT_THAT(loaded.error().message, HasSubstr(part));
    // What the file has is no part of it, and nothing is left for the thread's next call.
    EXPECT_THAT(loaded.error().message, Not(HasSubstr(of_.key_pem().substr(40, 20))));
    EXPECT_EQ(ERR_peek_error(), 0u);
  }

  CertificateFiles of_;
};

// The same key under a passphrase.
std::string encrypted(const std::string& key_pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> from(
      BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())), BIO_free_all);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(from.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> to(BIO_new(BIO_s_mem()), BIO_free_all);
  unsigned char passphrase[] = "a passphrase";
  EXPECT_EQ(PEM_write_bio_PrivateKey(to.get(), key.get(), EVP_aes_256_cbc(), passphrase,
                                     sizeof passphrase - 1, nullptr, nullptr),
            1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(to.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

TEST_F(TlsContextTest, TellsWhenTheCertificateEnds) {
  const auto loaded = of_.load();
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->warnings(), IsEmpty());
  EXPECT_GT(loaded->not_after(), system_clock::now() + 55min);
  EXPECT_LT(loaded->not_after(), system_clock::now() + 65min);
}

TEST_F(TlsContextTest, WarnsOfACertificateThatEnded) {
  of_.write(make_test_certificate({"127.0.0.1"}, -24h));
  const auto loaded = of_.load();
  ASSERT_TRUE(loaded);
  EXPECT_LT(loaded->not_after(), system_clock::now());
  EXPECT_THAT(loaded->warnings(),
              ElementsAre(AllOf(HasSubstr(of_.files().certificate), HasSubstr("ended at 20"))));
}

// RFC 5280, section 4.1.2.5: the year 9999 stands for no end.
TEST_F(TlsContextTest, CertificatesMayEndInTheDistantFuture) {
  using std::chrono::sys_days;
  const auto end = sys_days(std::chrono::year{9999} / 12 / 31) - sys_days();
  const auto now = std::chrono::floor<std::chrono::seconds>(system_clock::now());
  of_.write(make_test_certificate({"127.0.0.1"}, end - now.time_since_epoch()));
  EXPECT_THAT(of_.load()->warnings(), IsEmpty());
}

TEST_F(TlsContextTest, WarnsOfAKeyThatOthersCanRead) {
  ASSERT_EQ(::chmod(of_.files().key.c_str(), 0644), 0);
  const auto loaded = of_.load();
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->warnings(),
              ElementsAre(AllOf(HasSubstr(of_.files().key), HasSubstr("chmod o-r"))));
  // A group of those who read keys is a usual thing.
  ASSERT_EQ(::chmod(of_.files().key.c_str(), 0640), 0);
  EXPECT_THAT(of_.load()->warnings(), IsEmpty());
}

TEST_F(TlsContextTest, TakesIssuersAfterTheServersOwnCertificate) {
  const auto issuer = make_test_certificate({"issuer.test"});
  of_.write_certificate("a comment\n" + of_.certificate_pem() + issuer.certificate_pem);
  EXPECT_TRUE(of_.load());
  of_.write_certificate(issuer.certificate_pem + of_.certificate_pem());
  expect_refused("tls_key", "does not belong to the certificate " + of_.files().certificate);
}

TEST_F(TlsContextTest, RefusesAKeyOfAnotherCertificate) {
  of_.write_key(make_test_certificate({"127.0.0.1"}).key_pem);
  expect_refused("tls_key", "does not belong to the certificate " + of_.files().certificate);
}

TEST_F(TlsContextTest, RefusesWhatIsNoCertificate) {
  of_.write_certificate("");
  expect_refused("tls_cert", "-----BEGIN CERTIFICATE-----");
  of_.write_certificate(of_.key_pem());
  expect_refused("tls_cert", "has no certificate in PEM form");
  std::string damaged = of_.certificate_pem();
  damaged.replace(100, 8, "????????");
  of_.write_certificate(damaged);
  expect_refused("tls_cert", "damaged");
  of_.write_certificate(of_.certificate_pem() + damaged);
  expect_refused("tls_cert", "damaged");
  of_.write_certificate(of_.certificate_pem() + std::string(1'100'000, '\n'));
  expect_refused("tls_cert", "longer than 1 MiB");
}

TEST_F(TlsContextTest, RefusesWhatIsNoKey) {
  of_.write_key("");
  expect_refused("tls_key", "has no private key");
  of_.write_key(of_.certificate_pem());
  expect_refused("tls_key", "has no private key");
  of_.write_key(of_.key_pem().substr(0, of_.key_pem().size() / 2));
  expect_refused("tls_key", "has no private key");
  of_.write_key(encrypted(of_.key_pem()));
  expect_refused("tls_key", "has a passphrase");
}

TEST_F(TlsContextTest, RefusesWhatIsNoFile) {
  std::filesystem::remove(of_.files().key);
  expect_refused("tls_key", "No such file");
  ASSERT_EQ(::mkfifo(of_.files().key.c_str(), 0600), 0);
  expect_refused("tls_key", "no regular file");
  std::filesystem::remove(of_.files().certificate);
  std::filesystem::create_directory(of_.files().certificate);
  expect_refused("tls_cert", "no regular file");
}

}  // namespace
}  // namespace rhooks::rest

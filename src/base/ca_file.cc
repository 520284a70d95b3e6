#include "base/ca_file.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <system_error>

namespace rhooks {
namespace {

// The certificates of a file; revocation lists, which it may hold as well, do not count.
int certificates_in(const std::string& path) {
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(),
                                                                      X509_STORE_free);
  int count = 0;
  if (store && X509_STORE_load_file(store.get(), path.c_str()) == 1) {
    const auto* const objects = X509_STORE_get0_objects(store.get());
    for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
      if (X509_OBJECT_get_type(sk_X509_OBJECT_value(objects, i)) == X509_LU_X509) ++count;
    }
  }
  ERR_clear_error();  // what it left would be taken for an error of the thread's next call
  return count;
}

// What a file without a certificate that can be read has instead, for people.
std::string content_of(const std::string& path) {
  std::string head(64 * 1024, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  const auto has = [&](const char* text) { return head.find(text) != std::string::npos; };
  if (head.empty()) return "it is empty";
  if (has("CERTIFICATE-----")) return "one of its certificates is damaged";
  if (has("KEY-----")) return "it has only a key";
  // The first byte of a certificate in DER, which is an ASN.1 SEQUENCE.
  if (head[0] == 0x30) {
    return "this may be DER: `openssl x509 -inform der -in FILE -out FILE.pem` makes PEM of it";
  }
  return "nothing in it begins with -----BEGIN CERTIFICATE-----";
}

}  // namespace

Result<void> check_ca_file(const std::string& path) {
  const auto refuse = [&](const std::string& why) {
    return fail(ErrorCode::kInvalidArgument, "the CA file " + path + " " + why, "caFile");
  };
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || ::access(path.c_str(), R_OK) != 0) {
    return refuse("cannot be read: " + std::generic_category().message(errno));
  }
  if (S_ISDIR(status.st_mode)) {
    return refuse("is a directory; name a file of certificates in PEM form");
  }
  // It is read now, and again for connections.
  if (!S_ISREG(status.st_mode)) {
    return refuse("is no regular file; name a file of certificates in PEM form");
  }
  if (certificates_in(path) > 0) return {};
  return refuse("has no certificate that can be used: it has to be in PEM form, and " +
                content_of(path));
}

}  // namespace rhooks

#include "base/secret_bytes.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/check.h"

namespace rhooks {

void SecretBytes::Cleanse::operator()(std::uint8_t* bytes) const {
  OPENSSL_cleanse(bytes, size);
  delete[] bytes;
}

SecretBytes SecretBytes::copy_of(std::string_view bytes) {
  SecretBytes copy(bytes.size());
  bytes.copy(reinterpret_cast<char*>(copy.data()), bytes.size());
  return copy;
}

SecretBytes SecretBytes::random(std::size_t size) {
  SecretBytes made(size);
  RHOOKS_CHECK(RAND_priv_bytes(made.data(), static_cast<int>(size)) == 1);
  return made;
}

}  // namespace rhooks

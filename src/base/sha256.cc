#include "base/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <bit>
#include <cstring>
#include <memory>

#include "base/check.h"

namespace rhooks {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// OpenSSL 3 looks an algorithm up by name on every use of EVP_sha256(); fetching it once and
// keeping a context for each thread makes a call cost little more than its hashing.
const EVP_MD* algorithm() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  RHOOKS_CHECK(fetched != nullptr);
  return fetched;
}

class Hasher {
 public:
  Hasher() : context_(thread_context()) {
    RHOOKS_CHECK(EVP_DigestInit_ex2(context_, algorithm(), nullptr) == 1);
  }

  void add(const void* data, std::size_t size) {
    RHOOKS_CHECK(EVP_DigestUpdate(context_, data, size) == 1);
  }

  Sha256 finish() {
    Sha256 digest;
    unsigned int size = 0;
    RHOOKS_CHECK(EVP_DigestFinal_ex(context_, digest.data(), &size) == 1);
    RHOOKS_CHECK(size == digest.size());
    return digest;
  }

 private:
  static EVP_MD_CTX* thread_context() {
    thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
    RHOOKS_CHECK(context != nullptr);
    return context.get();
  }

  EVP_MD_CTX* context_;
};

}  // namespace

Sha256 sha256(std::initializer_list<std::string_view> parts) {
  Hasher hasher;
  // Short parts are handed over together: a call of OpenSSL costs more than their hashing.
  std::array<std::uint8_t, 256> gathered;
  std::size_t used = 0;
  const auto hand_over = [&] {
    hasher.add(gathered.data(), used);
    used = 0;
  };
  for (const std::string_view part : parts) {
    if (gathered.size() - used < sizeof(std::uint64_t)) hand_over();
    std::uint64_t size = part.size();
    if constexpr (std::endian::native == std::endian::little) size = __builtin_bswap64(size);
    std::memcpy(gathered.data() + used, &size, sizeof size);
    used += sizeof size;
    if (part.size() > gathered.size() - used) hand_over();
    if (part.size() > gathered.size()) {
      hasher.add(part.data(), part.size());
    } else {
      part.copy(reinterpret_cast<char*>(gathered.data()) + used, part.size());
      used += part.size();
    }
  }
  hand_over();
  return hasher.finish();
}

Sha256 sha256_of_bytes(std::string_view bytes) {
  Hasher hasher;
  hasher.add(bytes.data(), bytes.size());
  return hasher.finish();
}

Sha256 hmac_sha256(std::string_view key, std::string_view text) {
  Sha256 result;
  unsigned int size = 0;
  const unsigned char* const done =
      HMAC(algorithm(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), result.data(), &size);
  RHOOKS_CHECK(done != nullptr && size == result.size());
  return result;
}

std::string to_hex(const std::uint8_t* data, std::size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(size * 2);
  for (std::size_t i = 0; i < size; ++i) {
    text.push_back(kDigits[data[i] >> 4]);
    text.push_back(kDigits[data[i] & 0x0f]);
  }
  return text;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace rhooks

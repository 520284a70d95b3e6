#pragma once

#include <rhooks/result.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret_bytes.h"

struct evp_pkey_st;  // EVP_PKEY of OpenSSL

namespace rhooks::signing {

// One signature as a header has it, "v1,K5oZfz…", taken apart.
struct Signature {
  std::string_view version;  // "v1", "v1a"
  std::string bytes;
};

// A secret of Standard Webhooks, ready to use. include/rhooks/verify.h has its forms as text.
// Threads: const methods may be called from any thread.
class Key {
 public:
  enum class Type { kHmac, kEd25519, kEd25519Public };

  // Errors: kInvalidArgument. The message does not quote the text.
  static Result<Key> parse(std::string_view text);
  // New ones, by random numbers of OpenSSL: 32 bytes for HMAC; a pair of ed25519.
  static Key generate_hmac();
  static Key generate_ed25519();

  Type type() const { return type_; }
  bool can_sign() const { return type_ != Type::kEd25519Public; }
  // The form that parse() reads: the secret itself, but for a public key.
  std::string text() const;
  // "whpk_…"; none for HMAC.
  std::optional<std::string> public_text() const;

  // "v1,…" or "v1a,…". Only where can_sign().
  std::string sign(std::string_view content) const;
  // Whether this key made one of the signatures, in a time that does not tell how nearly.
  bool made_one_of(const std::vector<Signature>& signatures, std::string_view content) const;

 private:
  struct FreePkey {
    void operator()(evp_pkey_st* key) const;
  };
  using Pkey = std::unique_ptr<evp_pkey_st, FreePkey>;

  Key(Type type, SecretBytes bytes);
  std::string ed25519_signature(std::string_view content) const;
  bool ed25519_fits(std::string_view signature, std::string_view content) const;

  Type type_;
  SecretBytes bytes_;  // what the text has in base64
  Pkey pkey_;          // of ed25519
};

// Each of the texts. Errors: kInvalidArgument, field "secrets" or "secrets[1]"; the message begins
// with which one it is, "secret 2: …".
Result<std::vector<Key>> parse_keys(const std::vector<std::string>& texts);

}  // namespace rhooks::signing

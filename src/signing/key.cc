#include "signing/key.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <array>

#include "base/base64.h"
#include "base/check.h"
#include "base/sha256.h"

namespace rhooks::signing {
namespace {

constexpr std::size_t kHalfOfPair = 32;  // RFC 8032: a private key, and a public one
constexpr std::size_t kEd25519SignatureBytes = 64;

struct Form {
  std::string_view prefix;
  Key::Type type;
  std::size_t bytes_min, bytes_max;
};
constexpr Form kForms[] = {
    {"whsec_", Key::Type::kHmac, 24, 64},
    {"whsk_", Key::Type::kEd25519, 2 * kHalfOfPair, 2 * kHalfOfPair},
    {"whpk_", Key::Type::kEd25519Public, kHalfOfPair, kHalfOfPair},
};

const Form& form_of(Key::Type type) {
  for (const Form& form : kForms) {
    if (form.type == type) return form;
  }
  return kForms[0];
}

// The form of a text, which loses its prefix; that of HMAC may have none.
const Form& take_form(std::string_view& text) {
  for (const Form& form : kForms) {
    if (!text.starts_with(form.prefix)) continue;
    text.remove_prefix(form.prefix.size());
    return form;
  }
  return kForms[0];
}

struct FreeMdContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using MdContext = std::unique_ptr<EVP_MD_CTX, FreeMdContext>;

MdContext new_md_context() {
  MdContext context(EVP_MD_CTX_new());
  RHOOKS_CHECK(context != nullptr);
  return context;
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

EVP_PKEY* new_private_key(const std::uint8_t* seed) {
  return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed, kHalfOfPair);
}

void read_public_half(const EVP_PKEY* key, std::uint8_t* out) {
  std::size_t size = kHalfOfPair;
  RHOOKS_CHECK(EVP_PKEY_get_raw_public_key(key, out, &size) == 1 && size == kHalfOfPair);
}

std::string_view text_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

void Key::FreePkey::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

Key::Key(Type type, SecretBytes bytes) : type_(type), bytes_(std::move(bytes)) {
  if (type_ == Type::kHmac) return;
  pkey_.reset(type_ == Type::kEd25519 ? new_private_key(bytes_.data())
                                      : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                                                    bytes_.data(), kHalfOfPair));
  RHOOKS_CHECK(pkey_ != nullptr);
}

Result<Key> Key::parse(std::string_view text) {
  const auto refuse = [](std::string why) {
    return fail(ErrorCode::kInvalidArgument, std::move(why));
  };
  if (text.empty()) return refuse("it is empty");
  if (text.starts_with("v1,") || text.starts_with("v1a,")) {
    return refuse("it begins with the version of a signature; leave out what is before whsec_");
  }
  const Form& form = take_form(text);
  SecretBytes bytes(base64_bytes(text));
  if (!read_base64(text, bytes.data())) {
    return refuse(
        "it is not whsec_, whsk_ or whpk_ and base64 with its padding (RFC 4648, section 4)");
  }
  if (bytes.size() < form.bytes_min || bytes.size() > form.bytes_max) {
    const std::string most =
        form.bytes_min == form.bytes_max ? "" : " to " + std::to_string(form.bytes_max);
    return refuse("it has " + std::to_string(bytes.size()) + " bytes behind " +
                  std::string(form.prefix) + ", which takes " + std::to_string(form.bytes_min) +
                  most);
  }
  Key key(form.type, std::move(bytes));
  if (form.type == Type::kEd25519) {
    std::array<std::uint8_t, kHalfOfPair> derived;
    read_public_half(key.pkey_.get(), derived.data());
    const std::string_view given = key.bytes_.view().substr(kHalfOfPair);
    if (given != std::string_view(reinterpret_cast<const char*>(derived.data()), derived.size())) {
      return refuse("its second half is not the public key of its first half");
    }
  }
  return key;
}

Key Key::generate_hmac() {
  return Key(Type::kHmac, SecretBytes::random(32));
}

Key Key::generate_ed25519() {
  const SecretBytes seed = SecretBytes::random(kHalfOfPair);
  const Pkey pair(new_private_key(seed.data()));
  RHOOKS_CHECK(pair != nullptr);
  SecretBytes both(2 * kHalfOfPair);
  seed.view().copy(reinterpret_cast<char*>(both.data()), kHalfOfPair);
  read_public_half(pair.get(), both.data() + kHalfOfPair);
  return Key(Type::kEd25519, std::move(both));
}

std::string Key::text() const {
  return std::string(form_of(type_).prefix) + to_base64(bytes_.view());
}

std::optional<std::string> Key::public_text() const {
  if (type_ == Type::kHmac) return std::nullopt;
  const std::string_view half = bytes_.view().substr(bytes_.size() - kHalfOfPair);
  return std::string(form_of(Type::kEd25519Public).prefix) + to_base64(half);
}

std::string Key::sign(std::string_view content) const {
  if (type_ != Type::kHmac) return "v1a," + to_base64(ed25519_signature(content));
  return "v1," + to_base64(text_of(hmac_sha256(bytes_.view(), content)));
}

bool Key::made_one_of(const std::vector<Signature>& signatures, std::string_view content) const {
  bool made = false;
  if (type_ == Type::kHmac) {
    const Sha256 expected = hmac_sha256(bytes_.view(), content);
    for (const Signature& one : signatures) {
      made |= one.version == "v1" && equal_in_constant_time(one.bytes, text_of(expected));
    }
  } else {
    for (const Signature& one : signatures) {
      made = made || (one.version == "v1a" && ed25519_fits(one.bytes, content));
    }
  }
  return made;
}

std::string Key::ed25519_signature(std::string_view content) const {
  RHOOKS_CHECK(can_sign());
  const MdContext context = new_md_context();
  std::string signature(kEd25519SignatureBytes, '\0');
  std::size_t size = signature.size();
  RHOOKS_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, pkey_.get()) == 1);
  RHOOKS_CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                              &size, bytes_of(content), content.size()) == 1);
  RHOOKS_CHECK(size == signature.size());
  return signature;
}

bool Key::ed25519_fits(std::string_view signature, std::string_view content) const {
  if (signature.size() != kEd25519SignatureBytes) return false;
  const MdContext context = new_md_context();
  RHOOKS_CHECK(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey_.get()) == 1);
  const bool fits = EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                                     bytes_of(content), content.size()) == 1;
  ERR_clear_error();  // what it left would be taken for an error of the thread's next call
  return fits;
}

Result<std::vector<Key>> parse_keys(const std::vector<std::string>& texts) {
  if (texts.empty()) return fail(ErrorCode::kInvalidArgument, "there is no secret", "secrets");
  std::vector<Key> keys;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto key = Key::parse(texts[i]);
    if (!key) {
      return fail(ErrorCode::kInvalidArgument,
                  "secret " + std::to_string(i + 1) + ": " + key.error().message,
                  "secrets[" + std::to_string(i) + "]");
    }
    keys.push_back(std::move(*key));
  }
  return keys;
}

}  // namespace rhooks::signing

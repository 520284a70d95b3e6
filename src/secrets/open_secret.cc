#include "secrets/open_secret.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/base64.h"
#include "base/utf8.h"

namespace rhooks::secrets {
namespace {

tl::unexpected<Error> refuse(const std::string& why) {
  return fail(ErrorCode::kInvalidArgument, "value: " + why, "value");
}

Result<signing::Key> parse_key(SecretType type, std::string_view value) {
  auto key = signing::Key::parse(value);
  if (!key) return refuse(key.error().message);
  const bool hmac = type == SecretType::kHmac;
  if (key->type() == (hmac ? signing::Key::Type::kHmac : signing::Key::Type::kEd25519)) return key;
  return refuse(hmac ? "a secret of type hmac begins with whsec_"
                     : "a secret of type ed25519 begins with whsk_; whpk_ is a public key, which "
                       "signs nothing");
}

// RFC 6750, section 2.1, allows fewer characters than receivers ask for.
Result<SecretBytes> parse_token(std::string_view value) {
  const bool visible = !value.empty() && std::all_of(value.begin(), value.end(),
                                                     [](char c) { return c > ' ' && c < '\x7f'; });
  if (!visible) return refuse("a token is of visible ASCII characters, without spaces");
  return SecretBytes::copy_of("Bearer " + std::string(value));
}

// RFC 7617, section 2.
Result<SecretBytes> parse_basic(std::string_view value) {
  if (value.find(':') == value.npos) return refuse("it has to be USER:PASSWORD");
  if (!is_utf8(value) || has_control(value)) {
    return refuse("user and password are UTF-8 without control characters");
  }
  return SecretBytes::copy_of("Basic " + to_base64(value));
}

}  // namespace

Result<OpenSecret> OpenSecret::parse(SecretType type, std::string_view value) {
  OpenSecret secret(type);
  if (type == SecretType::kHmac || type == SecretType::kEd25519) {
    auto key = parse_key(type, value);
    if (!key) return fail(std::move(key.error()));
    secret.keys_.push_back(std::move(*key));
    return secret;
  }
  auto authorization = type == SecretType::kToken ? parse_token(value) : parse_basic(value);
  if (!authorization) return fail(std::move(authorization.error()));
  secret.authorization_ = std::move(*authorization);
  return secret;
}

void OpenSecret::also_sign_by(OpenSecret before, TimePoint until) {
  std::move(before.keys_.begin(), before.keys_.end(), std::back_inserter(keys_));
  second_until_ = until;
}

std::span<const signing::Key> OpenSecret::keys(TimePoint now) const {
  return std::span(keys_).first(now < second_until_ ? keys_.size()
                                                    : std::min<std::size_t>(keys_.size(), 1));
}

std::optional<std::string> OpenSecret::public_key() const {
  return keys_.empty() ? std::nullopt : keys_.front().public_text();
}

}  // namespace rhooks::secrets

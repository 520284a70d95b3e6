#include "model/redaction.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/ascii.h"
#include "base/sha256.h"
#include "model/refusal.h"

namespace rhooks::model {
namespace {

constexpr std::string_view kBare = "[redacted]";
constexpr std::string_view kBegin = "[redacted ";
constexpr std::size_t kDigestBytes = 8;
constexpr std::size_t kSize = kBegin.size() + 2 * kDigestBytes + 1;

bool is_digit_of_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool to_be_redacted(const Header& header) {
  return is_credential(header.name) && !is_placeholder(header.value);
}

// Scheme, host and port, as they are written.
std::string_view origin_of(std::string_view url) {
  constexpr std::string_view kSchemeEnd = "://";
  const auto scheme = url.find(kSchemeEnd);
  if (scheme == std::string_view::npos) return {};
  return url.substr(0, url.find_first_of("/?#", scheme + kSchemeEnd.size()));
}

bool same_origin(std::string_view a, std::string_view b) {
  return equal_in_any_case(origin_of(a), origin_of(b));
}

}  // namespace

bool is_credential(std::string_view name) {
  static constexpr std::array<std::string_view, 7> kNames = {
      "authorization",     "cookie",    "proxy-authorization", "set-cookie",
      "webhook-signature", "x-api-key", "x-auth-token"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view one) { return equal_in_any_case(name, one); });
}

// Spaces around a value are no part of it, and are not sent.
std::string placeholder_of(std::string_view value, std::string_view key) {
  if (key.empty()) return std::string(kBare);
  const Sha256 digest = hmac_sha256(key, trim(value, " \t"));
  return std::string(kBegin) + to_hex(digest.data(), kDigestBytes) + ']';
}

bool is_placeholder(std::string_view value) {
  if (value == kBare) return true;
  if (value.size() != kSize || !value.starts_with(kBegin) || value.back() != ']') return false;
  value.remove_prefix(kBegin.size());
  value.remove_suffix(1);
  return std::all_of(value.begin(), value.end(), is_digit_of_hex);
}

bool has_credentials(const std::vector<Header>& headers) {
  return std::any_of(headers.begin(), headers.end(), to_be_redacted);
}

bool has_placeholders(const std::vector<Header>& headers) {
  return std::any_of(headers.begin(), headers.end(),
                     [](const Header& header) { return is_placeholder(header.value); });
}

void redact(std::vector<Header>& headers, std::string_view key) {
  for (Header& header : headers) {
    if (to_be_redacted(header)) header.value = placeholder_of(header.value, key);
  }
}

Result<void> restore_redacted(std::vector<Header>& headers, const std::vector<Header>& stored,
                              std::string_view key, std::string_view field) {
  for (Header& header : headers) {
    if (!is_placeholder(header.value)) continue;
    const auto kept = std::find_if(stored.begin(), stored.end(), [&](const Header& one) {
      return equal_in_any_case(one.name, header.name) &&
             placeholder_of(one.value, key) == header.value;
    });
    if (kept == stored.end()) {
      return invalid(field, "the value of " + quoted(header.name) +
                                " is a placeholder, and stands for no value that is stored there "
                                "for the same receiver; give the value itself");
    }
    header.value = kept->value;
  }
  return {};
}

Result<void> restore_redacted(Spec& spec, const Spec& stored, std::string_view key) {
  const bool same = spec.endpoint == stored.endpoint &&
                    (!spec.endpoint.empty() || same_origin(spec.request.url, stored.request.url));
  if (!same) return refuse_redacted(spec.request.headers);
  return restore_redacted(spec.request.headers, stored.request.headers, key);
}

Result<void> restore_redacted(Endpoint& endpoint, const Endpoint& stored, std::string_view key) {
  if (!same_origin(endpoint.url, stored.url)) return refuse_redacted(endpoint.headers);
  return restore_redacted(endpoint.headers, stored.headers, key);
}

Result<void> refuse_redacted(const std::vector<Header>& headers) {
  if (!has_placeholders(headers)) return {};
  std::vector<Header> unchanged = headers;
  return restore_redacted(unchanged, {}, {});
}

}  // namespace rhooks::model

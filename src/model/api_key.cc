#include "model/api_key.h"

#include <algorithm>

#include "base/base64.h"
#include "model/checks.h"
#include "model/refusal.h"

namespace rhooks::model {
namespace {

constexpr std::string_view kPrefix = "rhk_";
constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::size_t kIdSize = 12;
constexpr std::size_t kRandomSize = 43;
constexpr std::size_t kTextSize = kPrefix.size() + kIdSize + 1 + kRandomSize;

bool is_id(std::string_view text) {
  return text.size() == kIdSize && text.find_first_not_of(kBase32) == text.npos;
}

void replace_all(std::string& text, char from, char to) {
  std::replace(text.begin(), text.end(), from, to);
}

// Whether an entry holds in all that begin with what stands before its end.
bool is_prefix(std::string_view entry) {
  return entry.ends_with('*');
}

}  // namespace

Result<void> check_api_key_namespaces(const std::vector<std::string>& namespaces) {
  if (namespaces.empty()) {
    return invalid("namespaces", "must name one namespace at least; \"*\" stands for all");
  }
  if (namespaces.size() > kApiKeyNamespacesMax) {
    return invalid("namespaces", "must be at most " + std::to_string(kApiKeyNamespacesMax) +
                                     "; a name that ends with * stands for all that begin so");
  }
  for (std::size_t i = 0; i < namespaces.size(); ++i) {
    const std::string path = "namespaces[" + std::to_string(i) + "]";
    if (auto ok = Name{kNamespaceBytesMax}.check(namespaces[i], path); !ok) return ok;
  }
  return {};
}

Result<void> validate(const ApiKeySpec& key) {
  return check_fields(key, "");
}

bool holds_in(const std::vector<std::string>& namespaces, std::string_view ns) {
  return std::any_of(namespaces.begin(), namespaces.end(), [&](std::string_view entry) {
    return is_prefix(entry) ? ns.starts_with(entry.substr(0, entry.size() - 1)) : ns == entry;
  });
}

bool holds_everywhere(const std::vector<std::string>& namespaces) {
  return std::find(namespaces.begin(), namespaces.end(), "*") != namespaces.end();
}

ApiKeyText make_api_key(std::span<const std::uint8_t, kApiKeyIdBytes> id,
                        std::span<const std::uint8_t, kApiKeyRandomBytes> random) {
  std::uint64_t bits = 0;
  for (const std::uint8_t byte : id) bits = bits << 8 | byte;
  ApiKeyText key;
  for (std::size_t i = 0; i < kIdSize; ++i, bits >>= 5) key.id += kBase32[bits & 31];
  key.random.assign(random.begin(), random.end());
  return key;
}

std::string to_text(const ApiKeyText& key) {
  std::string random = to_base64(key.random).substr(0, kRandomSize);
  replace_all(random, '+', '-');
  replace_all(random, '/', '_');
  return std::string(kPrefix) + key.id + "_" + random;
}

std::optional<ApiKeyText> parse_api_key_text(std::string_view text) {
  if (text.size() != kTextSize || !text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  if (!is_id(text.substr(0, kIdSize)) || text[kIdSize] != '_') return std::nullopt;
  std::string base64(text.substr(kIdSize + 1));
  if (base64.find_first_of("+/=") != base64.npos) return std::nullopt;
  replace_all(base64, '-', '+');
  replace_all(base64, '_', '/');
  auto random = from_base64(base64 + "=");
  if (!random) return std::nullopt;
  return ApiKeyText{std::string(text.substr(0, kIdSize)), std::move(*random)};
}

Result<void> validate_api_key_id(std::string_view id) {
  if (is_id(id)) return {};
  return invalid(
      "id", "must be the id of an API key, 12 letters a to z and digits 2 to 7, not " + quoted(id));
}

}  // namespace rhooks::model

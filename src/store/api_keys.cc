#include "store/api_keys.h"

#include "base/sha256.h"
#include "codec/stored.h"

namespace rhooks::store {
namespace {

constexpr KindWords kApiKeyWords{
    .kind = "key",
    .a_kind = "an API key",
    .kinds = "API keys",
    .damaged = "it opens nothing",
    .unlisted = "none of them opens anything",
};

std::string_view view_of(const Sha256& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

}  // namespace

DocumentKey api_key_key(const std::string& id) {
  return {kApiKeyWords.kind, {}, id};
}

DocumentQuery api_key_query() {
  DocumentQuery query;
  query.kind = kApiKeyWords.kind;
  query.ns = "";
  return query;
}

Result<model::StoredApiKey> api_key_of(const StoredDocument& document) {
  auto key = codec::decode_api_key(document.key, document.data);
  if (!key) return fail(damaged_document(document.key, key.error().message));
  key->revision = to_string(document.revision);
  key->updated_at = document.updated_at;
  return key;
}

ApiKeys::ApiKeys(Store& store, std::optional<std::chrono::milliseconds> max_age)
    : KnownDocuments(store, kApiKeyWords, api_key_of, max_age) {}

std::optional<ApiKeys::Found> ApiKeys::sent(std::string_view text) const {
  static const model::ApiKeyText kNoKey{"", std::string(model::kApiKeyRandomBytes, '\0')};
  static const model::StoredApiKey kNobodys;
  const auto parsed = model::parse_api_key_text(text);
  const model::ApiKeyText& sent = parsed ? *parsed : kNoKey;
  const Sha256 hash = sha256_of_bytes(sent.random);
  const auto known = known_or_null({}, sent.id);
  if (!known) return std::nullopt;
  Found found = std::static_pointer_cast<const model::StoredApiKey>(*known);
  const Sha256& expected = (found ? *found : kNobodys).hash;
  if (!equal_in_constant_time(view_of(hash), view_of(expected))) found = nullptr;
  return found;
}

}  // namespace rhooks::store

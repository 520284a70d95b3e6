#include "store/endpoints.h"

#include "codec/public_json.h"
#include "model/endpoint.h"

namespace rhooks::store {
namespace {

constexpr KindWords kWords{
    .kind = "endpoint",
    .a_kind = "an endpoint",
    .kinds = "endpoints",
    .damaged = "its tasks wait",
    .unlisted = "tasks that name one wait",
};

}  // namespace

DocumentKey endpoint_key(const std::string& ns, const std::string& name) {
  return {kWords.kind, ns, name};
}

DocumentQuery endpoint_query(std::optional<std::string> ns) {
  DocumentQuery query;
  query.kind = kWords.kind;
  query.ns = std::move(ns);
  return query;
}

Result<Endpoint> endpoint_of(const StoredDocument& document) {
  auto endpoint = codec::parse_stored_endpoint(document.data);
  if (!endpoint) return fail(damaged_document(document.key, endpoint.error().message));
  endpoint->ns = document.key.ns;
  endpoint->name = document.key.name;
  endpoint->revision = to_string(document.revision);
  endpoint->updated_at = document.updated_at;
  return endpoint;
}

Endpoints::Endpoints(Store& store, std::optional<std::chrono::milliseconds> max_age)
    : KnownDocuments(store, kWords, endpoint_of, max_age) {}

std::optional<std::vector<model::LimitsOf>> Endpoints::limits(
    const WithoutSecret& without_secret) const {
  std::vector<model::LimitsOf> limits;
  const bool read =
      for_each_known([&](const std::string& ns, const std::string& name, const Result<Made>& one) {
        model::Limits of_one{.unknown = true};
        if (const auto found = typed(one)) {
          of_one = model::limits_of(**found);
          of_one.without_secret = without_secret(**found);
        }
        limits.push_back({model::namespace_hash(ns), model::endpoint_hash(name), of_one});
      });
  if (!read) return std::nullopt;
  return limits;
}

}  // namespace rhooks::store

#pragma once

#include <rhooks/endpoint.h>
#include <rhooks/result.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/flow.h"
#include "store/known_documents.h"

namespace rhooks::store {

// Endpoints are documents of one kind, whose data is their JSON.
DocumentKey endpoint_key(const std::string& ns, const std::string& name);
// Of all endpoints, or those of a namespace.
DocumentQuery endpoint_query(std::optional<std::string> ns = std::nullopt);
// Errors: kCorrupt.
Result<Endpoint> endpoint_of(const StoredDocument& document);

// All endpoints of a store, as they were lately, in memory. Threads, blocking: as DocumentCache.
class Endpoints : public KnownDocuments<Endpoint> {
 public:
  explicit Endpoints(Store& store, std::optional<std::chrono::milliseconds> max_age = std::nullopt);

  // Of all, as is known now. `without_secret`: whether one lacks a secret; it must not call this
  // object. None: they were not read so far. Waits for nothing.
  using WithoutSecret = std::function<bool(const Endpoint&)>;
  std::optional<std::vector<model::LimitsOf>> limits(const WithoutSecret& without_secret) const;
};

}  // namespace rhooks::store

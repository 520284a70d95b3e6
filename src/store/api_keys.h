#pragma once

#include <rhooks/api_key.h>
#include <rhooks/result.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "model/api_key.h"
#include "store/known_documents.h"

namespace rhooks::store {

// API keys are documents of one kind, of no namespace, whose data are their stored bytes.
DocumentKey api_key_key(const std::string& id);
DocumentQuery api_key_query();
// Errors: kCorrupt.
Result<model::StoredApiKey> api_key_of(const StoredDocument& document);

// All API keys of a store, as they were lately, in memory. Threads, blocking: as DocumentCache.
class ApiKeys : public KnownDocuments<model::StoredApiKey> {
 public:
  explicit ApiKeys(Store& store, std::optional<std::chrono::milliseconds> max_age = std::nullopt);

  // The key that a client sends, if it is one of those that are known; expired ones are. Takes the
  // same time whatever is wrong with it, and asks the store for nothing: who makes keys up must
  // not be able to have it read. None: they were not read so far.
  std::optional<Found> sent(std::string_view text) const;
};

}  // namespace rhooks::store

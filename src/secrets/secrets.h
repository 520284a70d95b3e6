#pragma once

#include <rhooks/result.h>
#include <rhooks/secret.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "model/secret.h"
#include "secrets/master_keys.h"
#include "secrets/open_secret.h"
#include "store/known_documents.h"

namespace rhooks::secrets {

// Secrets are documents of one kind, whose data are their stored bytes.
store::DocumentKey secret_key(const std::string& ns, const std::string& name);
store::DocumentQuery secret_query(const std::string& ns);
// With its values sealed. Errors: kCorrupt.
Result<model::StoredSecret> secret_of(const store::StoredDocument& document);

// The secrets of a store, as they were lately, opened, in memory: a revision is opened once. One
// that cannot be opened counts as one that cannot be read (kCorrupt), and the message tells what it
// is sealed by. Threads, blocking: as DocumentCache.
class Secrets : public store::KnownDocuments<OpenSecret> {
 public:
  // Without keys none can be sealed or opened.
  Secrets(store::Store& store, std::optional<MasterKeys> keys,
          std::optional<std::chrono::milliseconds> max_age = std::nullopt);

  // A secret with that value, sealed. Errors: kInvalidArgument, field "value"; kUnsupported, there
  // is no master key.
  Result<model::StoredSecret> seal(const SecretSpec& spec, std::string_view value,
                                   const Uuid& id) const;

 private:
  Result<OpenSecret> open(const store::StoredDocument& document) const;
  Result<OpenSecret> open(const Secret& secret, const Uuid& id, const std::string& sealed) const;

  const std::optional<MasterKeys> keys_;
};

}  // namespace rhooks::secrets

#pragma once

#include <rhooks/endpoint.h>
#include <rhooks/result.h>
#include <rhooks/secret.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "model/secret.h"
#include "secrets/credentials.h"
#include "secrets/master_keys.h"
#include "secrets/open_secret.h"
#include "secrets/redaction.h"
#include "store/known_documents.h"

namespace rhooks::secrets {

// Secrets are documents of one kind, whose data are their stored bytes.
store::DocumentKey secret_key(const std::string& ns, const std::string& name);
store::DocumentQuery secret_query(const std::string& ns);
// With its values sealed. Errors: kCorrupt.
Result<model::StoredSecret> secret_of(const store::StoredDocument& document);

// The secrets of a store, as they were lately, opened, in memory: a revision is opened once. One
// that cannot be opened counts as one that cannot be read (kCorrupt), and the message tells what it
// is sealed by; where it is only the value before, the latest signs alone. Threads, blocking: as
// DocumentCache.
class Secrets : public store::KnownDocuments<OpenSecret> {
 public:
  // Without keys none can be sealed or opened.
  Secrets(store::Store& store, std::optional<MasterKeys> keys,
          std::optional<std::chrono::milliseconds> max_age = std::nullopt);

  // A secret with that value, sealed. Errors: kInvalidArgument, field "value"; kUnsupported, there
  // is no master key.
  Result<model::StoredSecret> seal(const SecretSpec& spec, std::string_view value,
                                   const Uuid& id) const;

  // What an endpoint has its requests sent with: nothing, where it names none. Errors: kNotFound
  // and kCorrupt, one of them is not there, or cannot be used for it; those of the store.
  Result<Credentials> credentials_of(const Endpoint& endpoint, TimePoint now);
  // Whether that would wait for nothing.
  bool knows_credentials_of(const Endpoint& endpoint, TimePoint now) const;
  // Whether it is known that there are none for it. Waits for nothing.
  bool lacks(const Endpoint& endpoint) const;

  // What stands in the place of credentials that are shown or logged.
  Redaction& redaction() { return redaction_; }

 private:
  enum class Use { kSigning, kAuth };
  static Result<Found> fit_for(Use use, const std::string& name, Result<Found> found);
  Result<OpenSecret> open(const store::StoredDocument& document) const;
  Result<OpenSecret> open(const Secret& secret, const Uuid& id, const std::string& sealed) const;

  const std::optional<MasterKeys> keys_;
  Redaction redaction_;
};

}  // namespace rhooks::secrets

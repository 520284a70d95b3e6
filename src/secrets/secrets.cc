#include "secrets/secrets.h"

#include <utility>

#include "base/iso8601.h"
#include "codec/stored.h"
#include "observe/logging.h"

namespace rhooks::secrets {
namespace {

constexpr store::KindWords kWords{
    .kind = "secret",
    .a_kind = "a secret",
    .kinds = "secrets",
    .damaged = "tasks for which it is needed wait",
    .unlisted = "tasks for which one is needed wait",
};

Error no_master_key() {
  return {ErrorCode::kUnsupported,
          "there is no master key to seal secrets by; make one with `openssl rand -base64 32` in a "
          "file that its owner alone can read, and name that by secret_key_file "
          "(RHOOKS_SECRET_KEY_FILE)",
          {}};
}

// `version`: the id of the value.
Place place_of(const SecretSpec& secret, const std::string& version) {
  return {secret.ns, secret.name, version, to_string(secret.type)};
}

}  // namespace

store::DocumentKey secret_key(const std::string& ns, const std::string& name) {
  return {kWords.kind, ns, name};
}

store::DocumentQuery secret_query(const std::string& ns) {
  store::DocumentQuery query;
  query.kind = kWords.kind;
  query.ns = ns;
  return query;
}

Result<model::StoredSecret> secret_of(const store::StoredDocument& document) {
  auto secret = codec::decode_secret(document.key, document.data);
  if (!secret) return fail(store::damaged_document(document.key, secret.error().message));
  secret->revision = to_string(document.revision);
  secret->updated_at = document.updated_at;
  return secret;
}

Secrets::Secrets(store::Store& store, std::optional<MasterKeys> keys,
                 std::optional<std::chrono::milliseconds> max_age)
    : KnownDocuments(
          store, kWords, [this](const store::StoredDocument& document) { return open(document); },
          max_age),
      keys_(std::move(keys)),
      redaction_(store) {}

Result<model::StoredSecret> Secrets::seal(const SecretSpec& spec, std::string_view value,
                                          const Uuid& id) const {
  const auto opened = OpenSecret::parse(spec.type, value);
  if (!opened) return fail(opened.error());
  if (!keys_) return fail(no_master_key());
  model::StoredSecret sealed;
  static_cast<SecretSpec&>(sealed) = spec;
  sealed.public_key = opened->public_key().value_or("");
  sealed.id = id;
  sealed.sealed = keys_->seal(place_of(spec, to_string(id)), value);
  return sealed;
}

// Its type was checked when the endpoint was put; since then another may have taken its name.
Result<Secrets::Found> Secrets::fit_for(Use use, const std::string& name, Result<Found> found) {
  if (!found || model::signs((*found)->type()) == (use == Use::kSigning)) return found;
  return fail(ErrorCode::kCorrupt,
              "secret '" + name + "' is of type " + to_string((*found)->type()) + ", which " +
                  (use == Use::kSigning ? "signs nothing" : "is no Authorization"));
}

Result<Credentials> Secrets::credentials_of(const Endpoint& endpoint, TimePoint now) {
  Credentials credentials;
  if (!endpoint.signing.empty()) {
    auto found = fit_for(Use::kSigning, endpoint.signing, find(endpoint.ns, endpoint.signing, now));
    if (!found) return fail(std::move(found.error()));
    credentials.signing = std::move(*found);
  }
  if (!endpoint.auth.empty()) {
    auto found = fit_for(Use::kAuth, endpoint.auth, find(endpoint.ns, endpoint.auth, now));
    if (!found) return fail(std::move(found.error()));
    credentials.auth = std::move(*found);
  }
  return credentials;
}

bool Secrets::knows_credentials_of(const Endpoint& endpoint, TimePoint now) const {
  return (endpoint.signing.empty() || knows(endpoint.ns, endpoint.signing, now)) &&
         (endpoint.auth.empty() || knows(endpoint.ns, endpoint.auth, now));
}

bool Secrets::lacks(const Endpoint& endpoint) const {
  const auto lacks_one = [&](Use use, const std::string& name) {
    if (name.empty()) return false;
    const auto one = known(endpoint.ns, name);
    return one && !fit_for(use, name, *one);
  };
  return lacks_one(Use::kSigning, endpoint.signing) || lacks_one(Use::kAuth, endpoint.auth);
}

Result<OpenSecret> Secrets::open(const Secret& secret, const Uuid& id,
                                 const std::string& sealed) const {
  const auto value = keys_->open(place_of(secret, to_string(id)), sealed);
  if (!value) return fail(value.error());
  return OpenSecret::parse(secret.type, value->view());
}

Result<OpenSecret> Secrets::open(const store::StoredDocument& document) const {
  const auto refuse = [&](const Error& why) {
    return fail(ErrorCode::kCorrupt,
                store::named_document(document.key) + " cannot be opened: " + why.message);
  };
  const auto stored = secret_of(document);
  if (!stored) return fail(stored.error());
  if (!keys_) return refuse(no_master_key());
  auto opened = open(*stored, stored->id, stored->sealed);
  if (!opened) return refuse(opened.error());
  if (!stored->previous_until) return opened;
  auto before = open(*stored, stored->previous_id, stored->previous_sealed);
  if (before) {
    opened->also_sign_by(std::move(*before), *stored->previous_until);
  } else {
    // It stays there when its time is over, and its master key may be gone by then.
    log::warn("the value that a secret had before cannot be opened, and does not sign any more",
              {{"namespace", stored->ns},
               {"secret", stored->name},
               {"until", format_time(*stored->previous_until)},
               {"error", before.error().message}});
  }
  return opened;
}

}  // namespace rhooks::secrets

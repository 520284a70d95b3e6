#include <rhooks/hooks.h>

#include "codec/stored.h"
#include "hooks/hooks_impl.h"
#include "model/refusal.h"
#include "model/secret.h"

// Secrets: documents of the store, whose data are their stored bytes.
namespace rhooks {
namespace {

using model::StoredSecret;

Error too_many_secrets() {
  return {ErrorCode::kConflict,
          "there are " + std::to_string(model::kSecretsMax) + " secrets already; delete some first",
          {}};
}

// Of one that cannot be read nothing is kept.
Result<StoredSecret> in_place_of(const Looked& found, StoredSecret secret, TimePoint now) {
  secret.created_at = secret.rotated_at = now;
  if (!found.document) return secret;
  const auto before = secrets::secret_of(*found.document);
  if (!before) return secret;
  if (before->type != secret.type) {
    return fail(ErrorCode::kConflict,
                store::named_document(found.document->key) + " is of type " +
                    to_string(before->type) +
                    ", and stays so; delete it first, or take another name",
                "type");
  }
  secret.created_at = before->created_at;
  return secret;
}

Result<std::chrono::milliseconds> overlap_of(const SecretRotation& rotation, SecretType type) {
  if (model::signs(type)) return rotation.overlap.value_or(model::kOverlapDefault);
  if (rotation.overlap.value_or(std::chrono::milliseconds{0}).count() == 0) {
    return std::chrono::milliseconds{0};
  }
  return model::invalid("overlap", std::string("a secret of type ") + to_string(type) +
                                       " signs nothing: its value before is not used any more");
}

// Errors: kConflict; those of the store.
Result<void> check_not_named(store::Store& store, const store::DocumentKey& secret) {
  store::DocumentQuery query = store::endpoint_query(secret.ns);
  query.limit = model::kBatchMax;
  do {
    const auto page = store.list_documents(query);
    if (!page) return fail(page.error());
    for (const store::StoredDocument& document : page->items) {
      const auto endpoint = store::endpoint_of(document);
      if (!endpoint || (endpoint->signing != secret.name && endpoint->auth != secret.name))
        continue;
      return fail(ErrorCode::kConflict,
                  "secret '" + secret.name + "' is in use: endpoint '" + endpoint->name +
                      "' names it; have it name another, or force it, and its tasks wait");
    }
    query.after = page->next;
  } while (query.after);
  return {};
}

}  // namespace

DocumentWriter Hooks::Impl::secret_writer() {
  return {store(), *parts.clock, [this](const store::DocumentKey& key) {
            auto known = parts.secrets->changed(key.ns, key.name);
            runner.endpoints_changed();
            return known;
          }};
}

Result<SecretPut> Hooks::put_secret(NewSecret secret, const std::string& if_revision) {
  if (auto valid = model::validate(secret); !valid) return fail(std::move(valid.error()));
  const auto only = read_replaces(if_revision);
  if (!only) return fail(only.error());
  const auto sealed =
      impl_->parts.secrets->seal(secret, secret.value, impl_->uuids.v7(impl_->now()));
  if (!sealed) return fail(sealed.error());
  const auto edit = [&](const Looked& found, TimePoint now) -> Result<std::optional<std::string>> {
    auto stored = in_place_of(found, *sealed, now);
    if (!stored) return fail(std::move(stored.error()));
    if (!found.is_there() && impl_->parts.secrets->count(now) >= model::kSecretsMax) {
      return fail(too_many_secrets());
    }
    return codec::encode_secret(*stored);
  };
  const auto written =
      impl_->secret_writer().write(secrets::secret_key(secret.ns, secret.name), *only, edit);
  if (!written) return fail(written.error());
  auto stored = secrets::secret_of(written->document);
  if (!stored) return fail(std::move(stored.error()));
  return SecretPut{std::move(*stored), written->created};
}

Result<Secret> Hooks::secret(const std::string& ns, const std::string& name) {
  if (auto valid = validate_names(ns, name); !valid) return fail(std::move(valid.error()));
  const auto found = impl_->store().get_document(secrets::secret_key(ns, name));
  if (!found) return fail(found.error());
  return secrets::secret_of(*found);
}

Result<Secret> Hooks::rotate_secret(const std::string& ns, const std::string& name,
                                    SecretRotation rotation, const std::string& if_revision) {
  if (auto valid = validate_names(ns, name); !valid) return fail(std::move(valid.error()));
  if (auto valid = model::validate(rotation); !valid) return fail(std::move(valid.error()));
  const auto only = read_replaces(if_revision);
  if (!only) return fail(only.error());
  const store::DocumentKey key = secrets::secret_key(ns, name);
  const Uuid id = impl_->uuids.v7(impl_->now());
  const auto edit = [&](const Looked& found, TimePoint now) -> Result<std::optional<std::string>> {
    if (found.damaged) return fail(store::damaged_document(key));
    if (!found.document) return fail(store::no_document(key));
    auto secret = secrets::secret_of(*found.document);
    if (!secret) return fail(std::move(secret.error()));
    const auto overlap = overlap_of(rotation, secret->type);
    if (!overlap) return fail(overlap.error());
    auto next = impl_->parts.secrets->seal(*secret, rotation.value, id);
    if (!next) return fail(std::move(next.error()));
    if (auto rotated = model::rotate(*secret, std::move(*next), *overlap, now); !rotated) {
      return fail(std::move(rotated.error()));
    }
    return codec::encode_secret(*secret);
  };
  const auto written = impl_->secret_writer().write(key, *only, edit);
  if (!written) return fail(written.error());
  return secrets::secret_of(written->document);
}

Result<Secret> Hooks::remove_secret(const std::string& ns, const std::string& name,
                                    const std::string& if_revision, bool force) {
  if (auto valid = validate_names(ns, name); !valid) return fail(std::move(valid.error()));
  const auto only = read_revision(if_revision);
  if (!only) return fail(only.error());
  const store::DocumentKey key = secrets::secret_key(ns, name);
  const auto check = [&]() -> Result<void> {
    if (force) return {};
    return check_not_named(impl_->store(), key);
  };
  const auto removed = impl_->secret_writer().remove(key, *only, check);
  if (!removed) return fail(removed.error());
  if (*removed) {
    if (auto secret = secrets::secret_of(**removed)) return secret;
  }
  Secret damaged;  // of one that cannot be read its name
  damaged.ns = ns;
  damaged.name = name;
  return damaged;
}

}  // namespace rhooks

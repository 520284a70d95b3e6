#include <rhooks/hooks.h>

#include "base/iso8601.h"
#include "base/secret_bytes.h"
#include "codec/stored.h"
#include "hooks/hooks_impl.h"
#include "model/api_key.h"
#include "model/refusal.h"

// API keys: documents of the store, whose data are their stored bytes.
namespace rhooks {
namespace {

model::ApiKeyText new_key() {
  const SecretBytes id = SecretBytes::random(model::kApiKeyIdBytes);
  const SecretBytes random = SecretBytes::random(model::kApiKeyRandomBytes);
  return model::make_api_key(
      std::span<const std::uint8_t, model::kApiKeyIdBytes>(id.data(), id.size()),
      std::span<const std::uint8_t, model::kApiKeyRandomBytes>(random.data(), random.size()));
}

Error too_many_api_keys() {
  return {
      ErrorCode::kConflict,
      "there are " + std::to_string(model::kApiKeysMax) + " API keys already; revoke some first",
      {}};
}

// As of `now` for a new one: what was over before it began is a mistake.
Result<void> check_begins(const ApiKeySpec& key, TimePoint now) {
  if (!key.expires_at || *key.expires_at > now) return {};
  return model::invalid("expiresAt", "is past: " + format_time(*key.expires_at));
}

}  // namespace

DocumentWriter Hooks::Impl::api_key_writer() {
  return {store(), *parts.clock,
          [this](const store::DocumentKey& key) { return api_keys().changed(key.ns, key.name); }};
}

Result<CreatedApiKey> Hooks::create_api_key(ApiKeySpec spec) {
  if (auto valid = model::validate(spec); !valid) return fail(std::move(valid.error()));
  if (auto begins = check_begins(spec, impl_->now()); !begins) {
    return fail(std::move(begins.error()));
  }
  const model::ApiKeyText text = new_key();
  const store::DocumentKey key = store::api_key_key(text.id);
  model::StoredApiKey stored;
  static_cast<ApiKeySpec&>(stored) = std::move(spec);
  stored.id = text.id;
  stored.hash = sha256_of_bytes(text.random);
  const auto edit = [&](const Looked&, TimePoint now) -> Result<std::optional<std::string>> {
    if (impl_->api_keys().count(now) >= model::kApiKeysMax) return fail(too_many_api_keys());
    stored.created_at = now;
    return codec::encode_api_key(stored);
  };
  const auto written = impl_->api_key_writer().write(key, store::Nothing{}, edit);
  if (!written) return fail(written.error());
  auto made = store::api_key_of(written->document);
  if (!made) return fail(std::move(made.error()));
  return CreatedApiKey{std::move(*made), model::to_text(text)};
}

Result<ApiKey> Hooks::api_key(const std::string& id) {
  if (auto valid = model::validate_api_key_id(id); !valid) return fail(std::move(valid.error()));
  const auto found = impl_->store().get_document(store::api_key_key(id));
  if (!found) return fail(found.error());
  return store::api_key_of(*found);
}

Result<ApiKey> Hooks::change_api_key(const std::string& id, ApiKeySpec spec,
                                     const std::string& if_revision) {
  if (auto valid = model::validate_api_key_id(id); !valid) return fail(std::move(valid.error()));
  if (auto valid = model::validate(spec); !valid) return fail(std::move(valid.error()));
  const auto only = read_revision(if_revision);
  if (!only) return fail(only.error());
  const store::DocumentKey key = store::api_key_key(id);
  const auto edit = [&](const Looked& found, TimePoint) -> Result<std::optional<std::string>> {
    if (found.damaged) return fail(store::damaged_document(key));
    if (!found.document) return fail(store::no_document(key));
    auto stored = store::api_key_of(*found.document);
    if (!stored) return fail(std::move(stored.error()));
    static_cast<ApiKeySpec&>(*stored) = spec;
    return codec::encode_api_key(*stored);
  };
  const auto written =
      impl_->api_key_writer().write(key, *only ? store::Replaces(**only) : store::Whatever{}, edit);
  if (!written) return fail(written.error());
  return store::api_key_of(written->document);
}

Result<ApiKey> Hooks::revoke_api_key(const std::string& id, const std::string& if_revision) {
  if (auto valid = model::validate_api_key_id(id); !valid) return fail(std::move(valid.error()));
  const auto only = read_revision(if_revision);
  if (!only) return fail(only.error());
  const auto removed =
      impl_->api_key_writer().remove(store::api_key_key(id), *only, [] { return Result<void>(); });
  if (!removed) return fail(removed.error());
  if (*removed) {
    if (auto key = store::api_key_of(**removed)) return key;
  }
  ApiKey damaged;  // of one that cannot be read its id
  damaged.id = id;
  return damaged;
}

std::optional<SentApiKey> Hooks::known_api_key(std::string_view text) const {
  const TimePoint now = impl_->now();
  if (!impl_->api_keys().is_up_to_date(now)) return std::nullopt;
  return impl_->sent_api_key(text, now);
}

Result<SentApiKey> Hooks::find_api_key(std::string_view text) {
  const TimePoint now = impl_->now();
  if (auto read = impl_->api_keys().refresh_if_old(now); !read)
    return fail(std::move(read.error()));
  if (auto sent = impl_->sent_api_key(text, now)) return std::move(*sent);
  return fail(ErrorCode::kUnavailable, "API keys are being read for the first time; try again");
}

std::optional<SentApiKey> Hooks::Impl::sent_api_key(std::string_view text, TimePoint at) const {
  auto found = api_keys().sent(text);
  if (!found) return std::nullopt;
  SentApiKey sent;
  sent.any = api_keys().known_count() > 0;
  sent.key = std::move(*found);
  sent.expired = sent.key && sent.key->expires_at && *sent.key->expires_at <= at;
  return sent;
}

}  // namespace rhooks

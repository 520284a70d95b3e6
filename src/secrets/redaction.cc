#include "secrets/redaction.h"

#include <chrono>
#include <cstddef>
#include <utility>

#include "base/secret_bytes.h"
#include "model/redaction.h"
#include "observe/logging.h"

namespace rhooks::secrets {
namespace {

constexpr std::size_t kPlaceholderKeyBytes = 32;

// What could not be read is not read again before that.
constexpr std::chrono::milliseconds kReadAgainAfter{10'000};

const store::DocumentKey& key_document() {
  static const store::DocumentKey key{"redaction", "", "key"};
  return key;
}

}  // namespace

void Redaction::redact(std::vector<Header>& headers, TimePoint now) {
  if (model::has_credentials(headers)) model::redact(headers, key(now));
}

void Redaction::redact(model::AttemptOutcome& outcome, TimePoint now) {
  redact(outcome.sent.headers, now);
  if (outcome.response) redact(outcome.response->headers, now);
}

Result<void> Redaction::restore(Endpoint& endpoint, const Endpoint& stored, TimePoint now) {
  if (!model::has_placeholders(endpoint.headers)) return {};
  return model::restore_redacted(endpoint, stored, key(now));
}

std::string Redaction::key(TimePoint now) {
  {
    MutexLock lock(mutex_);
    if (!key_.empty()) return key_;
    if (failed_at_ && now >= *failed_at_ && now - *failed_at_ < kReadAgainAfter) return {};
  }
  // Not under the mutex: others need not wait for the store as well.
  auto found = read_or_make(now);
  MutexLock lock(mutex_);
  if (found) return key_ = std::move(*found);
  failed_at_ = now;
  log::warn("the key of placeholders cannot be read; they do not tell values apart meanwhile",
            {{"error", found.error().message}});
  return key_;
}

// Whoever makes it first has made it for all, so what was written is read again.
Result<std::string> Redaction::read_or_make(TimePoint now) {
  auto found = store_.get_document(key_document());
  if (!found && found.error().code == ErrorCode::kNotFound) {
    store::Document made;
    made.key = key_document();
    made.data = std::string(SecretBytes::random(kPlaceholderKeyBytes).view());
    const auto put = store_.put_document(made, store::Nothing{}, now);
    found = store_.get_document(key_document());
    if (!found && !put) return fail(put.error());
  }
  if (!found) return fail(found.error());
  if (found->data.size() != kPlaceholderKeyBytes) {
    return fail(store::damaged_document(key_document(), "it is no key"));
  }
  return std::move(found->data);
}

}  // namespace rhooks::secrets

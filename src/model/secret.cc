#include "model/secret.h"

#include <utility>

#include "base/iso8601.h"
#include "model/checks.h"

namespace rhooks::model {

Result<void> validate(const NewSecret& secret) {
  return check_fields(secret, "");
}

Result<void> validate(const SecretRotation& rotation) {
  return check_fields(rotation, "");
}

bool signs(SecretType type) {
  return type == SecretType::kHmac || type == SecretType::kEd25519;
}

Result<void> rotate(StoredSecret& secret, StoredSecret next, std::chrono::milliseconds overlap,
                    TimePoint now) {
  const bool one_still_signs = secret.previous_until && *secret.previous_until > now;
  if (one_still_signs && overlap.count() > 0) {
    return fail(ErrorCode::kConflict,
                "secret '" + secret.name + "' is being rotated: the value before signs until " +
                    format_time(*secret.previous_until) +
                    "; wait for that, or give 0 as overlap, and no value before signs any more");
  }
  secret.previous_until.reset();
  secret.previous_id = {};
  secret.previous_sealed.clear();
  secret.previous_public_key.clear();
  if (overlap.count() > 0) {
    secret.previous_until = now + overlap;
    secret.previous_id = secret.id;
    secret.previous_sealed = std::move(secret.sealed);
    secret.previous_public_key = std::move(secret.public_key);
  }
  secret.id = next.id;
  secret.sealed = std::move(next.sealed);
  secret.public_key = std::move(next.public_key);
  secret.rotated_at = now;
  return {};
}

}  // namespace rhooks::model

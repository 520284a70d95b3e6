#pragma once

#include <rhooks/result.h>
#include <rhooks/secret.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret_bytes.h"
#include "signing/key.h"

namespace rhooks::secrets {

// A secret that was opened, ready to use.
// Threads: const methods may be called from any thread.
class OpenSecret {
 public:
  // Errors: kInvalidArgument, field "value". The message does not quote it.
  static Result<OpenSecret> parse(SecretType type, std::string_view value);

  // Has the value before sign as well until then; it is of the same type.
  void also_sign_by(OpenSecret before, TimePoint until);

  SecretType type() const { return type_; }
  // Of what signs: the keys that do at that time, the latest first. Valid as long as this is.
  std::span<const signing::Key> keys(TimePoint now) const;
  // Of ed25519: "whpk_…".
  std::optional<std::string> public_key() const;
  // Of what receivers ask for: the value of the header Authorization. Valid as long as this is.
  std::string_view authorization() const { return authorization_.view(); }

 private:
  explicit OpenSecret(SecretType type) : type_(type) {}

  SecretType type_;
  std::vector<signing::Key> keys_;  // at most two
  TimePoint second_until_{};
  SecretBytes authorization_;
};

}  // namespace rhooks::secrets

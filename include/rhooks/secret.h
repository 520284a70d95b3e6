#pragma once

#include <rhooks/task.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace rhooks {

// What a secret is for.
enum class SecretType {
  kHmac,     // signs webhooks: whsec_ and base64 (rhooks/verify.h), which receivers know, too
  kEd25519,  // signs webhooks: whsk_ and base64; receivers know its public key
  kToken,    // "Authorization: Bearer TOKEN" (RFC 6750)
  kBasic,    // "Authorization: Basic …" of user:password (RFC 7617)
};

const char* to_string(SecretType type);  // "hmac"

struct SecretSpec {
  std::string ns;    // the namespace: 1 to 256 bytes
  std::string name;  // 1 to 128 letters, digits, ".", "_" and "-", the first a letter or digit
  SecretType type = SecretType::kHmac;
  std::string description;  // for people; at most 1 KiB

  friend bool operator==(const SecretSpec&, const SecretSpec&) = default;
};

// A secret as it is put.
struct NewSecret : SecretSpec {
  std::string value;  // as its type has it; at most 4 KiB

  friend bool operator==(const NewSecret&, const NewSecret&) = default;
};

// What takes the place of a secret's value.
struct SecretRotation {
  std::string value;
  // Of what signs: for so long the value before signs as well, 0 to 30 days; none: 24 h.
  std::optional<std::chrono::milliseconds> overlap;

  friend bool operator==(const SecretRotation&, const SecretRotation&) = default;
};

// A secret as it is shown: without its value, which nothing gives out again.
struct Secret : SecretSpec {
  std::string public_key;                   // of ed25519: "whpk_…", for receivers
  std::string previous_public_key;          // that of the value before, while it signs as well
  std::optional<TimePoint> previous_until;  // until then the value before signs as well
  TimePoint rotated_at{};                   // when the value was given
  std::string revision;                     // names this state of it, and no other
  TimePoint created_at{};
  TimePoint updated_at{};

  friend bool operator==(const Secret&, const Secret&) = default;
};

struct SecretPut {
  Secret secret;        // as it is stored
  bool created = true;  // false: it was there, and is replaced
};

struct SecretsQuery {
  std::string ns;         // required
  std::string prefix;     // of their names; empty: all
  int limit = 100;        // 1 to 1000
  std::string start_key;  // last_evaluated_key of the page before
};

struct SecretPage {
  std::vector<Secret> items;  // ordered by name
  // Not empty: there may be more. A page may be shorter than `limit` and have one.
  std::string last_evaluated_key;
};

}  // namespace rhooks

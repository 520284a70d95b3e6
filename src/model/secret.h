#pragma once

#include <rhooks/result.h>
#include <rhooks/secret.h>

#include <string>
#include <tuple>

#include "base/uuid.h"
#include "model/fields.h"
#include "model/limits.h"
#include "model/rules.h"

namespace rhooks::model {

// Of a secret as it is put and as it is shown: a row belongs to whichever of NewSecret and Secret
// has its member. The next free number is 12: StoredSecret has 8 to 11. docs_test prints the rows
// of docs/security.md.
struct SecretFields {
  static constexpr std::tuple kAll{
      field<&SecretSpec::ns>(
          {.name = "namespace",
           .required = true,
           .doc = "the group of tasks that it is for; over REST it stands in the path"},
          Name{kNamespaceBytesMax}),
      field<&SecretSpec::name>(
          {.name = "name",
           .required = true,
           .doc = "1 to 128 letters, digits, `.`, `_` and `-`, the first a letter or digit; over "
                  "REST it stands in the path"},
          EndpointName{}),
      field<&SecretSpec::type>(
          {.name = "type",
           .number = 1,
           .required = true,
           .doc = "what it is for, and stays: `hmac` and `ed25519` sign webhooks; `token` and "
                  "`basic` are what receivers ask for as `Authorization`"}),
      field<&NewSecret::value>(
          {.name = "value",
           .required = true,
           .doc = "given only, and never shown. Of `hmac` `whsec_` and the base64 of 24 to 64 "
                  "bytes, of `ed25519` `whsk_` and the base64 of a pair of keys (`rhooks secret "
                  "generate` makes both); of `token` the token, of `basic` `USER:PASSWORD`. At "
                  "most 4 KiB"},
          Text{kSecretBytesMax}),
      field<&SecretSpec::description>({.name = "description",
                                       .number = 2,
                                       .doc = "what it is for, in your own words; at most 1 KiB"},
                                      Text{1024}),
      field<&Secret::public_key>({.name = "publicKey",
                                  .number = 3,
                                  .read_only = true,
                                  .doc = "of `ed25519`: `whpk_` and base64, which receivers verify "
                                         "signatures with"}),
      field<&Secret::previous_public_key>(
          {.name = "previousPublicKey",
           .number = 4,
           .read_only = true,
           .doc = "that of the value before, while that signs as well"}),
      field<&Secret::previous_until>({.name = "previousUntil",
                                      .number = 5,
                                      .read_only = true,
                                      .doc = "until then the value before signs as well"}),
      field<&Secret::rotated_at>({.name = "rotatedAt",
                                  .number = 6,
                                  .read_only = true,
                                  .in_answers = true,
                                  .doc = "when its value was given"}),
      field<&Secret::revision>({.name = "revision",
                                .read_only = true,
                                .in_answers = true,
                                .doc = "names this state of it; also its `ETag`"}),
      field<&Secret::created_at>({.name = "__createdAt",
                                  .number = 7,
                                  .read_only = true,
                                  .in_answers = true,
                                  .doc = "when it was put first"}),
      field<&Secret::updated_at>({.name = "__updatedAt",
                                  .read_only = true,
                                  .in_answers = true,
                                  .doc = "when it was put or rotated last"}),
  };
};
template <>
struct FieldsOf<Secret> : SecretFields {};
template <>
struct FieldsOf<NewSecret> : SecretFields {};

template <>
struct FieldsOf<SecretRotation> {
  static constexpr std::tuple kAll{
      field<&SecretRotation::value>(
          {.name = "value", .required = true, .doc = "given only, and never shown"},
          Text{kSecretBytesMax}),
      field<&SecretRotation::overlap>(
          {.name = "overlap",
           .doc = "of `hmac` and `ed25519`: for so long the value before signs as well, as in "
                  "`24h` (default) or `7d`; 0 to 30 d. With `0` no value before signs any more"},
          Span{std::chrono::milliseconds{0}, kOverlapMax}),
  };
};

// A secret as it is stored: with its values, sealed (secrets/master_keys.h).
struct StoredSecret : Secret {
  Uuid id{};           // of its value
  std::string sealed;  // that value
  // Of the one before, while `previous_until` is there.
  Uuid previous_id{};
  std::string previous_sealed;
  std::string newer_fields;  // what a newer build has stored besides

  friend bool operator==(const StoredSecret&, const StoredSecret&) = default;
};

// Errors: kInvalidArgument with the field. What the value has to be for its type is not looked at.
Result<void> validate(const NewSecret& secret);
Result<void> validate(const SecretRotation& rotation);

// Whether webhooks are signed with it.
bool signs(SecretType type);

// Gives it another value, whose `id`, `sealed` and `public_key` are those of `next`, and lets the
// one before sign until `overlap` is over. Errors: kConflict, one before that still signs, and may.
Result<void> rotate(StoredSecret& secret, StoredSecret next, std::chrono::milliseconds overlap,
                    TimePoint now);

}  // namespace rhooks::model

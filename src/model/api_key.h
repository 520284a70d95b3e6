#pragma once

#include <rhooks/api_key.h>
#include <rhooks/result.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/sha256.h"
#include "model/fields.h"
#include "model/limits.h"
#include "model/rules.h"

namespace rhooks::model {

// Errors: kInvalidArgument, field "namespaces" or one of its entries.
Result<void> check_api_key_namespaces(const std::vector<std::string>& namespaces);

// Of an API key as it is asked for, shown, and told once: a row belongs to those that have its
// member. The next free number is 8: StoredApiKey has 6. docs_test prints the rows of
// docs/security.md.
struct ApiKeyFields {
  static constexpr std::tuple kAll{
      field<&CreatedApiKey::key>(
          {.name = "key",
           .required = true,
           .read_only = true,
           .doc = "what its holder sends, as `Authorization: Bearer KEY`; shown when it is made, "
                  "and never again"}),
      field<&ApiKey::id>({.name = "id",
                          .required = true,
                          .read_only = true,
                          .doc = "names it here; the key has it behind `rhk_`"}),
      field<&ApiKeySpec::role>(
          {.name = "role",
           .number = 1,
           .required = true,
           .doc = "`read`, `write` or `admin`; each may do what those before it may"}),
      field<&ApiKeySpec::namespaces>(
          {.name = "namespaces",
           .number = 2,
           .required = true,
           .doc = "an array of 1 to 64: namespaces by their names, `shop-*` for those that begin "
                  "so, `*` for all"},
          By<check_api_key_namespaces>{}),
      field<&ApiKeySpec::expires_at>(
          {.name = "expiresAt", .number = 3, .doc = "from then on it opens nothing; default never"},
          ShownTime{}),
      field<&ApiKeySpec::rate>(
          {.name = "rate",
           .number = 7,
           .doc = "calls that its holder may make in a time, as in `100/1m` or `50/s`, of each "
                  "server; one more is 429. 1 to 1,000,000 in a time of 1 s to 7 d, and at least "
                  "one in a minute; default any number"},
          RateRange{}),
      field<&ApiKeySpec::description>(
          {.name = "description",
           .number = 4,
           .doc = "who has it, and what for, in your own words; at most 1 KiB"},
          Text{1024}),
      field<&ApiKey::revision>({.name = "revision",
                                .read_only = true,
                                .in_answers = true,
                                .doc = "names this state of it; also its `ETag`"}),
      field<&ApiKey::created_at>({.name = "__createdAt",
                                  .number = 5,
                                  .read_only = true,
                                  .in_answers = true,
                                  .doc = "when it was made"}),
      field<&ApiKey::updated_at>({.name = "__updatedAt",
                                  .read_only = true,
                                  .in_answers = true,
                                  .doc = "when it was made or changed last"}),
  };
};
template <>
struct FieldsOf<ApiKeySpec> : ApiKeyFields {};
template <>
struct FieldsOf<ApiKey> : ApiKeyFields {};
template <>
struct FieldsOf<CreatedApiKey> : ApiKeyFields {};

// An API key as it is stored. What its holder sends has 256 random bits, so a plain hash of them
// gives nothing away that could be guessed.
struct StoredApiKey : ApiKey {
  Sha256 hash{};             // of the random bytes
  std::string newer_fields;  // what a newer build has stored besides

  friend bool operator==(const StoredApiKey&, const StoredApiKey&) = default;
};

// Errors: kInvalidArgument with the field.
Result<void> validate(const ApiKeySpec& key);

// Whether a key of these `namespaces` holds in one, and in all that there are or will be.
bool holds_in(const std::vector<std::string>& namespaces, std::string_view ns);
bool holds_everywhere(const std::vector<std::string>& namespaces);

inline constexpr std::size_t kApiKeyRandomBytes = 32;
inline constexpr std::size_t kApiKeyIdBytes = 8;  // of which the id shows 60 bits

// What is in the text of a key: "rhk_", the id in 12 characters of base32 (RFC 4648, section 6, in
// lower case), "_" and the random bytes in 43 characters of base64url (section 5), without padding.
struct ApiKeyText {
  std::string id;
  std::string random;  // kApiKeyRandomBytes of them

  friend bool operator==(const ApiKeyText&, const ApiKeyText&) = default;
};

ApiKeyText make_api_key(std::span<const std::uint8_t, kApiKeyIdBytes> id,
                        std::span<const std::uint8_t, kApiKeyRandomBytes> random);
std::string to_text(const ApiKeyText& key);
// None: it is no key. A key has one spelling.
std::optional<ApiKeyText> parse_api_key_text(std::string_view text);
// Errors: kInvalidArgument, field "id".
Result<void> validate_api_key_id(std::string_view id);

}  // namespace rhooks::model

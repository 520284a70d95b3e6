#include "aws/credential_answer.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <initializer_list>
#include <optional>

#include "aws/credential_errors.h"
#include "base/clock.h"
#include "base/iso8601.h"

namespace rhooks::aws {
namespace {

namespace json = boost::json;

std::optional<json::object> object_of(std::string_view text) {
  boost::system::error_code wrong;
  json::parse_options options;
  options.max_depth = 8;
  json::value value = json::parse(json::string_view(text.data(), text.size()), wrong, {}, options);
  if (wrong || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

// The object behind the names, one in the other.
std::optional<json::object> inner_object(std::string_view text,
                                         std::initializer_list<std::string_view> names) {
  auto object = object_of(text);
  for (const std::string_view name : names) {
    json::value* const inner = object ? object->if_contains(name) : nullptr;
    if (inner == nullptr || !inner->is_object()) return std::nullopt;
    json::object next = std::move(inner->get_object());
    object = std::move(next);
  }
  return object;
}

// "" where it is not there, or null.
Result<std::string> text_at(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return std::string();
  if (!value->is_string()) return unusable("has a " + std::string(name) + " that is no string");
  return std::string(value->get_string());
}

Result<std::optional<TimePoint>> expiration_at(const json::object& object) {
  const json::value* const value = object.if_contains("Expiration");
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (value->is_string()) {
    const auto time = parse_time(std::string_view(value->get_string()));
    if (time) return *time;
  } else if (value->is_number()) {
    const double seconds = value->to_number<double>();
    if (seconds >= 0 && seconds < static_cast<double>(to_millis(kTimeMax)) / 1000) {
      return from_millis(static_cast<std::int64_t>(seconds * 1000));
    }
  }
  return unusable("has an Expiration that is no time");
}

Result<Credentials> credentials_of(const json::object& object, std::string_view token_name) {
  auto id = text_at(object, "AccessKeyId");
  auto secret = text_at(object, "SecretAccessKey");
  auto token = text_at(object, token_name);
  auto expires_at = expiration_at(object);
  if (!id) return fail(std::move(id.error()));
  if (!secret) return fail(std::move(secret.error()));
  if (!token) return fail(std::move(token.error()));
  if (!expires_at) return fail(std::move(expires_at.error()));
  return checked({std::move(*id), std::move(*secret), std::move(*token), *expires_at});
}

bool is_visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

Result<Credentials> checked(Credentials credentials) {
  if (credentials.access_key_id.empty()) return unusable("has no access key id");
  if (credentials.secret_access_key.empty()) return unusable("has no secret access key");
  for (const std::string* part :
       {&credentials.access_key_id, &credentials.secret_access_key, &credentials.session_token}) {
    if (!is_visible_ascii(*part)) {
      return unusable("has keys with blanks or other characters that no key has");
    }
  }
  return credentials;
}

Result<Credentials> read_credentials(std::string_view text, std::string_view token_name) {
  const auto object = object_of(text);
  if (!object) return unusable("is no JSON object");
  return credentials_of(*object, token_name);
}

Result<Credentials> read_process_credentials(std::string_view text) {
  const auto object = object_of(text);
  if (!object) return unusable("is no JSON object");
  const json::value* const version = object->if_contains("Version");
  if (version == nullptr || !version->is_int64() || version->get_int64() != 1) {
    return unusable("has no \"Version\": 1");
  }
  return credentials_of(*object, "SessionToken");
}

Result<Credentials> read_instance_credentials(std::string_view text) {
  const auto object = object_of(text);
  if (!object) return unusable("is no JSON object");
  const auto code = text_at(*object, "Code");
  if (!code) return fail(code.error());
  if (!code->empty() && *code != "Success") {
    return unusable("says that it has no credentials for the role; check the role's trust policy");
  }
  return credentials_of(*object, "Token");
}

Result<Credentials> read_sts_credentials(std::string_view text) {
  const auto object = inner_object(text, {"AssumeRoleWithWebIdentityResponse",
                                          "AssumeRoleWithWebIdentityResult", "Credentials"});
  if (!object) return unusable("holds no credentials");
  return credentials_of(*object, "SessionToken");
}

std::string read_sts_error_code(std::string_view text) {
  const auto object = inner_object(text, {"Error"});
  if (!object) return "";
  const auto code = text_at(*object, "Code");
  const bool is_name =
      code && code->size() <= 64 && std::all_of(code->begin(), code->end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.';
      });
  return is_name ? *code : "";
}

}  // namespace rhooks::aws

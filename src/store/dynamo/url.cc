#include "store/dynamo/url.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <optional>

#include "store/dynamo/schema.h"

namespace rhooks::store::dynamo {
namespace {

constexpr std::string_view kKind = "dynamodb:";
constexpr const char* kKnown = "region, endpoint, tasks, logs, profile, create and shards";

using Parameters = std::map<std::string, std::string, std::less<>>;

tl::unexpected<Error> bad_setting(const std::string& field, const std::string& message) {
  return fail(ErrorCode::kInvalidArgument, message, field);
}

bool all_of(std::string_view text, std::string_view also, bool upper) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (upper && c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           also.find(c) != std::string_view::npos;
  });
}

bool is_control(unsigned char c) {
  return c < 0x20 || c == 0x7f;
}

// None where a percent sign begins no two hex digits, or what it says is a control character.
std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = static_cast<unsigned char>(text[i]);
    if (text[i] == '%') {
      const auto digits = text.substr(i + 1, 2);
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
      if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2) return {};
      i += 2;
    }
    if (is_control(static_cast<unsigned char>(value))) return std::nullopt;
    out += static_cast<char>(value);
  }
  return out;
}

bool is_known(std::string_view name) {
  return name == "region" || name == "endpoint" || name == "tasks" || name == "logs" ||
         name == "profile" || name == "create" || name == "shards";
}

bool is_secret(std::string_view name) {
  if (name.starts_with("aws_")) name.remove_prefix(4);
  return name == "access_key_id" || name == "secret_access_key" || name == "session_token";
}

Result<void> add_parameter(std::string_view text, Parameters& parameters) {
  const auto equals = text.find('=');
  const std::string name(text.substr(0, equals));
  if (is_secret(name)) {
    return bad_setting("store", "the dynamodb: URL takes no " + name +
                                    ", because URLs end up in logs and process lists; set it as an "
                                    "option, in the environment or in AWS's credentials file");
  }
  if (!is_known(name)) {
    // What is no plain word may be a secret that was pasted at the wrong place.
    const bool plain = !name.empty() && name.size() <= 32 && all_of(name, "_-", true);
    return bad_setting("store",
                       "the dynamodb: URL has " +
                           (plain ? "no parameter " + name : "a parameter that is not known") +
                           "; there are " + kKnown);
  }
  if (equals == std::string_view::npos || equals + 1 == text.size()) {
    return bad_setting("store", "the parameter " + name +
                                    " of the dynamodb: URL has no value; leave it out or write " +
                                    name + "=VALUE");
  }
  auto value = decode(text.substr(equals + 1));
  if (!value) {
    return bad_setting("store",
                       "the value of " + name +
                           " in the dynamodb: URL is not well percent-encoded; a percent sign "
                           "itself is written %25");
  }
  if (!parameters.emplace(name, std::move(*value)).second) {
    return bad_setting("store", "the dynamodb: URL gives " + name + " twice; give it once");
  }
  return {};
}

Result<Parameters> parameters_of(std::string_view url) {
  std::string_view rest = url.substr(std::min(url.size(), kKind.size()));
  Parameters parameters;
  if (!url.starts_with(kKind) || !(rest.empty() || rest.starts_with('?')) ||
      rest.find('#') != std::string_view::npos) {
    return bad_setting("store",
                       "a DynamoDB store is written dynamodb:?region=eu-west-1&create=true, with "
                       "nothing before the question mark and no fragment; parameters are " +
                           std::string(kKnown));
  }
  if (rest.size() <= 1) return parameters;
  rest.remove_prefix(1);
  while (true) {
    const auto end = rest.find('&');
    if (auto added = add_parameter(rest.substr(0, end), parameters); !added) {
      return fail(std::move(added.error()));
    }
    if (end == std::string_view::npos) return parameters;
    rest.remove_prefix(end + 1);
  }
}

// A value that may stand in the URL, beside it, or at both places alike.
struct Source {
  const char* parameter;
  const char* option;
  std::string given;
};

// "" where the URL does not say.
std::string value_in(const Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

// `field` becomes the name of where the value came from.
Result<void> combine(const Parameters& parameters, const Source& source, std::string& value,
                     std::string& field) {
  const auto found = parameters.find(source.parameter);
  const bool in_url = found != parameters.end();
  if (in_url && !source.given.empty() && found->second != source.given) {
    return bad_setting(source.option, std::string(source.option) + " is " + source.given +
                                          ", but the dynamodb: URL says " + source.parameter + "=" +
                                          found->second + "; give one of them, or the same twice");
  }
  field = in_url ? "store" : source.option;
  if (in_url) {
    value = found->second;
  } else if (!source.given.empty()) {
    value = source.given;
  }
  return {};
}

// Of what is set beside the URL; decode() refuses them in the URL. The value is not shown, since
// it would do to a terminal what it says.
Result<void> check_controls(const std::string& value, const std::string& field) {
  if (std::none_of(value.begin(), value.end(), is_control)) return {};
  return bad_setting(field, field + " holds a control character, which no value has");
}

// A region is a part of a host's name and of what is signed.
Result<void> check_region(const std::string& region, const std::string& field) {
  if (region.size() <= 63 && all_of(region, "-", false) && !region.starts_with('-')) return {};
  return bad_setting(field, "'" + region +
                                "' is no region; one is written in lower-case letters, digits and "
                                "hyphens, such as eu-west-1");
}

Result<void> check_endpoint(const std::string& endpoint, const std::string& field) {
  if (endpoint.empty()) return {};
  const bool http = endpoint.starts_with("http://") || endpoint.starts_with("https://");
  // Not shown: what stands before an @ is a password.
  if (endpoint.find('@') != std::string::npos) {
    return bad_setting(
        field,
        "the endpoint holds an @; a user name or password has no place in it, because "
        "requests are signed");
  }
  if (http && endpoint.find_first_of(" ?#\\") == std::string::npos) return {};
  return bad_setting(field,
                     "'" + endpoint.substr(0, endpoint.find_first_of("?#")) +
                         "' is no endpoint; one is written http://HOST:PORT or https://HOST, "
                         "such as http://127.0.0.1:8000");
}

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
Result<void> check_table(const std::string& table, const std::string& field) {
  if (table.size() >= 3 && table.size() <= 255 && all_of(table, "_.-", true)) return {};
  return bad_setting(field,
                     "'" + table +
                         "' is no name of a table; it must be 3 to 255 letters, digits, '_', "
                         "'-' and '.'");
}

Result<void> check_credentials(const GivenSettings& given) {
  if (given.access_key_id.empty() != given.secret_access_key.empty()) {
    const bool secret = given.access_key_id.empty();
    return bad_setting(secret ? "access_key_id" : "secret_access_key",
                       std::string(secret ? "secret_access_key" : "access_key_id") +
                           " is given without " + (secret ? "access_key_id" : "secret_access_key") +
                           "; give both, or neither to use AWS's own places");
  }
  if (!given.session_token.empty() && given.access_key_id.empty()) {
    return bad_setting(
        "session_token",
        "session_token is given without access_key_id and secret_access_key; it belongs "
        "to them");
  }
  return {};
}

Result<void> read_numbers(const Parameters& parameters, const GivenSettings& given,
                          DynamoSettings& settings) {
  settings.create = given.create_table;
  if (const auto found = parameters.find("create"); found != parameters.end()) {
    if (found->second != "true" && found->second != "false") {
      return bad_setting("store", "create of the dynamodb: URL is '" + found->second +
                                      "'; it must be true or false");
    }
    settings.create = found->second == "true";
    if (given.create_table && !settings.create) {
      return bad_setting(
          "create_table",
          "create_table is true, but the dynamodb: URL says create=false; give one of "
          "them, or the same twice");
    }
  }
  if (const auto found = parameters.find("shards"); found != parameters.end()) {
    const std::string& text = found->second;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), settings.shards);
    if (error != std::errc{} || end != text.data() + text.size() || settings.shards < 1 ||
        settings.shards > kShardsMax) {
      return bad_setting("store", "shards of the dynamodb: URL is '" + text +
                                      "'; it must be a whole number, 1 to " +
                                      std::to_string(kShardsMax));
    }
  }
  return {};
}

}  // namespace

Result<DynamoSettings> settings_of(std::string_view url, const GivenSettings& given) {
  const auto parameters = parameters_of(url);
  if (!parameters) return fail(parameters.error());

  DynamoSettings settings;
  settings.access_key_id = given.access_key_id;
  settings.secret_access_key = given.secret_access_key;
  settings.session_token = given.session_token;
  std::string region_field, unused, tasks_field, logs_field;
  for (const auto& combined : {
           // First: control characters, or an address with a password in it, must not be quoted.
           check_controls(given.region, "region"),
           check_controls(given.endpoint, "endpoint"),
           check_controls(given.profile, "profile"),
           check_controls(given.tasks_table_name, "tasks_table_name"),
           check_controls(given.logs_table_name, "logs_table_name"),
           check_endpoint(given.endpoint, "endpoint"),
           check_endpoint(value_in(*parameters, "endpoint"), "store"),
           combine(*parameters, {"region", "region", given.region}, settings.region, region_field),
           combine(*parameters, {"endpoint", "endpoint", given.endpoint}, settings.endpoint,
                   unused),
           combine(*parameters, {"profile", "profile", given.profile}, settings.profile, unused),
           combine(*parameters, {"tasks", "tasks_table_name", given.tasks_table_name},
                   settings.tasks, tasks_field),
           combine(*parameters, {"logs", "logs_table_name", given.logs_table_name}, settings.logs,
                   logs_field),
           read_numbers(*parameters, given, settings),
           check_credentials(given),
       }) {
    if (!combined) return fail(combined.error());
  }
  for (const auto& checked : {
           check_region(settings.region, region_field),
           check_table(settings.tasks, tasks_field),
           check_table(settings.logs, logs_field),
       }) {
    if (!checked) return fail(checked.error());
  }
  if (settings.tasks == settings.logs) {
    return bad_setting(logs_field, "tasks and logs are both kept in the table " + settings.tasks +
                                       "; they need a table each");
  }
  return settings;
}

}  // namespace rhooks::store::dynamo

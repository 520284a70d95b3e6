#include "testing/dynamo_signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <time.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

namespace rhooks::testing {
namespace {

constexpr std::int64_t kSkewSecondsMax = 300;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string sha256(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest), size};
}

std::string hmac(std::string_view key, std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
  return {reinterpret_cast<const char*>(digest), size};
}

// Runs of spaces become one, those at the ends go.
std::string trimmed(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == ' ' && (out.empty() || out.back() == ' ')) continue;
    out += c;
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::optional<std::int64_t> parse_amz_date(const std::string& text) {
  tm parts{};
  const char* const end = ::strptime(text.c_str(), "%Y%m%dT%H%M%SZ", &parts);
  if (text.size() != 16 || !end || *end) return std::nullopt;
  return ::timegm(&parts);
}

AwsError service_error(std::string_view type, std::string message) {
  return {400, "com.amazon.coral.service#" + std::string(type), std::move(message)};
}

AwsError invalid_signature(std::string message) {
  return service_error("InvalidSignatureException", std::move(message));
}

struct Authorization {
  std::vector<std::string> credential;  // key id, date, region, service, "aws4_request"
  std::vector<std::string> signed_headers;
  std::string signature;
};

std::optional<Authorization> parse_authorization(std::string_view header) {
  static constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256 ";
  if (!header.starts_with(kAlgorithm)) return std::nullopt;
  Authorization out;
  for (const std::string& part : split(header.substr(kAlgorithm.size()), ',')) {
    const std::string pair = trimmed(part);
    const std::size_t equals = pair.find('=');
    if (equals == pair.npos) return std::nullopt;
    const std::string name = pair.substr(0, equals);
    const std::string value = pair.substr(equals + 1);
    if (name == "Credential") out.credential = split(value, '/');
    if (name == "SignedHeaders") out.signed_headers = split(value, ';');
    if (name == "Signature") out.signature = value;
  }
  if (out.credential.size() != 5 || out.signed_headers.empty() || out.signature.empty()) {
    return std::nullopt;
  }
  return out;
}

std::string canonical_query(std::string_view query) {
  if (query.empty()) return {};
  std::vector<std::string> pairs = split(query, '&');
  for (std::string& pair : pairs) {
    if (pair.find('=') == pair.npos) pair += '=';
  }
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const std::string& pair : pairs) out += (out.empty() ? "" : "&") + pair;
  return out;
}

std::string canonical_request(const TestRequest& request, const Authorization& authorization) {
  const std::size_t mark = request.target.find('?');
  std::string out = request.method + '\n' + request.target.substr(0, mark) + '\n';
  if (mark != request.target.npos) out += canonical_query(request.target.substr(mark + 1));
  out += '\n';
  std::string names;
  for (const std::string& name : authorization.signed_headers) {
    std::string values;
    for (const Header& header : request.headers) {
      if (lower(header.name) != name) continue;
      values += (values.empty() ? "" : ",") + trimmed(header.value);
    }
    out += name + ':' + values + '\n';
    names += (names.empty() ? "" : ";") + name;
  }
  return out + '\n' + names + '\n' + hex(sha256(request.body));
}

// The scope: "keyid/20260131/us-east-1/dynamodb/aws4_request".
std::optional<AwsError> check_scope(const std::vector<std::string>& scope,
                                    const std::string& region, const std::string& service,
                                    const std::string& date) {
  std::string wrong;
  if (scope[2] != region) {
    wrong += "Credential should be scoped to a valid region, not '" + scope[2] + "'. ";
  }
  if (scope[3] != service) {
    wrong += "Credential should be scoped to correct service: '" + service + "'. ";
  }
  if (scope[4] != "aws4_request") {
    wrong += "Credential should be scoped with a valid terminator: 'aws4_request', not '" +
             scope[4] + "'. ";
  }
  if (scope[1] != date.substr(0, 8)) {
    wrong +=
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
        "HTTP: '" +
        scope[1] + "' != '" + date.substr(0, 8) + "', from '" + date + "'.";
  }
  if (wrong.empty()) return std::nullopt;
  return invalid_signature(std::move(wrong));
}

std::optional<AwsError> check_time(const std::string& date, std::int64_t signed_at,
                                   std::int64_t now) {
  if (signed_at < now - kSkewSecondsMax) {
    return invalid_signature("Signature expired: " + date + " is now earlier than " +
                             amz_date(now - kSkewSecondsMax) + " (" + amz_date(now) + " - 5 min.)");
  }
  if (signed_at > now + kSkewSecondsMax) {
    return invalid_signature("Signature not yet current: " + date + " is still later than " +
                             amz_date(now + kSkewSecondsMax) + " (" + amz_date(now) + " + 5 min.)");
  }
  return std::nullopt;
}

std::optional<AwsError> check_signed_headers(const TestRequest& request,
                                             const std::vector<std::string>& names) {
  const std::set<std::string> covered(names.begin(), names.end());
  if (!covered.contains("host")) {
    return invalid_signature("'Host' must be a 'SignedHeader' in the AWS Authorization.");
  }
  for (const Header& header : request.headers) {
    const std::string name = lower(header.name);
    if (name.starts_with("x-amz-") && !covered.contains(name)) {
      return invalid_signature("'" + name + "' must be a 'SignedHeader' in the AWS Authorization.");
    }
  }
  for (const std::string& name : names) {
    if (!request.has_header(name)) {
      return invalid_signature("The signed header '" + name + "' is not in the request.");
    }
  }
  if (!std::is_sorted(names.begin(), names.end())) {
    return invalid_signature("SignedHeaders are not in order.");
  }
  return std::nullopt;
}

}  // namespace

std::string amz_date(std::int64_t seconds) {
  const auto time = static_cast<time_t>(seconds);
  tm parts{};
  char text[32];
  ::gmtime_r(&time, &parts);
  ::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
  return text;
}

std::optional<AwsError> check_signature(const TestRequest& request, const std::string& region,
                                        const std::map<std::string, AwsKey>& keys,
                                        std::int64_t now_seconds, const std::string& service) {
  const std::string header = request.header("authorization");
  if (header.empty()) {
    return service_error("MissingAuthenticationTokenException",
                         "Request is missing Authentication Token");
  }
  const auto authorization = parse_authorization(header);
  const std::string date = request.header("x-amz-date");
  const auto signed_at = parse_amz_date(date);
  if (!authorization || !signed_at) {
    return service_error("IncompleteSignatureException",
                         "Authorization or X-Amz-Date is missing or malformed.");
  }
  if (auto error = check_time(date, *signed_at, now_seconds)) return error;
  if (auto error = check_signed_headers(request, authorization->signed_headers)) return error;
  const auto& scope = authorization->credential;
  if (auto error = check_scope(scope, region, service, date)) return error;

  const auto key = keys.find(scope[0]);
  const std::string token = request.header("x-amz-security-token");
  if (key == keys.end() || (token != key->second.token && !key->second.expired)) {
    return service_error("UnrecognizedClientException",
                         "The security token included in the request is invalid.");
  }
  if (key->second.expired) {
    return service_error("ExpiredTokenException",
                         "The security token included in the request is expired");
  }

  const std::string to_sign = "AWS4-HMAC-SHA256\n" + date + '\n' + scope[1] + '/' + scope[2] + '/' +
                              scope[3] + '/' + scope[4] + '\n' +
                              hex(sha256(canonical_request(request, *authorization)));
  const std::string signing_key =
      hmac(hmac(hmac(hmac("AWS4" + key->second.secret, scope[1]), scope[2]), scope[3]), scope[4]);
  if (hex(hmac(signing_key, to_sign)) != authorization->signature) {
    return invalid_signature(
        "The request signature we calculated does not match the signature you provided. Check "
        "your AWS Secret Access Key and signing method. Consult the service documentation for "
        "details.");
  }
  return std::nullopt;
}

}  // namespace rhooks::testing

#include "aws/sigv4.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "base/ascii.h"
#include "base/sha256.h"

namespace rhooks::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string_view text_of_digest(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// "20150830T123600Z"
std::string timestamp(TimePoint now) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::seconds>(now - day)};
  char text[48];
  std::snprintf(text, sizeof text, "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

// Without blanks at the ends, and each run of them as one space.
std::string canonical_value(std::string_view value) {
  std::string result;
  bool blank = false;
  for (const char c : value) {
    if (c == ' ' || c == '\t') {
      blank = !result.empty();
      continue;
    }
    if (blank) result.push_back(' ');
    blank = false;
    result.push_back(c);
  }
  return result;
}

// The parameters in the order of their bytes, each with a '=', also where it has no value.
std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string_view, std::string_view>> parameters;
  while (!query.empty()) {
    const std::string_view parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), parameter.size() + 1));
    if (parameter.empty()) continue;
    const auto equals = parameter.find('=');
    parameters.emplace_back(parameter.substr(0, equals), equals == parameter.npos
                                                             ? std::string_view()
                                                             : parameter.substr(equals + 1));
  }
  std::sort(parameters.begin(), parameters.end());
  std::string result;
  for (const auto& [name, value] : parameters) {
    if (!result.empty()) result.push_back('&');
    result.append(name).append("=").append(value);
  }
  return result;
}

struct CanonicalHeaders {
  std::string lines;  // "name:value\n" each
  std::string names;  // "name;name"
};

CanonicalHeaders canonical_headers(const std::vector<Header>& given,
                                   const std::vector<Header>& added) {
  std::vector<std::pair<std::string, std::string>> headers;
  headers.reserve(given.size() + added.size());
  for (const auto* list : {&given, &added}) {
    for (const Header& header : *list) {
      headers.emplace_back(lower_case(header.name), canonical_value(header.value));
    }
  }
  // Values of one name stay in the order in which they are sent.
  std::stable_sort(headers.begin(), headers.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  CanonicalHeaders result;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const auto& [name, value] = headers[i];
    if (i > 0 && headers[i - 1].first == name) {
      result.lines.back() = ',';
    } else {
      if (i > 0) result.names.push_back(';');
      result.names += name;
      result.lines.append(name).append(":");
    }
    result.lines.append(value).append("\n");
  }
  return result;
}

}  // namespace

Signer::Signer(std::string region, std::string service)
    : region_(std::move(region)), service_(std::move(service)) {}

std::vector<Header> Signer::sign(const SigningInput& input, const Credentials& credentials,
                                 TimePoint now) {
  const std::string time = timestamp(now);
  const std::string date = time.substr(0, 8);
  std::vector<Header> added = {{"X-Amz-Date", time}};
  if (!credentials.session_token.empty()) {
    added.push_back({"X-Amz-Security-Token", credentials.session_token});
  }

  const CanonicalHeaders headers = canonical_headers(input.headers, added);
  const Sha256 body = sha256_of_bytes(input.body);
  std::string request;
  request.append(input.method).append("\n");
  request.append(input.path.empty() ? "/" : input.path).append("\n");
  request.append(canonical_query(input.query)).append("\n");
  request.append(headers.lines).append("\n");
  request.append(headers.names).append("\n");
  request.append(to_hex(body.data(), body.size()));

  const std::string scope = date + "/" + region_ + "/" + service_ + "/aws4_request";
  const Sha256 request_hash = sha256_of_bytes(request);
  std::string to_sign(kAlgorithm);
  to_sign.append("\n").append(time).append("\n").append(scope).append("\n");
  to_sign.append(to_hex(request_hash.data(), request_hash.size()));

  const Digest key = signing_key(credentials.secret_access_key, date);
  const Sha256 signature = hmac_sha256(text_of_digest(key), to_sign);
  std::string authorization(kAlgorithm);
  authorization.append(" Credential=").append(credentials.access_key_id).append("/");
  authorization.append(scope).append(", SignedHeaders=").append(headers.names);
  authorization.append(", Signature=").append(to_hex(signature.data(), signature.size()));
  added.push_back({"Authorization", std::move(authorization)});
  return added;
}

Signer::Digest Signer::signing_key(const std::string& secret, const std::string& date) {
  MutexLock lock(mutex_);
  const std::string wanted = date + secret;  // a date has 8 characters, so this is no other pair's
  if (cached_for_ != wanted) {
    cached_key_ = derive_signing_key(secret, date, region_, service_);
    cached_for_ = wanted;
  }
  return cached_key_;
}

std::array<std::uint8_t, 32> derive_signing_key(std::string_view secret, std::string_view date,
                                                std::string_view region, std::string_view service) {
  Sha256 key = hmac_sha256("AWS4" + std::string(secret), date);
  for (const std::string_view part : {region, service, std::string_view("aws4_request")}) {
    key = hmac_sha256(text_of_digest(key), part);
  }
  return key;
}

}  // namespace rhooks::aws

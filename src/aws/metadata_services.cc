// The providers that are asked over HTTP.

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "aws/credential_answer.h"
#include "aws/credential_errors.h"
#include "aws/credential_providers.h"
#include "aws/endpoint.h"
#include "aws/http_fetch.h"
#include "aws/http_url.h"
#include "base/ascii.h"

namespace rhooks::aws {
namespace {

constexpr std::chrono::seconds kMetadataTimeout{1};
constexpr int kMetadataTries = 3;
constexpr std::chrono::seconds kStsTimeout{5};
constexpr int kStsTries = 3;

// A token's file, which is written anew now and then.
Result<std::string> read_token(const std::string& path, const char* setting) {
  auto text = read_small_file(path);
  if (!text) return unusable(path + " (" + setting + "): " + text.error().message);
  std::string token(trim(*text));
  if (token.empty()) return unusable(path + " (" + setting + ") is empty");
  return token;
}

// Whether it can be the value of a header.
bool is_header_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

Result<std::string> sts_url(const std::string& region, const Environment& environment) {
  const std::string own = variable(environment, "AWS_ENDPOINT_URL_STS");
  if (own.empty() || is_true(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) {
    if (region.empty()) return std::string("https://sts.amazonaws.com");
    return "https://sts." + region + "." + dns_suffix(region);
  }
  const auto url = parse_http_url(own);
  if (!url) return unusable("AWS_ENDPOINT_URL_STS is " + url.error().message);
  // The token is as good as the credentials.
  if (!url->tls && !url->is_loopback()) {
    return unusable("AWS_ENDPOINT_URL_STS is plain http to another machine; use https");
  }
  return url->origin();
}

// Where the credentials of a container are. The token must go to no one else, so plain http
// only to the addresses of the agents, which are on the machine itself.
Result<std::string> container_url(const Environment& environment,
                                  const MetadataAddresses& addresses) {
  const std::string relative = variable(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string full = variable(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (!relative.empty()) {
    const std::string text = addresses.container + relative;
    if (relative.front() != '/' || !parse_http_url(text)) {
      return unusable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path that begins with /");
    }
    return text;
  }
  if (full.empty()) {
    return not_set_up("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and …_FULL_URI are not set");
  }
  const auto url = parse_http_url(full);
  if (!url) return unusable("AWS_CONTAINER_CREDENTIALS_FULL_URI is " + url.error().message);
  static constexpr std::array<std::string_view, 3> kAgents = {"169.254.170.2", "169.254.170.23",
                                                              "fd00:ec2::23"};
  const bool is_agent = std::find(kAgents.begin(), kAgents.end(), url->host) != kAgents.end();
  if (!url->tls && !url->is_loopback() && !is_agent) {
    return unusable(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI is plain http to another machine; use https, or an "
        "address of this one");
  }
  return url->origin() + url->rest;
}

Result<std::string> instance_url(const Environment& environment,
                                 const MetadataAddresses& addresses) {
  if (is_true(environment, "AWS_EC2_METADATA_DISABLED")) {
    return not_set_up("AWS_EC2_METADATA_DISABLED is true");
  }
  const std::string own = variable(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (own.empty()) {
    const std::string mode = variable(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    return mode == "IPv6" || mode == "ipv6" ? "http://[fd00:ec2::254]" : addresses.instance;
  }
  const auto url = parse_http_url(own);
  if (!url || (!url->rest.empty() && url->rest != "/")) {
    return unusable("AWS_EC2_METADATA_SERVICE_ENDPOINT is " +
                    (url ? "a URL with a path; leave that out" : url.error().message));
  }
  return url->origin();
}

bool is_role_name(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alphanumeric(c) || std::string_view("+=,.@_-").find(c) != std::string_view::npos;
  });
}

}  // namespace

Result<Credentials> web_identity_credentials(const WebIdentity& identity,
                                             const Environment& environment) {
  const auto url = sts_url(identity.region, environment);
  if (!url) return fail(url.error());
  const auto token = read_token(identity.token_file, "the web identity token file");
  if (!token) return fail(token.error());

  FetchRequest request;
  request.method = "POST";
  request.url = *url + "/";
  // Without it the answer would be XML.
  request.headers = {{"Accept", "application/json"},
                     {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  request.body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" +
                 percent_encoded(identity.role_arn) + "&RoleSessionName=" +
                 percent_encoded(identity.session_name.empty() ? "rhooks" : identity.session_name) +
                 "&WebIdentityToken=" + percent_encoded(*token);
  request.timeout = kStsTimeout;
  request.tries_max = kStsTries;
  request.use_proxy = true;
  const auto answer = fetch(request);
  const std::string what = "web identity: " + *url;
  if (!answer) return unusable(what + ": " + answer.error().message);
  if (answer->status != 200) {
    const std::string code = read_sts_error_code(answer->body);
    return unusable(what + " refuses the role " + identity.role_arn + " with status " +
                    std::to_string(answer->status) + (code.empty() ? "" : ", " + code) +
                    "; check the role's trust policy and that the token in " + identity.token_file +
                    " is current");
  }
  auto credentials = read_sts_credentials(answer->body);
  if (!credentials) return unusable(what + ": its answer " + credentials.error().message);
  return credentials;
}

Result<Credentials> container_credentials(const Environment& environment,
                                          const MetadataAddresses& addresses) {
  const auto url = container_url(environment, addresses);
  if (!url) return fail(url.error());
  FetchRequest request;
  request.url = *url;
  request.headers = {{"Accept", "application/json"}};
  request.timeout = kMetadataTimeout;
  request.tries_max = kMetadataTries;

  std::string token = variable(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
  const std::string file = variable(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (!file.empty()) {
    auto read = read_token(file, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (!read) return fail(std::move(read.error()));
    token = std::move(*read);
  }
  if (!is_header_value(token)) {
    return unusable(
        "the container's authorization token holds line ends or other characters that "
        "a header cannot have");
  }
  if (!token.empty()) request.headers.push_back({"Authorization", token});

  const std::string what = "the container's credentials endpoint ";
  const auto answer = fetch(request);
  if (!answer)
    return unusable(what + "(AWS_CONTAINER_CREDENTIALS_…_URI): " + answer.error().message);
  if (answer->status != 200) {
    return unusable(what + "answers with status " + std::to_string(answer->status) +
                    "; check the role of the task or pod");
  }
  auto credentials = read_credentials(answer->body, "Token");
  if (!credentials)
    return unusable(what + "cannot be used: its answer " + credentials.error().message);
  return credentials;
}

Result<Credentials> instance_credentials(const Environment& environment,
                                         const MetadataAddresses& addresses) {
  const auto url = instance_url(environment, addresses);
  if (!url) return fail(url.error());
  FetchRequest request;
  request.timeout = kMetadataTimeout;
  request.tries_max = kMetadataTries;

  // Each request needs a token of a session, which only a PUT gives.
  request.method = "PUT";
  request.url = *url + "/latest/api/token";
  request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}};
  const auto token = fetch(request);
  if (!token) return not_set_up(*url + ": " + token.error().message);
  if (token->status != 200 || trim(token->body).empty() || !is_header_value(trim(token->body))) {
    return not_set_up(*url + ": no session token, status " + std::to_string(token->status));
  }

  request.method = "GET";
  const std::string roles = *url + "/latest/meta-data/iam/security-credentials/";
  request.url = roles;
  request.headers = {{"X-aws-ec2-metadata-token", std::string(trim(token->body))}};
  const auto names = fetch(request);
  if (!names) return unusable("instance metadata at " + *url + ": " + names.error().message);
  if (names->status == 404) return not_set_up(*url + ": the instance has no role");
  const std::string_view role =
      trim(std::string_view(names->body).substr(0, std::string_view(names->body).find('\n')));
  if (names->status != 200 || !is_role_name(role)) {
    return unusable("instance metadata at " + *url + " names no role (status " +
                    std::to_string(names->status) + ")");
  }

  request.url = roles + std::string(role);
  const std::string what = "instance metadata at " + *url + ", role " + std::string(role);
  const auto answer = fetch(request);
  if (!answer) return unusable(what + ": " + answer.error().message);
  if (answer->status != 200) {
    return unusable(what + ": status " + std::to_string(answer->status));
  }
  auto credentials = read_instance_credentials(answer->body);
  if (!credentials) return unusable(what + ": its answer " + credentials.error().message);
  return credentials;
}

}  // namespace rhooks::aws

#include "cli/rest_client.h"

#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "rest/access.h"

namespace rhooks::cli {
namespace {

// A proxy of the environment cannot reach the loopback addresses of this machine. And it would
// read the key: to an https server it is only a tunnel.
bool goes_straight(const RestClientOptions& options) {
  const std::string_view base = options.base;
  const auto slashes = base.find("//");
  const std::string_view after = slashes == base.npos ? base : base.substr(slashes + 2);
  if (rest::names_this_machine(after.substr(0, after.find('/')))) return true;
  return !options.api_key.empty() && !equal_in_any_case(base.substr(0, 8), "https://");
}

}  // namespace

RestClient::RestClient(RestClientOptions options)
    : options_(std::move(options)),
      http_({.user_agent = "rhooks-cli",
             .connect_timeout = options_.connect_timeout,
             .answer_bytes_max = kAnswerBytesMax,
             .ca_file = options_.ca_file,
             .use_proxy = !goes_straight(options_)}) {}

Result<net::HttpAnswer> RestClient::call(const RestCall& call) {
  net::HttpCall http{.method = call.method,
                     .url = options_.base + call.path,
                     .headers = call.headers,
                     .timeout = call.timeout};
  http.headers.push_back({"Accept", "application/json, application/problem+json"});
  if (call.body) {
    http.headers.push_back({"Content-Type", "application/json"});
    http.body = *call.body;
  }
  if (!options_.api_key.empty()) {
    http.headers.push_back({"Authorization", "Bearer " + options_.api_key});
  }
  auto answer = http_.call(http);
  if (!answer) return fail(translate(answer.error(), http.method != "GET"));
  return std::move(*answer);
}

Error RestClient::translate(const net::HttpFailure& failure, bool changes) const {
  using At = net::HttpFailure::At;
  const std::string& base = options_.base;
  switch (failure.at) {
    case At::kConnect:
      return {ErrorCode::kUnavailable,
              "no server answers at " + base +
                  "; start one with `rhooks serve`, or pass --store to work straight on a store",
              ""};
    case At::kLookup:
      return {ErrorCode::kUnavailable,
              "the host of " + base + " has no address (" + failure.why +
                  "); check --server and RHOOKS_SERVER",
              ""};
    case At::kTls:
      return {ErrorCode::kUnavailable,
              "no trusted TLS connection to " + base + " (" + failure.why +
                  "); name the authority to trust with --ca-file or RHOOKS_CA_FILE, or check "
                  "that the server speaks TLS",
              ""};
    case At::kAnswerTooLong: {
      const std::string what = "the answer of " + base + " is longer than " +
                               std::to_string(kAnswerBytesMax / (1024 * 1024)) + " MiB; ";
      if (changes) {
        return {ErrorCode::kUnknownOutcome, what + "the request may have been carried out", ""};
      }
      return {ErrorCode::kOverloaded, what + "ask for less with --limit", ""};
    }
    case At::kOther:
      break;
  }
  if (!failure.sent) {
    return {ErrorCode::kUnavailable, "no request could be sent to " + base + ": " + failure.why,
            ""};
  }
  return {ErrorCode::kUnknownOutcome,
          "the answer of " + base + " was lost (" + failure.why +
              "); the request may have been carried out",
          ""};
}

}  // namespace rhooks::cli

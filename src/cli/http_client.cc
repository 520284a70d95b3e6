#include "cli/http_client.h"

#include <curl/curl.h>

#include <array>

#include "base/ascii.h"
#include "base/check.h"
#include "net/curl_error.h"
#include "net/curl_loop.h"
#include "rest/access.h"

namespace rhooks::cli {
namespace {

// A call lasts as long as its own time-out allows: this one only ends a wait of the loop.
constexpr std::chrono::hours kWait{1};

struct Received {
  std::string body;
  std::size_t bytes_max = 0;
  bool too_long = false;
};

std::size_t receive(char* data, std::size_t, std::size_t size, void* user) {
  auto& received = *static_cast<Received*>(user);
  if (received.body.size() + size > received.bytes_max) {
    received.too_long = true;
    return 0;  // makes libcurl stop
  }
  received.body.append(data, size);
  return size;
}

// Whether a failure came before anything could have reached the server.
bool before_sending(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return true;
    default:
      return false;
  }
}

// A proxy of the environment cannot reach the loopback addresses of this machine. And it would
// read the key: to an https server it is only a tunnel.
bool goes_straight(const HttpClientOptions& options) {
  const std::string_view base = options.base;
  const auto slashes = base.find("//");
  const std::string_view after = slashes == base.npos ? base : base.substr(slashes + 2);
  if (rest::names_this_machine(after.substr(0, after.find('/')))) return true;
  return !options.api_key.empty() && !equal_in_any_case(base.substr(0, 8), "https://");
}

}  // namespace

struct HttpClient::Impl {
  HttpClientOptions options;
  std::unique_ptr<net::CurlLoop> loop;  // made by the first call
  std::array<char, CURL_ERROR_SIZE> reason{};

  // Does what curl_easy_perform() does, on a connection on which nothing waits.
  CURLcode perform(CURL* easy) {
    if (loop->add(easy) != CURLM_OK) return CURLE_FAILED_INIT;
    while (true) {
      if (const auto ended = loop->run(kWait); !ended.empty()) return ended[0].code;
    }
  }

  Error translate(CURL* easy, CURLcode code, bool too_long, bool changes) {
    const std::string detail = net::has_too_long_a_header_line(easy, code)
                                   ? "one of its header lines is too long"
                               : reason[0] != '\0' ? reason.data()
                                                   : curl_easy_strerror(code);
    const std::string& base = options.base;
    if (too_long) {
      const std::string what = "the answer of " + base + " is longer than " +
                               std::to_string(options.answer_bytes_max / (1024 * 1024)) + " MiB; ";
      if (changes) {
        return {ErrorCode::kUnknownOutcome, what + "the request may have been carried out", ""};
      }
      return {ErrorCode::kOverloaded, what + "ask for less with --limit", ""};
    }
    switch (code) {
      case CURLE_COULDNT_CONNECT:
        return {ErrorCode::kUnavailable,
                "no server answers at " + base +
                    "; start one with `rhooks serve`, or pass --store to work straight on a store",
                ""};
      case CURLE_COULDNT_RESOLVE_HOST:
        return {ErrorCode::kUnavailable,
                "the host of " + base + " has no address (" + detail +
                    "); check --server and RHOOKS_SERVER",
                ""};
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CONNECT_ERROR:
        return {ErrorCode::kUnavailable,
                "no trusted TLS connection to " + base + " (" + detail +
                    "); name the authority to trust with --ca-file or RHOOKS_CA_FILE, or check "
                    "that the server speaks TLS",
                ""};
      case CURLE_SSL_CACERT_BADFILE:
        return {ErrorCode::kUnavailable,
                "the file of certificate authorities " + options.ca_file + " cannot be used (" +
                    detail + ")",
                ""};
      default:
        break;
    }
    // A proxy of the environment was asked for a tunnel and made none.
    long tunnel = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
    if (before_sending(code) || tunnel >= 300) {
      return {ErrorCode::kUnavailable, "no request could be sent to " + base + ": " + detail, ""};
    }
    return {ErrorCode::kUnknownOutcome,
            "the answer of " + base + " was lost (" + detail +
                "); the request may have been carried out",
            ""};
  }
};

HttpClient::HttpClient(HttpClientOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
}

HttpClient::~HttpClient() = default;

Result<HttpAnswer> HttpClient::call(const HttpCall& call) {
  if (!impl_->loop) {
    auto created = net::CurlLoop::create({.connections_max = 1});
    if (!created) return fail(std::move(created.error()));
    impl_->loop = std::move(*created);
  }
  CURL* const easy = impl_->loop->take_handle();
  RHOOKS_CHECK(easy != nullptr);
  const HttpClientOptions& options = impl_->options;
  impl_->reason[0] = '\0';

  curl_slist* headers = nullptr;
  const auto add = [&headers](const std::string& line) {
    headers = curl_slist_append(headers, line.c_str());
    RHOOKS_CHECK(headers != nullptr);
  };
  add("Accept: application/json, application/problem+json");
  // An answer to "Expect" would only cost a round trip.
  add("Expect:");
  if (call.body) add("Content-Type: application/json");
  if (!options.api_key.empty()) add("Authorization: Bearer " + options.api_key);

  const std::string url = options.base + call.path;
  Received received;
  received.bytes_max = options.answer_bytes_max;
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, impl_->reason.data());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "rhooks-cli");
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(call.timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
  // The path is already encoded; "." and ".." are names like others.
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &receive);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &received);
  if (goes_straight(options)) curl_easy_setopt(easy, CURLOPT_PROXY, "");
  if (!options.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
  if (call.body) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body->size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call.body->data());
  } else if (std::string_view(call.method) == "POST") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, 0L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call.method);
  // Where a connection that was used before breaks off, libcurl sends the request again, of any
  // method. What a lost answer may have been about must not be done a second time by itself.
  const bool changes = std::string_view(call.method) != "GET";
  if (changes) curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);

  const CURLcode code = impl_->perform(easy);
  Result<HttpAnswer> result = HttpAnswer{};
  if (code == CURLE_OK) {
    HttpAnswer& answer = *result;
    long status = 0;
    char* type = nullptr;
    char* location = nullptr;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
    answer.status = static_cast<int>(status);
    curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &location);
    if (type != nullptr) answer.content_type = type;
    if (location != nullptr) answer.location = location;
    answer.body = std::move(received.body);
  } else {
    result = fail(impl_->translate(easy, code, received.too_long, changes));
  }
  impl_->loop->give_handle_back(easy);
  curl_slist_free_all(headers);
  return result;
}

}  // namespace rhooks::cli

#include "net/curl_error.h"

#include <memory>
#include <system_error>

namespace rhooks::net {
namespace {

// "Connection refused" reads badly in the middle of a sentence, "SSL: ..." does not.
std::string uncapitalised(std::string text) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (!text.empty() && is_upper(text[0]) && (text.size() == 1 || !is_upper(text[1]))) {
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  }
  return text;
}

// Part of the text may come from the receiver.
std::string printable(std::string text) {
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  if (text.size() > kDescriptionBytesMax) text.resize(kDescriptionBytesMax);
  return text;
}

template <typename T>
T info(CURL* easy, CURLINFO what) {
  T value{};
  curl_easy_getinfo(easy, what, &value);
  return value;
}

// A header line of the response is longer than libcurl reads (CURL_MAX_HTTP_HEADER), for which it
// says that it is out of memory: once a request is out it asks for memory for header lines only.
bool has_too_long_a_header_line(const CurlFailure& failure) {
  return failure.code == CURLE_OUT_OF_MEMORY && info<long>(failure.easy, CURLINFO_REQUEST_SIZE) > 0;
}

std::string curl_reason(const CurlFailure& failure) {
  return uncapitalised(*failure.details ? failure.details : curl_easy_strerror(failure.code));
}

// The system's reason, where libcurl kept it.
std::string os_reason(const CurlFailure& failure) {
  const long error = info<long>(failure.easy, CURLINFO_OS_ERRNO);
  if (error == 0) return curl_reason(failure);
  return uncapitalised(std::generic_category().message(static_cast<int>(error)));
}

std::string describe_timeout(const CurlFailure& failure, const std::string& where) {
  const auto total = info<curl_off_t>(failure.easy, CURLINFO_TOTAL_TIME_T) / 1000;
  const auto in_all = failure.request_timeout.count();
  if (failure.status != 0) {
    return "timed out after " + std::to_string(in_all) + " ms (status " +
           std::to_string(failure.status) + " arrived, but not the end of the response)";
  }
  // Before that it is a proxy that was asked for a connection.
  const bool is_sent = info<curl_off_t>(failure.easy, CURLINFO_PRETRANSFER_TIME_T) > 0;
  if (in_all > 0 && is_sent && info<long>(failure.easy, CURLINFO_REQUEST_SIZE) > 0) {
    return "timed out after " + std::to_string(in_all) + " ms (no response)";
  }
  // Whichever limit was reached: libcurl may notice it a little late, never early.
  const bool by_connect =
      in_all == 0 || (failure.connect_timeout.count() < in_all && total < in_all);
  const auto limit = by_connect ? failure.connect_timeout : failure.request_timeout;
  const bool resolved = info<curl_off_t>(failure.easy, CURLINFO_NAMELOOKUP_TIME_T) > 0;
  // libcurl does not tell how far a connection got that is still being made.
  const std::string stage = !resolved                           ? "the host name was not resolved"
                            : failure.url.starts_with("https:") ? "no TLS connection"
                                                                : "no connection";
  return "could not connect to " + where + ": timed out after " + std::to_string(limit.count()) +
         " ms (" + stage + ")";
}

// The second holds on a tunnel that was kept.
bool reached_proxy(CURL* easy) {
  return info<curl_off_t>(easy, CURLINFO_CONNECT_TIME_T) > 0 ||
         info<long>(easy, CURLINFO_REQUEST_SIZE) > 0;
}

bool is_of_connecting(CURLcode code) {
  return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
         code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT;
}

std::string describe_unsafely(const CurlFailure& failure) {
  const auto where = host_and_port(failure.url);
  if (failure.by_proxy && proxy_fault(failure.easy, failure.code) == ProxyFault::kAway) {
    if (reached_proxy(failure.easy)) return "the egress proxy does not take its user or password";
    return "could not connect to the egress proxy: " + os_reason(failure);
  }
  if (is_of_tls(failure.code)) return "TLS with " + where + " failed: " + curl_reason(failure);
  if (const long answered = info<long>(failure.easy, CURLINFO_HTTP_CONNECTCODE); answered >= 300) {
    return "the proxy makes no connection to " + where + " (status " + std::to_string(answered) +
           ")";
  }
  switch (failure.code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "could not resolve the host name of " + where;
    case CURLE_COULDNT_CONNECT:
      return "could not connect to " + where + ": " + os_reason(failure);
    case CURLE_OPERATION_TIMEDOUT:
      return describe_timeout(failure, where);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: {
      // The second is also what an answer without a status line ends in (HTTP/0.9).
      if (info<long>(failure.easy, CURLINFO_REQUEST_SIZE) > 0) {
        return where + " did not answer in HTTP";
      }
      return "the URL cannot be used: " + uncapitalised(curl_easy_strerror(failure.code));
    }
    case CURLE_WEIRD_SERVER_REPLY:
      return where + " did not answer in HTTP: " + curl_reason(failure);
    case CURLE_GOT_NOTHING:
      return where + " closed the connection without a response";
    case CURLE_OUT_OF_MEMORY:
      if (!has_too_long_a_header_line(failure)) return "out of memory";
      return where + " answered with a header line longer than " +
             std::to_string(CURL_MAX_HTTP_HEADER / 1024) + " KiB";
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: {
      const auto text = "the connection to " + where + " broke: " + os_reason(failure);
      if (failure.status == 0) return text;
      return text + " (status " + std::to_string(failure.status) + " had arrived)";
    }
    case CURLE_PARTIAL_FILE:
      // Also where an HTTP/2 session ends.
      if (failure.status == 0) return where + " closed the connection without a response";
      return where + " closed the connection before the end of its response (status " +
             std::to_string(failure.status) + " had arrived)";
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return "HTTP/2 with " + where + " failed: " + curl_reason(failure);
    default:
      return "the request to " + where +
             " failed: " + uncapitalised(curl_easy_strerror(failure.code));
  }
}

}  // namespace

bool is_of_tls(CURLcode code) {
  switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_USE_SSL_FAILED:
      return true;
    default:
      return false;
  }
}

ProxyFault proxy_fault(CURL* easy, CURLcode code) {
  if (!reached_proxy(easy)) return is_of_connecting(code) ? ProxyFault::kAway : ProxyFault::kNone;
  switch (info<long>(easy, CURLINFO_HTTP_CONNECTCODE)) {
    case 403:
      return ProxyFault::kRefuses;
    case 407:
      return ProxyFault::kAway;
    default:
      break;
  }
  if (code != CURLE_PROXY) return ProxyFault::kNone;
  switch (static_cast<CURLproxycode>(info<long>(easy, CURLINFO_PROXY_ERROR))) {
    case CURLPX_REPLY_NOT_ALLOWED:
      return ProxyFault::kRefuses;
    case CURLPX_NO_AUTH:
    case CURLPX_USER_REJECTED:
    case CURLPX_REQUEST_FAILED:
      return ProxyFault::kAway;
    default:
      return ProxyFault::kNone;
  }
}

std::string describe(const CurlFailure& failure) {
  return printable(describe_unsafely(failure));
}

std::string host_and_port(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  char* host = nullptr;
  char* port = nullptr;
  std::string text;
  if (parsed && curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
      curl_url_get(parsed.get(), CURLUPART_HOST, &host, 0) == CURLUE_OK &&
      curl_url_get(parsed.get(), CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
    text = std::string(host) + ":" + port;
  }
  curl_free(host);
  curl_free(port);
  return text;
}

}  // namespace rhooks::net

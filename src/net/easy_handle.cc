#include "net/easy_handle.h"

#include <algorithm>
#include <utility>

#include "base/ca_file.h"

namespace rhooks::net {

Result<EasyOptions> checked(EasyOptions options) {
  // libcurl takes 0 for "no limit", and nothing past an int.
  constexpr std::chrono::milliseconds kLeast{1};
  constexpr std::chrono::milliseconds kMost{std::chrono::hours{24}};
  options.connect_timeout = std::clamp(options.connect_timeout, kLeast, kMost);
  options.request_timeout = std::clamp(options.request_timeout, kLeast, kMost);
  if (!options.ca_file.empty()) {
    if (auto ok = check_ca_file(options.ca_file); !ok) return fail(std::move(ok.error()));
  }
  return options;
}

CURLcode set_common_options(CURL* easy, const EasyOptions& options) {
  CURLcode bad = CURLE_OK;
  const auto set = [&](CURLoption option, auto value) {
    const auto code = curl_easy_setopt(easy, option, value);
    if (code != CURLE_OK) bad = code;
  };
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  if (!options.use_proxy) {
    set(CURLOPT_PROXY, options.proxy.c_str());  // empty: also not http_proxy and the like
    set(CURLOPT_NOPROXY, "");
  }
  if (!options.proxy.empty()) {
    set(CURLOPT_HTTPPROXYTUNNEL, 1L);
    if (!options.proxy_user.empty()) {
      set(CURLOPT_PROXYUSERNAME, options.proxy_user.c_str());
      set(CURLOPT_PROXYPASSWORD, options.proxy_password.c_str());
    }
  }
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.request_timeout.count()));
  // By then its name may lead elsewhere.
  set(CURLOPT_MAXLIFETIME_CONN, 3'600L);
  // Without it, giving up on a slow name look-up would wait for it, and all others with it.
  set(CURLOPT_QUICK_EXIT, 1L);

  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  // libcurl keeps the parsed authorities for all connections only if they are one file.
  set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  return bad;
}

}  // namespace rhooks::net
